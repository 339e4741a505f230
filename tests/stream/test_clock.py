"""Whether this machine's clock agrees with the broker's."""

import pytest

from app.stream.clock import ClockMismatch, check_offset, clock_offset


def test_a_stamp_between_sending_and_receiving_proves_nothing_wrong() -> None:
    """
    A slow broker is not a wrong clock.
    """
    assert clock_offset(10.0, 14.0, 20.0) == 0.0
    check_offset(10.0, 14_000, 20.0)


@pytest.mark.parametrize(("stamp", "offset"), [(9_000, 1.0), (21_000, -1.0)])
def test_an_impossible_stamp_tells_by_how_much_the_clock_is_off(stamp: int, offset: float) -> None:
    """
    Credits expire within a second: clocks that differ by one would waste or double them.
    """
    with pytest.raises(ClockMismatch, match="set up NTP") as raised:
        check_offset(10.0, stamp, 20.0)
    assert raised.value.offset == pytest.approx(offset, abs=0.002)


def test_whole_milliseconds_are_no_offset() -> None:
    """
    The broker cuts to milliseconds: a record sent at .9994 is stamped .999.
    """
    check_offset(10.9994, 10_999, 10.9996)
