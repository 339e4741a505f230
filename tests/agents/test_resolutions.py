"""What somebody tells of unknown outcomes reaches every partition that holds one, whatever dies on the way."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.resolutions import notes_of
from app import ids, topics
from app.commands import Command, Resolution
from app.records import DeliveryReport, decode
from app.stream.pack_table import FRAMING, MAX_WRITE
from tests.agents.pacing_world import World

MESSAGES = [bytes([0, 1, 0, slot]) + b"m" * 12 for slot in range(5)]  # of both partitions of the world


def asked(*messages: bytes, ident: str = "k1") -> Command:
    told = Resolution(outcome="sent", messages=[each.hex() for each in messages])
    return Command(id=ident, account="acme", kind="campaign.resolve", campaign="c_1", resolution=told, actor="key_7")


async def told_of(world: World, command: Command) -> None:
    """Carry *command* out as agents/command.py does, again after each death."""

    async def carry_out() -> None:
        key = b"a" + command.id.encode()
        if key not in world.store.rows:
            await world.pacing.write([(key, b"")], notes_of(command, 2, world.store.now))
        await world.pacing.make_up()
        await world.pacing.things.outbox._cross_off()

    await world.survive(carry_out)


def reports(world: World) -> list[DeliveryReport]:
    found = [decode(DeliveryReport, value or b"") for _, value in world.store.topics.get(topics.DELIVERY_REPORTED, [])]
    return [each for each in found if isinstance(each, DeliveryReport)]


@given(st.lists(st.sampled_from(MESSAGES), unique=True), st.integers(0, 2**32), st.floats(0, 0.5))
@settings(max_examples=60, deadline=None)
def test_everything_is_told_at_least_once_with_its_moment(messages: list[bytes], seed: int, deadly: float) -> None:
    """
    An operator who got an answer has told it: a kill must not swallow it, and a repeat is about the same moment.
    """

    async def run() -> None:
        world, dice = World(), random.Random(seed)
        world.store.deaths = lambda: dice.random() < deadly
        moment = world.store.now
        await told_of(world, asked(*messages))
        world.store.deaths = lambda: False
        await told_of(world, asked(*messages))
        told = reports(world)
        assert {(each.outcome, each.at, each.source, each.campaign) for each in told} == {
            ("sent", moment, "key key_7", "c_1")
        }
        named = b"".join({each.message_id: None for each in told})
        assert sorted(named[at : at + 16] for at in range(0, len(named), 16)) == sorted(messages)
        assert messages or len({each.message_id for each in told}) == 1

    asyncio.run(run())


def test_nothing_named_goes_to_every_partition_and_each_message_only_to_its_own() -> None:
    """
    A partition that hears of a message that is not its own sets the report aside, and nothing happens.
    """
    assert len(notes_of(asked(), 48, 1.0).items) == 48
    for _, value in notes_of(asked(*MESSAGES), 2, 1.0).items:
        assert value is not None
    by_partition = {ids.partition_of_message(each, 2) for each in MESSAGES}
    assert by_partition == {0, 1} and len(notes_of(asked(*MESSAGES), 2, 1.0).items) == 2


@pytest.mark.parametrize("partitions", [1, 48])
def test_ten_thousand_messages_fit_into_one_step(partitions: int) -> None:
    """
    The answer and all that it sets off are one batch, or a kill would do half of it.
    """
    many = [number.to_bytes(4, "big") + b"m" * 12 for number in range(10_000)]
    items = notes_of(asked(*many), partitions, 1.0).items
    assert sum(len(key) + len(value or b"") + FRAMING for key, value in items) < MAX_WRITE / 2
