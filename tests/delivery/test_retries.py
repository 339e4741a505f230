"""When messages are tried again: by why they were not taken."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.settle import rules_of
from app.commands import CampaignEntry
from app.delivery.clearing import clear
from app.delivery.outcomes import EventKind, Kind
from app.delivery.partition import Partition
from app.delivery.partition_records import WaitingPack
from app.delivery.people.windows import Hours
from app.delivery.release import Permits, record_of, spend
from app.delivery.retries import EXPIRED, GAVE_UP, Again, RetryRules, next_try
from app.delivery.settle import settle
from app.delivery.unknown import DECIDED
from app.records import Grant, Outcome, Slip
from app.settings import Settings
from app.specs import CampaignSpec, Retries, Window
from app.stream.zones import zone_named
from tables.recipients import Batch, restore
from tests.delivery.test_settle import AGAIN, NOW, answered, released

RULES = RetryRules()
EXACT = RetryRules(jitter=0.0)
DICE = st.floats(0, 1, exclude_max=True)
SHARES = st.floats(0, 1)
DELAYS = st.floats(0, 1e6)


def after(kind: Kind, klass: str = "", attempt: int = 1, rules: RetryRules = EXACT, dice: float = 0.5) -> Again | str:
    return next_try(Outcome(kind, NOW, klass=klass), attempt, NOW, "", rules, NOW, dice)


def waiting_in(state: Partition) -> list[WaitingPack]:
    return [pack for pack in state.packs.values() if pack.cursor < pack.count]


@pytest.mark.parametrize(
    ("kind", "klass", "attempt", "expected"),
    [
        (Kind.DEFERRED, "temporary", 1, Again(2, NOW + 60)),
        (Kind.DEFERRED, "temporary", 4, Again(5, NOW + 3_600)),
        (Kind.DEFERRED, "temporary", 5, GAVE_UP),
        (Kind.DEFERRED, "mailbox_full", 1, Again(2, NOW + 3_600)),
        (Kind.DEFERRED, "mailbox_busy", 3, Again(4, NOW + 43_200)),
        (Kind.DEFERRED, "mailbox_full", 4, GAVE_UP),
        (Kind.THROTTLED, "throttle", 9, Again(9, NOW + 60)),
        (Kind.UNAVAILABLE, "connection", 9, Again(9, NOW + 1)),
        (Kind.RETURNED, "", 3, Again(3, NOW, tried=False)),
        (Kind.REFUSED, "unknown_user", 1, ""),
        (Kind.BLOCKED, "content", 1, ""),
        (Kind.ACCEPTED, "", 1, ""),
        (Kind.UNCERTAIN, "lost_reply", 1, ""),
    ],
)
def test_every_outcome_has_its_policy(kind: Kind, klass: str, attempt: int, expected: Again | str) -> None:
    """
    A full mailbox that is tried every minute looks like an attack; a busy server that is left alone for a day is mail
    that comes too late.
    """
    assert after(kind, klass, attempt) == expected


@given(DELAYS, DICE, SHARES)
def test_a_delay_is_drawn_from_its_share_and_never_longer(delay: float, dice: float, share: float) -> None:
    """
    Full jitter is anything up to the delay; none is exactly it.
    """
    rules = RetryRules((delay,), jitter=share, give_up_after=1e9)
    again = after(Kind.DEFERRED, rules=rules, dice=dice)
    assert isinstance(again, Again)
    assert NOW + delay * (1 - share) - 1e-6 <= again.due <= NOW + delay + 1e-6
    if share == 0:
        assert again.due == NOW + delay


@given(DICE)
def test_who_is_greylisted_waits_all_of_the_delay(dice: float) -> None:
    """
    A greylist counts from the first try: coming back early begins it anew, and burns an attempt.
    """
    assert after(Kind.DEFERRED, "greylisted", rules=RULES, dice=dice) == Again(2, NOW + 60)


def test_releases_of_one_outage_come_back_spread_over_the_whole_delay() -> None:
    """
    A server that comes back must not meet everybody it turned away in the same second; those of one release may stay
    together, so that what waits costs little.
    """
    state, _, numbers = released(20_000, 20_000)
    dice = random.Random(7)
    for number in numbers:
        settle(state, Batch(), number, answered(state, number, Kind.DEFERRED), RULES, NOW, dice.random())
    packs = waiting_in(state)
    assert len(packs) == len(numbers) == 200 and {pack.count for pack in packs} == {100}
    tenths = Counter(int((pack.due - NOW - 1e-9) // 6) for pack in packs)
    assert set(tenths) == set(range(10)) and max(tenths.values()) < 45  # 20 would be even


ENDS = st.integers(-20, 400).map(lambda halves: halves / 2)


@given(st.sampled_from([Kind.DEFERRED, Kind.THROTTLED, Kind.UNAVAILABLE]), ENDS, ENDS, st.floats(0, 0.999), SHARES)
def test_no_retry_is_planned_for_after_the_end_and_none_that_fits_is_left_out(
    kind: Kind, ends: float, give_up: float, dice: float, share: float
) -> None:
    """
    Who cannot be tried in time is told at once, with the reason, instead of hanging until the campaign ends.
    """
    rules = RetryRules((60.0,), throttle=60.0, jitter=share, ends_at=NOW + ends, give_up_after=give_up)
    again = after(kind, rules=rules, dice=dice)
    earliest = 0.5 if kind is Kind.UNAVAILABLE else 60.0 * (1 - share)
    if isinstance(again, Again):
        assert again.due < NOW + ends and again.due <= NOW + give_up
    else:
        assert earliest >= min(ends, give_up) - 1e-6
        assert again == (EXPIRED if ends <= give_up else GAVE_UP)


def test_a_retry_waits_for_the_hours_and_is_over_where_they_open_too_late() -> None:
    """
    A retry at four in the morning wakes people; one that could only leave tomorrow does not help a campaign that ends
    today.
    """
    noon = 1_800_014_400.0  # 2027-01-15 12:00 UTC
    window = Window(opens="09:00", closes="12:30")
    spec = CampaignSpec(from_email="a@x.org", lists=["l"], window=window, retries=Retries(transient=[3_600.0]))
    entry = CampaignEntry(id="c_1", account="a", state="RUNNING", spec=spec, created_at=1.0)
    settings = Settings(retry_jitter=0.0)
    outcome = Outcome(Kind.DEFERRED, noon)
    rules = rules_of(entry, settings, Hours(zone_named))
    assert next_try(outcome, 1, noon, "", rules, noon, 0.5) == Again(2, noon + 21 * 3_600)
    spec.expires_at = noon + 20 * 3_600
    rules = rules_of(entry, settings, Hours(zone_named))
    assert next_try(outcome, 1, noon, "", rules, noon, 0.5) == EXPIRED


def test_a_campaign_goes_before_the_installation_and_fields_that_it_leaves_out_do_not() -> None:
    """
    Who sets one delay does not mean the others to be gone.
    """
    settings = Settings(retry_delays=[1], retry_soft_delays=[2], retry_throttle=3, retry_give_up_after=4)
    spec = CampaignSpec(from_email="a@x.org", lists=["l"], retries=Retries(soft=[7], give_up_after=9))
    entry = CampaignEntry(id="c_1", account="a", state="RUNNING", spec=spec, created_at=1.0)
    rules = rules_of(entry, settings, Hours(zone_named))
    assert (rules.transient, rules.soft, rules.throttle, rules.give_up_after) == ([1], [7], 3, 9)
    rules = rules_of(None, settings, Hours(zone_named))
    assert (rules.transient, rules.soft, rules.throttle, rules.give_up_after) == ([1], [2], 3, 4)


def test_entries_and_commands_of_the_version_before_are_still_understood() -> None:
    """
    Their delays lie in tables and in programs that nobody rewrites for us.
    """
    said = '{"from_email": "a@x.org", "lists": ["l"], "retry_delays": [5, 10], "unknown": "hold"}'
    entry = f'{{"id": "c_1", "account": "a", "state": "RUNNING", "created_at": 1, "spec": {said}}}'
    stored = CampaignEntry.model_validate_json(entry)
    assert stored.spec.retries == Retries(transient=[5, 10])
    assert CampaignEntry.model_validate_json(stored.model_dump_json()) == stored
    assert CampaignSpec.model_validate_json(said.replace("[5, 10]", "null")).retries == Retries()


@pytest.mark.parametrize(("said", "share"), [("full", 1.0), ("none", 0.0), ("0.25", 0.25), ("1", 1.0)])
def test_jitter_is_set_by_word_or_share(said: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What an operator sets is what the workers get, also through the environment that `up` hands on.
    """
    monkeypatch.setenv("FANFARE_RETRY_JITTER", said)
    settings = Settings()
    assert settings.retry_jitter == share
    monkeypatch.setenv("FANFARE_RETRY_JITTER", settings.environment()["FANFARE_RETRY_JITTER"])
    assert Settings().retry_jitter == share


