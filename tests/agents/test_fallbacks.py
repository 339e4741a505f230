"""One message over several channels, with a kill at every step: no channel twice, none skipped, each counted once."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any, Literal, cast

import msgspec
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents.accounts import Accounts
from agents.awaited import Deadlines
from agents.decide import unknown_rules
from agents.heard import Heard
from agents.onward import Onwards
from agents.opening import Opening
from agents.settle import rules_of
from agents.told import Reporting
from app.commands import CampaignEntry
from app.delivery.clearing import clear_waiting
from app.delivery.events import of_decision, of_settlement
from app.delivery.gate import Suppression, end_of
from app.delivery.outcomes import FINAL, Kind
from app.delivery.partition_records import ClassKey, WaitingPack
from app.delivery.people.windows import Hours
from app.delivery.release import record_of, spend
from app.delivery.settle import settle
from app.delivery.unknown import by_age, go_on
from app.records import DeliveryReport, EventPack, Grant, Outcome, Outgoing, Result, Slip, Told
from app.settings import Settings
from app.specs import CampaignSpec
from app.stream.dead_letters import DeadLetters
from app.stream.zones import zone_named
from tables.recipients import Batch, restore
from tables.reports import states_of
from tests.agents.test_told import KilledError, Table

NOW = 1_800_000_000.0
AFTER = 60.0
CHANNELS = ["whatsapp", "sms", "voice"]
PEOPLE = 6
LASTS = 90.0


def spec_of(**more: Any) -> CampaignSpec:
    return CampaignSpec.model_validate(
        {
            "channel": "whatsapp",
            "lists": ["l"],
            "fallbacks": [{"channel": "sms", "after": AFTER}, {"channel": "voice", "after": AFTER}],
            "consent": "not_refused",
            "retries": {"transient": [1], "soft": [1]},
        }
        | more
    )


@dataclass
class Try:
    """One attempt that reached the wire."""

    channel: str
    attempt: int
    left: float  # the partition, for the wire
    at: float  # when it was answered
    taken: bool = False  # accepted, or nobody knows
    failed: bool = False  # for good, on this channel: by its answer, or by a report that was worked off


@dataclass
class World:
    """One partition of the recipients plane; *kill_at* is the step at which it dies."""

    spec: CampaignSpec = field(default_factory=spec_of)
    table: Table = field(default_factory=Table)
    now: float = NOW
    told_up_to: float = float("inf")  # all reports until then have had their effect
    kill_at: int = -1
    steps: "count[int]" = field(default_factory=count)
    generation: int = 0
    slips: "count[int]" = field(default_factory=lambda: count(1))
    partitions: dict[int, Any] = field(default_factory=dict)
    events: list[EventPack] = field(default_factory=list)
    wire: dict[bytes, list[Try]] = field(default_factory=dict)
    delivered: dict[bytes, float] = field(default_factory=dict)
    results: list[tuple[int, Result]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.entry = CampaignEntry(id="c", account="a", state="RUNNING", spec=self.spec, created_at=1.0)
        self.start()

    def people(self, variables: Callable[[int], bytes] = lambda _: b"{}") -> list[bytes]:
        """PEOPLE pass the gate."""
        rows = [Outgoing(b"%016d" % n, b"%016d" % n, f"+35191200000{n}", variables(n)) for n in range(PEOPLE)]
        batch = Batch()
        pack = WaitingPack("a", "c", "bulk", "PT", 1, self.now, self.now, len(rows), channel=self.spec.channel)
        self.state.add(batch, pack, rows)
        self.state.tell(batch, [])
        self.table.apply(batch)
        return [row.message_id for row in rows]

    @property
    def state(self) -> Any:
        return self.partitions[0]

    def start(self) -> None:
        """A process begins with what the table holds."""
        self.generation += 1
        self.partitions = {0: restore(self.table, 0)}
        app = cast(Any, SimpleNamespace(partitions=1, now=lambda: self.now, produce=self.produce))
        self.app = app
        me = cast(Any, self)
        campaigns = cast(Any, SimpleNamespace(get=lambda _: self.entry, all=lambda: [self.entry]))
        routes = cast(Any, SimpleNamespace(call_lasts=lambda route: LASTS if route == "voice" else 0.0))
        pools = cast(Any, SimpleNamespace(of=lambda _: []))
        self.onwards = Onwards(me, campaigns, routes, pools, cast(Any, None), Settings())
        self.onwards._sizes["c", self.entry.version] = {}
        self.settings, self.hours = Settings(), Hours(zone_named)
        no_caps = cast(Any, SimpleNamespace(book=lambda *_: None, at_release=lambda *_: None))
        self.opening = Opening(app, me, campaigns, self.hours, no_caps)
        self.deadlines = Deadlines(app, me, campaigns, self.onwards, lambda now: min(now, self.told_up_to))
        accounts = Accounts(cast(Any, SimpleNamespace(on_change=lambda _: None)))
        self.reporting = Reporting(me, accounts, DeadLetters(app), self.heard, channel_of=lambda route: route)

    def heard(self, partition: int, now: float) -> Heard:
        return Heard(partition, self.partitions[partition], self.onwards, self.rules, now, random.Random(1))

    def rules(self, _: str) -> Any:
        return replace(rules_of(self.entry, self.settings, self.hours), jitter=0.0)

    def _step(self) -> None:
        if next(self.steps) == self.kill_at:
            raise KilledError

    async def produce(self, *_: Any) -> None:
        self._step()

    async def commit(self, partition: int, batch: Batch, events: Sequence[EventPack] = (), _: Any = ()) -> None:
        self._step()
        self.partitions[partition].tell(batch, events)
        self.table.apply(batch)
        self.events += events
        self._step()

    # -- what happens

    def release(self) -> None:
        """Everything that is due leaves, and is on the wire."""
        self.state.advance(self.now)
        grants = [
            Grant(route=key.channel, count=PEOPLE, **key._asdict())
            for key, queue in self.state.queues.items()
            if queue.due
        ]
        slip = Slip(0, next(self.slips), self.now, self.now + 1, self.now + 1, grants)
        batch = Batch()
        spent = spend(self.state, batch, slip, self.opening.permits(0, batch, self.now), self.now)
        if spent is not None:
            asyncio.run(self.commit(0, batch))

    def answer(self, kinds: Sequence[Kind]) -> None:
        """Senders answer every open release that has none yet, and answer what they answered before again."""
        known = {number for number, _ in self.results}
        for number in sorted(self.state.releases):
            if number in known:
                continue
            release = record_of(self.state, number)
            outcomes = []
            for at, row in enumerate(release.rows):
                kind = kinds[at % len(kinds)]
                outcomes.append(Outcome(kind, self.now))
                own = self.wire.setdefault(row.message_id, [])
                if not any(each.attempt == release.attempt for each in own):
                    taken = kind in (Kind.ACCEPTED, Kind.UNCERTAIN)
                    own.append(
                        Try(
                            release.channel, release.attempt, release.released_at, self.now, taken, kind is Kind.REFUSED
                        )
                    )
            self.results.append((number, Result(release.release_id, "c", release.route, self.now, outcomes)))
        for number, result in list(self.results):
            self.settle(number, result)

    def settle(self, number: int, result: Result) -> None:
        release = self.state.releases.get(number)
        if release is None:
            return
        rows = record_of(self.state, number).rows
        batch = Batch()
        onward = self.onwards.of(0, "c", self.now, rows if release.attempt > 1 else ())
        settled = settle(self.state, batch, number, result, self.rules("c"), self.now, 0.5, onward)
        if settled is not None:
            asyncio.run(self.commit(0, batch, of_settlement(settled)))

    def report(self, message: bytes, attempt: int, kind: str) -> None:
        """A report comes, perhaps again."""
        tries = {each.attempt: each for each in self.wire.get(message, []) if each.taken}
        if attempt not in tries:
            return
        told = Told(message, kind, self.now, attempt, event=f"{message.hex()}{attempt}{kind}")
        if kind == "busy":
            told = msgspec.structs.replace(told, kind="deferred", reason="busy", action="retry", said="busy")
        report = DeliveryReport(
            b"", "told", self.now, tries[attempt].channel, told=[told], route=tries[attempt].channel
        )
        asyncio.run(self.reporting.take(0, report, lambda: None))
        if kind in ("delivered", "read"):
            self.delivered.setdefault(message, self.now)
        elif kind in ("bounced", "failed"):
            tries[attempt].failed = True

    def wait(self, seconds: float) -> None:
        """Time passes, and the ticks look at what it brings."""
        self.now += seconds
        self.look()

    def look(self) -> None:
        asyncio.run(self.deadlines.look())
        rules = lambda held: unknown_rules(self.entry, self.settings, self.now, channel=held.channel)  # noqa: E731
        for number, _, why in list(by_age(self.state, rules, self.now)):
            batch = Batch()
            onward = self.onwards.of(0, "c", self.now)
            gone = go_on(self.state, batch, number, onward, why, self.now)
            asyncio.run(self.commit(0, batch, [of_decision(each, self.now, again) for each, again in gone]))
        reason = end_of(self.entry, self.now)
        while reason:
            batch = Batch()
            if not clear_waiting(
                self.state, batch, {"c": reason}, self.now, self.opening.permits(0, batch, self.now).reached
            ):
                return
            asyncio.run(self.commit(0, batch))

    def close(self) -> None:
        """The time of the campaign is over."""
        self.entry = self.entry.model_copy(update={"state": "CLOSING"})

    def sure(self, happens: Callable[[], None]) -> None:
        """Have it happen; a process that is killed in it begins again, and so does that."""
        while True:
            try:
                happens()
                return
            except KilledError:
                self.kill_at = -1
                self.start()

    @property
    def counts(self) -> dict[str, int]:
        return self.state.counters.get("c", {})

    def suppress(self, message: bytes, channel: str) -> None:
        """Somebody is not written to on a channel any more."""
        batch = Batch()
        batch.suppressions(message, [Suppression("account", "a", "complaint", "x", 1.0, channel=channel)])
        self.table.apply(batch)


def drain(world: World) -> None:
    """Everything is taken from now on, and no more reports come: all ends by itself."""
    for _ in range(12):
        world.sure(world.release)
        world.sure(lambda: world.answer([Kind.ACCEPTED]))
        world.sure(lambda: world.wait(AFTER + LASTS + 2))


STEP = st.one_of(
    st.tuples(st.just("release")),
    st.tuples(
        st.just("answer"),
        st.lists(st.sampled_from([Kind.ACCEPTED, Kind.REFUSED, Kind.UNCERTAIN, Kind.DEFERRED]), min_size=1, max_size=4),
    ),
    st.tuples(
        st.just("report"), st.integers(0, PEOPLE - 1), st.integers(1, 5),
        st.sampled_from(["delivered", "bounced", "failed", "accepted", "busy", "read"]),
    ),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 20.0, AFTER + 1, LASTS + 1])),
    st.tuples(st.just("restart")),
)  # fmt: skip


def play(world: World, messages: Sequence[bytes], step: tuple[Any, ...]) -> None:
    match step:
        case ("release",):
            world.sure(world.release)
        case ("answer", kinds):
            world.sure(lambda: world.answer(kinds))
        case ("report", number, attempt, kind):
            world.sure(lambda: world.report(messages[number], attempt, kind))
        case ("wait", seconds):
            world.now += seconds
            world.sure(world.look)
        case ("restart",):
            world.start()


Ends = Literal["drains", "closes"]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=4, max_size=25), st.integers(-1, 60), st.sampled_from(["drains", "closes"]))
def test_no_channel_twice_none_skipped_and_each_message_counted_once(
    steps: list[tuple[Any, ...]], kill_at: int, ends: Ends
) -> None:
    """Whatever the outcomes, reports and deadlines are, and whenever the process dies."""
    world = World()
    messages = world.people()
    world.kill_at = kill_at
    for step in steps:
        play(world, messages, step)
    if ends == "closes":
        world.close()
    drain(world)
    counts = world.counts
    assert sum(counts.get(name, 0) for name in FINAL) == PEOPLE, counts
    assert counts.get("awaited", 0) == counts.get("awaited.over", 0)
    state = world.state
    assert not state.awaiting.packs and not state.unknowns and not state.releases
    assert all(pack.cursor == pack.count for pack in state.packs.values())
    assert not any(queue.calls for queue in state.queues.values())
    for message in messages:
        judge(world, message, ends)
    left = {key[:1] for key in world.table.items}
    assert b"o" not in left and b"u" not in left and b"w" not in left


def judge(world: World, message: bytes, ends: Ends) -> None:
    """The wire alone tells which channels somebody heard from, and why."""
    tries = world.wire.get(message, [])
    assert [each.attempt for each in tries] == sorted({each.attempt for each in tries})
    order = [each.channel for each in tries]
    assert order == sorted(order, key=CHANNELS.index)
    for before, after in pairwise(tries):
        if before.channel != after.channel:
            assert before.failed or not before.taken or after.left >= before.at + AFTER
    by_attempt = {each.attempt: each.channel for each in tries}
    told = [each for each in world.events if message in each.message_ids and each.attempt in by_attempt]
    assert all(each.channel == by_attempt[each.attempt] for each in told)
    if message in world.delivered:
        assert not any(each.left > world.delivered[message] for each in tries)
    elif ends == "drains":
        assert set(order) == set(CHANNELS)


def heard_from(world: World, message: bytes) -> list[str]:
    return [each.channel for each in world.wire.get(message, [])]


def sent_out(world: World, kind: Kind = Kind.ACCEPTED) -> None:
    world.release()
    world.answer([kind])


def test_a_refusal_goes_on_at_once_and_silence_at_the_deadline() -> None:
    """Who is not on WhatsApp need not wait for an hour; who is gets their hour."""
    world = World()
    first, second, *_ = messages = world.people()
    world.release()
    world.answer([Kind.REFUSED, Kind.ACCEPTED])
    assert world.counts["fallback.sms"] == 3 and sum(world.counts.get(name, 0) for name in FINAL) == 0
    sent_out(world)
    assert heard_from(world, first) == ["whatsapp", "sms"] and heard_from(world, second) == ["whatsapp"]
    world.report(second, 1, "delivered")
    world.wait(AFTER + 1)
    sent_out(world)
    assert heard_from(world, second) == ["whatsapp"]
    assert {heard_from(world, each)[-1] for each in messages[2:]} == {"sms", "voice"}
    assert world.counts["channel.whatsapp.delivered"] == 1 and world.counts["sent"] == 1


def test_what_is_told_late_of_a_channel_is_told_of_that_one() -> None:
    """ "SMS, attempt 1: delivered" was the WhatsApp message, and a query for who was written to twice found it."""
    world = World()
    message, *others = world.people()
    sent_out(world)
    world.wait(AFTER + 1)
    sent_out(world)
    world.report(message, 1, "delivered")
    world.report(others[0], 2, "delivered")
    told = [(each.channel, each.route, each.attempt) for each in world.events if each.kind == "delivered"]
    assert told == [("whatsapp", "whatsapp", 1), ("sms", "sms", 2)]
    assert world.counts["channel.whatsapp.delivered"] == world.counts["channel.sms.delivered"] == 1
    assert world.counts["channel.sms.not_reached"] == 1 and world.counts["channel.whatsapp.not_reached"] == PEOPLE
    state = states_of(world.table, 0, [message])[message]
    assert (state.channel, state.route, state.attempt) == ("sms", "sms", 2)


def test_a_late_delivery_takes_out_who_still_waits_for_the_next_channel() -> None:
    """The phone was off for an hour: one message is enough."""
    world = World()
    message, *others = world.people()
    sent_out(world)
    world.wait(AFTER + 1)
    world.report(message, 1, "delivered")
    sent_out(world)
    assert heard_from(world, message) == ["whatsapp"]
    assert all(heard_from(world, each) == ["whatsapp", "sms"] for each in others)
    assert world.counts["sent"] == 1
    world.close()
    drain(world)
    assert sum(world.counts.get(name, 0) for name in FINAL) == PEOPLE


def test_the_deadline_is_judged_once_the_reports_of_that_time_are_read() -> None:
    """We were away, not the phone: the report came in time, and lay unread."""
    world = World()
    message, *others = world.people()
    sent_out(world)
    world.told_up_to = world.now + AFTER - 1
    world.wait(AFTER + 1)
    world.report(message, 1, "delivered")
    sent_out(world)
    assert all(heard_from(world, each) == ["whatsapp"] for each in (message, *others))
    world.told_up_to = world.now
    world.wait(0)
    sent_out(world)
    assert heard_from(world, message) == ["whatsapp"]
    assert all(heard_from(world, each) == ["whatsapp", "sms"] for each in others)


def test_a_channel_is_passed_over_without_consent_or_with_a_suppression() -> None:
    """No to SMS is no, and a complaint about calls is one."""
    world = World()
    no_sms, no_calls, *_ = world.people(lambda n: b'{"consent_sms": "no"}' if n == 0 else b"{}")
    world.suppress(no_calls, "voice")
    sent_out(world, Kind.REFUSED)
    drain(world)
    assert heard_from(world, no_sms) == ["whatsapp", "voice"]
    assert heard_from(world, no_calls) == ["whatsapp", "sms"]
    given = World(spec_of(consent="given"))
    yes = b'{"consent_whatsapp": true}'
    asked, *_ = given.people(lambda n: b'{"consent_whatsapp": true, "consent_voice": true}' if n == 0 else yes)
    sent_out(given, Kind.REFUSED)
    drain(given)
    assert heard_from(given, asked) == ["whatsapp", "voice"]
    assert given.counts["bounced"] == PEOPLE - 1


def test_in_doubt_no_second_channel_begins_before_the_deadline() -> None:
    """A lost answer may be a message on its way."""
    world = World()
    messages = world.people()
    sent_out(world, Kind.UNCERTAIN)
    world.wait(AFTER - 1)
    world.release()
    assert not world.state.releases
    world.report(messages[0], 1, "accepted")  # it went out: from now on its delivery is awaited
    world.wait(2)
    sent_out(world)
    assert heard_from(world, messages[0]) == ["whatsapp"]
    assert all(heard_from(world, each) == ["whatsapp", "sms"] for each in messages[1:])


def test_a_step_over_reports_writes_no_more_than_a_batch_takes() -> None:
    """Attributes of 60 kB a person are allowed, and all of a campaign may bounce in one webhook."""
    world = World()
    large = b'{"note": "' + b"x" * 60_000 + b'"}'
    messages = world.people(lambda _: large)
    sent_out(world)
    sizes: list[int] = []
    commit = world.commit

    async def measured(partition: int, batch: Batch, events: Sequence[EventPack] = (), _: Any = ()) -> None:
        sizes.append(batch.size)
        await commit(partition, batch, events)

    world.commit = measured  # type: ignore[method-assign]
    told = [Told(each, "bounced", world.now, 1, event=each.hex()) for each in messages]
    asyncio.run(
        world.reporting.take(0, DeliveryReport(b"", "told", world.now, "w", told=told, route="w"), lambda: None)
    )
    assert max(sizes) < 200_000 and world.counts["fallback.sms"] == PEOPLE


def test_who_is_not_on_whatsapp_is_not_tried_there_again_where_another_channel_follows() -> None:
    """Without one it may be an old app, and another day."""
    for fallbacks, ways in (([{"channel": "sms", "after": AFTER}], ["whatsapp", "sms"]), ([], ["whatsapp"])):
        world = World(spec_of(fallbacks=fallbacks))
        message, *_ = world.people()
        world.release()
        (number,) = world.state.releases
        release = record_of(world.state, number)
        outcomes = [Outcome(Kind.DEFERRED, world.now, 131026, "soft")] * PEOPLE
        world.wire[message] = [Try("whatsapp", 1, world.now, world.now)]
        world.settle(number, Result(release.release_id, "c", "whatsapp", world.now, outcomes))
        sent_out(world)
        assert heard_from(world, message) == ways
        assert world.counts.get("deferred", 0) == (0 if fallbacks else PEOPLE)


def calls() -> World:
    return World(spec_of(channel="voice", fallbacks=[], retries={"soft": [10, 10]}))


def test_calls_in_progress_are_told_until_they_end() -> None:
    """A limit of lines that are in use at once counts what is in use."""
    world = calls()
    messages = world.people()
    sent_out(world)
    key = ClassKey("c", "bulk", "PT", channel="voice")
    assert world.state.demand_of(key).calls == {"voice": PEOPLE}
    told = Told(messages[0], "delivered", world.now, 1, said="in-progress")
    done = Told(messages[0], "delivered", world.now + 5, 1, said="completed", reason="voicemail")
    for each, left in ((told, PEOPLE), (done, PEOPLE - 1), (done, PEOPLE - 1)):
        report = DeliveryReport(b"", "told", world.now, "twilio", told=[each], route="voice")
        asyncio.run(world.reporting.take(0, report, lambda: None))
        assert world.state.demand_of(key).calls == {"voice": left}
    assert world.counts["reported.voicemail"] == 1
    world.start()
    assert world.state.demand_of(key).calls == {"voice": PEOPLE - 1}
    world.wait(LASTS + 1)
    assert not world.state.demand_of(key).calls
    assert world.counts["sent"] == PEOPLE


def test_a_call_that_nobody_answers_is_made_again_a_bounded_number_of_times() -> None:
    """Busy now is not busy in ten minutes; and after three tries it is enough."""
    world = calls()
    message, *_ = world.people()
    for attempt in (1, 2, 3):
        sent_out(world)
        world.report(message, attempt, "busy")
        world.report(message, attempt, "busy")
        world.wait(11)
    assert heard_from(world, message) == ["voice"] * 3
    assert world.counts["deferred"] == 2 and world.counts["reported.bounced"] == 1
    drain(world)
    assert world.counts["sent"] == PEOPLE and len(heard_from(world, message)) == 3
