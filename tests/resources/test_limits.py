"""Limits above campaigns: set, shown, changed and removed over REST and from the terminal; what is wrong is refused."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from app.routes import LimitStatus
from app.topics import PACING_STATUS
from tests.resources.conftest import Installation, Program

PLAN = {"begins": "2027-03-01", "caps": [], "first": 50, "factor": 2.0, "last": 400}


@pytest.fixture
def operator(installation: Installation, account: str) -> Iterator[Program]:
    """A program of the operator; the limits that it has set are removed in the end."""
    program = installation.program(account, "operator")
    yield program
    for each in installation.terminal("limits", "list")["limits"]:
        assert program("DELETE", path_of(each)).status == 204


def path_of(limit: dict[str, Any]) -> str:
    name = limit["name"].replace("*", "%2A").replace(" ", "%20")
    return f"/v1/limits/{limit['scope']}/{name}?group={limit['group'].replace('*', '%2A')}"


def test_a_limit_is_set_read_replaced_and_removed(operator: Program) -> None:
    """The whole life of one; a PUT says all of it."""
    put = operator("PUT", "/v1/limits/group/gmail", {"rate": "5,000/hour", "burst": 50, "daily": 60_000})
    assert (put.status, put.body["rate"], put.body["per"], put.body["usage"]) == (200, 5_000, "hour", [])
    assert operator("GET", "/v1/limits/group/gmail").body == put.body
    again = operator("PUT", "/v1/limits/group/gmail", {"rate": 30, "per": "minute"})
    assert (again.body["rate"], again.body["daily"]) == (30, None)
    gone = operator("DELETE", "/v1/limits/group/gmail")
    assert (gone.status, gone.body) == (204, None)
    assert [operator(method, "/v1/limits/group/gmail").status for method in ("GET", "DELETE")] == [404, 404]


def test_a_limit_towards_a_mailbox_provider_is_another_one(operator: Program) -> None:
    """A pool may send a thousand an hour, and fifty of them to gmail."""
    operator("PUT", "/v1/limits/pool/smtp", {"hourly": 1_000})
    narrow = operator("PUT", "/v1/limits/pool/smtp?group=gmail", {"warm_up": PLAN, "time_zone": "Europe/Lisbon"})
    assert (narrow.status, narrow.body["warm_up"]) == (200, PLAN)
    assert operator("PUT", "/v1/limits/pool/%2A?group=%2A", {"rate": 5}).status == 200
    listed = operator("GET", "/v1/limits?scope=pool").body["limits"]
    assert [(each["name"], each["group"]) for each in listed] == [("*", "*"), ("smtp", ""), ("smtp", "gmail")]
    assert operator("DELETE", "/v1/limits/pool/smtp").status == 204
    assert operator("GET", "/v1/limits/pool/smtp?group=gmail").status == 200


def test_limits_come_in_pages(operator: Program) -> None:
    """There may be ten thousand."""
    for number in range(5):
        operator("PUT", f"/v1/limits/group/d{number}.example", {"rate": 1})
    seen, cursor = [], ""
    while True:
        page = operator("GET", f"/v1/limits?limit=2&cursor={cursor}").body
        seen += [each["name"] for each in page["limits"]]
        if not (cursor := page["next"]):
            break
    assert seen == [f"d{number}.example" for number in range(5)]


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("group/gmail", {"rate": 0}, "rate", "greater than 0"),
        ("group/gmail", {"rate": "fast"}, "rate", "5000/hour"),
        ("group/gmail", {"rates": 5}, "rates", "unknown field"),
        ("group/gmail", {"rate": 100, "burst": 5}, "burst", "1 + 0.3 x rate"),
        ("group/gmail", {"hourly": 10, "daily": 5}, "hourly", "above the daily cap"),
        ("group/gmail", {"rate": 5, "time_zone": "Mars/Base"}, "time_zone", "Europe/Lisbon"),
        ("group/gmail", {"warm_up": PLAN}, "warm_up", "pool or route"),
        ("pool/smtp", {"warm_up": PLAN | {"begins": "2020-01-01"}}, "warm_up.begins", "over since"),
        ("pool/smtp", {"warm_up": {"begins": "2027-03-01"}}, "warm_up", "either caps, or first"),
        ("route/x", {"rate": 5}, "name", "there is no route 'x': routes are smtp"),
        ("account/nobody", {"rate": 5}, "name", "there is no account 'nobody'"),
        ("country/Portugal", {"rate": 5}, "name", "ISO 3166"),
        ("planet/earth", {"rate": 5}, "scope", "account"),
        ("group/gmail?group=yahoo", {"rate": 5}, "group", "leave it out"),
        ("pool/smtp?group=gmial", {"rate": 5}, "group", "no MX group"),
        ("group/gmail", {}, None, "DELETE removes"),
        ("group/gmail", {"burst": 5}, None, "DELETE removes"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(
    operator: Program, path: str, body: dict[str, Any], field: str | None, words: str
) -> None:
    """Whoever sets it must see what to write instead, and nothing is stored."""
    refused = operator("PUT", f"/v1/limits/{path}", body)
    assert (refused.status, refused.body.get("field")) == (422, field), refused.body
    assert words in refused.body["detail"]
    assert operator("GET", "/v1/limits").body["limits"] == []


def test_an_account_sees_its_own_limit_and_cannot_change_it(
    operator: Program, installation: Installation, account: str
) -> None:
    """A customer must not raise what the operator has agreed with them, nor learn about others."""
    other = installation.program(f"{account}-b")
    operator("PUT", "/v1/limits/group/gmail", {"rate": 50})
    operator("PUT", "/v1/limits/account/%2A", {"rate": 20})
    operator("PUT", f"/v1/limits/account/{account}-b", {"rate": 70})
    admin = installation.program(account, "admin")
    assert [each["name"] for each in admin("GET", "/v1/limits").body["limits"]] == ["*"]
    assert [each["name"] for each in other("GET", "/v1/limits").body["limits"]] == [f"{account}-b"]
    assert other("GET", f"/v1/limits/account/{account}-b").body["rate"] == 70
    assert admin("GET", f"/v1/limits/account/{account}-b").status == 404
    assert admin("GET", "/v1/limits/group/gmail").status == 404
    for method, body in (("PUT", {"rate": 900}), ("DELETE", None)):
        refused = other(method, f"/v1/limits/account/{account}-b", body)
        assert (refused.status, "fanfare keys create --scope operator" in refused.body["detail"]) == (403, True)
    reader = installation.program(account, "read")
    assert reader("GET", "/v1/limits").status == 200


def test_what_is_used_of_a_cap_is_shown(operator: Program, installation: Installation) -> None:
    """How much is left today, of each sender that the limit holds for, is what an operator looks for."""
    operator("PUT", "/v1/limits/pool/%2A?group=gmail", {"daily": 2_000_000, "concurrency": 7})
    soon = float(int(time.time()) + 3_600)
    told = [
        LimitStatus(name="day|pool|cold|gmail", used=1_500_000, most=2_000_000, resets_at=soon),
        LimitStatus(name="day|pool|old|gmail", used=12, most=2_000_000, resets_at=soon - 7_200),
        LimitStatus(name="on the way|pool|cold|gmail", on_the_way=3, most=7),
        LimitStatus(name="day|pool|cold|yahoo", used=9, most=10, resets_at=soon),
        LimitStatus(name="day|campaign|c_1|gmail", used=9, most=10, resets_at=soon),
    ]

    async def tell() -> None:
        async with AIOKafkaProducer(bootstrap_servers=installation.settings.kafka) as producer:
            for each in told:
                key, value = f"limit|{each.name}".encode(), each.model_dump_json().encode()
                await producer.send_and_wait(PACING_STATUS, value, key=key, partition=0)

    asyncio.run(tell())

    def usage() -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = operator("GET", "/v1/limits/pool/%2A?group=gmail").body["usage"]
        return [each for each in shown if "cold" in each["counts"] or "old" in each["counts"]]

    end = time.monotonic() + 30
    while len(usage()) < 3:
        assert time.monotonic() < end
        time.sleep(0.1)
    by_name = {each["counts"]: each for each in usage()}
    assert sorted(by_name) == ["day|pool|cold|gmail", "day|pool|old|gmail", "on the way|pool|cold|gmail"]
    assert by_name["day|pool|cold|gmail"]["used"] == 1_500_000
    assert by_name["day|pool|cold|gmail"]["resets_at"].endswith("Z")
    assert by_name["day|pool|old|gmail"]["used"] == 0
    shown = installation.terminal("limits", "show", "pool", "*", "--group", "gmail")
    assert {"day|pool|cold|gmail", "on the way|pool|cold|gmail"} <= {each["name"] for each in shown["usage"]}


def test_limits_from_the_terminal(operator: Program, installation: Installation) -> None:
    """What a person types is what a program reads."""
    installation.terminal("limits", "set", "group", "gmail", "--rate", "5000/hour", "--burst", "50")
    installation.terminal(
        "limits", "set", "pool", "smtp", "--group", "*", "--warm-up", "50..400x2", "--begins", "2027-03-01",
        "--zone", "Europe/Lisbon", "--overflow",
    )  # fmt: skip
    listed = installation.terminal("limits", "list")["limits"]
    assert [(each["scope"], each["name"], each["group"]) for each in listed] == [
        ("group", "gmail", ""), ("pool", "smtp", "*"),
    ]  # fmt: skip
    assert (listed[0]["rate"], listed[0]["per"], listed[1]["full"]) == (5_000, "hour", "overflow")
    assert listed[1]["warm_up"] == PLAN
    refused = installation.terminal("limits", "set", "route", "x", "--rate", "5", code=1)
    assert "there is no route 'x': routes are smtp" in refused["error"]
    installation.terminal("limits", "remove", "group", "gmail")
    gone = installation.terminal("limits", "remove", "group", "gmail", code=1)
    assert "there is no limit of group 'gmail'" in gone["error"]
    assert "limits list" in gone["advice"]


def test_many_limits_from_one_file(operator: Program, installation: Installation, tmp_path: Path) -> None:
    """Limits lie in a repository: what is there is compared, and only what differs is set."""
    operator("PUT", "/v1/limits/group/gmail", {"rate": 50})
    operator("PUT", "/v1/limits/group/yahoo", {"rate": 20})
    operator("PUT", "/v1/limits/group/gmx", {"rate": 10})
    file = tmp_path / "limits.json"
    wanted = [{"scope": "group", "name": "gmail", "rate": "60/s"}, {"scope": "group", "name": "yahoo", "rate": 20}]
    file.write_text(json.dumps({"limits": [*wanted, {"scope": "pool", "name": "smtp", "daily": 1_000}]}))
    seen = installation.terminal("limits", "apply", str(file), "--dry-run", "--prune")
    counts = {name: len(seen[name]) for name in ("new", "changed", "removed")} | {"same": seen["same"]}
    assert counts == {"new": 1, "changed": 1, "removed": 1, "same": 1}
    assert operator("GET", "/v1/limits/group/gmail").body["rate"] == 50
    assert installation.terminal("limits", "apply", str(file), "--prune")["applied"] is True
    listed = installation.terminal("limits", "list")
    assert [(each["name"], each["rate"]) for each in listed["limits"]] == [("gmail", 60), ("yahoo", 20), ("smtp", None)]
    file.write_text(json.dumps(listed))
    assert installation.terminal("limits", "apply", str(file))["same"] == 3  # what it prints, it reads
    file.write_text('[{"scope": "group", "name": "gmail", "rate": 0}]')
    assert "limits.0.rate" in installation.terminal("limits", "apply", str(file), code=2)["error"]
