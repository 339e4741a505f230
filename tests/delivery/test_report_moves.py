"""Reports: the status of a message is that of the strongest, in whatever order and however often they come."""

import random
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.outcomes import REPORTED, Status
from app.delivery.partition_records import HeldUnknown, MessageState
from app.delivery.reports.events import UNTOLD
from app.delivery.reports.kinds import RANK, STATUS_TOLD, ReportKind
from app.delivery.reports.moves import FATE, FATES, MOVED, UNDONE, fates, moved
from app.delivery.reports.plan import HARMFUL, Held, Plan, plan
from app.delivery.reports.suppress import DAY, SUPPRESSED, soft_key, too_soft, with_soft
from app.delivery.reports.ways import way_of
from app.records import Told

NOW = 1_800_000_000.0
RECIPIENT = b"r" * 16
KINDS = st.sampled_from([*ReportKind, "a kind of tomorrow"])


def sent(status: Status = Status.SENT, attempt: int = 1) -> MessageState:
    return MessageState(status, attempt, NOW, "ses", RECIPIENT, "acme", "c_1", "email", "bulk", "gmail")


def message(number: int) -> bytes:
    return number.to_bytes(16, "big")


def told(kind: str, at: float = 1.0, number: int = 1, **more: object) -> Told:
    return Told(message(number), str(kind), NOW + at, **more)  # type: ignore[arg-type]


def after(reports: list[Told], state: MessageState | None = None, people: int = 1) -> tuple[Plan, dict[str, int]]:
    """What *reports* come to, one lot each, and the counts of all."""
    states = {message(n): state or sent() for n in range(1, people + 1)}
    softs: dict[bytes, list[int]] = {}
    whole, counts = Plan(), dict[str, int]()
    for each in reports:
        made = plan([each], states, softs, lambda _: False)
        states |= made.states
        softs |= made.softs
        whole.states |= made.states
        whole.suppress += made.suppress
        whole.reported += made.reported
        for name, count in made.counts.get("c_1", {}).items():
            counts[name] = counts.get(name, 0) + count
    return whole, counts


REPORTS = st.lists(
    st.builds(
        told, st.sampled_from(list(ReportKind)), st.integers(1, 4).map(float), machine=st.booleans(),
        klass=st.sampled_from(["", "hard", "soft", "block"]),
    ),
    max_size=7,
)  # fmt: skip


