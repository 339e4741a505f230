"""The live page in a real browser; the pictures stay in var/test-artifacts."""

import asyncio
import math
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from app.records import ClassDemand, Demand
from app.settings import Settings
from app.web.keys import FEED, LINK
from app.web.views import Views
from tests.web.browser import CHROMIUM, browser
from tests.web.conftest import Planes, campaign_entry, running_edge

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)"),
]

ARTIFACTS = Path(__file__).parents[2] / "var" / "test-artifacts"
AUDIENCE = 20_000
COUNTS = {
    "listed": 19_800, "delivered": 14_210, "bounced": 240, "bounced.unknown_user": 171, "bounced.mailbox_full": 69,
    "blocked": 31, "blocked.spam": 31, "deferred": 212, "dropped": 310, "dropped.suppressed": 201,
    "dropped.duplicate": 109, "unknown": 3,
}  # fmt: skip
PROVIDERS = [
    {"provider": "gmail.com", "messages": 7100, "delivered": 6810, "deferred": 160, "bounced": 110, "blocked": 20},
    {"provider": "outlook.com", "messages": 3900, "delivered": 3801, "deferred": 20, "bounced": 68, "blocked": 11},
    {"provider": "yahoo.com", "messages": 2300, "delivered": 2252, "deferred": 18, "bounced": 30, "blocked": 0},
    {"provider": "example.org", "messages": 1394, "delivered": 1347, "deferred": 14, "bounced": 32, "blocked": 0},
]


class KnownViews(Views):
    """ClickHouse's answer, known beforehand."""

    async def by_provider(self, campaign: str) -> list[dict[str, Any]] | None:  # noqa: ARG002 - any campaign
        return PROVIDERS


async def campaign_on(edge: TestClient[Any, Any], planes: Planes) -> str:
    """A campaign that has run for two minutes at a changing rate, three quarters done."""
    app, name, now = edge.app, "cmp_page", time.time()
    assert app is not None
    await planes.entry(campaign_entry(name, count=AUDIENCE, started_at=now - 120))
    demand = ClassDemand(name, "bulk", "gmail", due=5000, next_due=0.0, open=120)
    for partition in range(2):
        counts = COUNTS if partition == 0 else {}
        await planes.demand(Demand(partition, 10, 1, now, True, 0, [demand], {name: counts}))
    control = app[LINK].control
    async with asyncio.timeout(10):
        while control.picture(name).final < 14_000 or name not in control.campaigns:
            await control.changed(0.2)
    final = control.picture(name).final
    app[FEED]._histories.pop(name, None)  # a sample of the present, taken meanwhile, would keep the past out
    for second in range(120):
        wave = second + 2.5 * math.sin(second / 9) + 0.3 * math.sin(second * 1.7)
        app[FEED].note(name, now - 120 + second, int(final * min(1.0, max(0.0, wave) / 121)))
    return name


async def test_the_page_shows_a_running_campaign_as_it_goes_on(
    settings: Settings, planes: Planes, tmp_path: Path
) -> None:
    """
    One look must tell how far it is, how fast, and what went wrong; and it must be the present.
    """
    async with running_edge(settings, KnownViews(settings)) as edge, browser(tmp_path / "profile") as page:
        campaign = await campaign_on(edge, planes)
        await page.open(str(edge.make_url(f"/campaigns/{campaign}")))
        await page.until("document.querySelector('#link')?.dataset.link === 'on'")
        await page.until("document.querySelector('#chart path.line') !== null")
        assert await page.ask("document.querySelector('[data-count=delivered]').textContent") == "14,210"
        more = {campaign: {"listed": 100, "delivered": 90}}
        await planes.demand(Demand(1, 11, 2, time.time(), False, 0, [], more))
        await page.until("document.querySelector('[data-count=delivered]').textContent === '14,300'")
        await page.until("document.querySelector('#reasons').textContent.includes('unknown user')")
        await page.until("document.querySelectorAll('#providers tr').length === 4")
        image = await page.picture(ARTIFACTS / "live-page.png")
        origin = str(edge.make_url("/"))
    assert image.startswith(b"\x89PNG")
    assert page.complaints == []
    assert [each for each in page.requests if not each.startswith(origin)] == []


async def test_without_clickhouse_the_page_shows_everything_else(
    edge: TestClient[Any, Any], planes: Planes, tmp_path: Path
) -> None:
    """
    Sending does not need ClickHouse, so watching it must not either.
    """
    campaign = await campaign_on(edge, planes)
    async with browser(tmp_path / "profile") as page:
        await page.open(str(edge.make_url(f"/campaigns/{campaign}")))
        await page.until(
            "document.querySelector('#providers-note')?.textContent.includes('ClickHouse does not answer')"
        )
        assert await page.ask("document.querySelector('[data-count=bounced]').textContent") == "240"


async def test_the_page_is_readable_at_night_and_on_a_phone(settings: Settings, planes: Planes, tmp_path: Path) -> None:
    """
    Campaigns are watched from a sofa, too: nothing may be cut off.
    """
    async with running_edge(settings, KnownViews(settings)) as edge, browser(tmp_path / "profile") as page:
        campaign = await campaign_on(edge, planes)
        for width, height, name in ((1280, 1500, "dark"), (390, 844, "phone")):
            await page.open(str(edge.make_url(f"/campaigns/{campaign}")), width, height, dark=name == "dark")
            await page.until("document.querySelectorAll('#providers tr').length === 4")
            await page.until("document.querySelector('#chart path.line') !== null")
            assert await page.ask(f"document.documentElement.scrollWidth <= {width}")
            await page.picture(ARTIFACTS / f"live-page-{name}.png")
    assert page.complaints == []


async def test_the_page_of_a_campaign_that_has_ended_promises_nothing(
    edge: TestClient[Any, Any], planes: Planes, tmp_path: Path
) -> None:
    """
    After a restart of the edge there is no curve any more: nobody may wait for it, or take the page for live.
    """
    app, name, now = edge.app, "cmp_over", time.time()
    assert app is not None
    counters = {"listed": 1000, "delivered": 1000}
    over = {"started_at": now - 60, "finished_at": now - 5, "counters": counters}
    await planes.entry(campaign_entry(name, state="COMPLETED", **over))
    async with asyncio.timeout(10):
        while name not in app[LINK].control.campaigns:
            await app[LINK].control.changed(0.2)
    async with browser(tmp_path / "profile") as page:
        await page.open(str(edge.make_url(f"/campaigns/{name}")))
        await page.until("document.querySelector('#chart text.none')?.textContent.startsWith('No curve')")
        streamed = "ClickHouse does not answer"  # only pictures of the stream say so
        await page.until(f"document.querySelector('#providers-note')?.textContent.includes('{streamed}')")
        assert await page.ask("document.querySelector('#link').textContent") == "ended"
        assert await page.ask("document.querySelector('#link').dataset.link") == "off"
    assert page.complaints == []
