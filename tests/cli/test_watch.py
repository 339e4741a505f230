"""What `fanfare campaign status` foresees."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.cli import watch
from app.clickhouse.client import ClickHouseError
from app.commands import CampaignEntry, Seal, Section
from app.control import Picture
from app.routes import LimitSet
from app.specs import CampaignSpec


async def test_a_campaign_that_runs_is_foreseen_also_without_clickhouse(monkeypatch: pytest.MonkeyPatch) -> None:
    """As over REST: what binds, and until when."""

    async def away(*_: object) -> list[dict[str, Any]]:
        raise ClickHouseError(0, "it is away")

    monkeypatch.setattr(watch, "by_provider", away)
    monkeypatch.setattr(watch, "SPEED_SECONDS", 0.0)
    seal = Seal(id="s", count=100, digest="", day=1, groups=[Section("gmail", 100)])
    spec = CampaignSpec(from_email="news@acme.example", lists=["all"])
    entry = CampaignEntry(id="c_1", account="acme", state="RUNNING", spec=spec, seal=seal, created_at=1.0)
    limit = LimitSet(scope="group", name="gmail", rate=2.0)
    tail = SimpleNamespace(limits={limit.key: limit}, limit_status={}, routes={}, route_status={}, accounts={})
    control = SimpleNamespace(
        campaigns={"c_1": entry}, tail=tail, settings=SimpleNamespace(account_rate=0.0),
        picture_of=lambda _: Picture({}, complete=True),
    )  # fmt: skip
    found = await watch._forecast(cast("Any", control), cast("Any", None), entry)
    assert (found.limited_by, found.seconds) == ("limit.group.gmail", 50.0)
    assert watch.told_of({"finishes_at": 1_800_000_000.0, "text": found.text}) == (
        "done about 2027-01-15T08:00:00Z: 100 to gmail at 2/s (limit.group.gmail)"
    )
    assert watch.told_of({"finishes_at": None, "text": "it is paused"}) == "it is paused"


def test_what_waits_for_delivery_and_what_each_channel_came_to_is_shown() -> None:
    """A campaign that is out and not complete must say what it waits for."""
    counts = {"awaited": 9, "awaited.over": 4, "fallback": 3, "fallback.sms": 3, "channel.whatsapp.not_reached": 3}
    assert watch._over_channels(counts) == [
        ("waiting for delivery", 5), ("whatsapp: not reached", 3), ("went on by sms", 3)
    ]  # fmt: skip
    assert watch._over_channels({"sent": 1}) == []


def test_a_status_tells_in_a_line_what_reports_made_of_it() -> None:
    """What a relay took may have come back since."""
    fates = {"delivered": 1_186, "bounced": 8, "blocked": 0, "not_reported": 2, "complained": 1}
    assert watch.told_of_fates(fates) == (
        "what became of them: 1,186 delivered, 8 bounced, 1 complained, 2 not reported yet"
    )
    assert watch.told_of_fates({"delivered": 0, "not_reported": 9}) == ""
