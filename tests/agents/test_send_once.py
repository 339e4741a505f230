"""A sender executes a release at most once, and only while it may: what is repeated, late or in doubt sends nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app.delivery.ledger import Intent
from app.delivery.outcomes import Kind
from app.local.sink import Sink, serve
from app.local.sink_read import load
from app.records import Release, decode, encode
from tables import ledger
from tests.agents.test_send_routes import NOW, World, release
from tests.stream.test_lanes_alone import idle


@pytest.fixture
async def world(tmp_path: Path) -> Any:
    """A sender with one route, to a sink that writes down what it takes."""
    server = await serve(Sink(tmp_path / "sink.txt", realistic=False, seed=1, latency=0.0), 0)
    made = World(tmp_path)
    made.route("relay", server.sockets[0].getsockname()[1])
    yield made
    await made.pools.close()
    server.close()


def sunk(tmp_path: Path) -> list[str]:
    """Who was sent to, in order."""
    return [each.address for each in load(tmp_path / "sink.txt")]


async def test_a_release_that_comes_again_is_answered_with_what_is_stored(world: World, tmp_path: Path) -> None:
    """
    It is produced again after each recovery and every half a minute: nobody may be mailed for that.
    """
    (first,) = await answered(world, release(1, "relay"))
    (again,) = await answered(world, release(1, "relay"))
    assert encode(again) == encode(first) and {each.kind for each in again.outcomes} == {Kind.ACCEPTED}
    assert len(sunk(tmp_path)) == 3


async def test_two_copies_at_once_are_one(world: World, tmp_path: Path) -> None:
    """
    Both may be in flight when neither has a result yet.
    """
    await answered(world, *[release(1, "relay")] * 5)
    assert len(world.app.told) == 5 and len(set(world.app.told)) == 1
    assert sorted(sunk(tmp_path)) == [f"p1-{row}@example.com" for row in range(3)]


async def test_nothing_starts_before_its_intent_is_acknowledged(world: World, tmp_path: Path) -> None:
    """
    A sender that dies then must have left a trace of what it took on.
    """
    write, gate = world.table.write, asyncio.Event()

    async def slow(partition: int, items: list[tuple[bytes, bytes | None]]) -> int:
        assert gate.is_set() or not sunk(tmp_path)
        await gate.wait()
        return await write(partition, items)

    world.table.write = slow  # type: ignore[method-assign]
    await world.run([release(1, "relay")])
    for _ in range(100):
        await asyncio.sleep(0.001)
    assert not sunk(tmp_path) and not world.app.results and not world.table
    gate.set()
    await idle(world.lanes)
    assert len(sunk(tmp_path)) == 3


async def test_a_result_is_stored_before_it_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Told and not stored, a release that comes again would be sent again.
    """
    produce, order = world.app.produce, list[bytes | None]()

    async def produced(topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        order.append(ledger.known_of(world.table, 0, release(1, "relay").release_id)[1])  # type: ignore[arg-type]
        assert order[-1] == value
        return await produce(topic, partition, key, value)

    monkeypatch.setattr(world.app, "produce", produced)
    await answered(world, release(1, "relay"))
    assert len(order) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"spec_version": 2}, "spec not here yet"), ({"not_after": NOW - 0.001}, "late"),
        ({"campaign": "c_2"}, "campaign unknown"),
    ],
)  # fmt: skip
async def test_what_may_not_start_is_returned(world: World, tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    """
    Nobody loses an attempt for it, and what the sender has not heard of yet is not sent as it was before.
    """
    (result,) = await answered(world, replace(release(1, "relay"), **changes))
    assert (result.returned, result.outcomes, sunk(tmp_path)) == (why, [], [])
    assert not world.table or ledger.known_of(world.table, 0, result.release_id)[0] is None  # type: ignore[arg-type]


async def test_a_sender_that_nobody_hears_begins_nothing(world: World, tmp_path: Path) -> None:
    """
    It would not hear of a pause either.
    """
    world.hears = False
    (result,) = await answered(world, release(1, "relay"))
    assert (result.returned, sunk(tmp_path)) == ("this sender does not hear its directory", [])


async def test_a_sender_that_is_cut_off_in_the_middle_begins_nothing_more(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Between two messages of a release a broker may go away, or a pause come.
    """
    begun, most = world.journal.begun, 5

    def noted(release_id: bytes, row: int) -> None:
        nonlocal most
        most -= 1
        world.hears = most > 0
        begun(release_id, row)

    monkeypatch.setattr(world.journal, "begun", noted)
    (result,) = await answered(world, release(1, "relay", 40))
    kinds = [each.kind for each in result.outcomes]
    assert (kinds.count(Kind.ACCEPTED), kinds.count(Kind.RETURNED)) == (5, 35)
    assert len(sunk(tmp_path)) == 5


@pytest.mark.parametrize("own", [True, False], ids=["this disk", "a disk that is gone"])
async def test_what_was_open_when_a_sender_died_is_not_sent_again(world: World, tmp_path: Path, own: bool) -> None:
    """
    What its journal knows counts; without one, all of it may have been sent.
    """
    asked = release(1, "relay")
    world.journal.begun(asked.release_id, 1)
    disk = world.journal.disk if own else b"another."
    intent = Intent(disk, NOW, "c", "relay", 3, world.journal.life)
    await world.table.write(0, ledger.intend(asked.release_id, intent))
    (result,) = await answered(world, asked)
    doubtful = [Kind.RETURNED, Kind.UNCERTAIN, Kind.RETURNED] if own else [Kind.UNCERTAIN] * 3
    assert [each.kind for each in result.outcomes] == doubtful and not sunk(tmp_path)


async def test_what_cannot_be_sent_is_set_aside(world: World, tmp_path: Path) -> None:
    """
    Neither may it stop those behind it, nor be sent over another channel than its own.
    """
    good = release(1, "relay")
    wrong = [
        replace(good, channel="sms"), replace(good, rows=[]), replace(good, rows=good.rows * 200),
        replace(good, release_id=b"short"),
    ]  # fmt: skip
    await answered(world, *wrong)
    assert len(world.dead) == 4 and "senders carry email" in world.dead[0]
    assert not sunk(tmp_path) and not world.app.results and not world.table


async def answered(world: World, *releases: Release) -> list[Any]:
    """Have the sender work through *releases*; their results, as far as there are any."""
    world.app.results.clear()
    await world.run(list(releases))
    async with asyncio.timeout(30):
        await idle(world.lanes)
    assert all(decode(Release, encode(each)) == each for each in releases)
    return [world.app.results[each.release_id] for each in releases if each.release_id in world.app.results]
