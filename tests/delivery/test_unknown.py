"""Unknown outcomes under "hold": sent again only when somebody decides so, and decided in the end."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.decide import unknown_rules
from app.commands import CampaignEntry
from app.delivery.events import of_decision, of_held_again
from app.delivery.outcomes import FINAL, EventKind, Kind
from app.delivery.partition import Partition
from app.delivery.partition_records import HeldUnknown
from app.delivery.release import record_of, rows_in
from app.delivery.settle import settle
from app.delivery.unknown import (
    GONE_FOR,
    OF_BEFORE,
    End,
    UnknownRules,
    by_age,
    decide,
    hold_again,
    named_by,
    still_open,
    stranded,
)
from app.records import DeliveryReport, decode, encode
from app.settings import Settings
from app.specs import CampaignSpec
from tables.recipients import Batch, restore
from tests.delivery.test_settle import AGAIN, NOW, RULES, Rows, answered, released, spent_on


def lost(people: int) -> tuple[Partition, Rows]:
    """A partition in which *people* were on the wire when their sender died."""
    state, table, (number,) = released(people, people)
    batch = Batch()
    settle(state, batch, number, answered(state, number, Kind.UNCERTAIN), RULES, NOW, 0.5)
    state.tell(batch, [])
    table.apply(batch)
    return state, table


def final(state: Partition) -> int:
    return sum(state.counters["c_1"].get(name, 0) for name in FINAL)


def waits(_: HeldUnknown) -> UnknownRules:
    return UnknownRules(60.0)


def told(outcome: str, *messages: bytes, at: float = NOW, campaign: str = "c_1", attempt: int = 0) -> DeliveryReport:
    return DeliveryReport(b"".join(messages), outcome, at, "operator", campaign, attempt)


def test_a_held_unknown_is_final_only_when_it_is_decided() -> None:
    """A campaign that says "completed" must not wait for anything any more; one that waits must say so."""
    state, _ = lost(7)
    assert state.counters["c_1"] == {"unknown": 7} and final(state) == 0
    assert not list(by_age(state, waits, NOW + 59.9))
    ((number, end, why),) = by_age(state, waits, NOW + 60)
    decide(state, Batch(), number, end, why, NOW)
    assert final(state) == 7 and not list(by_age(state, waits, NOW + 1e9))


def test_held_unknowns_survive_a_restart_and_are_counted_once() -> None:
    """A crash before the decision keeps them, one after it does not decide them again."""
    _, table = lost(5)
    state = restore(table, 0)
    ((number, end, why),) = by_age(state, waits, NOW + 60)
    batch = Batch()
    decided = decide(state, batch, number, end, why, NOW)
    event = of_decision(decided, NOW)
    assert len(event.message_ids) == 5 * 16 and event.classes == ["decided"] * 5
    assert len(restore(table, 0).unknowns) == 1  # killed before the batch was there
    table.apply(batch)
    again = restore(table, 0)
    assert not again.unknowns and final(again) == 5
    assert again.marks.next_unknown == 1  # a number is never used twice
    assert not [key for key in table.items if key[:1] == b"w"]  # nor does anything stay of their rows


def test_a_sweep_takes_few_at_a_time_and_ended_ones_at_once() -> None:
    """A disk full of unknowns must not make one batch too large; nobody waits for a cancelled campaign."""
    state, _ = lost(3)
    held = state.unknowns[0]
    state.unknowns = dict.fromkeys(range(50), held)
    assert len(list(by_age(state, waits, NOW + 60))) == 20
    assert len(list(named_by(state, told("sent")))) == 20  # nor does a report that names all look at all, step by step
    assert not list(by_age(state, waits, NOW))
    assert len(list(by_age(state, lambda _: UnknownRules(60.0, ended="cancelled"), NOW))) == 20


ENDS = st.lists(st.tuples(st.sampled_from(End), st.sets(st.integers(0, 19))), max_size=8)


@given(ENDS)
def test_each_message_goes_one_way_once_and_all_add_up(ends: list[tuple[End, set[int]]]) -> None:
    """Reports come twice, late, and contradict each other: the first counts, and the books still close."""
    state, table = lost(20)
    went: dict[bytes, End] = {}
    for end, numbers in ends:
        only = [b"%016d" % i for i in numbers]
        batch = Batch()
        for number, messages in list(named_by(state, told(str(end), *only))):
            decided = decide(state, batch, number, end, "", NOW, messages)
            assert not went.keys() & set(decided.held.ids) and set(decided.held.ids) <= {*(only or decided.held.ids)}
            went |= dict.fromkeys(decided.held.ids, end)
        state.tell(batch, [])
        table.apply(batch)
        state = restore(table, 0)
    counts = state.counters["c_1"]
    ways = list(went.values())
    assert counts["unknown"] == 20 and still_open(counts) == 20 - len(went)
    assert counts.get("sent", 0) == counts.get("unknown.resolved", 0) == ways.count(End.SENT)
    assert counts.get("unknown.decided", 0) == ways.count(End.GIVE_UP)
    again = {pack.key: 0 for pack in state.packs.values()}
    for number, pack in state.packs.items():
        again[pack.key] += pack.count
        assert pack.attempt == 2 and all(
            went[row.message_id] in ("not_sent", "resend") for row in state.rows_of(number)
        )
    assert again.get(AGAIN, 0) == ways.count(End.NOT_SENT)
    assert again.get(AGAIN._replace(pin="smtp"), 0) == ways.count(End.RESEND)


def test_a_report_is_about_what_was_lost_when_it_was_made() -> None:
    """One that a crash repeats must not touch a message that was sent again, and lost again."""
    state, _ = lost(3)
    assert not list(named_by(state, told("not_sent", at=NOW - 1)))
    assert not list(named_by(state, told("not_sent", campaign="c_2")))
    assert not list(named_by(state, told("not_sent", attempt=2)))
    ((number, messages),) = named_by(state, told("not_sent", attempt=1))
    decide(state, Batch(), number, End.NOT_SENT, "", NOW, messages)
    release = spent_on(state, AGAIN, 3, 2)
    settle(state, Batch(), release, answered(state, release, Kind.UNCERTAIN), RULES, NOW + 5, 0.5)
    assert state.counters["c_1"]["unknown"] == 6 and still_open(state.counters["c_1"]) == 3
    assert not list(named_by(state, told("not_sent")))


def test_who_is_sent_again_gets_the_same_message() -> None:
    """The provider and the reader know it by its id."""
    state, table = lost(3)
    batch = Batch()
    decide(state, batch, 0, End.RESEND, "", NOW)
    state.tell(batch, [])
    table.apply(batch)
    state = restore(table, 0)
    release = spent_on(state, AGAIN._replace(pin="smtp"), 3, 2)
    assert [row.address for row in record_of(state, release).rows] == ["p0@x.org", "p1@x.org", "p2@x.org"]
    assert rows_in(state, state.releases[release])[0].message_id == b"%016d" % 0


def test_what_an_earlier_version_held_can_be_decided_but_not_sent_again() -> None:
    """It did not keep their rows; they must not hold up the campaign for ever either."""
    state, _ = lost(2)
    new = state.unknowns[0]
    old = decode(HeldUnknown, msgspec.msgpack.encode(msgspec.structs.astuple(new)[:9]))
    assert isinstance(old, HeldUnknown) and old.rows == -1 and old.ids == new.ids
    state.unknowns[0] = old
    decided = decide(state, Batch(), 0, End.NOT_SENT, "", NOW)
    assert (decided.end, decided.why) == (End.GIVE_UP, OF_BEFORE) and final(state) == 2
    assert decode(HeldUnknown, encode(new)) == new


def entry(state: str = "RUNNING", **spec: object) -> CampaignEntry:
    asked = CampaignSpec.model_validate({"from_email": "a@x.org", "lists": ["l"]} | spec)
    return CampaignEntry.model_validate({"id": "c_1", "account": "a", "state": state, "spec": asked, "created_at": 1})


@pytest.mark.parametrize(
    ("campaign", "rules"),
    [
        (None, UnknownRules(60.0)),
        (entry(), UnknownRules(60.0)),
        (entry(unknown_after=900), UnknownRules(900.0)),
        (entry(unknown_then="resend"), UnknownRules(60.0, resends=4)),
        (entry(unknown_then="resend", retries={"transient": [1]}), UnknownRules(60.0, resends=1)),
        (entry("CLOSING", unknown_then="resend"), UnknownRules(60.0)),
        (entry(unknown_then="resend", expires_at=1_000_000_001), UnknownRules(60.0)),
        (entry("CANCELLING", unknown_then="resend"), UnknownRules(60.0, ended="the campaign was cancelled")),
    ],
)
def test_a_campaign_says_how_long_its_unknowns_wait_and_what_then(
    campaign: CampaignEntry | None, rules: UnknownRules
) -> None:
    """An invoice is worth a second copy, a newsletter is not; nothing is sent again once the campaign is over."""
    assert unknown_rules(campaign, Settings(uncertain_after=60.0), 2e9) == rules


def test_by_age_it_is_sent_again_as_often_as_the_campaign_has_retries() -> None:
    """A relay that never answers must not be fed the same message for ever."""
    state, _ = lost(1)
    rules = UnknownRules(60.0, resends=2)
    ((_, end, why),) = by_age(state, lambda _: rules, NOW + 61)
    assert end is End.RESEND and "over smtp" in why
    state.unknowns[0] = msgspec.structs.replace(state.unknowns[0], attempt=3)
    ((_, end, _),) = by_age(state, lambda _: rules, NOW + 61)
    assert end is End.GIVE_UP


def test_what_was_sent_is_told_as_sent() -> None:
    """The record shows a message that went out, by whom that is known, and no unknown any more."""
    state, _ = lost(2)
    event = of_decision(decide(state, Batch(), 0, End.SENT, "told by operator", NOW), NOW)
    assert (event.kind, event.attempt, event.details) == (EventKind.SENT, 1, ["told by operator"] * 2)
    assert final(state) == 2


def test_who_waits_for_a_route_that_is_deleted_is_held_once_more_and_can_be_decided() -> None:
    """
    It waited for ever: no route took it, no report reached it, and its campaign never ended.
    """
    state, table = lost(7)
    batch = Batch()
    decide(state, batch, 0, End.RESEND, "", NOW)
    state.tell(batch, [])
    table.apply(batch)
    state = restore(table, 0)
    later = NOW + GONE_FOR
    state.advance(later)
    assert not list(stranded(state, lambda _: False, later)) and not list(stranded(state, lambda _: True, later - 1))
    (number,) = stranded(state, lambda route: route == "smtp", later)
    batch = Batch()
    held = hold_again(state, batch, number, later)
    event = of_held_again(held)
    assert (held.count, held.route, held.attempt) == (7, "smtp", 1) and "smtp" in event.details[0]
    state.tell(batch, [event])
    killed = restore(table, 0)  # before the batch was there
    killed.advance(later)
    assert list(stranded(killed, lambda _: True, later)) == [number]
    table.apply(batch)
    again = restore(table, 0)
    again.advance(later)
    assert not list(stranded(again, lambda _: True, later)) and not again.packs
    assert still_open(again.counters["c_1"]) == 7
    ((unknown, messages),) = named_by(again, told("not_sent", at=later))
    batch = Batch()
    decide(again, batch, unknown, End.NOT_SENT, "", later, messages)
    again.tell(batch, [])
    table.apply(batch)
    assert restore(table, 0).queue(AGAIN).later and still_open(restore(table, 0).counters["c_1"]) == 0


def test_what_was_lost_on_a_deleted_route_is_given_up_with_its_time() -> None:
    """Sent again on a route that nobody has, it would be held, and sent again, and held."""
    spec = CampaignSpec(from_email="a@x.org", lists=["l"], unknown_then="resend", unknown_after=60)
    entry = CampaignEntry(id="c_1", account="acme", state="RUNNING", version=1, spec=spec, created_at=NOW)
    assert unknown_rules(entry, Settings(), NOW).resends > 0
    assert unknown_rules(entry, Settings(), NOW, gone=True) == UnknownRules(60)
