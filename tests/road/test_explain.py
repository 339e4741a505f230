"""Explain over all processes: what decided on a message that was sent, dropped, tried again, or waits."""

import urllib.request
from typing import Any

import pytest

from app.local.sink_behaviour import behaviour_of
from tests.road.conftest import Installation
from tests.road.rest_client import Rest, rest

pytestmark = pytest.mark.integration

SINK_SEED = 1


@pytest.fixture(scope="module")
def api(installation: Installation) -> Rest:
    """The API with a key that may look."""
    return rest(installation, "read", "suppressions")


def addresses(wanted: str, count: int) -> list[str]:
    """People who are answered so by the sink: "" for those whose mail it just takes."""
    found = []
    for number in range(100_000):
        address = f"explained{number}@corp.example"
        answer = behaviour_of(address, SINK_SEED)
        if (answer is None and not wanted) or (answer is not None and wanted and wanted in answer.text):
            found.append(address)
        if len(found) == count:
            return found
    raise AssertionError(f"nobody is answered {wanted!r}")


def explained(api: Rest, campaign: str, to: str, *states: str) -> dict[str, Any]:
    """The explanation, once it has come to one of *states*."""
    path = f"/v1/campaigns/{campaign}/recipients/{to}/explain"
    return dict(api.until(path, lambda said: said.status == 200 and said.body["state"] in states).body)


def test_every_kind_of_story_is_told(installation: Installation, api: Rest) -> None:
    """
    Support has an address and a question; it gets the rule, the reply, the next try, what it waits for.
    """
    sent, suppressed, *_ = addresses("", 40)
    (greylisted,) = addresses("Greylisted", 1)
    everybody = [*addresses("", 40), greylisted]
    installation.people("explained", [{"email": each, "first_name": "Ann", "city": "Ulm"} for each in everybody])
    body = {"addresses": [suppressed], "reason": "asked", "source": "phone"}
    assert api.ask("POST", "/v1/suppressions", body).status in (200, 201, 202)
    installation.taken("suppression.commanded")
    campaign = installation.start("explained", retry_delays=[1.0, 2.0])

    told = explained(api, campaign, sent, "SENT")
    assert (told["final"], told["waiting"]) == (True, None)
    assert [each["kind"] for each in told["steps"] if each["kind"] not in ("waited", "campaign", "notice")] == [
        "listed", "queued", "sent",
    ]  # fmt: skip
    assert "list explained" in told["steps"][0]["text"] and told["steps"][-1]["route"] == "smtp"
    assert told["steps"][-1]["figures"]["code"] == 250

    path = f"/v1/campaigns/{campaign}/recipients/{suppressed}/explain"
    dropped = api.until(path, lambda said: "since" in said.body.get("summary", "")).body  # once that is recorded, too
    assert dropped["state"] == "DROPPED" and "must not be written to by this account since" in dropped["summary"]
    assert "(asked, by phone)" in dropped["summary"] and dropped["steps"][-1]["rule"] == "dropped.suppressed"

    again = explained(api, campaign, greylisted, "SENT")
    kinds = [each["kind"] for each in again["steps"]]
    assert kinds.index("deferred") < kinds.index("retry") < kinds.index("sent")
    retry = next(each for each in again["steps"] if each["kind"] == "retry")
    assert retry["rule"] == "retry.transient" and retry["figures"]["attempt"] == 2

    by_id = api.ask("GET", f"/v1/messages/{again['message']}/explain")
    assert (by_id.status, by_id.body["message"], by_id.body["state"]) == (200, again["message"], "SENT")
    edge = f"http://127.0.0.1:{installation.settings.edge_port}"
    with urllib.request.urlopen(f"{edge}/messages/{again['message']}", timeout=30) as page:
        text = page.read().decode()
    assert greylisted in text and "<svg" in text and "Greylisted" in text
    assert (
        api.ask("GET", f"/v1/campaigns/{campaign}/recipients/nobody@corp.example/explain").body["state"] == "NOT_LISTED"
    )
    installation.wait_for(campaign, "COMPLETED")

    slow = installation.start("explained", throttle={"per_group": {"*": 0.01}})
    begun = f"/v1/campaigns/{slow}/messages?status=SENT,DEFERRED"
    api.until(begun, lambda said: len(said.body.get("messages", ())) >= 2)  # as many as it lets through at first
    queued = api.ask("GET", f"/v1/campaigns/{slow}/messages?status=QUEUED").body
    path = f"/v1/messages/{queued['messages'][0]['message']}/explain"
    told = api.until(path, lambda said: said.body["waiting"] and "|" in said.body["waiting"]["held_by"]).body
    assert not told["final"] and told["waiting"]["held_by"].startswith(f"campaign|{slow}|")
    assert "campaign's own limit to " in told["summary"] and told["waiting"]["estimate"] > 0
    status = api.ask("GET", f"/v1/campaigns/{slow}/status").body
    assert [each["held_by"] for each in status["held"]] == [told["waiting"]["held_by"]]
    assert installation.command(kind="campaign.pause", campaign=slow).answer.status == 200
    paused = api.until(path, lambda said: "paused" in said.body["waiting"]["text"]).body
    assert paused["waiting"]["held_by"] == f"state|{slow}"
    assert installation.command(kind="campaign.cancel", campaign=slow).answer.status == 200
    installation.wait_for(slow, "CANCELLED")
    ended = api.until(path, lambda said: said.body["final"]).body
    assert (ended["state"], ended["steps"][-1]["rule"]) == ("DROPPED", "dropped.cancelled")


def test_what_is_no_message_or_of_others_is_told_so(installation: Installation, api: Rest) -> None:
    """Bad ids get a word on what an id looks like; what another account sent is nothing to this one."""
    said = api.ask("GET", "/v1/messages/nonsense/explain")
    assert (said.status, said.body["field"]) == (422, "id") and "32 hex digits" in said.body["detail"]
    assert api.ask("GET", f"/v1/messages/{'0' * 32}/explain").status == 404
    campaign = installation.start("explained")
    message = explained(api, campaign, addresses("", 1)[0], "SENT")["message"]
    other = rest(installation, "read", account="explained-other")
    assert other.ask("GET", f"/v1/messages/{message}/explain").status == 404
    assert other.ask("GET", f"/v1/campaigns/{campaign}/recipients/a@b.example/explain").status == 404
    said = api.ask("GET", f"/v1/campaigns/{campaign}/recipients/nonsense/explain")
    assert (said.status, said.body["field"]) == (422, "recipient")
