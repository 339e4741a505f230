"""Commands about templates, segments, keys, accounts, limits and routes: decided, and taken over in memory."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from agents.things import Things
from app.commands import Command
from app.delivery.campaigns.things import (
    ByHand,
    Change,
    Decision,
    Gone,
    NewVersion,
    Owned,
    Refusal,
    decide,
    thing_named,
)
from app.delivery.limits.checks import Known
from app.delivery.pacing.pacer import Pacer
from app.routes import LimitSet, Route
from app.things import Account, ApiKey, Segment
from tables import pacing as campaign_sections
from tables import pacing_things as sections
from tables.pacing_things import Told, Writes


class Note(NamedTuple):
    """Of what there is news."""

    kind: str
    id: str
    told: Told


class Carried(NamedTuple):
    """A decision with what it writes; *note* is among that."""

    decision: Decision | Refusal
    writes: Writes
    note: Note | None


ByHandStep = Callable[[ByHand, float], Writes]


def carry_out(
    things: Things, pacer: Pacer, command: Command, now: float, *,
    running: int = 0, accounts: Iterable[str] = (), by_hand: ByHandStep | None = None,
) -> Carried:  # fmt: skip
    """Decide on *command*. Write what it says in the same synchronous step: memory knows of it already.

    *running* counts the campaigns with messages on the road, *accounts* are those that have some; *by_hand* takes a
    route out of service or back into it, and tells what to write.
    """
    decision = decide(owned_by(things, command, running, accounts), command, now)
    if isinstance(decision, Refusal) or decision.change is None:
        return Carried(decision, Writes(), None)
    writes = _writes_of(things, decision.change)
    if isinstance(decision.change, ByHand) and by_hand is not None:
        writes.add(by_hand(decision.change, now))
    note = note_of(command, decision.thing, now)
    writes.items.append(sections.untold_item(*note))
    match decision.change:
        case ApiKey() as key:
            things.keys[key.id] = key
        case Account() as account:
            things.accounts[account.name] = account
            pacer.account(account.name, account.weight)
        case LimitSet() as limit:
            things.limit(limit)
            pacer.limit(limit)
        case Route() as route:
            things.routes[route.name] = route
            pacer.route(route.name, route)
        case Gone("route", name):
            things.routes.pop(name, None)
            pacer.route(name, None)
    return Carried(decision, writes, note)


def note_of(command: Command, thing: dict[str, object], now: float) -> Note:
    """The note of a command that was answered with *thing*."""
    kind = command.kind.partition(".")[0]
    if kind == "limit":
        ident = "|".join(str(thing[part]) for part in ("scope", "name", "group") if thing.get(part))
    else:
        ident = str(thing.get("name") if kind in ("account", "route") else thing.get("id"))
    version = thing.get("version") if kind == "template" else thing.get("revision")
    return Note(kind, ident, Told(command.account, version if isinstance(version, int) else 0, now))


def owned_by(things: Things, command: Command, running: int = 0, accounts: Iterable[str] = ()) -> Owned:
    """What there is of what *command* names."""
    ident, noun = thing_named(command), command.kind.partition(".")[0]
    return Owned(
        account=things.account(command.account),
        template=things.template(ident) if noun == "template" else None,
        segment=things.segment(ident) if noun == "segment" else None,
        key=things.keys.get(ident),
        keys=things.live_keys(command.account) if command.kind == "key.create" else 0,
        routes=things.routes if noun == "route" else {},
        running=running,
        limit=things.limits.get(campaign_sections.limit_id(command.limit)) if command.limit is not None else None,
        limits=_known(things, accounts) if noun in ("limit", "route") else Known(),
    )


def _known(things: Things, accounts: Iterable[str]) -> Known:
    return Known(things.routes, things.account_names().union(accounts), len(things.limits))


def _writes_of(things: Things, change: Change) -> Writes:
    match change:
        case NewVersion(head, content):
            return things.template_writes(head, content)
        case Segment():
            return Writes(items=[sections.segment_item(change.id, change)])
        case ApiKey():
            return Writes(items=[sections.key_item(change.id, change)])
        case Account():
            return Writes(items=[sections.account_item(change)])
        case LimitSet():
            return Writes(items=[campaign_sections.limit_item(change)])
        case Route():
            return Writes(items=[campaign_sections.route_item(change.name, change)])
        case ByHand():
            return Writes()
        case Gone("template", ident):
            return Writes(items=things.forget_template(ident))
        case Gone("route", name):
            return Writes(items=[campaign_sections.route_item(name, None)])
        case Gone(_, ident):
            return Writes(items=[sections.segment_item(ident, None)])
