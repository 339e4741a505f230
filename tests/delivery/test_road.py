"""The road gate -> pace -> release -> send -> settle, driven through a crash at every await.

A small world: one partition, real decisions and codecs, dicts for the two tables, lists for the
topics. At every point where a worker would await, the dice may kill it: what was not acknowledged
is gone, memory is rebuilt from the tables, and what was not committed is delivered again. Packs,
slips, releases and results are doubled, reordered and late.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import ids
from app.delivery.events import of_admission, of_decision, of_drops, of_settlement
from app.delivery.gate import GateRules, admit, message_ids, sighting_keys
from app.delivery.ledger import Intent, JournalEntry, refusal, resolve, returned
from app.delivery.outcomes import FINAL, DropReason, Kind
from app.delivery.partition import Partition
from app.delivery.release import record_of, spend
from app.delivery.settle import RetryRules, settle
from app.delivery.unknown import decide, to_decide
from app.records import (
    EventPack,
    Grant,
    Outcome,
    Outgoing,
    Recipient,
    RecipientPack,
    Release,
    Result,
    Slip,
    decode,
    encode,
)
from tables import ledger
from tables.recipients import Batch, known_of, outbox, restore, verdict_on

CAMPAIGN = "c_1"
DELAYS = (5.0, 10.0)
UNCERTAIN_AFTER = 20.0


def nothing_forbidden(*_: object) -> list[tuple[int, DropReason, str]]:
    return []


def no_intent(*_: object) -> list[tuple[bytes, bytes | None]]:
    return []


class Crash(Exception):  # noqa: N818 - the subject, not an error
    """The worker was killed here."""


class DictTable:
    """A table of one partition: what is acknowledged, nothing else."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get_many(self, _partition: int, keys: list[bytes]) -> list[bytes | None]:
        return [self.rows.get(key) for key in keys]

    def scan(self, _partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((k, v) for k, v in self.rows.items() if k.startswith(prefix)))

    def apply(self, items: list[tuple[bytes, bytes | None]]) -> None:
        for key, value in items:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value


@dataclass
class Campaign:
    state: str = "RUNNING"
    version: int = 1


@dataclass
class World:
    """Everything that survives a kill, and the dice."""

    dice: random.Random
    resend: bool
    people: int
    now: float = 1_000.0
    recipients: DictTable = field(default_factory=DictTable)
    ledger: DictTable = field(default_factory=DictTable)
    journal: dict[bytes, dict[int, JournalEntry]] = field(default_factory=dict)
    disk: bytes = b"disk0000"
    listed: list[bytes] = field(default_factory=list)
    slips: list[Slip] = field(default_factory=list)
    attempted: list[bytes] = field(default_factory=list)
    resulted: list[bytes] = field(default_factory=list)
    events: list[EventPack] = field(default_factory=list)
    wire: Counter[bytes] = field(default_factory=Counter)  # the sink's own record
    on_wire_at_a_kill: set[bytes] = field(default_factory=set)
    slip_number: int = 0
    crashes: int = 0
    disks_lost: int = 0
    campaign: Campaign = field(default_factory=Campaign)
    calm: bool = False  # no more kills: let everything end

    def may_crash(self) -> None:
        if not self.calm and self.dice.random() < 0.06:
            raise Crash


