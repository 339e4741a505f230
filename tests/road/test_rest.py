"""Campaigns over REST against a whole installation: as the design brief writes it, and what owner and mirror add."""

import asyncio
import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from agents.compose import link_key
from app.web.application import create_edge
from app.web.keys import LINK
from tests.road.conftest import Installation
from tests.road.rest_client import Rest, rest

pytestmark = pytest.mark.integration

BRIEF: dict[str, Any] = {
    "from": "news@acme.example",
    "from_name": "Acme",
    "reply_to": "desk@acme.example",
    "subject": "Spring, {{ first_name }}",
    "project_id": "spring",
    "throttle": {"global_rps": 500, "per_mx_rps": 400, "per_provider_rps": {"*": 450}, "concurrency": 100},
    "retry_policy": {"max_attempts": 2, "delays": [0.5]},
    "tracking": True,
}
DRAFT = {"from": "news@acme.example", "recipient_list_id": "waiting", "text": "Hello", "subject": "Hi"}


@pytest.fixture(scope="module")
def api(installation: Installation) -> Iterator[Rest]:
    """The API with the key of an administrator, and a list for drafts."""
    installation.people("waiting", [{"email": "ann@corp.example"}])
    yield rest(installation, "admin")


def template(installation: Installation) -> str:
    """A template of the account; its id."""
    content = {"subject": "Old", "html": "<p>Hi {{ first_name }}</p>", "defaults": {"first_name": "you"}}
    done = installation.command(kind="template.create", template={"name": "Spring", "content": content})
    assert done.answer.status == 201, done.answer
    return str(done.answer.thing["id"])


