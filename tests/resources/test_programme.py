"""A marketing team's programme from the terminal: docs/programme.md in short."""

import json
from pathlib import Path

from tests.resources.conftest import Installation


def test_a_campaign_from_people_to_results(installation: Installation, account: str, tmp_path: Path) -> None:
    """Scheduled, taken back, changed, started, paused, resumed, watched, copied: nothing of it needs a program."""
    words = ("--account", account)
    people = tmp_path / "people.csv"
    rows = "".join(f"p{n}@mail{n % 9}.example,{'Lisbon' if n % 2 else 'London'}\n" for n in range(80))
    people.write_text("email,city\n" + rows)
    installation.terminal("contacts", "import", str(people), "--list", "customers", *words)
    segment = tmp_path / "segment.json"
    segment.write_text('{"attribute": "city", "op": "eq", "value": "Lisbon"}')
    lisbon = installation.terminal("segments", "create", str(segment), "--name", "Lisbon", *words)["thing"]["id"]
    template = tmp_path / "template.json"
    template.write_text(
        '{"name": "t", "content": {"subject": "Hi", "html": "<p>{{ city }} {{ unsubscribe_url }}</p>"}}'
    )
    spring = installation.terminal("templates", "create", str(template), *words)["thing"]["id"]
    file = tmp_path / "campaign.json"
    file.write_text(json.dumps({"name": "Spring", "from": "n@example.com", "template_id": spring, "segments": [lisbon],
                                "throttle": {"global_rps": 2}}))  # fmt: skip
    nowhere = tmp_path / "nowhere.json"
    nowhere.write_text('{"from": "n@example.com", "recipient_list_id": "nobody", "subject": "Hi", "text": "Hi"}')
    assert "no list 'nobody'" in installation.terminal("campaign", "create", str(nowhere), *words, code=1)["error"]
    assert "no campaign 'c_nope'" in installation.terminal("messages", "c_nope", *words, code=1)["error"]
    made = installation.terminal("campaign", "create", str(file), "--key", "spring", *words)
    assert (made["state"], made["status"]) == ("DRAFT", 201)
    assert (
        installation.terminal("campaign", "create", str(file), "--key", "spring", *words)["campaign"]
        == made["campaign"]
    )
    campaign = made["campaign"]

    later = installation.terminal("campaign", "start", campaign, "--at", "2090-03-01T09:00+01:00", *words)
    assert later["state"] == "SCHEDULED"
    assert installation.terminal("campaign", "status", campaign, *words)["state"] == "SCHEDULED"
    assert "SCHEDULED, due at 2090-03-01T08:00:00Z" in installation.terminal(
        "campaign", "watch", campaign, *words, code=1
    )["error"]  # fmt: skip
    assert installation.terminal("campaign", "unschedule", campaign, *words)["state"] == "DRAFT"
    file.write_text('{"name": "Spring in Lisbon"}')
    installation.terminal("campaign", "update", campaign, str(file), *words)
    installation.terminal("suppressions", "add", "p1@mail1.example", *words)
    installation.terminal("campaign", "start", campaign, "--now", *words)
    assert installation.terminal("campaign", "pause", campaign, *words)["effective"]
    installation.terminal("campaign", "throttle", campaign, "--rate", "1000", *words)
    installation.terminal("campaign", "resume", campaign, *words)
    assert installation.terminal("campaign", "watch", campaign, *words, lines=True)["state"] == "COMPLETED"
    ended = installation.terminal("campaign", "status", campaign)
    assert (ended["name"], ended["audience"], ended["done"]) == ("Spring in Lisbon", 40, 40)
    assert len(installation.terminal("campaign", "audience", campaign, *words)["audience"]) == 40
    installation.terminal("messages", campaign, *words)
    assert installation.terminal("campaign", "clone", campaign, *words)["state"] == "DRAFT"
    refused = installation.terminal("campaign", "pause", campaign, *words, code=1)
    assert refused["advice"]


def test_what_holds_above_campaigns_is_set_and_shown(installation: Installation, account: str) -> None:
    """Limits, account settings and keys are the operator's."""
    installation.terminal("account", "set", account, "--running", "3", "--quiet", "21:00-08:00")
    installation.terminal("account", "set", account, "--approval")
    shown = installation.terminal("account", "show", account)
    assert (shown["running"], shown["approval"], shown["quiet"]["opens"]) == (3, True, "21:00")
    installation.terminal("limits", "set", "account", account, "--rate", "50")
    limits = {each["name"]: each["rate"] for each in installation.terminal("limits", "list")["limits"]}
    assert limits[account] == 50
    installation.terminal("limits", "remove", "account", account)
    made = installation.terminal("keys", "create", "--account", account, "--scope", "read", "--expires", "90d")
    assert made["key"].startswith(f"fk_{made['id']}_")
    installation.terminal("keys", "revoke", made["id"], "--account", account)
    (listed,) = installation.terminal("keys", "list", "--account", account)["keys"]
    assert (listed["revoked_at"] is not None, "hash" in listed, "key" in listed) == (True, False, False)


def test_a_single_message_from_the_terminal(installation: Installation, account: str) -> None:
    """A script that watches a disk wants to say so."""
    words = ("messages", "send", "me@gmail.com", "--from", "ops@example.com", "--subject", "Disk", "--text", "Full")
    sent = installation.terminal(*words, "--account", account, "--key", "disk-1")["messages"]
    assert [each["to"] for each in sent] == ["me@gmail.com"]
    assert installation.terminal(*words, "--account", account, "--key", "disk-1")["messages"] == sent
