"""The REST API over a real broker."""

import asyncio
import io
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from app.control import Picture, describe
from app.specs import CampaignSpec
from app.web.keys import LINK
from app.web.pages import page
from tests.web.conftest import Planes, campaign_entry

pytestmark = pytest.mark.integration

Edge = TestClient[Any, Any]
SPEC = {"name": "Spring", "from_email": "news@example.com", "lists": ["customers"]}
CONTENT = {"subject": "Hello", "html": "<p>Hello</p>", "text": "Hello"}


async def test_creating_a_campaign_answers_with_its_address(edge: Edge, planes: Planes) -> None:
    """
    The one call that every integration starts with.
    """
    async with planes.answering(status=201, state="DRAFT") as seen:
        answer = await edge.post(
            "/v1/campaigns", json={"spec": SPEC, "content": CONTENT}, headers={"Idempotency-Key": "spring-1"}
        )
        body = await answer.json()
    assert (answer.status, answer.headers["Location"]) == (201, "/v1/campaigns/cmp_new")
    assert (body["id"], body["state"], body["command"]) == ("cmp_new", "DRAFT", "spring-1")
    assert seen[0].content is not None
    assert (seen[0].kind, seen[0].content.subject) == ("campaign.create", "Hello")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"spec": SPEC | {"lists": []}, "content": CONTENT}, "spec.lists"),
        ({"spec": SPEC | {"trottle": {}}, "content": CONTENT}, "spec.trottle"),
        ({"spec": SPEC}, ""),  # neither a content nor a template
        ({"from": "news@example.com", "recipient_list_id": "customers", "html": "x", "throtle": {}}, "throtle"),
        ({"from": "news@example.com", "html": "x"}, "lists"),
        ({"recipient_list_id": "customers", "html": "x"}, "from"),
        ({"from": "a@b.c", "recipient_list_id": "l", "html": "x", "expires_at": "2027-01-01T00:00"}, "expires_at"),
        (
            {"from": "a@b.c", "recipient_list_id": "l", "html": "x", "throttle": {"per_mx_rps": {"gmail": 0}}},
            "throttle.per_mx_rps.gmail",
        ),
    ],
)
async def test_a_wrong_field_is_named(edge: Edge, body: dict[str, Any], field: str) -> None:
    """
    A misspelt limit that is ignored sends a campaign without a limit.
    """
    answer = await edge.post("/v1/campaigns", json=body)
    told = json.loads(await answer.text())
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    assert told.get("field", "") == field
    assert told["detail"]


async def test_what_is_not_json_is_refused(edge: Edge) -> None:
    """
    Bad input gets an answer that helps, never a stack trace.
    """
    answer = await edge.post("/v1/campaigns", data=b"{", headers={"Content-Type": "application/json"})
    assert answer.status == 400
    answer = await edge.post("/v1/campaigns", data={"a": "b"})
    assert answer.status == 415


async def test_a_body_that_is_too_large_is_refused(edge: Edge) -> None:
    """
    Memory of the edge is bounded.
    """
    body = json.dumps({"spec": SPEC, "content": CONTENT | {"html": "x" * 3_000_000}})
    headers = {"Content-Type": "application/json"}
    answer = await edge.post("/v1/campaigns", data=io.BytesIO(body.encode()), headers=headers)
    assert (answer.status, answer.content_type) == (413, "application/problem+json")


async def test_the_owners_refusal_comes_through(edge: Edge, planes: Planes) -> None:
    """
    Pausing what has ended is a conflict, and the caller learns why.
    """
    async with planes.answering(status=409, state="COMPLETED", error="the campaign has ended"):
        answer = await edge.post("/v1/campaigns/cmp_a/pause")
        told = json.loads(await answer.text())
    assert (answer.status, told["detail"]) == (409, "the campaign has ended")


async def test_status_of_a_live_campaign(edge: Edge, planes: Planes) -> None:
    """
    Programs poll this.
    """
    await planes.entry(campaign_entry("cmp_status", "PAUSED", count=12))
    while (answer := await edge.get("/v1/campaigns/cmp_status/status")).status == 503:
        pass
    body = await answer.json()
    assert (body["state"], body["audience"], body["done"]) == ("PAUSED", 12, 0)
    listed = await (await edge.get("/v1/campaigns")).json()
    assert "cmp_status" in [each["id"] for each in listed["campaigns"]]
    assert listed["complete"] is False  # ClickHouse is away, and this says so


async def test_a_campaign_that_nobody_can_look_up_is_a_problem(edge: Edge) -> None:
    """
    Ids get mistyped. Whether there is such a campaign is up to ClickHouse, which is away: 503 and no 404.
    """
    answer = await edge.get("/v1/campaigns/cmp_none/status")
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert (await edge.get("/v1/campaigns/cmp_%00none/status")).status == 404


