"""Sends a command over Kafka and shows what its owner answered."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import emit, say
from app.cli.failures import CommandError, Exit

if TYPE_CHECKING:
    from app.commands import Answer, Command
    from app.control import Done

Account = Annotated[str, typer.Option("--account", help="Account it belongs to.")]
Key = Annotated[str, typer.Option("--key", help="Idempotency key: the same key and body do nothing twice.")]
IfMatch = Annotated[int | None, typer.Option("--if-match", min=1, help="Only if this is still its revision.")]

# What lists the things of a kind: who mistypes an id looks there.
LISTS = {
    "campaign": "fanfare campaign status",
    "key": "fanfare keys list",
    "limit": "fanfare limits list",
    "route": "fanfare routes list",
    "segment": "fanfare segments list",
    "template": "fanfare templates list",
}

# What explains the fields of a kind.
FIELDS = {
    "key": "`fanfare keys create --help`",
    "limit": "docs/pacing.md",
    "route": "docs/routes.md",
    "segment": "docs/audiences.md",
    "template": "docs/content.md",
}


def send(command: "Command") -> "Done":
    """The answer to *command*. A refusal is a CommandError that says what to do."""
    from app.control import Control
    from app.settings import settings

    async def sent() -> "Done":
        async with Control(settings()) as control:
            return await control.send(command)

    done = asyncio.run(sent())
    answer = done.answer
    if answer.status >= 400:
        where = f" ({answer.field})" if answer.field not in ("", "kind") else ""
        raise CommandError(f"{answer.error}{where}", _advice(command, answer.status, answer.allowed), Exit.FAILED)
    return done


def order(command: "Command", as_json: bool, said: str = "") -> None:
    """Send *command* and tell what became of it: *said*, or id and state, or id and version."""
    done = send(command)
    if as_json:
        emit({**done.answer.model_dump(), "effective": done.effective})
        return
    note = "" if done.effective is not False else " (not every sender worker has confirmed it yet)"
    say((said or _told(done.answer)) + note)
    for each in done.answer.notes:
        say(f"note: {each}")


def _told(answer: "Answer") -> str:
    if answer.campaign:
        return f"{answer.campaign} {answer.state}"
    number = answer.thing.get("version") or answer.thing.get("revision") or 1
    return f"{answer.thing.get('id', '')} version {number}"


def new_id(key: str) -> str:
    """The id of a command: the idempotency key that was given, or one of its own."""
    from app.control import new_command_id

    return key or new_command_id()


def _advice(command: "Command", status: int, allowed: list[str]) -> str:
    noun = command.kind.partition(".")[0]
    if noun in LISTS and (status == 404 or (status == 409 and noun != "campaign")):
        return f"`{LISTS[noun]}` shows what there is"
    if status == 409 and allowed:
        return f"in this state it can be told to: {', '.join(allowed)}"
    if status == 422:
        return f"repair that and try again; {FIELDS.get(noun, 'docs/kafka.md')} tells of every field"
    return {
        409: "`fanfare campaign status` shows its state, docs/lifecycle.md what is possible in it",
        412: "somebody has changed it since: look at it again, then use its new revision",
    }.get(status, "")
