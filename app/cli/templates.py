"""`fanfare templates`: content in several languages, in versions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, examples
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, IfMatch, Key, new_id, order

if TYPE_CHECKING:
    from app.things import TemplateDraft

templates = typer.Typer(
    help="Templates: content in several languages, in versions.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare templates create welcome.json --name Welcome",
        "fanfare templates update t_4f0a welcome.json",
    ),
)

Id = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Id of the template.")]
File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help='JSON: {"name": ..., "content": {...}}, or the content alone; a part may be {"file": "mail.html"}.',
    ),
]
Named = Annotated[str, typer.Option("--name", help="Name for people; goes before the one in FILE.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(templates, name="templates")


@templates.command("create", epilog=examples("fanfare templates create welcome.json --name Welcome"))
def create(file: File, name: Named = "", account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Keep the content in FILE as a template."""
    _write("template.create", draft_in(file, name), as_json, id=new_id(key), account=account)


@templates.command("update", epilog=examples("fanfare templates update t_4f0a welcome.json --if-match 2"))
def update(
    template_id: Id,
    file: File,
    name: Named = "",
    if_match: IfMatch = None,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Make a new version of a template. Campaigns that have started keep the one they have."""
    _write(
        "template.update", draft_in(file, name), as_json, id=new_id(key), account=account, thing=template_id,
        match=if_match,
    )  # fmt: skip


@templates.command("delete", epilog=examples("fanfare templates delete t_4f0a"))
def delete(
    template_id: Id, if_match: IfMatch = None, account: Account = "default", key: Key = "", as_json: AsJson = False
) -> None:
    """Delete a template with all its versions."""
    from app.commands import Command

    command = Command(id=new_id(key), account=account, kind="template.delete", thing=template_id, match=if_match)
    order(command, as_json, said=f"{template_id} is deleted")


def draft_in(file: Path, name: str = "") -> "TemplateDraft":
    """The template in *file*: content alone needs a *name*."""
    from app.cli.json_file import read_object, with_files
    from app.things import TemplateDraft

    raw = read_object(file)
    if "content" in raw and set(raw) <= {"name", "content"}:
        raw, name = raw["content"], name or str(raw.get("name", ""))
    if not name:
        raise CommandError("the template has no name", "give it one with --name", Exit.USAGE)
    return TemplateDraft.model_validate({"name": name, "content": with_files(raw, file)})


def _write(kind: Any, draft: "TemplateDraft", as_json: bool, **fields: Any) -> None:
    from app.commands import Command

    order(Command(kind=kind, template=draft, **fields), as_json)
