"""Hard bounces that are too many to be true."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.gate import Suppression
from app.delivery.people.suppressing import changed
from app.delivery.reports.brake import FEW, WINDOW, Brake, Kept, Told
from app.delivery.reports.suppress import DOUBTED, HARD
from app.suppressions import SuppressionCommand

encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Kept).decode
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


STEPS = st.lists(
    st.tuples(
        st.integers(0, 20), st.integers(0, 60), st.integers(0, 40), st.sampled_from([1.0, 600.0, WINDOW, 1.9 * WINDOW]),
        st.booleans(),
    ), max_size=30,
)  # fmt: skip


@given(STEPS)
def test_a_restart_changes_no_doubt(steps: list[tuple[int, int, int, float, bool]]) -> None:
    """What is stored with each step is all that it needs."""
    steady, restarted, stored, now = Brake(), Brake(), dict[str, Kept](), NOW
    ever, since = 0, 0  # messages that the route has answered, since its first report and since the restart
    steady.note("r", 0, 1, 0, now)
    restarted.note("r", 0, 1, 0, now)
    for gone, others, answered, seconds, restart in steps:
        now, ever, since = now + seconds, ever + answered, since + answered
        assert steady.doubts("r", gone, ever, now) == restarted.doubts("r", gone, since, now)
        steady.note("r", gone, others, ever, now)
        restarted.note("r", gone, others, since, now)
        (kept,) = restarted.changes({"r": since}, now).values()
        assert kept is not None and not restarted.changes({"r": since}, now)
        stored["r"] = decode(encode(kept))
        if restart:
            since, restarted = 0, Brake(stored, {})


def test_what_counts_no_longer_is_not_kept() -> None:
    """Routes come and go: the table would grow with them."""
    brake = Brake({"old": Kept(Told(NOW - 3 * WINDOW, 5, 5, 5)), "new": Kept(Told(NOW, 5, 5, 5))}, {"new": 100})
    brake.note("r", 1, 0, 0, NOW)
    changes = brake.changes({}, NOW)
    assert changes == {"old": None, "r": Kept(Told(NOW, 0, 1, 0))} and not brake.changes({}, NOW)
    assert brake.changes({}, NOW + 2 * WINDOW + 1) == {"new": None, "r": None}
    brake.note("old", 1, 0, 7, NOW + 3 * WINDOW)
    assert brake.changes({"old": 7}, NOW + 3 * WINDOW)["old"] is not None


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
