"""`fanfare suppressions`: whom nobody must write to."""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.console import people as in_words
from app.cli.failures import CommandError, Exit
from app.cli.order import Account
from app.cli.reading import with_clickhouse
from app.cli.times import end_of, iso

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control.unstored import Unstored
    from app.web.named_people import Unnamed

suppressions = typer.Typer(
    help="Whom nobody must write to.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare suppressions add ana@example.com --reason complaint",
        "fanfare suppressions add --file left.txt --scope list --of newsletter",
        "fanfare suppressions check ana@example.com",
    ),
)

CHANNELS = ("email", "sms", "whatsapp", "voice")
SCOPES = ("global", "account", "list", "campaign")
AT_ONCE = 10_000
MOST_ROWS = 200
COLUMNS = ("scope", "of", "channel", "reason", "source", "since", "until")
SHOWN = 20  # problems on the terminal; --json lists all

People = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ADDRESS]...", help="Addresses, phone numbers with +, or ids of 32 hex digits."),
]
File = Annotated[Path | None, typer.Option("--file", help="One address, phone number or id a line; - is stdin.")]
Scope = Annotated[str, typer.Option("--scope", help="global, account, list or campaign.")]
Channel = Annotated[str, typer.Option("--channel", help="email, sms, whatsapp or voice. Default: all of them.")]
Of = Annotated[str, typer.Option("--of", help="Name of the list, or id of the campaign.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(suppressions, name="suppressions")


@suppressions.command(
    "add",
    epilog=examples(
        "fanfare suppressions add ana@example.com --reason complaint --source crm",
        "fanfare suppressions add --file left.txt --scope list --of newsletter --until 90d",
        "fanfare suppressions add --file - --scope global",
        "fanfare suppressions add +4915123456789 --channel sms",
    ),
)
def add(
    people: People = None,
    file: File = None,
    scope: Scope = "account",
    of: Of = "",
    channel: Channel = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for people.")] = "manual",
    source: Annotated[str, typer.Option("--source", help="Where it came from, for people.")] = "cli",
    until: Annotated[str, typer.Option("--until", help="A time, or a span such as 90d. Default: for good.")] = "",
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Write to these people no more: within a second, also where a message already waits."""
    end = 0.0
    if until:
        end = end_of(until, "--until", time.time())
    _told("add", people, file, as_json, scope, of, account, channel=channel, reason=reason, source=source, until=end)


@suppressions.command(
    "remove",
    epilog=examples(
        "fanfare suppressions remove ana@example.com",
        "fanfare suppressions remove --file back.txt --scope list --of newsletter",
    ),
)
def remove(
    people: People = None,
    file: File = None,
    scope: Scope = "account",
    of: Of = "",
    channel: Channel = "",
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Lift the suppression of one scope. Others of the same person stay."""
    _told("remove", people, file, as_json, scope, of, account, channel=channel)


@suppressions.command(
    "check",
    epilog=examples("fanfare suppressions check ana@example.com", "fanfare suppressions check --file all.txt --json"),
)
def check(people: People = None, file: File = None, account: Account = "default", as_json: AsJson = False) -> None:
    """Tell who of these people is suppressed, and by which scopes. What was just added shows."""
    named, found = with_clickhouse(lambda client: _checked(client, people_in(people, file), account))
    held = [(written, who, entry) for who, written in named.people.items() for entry in found.get(who, [])]
    if as_json:
        emit({
            "checked": len(named.people),
            "suppressed": [{"address": written, "recipient_id": who.hex(), **_scope(e)} for written, who, e in held],
            "problems": [{"line": a.index + 1, "value": a.value, "reason": a.reason} for a in named.problems],
        })  # fmt: skip
        return
    say(f"{len(found):,} of {len(named.people):,} people are suppressed")
    if held:
        rows = [(written, *_row(entry)) for written, _, entry in held[:MOST_ROWS]]
        table("", ("address", *COLUMNS), rows)


@suppressions.command(
    "list",
    epilog=examples(
        "fanfare suppressions list --account acme", "fanfare suppressions list --scope list --of newsletter --json"
    ),
)
def list_suppressions(
    scope: Annotated[str, typer.Option("--scope", help="account, list or campaign. Default: all.")] = "",
    of: Of = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="The newest ones to show.")] = 100,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show the suppressions of an account that hold, the latest first."""
    from app.settings import settings
    from app.web.suppressed import Filter, SuppressedPeople

    async def read(client: "ClickHouse") -> list[dict[str, Any]]:
        async with _unstored() as unstored:
            people = SuppressedPeople(unstored, client, account, settings().partitions)
            return (await people.page(Filter(scope, of), None, limit, time.time()))[0]

    found = with_clickhouse(read)
    if as_json:
        shown = [{"recipient_id": each["recipient"], "address": each["address"], **_scope(each)} for each in found]
        emit({"suppressions": shown})
    elif found:
        rows = [(each["address"] or each["recipient"], *_row(each)) for each in found]
        table(f"Suppressions of {account}", ("who", *COLUMNS), rows)
    else:
        say("Nobody is suppressed.")


async def _checked(client: "ClickHouse", values: Iterator[str], account: str) -> tuple[Any, Any]:
    from app.clickhouse.key_check import read_key
    from app.settings import settings
    from app.web.named_people import named_people
    from app.web.suppressed import SuppressedPeople

    named = named_people(values, read_key(settings().secret_path))
    found: dict[bytes, list[dict[str, Any]]] = {}
    async with _unstored() as unstored:
        people, everybody = SuppressedPeople(unstored, client, account, settings().partitions), list(named.people)
        for start in range(0, len(everybody), AT_ONCE):
            found |= await people.of(everybody[start : start + AT_ONCE], time.time())
    return named, found


def _unstored() -> "Unstored":
    from app.control.unstored import Unstored
    from app.settings import settings
    from app.topics import SUPPRESSION_COMMANDED

    return Unstored(settings(), SUPPRESSION_COMMANDED)


def _scope(entry: dict[str, Any]) -> dict[str, Any]:
    told = {name: entry[name] for name in ("scope", "scope_id", "channel", "reason", "source")}
    return {**told, "since": iso(entry["since"]), "until": iso(entry["until"] or None)}


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(value or "") for value in _scope(entry).values())


def _told(
    op: str, people: list[str] | None, file: Path | None, as_json: bool, scope: str, of: str, account: str, **more: Any
) -> None:
    if scope not in SCOPES:
        raise CommandError(f"there is no scope {scope!r}", f"one of {', '.join(SCOPES)}", Exit.USAGE)
    if (scope in ("list", "campaign")) != bool(of):
        raise CommandError(
            f"--scope {scope} {'needs' if not of else 'takes no'} --of", "--of names the list or campaign", Exit.USAGE
        )
    if more["channel"] and more["channel"] not in CHANNELS:
        raise CommandError(f"there is no channel {more['channel']!r}", f"one of {', '.join(CHANNELS)}", Exit.USAGE)
    fields: dict[str, Any] = {"op": op, "scope": scope, "scope_id": account if scope == "account" else of, **more}
    if scope in ("list", "campaign"):
        fields["account"] = account
    count, problems = asyncio.run(_publish(people_in(people, file), fields))
    notes = [_no_list(account, of)] if op == "add" and scope == "list" and not _has_list(account, of) else []
    if as_json:
        told = [{"line": a.index + 1, "value": a.value, "reason": a.reason} for a in problems]
        emit({op: count, "problems": told, "notes": notes})
    else:
        say(f"{'suppressed' if op == 'add' else 'lifted for'} {in_words(count)} ({scope}{f' {of}' if of else ''})")
        for note in notes:
            say(f"note: {note}")
        if problems:
            rows = [(str(a.index + 1), a.value, a.reason) for a in problems[:SHOWN]]
            table(f"{len(problems):,} left out", ("number", "value", "reason"), rows)
    if problems:
        raise typer.Exit(Exit.PARTLY)


def _has_list(account: str, name: str) -> bool:
    """Whether the account has this list; while ClickHouse cannot tell, it may."""
    from app.clickhouse.client import ClickHouseError
    from app.clickhouse.lists import lists_known

    try:
        return name in with_clickhouse(lambda client: lists_known(client, account, [name]))
    except ClickHouseError:
        return True


def _no_list(account: str, name: str) -> str:
    return f"{account} has no list {name!r} yet: it holds once there is one; `fanfare lists list` shows what there is"


async def _publish(values: Iterator[str], fields: dict[str, Any]) -> tuple[int, list["Unnamed"]]:
    """Publish *values* part by part: what is published counts, and repeating it all does no harm."""
    from app.cli.progress import counting
    from app.clickhouse.key_check import read_key
    from app.control import Control
    from app.control.suppressions import packs_of, publish
    from app.settings import settings
    from app.web.named_people import Unnamed, named_people

    secret, count, read, problems = read_key(settings().secret_path), 0, 0, list[Unnamed]()
    with counting("Suppressing" if fields["op"] == "add" else "Lifting") as done:
        async with Control(settings()) as control:
            while part := list(islice(values, AT_ONCE)):
                found = named_people(part, secret, fields["channel"] if fields["op"] == "add" else "")
                packs = list(packs_of(list(found.people), settings().partitions, at=time.time(), **fields))
                await publish(control, packs)
                problems += [Unnamed(read + each.index, each.value, each.reason) for each in found.problems]
                count, read = count + len(found.people), read + len(part)
                done(read)
    return count, problems


def people_in(people: list[str] | None, file: Path | None) -> Iterator[str]:
    """Who was named: as arguments, or line by line in *file*."""
    if bool(people) == bool(file):
        raise CommandError(
            "nobody was named" if not people else "addresses and --file at once",
            "give addresses, or --file with one a line",
            Exit.USAGE,
        )
    return iter(people) if people else _lines(file or Path("-"))


def _lines(file: Path) -> Iterator[str]:
    from app.clickhouse.file_lines import FileLines

    if str(file) != "-" and not file.is_file():
        raise CommandError(f"there is no file {file}", "give a file with one address a line", Exit.USAGE)
    import sys

    for _, line in FileLines(sys.stdin.buffer if str(file) == "-" else file):
        if isinstance(line, bytes) and (text := line.decode("utf-8", "replace").strip().strip('"')):
            yield text
