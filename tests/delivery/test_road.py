"""The road gate -> pace -> release -> send -> settle, driven through a crash at every await.

A small world: one partition, real decisions and codecs, dicts for the two tables, lists for the
topics. At every point where a worker would await, the dice may kill it: what was not acknowledged
is gone, memory is rebuilt from the tables, and what was not committed is delivered again. Packs,
slips, releases and results are doubled, reordered and late.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import ids
from app.commands import CampaignEntry
from app.delivery.clearing import alike, clear_waiting
from app.delivery.events import of_admission, of_decision, of_drops, of_settlement
from app.delivery.gate import GateRules, admit, applies, end_of, message_ids, sighting_keys
from app.delivery.ledger import Intent, JournalEntry, refusal, resolve, returned
from app.delivery.outcomes import FINAL, DropReason, Kind
from app.delivery.partition import Partition
from app.delivery.partition_records import ClassKey, WaitingPack
from app.delivery.people.suppressing import changed
from app.delivery.people.windows import Hours
from app.delivery.release import Permits, Spent, record_of, spend, spend_standing, stand
from app.delivery.retries import RetryRules
from app.delivery.settle import settle
from app.delivery.unknown import End, UnknownRules, by_age, decide, named_by, still_open
from app.records import (
    DeliveryReport,
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
from app.specs import CampaignSpec, Window
from app.stream.zones import zone_named
from app.suppressions import SuppressionCommand, decode_suppression
from tables import ledger
from tables.recipients import Batch, known_of, outbox, restore, suppressions_of, verdict_on

CAMPAIGN = "c_1"
DELAYS = (5.0, 10.0)
UNCERTAIN_AFTER = 20.0


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


def campaign(window: Window | None = None, quiet: Window | None = None, **spec: object) -> CampaignEntry:
    asked = CampaignSpec.model_validate({"from_email": "a@x.org", "lists": ["l"]} | spec | {"window": window})
    return CampaignEntry(id=CAMPAIGN, account="a", state="RUNNING", spec=asked, quiet=quiet, created_at=1.0)


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
    campaign: CampaignEntry = field(default_factory=campaign)
    hours: Hours = field(default_factory=lambda: Hours(zone_named))
    suppressing: list[bytes] = field(default_factory=list)
    suppressed: set[bytes] = field(default_factory=set)  # people of acknowledged suppressions
    wronged: set[bytes] = field(default_factory=set)  # people of releases that were opened after it
    opened: list[tuple[bytes, float]] = field(default_factory=list)  # message -> when it was released
    starts: list[tuple[bytes, float]] = field(default_factory=list)  # message -> when it went on the wire
    zones: dict[bytes, str] = field(default_factory=dict)  # of each message
    variants: dict[bytes, int] = field(default_factory=dict)
    sent_variants: dict[bytes, int] = field(default_factory=dict)
    accepted: list[tuple[bytes, bytes, float]] = field(default_factory=list)  # person, message, when
    skew: float = 0.0  # the clocks of senders may part from that of the recipients plane by so much
    again_after: int = 0  # attempts after which "hold" sends again when its time is over
    told: list[str] = field(default_factory=list)  # what an operator tells of unknowns, in turn; "truth" looks it up
    reports: list[bytes] = field(default_factory=list)
    calm: bool = False  # no more kills: let everything end

    def workers(self) -> tuple[RecipientsWorker, SenderWorker]:
        return RecipientsWorker(self), SenderWorker(self)

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
        for part in batch.ahead:
            self.world.may_crash()
            self.world.recipients.apply(part)
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
        world, now = self.world, self.world.now
        rules = GateRules("a", CAMPAIGN, "email", ("l",), "", 3600.0, end_of(world.campaign, now))
        messages = message_ids(pack, "email")
        for message, row in zip(messages, pack.rows, strict=True):
            world.zones[message], world.variants[message] = row.zone, row.variant
        known = known_of(self.world.recipients, 0, [r.recipient_id for r in pack.rows], sighting_keys(rules, pack.rows))
        batch = Batch()
        place = world.hours.placing(world.campaign)
        verdict = admit(self.state, batch, pack, messages, known, rules, now, place)
        events = of_admission("email", pack, messages, verdict)
        keys = {ClassKey(CAMPAIGN, pack.lane, row.group) for row in pack.rows}
        spent = spend_standing(self.state, batch, keys, self.permits(), now) or Spent()
        self.open(batch, spent, events)

    def pace(self) -> None:
        """A pacer that grants what it hears of, and sometimes a little more."""
        self.state.advance(self.world.now)
        for key, queue in list(self.state.queues.items()):
            if queue.due:
                world = self.world
                world.slip_number += 1
                count = self.world.dice.randint(1, queue.due + 3)
                grant = Grant(key.campaign, key.lane, key.group, key.pin or "smtp", count, key.tier, key.retry, key.pin)
                not_after = world.now + world.dice.choice((1, 30, 1_800))
                slip = Slip(0, world.slip_number, world.now, world.now + 1, not_after, [grant])
                world.slips += [slip] * self.world.dice.choice((1, 1, 2))
                if key.lane == "transactional":
                    ahead = Grant(key.campaign, key.lane, "", "smtp", world.dice.randint(1, 3))
                    world.slips.append(Slip(0, -1, world.now, world.now + 2, world.now + 2, [], [ahead]))

    def release(self, slip: Slip) -> None:
        batch = Batch()
        stand(self.state, slip)
        spent = spend(self.state, batch, slip, self.permits(), self.world.now)
        if spent is not None:
            self.open(batch, spent, [])

    def permits(self) -> Permits:
        world, now = self.world, self.world.now
        rules = GateRules("a", CAMPAIGN, "email", ("l",), "", 3600.0)

        def running(_: str) -> int | None:
            return 1 if world.campaign.state == "RUNNING" and not end_of(world.campaign, now) else None

        def forbidden(_: WaitingPack, rows: Sequence[Outgoing]) -> list[tuple[int, DropReason, str]]:
            found = suppressions_of(world.recipients, 0, [row.recipient_id for row in rows])
            return [(i, DropReason.SUPPRESSED, "") for i, each in enumerate(found) if applies(each, rules, now)]

        def closing(pack: WaitingPack) -> float:
            expires = world.campaign.spec.expires_at or float("inf")
            return min(world.hours.closing(world.campaign, pack.zone, now), expires)

        return Permits(running, forbidden, lambda pack: world.hours.opening(world.campaign, pack.zone, now), closing)

    def open(self, batch: Batch, spent: Spent, events: list[EventPack]) -> None:
        released = [record_of(self.state, number) for number in spent.releases]
        self.world.opened += [(row.message_id, self.world.now) for each in released for row in each.rows]
        records = [encode(each) for each in released]
        events += [e for pack, row, why, detail in spent.dropped for e in of_drops(pack, [(row, why, detail)], 0.0)]
        self.world.wronged |= {row.recipient_id for each in released for row in each.rows} & self.world.suppressed
        self.commit(batch, events)
        for record in records:
            self.world.may_crash()
            self.world.attempted += [record] * self.world.dice.choice((1, 1, 2))

    def settle(self, raw: bytes) -> None:
        result = decode(Result, raw)
        assert isinstance(result, Result)
        number = int.from_bytes(result.release_id[-8:], "big")
        batch = Batch()
        world = self.world
        ends_at = world.campaign.spec.expires_at or float("inf")
        rules = RetryRules(DELAYS, resend_unknown=world.resend, ends_at=ends_at)
        settlement = settle(self.state, batch, number, result, rules, self.world.now, self.world.dice.random())
        if settlement is not None:
            self.commit(batch, of_settlement(settlement))

    def suppress(self, raw: bytes) -> None:
        command = decode_suppression(raw)
        assert isinstance(command, SuppressionCommand)
        batch = Batch()
        before = suppressions_of(self.world.recipients, 0, command.people)
        for recipient, entries in zip(command.people, before, strict=True):
            batch.suppressions(recipient, changed(entries, command, self.world.now))
        self.state.suppressions += 1
        self.commit(batch, [])
        self.world.suppressed |= set(command.people)

    def clear_ended(self) -> None:
        reason = end_of(self.world.campaign, self.world.now)
        while reason:
            batch = Batch()
            cleared = clear_waiting(self.state, batch, {CAMPAIGN: reason}, self.world.now)
            if not cleared:
                assert all(pack.cursor == pack.count for pack in self.state.packs.values())
                return
            self.commit(batch, [e for pack, drops in alike(cleared) for e in of_drops(pack, drops, self.world.now)])

    def decide_old(self) -> None:
        world = self.world
        ended = "cancelled" if world.campaign.state == "CANCELLING" else ""
        rules = UnknownRules(UNCERTAIN_AFTER, 0 if end_of(world.campaign, world.now) else world.again_after, ended)
        for number, end, why in list(by_age(self.state, lambda _: rules, world.now, 1)):
            batch = Batch()
            decided = decide(self.state, batch, number, end, why, world.now)
            self.commit(batch, [of_decision(decided, world.now)])

    def report(self, raw: bytes) -> None:
        told = decode(DeliveryReport, raw)
        assert isinstance(told, DeliveryReport)
        while named := list(named_by(self.state, told))[:1]:
            ((number, messages),) = named
            batch = Batch()
            decided = decide(self.state, batch, number, End(told.outcome), "told", self.world.now, messages)
            self.commit(batch, [of_decision(decided, self.world.now)])

    def operator(self) -> None:
        """Somebody looks at what is unknown, and tells of one group of it, or of all of the campaign."""
        world = self.world
        if not (world.told and self.state.unknowns):
            return
        held = world.dice.choice(list(self.state.unknowns.values()))
        said = world.told[len(world.reports) % len(world.told)]
        for message in held.ids if said == "truth" else [b"" if world.dice.random() < 0.5 else held.messages]:
            outcome = ("sent" if world.wire[message] else "not_sent") if said == "truth" else said
            report = encode(DeliveryReport(message, outcome, world.now, "operator", CAMPAIGN))
            world.reports += [report] * world.dice.choice((1, 1, 2))


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
            notes = world.journal.get(release.release_id, {}) if intent.disk == world.disk else None
            self.conclude(resolve(release.release_id, intent, notes, world.now))
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
            world.starts.append((row.message_id, world.now))
            world.sent_variants[row.message_id] = row.variant
            if kind is Kind.ACCEPTED:
                world.wire[row.message_id] += 1
                world.accepted.append((row.recipient_id, row.message_id, world.now))
            world.may_crash()  # sent, not answered
        except Crash:
            world.on_wire_at_a_kill.add(row.message_id)
            raise
        outcome = Outcome(kind, world.now + world.skew * world.dice.uniform(-1, 1))
        notes[index] = JournalEntry(outcome)
        world.may_crash()
        return outcome

    def conclude(self, result: Result) -> None:
        self.world.may_crash()
        self.world.ledger.apply(ledger.conclude(result))
        self.world.may_crash()
        self.world.resulted += [encode(result)] * self.world.dice.choice((1, 1, 2))


def person(number: int) -> bytes:
    return ids.recipient_id(b"k", "email", f"p{number}@x.org")


def packs_of(people: int, lane: str = "bulk", zones: Sequence[str] = ("",)) -> list[bytes]:
    rows = [
        Recipient(person(i), f"p{i}@x.org", "other", variant=i % 3, zone=zones[i % len(zones)]) for i in range(people)
    ]
    return [
        encode(RecipientPack(ids.pack_id("s", at, 0, 0, 500), "a", CAMPAIGN, 1, 20_000, lane, rows[at : at + 7]))
        for at in range(0, people, 7)
    ]


def drive(world: World) -> RecipientsWorker:  # noqa: C901 - one branch a topic, as the world has them
    """Run until nothing is left to do; every kill restarts both workers from what survived."""
    recipients, sender = world.workers()
    dice = world.dice
    for step in range(100_000):
        world.calm = world.calm or world.crashes > 60 or step > 3_000
        if dice.random() < 0.05:
            recipients.operator()
        topics = (world.listed, world.slips, world.attempted, world.resulted, world.suppressing, world.reports)
        queues = [queue for queue in topics if queue]
        if not queues:
            try:
                recipients.clear_ended()
                recipients.pace()
                if not world.slips:
                    state = recipients.state
                    still = state.releases or state.unknowns
                    if not (still or any(p.cursor < p.count for p in state.packs.values())):
                        return recipients
                    world.now = world.now + 5.0 if still else max(world.now + 5.0, state.advance(world.now))
                    recipients.decide_old()
                    recipients.operator()
            except Crash:
                world.crashes += 1
                recipients, _ = world.workers()
            continue
        queue = dice.choice(queues)
        index = dice.randrange(len(queue))  # reordered
        item = queue[index]
        world.now += dice.choice((0.0, 0.0, 0.01, 1.5)) if dice.random() < 0.98 else 900.0  # sometimes late
        try:
            match item:
                case Slip():
                    recipients.release(item)
                case bytes() if queue is world.listed:
                    recipients.gate(item)
                case bytes() if queue is world.attempted:
                    sender.send(item)
                case bytes() if queue is world.reports:
                    recipients.report(item)
                case bytes() if queue is world.suppressing:
                    recipients.suppress(item)
                case bytes():
                    recipients.settle(item)
            world.may_crash()  # done, but not committed: it comes again
            queue.pop(index)
        except Crash:
            world.crashes += 1
            if dice.random() < 0.1:
                world.disk, world.journal = b"disk%04d" % world.crashes, {}
                world.disks_lost += 1
            recipients, sender = world.workers()
    raise AssertionError("the road does not end")


def counted(worker: RecipientsWorker) -> dict[str, int]:
    return worker.state.counters.get(CAMPAIGN, {})


LANES = st.sampled_from(("bulk", "transactional"))


@given(st.integers(0, 2**32), st.integers(1, 30), LANES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hold_loses_nobody_and_mails_nobody_twice(seed: int, people: int, lane: str) -> None:
    """The promise of the product: one message each, or a person listed as unknown, whatever dies when."""
    world = World(random.Random(seed), resend=False, people=people)
    world.listed = packs_of(people, lane)
    world.listed += world.listed[:1]
    if lane == "transactional":
        world.slips = [
            Slip(0, -1, world.now, world.now + 60, world.now + 60, [], [Grant(CAMPAIGN, lane, "", "smtp", 9)])
        ]
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
    assert counts.get("unknown", 0) == counts.get("unknown.decided", 0)  # lost as often as there are tries
    assert all(event.attempt > len(DELAYS) for event in world.events if "decided" in event.classes)
    assert len(world.wire) >= counts.get("sent", 0)  # what a kill left in doubt may be refused the second time
    if not world.disks_lost:  # without its journal a sender doubts its whole release
        assert {message for message, n in world.wire.items() if n > 1} <= world.on_wire_at_a_kill


TOLD = ("sent", "not_sent", "give_up")


@given(st.integers(0, 2**32), st.integers(1, 30), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_who_knows_what_became_of_an_unknown_gets_everybody_one_message(seed: int, people: int, cancels: bool) -> None:
    """Somebody who looks it up tells the truth: then nobody is doubled, and who was in doubt is no longer left out."""
    world = World(random.Random(seed), resend=False, people=people, told=["truth"])
    world.listed = packs_of(people)
    if cancels:
        world.campaign = campaign(expires_at=world.now + 300.0)
    counts = counted(drive(world))
    assert sum(counts.get(name, 0) for name in FINAL) == people
    assert still_open(counts) == 0
    assert max(world.wire.values(), default=0) <= 1
    assert counts.get("sent", 0) >= len(world.wire) - counts.get("unknown.decided", 0)


@given(
    st.integers(0, 2**32), st.integers(1, 30), st.lists(st.sampled_from(("sent", "not_sent", "give_up"))), st.booleans()
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_told_of_unknowns_everybody_is_counted_once(
    seed: int, people: int, told: list[str], resends: bool
) -> None:
    """What is told may be wrong, doubled, late and contradict itself; and by age some are sent again meanwhile."""
    world = World(random.Random(seed), resend=False, people=people, told=told, again_after=2 * resends)
    world.listed = packs_of(people)
    worker = drive(world)
    counts = counted(worker)
    assert sum(counts.get(name, 0) for name in FINAL) == people
    assert still_open(counts) == 0 and not worker.state.unknowns
    assert not [key for key in world.recipients.rows if key[:1] in b"uwpr"]  # nothing is left of what waited
    last: dict[bytes, tuple[int, str]] = {}
    for event in world.events:
        for at in range(0, len(event.message_ids), 16):
            last[event.message_ids[at : at + 16]] = max(
                last.get(event.message_ids[at : at + 16], (0, "")), (STRENGTH.get(event.kind, 0), event.kind)
            )
    assert Counter(kind for _, kind in last.values())["sent"] == counts.get("sent", 0)
    if not world.disks_lost and not told:
        assert {message for message, n in world.wire.items() if n > 1} <= world.on_wire_at_a_kill


STRENGTH = {kind: rank for rank, kind in enumerate(("deferred", "unknown", "dropped", "blocked", "sent", "bounced"), 1)}
CLOCKS = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")
WINDOWS = st.builds(Window, opens=CLOCKS, closes=CLOCKS, local=st.booleans())
ZONES = ("", "Asia/Kathmandu", "America/New_York", "Mars/Olympus")


@given(st.integers(0, 2**32), st.integers(1, 30), WINDOWS, st.none() | WINDOWS, st.none() | st.floats(0, 200_000))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_leaves_outside_its_hours_and_nobody_is_lost_to_them(
    seed: int, people: int, window: Window, quiet: Window | None, expires: float | None
) -> None:
    """Mail at four in the morning is remembered for years; a person who is forgotten at closing time never complains.

    Whoever has not been sent to when the campaign expires is dropped, and says so.
    """
    noon = 1_800_000_000.0
    entry = campaign(window, quiet, time_zone="Europe/Lisbon")
    change = Hours(zone_named).opening(entry, "", noon) or Hours(zone_named).closing(entry, "", noon)
    now = change - seed % 900  # some minutes before it opens or closes
    end = now + 300_000.0 if expires is None else now + expires
    entry = campaign(window, quiet, expires_at=end, time_zone="Europe/Lisbon")
    world = World(random.Random(seed), resend=False, people=people, now=now, campaign=entry)
    world.listed = packs_of(people, zones=ZONES)
    counts = counted(drive(world))
    assert sum(counts.get(name, 0) for name in FINAL) == people
    assert max(world.wire.values(), default=0) <= 1
    for message, at in world.opened + world.starts:
        assert Hours(zone_named).opening(entry, world.zones[message], at) == 0.0
        assert at < end
    assert all(world.variants[message] == variant for message, variant in world.sent_variants.items())


@given(st.integers(0, 2**32), st.integers(1, 30), st.sets(st.integers(0, 29)), LANES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_pack_of_suppressions_holds_for_all_that_waits(seed: int, people: int, gone: set[int], lane: str) -> None:
    """Who complained must not hear from us because their message was waiting for credit, or for its next try."""
    world = World(random.Random(seed), resend=False, people=people)
    world.listed = packs_of(people, lane)
    off = [person(number).hex() for number in sorted(gone)]
    if off:
        world.suppressing = [SuppressionCommand("add", "account", "a", recipients=off).encoded()] * 2
    counts = counted(drive(world))
    assert not world.wronged
    assert sum(counts.get(name, 0) for name in FINAL) == people
    assert counts.get("dropped", 0) == counts.get("dropped.suppressed", 0)


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