def test_what_was_begun_waits_in_the_lane_of_retries_and_what_was_not_where_it_stood() -> None:
    """
    First tries and retries share what there is; a message that only a pause kept back is still a first try.
    """
    for kind in (Kind.DEFERRED, Kind.THROTTLED, Kind.UNAVAILABLE):
        state, _, (number,) = released(3, 3)
        settle(state, Batch(), number, answered(state, number, kind), RULES, NOW, 0.5)
        assert [pack.key for pack in waiting_in(state)] == [AGAIN]
    state, _, (number,) = released(3, 3)
    settle(state, Batch(), number, answered(state, number, Kind.RETURNED), RULES, NOW, 0.5)
    assert [pack.retry for pack in waiting_in(state)] == [False]


def test_who_is_sent_again_in_doubt_keeps_to_the_route_until_an_attempt_there_has_failed() -> None:
    """
    A second provider would not know the message of the first, and the person would have it twice.
    """
    rules = RetryRules((1.0, 1.0), (), 1.0, jitter=0.0, resend_unknown=True)
    state, _, (number,) = released(3, 3)
    now, slip = NOW, 1
    for kind, pin in (
        (Kind.UNCERTAIN, "smtp"), (Kind.RETURNED, "smtp"), (Kind.UNAVAILABLE, "smtp"), (Kind.THROTTLED, "smtp"),
        (Kind.UNCERTAIN, "smtp"), (Kind.RETURNED, "smtp"),
    ):  # fmt: skip
        settle(state, Batch(), number, answered(state, number, kind), rules, now, 0.5)
        (pack,) = waiting_in(state)
        assert pack.retry and pack.pin == pin
        now, slip = now + 10, slip + 1
        grant = Grant("c_1", "bulk", "gmail", "smtp", 3, retry=True, pin=pin)
        spent = spend(
            state, Batch(), Slip(0, slip, now, now, now + 1, [grant]), Permits(lambda _: 1, lambda *_: []), now
        )
        assert spent is not None
        (number,) = spent.releases
    assert state.releases[number].attempt == 3
    rules = RetryRules((1.0, 1.0, 1.0), resend_unknown=True)
    settle(state, Batch(), number, answered(state, number, Kind.DEFERRED), rules, now, 0.5)
    assert [pack.key for pack in waiting_in(state)] == [AGAIN]


