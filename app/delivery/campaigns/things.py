"""Decides on templates, segments, API keys, account settings, limits and routes: what to store, tell and answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app import ids
from app.commands import Command
from app.delivery.limits.checks import Known, wrong_limit
from app.delivery.limits.figures import notes_on_edit
from app.delivery.people.pools import notes_on_pools, wrong_pools
from app.delivery.routes.account_checks import notes_on_account
from app.delivery.routes.checks import IMPLICIT, MOST_ROUTES, notes_on, notes_on_accounts, users_of, wrong_route
from app.routes import LimitSet, Route
from app.specs import Content, Parts
from app.things import Account, ApiKey, Segment, TemplateDraft, TemplateHead

MOST_KEYS = 1_000  # of one account: every edge holds them all
MOST_VERSIONS = 300  # of one template: they go in one batch when it is deleted


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done: as in HTTP, in words, and the field at fault."""

    status: int
    error: str
    field: str


@dataclass(frozen=True, slots=True)
class Owned:
    """What there is of what a command names. *keys* counts those of the account that are not revoked.

    *routes* are all that are stored, *running* counts campaigns that have messages on the road.
    """

    account: Account
    template: TemplateHead | None = None
    segment: Segment | None = None
    key: ApiKey | None = None
    keys: int = 0
    routes: Mapping[str, Route] = field(default_factory=dict)
    running: int = 0
    limit: LimitSet | None = None  # as it is set now
    limits: Known = field(default_factory=Known)  # what limits can be for; of a route its accounts are looked at


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version of a template, the newest from now on."""

    head: TemplateHead
    content: Content


@dataclass(frozen=True, slots=True)
class Gone:
    """A thing that is deleted; *version* follows its last one."""

    kind: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class ByHand:
    """A route is taken out of service (*open*) by an operator, as its breaker would, or put back."""

    route: str
    open: bool
    reason: str


Change = NewVersion | Segment | ApiKey | Account | LimitSet | Route | ByHand | Gone


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command does. *change* is None when nothing changes; *thing* is what it made or found.

    *notes* are what whoever asked should know about it.
    """

    status: int  # as in HTTP
    change: Change | None = None
    thing: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def thing_named(command: Command) -> str:
    """The id of the thing that *command* is about; a create names its own by its idempotency key."""
    match command.kind:
        case "template.create":
            return ids.thing_id("tpl", command.account, command.id)
        case "segment.create":
            return ids.thing_id("seg", command.account, command.id)
        case "key.create":
            return command.key.id if command.key is not None else ""
        case "account.set":
            return command.account
        case "route.set":
            return command.route.name if command.route is not None else ""
    return command.thing


def decide(owned: Owned, command: Command, now: float) -> Decision | Refusal:
    """Decide on *command*, given what there is of the thing it names."""
    noun, _, verb = command.kind.partition(".")
    match noun:
        case "template":
            return _template(owned.template, command, verb, now)
        case "segment":
            return _segment(owned.segment, command, verb, now)
        case "key":
            return _key(owned, command, verb, now)
        case "account":
            return _account(owned.account, command)
        case "limit":
            return _limit(owned, command, now)
        case "route":
            return _route(owned, command, verb)
    raise ValueError(f"{command.kind} is about no such thing")


def shown(thing: TemplateHead | Segment | ApiKey | Account | LimitSet | Route) -> dict[str, Any]:
    """A thing as it is answered: without content, and without the hash of a key."""
    return thing.model_dump(mode="json", by_alias=True, exclude={"hash"} if isinstance(thing, ApiKey) else None)


# -- templates


# Channel -> what its messages are called, and the parts of which a content needs one.
NEEDED = {
    "email": ("an email", ("html", "text", "mjml")),
    "sms": ("an SMS", ("sms",)),
    "whatsapp": ("a WhatsApp message", ("whatsapp",)),
    "voice": ("a call", ("voice", "voice_audio")),
}


def lacking(parts: Collection[str], subject: str, channel: str = "email") -> str:
    """What a content with *parts* lacks to be sent on *channel*, with a *subject* of its own or ""; "" for nothing."""
    if channel != "email":
        needed = NEEDED[channel][1]
        return "" if set(needed) & set(parts) else " and no ".join(needed)
    if not subject and "subject" not in parts:
        return "subject"
    return "" if {"html", "text", "mjml"} & set(parts) else "html and no text"


