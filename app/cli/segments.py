"""`fanfare segments`: filters over people, kept by name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, people, say, table
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, IfMatch, Key, new_id, order
from app.cli.reading import all_things, found_thing, stored_in, with_clickhouse, with_installation
from app.cli.times import iso

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control
    from app.things import Filter, SegmentDraft

segments = typer.Typer(
    help="Segments: filters over people.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare segments create lisbon.json --name Lisbon",
        "fanfare segments count lisbon.json",
        "fanfare segments list",
    ),
)

Id = Annotated[str, typer.Argument(metavar="SEGMENT", help="Id of the segment.")]
File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help='JSON: a filter, or {"name": ..., "filter": ...} (docs/audiences.md); - is stdin.'
    ),
]
Either = Annotated[str, typer.Argument(metavar="SEGMENT|FILE", help="Id of a segment, or a file with a filter.")]
Named = Annotated[str, typer.Option("--name", help="Name for people; goes before the one in FILE.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(segments, name="segments")


@segments.command("create", epilog=examples("fanfare segments create lisbon.json --name Lisbon"))
def create(file: File, name: Named = "", account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Keep the filter in FILE as a segment."""
    _write("segment.create", draft_in(file, name), as_json, id=new_id(key), account=account)


@segments.command("update", epilog=examples("fanfare segments update seg_4f0a lisbon.json --name Lisbon --if-match 2"))
def update(
    segment_id: Id,
    file: File,
    name: Named = "",
    if_match: IfMatch = None,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Replace name and filter of a segment. Campaigns that have started keep their audience."""
    _write(
        "segment.update", draft_in(file, name), as_json, id=new_id(key), account=account, thing=segment_id,
        match=if_match,
    )  # fmt: skip


@segments.command("delete", epilog=examples("fanfare segments delete seg_4f0a"))
def delete(
    segment_id: Id, if_match: IfMatch = None, account: Account = "default", key: Key = "", as_json: AsJson = False
) -> None:
    """Delete a segment."""
    from app.commands import Command

    command = Command(id=new_id(key), account=account, kind="segment.delete", thing=segment_id, match=if_match)
    order(command, as_json, said=f"{segment_id} is deleted")


@segments.command("list", epilog=examples("fanfare segments list --account acme", "fanfare segments list --json"))
def list_segments(account: Account = "default", as_json: AsJson = False) -> None:
    """Show the segments of an account, the newest first."""

    async def read(control: "Control", client: "ClickHouse") -> list[dict[str, Any]]:
        return [each.body for each in await all_things(stored_in(control, client, account), "segment")]

    found = with_installation(read)
    if as_json:
        emit({"segments": [_shown(each) for each in found]})
    elif found:
        rows = [(a["id"], a["name"], str(a["revision"]), iso(a["changed_at"])) for a in found]
        table(f"Segments of {account}", ("id", "name", "revision", "changed"), rows)
    else:
        say("No segments. Make one: `fanfare segments create FILE --name NAME`.")


@segments.command("show", epilog=examples("fanfare segments show seg_4f0a"))
def show(segment_id: Id, account: Account = "default", as_json: AsJson = False) -> None:
    """Show a segment with its filter."""

    async def read(control: "Control", client: "ClickHouse") -> dict[str, Any]:
        return (await found_thing(stored_in(control, client, account), "segment", segment_id)).body

    found = with_installation(read)
    if as_json:
        emit(_shown(found))
    else:
        say(f"{found['name']}, revision {found['revision']} of {iso(found['changed_at'])}:")
        emit(found["filter"])


@segments.command("count", epilog=examples("fanfare segments count seg_4f0a", "fanfare segments count lisbon.json"))
def count(segment: Either, account: Account = "default", as_json: AsJson = False) -> None:
    """Count the people in a segment, or of a filter in a file."""
    import time

    from app.clickhouse import segments as sql

    tree = _filter(segment, account)
    found = with_clickhouse(lambda client: sql.count(client, account, tree, time.time()))
    emit({"count": found}) if as_json else say(people(found))


@segments.command("sample", epilog=examples("fanfare segments sample seg_4f0a --limit 5"))
def sample(
    segment: Either,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="People to show.")] = 20,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show some of the people in a segment, or of a filter in a file."""
    import json
    import time

    from app.clickhouse import segments as sql

    tree = _filter(segment, account)
    found = with_clickhouse(lambda client: sql.sample(client, account, tree, limit, time.time()))
    if as_json:
        emit({"sample": [{"id": a.id, "email": a.address, "attributes": a.attributes} for a in found]})
    elif found:
        rows = [(each.address, json.dumps(each.attributes, ensure_ascii=False)[:200]) for each in found]
        table("", ("address", "attributes"), rows)
    else:
        say("Nobody.")


def _filter(segment: str, account: str) -> "Filter":
    """The filter of a segment named by its id, or in a file."""
    from app.things import Segment

    if segment == "-" or Path(segment).is_file():
        return draft_in(Path(segment), "filter").filter

    async def read(control: "Control", client: "ClickHouse") -> "Filter":
        found = await found_thing(stored_in(control, client, account), "segment", segment)
        return Segment.model_validate(found.body).filter

    return with_installation(read)


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "created_at": iso(body["created_at"]), "changed_at": iso(body["changed_at"])}


def draft_in(file: Path, name: str = "") -> "SegmentDraft":
    """The segment in *file*: a filter alone needs a *name*."""
    from app.cli.json_file import read_object
    from app.things import SegmentDraft

    raw = read_object(file)
    if set(raw) <= {"name", "filter"} and "filter" in raw:
        raw, name = raw["filter"], name or str(raw.get("name", ""))
    if not name:
        raise CommandError("the segment has no name", "give it one with --name", Exit.USAGE)
    return SegmentDraft.model_validate({"name": name, "filter": raw})


def _write(kind: Any, draft: "SegmentDraft", as_json: bool, **fields: Any) -> None:
    from app.commands import Command

    order(Command(kind=kind, segment=draft, **fields), as_json)
