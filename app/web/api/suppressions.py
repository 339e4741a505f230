"""Suppressions: whom nobody must write to any more, in a list, a campaign, an account, or at all."""

import time
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouseError
from app.clickhouse.lists import lists_known
from app.control.suppressions import packs_of, publish
from app.delivery.gate import UNSUBSCRIBED
from app.specs import AskedMoment, Strict
from app.web.api.moments_shown import iso
from app.web.api.people_in_requests import Address, Problem, secret_of
from app.web.campaigns_seen import find_campaign
from app.web.cursors import PageQuery, decode, encode
from app.web.keys import SETTINGS, UNSTORED
from app.web.named_people import NamedPeople, named_people
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply
from app.web.suppressed import Entry, Filter, SuppressedPeople

MOST_PEOPLE = 10_000  # of one call

Words = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
People = Annotated[
    list[Address],
    Field(
        min_length=1,
        max_length=MOST_PEOPLE,
        description="Addresses, phone numbers with +, or recipient ids of 32 hex digits",
    ),
]


class Scope(Strict):
    """Where a suppression holds. One of a channel stands beside one of all channels, and is lifted by itself."""

    scope: Literal["account", "list", "campaign", "global"] = Field(
        default="account", description="global: in every account, with a key of scope operator only"
    )
    scope_id: Words = Field(default="", description="Name of the list, or id of the campaign")
    channel: Literal["", "email", "sms", "whatsapp", "voice"] = Field(
        default="", description="On this channel only; empty: on all that reach the address or number"
    )

    @model_validator(mode="after")
    def _names_what_it_is(self) -> Self:
        named = self.scope in ("list", "campaign")
        if named and not self.scope_id:
            raise ValueError(f"a suppression of a {self.scope} needs a scope_id: which one")
        if not named and self.scope_id:
            raise ValueError(f"a suppression of scope {self.scope} takes no scope_id")
        return self


class NewSuppressions(Scope):
    """People to suppress."""

    addresses: People
    reason: Words = "manual"
    source: Words = "api"
    until: AskedMoment | None = Field(default=None, description="None: for good")


class OldSuppressions(Scope):
    """People whose suppression of one scope is lifted."""

    addresses: People


class Whom(Strict):
    """People to ask about."""

    addresses: People


class Suppressed(Strict):
    """What became of people who were suppressed."""

    suppressed: int = Field(description="Those who are suppressed now, also if they were before")
    problems: list[Problem]
    notes: list[str] = Field(default_factory=list, description="What whoever asked should know about it")


class Lifted(Strict):
    """What became of people whose suppression was lifted."""

    lifted: int | None = Field(description="Those who were suppressed in this scope; null while ClickHouse is away")
    unsubscribed: int | None = Field(description="Those of them who had left themselves: they asked for no more mail")
    problems: list[Problem]


class ScopeShown(Strict):
    """One reason why somebody must not be written to."""

    scope: str
    scope_id: str
    channel: str = Field(description="Empty: all that reach the address or number")
    reason: str
    source: str
    since: str
    until: str | None


class SuppressionShown(ScopeShown):
    """One suppression."""

    recipient_id: str
    address: str = Field(description="Empty where the account has no such contact")