class RecipientsWorker:
    """The recipients plane, as its agents run it, in memory that dies with it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state: Partition = restore(world.recipients, 0)
        self.told: list[int] = []
        for number, raw in list(outbox(world.recipients, 0)):
            event = decode(EventPack, raw)
            assert isinstance(event, EventPack)
            world.events.append(event)
            self.told.append(number)
        for number in list(self.state.releases):
            world.attempted.append(encode(record_of(self.state, number)))

    def commit(self, batch: Batch, events: list[EventPack]) -> None:
        numbers = self.state.tell(batch, events)
        for number in self.told:
            batch.event(number, None)
        self.told = []
        self.world.may_crash()  # before the acknowledgement: nothing of the batch exists
        self.world.recipients.apply(batch.items)
        self.world.may_crash()  # after it: the events wait in the outbox
        self.world.events.extend(events)
        self.told = numbers

    def gate(self, raw: bytes) -> None:
        pack = decode(RecipientPack, raw)
        assert isinstance(pack, RecipientPack)
        if verdict_on(self.world.recipients, 0, pack.pack_id) is not None:
            return
        rules = GateRules("a", CAMPAIGN, "email", ("l",), "", 3600.0)
        messages = message_ids(pack, "email")
        known = known_of(self.world.recipients, 0, [r.recipient_id for r in pack.rows], sighting_keys(rules, pack.rows))
        batch = Batch()
        verdict = admit(self.state, batch, pack, messages, known, rules, self.world.now)
        self.commit(batch, of_admission("email", pack, messages, verdict))

    def pace(self) -> None:
        """A pacer that grants what it hears of, and sometimes a little more."""
        self.state.advance(self.world.now)
        for key, queue in list(self.state.queues.items()):
            if queue.due:
                world = self.world
                world.slip_number += 1
                count = self.world.dice.randint(1, queue.due + 3)
                grant = Grant(key.campaign, key.lane, key.group, "smtp", count)
                slip = Slip(0, world.slip_number, world.now, world.now + 1, world.now + 1, [grant])
                world.slips += [slip] * self.world.dice.choice((1, 1, 2))

    def release(self, slip: Slip) -> None:
        batch = Batch()
        running = 1 if self.world.campaign.state == "RUNNING" else None
        spent = spend(self.state, batch, slip, lambda _: running, nothing_forbidden, self.world.now)
        if spent is None:
            return
        records = [encode(record_of(self.state, number)) for number in spent.releases]
        events = [
            e for pack, row, why, detail in spent.dropped for e in of_drops("email", pack, [(row, why, detail)], 0.0)
        ]
        self.commit(batch, events)
        for record in records:
            self.world.may_crash()
            self.world.attempted += [record] * self.world.dice.choice((1, 1, 2))

    def settle(self, raw: bytes) -> None:
        result = decode(Result, raw)
        assert isinstance(result, Result)
        number = int.from_bytes(result.release_id[-8:], "big")
        batch = Batch()
        rules = RetryRules(DELAYS, 0.1, resend_unknown=self.world.resend)
        settlement = settle(self.state, batch, number, result, rules, self.world.now, self.world.dice.random())
        if settlement is not None:
            self.commit(batch, of_settlement("email", settlement))

    def decide_old(self) -> None:
        before = self.world.now - UNCERTAIN_AFTER
        for number, held in list(to_decide(self.state, before, lambda _: False, 1)):
            assert held.at <= before
            batch = Batch()
            decide(self.state, batch, number)
            self.commit(batch, [of_decision("email", held, "no news", self.world.now)])


class SenderWorker:
    """The sender plane, as its agent runs it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def send(self, raw: bytes) -> None:
        world = self.world
        release = decode(Release, raw)
        assert isinstance(release, Release)
        intent, stored = ledger.known_of(world.ledger, 0, release.release_id)
        if stored is not None:
            world.resulted.append(stored)
            return
        if intent is not None:
            notes = world.journal.get(release.release_id, {})
            self.conclude(resolve(release.release_id, intent, world.disk, notes, world.now))
            return
        if refusal(release, world.campaign, world.now):
            self.conclude(returned(release, "late", world.now))
            return
        world.may_crash()
        item = Intent(world.disk, world.now, CAMPAIGN, release.route, len(release.rows))
        world.ledger.apply(ledger.intend(release.release_id, item))
        world.may_crash()
        self.conclude(
            Result(
                release.release_id, CAMPAIGN, release.route, world.now,
                [self.one(release, i, row) for i, row in enumerate(release.rows)],
            )
        )  # fmt: skip

    def one(self, release: Release, index: int, row: Outgoing) -> Outcome:
        world = self.world
        notes = world.journal.setdefault(release.release_id, {})
        world.may_crash()
        if world.dice.random() < 0.05:
            return Outcome(Kind.RETURNED, world.now)
        notes[index] = JournalEntry()
        try:
            world.may_crash()  # begun, not sent
            kind = world.dice.choices((Kind.ACCEPTED, Kind.DEFERRED, Kind.REFUSED), (8, 1, 1))[0]
            if kind is Kind.ACCEPTED:
                world.wire[row.message_id] += 1
            world.may_crash()  # sent, not answered
        except Crash:
            world.on_wire_at_a_kill.add(row.message_id)
            raise
        outcome = Outcome(kind, world.now)
        notes[index] = JournalEntry(outcome)
        world.may_crash()
        return outcome

    def conclude(self, result: Result) -> None:
        self.world.may_crash()
        self.world.ledger.apply(ledger.conclude(result))
        self.world.may_crash()
        self.world.resulted += [encode(result)] * self.world.dice.choice((1, 1, 2))


