"""All that came in has had its effect once each reader of a chain is past where its topic ended."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaError

from app.stream import taken_in
from app.stream.taken_in import TakenIn

Logs = dict[str, list[int]]  # topic -> [end, committed]


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    """Two topics; who reads the first one writes the second one."""
    logs: Logs = {"first": [5, 5], "second": [3, 3]}

    class Progress:
        def __init__(self, _kafka: str, group: str, topic: str, _partitions: int) -> None:
            assert group == f"{topic}-readers"
            self._log = logs[topic]

        async def __aenter__(self) -> Any:
            if self._log[0] < 0:
                raise KafkaError
            return self

        async def __aexit__(self, *_: object) -> None: ...

        async def ends(self) -> int:
            return self._log[0]

        async def left(self, end: int) -> int:
            return max(0, end - self._log[1])

    monkeypatch.setattr(taken_in, "Progress", Progress)
    monkeypatch.setattr(taken_in, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(taken_in, "STALLED", 0.05)
    return logs


def made(now: float) -> tuple[Any, TakenIn]:
    app = SimpleNamespace(
        settings=SimpleNamespace(kafka=""), partitions=1, should_stop=False, now=lambda: app.at, at=now
    )
    return app, TakenIn(cast(Any, app), [(each, f"{each}-readers") for each in ("first", "second")])


@pytest.mark.asyncio
async def test_a_moment_is_known_once_what_had_come_by_then_is_read(logs: Logs) -> None:
    """What comes later is not waited for, and nobody looks before somebody asks."""
    app, told = made(100.0)
    await told.look()
    assert told.up_to(100.0) == 0.0
    logs["first"] = [9, 5]
    looking = asyncio.create_task(told.look())
    await asyncio.sleep(0.01)
    app.at = 200.0
    logs["first"], logs["second"] = [20, 9], [7, 3]
    await asyncio.sleep(0.01)
    assert told.up_to(150.0) == 0.0 and not looking.done()
    logs["second"][1] = 7
    await asyncio.wait_for(looking, 5)
    assert told.up_to(150.0) == 100.0 and told.up_to(90.0) == 90.0


@pytest.mark.asyncio
async def test_readers_that_stand_still_are_not_waited_for_forever(logs: Logs) -> None:
    """As long as they move they are."""
    _, told = made(100.0)
    logs["first"] = [9, 5]
    told.up_to(100.0)
    await asyncio.wait_for(told.look(), 5)
    assert told.up_to(100.0) == 100.0


@pytest.mark.asyncio
async def test_while_kafka_does_not_answer_nothing_is_known(logs: Logs) -> None:
    """It is asked again, without being told to."""
    _, told = made(100.0)
    logs["first"][0] = -1
    told.up_to(100.0)
    await told.look()
    assert told._until == 0.0
    logs["first"][0] = 5
    await told.look()
    assert told._until == 100.0
