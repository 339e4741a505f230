"""Who may ask the API for what, and what the API says to those who may not, or make no sense."""

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from yarl import URL

from app.settings import Settings
from app.things import Scope
from app.web.api.routes import ENDPOINTS
from app.web.auth import allows
from app.web.keys import LINK
from app.web.rest import Call, Endpoint, Reply, add_endpoints
from tests.web.conftest import SECRET, Planes, api_key, bearer, campaign_entry, running_edge

pytestmark = pytest.mark.integration

Edge = TestClient[Any, Any]


async def until_known(edge: Edge, ident: str) -> None:
    """Wait until the edge has heard of a key."""
    assert edge.app is not None
    control = edge.app[LINK].control
    async with asyncio.timeout(20):
        while ident not in control.tail.keys:
            await control.changed(0.2)


@pytest.mark.parametrize(
    "authorization",
    [
        "", "Bearer", "Bearer x", "Basic dGVzdDp0ZXN0", f"Bearer fk_nobody00_{SECRET}", "Bearer fk_testadmin_wrong",
        f"Bearer fk_testadmin_{SECRET}x", "Bearer fk_testadmin_", "Bearer fk_testadmin_\xe9\xff",
        "Bearer " + "f" * 5000,
    ],
)  # fmt: skip
async def test_without_a_valid_key_nothing_is_told(edge: Edge, authorization: str) -> None:
    """
    Campaigns are other people's addresses.
    """
    answer = await edge.get("/v1/campaigns", headers={"Authorization": authorization})
    told = json.loads(await answer.text())
    assert (answer.status, told["type"]) == (401, "/docs#problem-no-key")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert told["request_id"] == answer.headers["Request-Id"]


async def test_a_key_that_is_revoked_or_over_opens_nothing(edge: Edge, planes: Planes) -> None:
    """
    A key that leaked is revoked, and that must be its end.
    """
    await planes.key(api_key("expired00", expires_at=time.time() - 1))
    await planes.key(api_key("revoked00", revoked_at=time.time() - 1))
    await planes.key(api_key("stillgood", expires_at=time.time() + 600))
    await until_known(edge, "stillgood")
    said = [(await edge.get("/v1/campaigns", headers=bearer(each))).status for each in ("expired00", "revoked00")]
    assert said == [401, 401]
    assert (await edge.get("/v1/campaigns", headers=bearer("stillgood"))).status == 200


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("admin", {"campaigns GET", "campaigns POST", "contacts POST", "admin GET", "admin POST"}),
        ("write", {"campaigns GET", "campaigns POST", "contacts POST"}),
        ("read", {"campaigns GET"}),
        ("campaigns", {"campaigns GET", "campaigns POST"}),
        ("contacts", {"contacts POST"}),
    ],
)
def test_a_scope_allows_what_it_says(scope: Scope, may: set[str]) -> None:
    """
    The key of the web shop sends messages, and reads no contacts.
    """
    asked = ("campaigns GET", "campaigns POST", "contacts POST", "admin GET", "admin POST")
    key = api_key("whichever", scope)
    assert {each for each in asked if allows(key, each.split()[1], each.split()[0])} == may


async def test_a_scope_that_is_missing_is_named(edge: Edge, planes: Planes) -> None:
    """
    Whoever made the key must learn which scope it needs.
    """
    await planes.key(api_key("readsonly", "read"))
    await until_known(edge, "readsonly")
    headers = bearer("readsonly")
    answer = await edge.post("/v1/campaigns/cmp_a/pause", headers=headers)
    told = json.loads(await answer.text())
    assert (answer.status, told["type"]) == (403, "/docs#problem-not-allowed")
    assert "campaigns, write or admin" in told["detail"]
    assert (await edge.get("/v1/keys", headers=headers)).status == 403
    assert (await edge.get("/v1/campaigns", headers=headers)).status == 200


