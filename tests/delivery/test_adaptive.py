"""How a sender is slowed down towards an MX group that pushes back, and how it comes back."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.routes.adaptive import AdaptiveRules, Answers, Change, Sender
from app.delivery.routes.signals import HOUR, MINUTE, SIGNALS

RULES = AdaptiveRules()
START = 1_000.0


def answers(count: int, troubles: int = 0, **signals: int) -> Answers:
    """So many answers; signals by name with _ for a space."""
    named = Counter({name.replace("_", " "): times for name, times in signals.items()})
    return Answers(count, count - troubles, troubles, named)


def run(sender: Sender, start: float, seconds: float, more: Answers | None) -> tuple[list[tuple[float, Change]], float]:
    """Look five times a second, hearing *more* each second; what changed, and the time after."""
    changes, now = [], start
    for step in range(round(seconds * 5)):
        now = start + (step + 1) * 0.2
        if more is not None and step % 5 == 0:
            sender.hear(Answers(more.answers, more.accepted, more.troubles, Counter(more.signals)), now)
        change = sender.look(now)
        if change is not None:
            changes.append((now, change))
    return changes, now


def slowed(group: str = "example.org") -> tuple[Sender, float]:
    """A sender at half of 90 a second."""
    sender = Sender(group, RULES, START)
    _, now = run(sender, START, 30, answers(90))
    changes, now = run(sender, now, 20, answers(90, 40))
    assert [change.kind for _, change in changes] == ["slowed"]
    return sender, now


def test_a_share_of_trouble_above_a_tenth_halves_the_rate_that_was_answered() -> None:
    """
    The base is what really went through, not a limit that may be far above it.
    """
    sender, _ = slowed()
    shaping = sender.shaping()
    assert shaping is not None
    assert shaping.rate == pytest.approx(45, rel=0.25)
    assert "deferrals" in shaping.reason


@pytest.mark.parametrize(("count", "troubles"), [(49, 49), (600, 60)])
def test_few_answers_or_little_trouble_change_nothing(count: int, troubles: int) -> None:
    """
    Five deferrals of eight messages are chance.
    """
    sender = Sender("gmail", RULES, START)
    sender.hear(answers(count, troubles), START + 1)
    assert sender.look(START + 1) is None
    assert sender.shaping() is None


def test_it_is_cut_again_only_after_it_has_settled_and_by_new_answers() -> None:
    """
    Messages that were on the way at the first cut tell nothing of the second.
    """
    sender, now = slowed()
    changes, _ = run(sender, now, 200, answers(20, 10))
    times = [at for at, change in changes if change.kind == "slowed"]
    assert len(times) >= 2
    assert all(later - earlier >= RULES.settle for earlier, later in pairwise(times))
    assert sender.state.factor < 0.2


def test_after_quiet_it_rises_by_a_quarter_every_fifteen_minutes() -> None:
    """
    The provider decides how long it takes: no new trouble, a quarter more.
    """
    sender, now = slowed()
    changes, _ = run(sender, now, 3 * RULES.quiet, answers(30))
    assert [(change.kind, change.figures["factor"]) for _, change in changes] == [("raised", 0.75), ("restored", 1.0)]
    first, second = (at for at, _ in changes)
    assert second - first >= RULES.quiet
    assert sender.shaping() is None


def test_it_is_not_raised_while_there_is_trouble_at_the_lower_rate() -> None:
    """
    Too few answers for another cut must not look like quiet.
    """
    sender, now = slowed()
    sender.state.base = 0.02
    for _ in range(12):
        changes, now = run(sender, now, RULES.quiet / 2, None)
        assert changes == []
        sender.hear(answers(15, 9), now)
        assert sender.look(now) is None


def test_named_replies_do_what_the_table_says() -> None:
    """
    Gmail names the rate, Yahoo wants hours, Outlook one connection.
    """
    sender = Sender("gmail", RULES, START)
    changes, _ = run(sender, START, 3, answers(20, 2, gmail_unusual_rate=2))
    assert [change.kind for _, change in changes] == ["slowed"]
    assert sender.rate == pytest.approx(10 / MINUTE)
    sender = Sender("yahoo", RULES, START)
    changes, now = run(sender, START, 3, answers(20, 2, yahoo_TSS04=1))
    assert [(change.kind, change.level) for _, change in changes] == [("suspended", "alert")]
    assert sender.state.suspended_until == pytest.approx(now + 2 * HOUR, abs=3)
    sender = Sender("outlook", RULES, START)
    run(sender, START, 3, answers(20, 2, outlook_too_many_connections=2))
    shaping = sender.shaping()
    assert shaping is not None
    assert shaping.concurrency == 1


def test_a_suspension_ends_at_half_the_rate_and_recovers_from_there() -> None:
    """
    To begin again at full speed would be the next block.
    """
    sender = Sender("yahoo", RULES, START)
    run(sender, START, 3, answers(20, 2, yahoo_TSS04=1))
    changes, _ = run(sender, START + 3, 2 * HOUR + 3 * RULES.quiet, None)
    assert [change.kind for _, change in changes] == ["raised", "raised", "restored"]
    assert "the suspension is over: 50% of its rate" in changes[0][1].reason
    assert changes[1][0] - changes[0][0] >= RULES.quiet


def test_a_signal_that_is_rare_among_many_good_answers_changes_nothing() -> None:
    """
    One message in a thousand that is called spam is one message, not a block of the sender.
    """
    sender = Sender("outlook", RULES, START)
    changes, _ = run(sender, START, 600, answers(1_000, 1, outlook_block_list=1))
    assert changes == []


def test_a_signal_that_only_warns_warns_once_an_hour_and_slows_nobody() -> None:
    """
    It is the sender's domain that is set up wrongly: slower does not make it right.
    """
    sender = Sender("gmail", RULES, START)
    changes, _ = run(sender, START, 300, answers(100, 5, gmail_authentication=5))
    assert [(change.kind, change.level) for _, change in changes] == [("warned", "alert")]
    assert sender.shaping() is None


def test_by_hand_it_is_restored_at_once() -> None:
    """
    Who has talked to the provider does not wait two hours.
    """
    sender = Sender("yahoo", RULES, START)
    run(sender, START, 3, answers(20, 2, yahoo_TSS04=1))
    change = sender.raised_by_hand(START + 10)
    assert change is not None
    assert change.kind == "restored"
    assert sender.shaping() is None
    assert sender.raised_by_hand(START + 11) is None


events = st.lists(
    st.tuples(
        st.floats(0.2, 2_000), st.integers(0, 2_000), st.floats(0, 1),
        st.dictionaries(st.sampled_from([each.name for each in SIGNALS]), st.integers(1, 50), max_size=2),
    ),
    max_size=60,
)  # fmt: skip


@given(events, st.sampled_from(["gmail", "yahoo", "outlook", "other"]))
@settings(max_examples=100, deadline=None)
def test_it_never_exceeds_full_speed_never_stops_asking_and_always_comes_back(
    heard: list[tuple[float, int, float, dict[str, int]]], group: str
) -> None:
    """
    Whatever a provider answers, the rate lies between the floor and the full one, moves no faster than it settles,
    and an hour and a half of quiet after the last suspension restores it.
    """
    sender, now, steps = Sender(group, RULES, START), START, [float("-inf")]
    for seconds, count, share, signals in heard:
        now += seconds
        troubles = int(count * share)
        sender.hear(Answers(count, count - troubles, troubles, Counter(signals)), now)
        before = sender.state.factor
        sender.look(now)
        state = sender.state
        assert 0 < state.factor <= 1
        assert sender.rate is None or sender.rate >= RULES.floor
        assert state.suspended_until <= now + 4 * HOUR
        if state.factor != before:
            assert now - steps[-1] >= RULES.settle
            steps.append(now)
    while sender.look(now) is not None:
        pass
    end = max(now, sender.state.suspended_until, sender.state.rate_until, sender.state.connections_until)
    while now < end + 8 * RULES.quiet:
        now += 5.0
        sender.look(now)
    assert sender.is_free
    assert sender.shaping() is None


def test_what_was_on_the_way_when_it_was_restored_by_hand_does_not_stop_it_again() -> None:
    """An operator had put it back, and the old answers that came after took it out again: "0 of 0 answers lately"."""
    sender = Sender("outlook", RULES, START)
    blocked = answers(100, 20, **{"outlook block list": 20})
    _, now = run(sender, START, 5, blocked)
    assert sender.shaping() is not None
    assert sender.raised_by_hand(now) is not None and sender.is_free
    changes, now = run(sender, now, 20, blocked)
    assert not changes and sender.is_free
    changes, _ = run(sender, now, 30, blocked)
    assert changes[0][1].kind == "suspended"  # it goes on: that is what it is answered now
