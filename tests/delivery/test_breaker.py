"""When a route is taken out of service, and how it comes back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.routes.breaker import Breaker, Tally, Turn
from app.routes import BreakerRules

RULES = BreakerRules()
START = 1_000.0


def run(
    breaker: Breaker, start: float, seconds: float, tally: Tally, *, group: str = "gmail", on_the_way: int = 50
) -> tuple[Turn | None, float]:
    """Hear *tally* five times a second until something changes; what, and when."""
    now = start
    while now < start + seconds:
        now += 0.2
        breaker.hear(group, Tally(tally.answers, tally.errors, tally.bounces), now)
        turn = breaker.tick(on_the_way, now)
        if turn is not None:
            return turn, now
    return None, now


def opened(rules: BreakerRules = RULES) -> tuple[Breaker, float]:
    """A breaker that has just opened."""
    breaker = Breaker(rules, START)
    turn, now = run(breaker, START, 5, Tally(20, 20))
    assert turn is not None
    assert breaker.state == "open"
    return breaker, now


@pytest.mark.parametrize("before", [1, 20, 400])
@pytest.mark.parametrize("failing", [2, 20, 400])
def test_it_opens_within_two_seconds_when_nothing_works_any_more(before: int, failing: int) -> None:
    """
    However many good answers there were just before: they are of another time.
    """
    breaker = Breaker(BreakerRules(least=10), START)
    turn, now = run(breaker, START, 30, Tally(before))
    assert turn is None
    turn, opened_at = run(breaker, now, 10, Tally(failing, failing))
    assert turn is not None
    assert turn.state == "open"
    assert opened_at - now <= 2.0
    assert breaker.places == 0


def test_a_relay_that_defers_everything_is_out_of_order_and_one_mailbox_provider_is_not() -> None:
    """
    "451 try again later" to all the world is no push-back of a mailbox provider: another route would carry it.
    """
    breaker, now = Breaker(RULES, START), START
    for _ in range(40):
        now += 0.2
        breaker.hear("gmail", Tally(20, refused=20), now)
        assert breaker.tick(50, now) is None
    opened_at, turn = now, None
    while turn is None and now < opened_at + 5:
        now += 0.2
        breaker.hear("gmail", Tally(20, refused=20), now)
        breaker.hear("yahoo", Tally(5, refused=5), now)
        turn = breaker.tick(50, now)
    assert turn is not None
    assert turn.state == "open"
    assert "2 MX groups" in turn.reason


def test_a_message_that_is_taken_shows_that_a_relay_works() -> None:
    """
    Whatever else is deferred meanwhile.
    """
    breaker, now = Breaker(RULES, START), START
    for _ in range(100):
        now += 0.2
        breaker.hear("gmail", Tally(20, refused=20), now)
        breaker.hear("yahoo", Tally(5, refused=4, taken=1), now)
        assert breaker.tick(50, now) is None


def test_probes_that_are_deferred_do_not_bring_a_relay_back() -> None:
    """
    It would be in service and out again every few seconds.
    """
    for taken, state in ((0, "open"), (1, "closed")):
        breaker, _ = opened()
        now = breaker.until + 0.1
        breaker.tick(0, now)
        assert breaker.state == "half_open"
        breaker.hear("gmail", Tally(RULES.probes, refused=RULES.probes - taken, taken=taken), now + 0.2)
        breaker.tick(0, now + 0.4)
        assert breaker.state == state


def test_half_of_the_messages_failing_opens_it_and_a_fifth_does_not() -> None:
    """
    A provider with trouble in some of its machines still carries most.
    """
    assert run(Breaker(RULES, START), START, 60, Tally(10, 2))[0] is None
    turn, _ = run(Breaker(RULES, START), START, 60, Tally(10, 6))
    assert turn is not None
    assert "60%" in turn.reason


def test_a_list_of_unknown_users_opens_nothing() -> None:
    """
    They are refused, not blocked, and are counted as answers: whatever their share.
    """
    assert run(Breaker(RULES, START), START, 60, Tally(50, 0, 0))[0] is None


def test_blocks_open_it_unless_one_mx_group_alone_gives_them() -> None:
    """
    A mailbox provider that blocks a pool is not a provider route that has failed.
    """
    breaker = Breaker(RULES, START)
    now = START
    for _ in range(100):
        now += 0.2
        breaker.hear("gmail", Tally(90, 0, 90), now)
        breaker.hear("yahoo", Tally(10), now)
        assert breaker.tick(10, now) is None
    for _ in range(100):
        now += 0.2
        breaker.hear("gmail", Tally(90, 0, 90), now)
        breaker.hear("yahoo", Tally(10, 0, 9), now)
        if breaker.tick(10, now) is not None:
            break
    assert breaker.state == "open"
    assert "blocked" in breaker.reason


def test_silence_with_messages_on_the_way_opens_it_and_idleness_does_not() -> None:
    """
    A server that takes connections and says nothing gives no errors to count.
    """
    breaker = Breaker(RULES, START)
    now = START
    for _ in range(600):
        now += 0.1
        assert breaker.tick(0, now) is None
    turns = []
    for _ in range(120):
        now += 0.1
        turns.append(breaker.tick(7, now))
    turn = next(each for each in turns if each)
    assert "no answer for 10 s with 7 messages" in turn.reason


def test_probes_that_are_answered_well_close_it() -> None:
    """
    Fail-back needs nobody.
    """
    breaker, now = opened()
    assert breaker.tick(0, breaker.until - 0.1) is None
    turn = breaker.tick(0, breaker.until)
    assert turn is not None
    assert turn.state == "half_open"
    assert breaker.places == RULES.probes
    now = breaker.until
    breaker.hear("gmail", Tally(RULES.probes - 1), now + 0.2)
    assert breaker.tick(1, now + 0.2) is None
    breaker.hear("gmail", Tally(1), now + 0.4)
    turn = breaker.tick(0, now + 0.4)
    assert turn is not None
    assert turn.state == "closed"
    assert breaker.places is None
    assert breaker.keep() is None


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_the_longest() -> None:
    """
    A provider that is down for hours is asked a dozen times an hour, not all the time.
    """
    breaker, now = opened()
    pauses = []
    for _ in range(8):
        pauses.append(breaker.until - breaker.since)
        now = breaker.until
        breaker.tick(0, now)
        breaker.hear("gmail", Tally(2, 1), now + 0.1)
        turn = breaker.tick(0, now + 0.1)
        assert turn is not None
        assert turn.state == "open"
    assert pauses == pytest.approx([10, 20, 40, 80, 160, 300, 300, 300])


def test_it_is_tried_when_nothing_is_on_the_way_any_more_from_before() -> None:
    """
    Time-outs of the messages that had left before it opened would fail the probes of a route that works again.
    """
    breaker, _ = opened()
    assert breaker.tick(30, breaker.until + 20) is None
    turn = breaker.tick(0, breaker.until + 21)
    assert turn is not None
    assert turn.state == "half_open"
    stuck, _ = opened()
    turn = stuck.tick(30, stuck.until + RULES.longest)  # but not for ever
    assert turn is not None


def test_silence_of_the_probes_opens_it_again() -> None:
    """
    Else it would wait for them for ever, with all their places taken.
    """
    breaker, _ = opened()
    now = breaker.until
    breaker.tick(0, now)
    for step in range(200):
        turn = breaker.tick(5, now + 0.1 * step)
        if turn is not None:
            break
    assert breaker.state == "open"
    assert "no answer" in breaker.reason


def test_what_was_opened_by_hand_stays_open_until_it_is_closed_by_hand() -> None:
    """
    An operator who takes a provider out knows more than its answers tell.
    """
    breaker = Breaker(RULES, START)
    turn = breaker.by_hands("open", START + 1, "taken out")
    assert turn is not None
    assert run(breaker, START + 1, 1_000, Tally(10))[0] is None
    assert breaker.state == "open"
    kept = breaker.keep()
    assert kept is not None
    again = Breaker(RULES, START + 2_000)
    again.restore(kept, START + 2_000)
    assert again.tick(0, START + 1e9) is None
    assert again.places == 0
    turn = again.by_hands("closed", START + 3_000, "back")
    assert turn is not None
    assert again.state == "closed"
    assert run(again, START + 3_000, 5, Tally(20, 20))[0] is not None, "it watches again"


def test_a_restart_keeps_it_open_and_its_pause_as_long() -> None:
    """
    kill -9 of pacing sends nothing into a provider that is down.
    """
    breaker, now = opened()
    kept = breaker.keep()
    assert kept is not None
    again = Breaker(RULES, now)
    again.restore(kept, now)
    assert again.places == 0
    assert again.until == breaker.until
    assert again.times == breaker.times


reports = st.lists(
    st.tuples(
        st.floats(0.05, 30), st.sampled_from(["gmail", "yahoo"]), st.integers(0, 300), st.floats(0, 1), st.floats(0, 1),
        st.integers(0, 50),
    ),
    max_size=80,
)  # fmt: skip


@given(reports, st.integers(1, 200))
@settings(max_examples=200, deadline=None)
def test_it_never_judges_by_fewer_answers_than_it_must_and_always_comes_back(
    heard: list[tuple[float, str, int, float, float, int]], least: int
) -> None:
    """
    Whatever is answered: open means no places, a moment to try again that is not too far, and good answers close it.
    """
    rules = BreakerRules(least=least, silence=3_600)
    breaker, now, answers = Breaker(rules, START), START, 0
    for seconds, group, count, errors, bounces, on_the_way in heard:
        now += seconds
        failed = int(count * errors)
        breaker.hear(group, Tally(count, failed, int((count - failed) * bounces)), now)
        answers += count
        turn = breaker.tick(on_the_way, now)
        if turn is not None and turn.state == "open" and breaker.times == 1:
            assert answers >= least or seconds >= rules.silence
        if turn is not None and turn.state == "closed":
            answers = 0
        assert breaker.until - now <= rules.longest
        assert (breaker.places == 0) == (breaker.state == "open")
    for _ in range(10):
        now = max(now, breaker.until) + 1
        breaker.tick(0, now)
        breaker.hear("gmail", Tally(rules.probes), now)
        breaker.tick(0, now)
    assert breaker.state == "closed" or breaker._total.answers < least
