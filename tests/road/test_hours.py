"""Hours over all processes: what is outside them waits, and what waits too long is told as expired."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.road.conftest import Installation

pytestmark = pytest.mark.integration

PEOPLE = 300


def closed_window() -> dict[str, str | bool]:
    """An hour of the recipients' clocks that none of those below shows now."""
    opens = datetime.now(UTC) + timedelta(hours=12)
    return {"opens": f"{opens:%H:%M}", "closes": f"{opens + timedelta(hours=1):%H:%M}", "local": True}


def people(name: str) -> list[dict[str, str]]:
    """Some of them have clocks of their own, one a clock that is none."""
    zones = ("Asia/Kathmandu", "America/New_York", "Mars/Olympus")
    return [
        {"email": f"{name}{i}@corp.example", "first_name": "Ann", "city": "Ulm", "time_zone": zones[i % 3]}
        for i in range(PEOPLE)
    ]


def listed(installation: Installation, campaign: str) -> None:
    """Wait until everybody has passed the gate."""
    deadline = time.monotonic() + 60
    while installation.view(f"/campaigns/{campaign}/")["counters"].get("listed", 0) < PEOPLE:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_outside_its_window_a_campaign_sends_nothing_and_can_be_cancelled(installation: Installation) -> None:
    """Mail at night is what a window is there to prevent; and who waits for it must not wait for a cancel, too."""
    installation.people("night", people("night"))
    before = len(installation.sunk())
    campaign = installation.start("night", window=closed_window())
    listed(installation, campaign)
    assert installation.command(kind="campaign.cancel", campaign=campaign).answer.status == 200
    counters = installation.wait_for(campaign, "CANCELLED")["counters"]
    assert counters["dropped.cancelled"] == counters["dropped"] == PEOPLE
    assert len(installation.sunk()) == before


def test_who_still_waits_when_a_campaign_expires_is_told_as_expired(installation: Installation) -> None:
    """An offer that ended at noon must not arrive in the evening, and its senders want to know who did not get it."""
    installation.people("late", people("late"))
    before = len(installation.sunk())
    campaign = installation.start("late", window=closed_window(), expires_at=time.time() + 8)
    counters = installation.wait_for(campaign, "COMPLETED")["counters"]
    assert counters["dropped.expired"] == counters["dropped"] == PEOPLE
    assert len(installation.sunk()) == before
    assert installation.statuses(campaign, PEOPLE) == {"DROPPED": PEOPLE}