def test_a_route_that_never_answers_does_not_mail_for_ever() -> None:
    """
    "Resend" means again when in doubt, not every half minute for days.
    """
    rules = RetryRules((1.0, 1.0), resend_unknown=True)
    assert [isinstance(after(Kind.UNCERTAIN, attempt=n, rules=rules), Again) for n in (1, 2, 3)] == [True, True, False]


def test_who_waits_in_doubt_when_the_campaign_ends_counts_as_unknown_and_not_as_never_sent() -> None:
    """
    Dropped means that nothing was sent; of these nobody knows.
    """
    state, table, (number,) = released(3, 3)
    batch, rules = Batch(), RetryRules((1.0,), resend_unknown=True)
    settle(state, batch, number, answered(state, number, Kind.UNCERTAIN), rules, NOW, 0.5)
    table.apply(batch)
    ((number, _),) = state.packs.items()
    clear(state, batch, number, "cancelled", NOW)  # type: ignore[arg-type]
    assert state.counters["c_1"] == {"deferred": 3, "unknown": 3, DECIDED: 3}


def test_the_end_of_a_campaign_is_told_as_the_reason() -> None:
    """
    "Gave up" of a campaign that simply ended sends people looking for a fault that is not there.
    """
    state, _, (number,) = released(2, 2)
    rules = RetryRules((60.0,), jitter=0.0, ends_at=NOW + 60)
    settlement = settle(state, Batch(), number, answered(state, number, Kind.DEFERRED), rules, NOW, 0.5)
    assert settlement is not None
    assert {(told.kind, told.outcome.klass) for told in settlement.messages} == {(EventKind.BOUNCED, "expired")}
    assert state.counters["c_1"] == {"given_up": 2, "given_up.expired": 2}


def test_what_a_slip_did_not_buy_is_told_for_a_while() -> None:
    """
    Pacing debits a limit when it gives credit: what nobody took may be given to somebody else.
    """
    state, table, _ = released(10, 4)
    grants = [Grant("c_1", "bulk", "gmail", "smtp", count) for count in (2, 9)]
    spend(state, Batch(), Slip(0, 2, NOW, NOW + 1, NOW + 1, grants), Permits(lambda _: 1, lambda *_: []), NOW)
    paused = Slip(0, 3, NOW, NOW + 1, NOW + 1, grants[:1])
    spend(state, Batch(), paused, Permits(lambda _: None, lambda *_: []), NOW + 0.5)
    assert state.wasted_since(NOW) == [(2, 1, 5), (3, 0, 2)]
    assert state.wasted_since(NOW + 0.1) == [(3, 0, 2)]
    for number in range(4, 400):
        state.advance(NOW)
        spend(
            state, Batch(), Slip(0, number, NOW, NOW + 1, NOW, grants[:1]), Permits(lambda _: None, lambda *_: []), NOW
        )
    assert len(state.wasted_since(0.0)) == 200
    assert restore(table, 0).wasted_since(0.0) == []
    assert record_of(state, 0).attempt == 1


def test_by_default_no_mailbox_is_tried_for_more_than_a_day() -> None:
    """A mailbox that is full for a day stays so: providers count who keeps on trying against the sender."""
    assert sum(Settings().retry_soft_delays) <= 86_400
    assert list(RetryRules().soft) == Settings().retry_soft_delays
