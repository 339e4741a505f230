"""ref.learned -> refs: brings reports that know only the provider's id to the messages they are about.

What is learned and what is told may come in either order. Once an id is known, reports that waited for it are handed on
before they are forgotten, so a kill between hands them on twice, which changes nothing.
"""

from collections.abc import Iterable

from faust.types import AgentT, EventT, StreamT

from agents.recipients import Recipients
from app import topics
from app.delivery.reports.packs import reports_of
from app.delivery.reports.refs import MOST_WAITING, WAITS_FOR, Learned, Waiting, key_of, named, partition_of
from app.faults import reached
from app.ids import ID_BYTES
from app.records import Reference, References, Told, Undecodable, decode, encode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.exits import Abandoned
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables.recipients import Batch
from tables.reports import AWAITING, learned_item, learned_of, waiting_item, waiting_of, waiting_under

TICK = 1.0
SLICES = 256  # by the first byte of a key: one is looked at in a tick, so that a round takes four minutes
MOST_ROWS = 2_000  # of one record
MOST_AT_ONCE = 100  # messages in one step
UNSENT = "nobody sent it: the provider's id is of no message of ours, an hour after the report came"


class Refs:
    """The agent of ids, and the tick that sets aside what has waited too long."""

    def __init__(self, app: StreamApp, lanes: Lanes, recipients: Recipients, dead: DeadLetters) -> None:
        self._app, self._lanes, self._recipients, self._dead = app, lanes, recipients, dead
        self._place = 0

    def attach(self) -> AgentT[bytes]:
        """Add the agent and the tick to the app."""

        @self._app.agent(self._app.raw_topic(topics.REF_LEARNED), name="refs")
        async def refs(references: StreamT[bytes]) -> None:
            await self._lanes.run(references, self.take)

        every(self._app, TICK, self.sweep)
        return refs

    async def take(self, event: EventT[bytes]) -> None:
        record = decode(References, event.value)
        partition = event.message.partition
        wrong = (
            record.reason if isinstance(record, Undecodable) else mistakes_in(record, partition, self._app.partitions)
        )
        if wrong or isinstance(record, Undecodable):
            await self._dead.put(event, wrong)
            return
        for start in range(0, len(record.rows), MOST_AT_ONCE):
            part = record.rows[start : start + MOST_AT_ONCE]
            await self._learn(event, partition, record.route, [each for each in part if each.message_id])
            await self._tell(event, partition, record, [each for each in part if each.told is not None])

    async def _learn(self, event: EventT[bytes], partition: int, route: str, rows: list[Reference]) -> None:
        """Know the messages of *rows* first: from then on nothing waits under their ids any more."""
        if not rows:
            return
        self._lanes.check(event)
        now = self._app.now()
        found = {key_of(route, each.ref): Learned(each.message_id, each.attempt, now) for each in rows}
        batch = Batch()
        batch.also(learned_item(key, learned) for key, learned in found.items())
        await self._recipients.commit(partition, batch)
        reached("refs.learned")
        waiting = waiting_of(self._recipients.table, partition, AWAITING, list(found))
        if not waiting:
            return
        for key, reports in waiting.items():
            for each in reports:
                await self._hand_on(each.route, each.source, each.at, [named(each.told, found[key])])
        reached("refs.handed_on")
        self._lanes.check(event)
        batch = Batch()
        batch.also(waiting_item(AWAITING, key, []) for key in waiting)
        await self._recipients.commit(partition, batch)

    async def _tell(self, event: EventT[bytes], partition: int, record: References, rows: list[Reference]) -> None:
        """Hand on what is about known messages; let the rest wait."""
        if not rows:
            return
        self._lanes.check(event)
        keys = [key_of(record.route, each.ref) for each in rows]
        known = learned_of(self._recipients.table, partition, keys)
        waiting = waiting_of(self._recipients.table, partition, AWAITING, [key for key in keys if key not in known])
        ready, changed, aside = list[Told](), dict[bytes, list[Waiting]](), list[Reference]()
        for key, each in zip(keys, rows, strict=True):
            assert each.told is not None
            if key in known:
                ready.append(named(each.told, known[key]))
                continue
            own = waiting.setdefault(key, [])
            if any(one.told == each.told for one in own):
                continue
            if len(own) >= MOST_WAITING:
                aside.append(each)
                continue
            own.append(Waiting(record.at, record.route, record.source, each.told))
            changed[key] = own
        if changed:
            batch = Batch()
            batch.also(waiting_item(AWAITING, key, own) for key, own in changed.items())
            await self._recipients.commit(partition, batch)
            reached("refs.waiting")
        await self._hand_on(record.route, record.source, record.at, ready)
        if aside:
            value = encode(References(record.route, record.at, aside, record.source))
            await self._dead.put_value(
                topics.REF_LEARNED, partition, value, f"more than {MOST_WAITING} reports of one id wait"
            )

    async def _hand_on(self, route: str, source: str, at: float, rows: Iterable[Told]) -> None:
        for owner, report in reports_of(rows, route, source, at, self._app.partitions):
            await self._app.produce(topics.DELIVERY_REPORTED, owner, None, encode(report))

    async def sweep(self) -> None:
        """Set aside what has waited for an hour, a slice of every partition at a time."""
        self._place = (self._place + 1) % SLICES
        generation = self._recipients.generation
        for partition in list(self._recipients.partitions):
            old = self._app.now() - WAITS_FOR
            slice_ = AWAITING + bytes([self._place])
            for key, reports in list(waiting_under(self._recipients.table, partition, slice_)):
                if min(each.at for each in reports) >= old:
                    continue
                for each in reports:
                    row = Reference(each.told.ref, told=each.told)
                    value = encode(References(each.route, each.at, [row], each.source))
                    await self._dead.put_value(topics.REF_LEARNED, partition, value, UNSENT)
                if generation != self._recipients.generation:
                    raise Abandoned
                now_there = waiting_of(self._recipients.table, partition, AWAITING, [key]).get(key, [])
                batch = Batch()
                batch.also([waiting_item(AWAITING, key, [each for each in now_there if each not in reports])])
                await self._recipients.commit(partition, batch)


def mistakes_in(record: References, partition: int, partitions: int) -> str:
    """Why *record* cannot be of ids of *partition*, or ""."""
    if len(record.rows) > MOST_ROWS:
        return f"{len(record.rows)} ids: the most is {MOST_ROWS:,} a record"
    for each in record.rows:
        if len(each.message_id) not in (0, ID_BYTES) or not each.ref:
            return "no id, or a message id that is not 16 bytes"
        owner = partition_of(key_of(record.route, each.ref), partitions)
        if owner != partition:
            return f"an id of partition {owner}"
    return ""
