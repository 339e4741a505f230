"""Limits as people read them: figures, plans, and bars."""

from datetime import date

import pytest
from pydantic import ValidationError

from app.cli.failures import CommandError
from app.cli.limits import _warm_up
from app.cli.limits_file import changes_of
from app.cli.limits_shown import bar, details, row_of
from app.delivery.limits.figures import notes_on_edit, spoken
from app.routes import AskedLimit, LimitSet, LimitStatus, WarmUp

POOL = LimitSet(
    scope="pool", name="warm", group="gmail", rate=5_000, per="hour", burst=50, hourly=5_000, daily=60_000,
    warm_up=WarmUp(begins=date(2027, 3, 1), first=50, factor=2, last=20_000), full="overflow",
)  # fmt: skip


@pytest.mark.parametrize(
    ("used", "drawn"),
    [
        (0, "░░░░░░░░░░"),
        (4, "░░░░░░░░░░"),
        (5, "▌░░░░░░░░░"),
        (50, "█████░░░░░"),
        (99, "█████████▌"),
        (100, "██████████"),
    ],
)
def test_a_bar_is_full_only_when_all_is_used(used: int, drawn: str) -> None:
    """Whoever sees a full one goes and looks."""
    assert bar(used, 100) == drawn
    assert bar(130, 100) == "██████████"
    assert bar(0, 0) == "██████████"


def test_a_limit_in_a_row_and_in_a_sentence() -> None:
    """Everything of it, with its units."""
    usage = [
        LimitStatus(name="hour|pool|warm|gmail", used=100, most=5_000, resets_at=1_800_000_000.0),
        LimitStatus(name="day|pool|warm|gmail", used=45_000, most=60_000, resets_at=1_800_000_000.0),
        LimitStatus(name="on the way|pool|warm|gmail", most=20, on_the_way=3),
    ]
    row = row_of(POOL, usage)
    assert row[:6] == ("pool", "warm > gmail", "5,000/h", "50", "", "5,000")
    assert row[6] == "60,000 / warm-up 50 100 200 ... 12,800, 9 days from 2027-03-01"
    assert row[7:] == ("overflow", "███████▌░░ 45,000/60,000 (of 2)")
    assert spoken(POOL).startswith("5,000/h, 50 at once, 5,000 an hour, 60,000 a day, warm-up 50 100 200 ... 12,800")
    told = dict(details(POOL, usage))
    assert (
        told["the day: pool warm towards gmail"] == "███████▌░░ 45,000 of 60,000, begins anew at 2027-01-15T08:00:00Z"
    )
    assert told["on the way: pool warm towards gmail"] == "3 of 20 on the way"


def test_what_is_counted_in_parts_says_so() -> None:
    """A cap of 1,000 parts is no cap of 1,000 messages."""
    limit = LimitSet(scope="route", name="sms", rate=10, daily=1_000, hourly=100, moving_daily=500, unit="parts")
    assert row_of(limit, [])[2:7] == ("10/s parts", "", "", "100 parts", "1,000 parts / 500 parts in any 24 h")
    told = dict(details(limit, [LimitStatus(name="24 h|route|sms", used=1, most=500)]))
    assert "any 24 hours: route sms" in told


def test_a_diff_of_a_file_names_what_differs() -> None:
    """It is read before it is done."""
    gone = LimitSet(scope="group", name="gmx", rate=10)
    new = LimitSet(scope="account", name="acme", daily=5)
    changes = changes_of([POOL.model_copy(update={"daily": None}), new], [POOL, gone], prune=True)
    assert changes.lines() == [
        "+ account acme: 5 a day",
        "~ pool warm towards gmail: daily 60000 -> none",
        "- group gmx: 10/s",
    ]
    assert changes.summary() == "1 new, 1 changed, 1 removed; 0 as they were"
    assert [each.key for each in changes.orders()] == [new.key, POOL.key, gone.key]
    assert changes.orders()[-1].limits_nothing
    assert changes_of([POOL], [POOL, gone], prune=False).removed == []


def test_an_edit_tells_what_the_limit_was_and_which_figures_are_gone() -> None:
    """A daily cap that is set removes the rate that was there: whoever does it must read that at once."""
    rate, daily = (LimitSet(scope="account", name="acme", **each) for each in ({"rate": 200.0}, {"daily": 5_000}))
    was, gone = notes_on_edit(rate, daily)
    assert was == "was: 200/s; now: 5,000 a day"
    assert gone.startswith("no longer limited: 200/s (a limit is set as a whole")
    both = rate.model_copy(update={"daily": 5_000})
    assert notes_on_edit(rate, both) == ["was: 200/s; now: 200/s, 5,000 a day"]
    assert notes_on_edit(both, LimitSet(scope="account", name="acme")) == ["was: 200/s, 5,000 a day"]
    assert notes_on_edit(None, rate) == notes_on_edit(rate, rate) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("1e12", "at most 1,000,000 messages a second"), ("0", "pause"), ("0/hour", "pause"), ("x", "no rate")],
)
def test_a_rate_that_cannot_be_says_what_could(text: str, said: str) -> None:
    """The largest, and how to send nothing."""
    with pytest.raises(ValidationError, match=said):
        AskedLimit.model_validate({"scope": "group", "name": "gmail", "rate": text})
    assert AskedLimit.model_validate({"scope": "group", "name": "gmail", "rate": "1e3/hour"}).rate == 1_000


def test_a_warm_up_without_its_first_day_says_so() -> None:
    """A day that was not given is no wrong day."""
    with pytest.raises(CommandError, match="needs its first day"):
        _warm_up("50,100", "")
