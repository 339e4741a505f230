"""Commands about templates, segments, keys, accounts and limits: decided, and taken over in memory."""

from typing import NamedTuple

from agents.things import Things
from app.commands import Command
from app.delivery.pacing import Pacer
from app.delivery.things import Change, Decision, Gone, NewVersion, Owned, Refusal, decide, thing_named
from app.routes import LimitSet
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


def carry_out(things: Things, pacer: Pacer, command: Command, now: float) -> Carried:
    """Decide on *command*. Write what it says in the same synchronous step: memory knows of it already."""
    decision = decide(owned_by(things, command), command, now)
    if isinstance(decision, Refusal) or decision.change is None:
        return Carried(decision, Writes(), None)
    writes = _writes_of(things, decision.change)
    note = note_of(command, decision.thing, now)
    writes.items.append(sections.untold_item(*note))
    match decision.change:
        case ApiKey() as key:
            things.keys[key.id] = key
        case Account() as account:
            things.accounts[account.name] = account
        case LimitSet() as limit:
            pacer.limit(limit)
    return Carried(decision, writes, note)


def note_of(command: Command, thing: dict[str, object], now: float) -> Note:
    """The note of a command that was answered with *thing*."""
    kind = command.kind.partition(".")[0]
    if kind == "limit":
        ident = "|".join(str(thing[part]) for part in ("scope", "name", "group") if thing.get(part))
    else:
        ident = str(thing.get("name") if kind == "account" else thing.get("id"))
    version = thing.get("version") if kind == "template" else thing.get("revision")
    return Note(kind, ident, Told(command.account, version if isinstance(version, int) else 0, now))


def owned_by(things: Things, command: Command) -> Owned:
    """What there is of what *command* names."""
    ident, noun = thing_named(command), command.kind.partition(".")[0]
    return Owned(
        account=things.account(command.account),
        template=things.template(ident) if noun == "template" else None,
        segment=things.segment(ident) if noun == "segment" else None,
        key=things.keys.get(ident),
        keys=things.live_keys(command.account) if command.kind == "key.create" else 0,
    )


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
        case Gone("template", ident):
            return Writes(items=things.forget_template(ident))
        case Gone(_, ident):
            return Writes(items=[sections.segment_item(ident, None)])
