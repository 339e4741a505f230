"""Every row of an audience is expanded once, in time, and not further ahead than anybody can use."""

from hypothesis import given
from hypothesis import strategies as st

from app.commands import Seal, Section
from app.delivery.pacing.sharding import (
    AHEAD_A_GROUP,
    AHEAD_IN_ALL,
    AHEAD_OF_ALL,
    AHEAD_OF_TIME,
    Ahead,
    Progress,
    least_ahead,
    next_ranges,
    waits_as,
)
from app.delivery.pacing.speeds import Speeds
from app.delivery.partition_records import ClassKey

NOW = 1_000_000.0
SECTION = st.builds(
    Section,
    st.sampled_from(["gmail", "outlook", "other"]),
    st.integers(1, 9_000),
    st.sampled_from([0.0, NOW, NOW + 3_600, NOW + 7_200]),
    st.booleans(),
    st.sampled_from(["", "engaged"]),
)


def seal_of(sections: list[Section]) -> Seal:
    return Seal(id="s", count=sum(each.rows for each in sections), digest="", day=1, groups=sections)


@given(st.lists(SECTION, min_size=1, max_size=12))
def test_expanding_covers_every_row_once(sections: list[Section]) -> None:
    """A row that no range covers would never be mailed; also where one group stands in several sections."""
    seal, progress = seal_of(sections), Progress()
    rows: list[int] = []
    for _ in range(60):
        ranges = next_ranges(seal, progress, len(rows), {}, 2_000, NOW + 9_000)
        assert sum(count for _, _, count in ranges) < AHEAD_IN_ALL + 2_000
        for _, first, count in ranges:
            rows += range(first, first + count)
    assert sorted(rows) == list(range(seal.count)) and progress.total == seal.count


@given(st.lists(SECTION, min_size=1, max_size=12))
def test_the_sample_comes_first_and_alone(sections: list[Section]) -> None:
    """Who is not in the test gets what has won: nothing of theirs may be on the road before that is known."""
    sections = sorted(sections, key=lambda each: not each.test)
    seal, progress = seal_of(sections), Progress()
    sample = sum(each.rows for each in sections if each.test)
    for _ in range(60):
        for _, first, count in next_ranges(seal, progress, progress.total, {}, 2_000, NOW + 9_000, sample_only=True):
            assert first + count <= sample
    assert progress.total == sample


def test_rows_of_a_later_hour_are_expanded_shortly_before_it() -> None:
    """Those whose morning is tomorrow lie in the database, not in everybody's tables."""
    seal = seal_of([Section("gmail", 100), Section("gmail", 200, NOW + 3_600)])
    progress = Progress()
    assert next_ranges(seal, progress, 0, {}, 2_000, NOW) == [("gmail", 0, 100)]
    assert not next_ranges(seal, progress, 100, {}, 2_000, NOW + 3_599 - AHEAD_OF_TIME)
    assert next_ranges(seal, progress, 100, {}, 2_000, NOW + 3_600 - AHEAD_OF_TIME) == [("gmail", 100, 200)]


def test_a_group_that_waits_does_not_hold_up_the_others() -> None:
    """gmail at 10/s must not block everybody else."""
    seal = seal_of([Section("gmail", 50_000), Section("other", 50_000)])
    progress = Progress({"gmail": 20_000})
    ranges = next_ranges(seal, progress, 20_000, {"gmail": 20_000}, 2_000, NOW)
    assert ranges and {group for group, _, _ in ranges} == {"other"}


def test_small_sections_share_a_range() -> None:
    """A hundred campaigns of a thousand people in a dozen groups would be 1,200 readings and ten times the packs."""
    seal, progress = seal_of([Section(f"group {number}", 80 + number) for number in range(12)]), Progress()
    assert next_ranges(seal, progress, 0, {}, 3_600, NOW) == [("group 0", 0, seal.count)]
    assert progress.total == seal.count
    large = seal_of([Section("small", 500), Section("gmail", 9_000)])
    assert next_ranges(large, Progress(), 0, {}, 3_600, NOW)[:3] == [
        ("small", 0, 500), ("gmail", 500, 3_600), ("gmail", 4_100, 3_600),
    ]  # fmt: skip


