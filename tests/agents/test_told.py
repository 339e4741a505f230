"""Reports on their way to the messages, with a kill at every step: nothing is lost, nothing counts twice."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.accounts import Accounts
from agents.heard import Heard
from agents.refs import Refs, mistakes_in
from agents.told import Reporting
from app import topics
from app.delivery.fallbacks.news import is_reached
from app.delivery.fallbacks.onward import NOWHERE, Onward
from app.delivery.outcomes import FINAL, Kind, Status
from app.delivery.partition_records import HeldUnknown, MessageState
from app.delivery.release import Permits, Spent, rows_in, spend
from app.delivery.reports.brake import FEW, REST
from app.delivery.reports.moves import FATE, fates
from app.delivery.reports.refs import key_of, partition_of
from app.delivery.settle import settle
from app.records import DeliveryReport, EventPack, Grant, Reference, References, Slip, Told, decode, encode
from app.stream.dead_letters import DeadLetters
from app.stream.pack_table import MAX_WRITE
from app.suppressions import SuppressionCommand, decode_suppression
from tables.recipients import FRAMING, Batch, outbox, restore
from tables.reports import EARLY, brakes_of, states_of, waiting_of
from tests.delivery.test_settle import NOW, RULES, Rows, answered, released

ROUTE = "ses"


class KilledError(Exception):
    """The process is gone."""


class Table(Rows):
    """The table of a worker that owns its partition."""

    def owns(self, _partition: int) -> bool:
        return True


async def _nothing_to_learn(_: object) -> bool:
    return False


@dataclass
class World:
    """One worker of the recipients plane with one partition; *kill_at* is the step at which it dies."""

    table: Table = field(default_factory=Table)
    produced: list[tuple[str, bytes]] = field(default_factory=list)
    events: list[EventPack] = field(default_factory=list)
    now: float = NOW
    kill_at: int = -1
    commits: int = 0
    generation: int = 0
    steps: "count[int]" = field(default_factory=count)
    partitions: dict[int, Any] = field(default_factory=dict)

    def serves(self, route: str, account: str) -> bool:
        """Any route is there for any account, but for that of somebody else."""
        return route != "theirs" or account == "they"

    def start(self) -> None:
        """A process begins with what the table holds, and tells what its predecessor left untold."""
        self.generation += 1
        self.partitions = {0: restore(self.table, 0)}
        self.events += [cast(EventPack, decode(EventPack, raw)) for _, raw in outbox(self.table, 0)]
        app = cast(Any, SimpleNamespace(partitions=1, now=lambda: self.now, produce=self.produce))
        self.app = app
        dead = DeadLetters(app)
        accounts = Accounts(cast(Any, SimpleNamespace(on_change=lambda _: None)))
        onwards = cast(Any, SimpleNamespace(of=lambda *_: NOWHERE, know=_nothing_to_learn))

        def heard(partition: int, now: float) -> Heard:
            return Heard(partition, self.partitions[partition], onwards, lambda _: RULES, now, random.Random(1))

        self.reporting = Reporting(cast(Any, self), accounts, dead, heard, self.serves)
        self.refs = Refs(app, cast(Any, SimpleNamespace(check=lambda _: None)), cast(Any, self), dead)

    def _step(self) -> None:
        if next(self.steps) == self.kill_at:
            raise KilledError

    async def produce(self, topic: str, _partition: int, _key: bytes | None, value: bytes) -> None:
        self._step()
        self.produced.append((topic, value))
        await asyncio.sleep(0)

    async def commit(
        self, partition: int, batch: Batch, events: Sequence[EventPack] = (), _records: Sequence[Any] = ()
    ) -> None:
        self._step()
        numbers = self.partitions[partition].tell(batch, events)
        assert sum(len(key) + len(value or b"") + FRAMING for key, value in batch.items) <= MAX_WRITE
        self.commits += 1
        self.table.apply(batch)
        self._step()
        self.events += events
        done = Batch()
        for number in numbers:
            done.event(number, None)
        self.table.apply(done)
        await asyncio.sleep(0)

    def send(self, people: int, kind: Kind = Kind.ACCEPTED) -> None:
        """*people* messages are out, with such an answer."""
        state, table, numbers = released(people, people)
        self.table.items = table.items
        for number in numbers:
            batch = Batch()
            settle(state, batch, number, answered(state, number, kind), RULES, NOW, 0.5)
            state.tell(batch, [])
            self.table.apply(batch)

    def told(self, topic: str) -> list[bytes]:
        return [value for name, value in self.produced if name == topic]

    def suppressed(self) -> set[tuple[str, str]]:
        commands = [decode_suppression(raw) for raw in self.told(topics.SUPPRESSION_COMMANDED)]
        assert all(isinstance(each, SuppressionCommand) for each in commands)
        known = [each for each in commands if isinstance(each, SuppressionCommand)]
        return {(person.hex(), each.reason) for each in known for person in each.people}

    def states(self, people: int) -> dict[bytes, MessageState]:
        return states_of(self.table, 0, [b"%016d" % number for number in range(people)])

    @property
    def counts(self) -> dict[str, int]:
        return self.partitions[0].counters.get("c_1", {})


def report(rows: Sequence[Told]) -> DeliveryReport:
    return DeliveryReport(b"", "told", NOW, "ses", told=list(rows), route=ROUTE)


def row(number: int, kind: str, at: float = 1.0, **more: Any) -> Told:
    return Told(b"%016d" % number, kind, NOW + at, **more)


def nothing() -> None:
    """The partition is ours."""


def run(world: World, records: Sequence[DeliveryReport]) -> None:
    """Work *records* off one by one; a killed process begins again with the one that it had not acknowledged."""
    left = list(records)
    world.start()
    while left:
        try:
            asyncio.run(world.reporting.take(0, left[0], nothing))
            left.pop(0)
        except KilledError:
            world.kill_at = -1
            world.start()


KINDS = ["delivered", "bounced", "complained", "deferred", "opened", "unsubscribed"]
LOTS = st.lists(
    st.lists(
        st.builds(
            row, st.integers(0, 4), st.sampled_from(KINDS),
            st.integers(1, 3).map(float), klass=st.sampled_from(["hard", "soft", ""]), attempt=st.sampled_from([0, 1]),
        ),
        min_size=1, max_size=6,
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@hypothesis_settings(max_examples=150, deadline=None)
@given(LOTS, st.sampled_from([Kind.ACCEPTED, Kind.UNCERTAIN]), st.integers(0, 30), st.randoms(use_true_random=False))
def test_a_kill_anywhere_changes_nothing(lots: list[list[Told]], kind: Kind, kill_at: int, dice: random.Random) -> None:
    """
    The books after a kill, with reports twice and in any order, are those of a day without trouble.
    """
    quiet, rough = World(), World(kill_at=kill_at)
    quiet.send(5, kind)
    rough.send(5, kind)
    run(quiet, [report(lot) for lot in lots])
    again = [report(dice.sample(lot, len(lot))) for lot in lots + dice.sample(lots, dice.randint(0, len(lots)))]
    dice.shuffle(again)
    run(rough, again)
    assert {m: s.status for m, s in quiet.states(5).items()} == {m: s.status for m, s in rough.states(5).items()}
    assert quiet.suppressed() == rough.suppressed()
    assert fates(quiet.counts) == fates(rough.counts)
    for world in (quiet, rough):
        assert (
            sum(world.counts.get(name, 0) for name in FINAL)
            + sum(held.count for held in world.partitions[0].unknowns.values())
            == 5
        )
        told_of = {
            (pack.kind, pack.message_ids[at : at + 16])
            for pack in world.events
            for at in range(0, len(pack.message_ids), 16)
        }
        for message, state in world.states(5).items():
            if FATE.get(state.status) in ("bounced", "delivered"):
                assert (str(state.status).lower(), message) in told_of


@pytest.mark.parametrize("words", ["", "x" * 450, "\U0001f600" * 450])
def test_a_whole_record_is_one_step_and_one_that_would_not_fit_is_cut(words: str) -> None:
    """
    A thousand reports cost one batch; whatever they say, no batch is larger than Kafka takes.
    """
    world = World()
    world.send(1_000)
    world.start()
    before = world.commits
    rows = [row(number, "delivered", detail=words, event=f"evt-{number}", attempt=1) for number in range(1_000)]
    asyncio.run(world.reporting.take(0, report(rows), nothing))
    assert (world.commits - before == 1) == (not words)
    assert world.counts["reported.delivered"] == 1_000
    assert sum(len(pack.message_ids) for pack in world.events if pack.kind == "delivered") == 16_000


def test_lots_of_early_reports_of_the_same_messages_fit_into_batches() -> None:
    """
    Somebody else's messages of the same account of the provider: all that is told of them waits an hour.
    """
    world = World()
    world.start()
    for turn in range(22):
        rows = [row(number, "opened", event=f"{turn}-{number}", url="x" * 300) for number in range(100)]
        asyncio.run(world.reporting.take(0, report(rows), nothing))
    waiting = waiting_of(world.table, 0, EARLY, [b"%016d" % number for number in range(100)])
    assert {len(each) for each in waiting.values()} == {20} and len(waiting) == 100
    assert len(world.told(topics.DEAD_REPORTS)) == 100 * 2


def test_a_report_decides_a_message_whose_outcome_was_lost() -> None:
    """
    The provider knows: it is counted as sent once, and what nobody told of stays open.
    """
    world = World()
    world.send(5, Kind.UNCERTAIN)
    run(world, [report([row(1, "delivered"), row(2, "bounced", klass="hard"), row(3, "unrecognised")])] * 2)
    assert world.counts["sent"] == world.counts["unknown.resolved"] == 2
    (held,) = world.partitions[0].unknowns.values()
    assert isinstance(held, HeldUnknown) and held.count == 3
    assert fates(world.counts) == {"delivered": 1, "bounced": 1, "blocked": 0, "failed": 0, "expired": 0, "": 0}
    assert world.suppressed() == {((b"%016d" % 2).hex(), "hard_bounce")}


def test_many_lost_ones_are_decided_some_at_a_time() -> None:
    """
    A step has to fit into one batch; the others come right after it.
    """
    world = World()
    state = restore(world.table, 0)
    batch = Batch()
    for number in range(30):
        held = HeldUnknown("acme", "c_1", "bulk", "g", ROUTE, 1, NOW, b"%016d" % number, b"%016d" % number)
        state.unknowns[number] = held
        batch.unknown(number, held)
        batch.message(b"%016d" % number, MessageState(Status.UNKNOWN, 1, NOW, ROUTE, b"%016d" % number, "acme", "c_1"))
    state.marks.next_unknown = 30
    state.tell(batch, [])
    world.table.apply(batch)
    run(world, [report([row(number, "delivered") for number in range(30)])])
    assert not world.partitions[0].unknowns and world.counts["sent"] == 30
    assert fates(world.counts)["delivered"] == 30 and fates(world.counts)[""] == 0


@pytest.mark.parametrize("kill_at", range(-1, 6))
def test_a_report_that_overtakes_the_answer_waits_for_it(kill_at: int) -> None:
    """
    The handset is quicker than our own acknowledgement: an hour is long enough, for ever is too long.
    """
    world = World(kill_at=kill_at)
    early = report([row(1, "delivered", attempt=1), row(7, "bounced", attempt=1)])
    run(world, [early, early])
    assert not world.events and not world.states(8)
    settled = World()
    settled.send(5)
    world.table.items |= settled.table.items
    world.start()

    def look(times: int = 3) -> None:
        for _ in range(times):
            try:
                asyncio.run(world.reporting.look_at_early(world.now))
            except KilledError:
                world.kill_at = -1
                world.start()

    look()
    assert world.states(8)[b"%016d" % 1].status is Status.DELIVERED and world.counts["reported.delivered"] == 1
    assert not world.told(topics.DEAD_REPORTS)
    world.now += 3_700
    look()
    dead = world.told(topics.DEAD_REPORTS)
    assert dead and all(b"no message has this id" in raw for raw in dead)
    assert not [key for key in world.table.items if key[:1] == b"y"]


def reference(ref: str, told: Told | None = None, message: bytes = b"") -> References:
    return References(ROUTE, NOW, [Reference(ref, message, 1 if message else 0, told)], "msg91")


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0, 1, 1), (1, 0, 0, 1)])
@pytest.mark.parametrize("kill_at", range(-1, 7))
def test_an_id_and_a_report_meet_in_either_order(order: tuple[int, ...], kill_at: int) -> None:
    """
    MSG91 knows its own id alone, and may be quicker than we are.
    """
    told = Told(b"", "delivered", NOW + 1, ref="r-1")
    records = [reference("r-1", message=b"%016d" % 3), reference("r-1", told)]
    world = World(kill_at=kill_at)
    world.start()
    for place in order:
        event = cast(Any, SimpleNamespace(value=encode(records[place]), message=SimpleNamespace(partition=0)))
        try:
            asyncio.run(world.refs.take(event))
        except KilledError:
            world.kill_at = -1
            world.start()
            asyncio.run(world.refs.take(event))
    found = [cast(DeliveryReport, decode(DeliveryReport, raw)) for raw in world.told(topics.DELIVERY_REPORTED)]
    assert found and {each.told[0].message_id for each in found} == {b"%016d" % 3}
    assert {(each.told[0].kind, each.told[0].attempt, each.route) for each in found} == {("delivered", 1, ROUTE)}
    assert not [key for key in world.table.items if key[:1] == b"a"]


def test_a_report_of_an_id_that_nobody_sent_is_set_aside_after_an_hour() -> None:
    """
    Somebody else sends over the same account: their reports must not pile up here.
    """
    world = World()
    world.start()
    record = reference("theirs", Told(b"", "delivered", NOW, ref="theirs"))
    event = cast(Any, SimpleNamespace(value=encode(record), message=SimpleNamespace(partition=0)))
    asyncio.run(world.refs.take(event))

    async def a_round() -> None:
        for _ in range(256):
            await world.refs.sweep()

    asyncio.run(a_round())
    assert not world.told(topics.DEAD_REPORTS)
    world.now += 3_601
    asyncio.run(a_round())
    (dead,) = world.told(topics.DEAD_REPORTS)
    assert b"nobody sent it" in dead and not [key for key in world.table.items if key[:1] == b"a"]


def test_records_of_another_partition_and_what_is_no_id_are_refused() -> None:
    """
    Here nobody would ever find them.
    """
    owner = partition_of(key_of(ROUTE, "x"), 4)
    assert mistakes_in(reference("x", message=bytes(16)), owner, 4) == ""
    assert "partition" in mistakes_in(reference("x", message=bytes(16)), (owner + 1) % 4, 4)
    assert mistakes_in(reference("", message=bytes(16)), owner, 4)
    assert mistakes_in(reference("x", message=b"short"), owner, 4)
    assert msgspec.msgpack.encode(reference("x"))


def test_bounces_that_are_too_many_to_be_true_suppress_nobody_for_good() -> None:
    """
    An account in trouble is told that nobody exists. Up to some they are believed, then they rest for a week.
    """
    world = World()
    world.send(300)
    run(world, [report([row(number, "bounced", klass="hard")]) for number in range(300)])
    reasons = [reason for _, reason in world.suppressed()]
    assert len(reasons) == 300 and reasons.count("hard_bounce") == FEW
    commands = [cast(SuppressionCommand, decode_suppression(raw)) for raw in world.told(topics.SUPPRESSION_COMMANDED)]
    assert {each.until - each.at for each in commands if each.reason == "doubted_bounce"} == {REST}
    (notice,) = world.told(topics.THING_RECORDED)
    assert b"too many to be true" in notice


def test_a_restart_lets_no_more_of_them_be_believed() -> None:
    """
    A worker that crashes again and again would else believe 25 more each time.
    """
    world = World()
    world.send(300)
    for start in range(0, 300, 20):  # each run is of a worker that has just started
        run(world, [report([row(number, "bounced", klass="hard") for number in range(start, start + 20)])])
    reasons = [reason for _, reason in world.suppressed()]
    assert len(reasons) == 300 and reasons.count("hard_bounce") == 20
    (kept,) = brakes_of(world.table, 0).values()
    assert kept.now.gone == 300


def test_bounces_of_a_bad_list_among_many_that_arrive_are_believed() -> None:
    """
    One in ten may well be gone.
    """
    world = World()
    world.send(600)
    kinds = ["bounced" if number % 10 == 0 else "delivered" for number in range(600)]
    run(world, [report([row(number, kind, klass="hard") for number, kind in enumerate(kinds)])])
    assert [reason for _, reason in world.suppressed()] == ["hard_bounce"] * 60
    assert not world.told(topics.THING_RECORDED)


def test_a_report_that_comes_while_older_ones_are_set_aside_is_not_lost() -> None:
    """
    Setting aside waits for Kafka: meanwhile the next report of the same message begins to wait.
    """
    world = World()
    run(world, [report([row(7, "deferred", attempt=1)])])
    world.now += 3_700
    late = report([row(7, "delivered", attempt=1)])
    produce = world.produce

    async def meanwhile(topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        if topic == topics.DEAD_REPORTS and not world.told(topics.DEAD_REPORTS):
            await world.reporting.take(0, late, nothing)
        await produce(topic, partition, key, value)

    world.app.produce = meanwhile
    asyncio.run(world.reporting.look_at_early(world.now))
    assert [key for key in world.table.items if key[:1] == b"y"]
    world.now += 3_700
    asyncio.run(world.reporting.look_at_early(world.now))
    assert len(world.told(topics.DEAD_REPORTS)) == 2


def released_again(world: World, late: float) -> Spent:
    """Give credit for all that waits for another try, once that is due."""
    state, batch = world.partitions[0], Batch()
    state.advance(late)
    (key,) = [key for key, queue in state.queues.items() if queue.due]
    grant = Grant(key.campaign, key.lane, key.group, "other", 10, key.tier, key.retry, key.pin)

    def reached(_: Any, rows: Sequence[Any]) -> list[int]:
        states = states_of(world.table, 0, [each.message_id for each in rows])
        return [i for i, each in enumerate(rows) if is_reached(states.get(each.message_id))]

    permits = Permits(lambda _: 1, lambda *_: [], reached=reached)
    spent = spend(state, batch, Slip(0, 2, late, late + 1, late + 1, [grant]), permits, late)
    assert spent is not None
    state.tell(batch, [])
    world.table.apply(batch)
    return spent


@pytest.mark.parametrize("said", [Kind.DEFERRED, Kind.THROTTLED, Kind.UNAVAILABLE])
def test_what_arrived_after_all_is_not_sent_again(said: Kind) -> None:
    """
    The relay said "later" and delivered it all the same: a second copy would be our mistake. Counted once, as sent.
    """
    world = World()
    world.send(5, said)
    run(world, [report([row(1, "delivered"), row(2, "opened"), row(3, "bounced")])] * 2)
    spent, state = released_again(world, NOW + 7_200), world.partitions[0]
    left = {each.message_id for number in spent.releases for each in rows_in(state, state.releases[number])}
    assert left == {b"%016d" % number for number in (0, 3, 4)}
    assert world.counts["sent"] == 2 and fates(world.counts)["delivered"] == 2 and fates(world.counts)[""] == 0


def test_another_try_that_is_out_already_changes_nothing_of_what_has_arrived() -> None:
    """
    Its answer comes late, whatever it is: the message has arrived and was opened, and is counted once.
    """
    for kind in (Kind.ACCEPTED, Kind.REFUSED, Kind.UNCERTAIN, Kind.DEFERRED):
        world, late = World(), NOW + 7_200
        world.send(2, Kind.DEFERRED)
        world.start()
        spent, state = released_again(world, late), world.partitions[0]
        told = report([row(1, "delivered", attempt=1), row(1, "opened", 2.0, attempt=1)])
        asyncio.run(world.reporting.take(0, told, nothing))
        known = {m: s for m, s in world.states(2).items() if is_reached(s)}
        for number in spent.releases:
            batch = Batch()
            settle(state, batch, number, answered(state, number, kind), RULES, late, 0.5, Onward(reached=known))
            state.tell(batch, [])
            world.table.apply(batch)
        asyncio.run(world.reporting.take(0, told, nothing))
        standing = world.states(2)[b"%016d" % 1]
        assert (standing.status, standing.attempt) == (Status.OPENED, 2), kind
        assert fates(world.counts)["delivered"] == world.counts["reported.opened"] == 1, kind
        assert not any(b"%016d" % 1 in held.ids for held in state.unknowns.values())


def test_who_signs_for_the_route_of_one_account_tells_nothing_of_others() -> None:
    """
    An account with a provider of its own knows the secret, and could report on any message whose id it has seen.
    """
    world = World()
    world.send(3)
    forged = [row(number, "bounced", klass="hard") for number in range(3)]
    record = DeliveryReport(b"", "told", NOW, "twilio", told=forged, route="theirs")
    run(world, [record, report([row(1, "delivered")])])
    assert not world.suppressed() and world.states(3)[b"%016d" % 1].status is Status.DELIVERED
    assert all(each.status is not Status.BOUNCED for each in world.states(3).values())
    assert [b"does not send over this route" in raw for raw in world.told(topics.DEAD_REPORTS)] == [True] * 3