@given(REPORTS, st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(reports: list[Told], dice: random.Random) -> None:
    """
    Providers send everything twice and nothing in order: what a page shows must not depend on their luck.
    """
    once, counts = after(reports)
    muddled = reports + dice.sample(reports, dice.randint(0, len(reports)))
    dice.shuffle(muddled)
    again, counts_again = after(muddled)
    first, second = once.states.get(message(1), sent()), again.states.get(message(1), sent())
    assert first.status is second.status
    assert fates({"sent": 1} | counts) == fates({"sent": 1} | counts_again)
    seen = {each: counts.get(f"{REPORTED}.{each}", 0) for each in ("opened", "clicked", "read", "complained")}
    assert seen == {each: counts_again.get(f"{REPORTED}.{each}", 0) for each in seen}
    assert {each.reason for each in once.suppress} == {each.reason for each in again.suppress}


@given(st.lists(REPORTS, min_size=1, max_size=4))
def test_every_message_that_went_out_has_one_fate_or_none_yet(lots: list[list[Told]]) -> None:
    """
    "980 delivered, 12 bounced, 8 not reported yet" adds up to what was sent, whatever was told, and however.
    """
    reports = [
        Told(message(number), each.kind, each.at, klass=each.klass, machine=each.machine)
        for number, lot in enumerate(lots, 1)
        for each in lot
    ]
    made, counts = after(reports, people=len(lots))
    shown = fates({"sent": len(lots)} | counts)
    assert sum(shown.values()) == len(lots)
    for fate in FATES:
        states = [made.states.get(message(number), sent()) for number in range(1, len(lots) + 1)]
        assert shown[fate] == sum(FATE.get(each.status) == fate for each in states)


@given(KINDS, st.sampled_from(list(Status)), st.floats(allow_nan=False), st.integers(0, 3), st.booleans())
def test_no_report_moves_a_message_down(kind: str, before: Status, at: float, attempt: int, machine: bool) -> None:
    """
    But a bounce after the delivery, which is said so.
    """
    state = sent(before, attempt=2)
    move = moved(state, Told(message(1), str(kind), at, attempt, machine=machine))
    status = before if move.state is None else move.state.status
    late = {before, status} == {Status.BOUNCED, Status.DELIVERED}
    assert RANK[status] >= RANK[before] or late
    assert status in (before, STATUS_TOLD.get(move.kind))


def test_who_was_delivered_to_may_bounce_later_and_not_before() -> None:
    """The provider's clock decides: a bounce that was before the delivery was of a try before it."""
    for order in permutations([told("delivered", 2), told("bounced", 3, klass="hard")]):
        made, counts = after(list(order))
        assert made.states[message(1)].status is Status.BOUNCED and len(made.suppress) == 1
        shown = fates({"sent": 1} | counts)
        assert (shown["delivered"], shown["bounced"], shown[""]) == (0, 1, 0)
    for order in permutations([told("delivered", 3), told("bounced", 2)]):
        assert after(list(order))[0].states[message(1)].status is Status.DELIVERED


def test_a_failure_of_an_earlier_attempt_decides_nothing_and_a_delivery_does() -> None:
    """The first provider bounced it, so it was sent again: that one is known already."""
    state = sent(attempt=2)
    assert moved(state, told("bounced", attempt=1)).state.status is Status.SENT  # type: ignore[union-attr]
    assert moved(state, told("delivered", attempt=1)).state.status is Status.DELIVERED  # type: ignore[union-attr]
    made, counts = after([told("bounced", attempt=1, klass="hard")], state)
    assert [str(each.kind) for each in made.reported] == ["deferred"] and fates({"sent": 1} | counts)["bounced"] == 0
    assert [each.reason for each in made.suppress] == ["hard_bounce"]  # the address is what it is


@given(
    st.sampled_from(list(ReportKind)), st.integers(1, 2), st.sampled_from(["", "whatsapp"]),
    st.sampled_from(["wa", "ses"]),
)  # fmt: skip
def test_a_report_is_about_the_way_of_its_attempt(kind: ReportKind, attempt: int, channel: str, route: str) -> None:
    """A no to WhatsApp that comes after the SMS is no no to SMS; the message stays on its last way."""
    state = msgspec.structs.replace(sent(attempt=2), channel="sms")
    late = told(kind, attempt=attempt, klass="hard")
    way = way_of(state, late, route, channel)
    assert (way is None) is (attempt == 2 or not channel or route == "ses")
    made = plan([late], {message(1): state}, {}, lambda _: False, earlier={} if way is None else {0: way})
    expected = ("sms", "ses") if way is None else ("whatsapp", "wa")
    assert {(each.state.channel, each.state.route) for each in made.reported} <= {expected}
    assert {(each.channel, each.route) for each in made.suppress} <= {expected}
    assert {(each.channel, each.route) for each, _, _ in made.moves} <= {expected}
    assert {(each.channel, each.route) for each in made.states.values()} <= {("sms", "ses")}
    assert kind in UNTOLD or made.reported
    assert bool(made.suppress) is (kind in HARMFUL)


def test_of_an_attempt_that_is_known_to_have_failed_only_a_delivery_counts() -> None:
    """The message waits for its next attempt, or for its next channel: the same failure again must not end it."""
    state = sent(Status.DEFERRED)
    state.reported |= MOVED
    for kind in ("accepted", "bounced", "blocked", "failed", "expired"):
        after_it = moved(state, told(kind, 2)).state
        assert after_it is None or after_it.status is Status.DEFERRED, kind
    assert moved(state, told("delivered", 2)).state.status is Status.DELIVERED  # type: ignore[union-attr]


def test_what_a_program_has_opened_nobody_has_read() -> None:
    """Privacy proxies and scanners open everything at once: rates of openings would be 100%."""
    for kind in ("opened", "clicked"):
        made, counts = after([told(kind, machine=True)])
        assert not made.states and not counts
        assert after([told(kind)])[1]
    assert after([told("delivered", machine=True)])[0].states[message(1)].status is Status.DELIVERED


def test_who_has_complained_is_shown_as_that_whatever_else_is_told() -> None:
    """Who looks for complaints must find them: a click before or after makes nobody happy."""
    for order in permutations([told("delivered", 1), told("opened", 2), told("complained", 3), told("clicked", 4)]):
        assert after(list(order))[0].states[message(1)].status is Status.COMPLAINED


def test_what_providers_answered_counts_to_the_fates() -> None:
    """A relay that delivers itself reports nothing more, unless it bounces after all."""
    made, counts = after([told("bounced", 5)], sent(Status.DELIVERED))
    assert counts == {"reported.bounced": 1, f"reported.delivered.{UNDONE}": 1}
    assert fates({"delivered": 10, "bounced": 2, "sent": 0} | counts) == {
        "delivered": 9, "bounced": 3, "blocked": 0, "failed": 0, "expired": 0, "": 0,
    }  # fmt: skip
    assert made.states[message(1)].status is Status.BOUNCED


def test_a_message_that_nobody_counted_as_sent_is_no_hole_in_the_sums() -> None:
    """It was given up as unknown, and is delivered after all."""
    _, counts = after([told("delivered")], sent(Status.UNKNOWN))
    assert fates({"sent": 0, "unknown": 1, "unknown.decided": 1} | counts)["delivered"] == 1
    assert fates({"sent": 5} | counts)[""] == 5


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (told("bounced", klass="hard"), "hard_bounce"),
        (told("complained"), "complaint"),
        (told("blocked", klass="suppressed"), "provider_suppressed"),
        (told("unsubscribed"), "unsubscribed"),
        (told("bounced", klass="", action="suppress"), "hard_bounce"),
        (told("bounced", klass="hard", action="alert"), ""),
        (told("deferred", klass="hard"), ""),
        (told("bounced", klass="block"), ""),
        (told("bounced", klass="mailbox_full"), ""),
        (told("blocked", klass="content"), ""),
        (told("failed", klass="auth"), ""),
        (told("opened", machine=True), ""),
        (told("resubscribed"), ""),
    ],
)
def test_who_is_suppressed_at_once(report: Told, reason: str) -> None:
    """A wrong suppression loses a customer, a missed one costs reputation."""
    made, _ = after([report, report])
    assert [each.reason for each in made.suppress] == ([reason] if reason else [])
    if reason:
        assert made.suppress[0].recipient == RECIPIENT and made.suppress[0].account == "acme"


