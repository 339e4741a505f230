"""The gate's decision, without a broker."""

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.delivery.gate import GateRules, Known, Suppression, admit, applies, classes_of, message_ids
from app.delivery.outcomes import DropReason
from app.delivery.partition import Partition
from app.delivery.partition_records import Sighting
from app.delivery.people.suppressing import changed
from app.records import Recipient, RecipientPack
from app.suppressions import SuppressionCommand
from tables.recipients import Batch

NOW = 1_000_000.0
RULES = GateRules("acme", "c_1", "email", ("news",), "", 3600.0)


def rows(number: int) -> list[object]:
    raise AssertionError(f"rows of pack {number} are not needed here")


def a_pack(*names: str) -> RecipientPack:
    people = [Recipient(ids.recipient_id(b"k", "email", f"{n}@x.org"), f"{n}@x.org", "gmail") for n in names]
    return RecipientPack(b"p" * 16, "acme", "c_1", 1, 20_000, "bulk", people)


def decide(pack: RecipientPack, known: Known, rules: GateRules = RULES) -> tuple[Partition, object]:
    state = Partition(0, rows)  # type: ignore[arg-type]
    return state, admit(state, Batch(), pack, message_ids(pack, "email"), known, rules, NOW)


@pytest.mark.parametrize(
    ("scope", "scope_id", "forbids"),
    [
        ("global", "", True),
        ("account", "acme", True),
        ("account", "other", False),
        ("list", "news", True),
        ("list", "offers", False),
        ("campaign", "c_1", True),
        ("campaign", "c_2", False),
    ],
)
def test_a_suppression_forbids_what_lies_in_its_scope(scope: str, scope_id: str, forbids: bool) -> None:
    """Someone who left one list still wants their invoices; someone suppressed globally wants nothing."""
    found = applies([Suppression(scope, scope_id, "unsubscribed", "test", 0.0)], RULES, NOW)
    assert (found is not None) is forbids


def test_a_suppression_ends_with_its_time() -> None:
    """A pause of some weeks must not become for ever."""
    assert applies([Suppression("global", "", "pause", "test", 0.0, until=NOW)], RULES, NOW) is None


def test_what_is_over_or_holds_for_less_time_makes_way() -> None:
    """All that is known of a person is one value: what stops nothing any more must not fill it."""
    asked = SuppressionCommand("add", "account", "acme", reason="asked", until=NOW + 10)
    left = SuppressionCommand("add", "account", "acme", reason="unsubscribed")
    rest = SuppressionCommand("add", "account", "acme", reason="soft_bounces", until=NOW + 20)
    once = changed([], asked, NOW)
    assert [each.reason for each in changed(once, left, NOW)] == ["asked", "unsubscribed"]
    assert [each.reason for each in changed(once, left, NOW + 10)] == ["unsubscribed"]
    assert [each.reason for each in changed(once, rest, NOW)] == ["soft_bounces"]
    longer = changed([], SuppressionCommand("add", "account", "acme", reason="asked", until=NOW + 30), NOW)
    assert [each.reason for each in changed(longer, rest, NOW)] == ["asked", "soft_bounces"]


@pytest.mark.parametrize(("lane", "messages"), [("bulk", 1), ("transactional", 2)])
def test_each_request_is_a_message_of_its_own(lane: str, messages: int) -> None:
    """Two orders of one person are two receipts; a campaign writes to a person once, in whatever pack."""
    packs = [msgspec.structs.replace(a_pack("ann"), pack_id=bytes([n]) * 16, lane=lane) for n in range(2)]
    assert len({message for pack in packs for message in message_ids(pack, "email")}) == messages


def test_a_list_of_another_account_with_the_same_name_is_another_list() -> None:
    """
    Accounts are strictly apart: one must not be able to silence the people of the other.
    """
    foreign = Suppression("list", "news", "unsubscribed", "test", 0.0, account="other")
    assert applies([foreign], RULES, NOW) is None
    assert applies([msgspec.structs.replace(foreign, account=RULES.account)], RULES, NOW) is not None


@given(st.sampled_from(["global", "account", "list", "campaign"]), st.text(max_size=20) | st.just("unsubscribed"))
def test_leaving_a_newsletter_stops_no_password(scope: str, reason: str) -> None:
    """Whoever left still wants to log in; a complaint, a hard bounce and what is global stop everything."""
    scope_id = {"account": "acme", "list": "news", "campaign": "c_1"}.get(scope, "")
    entry = Suppression(scope, scope_id, reason, "test", 0.0)
    assert applies([entry], RULES, NOW) is entry
    left = reason == "unsubscribed" and scope != "global"
    asked_for = dataclasses.replace(RULES, transactional=True)
    assert applies([entry], asked_for, NOW) is (None if left else entry)
    complaint = Suppression("account", "acme", "complaint", "test", 0.0)
    assert applies([entry, complaint], asked_for, NOW) is (complaint if left else entry)