def _template(head: TemplateHead | None, command: Command, verb: str, now: float) -> Decision | Refusal:
    draft, ident = command.template, thing_named(command)
    if draft is None and verb != "delete":
        return _needs(command, "template")
    if verb == "create" and draft is not None:
        if head is not None:
            return Decision(200, thing=shown(head))
        return _new_version(ident, command.account, draft, 1, now, now)
    if head is None or head.account != command.account:
        return _unknown(command, "template")
    if command.match is not None and command.match != head.version:
        return _changed_since(f"the template has version {head.version}", command.match)
    if draft is None:
        return _gone(command, "template", head.version + 1)
    if head.version >= MOST_VERSIONS:
        error = f"a template has at most {MOST_VERSIONS} versions: create another one"
        return Refusal(409, error, "thing")
    return _new_version(ident, command.account, draft, head.version + 1, head.created_at, now)


def _new_version(
    ident: str, account: str, draft: TemplateDraft, version: int, created_at: float, now: float
) -> Decision:
    head = TemplateHead(
        id=ident, account=account, name=draft.name, version=version, created_at=created_at, changed_at=now,
        parts=[name for name in Parts.model_fields if getattr(draft.content, name)],
    )  # fmt: skip
    return Decision(201 if version == 1 else 200, NewVersion(head, draft.content), shown(head))


# -- segments


def _segment(segment: Segment | None, command: Command, verb: str, now: float) -> Decision | Refusal:
    draft, ident = command.segment, thing_named(command)
    if draft is None and verb != "delete":
        return _needs(command, "segment")
    if verb == "create" and draft is not None:
        if segment is not None:
            return Decision(200, thing=shown(segment))
        made = Segment(
            id=ident, account=command.account, name=draft.name, filter=draft.filter, created_at=now, changed_at=now
        )
        return Decision(201, made, shown(made))
    if segment is None or segment.account != command.account:
        return _unknown(command, "segment")
    if command.match is not None and command.match != segment.revision:
        return _changed_since(f"the segment has revision {segment.revision}", command.match)
    if draft is None:
        return _gone(command, "segment", segment.revision + 1)
    changed = segment.model_copy(
        update={
            "name": draft.name, "filter": draft.filter, "revision": segment.revision + 1, "changed_at": now,
        }
    )  # fmt: skip
    return Decision(200, changed, shown(changed))


# -- keys, accounts, limits


def _key(owned: Owned, command: Command, verb: str, now: float) -> Decision | Refusal:
    if verb == "create":
        return _new_key(owned, command, now)
    key = owned.key
    if key is None or key.account != command.account:
        return _unknown(command, "API key")
    if key.revoked_at is not None:
        return Decision(200, thing=shown(key))
    revoked = key.model_copy(update={"revoked_at": now})
    return Decision(200, revoked, shown(revoked))


def _new_key(owned: Owned, command: Command, now: float) -> Decision | Refusal:
    key, old = command.key, owned.key
    if key is None:
        return _needs(command, "key")
    if key.account != command.account:
        return Refusal(422, f"the key is of account {key.account!r}, the command of {command.account!r}", "key.account")
    if key.expires_at is not None and key.expires_at <= now:
        return Refusal(422, "the key would have expired already: choose a later expires_at", "key.expires_at")
    if old is not None:
        if (old.hash, old.account) == (key.hash, key.account):
            return Decision(200, thing=shown(old))
        return Refusal(409, f"there is another key {key.id!r}: make one with a new id", "key.id")
    if owned.keys >= MOST_KEYS:
        return Refusal(409, f"an account has at most {MOST_KEYS} keys: revoke some", "key")
    made = key.model_copy(update={"created_at": now, "revoked_at": None})
    return Decision(201, made, shown(made))


def _account(account: Account, command: Command) -> Decision | Refusal:
    settings = command.settings
    if settings is None:
        return _needs(command, "settings")
    if settings.name != command.account:
        error = f"the settings are of account {settings.name!r}, the command of {command.account!r}"
        return Refusal(422, error, "settings.name")
    if command.match is not None and command.match != account.revision:
        return _changed_since(f"the settings have revision {account.revision}", command.match)
    wrong = wrong_pools(settings.number_pools, account.number_pools)
    if wrong is not None:
        return Refusal(422, wrong[1], f"settings.{wrong[0]}")
    changed = settings.model_copy(update={"revision": account.revision + 1})
    return Decision(200, changed, shown(changed), notes_on_pools(changed.number_pools, account.number_pools))


