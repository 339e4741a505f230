"""What `fanfare campaign status` and `watch` see of a campaign that sleeps: its last change, stored by nobody yet."""

import json

import pytest

from app.cli import watch
from app.cli.failures import CommandError
from app.settings import Settings
from tests.web.conftest import Planes, campaign_entry

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def this_installation(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands look here. ClickHouse is away: what it has would be older."""
    monkeypatch.setattr(watch, "settings", lambda: settings)


async def test_who_schedules_a_campaign_and_watches_it_at_once_hears_when_it_is_due(planes: Planes) -> None:
    """
    It was a DRAFT a moment ago, and its mirror in ClickHouse may say so for seconds.
    """
    due = 3_781_324_800.0
    await planes.sleeping(campaign_entry("c_later", "SCHEDULED", seal=None, revision=2, due_at=due))
    with pytest.raises(CommandError, match="SCHEDULED, due at 2089-10-28T08:00:00Z: there is nothing to watch"):
        await watch.follow("c_later", "default", as_json=True)


async def test_a_campaign_that_has_just_gone_to_sleep_is_what_it_is_now(
    planes: Planes, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    The directory forgets it a moment after the answer to `unschedule`.
    """
    await planes.entry(campaign_entry("c_back", "SCHEDULED", seal=None, revision=2, due_at=3_781_324_800.0))
    await planes.sleeping(campaign_entry("c_back", "DRAFT", seal=None, revision=3))
    await watch.show_status("c_back", "default", as_json=True)
    assert json.loads(capsys.readouterr().out)["state"] == "DRAFT"
    with pytest.raises(CommandError, match="is DRAFT: there is nothing to watch"):
        await watch.follow("c_back", "default", as_json=True)