async def test_messages_without_clickhouse_say_so(edge: Edge, planes: Planes) -> None:
    """
    An empty list would claim that there are none.
    """
    await planes.entry(campaign_entry("cmp_a"))
    while (await edge.get("/v1/campaigns/cmp_a/status")).status == 503:
        pass
    answer = await edge.get("/v1/campaigns/cmp_a/messages?status=BOUNCED")
    assert answer.status == 503
    assert (await edge.get("/v1/campaigns/cmp_a/messages?status=LOST")).status == 422
    assert (await edge.get("/v1/campaigns/cmp_a/messages?limit=0")).status == 422


async def test_a_reason_that_is_none_is_refused_with_those_there_are(edge: Edge, planes: Planes) -> None:
    """
    An empty page for a misspelt reason reads as "nobody was suppressed". Without ClickHouse, those there are say so.
    """
    await planes.entry(campaign_entry("c_reasons"))
    while (await edge.get("/v1/campaigns/c_reasons/status")).status == 503:
        pass
    path = "/v1/campaigns/c_reasons/audience?reason="
    unknown = await edge.get(f"{path}surpressed")
    said = await unknown.json()
    assert (unknown.status, said["field"]) == (422, "reason")
    assert all(reason in said["detail"] for reason in ("suppressed", "duplicate", "cancelled", "expired", "holdout"))
    for reason in ("suppressed", "expired", "holdout", "excluded_list:staff", "*"):
        assert (await edge.get(f"{path}{reason}")).status == 503, reason


async def test_another_site_can_neither_command_nor_read(edge: Edge) -> None:
    """
    The edge has no login on one machine: a web page that its owner visits must not steer it.
    """
    post = edge.post
    assert (await post("/v1/campaigns/cmp_a/cancel", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
    assert (await post("/v1/campaigns/cmp_a/cancel", headers={"Origin": "https://evil.example"})).status == 403
    assert (await edge.get("/v1/campaigns", headers={"Host": "evil.example"})).status == 421
    assert (await edge.get("/", headers={"Host": "evil.example"})).status == 421


@pytest.mark.parametrize("path", ["/", "/healthz", "/v1/campaigns", "/static/live.js", "/nowhere"])
async def test_every_answer_carries_the_security_headers(edge: Edge, path: str) -> None:
    """
    Templates and names come from outside: what slips through must not run.
    """
    answer = await edge.get(path)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in answer.headers


async def test_a_name_with_markup_is_shown_and_not_run(edge: Edge, planes: Planes) -> None:
    """
    Campaign names are typed by anybody who may create one.
    """
    name = "</script><script>alert(1)</script>"
    entry = campaign_entry("cmp_markup")
    await planes.entry(entry.model_copy(update={"spec": entry.spec.model_copy(update={"name": name})}))
    while (answer := await edge.get("/campaigns/cmp_markup")).status == 404:
        pass
    assert "<script>alert" not in await answer.text()
    assert "<script>alert" not in await (await edge.get("/")).text()


async def test_the_first_page_says_whose_each_campaign_is_and_which_are_of_single_messages(
    edge: Edge, planes: Planes
) -> None:
    """
    The operator sees all accounts: two letters of one name are told apart by whose they are.
    """
    single = CampaignSpec(name="Codes", kind="transactional", from_email="login@example.com")
    await planes.entry(campaign_entry("cmp_ours"))
    await planes.entry(campaign_entry("cmp_theirs", account="acme", spec=single))
    control = edge.app[LINK].control if edge.app is not None else None
    assert control is not None
    async with asyncio.timeout(10):
        while not {"cmp_ours", "cmp_theirs"} <= set(control.campaigns):
            await control.changed(0.2)
    text = await (await edge.get("/")).text()
    assert ">Account</th>" in text and "<td>acme</td>" in text and ">transactional</span>" in text
    row = describe(campaign_entry("cmp_ours"), Picture()) | {"account": "default", "kind": "campaign"}
    alone = page("campaigns.html", campaigns=[row], several_accounts=False, operates=True).text
    assert alone is not None and "cmp_ours" in alone
    assert "Account" not in alone and "<td>default</td>" not in alone and "transactional" not in alone


async def test_a_file_outside_of_the_static_folder_is_not_served(edge: Edge) -> None:
    """
    The oldest hole of web servers.
    """
    for path in ("/static/..%2fserve.py", "/static/%2e%2e/serve.py", "/static/serve.py"):
        assert (await edge.get(path)).status == 404


async def test_viewers_are_bounded_and_leave_when_they_go(edge: Edge, planes: Planes) -> None:
    """
    A page left open in a thousand tabs must not take the API down.
    """
    await planes.entry(campaign_entry("cmp_view"))
    while (answer := await edge.get("/campaigns/cmp_view/live")).status == 404:
        pass
    assert answer.content_type == "text/event-stream"
    assert (await answer.content.readline()) == b"event: history\n"
    while not (await answer.content.readline()).startswith(b"event: picture"):
        pass
    picture = json.loads((await answer.content.readline()).removeprefix(b"data: "))
    assert picture["campaign"] == "cmp_view"
    answer.close()