def test_progress_of_an_audience_of_before_is_understood() -> None:
    """It was stored by the names of groups: an update in the middle of a campaign sends nobody a second mail."""
    seal = seal_of([Section("gmail", 50), Section("other", 30)])
    assert next_ranges(seal, Progress({"gmail": 50, "other": 10}), 60, {}, 100, NOW) == [("other", 60, 20)]


def test_a_tier_that_waits_does_not_hold_up_the_others() -> None:
    """The pool for dormant people is down: those who read get theirs, of the same provider too."""
    sections = [Section("gmail", 50_000, tier="dormant"), Section("gmail", 30_000, tier="engaged"), Section("aol", 100)]
    progress = Progress({"gmail": 20_000})
    due = {waits_as("gmail", "dormant"): 20_000}
    ranges = next_ranges(seal_of(sections), progress, 20_000, due, 2_000, NOW)
    assert {first >= 50_000 for _, first, _ in ranges} == {True}
    assert sum(count for _, _, count in ranges) == AHEAD_IN_ALL + 100


def test_where_many_campaigns_run_little_lies_ready_of_each() -> None:
    """All of it would pass the gate at once, and out again when somebody cancels."""
    assert least_ahead(1, 10, 8) == AHEAD_A_GROUP
    assert 100 * 10 * least_ahead(100, 10, 8) <= 2 * AHEAD_OF_ALL
    seal, progress, ahead = seal_of([Section("gmail", 50_000)]), Progress(), Ahead({}, 1_000)
    assert next_ranges(seal, progress, 0, {}, 3_600, NOW, ahead=ahead) == [("gmail", 0, 1_000)]
    assert not next_ranges(seal, progress, 0, {}, 3_600, NOW, ahead=ahead)
    assert not next_ranges(seal, progress, 1_000, {"gmail": 1_000}, 3_600, NOW, ahead=ahead)
    fast = Ahead({"gmail": 50.0}, 1_000)
    assert next_ranges(seal, progress, 1_000, {"gmail": 1_000}, 3_600, NOW, ahead=fast) == [("gmail", 1_000, 3_000)]


@given(
    st.lists(st.floats(0.5, 3_000.0), min_size=1, max_size=4),
    st.floats(0.2, 1.0),
    st.integers(1, 500),
)
def test_expanding_keeps_up_with_whatever_limits_let_through(
    rates: list[float], latency: float, campaigns: int
) -> None:
    """
    Rows reach the gate *latency* after they were asked for; a group that finds nothing to send loses its turn.
    """
    names = [f"group {number}" for number in range(len(rates))]
    seal = seal_of([Section(name, 100_000) for name in names])
    progress, speeds, least = Progress(), Speeds(), least_ahead(campaigns, len(rates), 8)
    due, sent = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    coming: list[tuple[float, str, int]] = []
    listed, now, step = 0, NOW, 0.2
    for tick in range(300):
        now = NOW + tick * step
        ready = [each for each in coming if each[0] <= now]
        coming = [each for each in coming if each[0] > now]
        for _, name, count in ready:
            listed += count
            due[name] += count
        for name, rate in zip(names, rates, strict=True):
            count = min(due[name], rate * step)
            due[name] -= count
            speeds.granted(ClassKey("c", "bulk", name), count, now)  # type: ignore[arg-type]
            if tick >= 100:
                sent[name] += count
        ahead = Ahead(speeds.of("c", now), least)
        whole = {name: int(count) for name, count in due.items()}
        for name, _, count in next_ranges(seal, progress, listed, whole, 3_600, now, ahead=ahead):
            coming.append((now + latency, name, count))
    for name, rate in zip(names, rates, strict=True):
        assert sent[name] >= 0.98 * min(rate * 200 * step, 100_000 - 100 * step * rate)


def test_a_speed_is_that_of_the_last_seconds() -> None:
    """What was fast an hour ago is expanded no further for that."""
    speeds, key = Speeds(), ClassKey("c", "bulk", "gmail", "engaged")
    for tick in range(600):
        speeds.granted(key, 20, NOW + tick * 0.1)
        speeds.granted(key._replace(retry=True), 50, NOW + tick * 0.1)
    (name, speed), *others = speeds.of("c", NOW + 60).items()
    assert name == waits_as("gmail", "engaged") and 190 < speed < 210 and not others
    assert not speeds.of("c", NOW + 300) and not speeds.of("another", NOW)