def test_a_stop_to_a_number_of_nobody_stops_no_password_either() -> None:
    """It says no more than a STOP to a number that is known, and must not cost the login code of all programs."""
    sms = dataclasses.replace(RULES, channel="sms")
    asked_for = dataclasses.replace(sms, transactional=True)
    stop = Suppression("global", "", "unsubscribed", "msg91: STOP", 0.0, channel="sms")
    assert applies([stop], sms, NOW) is stop and applies([stop], asked_for, NOW) is None
    for other in (msgspec.structs.replace(stop, reason="complaint"), msgspec.structs.replace(stop, channel="")):
        assert applies([other], asked_for, NOW) is other


def test_leaving_does_not_undo_a_complaint() -> None:
    """Whoever complained and then also pressed the button is not written to again, in any lane."""
    complained = SuppressionCommand("add", "account", "acme", reason="complaint", at=NOW - 9)
    left = SuppressionCommand("add", "account", "acme", reason="unsubscribed", at=NOW - 5)
    both = changed(changed(changed([], complained, NOW), left, NOW), left, NOW)
    assert [each.reason for each in both] == ["complaint", "unsubscribed"]
    assert applies(both, dataclasses.replace(RULES, transactional=True), NOW) == both[0]
    assert changed(both, SuppressionCommand("remove", "account", "acme"), NOW) == []
    assert [each.reason for each in changed(both, complained, NOW)] == ["complaint"]


def test_every_drop_has_its_reason_and_the_counters_add_up() -> None:
    """Who did not get it, and why, is what people ask first."""
    pack = a_pack("ann", "bob", "cat")
    gone = [Suppression("global", "", "complained", "report", 0.0)]
    seen = Sighting(b"x" * 16, NOW - 10)
    state, verdict = decide(pack, Known([None, gone, None], [None, None, seen]))
    assert [(i, reason) for i, reason, _ in verdict.dropped] == [(1, DropReason.SUPPRESSED), (2, DropReason.DUPLICATE)]
    assert state.counters["c_1"] == {"listed": 3, "dropped": 2, "dropped.suppressed": 1, "dropped.duplicate": 1}
    assert [pack.count for pack in state.packs.values()] == [1]


def test_a_sighting_outside_the_window_is_no_duplicate() -> None:
    """The window is what the customer set, not for ever."""
    pack = a_pack("ann")
    state, verdict = decide(pack, Known([None], [Sighting(b"x" * 16, NOW - 3600.0)]))
    assert not verdict.dropped and state.counters["c_1"] == {"listed": 1}


def test_the_same_person_twice_in_one_pack_is_one_message() -> None:
    """A list with a row twice must not mail twice, and must not count twice."""
    state, verdict = decide(a_pack("ann", "ann"), Known([None, None], [None, None]))
    assert verdict.ignored == [1] and state.counters["c_1"]["listed"] == 1


def test_a_message_that_was_taken_before_is_ignored_not_dropped() -> None:
    """The same message by another pack is no duplicate to report: it is under way."""
    pack = a_pack("ann")
    (message,) = message_ids(pack, "email")
    state, verdict = decide(pack, Known([None], [Sighting(message, NOW)]))
    assert verdict.ignored == [0] and not state.counters


def test_nothing_of_a_cancelled_campaign_waits() -> None:
    """Packs that arrive after a cancel are counted as dropped, so that the campaign can end."""
    rules = GateRules("acme", "c_1", "email", (), "", 0.0, closed=DropReason.CANCELLED)
    state, _ = decide(a_pack("ann", "bob"), Known([None, None], [None, None]), rules)
    assert state.counters["c_1"]["dropped.cancelled"] == 2 and not state.packs


def test_credit_ahead_of_demand_is_looked_for_where_messages_wait() -> None:
    """A message of a tier waited for demand and a slip, though credit for it lay there: it was looked for elsewhere."""
    pack = a_pack("ann", "bob")
    pack.rows = [msgspec.structs.replace(row, tier=tier) for row, tier in zip(pack.rows, ("engaged", ""), strict=True)]
    state, _ = decide(pack, Known([None] * 2, [None] * 2))
    assert set(state.queues) == classes_of(pack, "email") and len(classes_of(pack, "email")) == 2
