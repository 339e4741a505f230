"""When providers are asked: about each message at growing ages, never twice for one age, whatever is down meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.reports.lookups import (
    BUSY_FOR,
    DAY,
    HOUR,
    LONGEST_PAUSE,
    RULES,
    Place,
    Rule,
    is_listed,
    page_of,
    rule_of,
    steps_of,
    verdict_on,
    window_of,
)

START = 1_800_000_000.0


def asked(rule: Rule, sent_at: list[float], sweeps: list[float]) -> dict[float, list[tuple[float, int]]]:
    """Sent at -> (when, at which step) it was asked about by sweeps at these moments."""
    places: dict[int, Place] = {}
    found: dict[float, list[tuple[float, int]]] = {at: [] for at in sent_at}
    for now in sweeps:
        for step in range(len(steps_of(rule))):
            window = window_of(rule, step, places.get(step), now)
            if window is None:
                continue
            places[step] = Place(window.until)
            for at in sent_at:
                if window.after.at <= at < window.until:
                    found[at].append((now, step))
    return found


RULE = st.sampled_from([*RULES.values(), Rule(2.0, HOUR, 60), Rule(3 * DAY, 2 * DAY, 60)])


@given(RULE, st.sets(st.integers(0, 3 * 86_400), max_size=5), st.lists(st.floats(1, DAY), min_size=1, max_size=40))
def test_nobody_is_asked_about_twice_for_one_age(rule: Rule, sent: set[int], pauses: list[float]) -> None:
    """Whenever there is a look, also after a day in which all was down: providers have limits."""
    sweeps = [START + sum(pauses[: count + 1]) for count in range(len(pauses))]
    for at, times in asked(rule, [START + each for each in sent], sweeps).items():
        steps = [step for _, step in times]
        assert steps == sorted(set(steps))
        assert len({now for now, _ in times}) == len(times), "once at a look"
        for now, step in times:
            assert rule.after * 2**step <= now - at + 1e-3 <= min(rule.after * 2 ** (step + 1), rule.keeps) + 2e-3


@given(st.sampled_from(sorted(RULES)), st.floats(0, DAY))
def test_everybody_is_asked_about_at_each_age_while_all_works(name: tuple[str, str], offset: float) -> None:
    """A look a minute: no message falls between two windows, and none waits much longer than its age."""
    rule = RULES[name]
    sent = START + offset
    ages = steps_of(rule)[:3]
    sweeps = [START + DAY + minute * 60.0 for minute in range(int((ages[-1] * 1.2 + 3 * HOUR) // 60))]
    sent = sweeps[0] + offset % HOUR
    times = asked(rule, [sent], sweeps)[sent]
    assert [step for _, step in times[: len(ages)]] == list(range(len(ages)))
    for (now, _), age in zip(times, ages, strict=False):
        assert age <= now - sent <= age * (1 + 1 / 16) + 121


def test_what_was_missed_while_all_was_down_is_asked_about_once() -> None:
    """After a night without anybody, each message has the age of one step: that one asks."""
    rule = RULES["twilio", "sms"]
    sent = [START - hours * HOUR for hours in (0.1, 0.6, 1.5, 3, 9, 47, 300, 400)]
    found = asked(rule, sent, [START])
    assert [len(found[at]) for at in sent] == [0, 1, 1, 1, 1, 1, 1, 0]


def test_who_asks_and_how_fast() -> None:
    """A route may wait longer, an installation may have another rate; who cannot be asked has no rule."""
    assert rule_of("twilio", "voice", None, {}) == RULES["twilio", "voice"]
    assert rule_of("twilio", "sms", 7_200.0, {"twilio": 30.0}) == Rule(7_200.0, 14 * DAY, 30.0)
    assert rule_of("vonage", "sms", None, {}) is None and rule_of("smtp", "email", 60.0, {}) is None
    assert [page_of(Rule(1, 1, rate)) for rate in (0.5, 6, 60, 600)] == [1, 6, 60, 200]
    assert is_listed([0] * 50, True) and not is_listed([0] * 49, True) and not is_listed([0] * 500, False)
    assert steps_of(Rule(HOUR, 4 * HOUR, 1)) == [HOUR, 2 * HOUR, 4 * HOUR] and steps_of(Rule(2, 1, 1)) == []


@pytest.mark.parametrize(
    ("status", "told", "pauses"), [(200, True, 0), (404, False, 0), (403, False, 1), (429, False, 1)]
)
def test_what_an_answer_means(status: int, told: bool, pauses: int) -> None:
    """Not found is an answer; who is refused stops asking for long."""
    verdict = verdict_on(status, "", 0)
    assert verdict.told is told and bool(verdict.pause) is bool(pauses)


@given(st.integers(100, 999), st.text(max_size=12), st.integers(0, 10_000))
def test_no_answer_stops_look_ups_for_ever(status: int, retry_after: str, failures: int) -> None:
    """Providers say odd things in Retry-After."""
    verdict = verdict_on(status, retry_after, failures)
    assert verdict.pause == 0 or BUSY_FOR <= verdict.pause <= LONGEST_PAUSE
    assert not (verdict.told and verdict.pause)
