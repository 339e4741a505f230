"""Hours: the wall clock is the judge, at every moment of years with leaps of the clock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from app.commands import CampaignEntry
from app.delivery.people.windows import DAYS, LOOK_AGAIN, Hours, leave_no_moment
from app.specs import CampaignSpec, Window
from app.stream.zones import zone_named

ZONES = ("UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
clocks = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")
windows = st.builds(
    Window, opens=clocks, closes=clocks, local=st.booleans(),
    days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True),
)  # fmt: skip
moments = st.integers(1_767_225_600, 1_830_297_600).map(float)  # 2026 and 2027


def a_campaign(window: Window | None, quiet: Window | None = None, zone: str = "UTC") -> CampaignEntry:
    spec = CampaignSpec(from_email="a@x.org", lists=["l"], window=window, time_zone=zone)
    return CampaignEntry(id="c_1", account="a", state="RUNNING", spec=spec, quiet=quiet, created_at=1.0)


def shows(window: Window | None, wall: datetime) -> bool:
    """What a person would say who looks at the wall and at the poster with the hours."""
    if window is None:
        return True
    clock, today = wall.strftime("%H:%M"), DAYS[wall.weekday()]
    if window.opens == window.closes:
        return today in window.days
    if window.opens < window.closes:
        return window.opens <= clock < window.closes and today in window.days
    yesterday = DAYS[wall.weekday() - 1]
    return (clock >= window.opens and today in window.days) or (clock < window.closes and yesterday in window.days)


def may(window: Window | None, quiet: Window | None, home: str, zone: str, at: float) -> bool:
    """Whether a message may leave at *at*, by people who look at walls."""
    walls = [
        datetime.fromtimestamp(at, ZoneInfo(zone if each is not None and each.local else home))
        for each in (window, quiet)
    ]
    return shows(window, walls[0]) and (quiet is None or not shows(quiet, walls[1]))


@given(st.none() | windows, st.none() | windows, st.sampled_from(ZONES), st.sampled_from(ZONES), moments)
def test_it_is_open_exactly_when_the_wall_says_so_and_changes_exactly_then(
    window: Window | None, quiet: Window | None, home: str, zone: str, at: float
) -> None:
    """A mail at four in the morning is what quiet hours are there to prevent, also on the night clocks are put back."""
    hours, campaign = Hours(zone_named), a_campaign(window, quiet, home)
    opening, closing = hours.opening(campaign, zone, at), hours.closing(campaign, zone, at)
    now = may(window, quiet, home, zone, at)
    assert (opening == 0.0) == now
    change = closing if now else opening
    assert change > at
    if change in (float("inf"), at + LOOK_AGAIN):
        return
    assert may(window, quiet, home, zone, change) is not now
    step = at
    while step < change:
        assert may(window, quiet, home, zone, step) is now
        step += 900.0 if change - step > 3_600 else 60.0


@given(windows, st.lists(moments, min_size=2, max_size=6))
def test_what_is_remembered_is_what_would_be_found(window: Window, times: list[float]) -> None:
    """Hours are asked for every pack, at times that go back and forth by a little: no memory answers for another."""
    known, campaign = Hours(zone_named), a_campaign(window, None, "Europe/Lisbon")
    for at in times:
        fresh = Hours(zone_named)
        asked = (known.opening(campaign, "", at), known.closing(campaign, "", at))
        found = (fresh.opening(campaign, "", at), fresh.closing(campaign, "", at))
        assert asked == found or at + LOOK_AGAIN in found


def test_a_zone_that_nobody_knows_is_the_campaigns() -> None:
    """Contacts are imported from everywhere: "Mars/Olympus" must neither stop a pack nor send at night."""
    nine_to_five = Window(opens="09:00", closes="17:00", local=True)
    hours, campaign = Hours(zone_named), a_campaign(nine_to_five, zone="Europe/Lisbon")
    at = datetime(2026, 7, 1, 10, tzinfo=ZoneInfo("Europe/Lisbon")).timestamp()
    place = hours.placing(campaign)
    assert place is not None
    for zone in ("", "Mars/Olympus", "../etc/passwd", "Europe"):
        assert hours.opening(campaign, zone, at) == 0.0
        assert place(zone, at) == (at, "")
    assert place("Asia/Tokyo", at) == (hours.opening(campaign, "Asia/Tokyo", at), "Asia/Tokyo")
    assert hours.opening(campaign, "Asia/Tokyo", at) > at


def test_hours_that_leave_no_moment_wait_and_look_again() -> None:
    """A window inside the quiet hours is a mistake of people: nobody is sent to, nobody is lost, nothing spins."""
    hours = Hours(zone_named)
    campaign = a_campaign(Window(opens="22:00", closes="23:00"), Window(opens="21:00", closes="08:00"))
    assert hours.opening(campaign, "", 1_800_000_000.0) == 1_800_000_000.0 + LOOK_AGAIN


@given(st.none() | windows, st.none() | windows)
def test_hours_that_leave_no_moment_are_known_beforehand(window: Window | None, quiet: Window | None) -> None:
    """Such a campaign is refused when it is started: it would wait for ever, and look as if it ran."""
    if window is not None and quiet is not None:
        quiet = quiet.model_copy(update={"local": window.local})
    walls = [datetime(2026, 6, day) + timedelta(minutes=15 * step) for day in range(1, 8) for step in range(96)]
    open_ = any(shows(window, wall) and (quiet is None or not shows(quiet, wall)) for wall in walls)
    assert leave_no_moment(window, quiet) is not open_


def test_a_transactional_message_knows_no_hours() -> None:
    """A password reset at night is what somebody waits for at night."""
    spec = CampaignSpec(from_email="a@x.org", kind="transactional", window=Window(opens="09:00", closes="09:15"))
    campaign = CampaignEntry(id="c_2", account="a", state="RUNNING", spec=spec, quiet=Window(), created_at=1.0)
    at = datetime(2026, 7, 1, 3).timestamp()
    hours = Hours(zone_named)
    assert hours.opening(campaign, "", at) == 0.0
    assert hours.closing(campaign, "", at) == float("inf")
    assert hours.placing(campaign) is None


def test_a_changed_campaign_has_its_new_hours_at_once() -> None:
    """Who opens a window because a campaign must go out now does not wait for a memory to fade."""
    hours, at = Hours(zone_named), datetime(2026, 7, 1, 3, tzinfo=ZoneInfo("UTC")).timestamp()
    assert hours.opening(a_campaign(Window(opens="09:00", closes="17:00")), "", at) == at + 6 * 3_600
    assert hours.opening(a_campaign(Window(opens="02:00", closes="17:00")), "", at) == 0.0
    assert hours.closing(a_campaign(None), "", at) == float("inf")
