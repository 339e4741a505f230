"""The pacing plane without Kafka: a table that is a dict, topics that are lists, and deaths at any write or produce."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

from aiokafka.structs import RecordMetadata, TopicPartition

from agents.course import Course
from agents.pacing import Pacing
from agents.shards import Shards
from app import topics
from app.commands import CampaignEntry, Command, Seal, Section
from app.delivery.campaigns.decisions import Decision
from app.delivery.campaigns.lifecycle import sealed
from app.delivery.campaigns.queueing import takes_a_place
from app.delivery.campaigns.trial import with_results
from app.records import Demand
from app.settings import Settings
from app.stream.pack_table import FRAMING, MAX_WRITE
from app.things import ThingRecord

START = 1_800_000_000.0
GROUP = 0


class Death(Exception):  # noqa: N818 - the subject, not an error
    """The process was killed here."""


class Store:
    """What outlives a process: the table, the topics, and the clock."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.topics: dict[str, list[tuple[bytes | None, bytes | None]]] = {}
        self.now = START
        self.settings = Settings(partitions=2)
        self.scanned: list[bytes] = []
        self.mirrored = -1  # the next offset of the directory that the record will store
        self.deaths: Callable[[], bool] = lambda: False  # asked before and after each write and produce

    def latest(self, topic: str) -> dict[bytes, bytes | None]:
        """The newest value of each key."""
        return {key: value for key, value in self.topics.get(topic, []) if key is not None}


