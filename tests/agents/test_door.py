"""The public door: whatever anybody writes to it, the others are served, and who can be told is told."""

import io
import json
import random

import pytest

from app import topics
from app.clickhouse.contacts import import_people
from app.commands import MOST_COMMAND_BYTES, Answer
from app.control import new_command_id
from tests.agents.conftest import Wire, Workers

pytestmark = pytest.mark.integration

SPEC = {"from_email": "news@acme.example", "lists": ["door"]}
CONTENT = {"subject": "Hello", "text": "Hello {{ first_name }}", "defaults": {"first_name": "friend"}}


async def answers_now(wire: Wire) -> None:
    """The door lets the next command through."""
    answer = await wire.ask(id=new_command_id(), kind="campaign.start", campaign="c_none")
    assert answer.status == 404


async def answer_to(wire: Wire, ident: str) -> Answer:
    """The answer to the command *ident*, published without a control client."""
    records = await wire.until(
        topics.COMMAND_ANSWERED, lambda found: any(record.key == ident.encode() for record in found)
    )
    return Answer.model_validate_json(next(record.value for record in records if record.key == ident.encode()))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{this is not json", "Invalid JSON"),
        (b"", "Invalid JSON"),
        (None, "Invalid JSON"),
        (b"[1, 2]", "Input should be an object"),
        (b"\xff\xfe\x00\x01garbage", "Invalid JSON"),
        (b'{"id": "x", "kind": "campaign.explode"}', "kind: Input should be"),
        (b'{"id": "x", "kind": "campaign.start", "campain": "c"}', "campain: Extra inputs"),
        (b'{"id": "x", "kind": "campaign.start", "account": "a|b"}', "account: String should match"),
        (b'{"id": "x", "kind": "campaign.throttle", "throttle": {"rate": 1e999}}', "throttle.rate: Input should be"),
        (b'{"id": "x", "kind": "campaign.start", "' + b"k" * 300_000 + b'": 1}', "Extra inputs"),
        (b"[" * 100_000, "Invalid JSON"),
    ],
    ids=lambda value: repr(value[:40]) if value else repr(value),
)
async def test_what_is_no_command_is_set_aside_with_its_reason(wire: Wire, raw: bytes | None, reason: str) -> None:
    """
    Anybody may write to this topic: a mistake of one is kept for looking at, and holds up nobody.
    """
    await wire.put(topics.CAMPAIGN_COMMANDED, raw, key=b"origin")
    letter = await wire.dead(
        topics.CAMPAIGN_COMMANDED, lambda each: each.value == (raw or b"") and reason in each.reason
    )
    assert letter.key == b"origin" and letter.offset >= 0 and len(letter.reason) < 3_000
    await answers_now(wire)


async def test_who_left_an_id_is_told_what_is_wrong(wire: Wire) -> None:
    """
    A program that misspells a limit must hear so, instead of waiting for an answer.
    """
    ident = new_command_id()
    body = {"id": ident, "kind": "campaign.create", "spec": SPEC | {"throttle": {"rte": 5}}, "content": CONTENT}
    await wire.put(topics.CAMPAIGN_COMMANDED, json.dumps(body).encode())
    answer = await answer_to(wire, ident)
    assert (answer.status, answer.field) == (422, "spec.throttle.rte")


@pytest.mark.parametrize(
    ("spec", "content", "field", "error"),
    [
        ({}, {"text": "a\nb {{ nmae }}"}, "content.text", "text:2:6: unknown variable 'nmae'"),
        ({}, {"html": "{% if %}"}, "content.html", "html:1:7: Expected an expression"),
        ({}, {"subject": "{{ x", "text": "t"}, "content.subject", "subject:1:5: "),
        ({}, {"text": "{{ 'a' * 10**9 }}"}, "content.text", "'**' is not available"),
        ({"from_email": "a@b.c\r\nBcc: d@e.f"}, CONTENT, "spec.from_email", "not a"),
        ({"from_email": "nobody"}, CONTENT, "spec.from_email", "not an email address"),
        ({"reply_to": "no address"}, CONTENT, "spec.reply_to", "not a"),
    ],
)
async def test_a_campaign_that_cannot_be_sent_is_refused_with_the_place_of_its_mistake(
    workers: Workers, wire: Wire, spec: dict[str, object], content: dict[str, object], field: str, error: str
) -> None:
    """
    Now, by line and column; not one bounce a person after the start.
    """
    await import_people(workers.settings, io.BytesIO(b"email,first_name\nann@example.com,Ann\n"), "door")
    answer = await wire.ask(
        id=new_command_id(), kind="campaign.create", spec=SPEC | spec, content={"subject": "Hello"} | content
    )
    assert (answer.status, answer.field) == (422, field)
    assert error in answer.error


