"""What is stored as the reason of an event is what happened, and can be read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.delivery import why
from app.delivery.events import of_admission, of_settlement
from app.delivery.gate import GateRules, Known, Placing, admit, message_ids
from app.delivery.outcomes import EventKind, Kind
from app.delivery.partition import Partition
from app.delivery.partition_records import WaitingPack
from app.delivery.people.frequency import Room
from app.delivery.release import Permits, spend
from app.delivery.retries import POLICIES, RetryRules
from app.delivery.settle import settle
from app.records import EventPack, Grant, Outcome, Outgoing, Recipient, RecipientPack, Result, Slip
from tables.recipients import Batch

NOW = 1_800_000_000.0
TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=200)
KEYS = st.one_of(TEXTS, st.just("a; new recipient; not before 2027-01-15T08:01:00Z (cap); dedup key b"))
MOMENTS = st.integers(1_000_000_000, 9_999_999_999).map(float)


@given(st.sampled_from(["", "engaged", "new", "dormant"]), st.one_of(st.just(0.0), MOMENTS), KEYS)
def test_what_the_gate_decided_is_read_again(tier: str, due: float, key: str) -> None:
    """A dedup key is whatever somebody wrote: it must not pass for a moment or a tier."""
    said = why.of_queued(tier, due, "hours", key)
    assert len(said) <= why.LONGEST
    assert why.later_in(said) == ((due, "hours") if due else None)
    assert (why.tier_in(said), why.dedup_key_in(said)) == (tier, key)


@given(TEXTS, st.integers(1, 99), MOMENTS, st.sampled_from([*POLICIES.values(), "soft"]))
def test_a_next_try_is_read_again_behind_any_reason(before: str, attempt: int, due: float, policy: str) -> None:
    """Why it was sent, and when it is tried again, lie in one column and come apart again."""
    again = why.Again(attempt, due, policy)
    assert why.without_again(why.with_again(before, again)) == (before, again)
    long, found = why.without_again(why.with_again("x" * 600, again))
    assert found == again and len(why.with_again("x" * 600, again)) == why.LONGEST and set(long) == {"x"}


def queued(rows: list[Recipient], place: Placing | None = None, key: str = "", capped: float = 0.0) -> list[EventPack]:
    """The events of a pack that goes through the gate."""
    pack = RecipientPack(b"p" * 16, "acme", "c_1", 1, 20_000, "bulk", rows)
    rules = GateRules("acme", "c_1", "email", ("news",), key, 3600.0)
    known, messages = Known([None] * len(rows), [None] * len(rows)), message_ids(pack, "email")
    verdict = admit(Partition(0, lambda _: []), Batch(), pack, messages, known, rules, NOW, place)
    return of_admission("email", pack, messages, verdict, place, key, {0: Room(capped, "2 of 2")} if capped else {})


def person(number: int, **more: str | float) -> Recipient:
    """Somebody at gmail."""
    return Recipient(ids.recipient_id(b"k", "email", f"p{number}@gmail.com"), f"p{number}@gmail.com", "gmail", **more)  # type: ignore[arg-type]


def test_messages_are_told_apart_by_what_lets_them_wait() -> None:
    """Who asks why it has not left yet is told the moment, and what it is for; an ordinary one costs nothing."""
    (plain,) = queued([person(0), person(1)])
    assert (plain.why, len(plain.message_ids)) == ("", 32)
    later, at_once = queued([person(0, due=NOW + 60, tier="engaged"), person(1)], key="spring")
    assert later.why == "engaged recipient; not before 2027-01-15T08:01:00Z (schedule); dedup key spring"
    assert (at_once.why, len(at_once.message_ids)) == ("dedup key spring", 16)
    (closed,) = queued([person(0)], lambda zone, due: (due + 3_600, zone))
    assert why.later_in(closed.why) == (NOW + 3_600, "hours")
    capped, _ = queued([person(0), person(1)], capped=NOW + 86_400)
    assert why.later_in(capped.why) == (NOW + 86_400, "cap")


@pytest.mark.parametrize(
    ("kind", "klass", "policy"),
    [
        (Kind.DEFERRED, "greylisted", "transient"),
        (Kind.DEFERRED, "mailbox_full", "soft"),
        (Kind.THROTTLED, "throttle", "throttle"),
        (Kind.UNAVAILABLE, "", "route"),
    ],
)
def test_a_deferral_tells_when_it_is_tried_again(kind: Kind, klass: str, policy: str) -> None:
    """The event of the first try names the second one: nobody has to guess at a schedule."""
    rows = [Outgoing(b"%016d" % i, b"%016d" % i, f"p{i}@x.org", b"{}") for i in range(2)]
    state = Partition(0, lambda _: rows)
    state.add(Batch(), WaitingPack("acme", "c_1", "bulk", "gmail", 1, NOW, NOW, 2), rows)
    slip = Slip(0, 1, NOW, NOW + 1, NOW + 1, [Grant("c_1", "bulk", "gmail", "smtp", 2, why="route smtp: the only one")])
    spent = spend(state, Batch(), slip, Permits(lambda _: 1, lambda *_: []), NOW)
    assert spent is not None
    result = Result(b"", "c_1", "smtp", NOW, [Outcome(kind, NOW, 451, klass), Outcome(Kind.ACCEPTED, NOW, 250)])
    settlement = settle(state, Batch(), spent.releases[0], result, RetryRules((60.0, 300.0)), NOW, 0.5)
    assert settlement is not None
    deferred, sent = of_settlement(settlement)
    before, again = why.without_again(deferred.why)
    assert (deferred.kind, sent.kind, sent.why) == (EventKind.DEFERRED, EventKind.SENT, "route smtp: the only one")
    assert (before, again is not None and again.policy) == (sent.why, policy)
    (waiting,) = state.packs.values()
    assert again is not None and (again.attempt, again.due) == (waiting.attempt, round(waiting.due))