def _limit(owned: Owned, command: Command, now: float) -> Decision | Refusal:
    limit = command.limit
    if limit is None:
        return _needs(command, "limit")
    wrong = wrong_limit(limit, owned.limits, now, owned.limit)
    if wrong is not None:
        return Refusal(422, wrong[1], f"limit.{wrong[0]}")
    if limit.limits_nothing and owned.limit is None:
        towards = f" towards {limit.group!r}" if limit.group else ""
        error = f"there is no limit of {limit.scope} {limit.name!r}{towards}: nothing to remove"
        return Refusal(404, error, "limit")
    return Decision(200, limit, shown(limit), notes_on_edit(owned.limit, limit))


# -- routes


def _route(owned: Owned, command: Command, verb: str) -> Decision | Refusal:
    name = thing_named(command)
    old = owned.routes.get(name)
    if verb == "set":
        return _set_route(owned, old, command)
    if verb in ("open", "close"):
        return _by_hand(owned, old, command, verb)
    if old is None:
        return _no_route(owned, command)
    if command.match is not None and command.match != old.revision:
        return _changed_since(f"the route has revision {old.revision}", command.match)
    users = users_of(name, owned.routes)
    if users:
        error = f"{name!r} is a fallback of {', '.join(users)}: take it from their fallbacks first, or disable it"
        return Refusal(409, error, "thing")
    left = {each: route for each, route in owned.routes.items() if each != name}
    answer = {"name": name, "revision": old.revision + 1, "deleted": True}
    return Decision(200, Gone("route", name, old.revision + 1), answer, notes_on(owned.routes, left, owned.running))


def _set_route(owned: Owned, old: Route | None, command: Command) -> Decision | Refusal:
    route = command.route
    if route is None:
        return _needs(command, "route")
    if command.match is not None and (old is None or command.match != old.revision):
        return _changed_since(
            f"the route has revision {old.revision}" if old else "there is no such route", command.match
        )
    if old is None and len(owned.routes) >= MOST_ROUTES:
        return Refusal(409, f"there are at most {MOST_ROUTES} routes: delete some", "route")
    wrong = wrong_route(route, owned.routes)
    if wrong is not None:
        return Refusal(422, wrong[1], f"route.{wrong[0]}")
    made = route.model_copy(update={"revision": 1 if old is None else old.revision + 1})
    notes = notes_on(owned.routes, {**owned.routes, made.name: made}, owned.running)
    notes += notes_on_accounts(made, owned.limits.accounts) + notes_on_account(made)
    return Decision(201 if old is None else 200, made, shown(made), notes)


def _by_hand(owned: Owned, old: Route | None, command: Command, verb: str) -> Decision | Refusal:
    name = command.thing
    if old is None and (name != IMPLICIT or owned.routes):
        return _no_route(owned, command)
    thing = {"name": name, "revision": 1} if old is None else shown(old)
    return Decision(200, ByHand(name, verb == "open", command.reason), thing)


def _no_route(owned: Owned, command: Command) -> Refusal:
    known = ", ".join(sorted(owned.routes)) or f"none is stored, mail goes over {IMPLICIT!r}"
    return Refusal(404, f"there is no route {command.thing!r} (there are: {known})", "thing")


# -- refusals


def _needs(command: Command, name: str) -> Refusal:
    return Refusal(422, f"{command.kind} needs {name}", name)


def _unknown(command: Command, what: str) -> Refusal:
    return Refusal(404, f"there is no {what} {command.thing!r} in account {command.account!r}", "thing")


def _changed_since(has: str, match: int) -> Refusal:
    return Refusal(412, f"{has}, not {match}: somebody has changed it, read it again", "match")


def _gone(command: Command, kind: str, version: int) -> Decision:
    name = "version" if kind == "template" else "revision"
    return Decision(200, Gone(kind, command.thing, version), {"id": command.thing, name: version, "deleted": True})