class Process:
    """One life of the worker: it stands in for the app and for its table."""

    def __init__(self, store: Store) -> None:
        self.store, self.partitions, self.producer = store, 2, self
        self.settings = store.settings
        self._dead = False
        self._ready: Callable[[set[int]], None] = lambda _: None
        self.pacing = Pacing(cast(Any, self), cast(Any, self), self.settings)
        self.course = Course(cast(Any, self), self.pacing, self.mirrored)
        self.shards = Shards(cast(Any, self), self.pacing)
        self.recovered()

    def recovered(self) -> None:
        """The partition of the group is ours, perhaps again."""
        self._ready({GROUP})
        if self.pacing.group is None:
            self.pacing.home = GROUP
            self.pacing.adopt(GROUP)

    def may_die(self) -> None:
        self._dead = self._dead or self.store.deaths()
        if self._dead:
            raise Death

    # -- the app

    def now(self) -> float:
        return self.store.now

    def before_start(self, _: object) -> None:
        """Ticks are run by hand."""

    def enqueue(
        self, topic: str, partition: int | None, key: bytes | None, value: bytes | None
    ) -> "asyncio.Future[RecordMetadata]":
        self.may_die()
        log = self.store.topics.setdefault(topic, [])
        log.append((key, value))
        self.may_die()
        done: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        place = TopicPartition(topic, partition or 0)
        done.set_result(RecordMetadata(topic, partition or 0, place, len(log) - 1, 0, 0, 0))
        return done

    produce_soon = enqueue

    async def produce(self, topic: str, partition: int | None, key: bytes | None, value: bytes) -> int:
        return int((await self.enqueue(topic, partition, key, value)).offset)

    async def mirrored(self) -> int:
        return self.store.mirrored

    # -- the table

    def on_ready(self, callback: Callable[[set[int]], None]) -> None:
        self._ready = callback

    def scan(self, _: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        self.store.scanned.append(prefix)
        return iter(sorted((k, v) for k, v in self.store.rows.items() if k.startswith(prefix)))

    def get_many(self, _: int, keys: list[bytes]) -> list[bytes | None]:
        return [self.store.rows.get(key) for key in keys]

    def write(self, _: int, items: list[tuple[bytes, bytes | None]]) -> "asyncio.Future[int]":
        self.may_die()
        size = sum(len(key) + len(value or b"") + FRAMING for key, value in items)
        assert size <= MAX_WRITE, f"a write of {size} bytes"
        for key, value in items:
            if value is None:
                self.store.rows.pop(key, None)
            else:
                self.store.rows[key] = value
        self.may_die()
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        done.set_result(0)
        return done


class World:
    """Processes that follow each other on one store. What was under way when one died is asked for again."""

    def __init__(self) -> None:
        self.store = Store()
        self.process = Process(self.store)
        self.deaths = 0

    @property
    def pacing(self) -> Pacing:
        return self.process.pacing

    async def survive(self, work: Callable[[], Any]) -> Any:
        """Await *work*, again after each death, as Kafka and the ticks would have it."""
        while True:
            try:
                await self.pacing.announce_again()
                return await work()
            except Death:
                self.deaths += 1
                await asyncio.sleep(0)  # what else ran finds that it is dead
                self.process = Process(self.store)

    async def ask(self, command: Command) -> Decision:
        """Carry out a command as agents/command.py does."""

        async def carry_out() -> Decision:
            key = b"a" + command.id.encode()
            if key in self.store.rows:
                entry = self.pacing.owned.get(self.store.rows[key].decode())
                if entry is not None:
                    await self.pacing.tell(entry)
                return Decision(200)
            outcome = self.pacing.owned.decide(command, self.store.now)
            entry = outcome.entry if outcome.decision.status < 400 else None
            acks = await self.pacing.write([(key, entry.id.encode() if entry else b"")], outcome.writes)
            if entry is not None:
                await self.pacing.tell(entry, acks)
            return outcome.decision

        return cast(Decision, await self.survive(carry_out))

    async def tick(self) -> None:
        """Every tick once."""
        for name in ("shards.move_on", "course.move_on", "course.look_around", "course.experiments"):
            part, _, method = name.partition(".")
            await self.survive(lambda part=part, method=method: getattr(getattr(self.process, part), method)())  # type: ignore[misc]

    async def seal(self, sections: list[Section]) -> None:
        """The audiences that are waited for are fixed."""

        async def fix(entry: CampaignEntry) -> None:
            seal = Seal(id=f"{entry.id}-1", count=sum(s.rows for s in sections), digest="", day=1, groups=sections)
            now = self.pacing.campaigns[entry.id]
            after = sealed(now, seal, self.store.now)
            if after is not None:
                await self.pacing.carry(now, after)

        for entry in self.pacing.owned.in_states("SEALING", "PAUSED"):
            await self.survive(lambda entry=entry: fix(entry))  # type: ignore[misc]

    async def results(self, campaign: str, results: dict[str, dict[str, int]]) -> None:
        """The results of an experiment come."""

        async def take() -> None:
            entry = self.pacing.campaigns[campaign]
            after = with_results(entry, results, self.store.now)
            if after is not None:
                await self.pacing.carry(entry, after)

        await self.survive(take)

    def hear(self, counts: dict[str, dict[str, int]]) -> None:
        """Both partitions report; what was counted is in the first."""
        for number in range(2):
            at = self.store.now
            demand = Demand(number, int(at * 10), 0, at, True, -1, [], counts if number == 0 else {})
            self.pacing.pacer.hear(demand)

    # -- what is known outside

    def directory(self) -> dict[str, CampaignEntry]:
        """The live campaigns that everybody knows."""
        latest = self.store.latest(topics.CAMPAIGN_CHANGED)
        return {k.decode(): CampaignEntry.model_validate_json(v) for k, v in latest.items() if v is not None}

    def recorded(self) -> dict[str, CampaignEntry]:
        """The newest versions of thing.recorded."""
        found: dict[str, ThingRecord] = {}
        for _, value in self.store.topics.get(topics.THING_RECORDED, []):
            record = ThingRecord.model_validate_json(value or b"")
            if record.kind == "campaign" and (record.id not in found or found[record.id].version <= record.version):
                found[record.id] = record
        return {ident: CampaignEntry.model_validate(record.body) for ident, record in found.items() if record.body}

    def told(self) -> list[CampaignEntry]:
        """Every entry that was ever told, in the order of each campaign's revisions."""
        entries = [
            CampaignEntry.model_validate_json(value)
            for _, value in self.store.topics.get(topics.CAMPAIGN_CHANGED, [])
            if value is not None
        ]
        for _, value in self.store.topics.get(topics.THING_RECORDED, []):
            record = ThingRecord.model_validate_json(value or b"")
            if record.kind == "campaign" and record.body:
                entries.append(CampaignEntry.model_validate(record.body))
        return sorted(entries, key=lambda each: (each.id, each.revision))

    def running(self) -> Counter[str]:
        """How many campaigns run by account, as the owner knows it."""
        return Counter(each.account for each in self.pacing.campaigns.values() if takes_a_place(each))