async def test_a_variable_may_be_a_column_of_the_list_or_have_a_default_text(workers: Workers, wire: Wire) -> None:
    """
    And of a list that is imported later nobody knows the columns: the template itself is all that can be judged.
    """
    await import_people(workers.settings, io.BytesIO(b"email,first_name\nann@example.com,Ann\n"), "door")
    text = {"subject": "Hello", "text": "{{ first_name }} of {{ city }}"}
    for spec, content, status in (
        (SPEC, text, 422),
        (SPEC, text | {"defaults": {"city": "your town"}}, 201),
        (SPEC | {"lists": ["door", "later"]}, text, 201),
    ):
        answer = await wire.ask(id=new_command_id(), kind="campaign.create", spec=spec, content=content)
        assert answer.status == status, answer


def command_of(size: int, ident: str) -> bytes:
    """A command of *size* bytes that no compression makes much smaller."""
    dice = random.Random(size)
    body = {"id": ident, "kind": "campaign.create", "spec": SPEC, "content": {"subject": "s", "text": "", "html": ""}}
    room = size - len(json.dumps(body, ensure_ascii=False).encode())
    html = min(room, 1_400_000) // 3
    for part, letters in (("html", html), ("text", (room - 3 * html) // 3)):
        body["content"][part] = "".join(chr(dice.randrange(0x4E00, 0x9FA0)) for _ in range(letters))  # type: ignore[index]
    raw = json.dumps(body, ensure_ascii=False).encode()
    return raw + b" " * (size - len(raw))


async def test_a_command_may_be_as_large_as_its_limit_and_no_larger(workers: Workers, wire: Wire) -> None:
    """
    Below the limit it must fit through every topic on its road; above it the sender is told, however it got here.
    """
    for size, status in ((MOST_COMMAND_BYTES, 201), (MOST_COMMAND_BYTES + 1, 422), (5_000_000, 422)):
        ident = new_command_id()
        raw = command_of(min(size, MOST_COMMAND_BYTES + 1), ident)
        await wire.put(topics.CAMPAIGN_COMMANDED, raw + b" " * (size - len(raw)))
        answer = await answer_to(wire, ident)
        assert answer.status == status, answer
    letter = await wire.dead(topics.CAMPAIGN_COMMANDED, lambda each: "5000000 bytes: the most" in each.reason)
    assert letter.reason.startswith("cut, was") and len(letter.value) == 2_500_000
    assert set(workers.alive()) == {"intake", "pacing"}
    await answers_now(wire)


async def test_an_order_does_not_overtake_one_to_the_same_campaign(wire: Wire) -> None:
    """
    A content takes a while to be checked: the order that was written after it must find it.
    """
    campaign = (await wire.ask(id=new_command_id(), kind="campaign.create", spec=SPEC, content=CONTENT)).campaign
    long = CONTENT | {"text": "Hello {{ first_name }} " * 1_000}
    update = {"id": new_command_id(), "kind": "campaign.update", "campaign": campaign, "content": long}
    cancel = {"id": new_command_id(), "kind": "campaign.cancel", "campaign": campaign}
    for order in (update, cancel):
        await wire.put(topics.CAMPAIGN_COMMANDED, json.dumps(order).encode(), key=b"same")
    assert (await answer_to(wire, str(update["id"]))).status == 200
    assert (await answer_to(wire, str(cancel["id"]))).state == "CANCELLED"