def packs_of(people: int) -> list[bytes]:
    rows = [Recipient(ids.recipient_id(b"k", "email", f"p{i}@x.org"), f"p{i}@x.org", "other") for i in range(people)]
    return [
        encode(RecipientPack(ids.pack_id("s", at, 0, 0, 500), "a", CAMPAIGN, 1, 20_000, "bulk", rows[at : at + 7]))
        for at in range(0, people, 7)
    ]


def drive(world: World) -> RecipientsWorker:  # noqa: C901 - one branch a topic, as the world has them
    """Run until nothing is left to do; every kill restarts both workers from what survived."""
    recipients, sender = RecipientsWorker(world), SenderWorker(world)
    dice = world.dice
    for step in range(100_000):
        world.calm = world.calm or world.crashes > 60 or step > 3_000
        queues = [q for q in (world.listed, world.slips, world.attempted, world.resulted) if q]
        if not queues:
            recipients.pace()
            if not world.slips:
                state = recipients.state
                if not (state.releases or state.unknowns or any(p.cursor < p.count for p in state.packs.values())):
                    return recipients
                world.now += 5.0
                try:
                    recipients.decide_old()
                except Crash:
                    world.crashes += 1
                    recipients = RecipientsWorker(world)
            continue
        queue = dice.choice(queues)
        index = dice.randrange(len(queue))  # reordered
        item = queue[index]
        world.now += dice.choice((0.0, 0.0, 0.01, 1.5))  # sometimes late
        try:
            match item:
                case Slip():
                    recipients.release(item)
                case bytes() if queue is world.listed:
                    recipients.gate(item)
                case bytes() if queue is world.attempted:
                    sender.send(item)
                case bytes():
                    recipients.settle(item)
            world.may_crash()  # done, but not committed: it comes again
            queue.pop(index)
        except Crash:
            world.crashes += 1
            if dice.random() < 0.1:
                world.disk, world.journal = b"disk%04d" % world.crashes, {}
                world.disks_lost += 1
            recipients, sender = RecipientsWorker(world), SenderWorker(world)
    raise AssertionError("the road does not end")


def counted(worker: RecipientsWorker) -> dict[str, int]:
    return worker.state.counters.get(CAMPAIGN, {})


@given(st.integers(0, 2**32), st.integers(1, 30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hold_loses_nobody_and_mails_nobody_twice(seed: int, people: int) -> None:
    """The promise of the product: one message each, or a person listed as unknown, whatever dies when."""
    world = World(random.Random(seed), resend=False, people=people)
    world.listed = packs_of(people)
    world.listed += world.listed[:1]
    worker = drive(world)
    counts = counted(worker)
    assert sum(counts.get(name, 0) for name in FINAL) == people
    assert max(world.wire.values(), default=0) <= 1
    told: dict[str, set[bytes]] = {}
    for event in world.events:
        for at in range(0, len(event.message_ids), 16):
            told.setdefault(event.kind, set()).add(event.message_ids[at : at + 16])
    assert len(told.get("sent", set())) == counts.get("sent", 0)
    assert len(told.get("unknown", set())) == counts.get("unknown", 0) == counts.get("unknown.decided", 0)
    assert len(told.get("queued", set())) == people
    assert set(world.wire) <= told.get("sent", set()) | told.get("unknown", set())


@given(st.integers(0, 2**32), st.integers(1, 30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_resend_loses_nobody_and_repeats_only_what_was_on_the_wire(seed: int, people: int) -> None:
    """Policy resend trades "at most once" for "at least once", and only where a kill left a doubt."""
    world = World(random.Random(seed), resend=True, people=people)
    world.listed = packs_of(people)
    worker = drive(world)
    counts = counted(worker)
    assert sum(counts.get(name, 0) for name in FINAL) == people
    assert "unknown" not in counts
    assert len(world.wire) >= counts.get("sent", 0)  # what a kill left in doubt may be refused the second time
    if not world.disks_lost:  # without its journal a sender doubts its whole release
        assert {message for message, n in world.wire.items() if n > 1} <= world.on_wire_at_a_kill


def test_the_model_notices_a_sender_without_intents() -> None:
    """A check that cannot fail proves nothing: without the intent people are mailed twice, and the model says so."""
    doubled = 0
    for seed in range(60):
        world = World(random.Random(seed), resend=False, people=20)
        world.listed = packs_of(20)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ledger, "intend", no_intent)
            drive(world)
        doubled += max(world.wire.values(), default=0) > 1
    assert doubled
