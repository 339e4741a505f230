"""The judge of limits on the wire."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.capacity import back_after
from benchmarks.wire import excesses, rate_between


@given(st.lists(st.floats(0, 20), max_size=60), st.floats(0.5, 5), st.floats(1, 5))
def test_every_window_that_is_too_full_is_seen(times: list[float], rate: float, burst: float) -> None:
    """Against counting by hand: a judge that looks at whole seconds only would miss bursts across them."""
    times.sort()
    by_hand = 0
    for window in (1.0, 5.0):
        for start, at in enumerate(times):
            by_hand += sum(at <= other < at + window for other in times[start:]) > rate * window * 1.02 + burst
    assert excesses(times, rate, burst, (1.0, 5.0)) == by_hand


def test_a_rate_is_of_whole_stretches() -> None:
    """Of what lies between two moments."""
    assert rate_between([0.0, 1.0, 2.0, 3.0], 0.5, 2.5) == 1.0


def test_back_is_who_sends_at_half_its_rate_again() -> None:
    """A single message after a kill is no recovery, and who never stopped has nothing to recover from."""
    before = [n / 100 for n in range(1_000)]
    straggler, after = [10.5], [12.0 + n / 100 for n in range(1_000)]
    assert 1.5 < back_after(before + straggler + after, 10.0) < 2.5
    assert back_after([n / 100 for n in range(3_000)], 10.0) == 0.0
    assert back_after([*before, 10.5], 10.0) == float("inf")