def test_only_what_an_account_wants_holds_for_all() -> None:
    """One account's complaint is no other's, unless it says so; who left, left that account."""
    states = {message(1): sent()}
    made = plan([told("complained"), told("unsubscribed")], states, {}, lambda account: account == "acme")
    assert [(each.reason, each.everywhere) for each in made.suppress] == [("complaint", True), ("unsubscribed", False)]


def test_a_bounce_that_turns_out_to_be_hard_suppresses_and_once() -> None:
    """Providers first say what they know, and look closer later."""
    made, _ = after([told("bounced", klass="soft"), told("bounced", klass="hard"), told("bounced", klass="hard")])
    assert [each.reason for each in made.suppress] == ["hard_bounce"]
    assert made.states[message(1)].reported & SUPPRESSED


def test_soft_bounces_on_five_days_give_a_rest_and_a_delivery_forgets_them() -> None:
    """A full mailbox is no reason to lose somebody for good, nor to write to it for ever."""
    bounces = [told("bounced", day * DAY, number, klass="mailbox_full") for number, day in enumerate(range(5), 1)]
    made, _ = after(bounces, people=6)
    (rest,) = made.suppress
    assert rest.reason == "soft_bounces" and rest.until == bounces[-1].at + 30 * DAY
    same_day = [told("bounced", number / 100, number, klass="soft") for number in range(1, 7)]
    assert not after(same_day, people=6)[0].suppress
    between = [*bounces[:4], told("delivered", 3.5 * DAY, 6), bounces[4]]
    assert not after(between, people=6)[0].suppress


