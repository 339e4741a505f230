"""`fanfare segments`: filters over people, kept by name."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, examples
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, IfMatch, Key, new_id, order

if TYPE_CHECKING:
    from app.things import SegmentDraft

segments = typer.Typer(
    help="Segments: filters over people.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare segments create lisbon.json --name Lisbon",
        "fanfare segments delete s_4f0a",
    ),
)

Id = Annotated[str, typer.Argument(metavar="SEGMENT", help="Id of the segment.")]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help='JSON: a filter, or {"name": ..., "filter": ...} (docs/rest.md); - is stdin.'),
]
Named = Annotated[str, typer.Option("--name", help="Name for people; goes before the one in FILE.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(segments, name="segments")


@segments.command("create", epilog=examples("fanfare segments create lisbon.json --name Lisbon"))
def create(file: File, name: Named = "", account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Keep the filter in FILE as a segment."""
    _write("segment.create", draft_in(file, name), as_json, id=new_id(key), account=account)


@segments.command("update", epilog=examples("fanfare segments update s_4f0a lisbon.json --name Lisbon --if-match 2"))
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


@segments.command("delete", epilog=examples("fanfare segments delete s_4f0a"))
def delete(
    segment_id: Id, if_match: IfMatch = None, account: Account = "default", key: Key = "", as_json: AsJson = False
) -> None:
    """Delete a segment."""
    from app.commands import Command

    command = Command(id=new_id(key), account=account, kind="segment.delete", thing=segment_id, match=if_match)
    order(command, as_json, said=f"{segment_id} is deleted")


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
