"""STOP and START in any order, with repeats: what somebody wrote last holds, and nothing else is touched."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.gate import MIRRORED, UNSUBSCRIBED, Suppression
from app.delivery.people.suppressing import is_true, place_of, told_of
from app.delivery.people.wishes import (
    DAY,
    HELP,
    KEPT_FOR,
    MOST_SEEN,
    MOST_WINDOWS,
    MOST_WISHES,
    START,
    STOP,
    Seen,
    Wished,
    Written,
    effect_of,
    id_of,
    in_service_window,
    is_answered,
    is_forgotten,
    place,
    seen_before,
    source_of,
)
from app.delivery.reports.suppress import COMPLAINT, HARD
from app.records import Inbound

NOW = 1_790_000_000.0
WHO = b"r" * 16
NUMBER = "+15005550006"


def said(kind: str, at: float, channel: str = "sms", event: str = "", **fields: Any) -> Inbound:
    fields = {"text": kind, "number": NUMBER} | fields
    return Inbound(
        "r", "twilio", channel, WHO, "+14155550100", kind, fields["text"], fields["number"], NOW + at, NOW + at,
        event or f"{channel}{kind}{at}", answered=fields.get("answered", False),
    )  # fmt: skip


class Person:
    """What the agent keeps of one person, without Kafka."""

    def __init__(self, *entries: Suppression) -> None:
        self.written, self.entries = Written(), list(entries)

    def writes(self, what: Inbound, *accounts: str) -> None:
        if seen_before(self.written, id_of(what)) is None:
            seen = Seen(id_of(what), what.at, list(accounts), "number")
            effect = effect_of(self.written, self.entries, what, seen, NOW)
            self.written, self.entries = effect.written, effect.entries

    def left(self, channel: str, account: str) -> bool:
        """Whether they have left *account*."""
        where = place(channel, account)
        return any(each.reason == UNSUBSCRIBED and place_of(each) == where for each in self.entries)


WISHES = st.lists(
    st.tuples(st.sampled_from([STOP, START]), st.integers(0, 6), st.sampled_from(["sms", "whatsapp"]),
              st.sampled_from(["a", "b", ""])),
    max_size=14,
)  # fmt: skip


@given(WISHES, st.randoms(use_true_random=False))
def test_the_last_wish_holds_in_whatever_order_they_come(wishes: list[Any], dice: random.Random) -> None:
    """
    Webhooks come late, twice, and past each other. Of two at the same moment, STOP holds.
    """
    numbers = {"a": "+1", "b": "+2", "": "+3"}  # each account has its own
    coming = wishes * 2
    dice.shuffle(coming)
    person = Person()
    for kind, at, channel, account in coming:
        person.writes(said(kind, at, channel, f"{kind}{at}{account}", number=numbers[account]), account)
    for channel in ("sms", "whatsapp"):
        for account in numbers:
            mine = [(at, kind == STOP) for kind, at, its, whose in wishes if (its, whose) == (channel, account)]
            assert person.left(channel, account) == (bool(mine) and max(mine)[1])


def test_a_start_lifts_what_people_have_set_themselves_and_nothing_else() -> None:
    """
    Bounces, complaints, the operator's no, other channels and other accounts stay.
    """
    mine, others = [], []
    for reason in (UNSUBSCRIBED, MIRRORED, HARD, COMPLAINT, "manual"):
        for account, channel in (("a", "sms"), ("b", "sms"), ("a", "whatsapp"), ("a", "")):
            entry = Suppression("account", account, reason, "", NOW, channel=channel)
            lifts = reason in (UNSUBSCRIBED, MIRRORED) and (account, channel) == ("a", "sms")
            (mine if lifts else others).append(entry)
    others.append(Suppression("list", "a", UNSUBSCRIBED, "", NOW, account="a", channel="sms"))
    others.append(Suppression("account", "a", UNSUBSCRIBED, "", NOW + 11, channel="sms"))  # later
    person = Person(*mine, *others)
    person.writes(said(START, 10), "a")
    assert person.entries == others


def test_a_start_lifts_what_a_stop_to_the_same_number_has_set() -> None:
    """
    Meanwhile another account may have written to them, and the number may have gone to another account.
    """
    person = Person()
    person.writes(said(STOP, 1), "a")
    person.writes(said(START, 2), "b")
    assert person.entries == []
    person.writes(said(STOP, 1.5), "c")  # late
    assert person.entries == []
    person.writes(said(STOP, 3), "a")
    person.writes(said(START, 4, number="+19"), "b")
    assert person.left("sms", "a")


def test_what_was_lifted_by_people_is_not_set_again_by_a_repeat() -> None:
    """
    A webhook that is posted once more is no new wish.
    """
    person = Person()
    person.writes(said(STOP, 1), "a")
    person.entries = []
    person.writes(said(STOP, 1), "a")
    assert person.entries == []
    person.writes(said(STOP, 2), "a")
    assert person.left("sms", "a")


def test_a_stop_keeps_a_complaint() -> None:
    """
    Somebody who starts again has complained all the same.
    """
    complaint = Suppression("account", "a", COMPLAINT, "", NOW, channel="sms")
    person = Person(complaint)
    person.writes(said(STOP, 1), "a")
    assert person.left("sms", "a") and complaint in person.entries
    person.writes(said(START, 2), "a")
    assert person.entries == [complaint]


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from([STOP, START, HELP, ""]), st.integers(0, 400),
                          st.sampled_from(["sms", "whatsapp"])), min_size=150, max_size=160))  # fmt: skip
def test_what_is_kept_of_a_person_is_bounded(wishes: list[Any]) -> None:
    """
    A robot writes all day, to every number that we have.
    """
    person = Person()
    for place_in, (kind, at, channel) in enumerate(wishes):
        person.writes(said(kind, at, channel, str(place_in), number=f"+1{at}", text="x" * 500), "a" * 200, f"{at}")
    written = person.written
    assert (
        len(written.wishes) <= MOST_WISHES and len(written.seen) == MOST_SEEN and len(written.windows) <= MOST_WINDOWS
    )
    assert len(msgspec.msgpack.encode(written)) < 60_000


def test_whoever_wrote_on_whatsapp_may_be_answered_for_a_day() -> None:
    """
    From the last message on, to the number that they wrote to.
    """
    person = Person()
    person.writes(said("", 100, "whatsapp"), "a")
    person.writes(said("", 50, "whatsapp"), "a")
    person.writes(said("", 200, "sms"), "a")
    assert in_service_window(person.written, NUMBER, NOW + 100 + DAY - 1) and in_service_window(
        person.written, "", NOW + 101
    )
    assert not in_service_window(person.written, NUMBER, NOW + 100 + DAY)
    assert not in_service_window(person.written, "+1", NOW + 101)


def test_two_robots_do_not_talk_for_long() -> None:
    """
    One answer of a kind a day; none late; none where the provider has answered.
    """
    written = Written(answered={HELP: NOW})
    assert is_answered(Written(), said(HELP, 0), NOW + 60)
    assert not is_answered(written, said(HELP, 100), NOW + 160)
    assert is_answered(written, said(HELP, DAY), NOW + DAY)
    assert is_answered(written, said(STOP, 100), NOW + 160)
    assert not is_answered(Written(), said(HELP, 0), NOW + 3_600)
    assert not is_answered(Written(), said(HELP, 0, answered=True), NOW)
    assert not is_answered(Written(), said("", 0), NOW)


def test_a_stop_is_remembered_and_the_rest_forgotten() -> None:
    """
    Else a START of next year, to a number that has gone to another account, would lift nothing.
    """
    old = NOW - KEPT_FOR - 1
    assert is_forgotten(Written(at=old), NOW) and not is_forgotten(Written(at=NOW), NOW)
    assert is_forgotten(Written([Wished("sms", "a", "+1", START, old)], at=old), NOW)
    assert not is_forgotten(Written([Wished("sms", "a", "+1", STOP, old)], at=old), NOW)


def test_where_a_suppression_comes_from_is_told_in_words() -> None:
    """
    An operator sees why somebody was left alone by everybody.
    """
    told = source_of(said(STOP, 0, text="Stop\n please"), "nobody")
    assert told == f"twilio: Stop please to {NUMBER}, of nobody's number: for all accounts"
    assert len(source_of(said(STOP, 0, text="x" * 500), "last")) <= 200


def test_clickhouse_is_told_what_holds_at_a_place() -> None:
    """
    Also where a complaint stays behind a lifted STOP; what is not true any more is seen as that.
    """
    complaint = Suppression("account", "a", COMPLAINT, "fbl", NOW, channel="sms")
    leaving = Suppression("account", "a", UNSUBSCRIBED, "sms", NOW + 1, channel="sms")
    where = place_of(leaving)
    both, one, none = (told_of(where, WHO, entries) for entries in ([complaint, leaving], [complaint], []))
    assert [each.op for each in (both, one, none)] == ["add", "add", "remove"]
    assert (both.reason, one.reason, both.told, both.owner) == (UNSUBSCRIBED, COMPLAINT, True, "a")
    assert is_true(both, [complaint, leaving]) and is_true(none, []) and is_true(one, [complaint])
    assert not is_true(both, [complaint]) and not is_true(none, [complaint]) and not is_true(one, [])