def test_the_calls_of_the_design_brief_work_as_written(installation: Installation, api: Rest) -> None:
    """
    Create, pause, resume, watch, read who bounced: what every integration does.
    """
    people = [{"email": f"p{n}@corp.example", "first_name": f"P{n}"} for n in range(40)]
    installation.people("spring", [*people, {"email": "unknown.user@nobody.example", "first_name": "U"}])
    now = time.time()
    window = {"start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60)), "end": now + 3600}
    body = BRIEF | {"template_id": template(installation), "recipient_list_id": "spring", "send_window": window}
    made = api.ask("POST", "/v1/campaigns", body, idempotency_key="brief-1")
    assert made.status == 201, made
    campaign = made.body["id"]
    assert made.headers["Location"] == f"/v1/campaigns/{campaign}"
    assert made.body["spec"]["throttle"]["per_group"] == {"*": 400}
    assert made.body["state"] in ("SEALING", "RUNNING", "COMPLETED")
    paused = api.ask("POST", f"/v1/campaigns/{campaign}/pause")
    assert paused.status in (200, 202, 409), paused
    if paused.status == 409:
        assert paused.body["allowed"]
    else:
        assert api.ask("POST", f"/v1/campaigns/{campaign}/resume").status == 200
    ended = api.until(f"/v1/campaigns/{campaign}/status", lambda said: said.body["state"] == "COMPLETED")
    assert (ended.body["done"], ended.body["audience"]) == (41, 41)
    late = api.ask("POST", f"/v1/campaigns/{campaign}/cancel")
    assert (late.status, late.body["type"], late.body["allowed"]) == (409, "/docs#problem-conflict", ["clone"])
    path = f"/v1/campaigns/{campaign}/messages"
    api.until(f"{path}?limit=100", lambda said: len(said.body["messages"]) == 41)  # all are recorded
    found = api.ask("GET", f"{path}?limit=30")
    rest_of_them = api.ask("GET", f"{path}?limit=30&cursor={found.body['next']}")
    assert (len(found.body["messages"]), len(rest_of_them.body["messages"])) == (30, 11)
    addresses = {each["address"] for each in found.body["messages"] + rest_of_them.body["messages"]}
    assert {each["email"] for each in people} <= addresses
    whom = api.ask("GET", f"/v1/campaigns/{campaign}/audience?limit=41")
    assert {each["address"] for each in whom.body["people"]} == addresses
    assert whom.body["next"] == ""
    assert api.ask("GET", f"/v1/campaigns/{campaign}/audience?reason=*").body["people"] == []
    assert api.ask("GET", f"/v1/campaigns/{campaign}/audience?reason=suppressed").body["people"] == []
    unknown = api.ask("GET", f"/v1/campaigns/{campaign}/audience?reason=surpressed")
    assert (unknown.status, unknown.body["field"]) == (422, "reason")
    assert "suppressed" in unknown.body["detail"]
    bounced = api.ask("GET", f"{path}?status=BOUNCED")
    assert bounced.status == 200
    assert {each["status"] for each in bounced.body["messages"]} <= {"BOUNCED"}


def test_a_draft_is_read_edited_cloned_and_listed(api: Rest) -> None:
    """
    Drafts live on disk and in ClickHouse only: each read must see the write before it.
    """
    made = api.ask("POST", "/v1/campaigns", DRAFT | {"name": "Draft one", "project_id": "drafts"})
    assert (made.status, made.body["state"]) == (201, "DRAFT"), made
    path = f"/v1/campaigns/{made.body['id']}"
    read = api.ask("GET", path, fanfare_position=made.headers["Fanfare-Position"])
    assert (read.status, read.headers["Etag"]) == (200, '"1"')
    edit = {"name": "Draft two", "throttle": {"global_rps": 7}, "expires_at": "2099-01-01T00:00:00Z"}
    edited = api.ask("PATCH", path, edit, if_match='"1"')
    assert edited.status == 200, edited
    stale = api.ask("PATCH", path, {"name": "Draft three"}, if_match='"1"')
    assert (stale.status, stale.body["field"]) == (412, "If-Match")
    again = api.ask("GET", path)
    assert (again.body["name"], again.body["spec"]["throttle"]["rate"]) == ("Draft two", 7)
    assert again.body["spec"]["expires_at"] == "2099-01-01T00:00:00Z"
    assert again.body["spec"]["lists"] == ["waiting"]  # what was not sent stays
    cloned = api.ask("POST", f"{path}/clone", {"name": "Draft copy"})
    assert (cloned.status, cloned.body["state"]) == (201, "DRAFT"), cloned
    assert cloned.body["id"] != made.body["id"]

    def listed() -> list[str]:
        return [each["name"] for each in api.ask("GET", "/v1/campaigns?project=drafts").body["campaigns"]]

    assert listed() == ["Draft copy", "Draft two"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and listed() == ["Draft copy", "Draft two"]:
        page = api.ask("GET", "/v1/campaigns?project=drafts&limit=1")
        assert [each["name"] for each in page.body["campaigns"]] == ["Draft copy"]
        rest_of_them = api.ask("GET", f"/v1/campaigns?project=drafts&limit=1&cursor={page.body['next']}")
        assert [each["name"] for each in rest_of_them.body["campaigns"]] == ["Draft two"]
        break
    cancelled = api.ask("POST", f"{path}/cancel")
    assert (cancelled.status, cancelled.body["state"]) == (200, "CANCELLED"), cancelled


def test_what_is_unknown_or_wrong_is_named_as_it_was_sent(api: Rest) -> None:
    """
    Each 4xx says what, where, and how to mend it.
    """
    for body, status, field in (
        (DRAFT | {"text": None, "template_id": "tpl_nowhere"}, 404, "template_id"),
        (DRAFT | {"from": "not an address"}, 422, "from"),
        (DRAFT | {"text": "{{ broken"}, 422, "text"),
        (DRAFT | {"segments": ["seg_nowhere"]}, 404, "segments.0"),
        (DRAFT | {"throttle": {"global_rps": 100, "burst": 1}}, 422, "throttle.burst"),
        (DRAFT | {"recipient_list_id": "nobody"}, 404, "recipient_list_id"),
        (DRAFT | {"exclude_lists": ["nobody"]}, 404, "exclude_lists.0"),
    ):
        said = api.ask("POST", "/v1/campaigns", body)
        assert (said.status, said.body.get("field")) == (status, field), said
        assert said.body["detail"] and said.body["request_id"]
    assert api.ask("POST", "/v1/campaigns/cmp_nowhere/pause").status == 404
    assert api.ask("GET", "/v1/campaigns/cmp_nowhere").status == 404


def test_a_cursor_of_another_list_is_refused(api: Rest) -> None:
    """
    Cursors get mixed up, and people try what happens: ClickHouse must not have to refuse them.
    """
    made = api.ask("POST", "/v1/campaigns", DRAFT)
    path = f"/v1/campaigns/{made.body['id']}"
    for values in (
        '[5,"x"]',
        '[5,"\u2603\'; DROP"]',
        f'[{2**70},"x"]',
        f"[{2**63}]",
        "[-1]",
        '["x"]',
        "[1e300]",
        "[[]]",
    ):
        cursor = base64.urlsafe_b64encode(values.encode()).decode().rstrip("=")
        for page in ("/v1/campaigns", f"{path}/messages", f"{path}/audience"):
            assert api.ask("GET", f"{page}?cursor={cursor}").status in (200, 400), (page, cursor)


def test_one_idempotency_key_has_one_answer_at_every_edge(installation: Installation, api: Rest) -> None:
    """
    A client that lost the answer repeats its request, perhaps elsewhere: nothing must happen twice.
    """

    async def at_another_edge() -> list[Any]:
        settings = installation.settings
        app = create_edge(settings, link_key(settings.secret_path.read_bytes()))
        async with TestServer(app) as server, asyncio.timeout(60):
            await app[LINK].wait()
            other = Rest(f"http://127.0.0.1:{server.port}", api.key)
            asked = [
                ("/v1/campaigns", DRAFT),
                ("/v1/campaigns", DRAFT | {"name": "Another"}),
                ("/v1/keys", {"scopes": ["read"]}),
            ]
            keys = ("once-1", "once-1", "once-2")
            return [
                await asyncio.to_thread(other.ask, "POST", path, body, idempotency_key=key)
                for (path, body), key in zip(asked, keys, strict=True)
            ]

    first = api.ask("POST", "/v1/campaigns", DRAFT, idempotency_key="once-1")
    key = api.ask("POST", "/v1/keys", {"scopes": ["read"]}, idempotency_key="once-2")
    same, other, again = asyncio.run(at_another_edge())
    assert first.status == same.status == 201
    assert first.body["id"] == same.body["id"]
    assert (other.status, other.body["field"]) == (422, "Idempotency-Key")
    assert (key.status, again.status) == (201, 201)
    assert key.body["key"] == again.body["key"]  # the secret, too
    holder = Rest(api.address, key.body["key"])
    assert holder.ask("GET", "/v1/campaigns?limit=1").status == 200
    assert holder.ask("POST", "/v1/campaigns", DRAFT).status == 403
    assert api.ask("DELETE", f"/v1/keys/{key.body['id']}").status == 204
    assert holder.ask("GET", "/v1/campaigns?limit=1").status == 401


def test_an_account_says_how_its_campaigns_are_run(installation: Installation) -> None:
    """
    A second pair of eyes before anything leaves.
    """
    first = rest(installation, "admin", account="careful")
    second = rest(installation, "campaigns", account="careful")
    told = first.ask("GET", "/v1/account")
    assert (told.status, told.body["approval"]) == (200, False)
    changed = first.ask("PATCH", "/v1/account", {"approval": True}, if_match=told.headers["Etag"])
    assert (changed.status, changed.body["approval"]) == (200, True), changed
    assert second.ask("GET", "/v1/account").status == 403
    caps = [{"messages": 2, "window": 86_400.0, "channels": []}, {"messages": 5, "window": 604_800.0, "channels": []}]
    capped = first.ask("PATCH", "/v1/account", {"frequency_caps": caps, "weight": 1})
    assert (capped.body["frequency_caps"], capped.body["weight"], capped.body["approval"]) == (caps, 1, True), capped
    idle = first.ask("PATCH", "/v1/account", {"frequency_caps": [*caps, {"messages": 9, "window": 3_600}]})
    assert idle.status == 422 and "9 in 3600 s never decides: 2 in 86400 s is tighter" in str(idle.body), idle
    assert first.ask("PATCH", "/v1/account", {"frequency_caps": []}).body["frequency_caps"] == []
    asked = {name: value for name, value in DRAFT.items() if name != "recipient_list_id"}
    segment = {"name": "All", "filter": {"attribute": "city", "op": "exists"}}
    found = installation.command(account="careful", kind="segment.create", segment=segment).answer.thing
    made = first.ask("POST", "/v1/campaigns", asked | {"segments": [found["id"]], "start": True})
    assert (made.status, made.body["state"]) == (201, "APPROVAL"), made
    path = f"/v1/campaigns/{made.body['id']}"
    mine = first.ask("POST", f"{path}/approve")
    assert mine.status == 403, mine
    assert second.ask("POST", f"{path}/unschedule").body["state"] == "DRAFT"
    assert second.ask("POST", f"{path}/start").body["state"] == "APPROVAL"
    approved = first.ask("POST", f"{path}/approve")
    assert approved.status == 200, approved
    assert first.ask("GET", f"{path}").body["approved_by"] == first.key.split("_")[1]