class SuppressionPage(Strict):
    """Some suppressions, the latest first."""

    suppressions: list[SuppressionShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class CheckedPerson(Strict):
    """Somebody who is suppressed."""

    address: str = Field(description="As it was asked")
    recipient_id: str
    scopes: list[ScopeShown]


class Checked(Strict):
    """Who of the people asked about is suppressed; who is not named here is not."""

    checked: int
    suppressed: list[CheckedPerson]
    problems: list[Problem]


class SuppressionQuery(PageQuery):
    """Which suppressions; without a filter all of the account."""

    scope: Literal["", "account", "list", "campaign"] = ""
    scope_id: Words = ""
    reason: Words = ""
    channel: Literal["", "email", "sms", "whatsapp", "voice"] = ""
    address: str = Field(default="", max_length=320, description="Of this person: global ones too, in one page")


async def list_suppressions(call: Call) -> Reply:
    """Suppressions of the account that hold, the latest first."""
    asked: SuppressionQuery = call.query
    wanted, now = Filter(asked.scope, asked.scope_id, asked.reason, asked.channel), time.time()
    if asked.address:
        return Reply({"suppressions": await _of_one(call, asked.address, wanted, now), "next": ""})
    found, last = await _seen(call).page(wanted, decode(asked.cursor, int, str, str, str, str), asked.limit, now)
    unknown = [each["recipient"] for each in found if not each["address"]]
    known = await addresses_of(call.views.client, call.account, unknown)
    for each in found:
        if each["recipient"] in known:
            each["address"] = known[each["recipient"]]
    return Reply({"suppressions": [_shown(each) for each in found], "next": encode(*last) if last else ""})


async def suppress(call: Call) -> Reply:
    """Write to these people no more: within a second, also where a message already waits. A check shows it at once."""
    asked: NewSuppressions = call.body
    _check_scope(call, asked, "add")
    if asked.until is not None and asked.until <= time.time():
        raise refuse(422, "Invalid", "until: a moment in the future is needed, or none: for good", field="until")
    named = await _publish(call, asked, "add", reason=asked.reason, source=asked.source, until=asked.until or 0.0)
    notes = [] if asked.scope != "list" or await _has_list(call, asked.scope_id) else [_no_list(asked.scope_id)]
    return Reply({"suppressed": len(named.people), "problems": _problems(named), "notes": notes})


async def lift(call: Call) -> Reply:
    """Lift the suppression of one scope; others of the same person stay."""
    asked: OldSuppressions = call.body
    _check_scope(call, asked, "remove")
    held = await _held(call, asked)
    named = await _publish(call, asked, "remove")
    return Reply({
        "lifted": len(held) if held is not None else None,
        "unsubscribed": sum(each["reason"] == UNSUBSCRIBED for each in held) if held is not None else None,
        "problems": _problems(named),
    })  # fmt: skip


async def check(call: Call) -> Reply:
    """Who of these people is suppressed, by which scopes."""
    named = _named(call, call.body.addresses)
    found = await _seen(call).of(list(named.people), time.time())
    held = [
        {"address": written, "recipient_id": who.hex(), "scopes": [_scope(each) for each in found[who]]}
        for who, written in named.people.items()
        if who in found
    ]
    return Reply({"checked": len(named.people), "suppressed": held, "problems": _problems(named)})


async def _has_list(call: Call, name: str) -> bool:
    """Whether the account has this list; while ClickHouse cannot tell, it may."""
    try:
        return name in await lists_known(call.views.client, call.account, [name])
    except ClickHouseError:
        return True


def _no_list(name: str) -> str:
    return f"your account has no list {name!r} yet: it holds once there is one"


async def _held(call: Call, asked: OldSuppressions) -> list[Entry] | None:
    """What holds of the scope for these people; None while ClickHouse cannot tell."""
    people = list(_named(call, asked.addresses).people)
    wanted = Filter(asked.scope, call.account if asked.scope == "account" else asked.scope_id)
    try:
        found = await _seen(call).of(people, time.time())
    except ClickHouseError:
        return None
    return [
        each
        for entries in found.values()
        for each in entries
        if wanted.takes(each) and each["channel"] == asked.channel
    ]


def _check_scope(call: Call, asked: Scope, command: str) -> None:
    """403 for what holds in every account, unless the operator has made the key for that."""
    if asked.scope == "global" and "operator" not in call.key.scopes:
        raise refuse(
            403, "Not allowed",
            f"only the operator {command}s what holds in every account: `fanfare suppressions {command} "
            "--scope global`, or a key with the scope operator",
            field="scope",
        )  # fmt: skip


async def _publish(call: Call, asked: NewSuppressions | OldSuppressions, op: str, **more: Any) -> NamedPeople:
    named = _named(call, asked.addresses, asked.channel if op == "add" else "")
    if asked.scope == "campaign":
        await find_campaign(call.control, call.views, call.account, asked.scope_id)
    owner = call.account if asked.scope in ("list", "campaign") else ""
    packs = packs_of(
        list(named.people), call.request.app[SETTINGS].partitions, op=op, scope=asked.scope,
        scope_id=call.account if asked.scope == "account" else asked.scope_id, at=time.time(), account=owner,
        channel=asked.channel, **more,
    )  # fmt: skip
    await publish(call.control, list(packs))
    return named


def _named(call: Call, addresses: list[str], channel: str = "") -> NamedPeople:
    """The people of a request whom *channel* may reach; 422 when it names nobody."""
    named = named_people(addresses, secret_of(call), channel)
    if not named.people:
        raise refuse(
            422, "Invalid", f"addresses: none of them names anybody: {named.problems[0].reason}", field="addresses",
            errors=[{"field": f"addresses.{each.index}", "message": each.reason} for each in named.problems[:50]],
        )  # fmt: skip
    return named


def _problems(named: NamedPeople) -> list[dict[str, Any]]:
    return [{"index": each.index, "field": "addresses", "reason": each.reason} for each in named.problems]


async def _of_one(call: Call, address: str, wanted: Filter, now: float) -> list[dict[str, Any]]:
    ((who, written),) = _named(call, [address]).people.items()
    found = (await _seen(call).of([who], now)).get(who, [])
    return [_shown({**each, "recipient": who.hex(), "address": written}) for each in found if wanted.takes(each)]


def _seen(call: Call) -> SuppressedPeople:
    app = call.request.app
    return SuppressedPeople(app[UNSTORED], call.views.client, call.account, app[SETTINGS].partitions)


def _shown(entry: Entry) -> dict[str, Any]:
    return {"recipient_id": entry["recipient"], "address": entry["address"], **_scope(entry)}


def _scope(entry: Entry) -> dict[str, Any]:
    told = {name: entry[name] for name in ("scope", "scope_id", "channel", "reason", "source")}
    return {**told, "since": iso(entry["since"]), "until": iso(entry["until"] or None)}


_PATH, _TAG, _KEY = "/v1/suppressions", "Suppressions", "suppressions"
_WHOM = {"addresses": ["ana@example.com"]}

ENDPOINTS = [
    Endpoint("GET", _PATH, list_suppressions, "Suppressions of the account", _KEY, _TAG,
             query=SuppressionQuery, answer=SuppressionPage),
    Endpoint("POST", _PATH, suppress, "Suppress up to 10,000 people", _KEY, _TAG,
             body=NewSuppressions, answer=Suppressed, errors=(404,), keeps=True,
             example={**_WHOM, "scope": "list", "scope_id": "newsletter", "reason": "complaint", "source": "crm"}),
    Endpoint("POST", _PATH + "/remove", lift, "Lift the suppression of up to 10,000 people", _KEY, _TAG,
             body=OldSuppressions, answer=Lifted, errors=(404,), keeps=True, example=_WHOM),
    Endpoint("POST", _PATH + "/check", check, "Who of up to 10,000 people is suppressed", _KEY, _TAG,
             body=Whom, answer=Checked, keeps=True, example=_WHOM),
]  # fmt: skip
