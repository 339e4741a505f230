"""Whatever order changes, acknowledgements and kills come in: in the end everybody has heard how things stand."""

import asyncio

from hypothesis import example, given, settings
from hypothesis import strategies as st

from app import topics
from app.routes import LimitSet
from app.things import ThingRecord
from tables import pacing, pacing_things
from tests.agents.test_things import Owner, Table

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("limit"), st.sampled_from(["a", "b"]), st.sampled_from([None, 1, 2])),
        st.tuples(st.just("segment"), st.sampled_from(["create", "update", "delete"]), st.integers(0, 2)),
        st.tuples(st.just("ack"), st.integers(1, 4), st.none()),
        st.tuples(st.just("cross off"), st.none(), st.none()),
        st.tuples(st.just("kill"), st.booleans(), st.none()),  # whether what was under way has reached Kafka
    ),
    max_size=25,
)


class World:
    """One owner after the other, and the log that outlives them."""

    def __init__(self) -> None:
        self.owner = Owner(Table())
        self.log: list[tuple[str, bytes, bytes | None]] = []
        self.made: list[str] = []

    async def step(self, name: str, what: object, value: object) -> None:
        """Do one thing."""
        if name == "limit":
            await self.owner.ask("limit.set", limit={"scope": "group", "name": what, "rate": value})
        elif name == "segment":
            await self._segment(str(what), int(str(value)))
        elif name == "ack":
            await self._acknowledge(int(str(what)))
        elif name == "cross off":
            await self.owner.things.outbox._cross_off()
        else:
            await self.die(bool(what))

    async def _segment(self, verb: str, number: int) -> None:
        draft = {"name": f"{verb}{len(self.log)}{len(self.owner.app.records)}", "filter": {"list": "a"}}
        if verb == "create":
            self.made.append(await self.owner.make("segment.create", segment=draft))
        elif number < len(self.made):
            fields = {"segment": draft} if verb == "update" else {}
            await self.owner.ask(f"segment.{verb}", thing=self.made[number], **fields)

    async def _acknowledge(self, count: int) -> None:
        app = self.owner.app
        done = len(app.records) - len(app.acks)
        for topic, _, key, value in app.records[done : done + count]:
            self.log.append((topic, key, value))
        for ack in app.acks[:count]:
            ack.set_result(None)
        del app.acks[:count]
        await asyncio.sleep(0)

    async def die(self, reached: bool) -> None:
        """A kill; the next owner tells what may not have been told."""
        if reached:
            await self._acknowledge(len(self.owner.app.acks))
        self.owner = self.owner.dies()
        telling = asyncio.create_task(self.owner.things.outbox.tell_again())
        await asyncio.sleep(0)
        await self._acknowledge(len(self.owner.app.acks))
        await telling


async def check(steps: list[tuple[str, object, object]]) -> None:
    """Run *steps*, then compare what was told with what is stored."""
    world = World()
    for step in steps:
        await world.step(*step)
    await world.die(False)
    table = world.owner.table
    told_limits = {key: value for topic, key, value in world.log if topic == topics.LIMIT_CHANGED}
    stored = {f"{each.scope}|{each.name}".encode(): each for each in pacing.limits(table, 0)}
    assert {key: LimitSet.model_validate_json(value) for key, value in told_limits.items() if value} == stored
    newest: dict[str, ThingRecord] = {}
    for topic, _, value in world.log:
        if topic == topics.THING_RECORDED:
            record = ThingRecord.model_validate_json(value or b"")
            newest[record.id] = max(newest.get(record.id, record), record, key=lambda each: each.version)
    for ident in world.made:
        segment = pacing_things.segment(table, 0, ident)
        assert newest[ident].deleted == (segment is None)
        assert segment is None or newest[ident].body == segment.model_dump(mode="json")
    await world.owner.things.outbox._cross_off()
    assert world.owner.untold() == 0


AGAIN = [
    ("limit", "a", 1), ("limit", "a", 2), ("ack", 1, None), ("cross off", None, None), ("kill", False, None),
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(STEPS)
@example(AGAIN)
def test_everybody_hears_how_things_stand(steps: list[tuple[str, object, object]]) -> None:
    """
    A limit that a sender never hears of is broken; a deleted segment that stays in the mirror is offered for ever.
    """
    asyncio.run(check(steps))