def test_whatsapp_that_cannot_deliver_twice_within_a_week_gives_a_number_up() -> None:
    """131026: not on WhatsApp, or blocked, or an old client. Once may pass; a delivery between proves the number."""
    state = sent()
    state.channel = "whatsapp"

    def bounce(day: float, number: int) -> Told:
        return told("bounced", day * DAY, number, klass="soft", code=131026)

    made, _ = after([bounce(0, 1), bounce(6, 2)], state, people=3)
    (gone,) = made.suppress
    assert (gone.reason, gone.until, gone.channel) == ("hard_bounce", 0.0, "whatsapp")
    assert not after([bounce(0, 1)], state, people=3)[0].suppress
    assert not after([bounce(0.1, 1), bounce(0.2, 2)], state, people=3)[0].suppress  # one day
    assert not after([bounce(0, 1), bounce(8, 2)], state, people=3)[0].suppress
    assert not after([bounce(0, 1), told("delivered", DAY, 3), bounce(2, 2)], state, people=3)[0].suppress
    assert not after([bounce(0, 1), bounce(6, 2)], people=3)[0].suppress  # a code of another channel
    other = told("bounced", 6 * DAY, 2, klass="soft", code=131000)
    assert not after([bounce(0, 1), other], state, people=3)[0].suppress


@given(st.lists(st.integers(0, 90), max_size=40))
def test_days_with_soft_bounces_stay_few(days: list[int]) -> None:
    """One value of the table for each who bounces."""
    kept: list[int] = []
    for day in days:
        kept = with_soft(kept, day * DAY)
        assert len(kept) <= 5 and max(kept) - min(kept) < 30
    if len({day for day in days if day > max(days) - 30}) >= 5:
        assert too_soft(kept)
    assert soft_key(sent()) != soft_key(MessageState(Status.SENT, 1, NOW, "", RECIPIENT, "other"))


def test_what_is_told_on() -> None:
    """Every deferral and open is history; what says nothing new is not written again and again."""
    made, _ = after([told("accepted"), told("delivered"), told("delivered"), told("opened"), told("opened", 2)])
    assert [str(each.kind) for each in made.reported] == ["delivered", "opened", "opened"]
    made, _ = after([told("deferred"), told("deferred", 2), told("a kind of tomorrow", said="odd")])
    assert [str(each.kind) for each in made.reported] == ["deferred", "deferred", "unrecognised"]


def test_held_unknowns_are_found_by_their_messages() -> None:
    """A million reports must not each look through all that is held."""

    def of(*numbers: int) -> HeldUnknown:
        return HeldUnknown(
            "a", "c_1", "bulk", "g", "r", 1, NOW, b"".join(map(message, numbers)), b"\0" * 16 * len(numbers)
        )

    held, unknowns = Held(), {0: of(1, 2), 1: of(3)}
    assert held.find(unknowns, [message(1), message(3), message(9)]) == {0: [message(1)], 1: [message(3)]}
    unknowns = {0: of(2), 2: of(4)}
    assert held.find(unknowns, [message(1), message(2), message(3), message(4)]) == {0: [message(2)], 2: [message(4)]}
