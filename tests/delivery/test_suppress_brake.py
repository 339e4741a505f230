"""Hard bounces that are too many to be true."""

from app.delivery.gate import Suppression
from app.delivery.report_suppress import DOUBTED, HARD
from app.delivery.suppress_brake import FEW, WINDOW, Brake
from app.delivery.suppressing import changed
from app.suppressions import SuppressionCommand

NOW = 1_800_000_000.0


def test_the_share_of_those_who_were_answered_or_reached_decides() -> None:
    """A relay reports bounces alone: there only what it was given can be compared."""
    brake = Brake()
    assert not brake.doubts("r", FEW, 0, NOW) and brake.doubts("r", FEW + 1, 0, NOW)
    assert not brake.doubts("r", 30, 120, NOW) and brake.doubts("r", 31, 120, NOW)
    brake.note("r", 30, 0, 120, NOW)
    assert brake.doubts("r", 1, 120, NOW + 60) and not brake.doubts("other", 1, 0, NOW + 60)
    brake.note("r", 0, 200, 120, NOW + 70)
    assert not brake.doubts("r", 1, 120, NOW + 80)


def test_it_forgets() -> None:
    """What was an hour or two ago is past, and what was answered before counts no longer."""
    brake = Brake()
    brake.note("r", 100, 0, 100, NOW)
    assert brake.doubts("r", 1, 100, NOW + WINDOW + 1)
    brake.note("r", 0, 0, 100, NOW + WINDOW + 1)
    assert not brake.doubts("r", 1, 100, NOW + 2 * WINDOW + 2)
    assert brake.doubts("r", FEW + 1, 100, NOW + 4 * WINDOW)


def test_a_rest_takes_the_place_of_nothing_that_holds_longer() -> None:
    """Who has left for good does not come back after a week."""
    left = Suppression("account", "acme", "unsubscribed", "", NOW - 5.0)
    rest = SuppressionCommand(
        "add", "account", "acme", recipients=["0" * 32], reason=DOUBTED, source="ses", at=NOW, until=NOW + 9.0
    )
    both = changed([left], rest, NOW)
    assert left in both and len(both) == 2
    gone = SuppressionCommand("add", "account", "acme", recipients=["0" * 32], reason=HARD, source="ses", at=NOW)
    assert [each.reason for each in changed(changed([], rest, NOW), gone, NOW)] == [HARD]
