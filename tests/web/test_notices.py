"""Notices over REST, in what a campaign tells, and in the directory of how it stands."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from app.routes import Notice, RouteStatus, SenderStatus
from app.web.keys import LINK
from tests.web.conftest import Planes, api_key, bearer, campaign_entry

pytestmark = pytest.mark.integration

Edge = TestClient[Any, Any]


def opened(**more: Any) -> Notice:
    fields = {
        "id": "0001a", "at": time.time(), "kind": "breaker_opened", "level": "alert", "route": "main", "pool": "main",
        "reason": "20 of 20 messages failed", "campaigns": ["cmp_n", "cmp_x"], "accounts": ["default", "other"],
    }  # fmt: skip
    return Notice.model_validate(fields | more)


async def heard(edge: Edge, what: Any) -> None:
    """Wait until the edge knows it."""
    app = edge.app
    assert app is not None
    control = app[LINK].control
    async with asyncio.timeout(10):
        while not what(control.tail):
            await control.changed(0.2)


async def test_a_campaign_tells_what_holds_on_and_concerns_it_without_the_names_of_others(
    edge: Edge, planes: Planes
) -> None:
    """
    Why it is slow is asked of the campaign, not of the routes.
    """
    await planes.entry(campaign_entry("cmp_n", "RUNNING"))
    await planes.stands("notice|0001a", opened())
    await planes.stands(
        "notice|0002b", opened(id="0002b", route="", group="gmail", campaigns=["cmp_x"], accounts=["other"])
    )
    await heard(edge, lambda tail: len(tail.notices) == 2 and "cmp_n" in tail.entries)
    told = await (await edge.get("/v1/campaigns/cmp_n/status")).json()
    (notice,) = told["notices"]
    assert (notice["kind"], notice["route"], notice["campaigns"]) == ("breaker_opened", "main", ["cmp_n"])
    assert "accounts" not in notice
    await planes.stands("notice|0001a", None)
    await heard(edge, lambda tail: "0001a" not in tail.notices)
    assert (await (await edge.get("/v1/campaigns/cmp_n/status")).json())["notices"] == []


async def test_the_edge_follows_how_routes_stand(edge: Edge, planes: Planes) -> None:
    """
    Pages and commands read it from there.
    """
    sender = SenderStatus(pool="main", group="gmail", factor=0.5, rate=45.0, reason="deferrals")
    await planes.stands("route|main", RouteStatus(route="main", at=time.time(), state="open", senders=[sender]))
    await heard(edge, lambda tail: "main" in tail.route_status)
    assert edge.app is not None
    assert edge.app[LINK].control.tail.route_status["main"].senders == [sender]


async def test_notices_that_clickhouse_does_not_have_yet_need_it_all_the_same(edge: Edge, planes: Planes) -> None:
    """
    A list that lacks what is stored must not look whole.
    """
    await planes.key(api_key("thereader", "read"))
    assert (await edge.get("/v1/notices", headers=bearer("thereader"))).status == 503