async def test_accounts_do_not_see_each_other(edge: Edge, planes: Planes) -> None:
    """
    Two customers on one installation are strangers.
    """
    await planes.key(api_key("stranger1", account="strangers"))
    await planes.entry(campaign_entry("cmp_mine"))
    await until_known(edge, "stranger1")
    while (await edge.get("/v1/campaigns/cmp_mine")).status != 200:
        pass
    theirs = bearer("stranger1")
    listed = await (await edge.get("/v1/campaigns", headers=theirs)).json()
    assert listed["campaigns"] == []
    assert (await edge.get("/v1/campaigns/cmp_mine", headers=theirs)).status != 200
    keys = await (await edge.get("/v1/keys", headers=theirs)).json()
    assert [each["id"] for each in keys["keys"]] == ["stranger1"]
    assert "hash" not in keys["keys"][0]
    assert (await edge.get("/v1/keys/testadmin", headers=theirs)).status == 404
    async with planes.answering(status=404, error="no such campaign") as seen:
        assert (await edge.post("/v1/campaigns/cmp_mine/cancel", headers=theirs)).status == 404
    assert [each.account for each in seen] == ["strangers"]


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(edge: Edge, planes: Planes) -> None:
    """
    One client in a loop must not take the edge from all others.
    """
    await planes.key(api_key("slowly000", rate=0.01))
    await until_known(edge, "slowly000")
    first = await edge.get("/v1/campaigns", headers=bearer("slowly000"))
    assert (first.status, first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == (200, "1", "0")
    second = await edge.get("/v1/campaigns", headers=bearer("slowly000"))
    assert second.status == 429
    assert int(second.headers["Retry-After"]) > 90
    assert int(second.headers["RateLimit-Reset"]) > 90
    assert (await edge.get("/v1/campaigns")).status == 200  # of another key


async def test_a_request_id_comes_back(edge: Edge) -> None:
    """
    Two logs are joined by it.
    """
    assert (await edge.get("/v1/campaigns", headers={"Request-Id": "abc-1"})).headers["Request-Id"] == "abc-1"
    made = (await edge.get("/v1/nothing", headers={"Request-Id": "with space"})).headers["Request-Id"]
    assert made and made != "with space"


async def test_unknown_paths_and_methods_say_what_there_is(edge: Edge) -> None:
    """
    Typing errors are the first thing that everybody sends.
    """
    answer = await edge.get("/v1/campagnes")
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    answer = await edge.put("/v1/campaigns/cmp_a")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, PATCH")
    answer = await edge.options("/v1/campaigns")
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    answer = await edge.head("/v1/campaigns")
    assert (answer.status, await answer.read()) == (200, b"")


ODD = [
    "/v1/campaigns/%00", "/v1/campaigns/%ff%fe", "/v1/campaigns/%ED%A0%80/status", "/v1/campaigns/%",
    "/v1/campaigns/%zz",
    "/v1/campaigns/" + "x" * 5_000, "/v1/campaigns?cursor=%00", "/v1/campaigns?cursor=%ff", "/v1/campaigns?cursor=W10",
    "/v1/campaigns?limit=99999999999999999999999", "/v1/campaigns?limit=1e400", "/v1/campaigns?limit=nan",
    "/v1/campaigns?limit=%D9%A1", "/v1/campaigns?state=%ED%A0%80", "/v1/campaigns?name=%00", "/v1/campaigns?%ff=1",
    "/v1/campaigns?limit=1&limit=2", "/v1/campaigns?unknown=1", "/v1/campaigns/..%2f..%2fetc", "/v1//campaigns",
    "/campaigns/%00", "/campaigns/%ff/live", "/static/%ff", "/o/%ff.gif", "/c/%00/%ff", "/u/%ed%a0%80",
]  # fmt: skip


@pytest.mark.parametrize("path", ODD)
async def test_odd_addresses_are_answered_in_words(edge: Edge, path: str) -> None:
    """
    Scanners send all of this within a minute of going online.
    """
    answer = await edge.get(URL(path, encoded=True))
    assert answer.status < 500 or answer.status == 503, await answer.text()  # 503: ClickHouse is away here


BODIES = [
    b"", b"\x00", b"{", b"[" * 100_000, b'{"a":' * 20_000 + b"1" + b"}" * 20_000, b'"\\ud800"', b'{"from":"\\u0000"}',
    b'{"from": "a@b.c", "weight": 1e999}', b'{"from": "a@b.c", "weight": 9' + b"9" * 5000 + b"}", b"null", b"[]", b"1",
    '{"from": "\U0001f4a9@\u202e", "text": "x", "lists": ["l"]}'.encode("utf-16"), b"\xef\xbb\xbf{}", b"\xff\xff",
    b'{"spec": {"spec": {"spec": {}}}}', b'{"from": 1, "from": 2}', b'{"name": "\\u007f"}',
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
async def test_odd_bodies_are_answered_in_words(edge: Edge, body: bytes) -> None:
    """
    Bad input gets an answer that helps, never a stack trace.
    """
    answer = await edge.post("/v1/campaigns", data=body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 422), await answer.text()
    assert json.loads(await answer.text())["detail"]


HEADERS = [
    {"Idempotency-Key": "x" * 201}, {"Idempotency-Key": "caf\xe9"}, {"Idempotency-Key": ""},
    {"Fanfare-Position": "x"}, {"Fanfare-Position": "campaign.changed/0:999999999"}, {"Fanfare-Position": "a.b/0:1"},
    {"If-Match": "x"}, {"Content-Encoding": "gzip"}, {"Content-Type": "text/plain"}, {"Content-Type": ";;;"},
    {"Content-Type": "application/json; charset=none"}, {"Accept": "\xff"}, {"Request-Id": "\xff" * 300},
]  # fmt: skip


@pytest.mark.parametrize("headers", HEADERS, ids=str)
async def test_odd_headers_are_answered_in_words(edge: Edge, headers: dict[str, str]) -> None:
    """
    Headers come from proxies, libraries and people.
    """
    all_of_them = {"Content-Type": "application/json"} | headers
    answer = await edge.post("/v1/campaigns", data=b'{"from": 1}', headers=all_of_them)
    assert 400 <= answer.status < 500, await answer.text()
    answer = await edge.patch("/v1/account", data=b"{}", headers=all_of_them)
    assert 400 <= answer.status < 500, await answer.text()


async def test_no_account_gives_itself_a_larger_share(edge: Edge) -> None:
    """
    Accounts share what limits allow by their weights.
    """
    answer = await edge.patch("/v1/account", json={"weight": 100})
    told = json.loads(await answer.text())
    assert (answer.status, told["field"]) == (403, "weight"), told


@pytest.mark.parametrize("host", ["[", "[::1", "a]b", "[zz]"])
async def test_a_host_or_origin_that_cannot_be_read_is_none_of_ours(edge: Edge, host: str) -> None:
    """
    Scanners send anything; it must not look like a mistake of ours in the log.
    """
    assert (await edge.get("/v1/campaigns", headers={"Host": host})).status == 421
    assert (await edge.post("/v1/campaigns", json={}, headers={"Origin": f"http://{host}"})).status == 403


async def test_an_etag_that_is_known_is_not_sent_again(edge: Edge, planes: Planes) -> None:
    """
    Programs poll; nothing new should cost nothing.
    """
    await planes.entry(campaign_entry("cmp_tag", revision=4))
    while (answer := await edge.get("/v1/campaigns/cmp_tag")).status != 200:
        pass
    assert answer.headers["ETag"] == '"4"'
    again = await edge.get("/v1/campaigns/cmp_tag", headers={"If-None-Match": '"4"'})
    assert (again.status, await again.read()) == (304, b"")


async def test_an_answer_waits_until_this_edge_has_read_what_it_tells_of(edge: Edge, planes: Planes) -> None:
    """
    Read your writes: who paused a campaign must not see it run in the next request, at whatever edge.
    """
    at = await planes.entry(campaign_entry("cmp_wait", "PAUSED", revision=7))
    position = f"campaign.changed/0:{at}"
    async with planes.answering(status=200, state="PAUSED", position=at):
        answer = await edge.post("/v1/campaigns/cmp_wait/resume")
    assert (answer.status, answer.headers["Fanfare-Position"]) == (200, position)
    assert (await answer.json())["revision"] == 7
    at = await planes.entry(campaign_entry("cmp_wait", "RUNNING", revision=8))
    read = await edge.get("/v1/campaigns/cmp_wait", headers={"Fanfare-Position": f"campaign.changed/0:{at}"})
    assert (await read.json())["revision"] == 8
    future = await edge.get("/v1/campaigns/cmp_wait", headers={"Fanfare-Position": f"campaign.changed/0:{at + 50}"})
    assert future.status == 412


async def test_pages_of_an_edge_that_the_world_reaches_ask_for_a_key(settings: Settings, planes: Planes) -> None:
    """
    On one machine they are the operator's; on the net they show an account to who has its key.
    """
    await planes.key(api_key("pagesonly", "read", account="other"))
    await planes.entry(campaign_entry("cmp_default"))
    async with running_edge(settings.model_copy(update={"edge_host": "0.0.0.0"})) as edge:
        await until_known(edge, "pagesonly")
        assert edge.app is not None
        while "cmp_default" not in edge.app[LINK].control.campaigns:
            await edge.app[LINK].control.changed(0.2)
        for path in ("/", "/campaigns/cmp_default", "/campaigns/cmp_default/live"):
            answer = await edge.get(path, headers={"Authorization": ""})
            assert (answer.status, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic"), path
        basic = {name: _basic(f"fk_{name}_{SECRET}") for name in ("testadmin", "pagesonly")}
        assert "cmp_default" in await (await edge.get("/", headers=basic["testadmin"])).text()
        assert "cmp_default" not in await (await edge.get("/", headers=basic["pagesonly"])).text()
        assert (await edge.get("/campaigns/cmp_default", headers=basic["pagesonly"])).status == 404
        assert (await edge.post("/campaigns/cmp_default/pause", headers=basic["pagesonly"])).status == 404
        assert (await edge.get("/docs", headers={"Authorization": ""})).status == 200


def _basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


def test_every_endpoint_has_one_place() -> None:
    """
    Two handlers for one path: aiohttp takes the first, silently.
    """
    places = [(each.method, each.path) for each in ENDPOINTS]
    assert len(places) == len(set(places))


async def _nothing(_call: Call) -> Reply:
    return Reply()


def test_get_brings_head_and_every_path_options() -> None:
    """
    Proxies and monitors ask with HEAD.
    """
    app = web.Application()
    add_endpoints(app.router, [Endpoint("GET", "/x", _nothing, "X", "read", "X")])
    assert {route.method for route in app.router.routes()} == {"GET", "HEAD", "OPTIONS"}
