"""Read your writes: an answer names where its writes lie, and any edge can wait until it has read so far."""

import re

from aiokafka import TopicPartition

from app.commands import Answer
from app.control import Control
from app.web.problems import refuse

HEADER = "Fanfare-Position"
PLACE = re.compile(r"([a-z]+\.[a-z]+)/([0-9]{1,4}):([0-9]{1,15})")
WAIT = 5.0  # seconds


async def await_answer(control: Control, answer: Answer, headers: dict[str, str]) -> None:
    """Wait until this edge has read what *answer* wrote, and name the place in *headers*."""
    if answer.position < 0:
        return
    headers[HEADER] = f"{answer.topic}/{answer.partition}:{answer.position}"
    await control.tail.read_past(TopicPartition(answer.topic, answer.partition), answer.position, WAIT)


async def await_header(control: Control, header: str | None) -> None:
    """Wait until this edge has read the place in *header*; 412 when that does not happen."""
    if header is None:
        return
    match = PLACE.fullmatch(header.strip())
    if match is None:
        raise refuse(400, f"Not a {HEADER}", "send the header of an answer as it was", field=HEADER)
    place = TopicPartition(match[1], int(match[2]))
    if not await control.tail.read_past(place, int(match[3]), WAIT):
        raise refuse(
            412, "Not read yet", f"this edge has not come to {match[0]}; try again, or read without {HEADER}",
            field=HEADER, headers={"Retry-After": "1"},
        )  # fmt: skip
