"""Limits above campaigns over REST: set and removed by the operator; an account sees its own."""

import time
from typing import Any, Literal

from pydantic import Field

from app.control import Control
from app.delivery.limits.usage import usage_of
from app.routes import EVERY, AskedAllowance, LimitScope, LimitSet, LimitStatus
from app.specs import Strict
from app.web.api.moments_shown import When, iso
from app.web.cursors import PageQuery, decode, following
from app.web.problems import refuse
from app.web.reading import validated
from app.web.rest import Call, Endpoint, Reply

OPERATOR, TAG = "operator", "Limits"
NAMES = {"limit": "", "limit.scope": "scope", "limit.name": "name", "limit.group": "group"}


class GroupQuery(Strict):
    """Towards whom."""

    group: str = Field(default="", max_length=200, description="Of a limit towards one MX group: which; '*' is each")


class LimitQuery(PageQuery):
    """Which limits."""

    scope: LimitScope | Literal[""] = ""
    name: str = Field(default="", max_length=200)


class UsageShown(Strict):
    """How much of a limit is used, as pacing told a moment ago."""

    counts: str = Field(description="What is counted: pool|main|gmail, or a cap of it, such as day|pool|main|gmail")
    used: int | None = Field(description="Messages of a cap in its hour or day")
    most: float | None = Field(description="How many may be")
    resets_at: When | None = Field(description="When a cap begins anew")
    on_the_way: int | None = Field(description="Messages on the way, where their number is limited")


class LimitShown(LimitSet):
    """A limit in force, and what is used of it."""

    usage: list[UsageShown] = Field(default_factory=list)


class LimitPage(Strict):
    """Some limits, by scope, name and group."""

    limits: list[LimitShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


async def list_limits(call: Call) -> Reply:
    """All limits for a key with the scope operator; for any other those that hold for its account."""
    asked: LimitQuery = call.query
    place = decode(asked.cursor, str, str, str)
    wanted = [
        each
        for each in sorted(_visible(call), key=lambda each: each.key)
        if asked.scope in ("", each.scope) and asked.name in ("", each.name) and (place is None or each.key > place)
    ]
    shown = [_shown(call.control, each) for each in wanted[: asked.limit]]
    return Reply({"limits": shown, "next": following(wanted, asked.limit, lambda each: each.key)})


async def get_limit(call: Call) -> Reply:
    """One limit, with what is used of it."""
    key = (call.path("scope"), call.path("name"), call.query.group)
    found = next((each for each in _visible(call) if each.key == key), None)
    if found is None:
        raise refuse(404, "Not found", f"there is no limit of {_words(key)}; GET /v1/limits lists those there are")
    return Reply(_shown(call.control, found))


async def set_limit(call: Call) -> Reply:
    """Set the whole limit: what is not sent is not limited. It holds within a second, for what runs as well."""
    limit = _named(call, call.body.model_dump())
    if limit.limits_nothing:
        fields = "rate, concurrency, hourly, daily, moving_daily or warm_up"
        error = f"it would limit nothing: give a {fields}; DELETE removes a limit"
        raise refuse(422, "Invalid", error)
    done = await call.command("limit.set", limit=limit, names=NAMES)
    return Reply(_shown(call.control, LimitSet.model_validate(done.answer.thing)))


async def remove_limit(call: Call) -> Reply:
    """204. What it was for falls back to the limits that are left, within a second."""
    await call.command("limit.set", limit=_named(call, {}), names=NAMES)
    return Reply(status=204)


def _named(call: Call, allowance: dict[str, Any]) -> LimitSet:
    place = {"scope": call.path("scope"), "name": call.path("name"), "group": call.query.group}
    return validated(LimitSet, place | allowance)


def _visible(call: Call) -> list[LimitSet]:
    """What the key may see: everything, or what holds for its account."""
    limits = list(call.control.tail.limits.values())
    if OPERATOR in call.key.scopes:
        return limits
    own = {each.group for each in limits if (each.scope, each.name) == ("account", call.account)}
    return [
        each
        for each in limits
        if each.scope == "account" and (each.name == call.account or (each.name == EVERY and each.group not in own))
    ]


def _shown(control: Control, limit: LimitSet) -> dict[str, Any]:
    keys = {each.key for each in control.tail.limits.values()} | {limit.key}
    usage = usage_of(limit, keys, control.tail.limit_status.values(), time.time())
    return limit.model_dump(mode="json") | {"usage": [_usage(each) for each in usage]}


def _usage(status: LimitStatus) -> dict[str, Any]:
    told = status.model_dump(exclude={"name", "resets_at"})
    return {"counts": status.name, **told, "resets_at": iso(status.resets_at)}


def _words(key: tuple[str, str, str]) -> str:
    return f"{key[0]} {key[1]!r}" + (f" towards {key[2]!r}" if key[2] else "")


_PATH = "/v1/limits"
_ONE = _PATH + "/{scope}/{name}"

ENDPOINTS = [
    Endpoint("GET", _PATH, list_limits, "Limits above campaigns", "campaigns", TAG, query=LimitQuery, answer=LimitPage),
    Endpoint("GET", _ONE, get_limit, "One limit", "campaigns", TAG,
             query=GroupQuery, answer=LimitShown, errors=(404,)),
    Endpoint("PUT", _ONE, set_limit, "Set a limit", OPERATOR, TAG,
             query=GroupQuery, body=AskedAllowance, answer=LimitShown, errors=(404,), most_bytes=50_000,
             example={"rate": "5000/hour", "burst": 50, "daily": 60_000, "time_zone": "Europe/Lisbon"}),
    Endpoint("DELETE", _ONE, remove_limit, "Remove a limit", OPERATOR, TAG,
             query=GroupQuery, status=204, errors=(404,)),
]  # fmt: skip
