"""The page of routes in a real browser; the picture stays in var/test-artifacts."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from app.routes import LimitStatus, Notice, RouteStatus, SenderStatus
from app.settings import Settings
from app.web.keys import LINK
from app.web.routes_page import SEEN, SeenNotices
from tests.web.browser import CHROMIUM, browser
from tests.web.conftest import Planes, running_edge

pytestmark = [
    pytest.mark.browser,
    pytest.mark.integration,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt install chromium)"),
]

ARTIFACTS = Path(__file__).parents[2] / "var" / "test-artifacts"
NOW = time.time()
NOTICE = Notice(
    id="1", at=NOW - 8, kind="breaker_opened", level="alert", route="primary", pool="primary",
    reason="212 messages failed in 1.2 s, and none got through; tried again in 10 s",
)  # fmt: skip
SLOWED = SenderStatus(
    pool="warm", group="gmail", factor=0.5, rate=42.5, since=NOW - 300,
    reason="14% of 1,210 answers within 60 s were deferrals, throttles or blocks: 50% of its rate, 42.5 a second",
)  # fmt: skip
SUSPENDED = SenderStatus(
    pool="warm", group="yahoo", factor=0.5, suspended_until=NOW + 7_000, since=NOW - 200,
    reason="yahoo TSS04: 12 times within an hour, 12 of 300 answers lately: suspended for 2 h, then rate x 0.5",
)  # fmt: skip


class KnownNotices(SeenNotices):
    """ClickHouse's answer, known beforehand."""

    def newest(self, *_: Any) -> list[Notice]:
        return [NOTICE]


async def told(edge: TestClient[Any, Any], planes: Planes) -> None:
    """Three routes, two of which carry messages, and a cap."""
    now = time.time()  # not when tests were collected: the page tells whether pacing is heard
    opened: dict[str, Any] = {"state": "open", "since": now - 8, "until": now + 40, "reason": NOTICE.reason}
    for status in (
        RouteStatus(route="primary", at=now, **opened),
        RouteStatus(route="backup", at=now, speed=840.0, on_the_way=310),
        RouteStatus(route="warming", at=now, speed=60.5, on_the_way=12, senders=[SLOWED, SUSPENDED]),
    ):
        await planes.stands(f"route|{status.route}", status)
    limit = LimitStatus(name="pool|warm|gmail|day", used=18_200, most=20_000, resets_at=NOW + 5_400)
    await planes.stands(f"limit|{limit.name}", limit)
    assert edge.app is not None
    control = edge.app[LINK].control
    async with asyncio.timeout(10):
        while len(control.tail.route_status) < 3 or not control.tail.limit_status:
            await control.changed(0.2)


async def test_the_page_shows_lights_shares_slowed_senders_caps_and_notices_as_they_change(
    settings: Settings, planes: Planes, tmp_path: Path
) -> None:
    """
    One look must tell what is out of service, who carries on, who is slowed down and why.
    """
    async with running_edge(settings) as edge, browser(tmp_path / "profile") as page:
        assert edge.app is not None
        edge.app[SEEN].newest = KnownNotices().newest  # type: ignore[method-assign]
        await told(edge, planes)
        await page.open(str(edge.make_url("/routes")))
        await page.until("document.querySelector('#link')?.dataset.link === 'on'")
        light = "document.querySelector('[data-route=primary] .state')"
        assert await page.ask(f"{light}.dataset.light") == "open"
        assert "none got through" in await page.ask("document.querySelector('[data-route=primary]').textContent")
        await page.until("document.querySelectorAll('#senders tr').length === 2")
        bars = "[...document.querySelectorAll('#routes .bar span')].map((each) => each.style.width)"
        assert await page.ask(bars) == ["93.28%", "0%", "6.72%"]
        assert "nothing for" in await page.ask("document.querySelector(\"[data-sender='warm yahoo']\").textContent")
        assert "18,200 of 20,000" in await page.ask("document.querySelector('#limits').textContent")
        await page.until("document.querySelector('#notices').textContent.includes('primary')")
        image = await page.picture(ARTIFACTS / "routes-page.png")
        await planes.stands("route|primary", RouteStatus(route="primary", at=time.time(), speed=400.0))
        await page.until(f"{light}.dataset.light === 'closed'")
        await page.open(str(edge.make_url("/routes")), 390, 844, dark=True)
        await page.until("document.querySelectorAll('#senders tr').length === 2")
        assert await page.ask("document.documentElement.scrollWidth <= 390")
        await page.picture(ARTIFACTS / "routes-page-phone.png")
        origin = str(edge.make_url("/"))
    assert image.startswith(b"\x89PNG")
    assert page.complaints == []
    assert [each for each in page.requests if not each.startswith(origin)] == []


async def test_without_clickhouse_and_without_pacing_the_page_says_so(
    edge: TestClient[Any, Any], tmp_path: Path
) -> None:
    """
    An empty list must not look like all is well.
    """
    assert edge.app is not None
    edge.app[SEEN].newest = lambda *_: None  # type: ignore[method-assign]
    async with browser(tmp_path / "profile") as page:
        await page.open(str(edge.make_url("/routes")))
        await page.until("document.querySelector('#no-notices')?.textContent.includes('ClickHouse does not answer')")
        await page.until("document.querySelector('#link').textContent === 'pacing is not heard'")
    assert page.complaints == []
