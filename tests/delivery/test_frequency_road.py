"""Frequency caps on the road gate -> pace -> release -> send -> settle, through a crash at every await.

Several campaigns of one account go to the same people. The world is that of `test_road.py`; the agents' own desks
(agents/frequency.py, agents/opening.py) read and write its table. The sink's record alone judges what was accepted.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.frequency import Frequency
from agents.opening import Opening, rules_of
from app import ids
from app.commands import CampaignEntry
from app.delivery.clearing import clear
from app.delivery.events import of_admission, of_drops, of_settlement
from app.delivery.gate import admit, end_of, message_ids, sighting_keys
from app.delivery.outcomes import FINAL, PUT_OFF
from app.delivery.people import frequency as core
from app.delivery.people.frequency import AccountCaps, Cap
from app.delivery.release import Spent, spend, stand
from app.delivery.settle import RetryRules, settle
from app.records import Recipient, RecipientPack, Result, Slip, decode, encode
from app.specs import CampaignSpec
from tables.recipients import Batch, known_of, verdict_on
from tests.delivery.test_road import DELAYS, Crash, RecipientsWorker, SenderWorker, World, drive, person

SKEW = 0.25  # seconds: a clock that is off by more does not start


@dataclass
class CappedWorld(World):
    """A world of many campaigns, whose account has caps."""

    caps: AccountCaps = field(default_factory=AccountCaps)
    entries: dict[str, CampaignEntry] = field(default_factory=dict)
    campaign_of: dict[bytes, str] = field(default_factory=dict)  # of each message

    def workers(self) -> tuple[RecipientsWorker, SenderWorker]:
        return CappedWorker(self), SenderWorker(self)


class CappedWorker(RecipientsWorker):
    """The recipients plane with the desks of its agents."""

    world: CappedWorld

    def __init__(self, world: CappedWorld) -> None:
        super().__init__(world)
        recipients = cast(Any, SimpleNamespace(table=world.recipients, partitions={0: self.state}))
        campaigns = cast(Any, SimpleNamespace(get=world.entries.get))
        caps = cast(Any, SimpleNamespace(of=lambda _: world.caps))
        self.frequency = Frequency(recipients, campaigns, caps, world.hours)
        self.opening = Opening(cast(Any, None), recipients, campaigns, world.hours, self.frequency)

    def gate(self, raw: bytes) -> None:
        pack = decode(RecipientPack, raw)
        assert isinstance(pack, RecipientPack)
        if verdict_on(self.world.recipients, 0, pack.pack_id) is not None:
            return
        world, now, entry, batch = self.world, self.world.now, self.world.entries[pack.campaign], Batch()
        rules, messages = rules_of(entry, now), message_ids(pack, "email")
        world.campaign_of |= dict.fromkeys(messages, pack.campaign)
        known = known_of(world.recipients, 0, [r.recipient_id for r in pack.rows], sighting_keys(rules, pack.rows))
        place = world.hours.placing(entry)
        desk = self.frequency.at_gate(0, batch, entry, now)
        verdict = admit(self.state, batch, pack, messages, known, rules, now, place, desk)
        capped = {i: desk.put_off[each] for i, each in enumerate(messages) if each in desk.put_off} if desk else {}
        self.commit(batch, of_admission("email", pack, messages, verdict, place, "", capped))

    def release(self, slip: Slip) -> None:
        batch, now = Batch(), self.world.now
        stand(self.state, slip)
        spent = spend(self.state, batch, slip, self.opening.permits(0, batch, now), now)
        if spent is not None:
            events = self.opening.events_of(Spent(put_off=spent.put_off, dropped=spent.dropped), now)
            spent.dropped = []
            self.open(batch, spent, events)

    def settle(self, raw: bytes) -> None:
        result = decode(Result, raw)
        assert isinstance(result, Result)
        batch, now = Batch(), self.world.now
        rules = RetryRules(DELAYS, resend_unknown=self.world.resend)
        number = int.from_bytes(result.release_id[-8:], "big")
        settlement = settle(self.state, batch, number, result, rules, now, self.world.dice.random())
        if settlement is not None:
            self.frequency.settle(0, batch, settlement, now)
            self.commit(batch, of_settlement(settlement))

    def clear_ended(self) -> None:
        now = self.world.now
        for number, pack in list(self.state.packs.items()):
            reason = end_of(self.world.entries[pack.campaign], now)
            if reason and pack.cursor < pack.count:
                batch = Batch()
                rows = clear(self.state, batch, number, reason, now)
                self.frequency.clear(0, batch, pack, rows, now)
                self.commit(batch, of_drops(pack, [(row, reason, "") for row in rows], now))


def entry_of(name: str, **spec: Any) -> CampaignEntry:
    """A running campaign."""
    asked = CampaignSpec.model_validate({"from_email": "a@x.org", "lists": ["l"]} | spec)
    return CampaignEntry(id=name, account="a", state="RUNNING", spec=asked, created_at=1.0)


def packs_to(people: int, campaign: str, due: float = 0.0) -> list[bytes]:
    """Packs of *campaign* to the first *people*."""
    rows = [Recipient(person(i), f"p{i}@x.org", "other", due=due) for i in range(people)]
    return [
        encode(RecipientPack(ids.pack_id(campaign, at, 0, 0, 500), "a", campaign, 1, 20_000, "bulk", rows[at : at + 7]))
        for at in range(0, people, 7)
    ]


def told(world: World, kind: str, klass: str) -> dict[bytes, tuple[float, str, bytes]]:
    """message -> (when, detail, person) of the events of that kind and class; the last of each."""
    found = {}
    for event in world.events:
        for i, each in enumerate(event.classes if event.kind == kind else []):
            if each == klass:
                at = slice(16 * i, 16 * i + 16)
                found[event.message_ids[at]] = event.at, event.details[i], event.recipient_ids[at]
    return found


def most_in_a_window(accepted: Sequence[tuple[bytes, bytes, float]], window: float) -> int:
    """The most messages that one person got in any window of that length. A message that came twice is one."""
    most = 0
    for person_, _, end in accepted:
        inside = {message for who, message, at in accepted if who == person_ and end - window < at <= end}
        most = max(most, len(inside))
    return most


CAPS = st.lists(
    st.builds(Cap, st.integers(1, 3), st.sampled_from((60.0, 600.0, 4_000.0, 90_000.0)), st.just(frozenset())),
    min_size=1,
    max_size=2,
).map(lambda caps: AccountCaps(tuple(caps)))
CAMPAIGNS = st.lists(
    st.fixed_dictionaries({"priority": st.integers(0, 3), "capped": st.sampled_from(("drop", "defer"))}),
    min_size=2,
    max_size=4,
)
STARTS = st.lists(st.sampled_from((0.0, 0.0, 50.0, 3_000.0)), min_size=4, max_size=4)
MANY = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def world_of(
    seed: int, caps: AccountCaps, specs: Sequence[dict[str, Any]], starts: Sequence[float], people: int, resend: bool
) -> CappedWorld:
    """Everybody is listed by every campaign."""
    world = CappedWorld(random.Random(seed), resend=resend, people=people, caps=caps, skew=SKEW, now=1_000_000.0)
    for i, (spec, start) in enumerate(zip(specs, starts, strict=False)):
        world.entries[f"c_{i}"] = entry_of(f"c_{i}", **spec)
        world.listed += packs_to(people, f"c_{i}", world.now + start if start else 0.0)
    world.listed += world.listed[:2]
    return world


def counters_of(worker: RecipientsWorker, name: str) -> int:
    """The sum of one counter over all campaigns."""
    return sum(counts.get(name, 0) for counts in worker.state.counters.values())


@given(st.integers(0, 2**32), CAPS, CAMPAIGNS, STARTS, st.integers(1, 9), st.booleans())
@MANY
def test_no_window_has_more_than_the_cap_and_nobody_is_lost(
    seed: int, caps: AccountCaps, specs: list[dict[str, Any]], starts: list[float], people: int, resend: bool
) -> None:
    """Whoever sets a cap of two a day is asked by the third message in a day whether it means anything."""
    world = world_of(seed, caps, specs, starts, people, resend)
    worker = drive(world)
    for cap in caps.caps:
        assert most_in_a_window(world.accepted, cap.window) <= cap.messages
    for name in world.entries:
        counts = worker.state.counters[name]
        assert sum(counts.get(each, 0) for each in FINAL) == counts["listed"] == people
    dropped = told(world, "dropped", "capped")
    put_off = told(world, "deferred", "capped") | told(world, "queued", "capped")
    assert len(dropped) == counters_of(worker, "dropped.capped") == counters_of(worker, "dropped")
    assert counters_of(worker, PUT_OFF) >= len(put_off) and bool(put_off) == bool(counters_of(worker, PUT_OFF))
    assert not dropped.keys() & set(world.wire) if not resend else True
    for message in dropped:
        assert world.entries[world.campaign_of[message]].spec.capped == "drop"
    for message in put_off:
        assert world.entries[world.campaign_of[message]].spec.capped == "defer"
    assert_losers_had_to_yield(world, dropped)


def assert_losers_had_to_yield(world: CappedWorld, dropped: dict[bytes, tuple[float, str, bytes]]) -> None:
    """Who was dropped had as many others of its person before it, as a cap allows: released, or not less important."""
    fewest = min(cap.messages for cap in world.caps.caps)
    released: dict[bytes, float] = {}
    for message, at in world.opened:
        released.setdefault(message, at)
    for message, (at, detail, who) in dropped.items():
        mine = world.entries[world.campaign_of[message]].spec.priority
        before = [
            other
            for other, campaign in world.campaign_of.items()
            if other[2:4] == message[2:4]
            and other != message
            and (released.get(other, at + 1) <= at or world.entries[campaign].spec.priority >= mine)
        ]
        assert len(before) >= fewest, (detail, who)


@given(st.integers(0, 2**32), st.integers(1, 12), st.booleans())
@MANY
def test_the_higher_priority_goes_first_when_it_comes_before_the_release(seed: int, people: int, defers: bool) -> None:
    """An order that has shipped is more than a newsletter that waits for its turn."""
    caps = AccountCaps((Cap(1, 30 * 86_400.0),))  # longer than all of the test
    specs = [{"priority": 10, "capped": "defer" if defers else "drop"}, {"priority": 90}]
    world = world_of(seed, caps, specs, (0.0, 0.0), people, False)
    worker = CappedWorker(world)
    for raw in list(world.listed):  # all of both are listed before there is any credit
        while True:
            try:
                worker.gate(raw)
                break
            except Crash:
                worker = CappedWorker(world)
    world.listed = []
    worker = cast(CappedWorker, drive(world))
    high, low = worker.state.counters["c_1"], worker.state.counters["c_0"]
    assert "dropped" not in high and PUT_OFF not in high
    failed = people - high.get("sent", 0) - high.get("unknown", 0)
    if not defers:
        assert people - failed <= low.get("dropped.capped", 0) <= people
    else:
        assert "dropped" not in low and low.get(PUT_OFF, 0) >= people - failed


def test_the_model_notices_a_release_that_does_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot fail proves nothing: where the release trusts the gate, windows have too many."""
    ask = core.Desk.ask

    def trusting(self: core.Desk, person: bytes, message: bytes, due: float, zone: str = "", **how: bool) -> core.Room:
        return core.Room(due) if how else ask(self, person, message, due, zone)

    monkeypatch.setattr(core.Desk, "ask", trusting)
    exceeded = 0
    for seed in range(40):
        caps = AccountCaps((Cap(1, 600.0),))
        world = world_of(seed, caps, [{"priority": i, "capped": "defer"} for i in range(3)], (0.0,) * 3, 5, False)
        drive(world)
        exceeded += most_in_a_window(world.accepted, 600.0) > 1
    assert exceeded
