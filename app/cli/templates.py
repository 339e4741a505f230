"""`fanfare templates`: content in several languages, in versions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import template_tools
from app.cli.console import AsJson, emit, examples, say, table
from app.cli.order import Account, IfMatch, Key, new_id, order
from app.cli.reading import all_things, found_thing, stored_in, with_installation
from app.cli.times import iso

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control
    from app.things import TemplateDraft

templates = typer.Typer(
    help="Templates: content in several languages, in versions.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare templates create welcome.json --name Welcome",
        "fanfare templates preview tpl_4f0a --to ana@example.com",
        "fanfare templates lint welcome.json",
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
    template_tools.attach(templates)
    app.add_typer(templates, name="templates")


@templates.command("create", epilog=examples("fanfare templates create welcome.json --name Welcome"))
def create(file: File, name: Named = "", account: Account = "default", key: Key = "", as_json: AsJson = False) -> None:
    """Keep the content in FILE as a template."""
    from app.cli.template_file import template_in

    _write("template.create", template_in(file, name), as_json, id=new_id(key), account=account)


@templates.command("update", epilog=examples("fanfare templates update tpl_4f0a welcome.json --if-match 2"))
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
    from app.cli.template_file import template_in

    _write(
        "template.update", template_in(file, name), as_json, id=new_id(key), account=account, thing=template_id,
        match=if_match,
    )  # fmt: skip


@templates.command("delete", epilog=examples("fanfare templates delete tpl_4f0a"))
def delete(
    template_id: Id, if_match: IfMatch = None, account: Account = "default", key: Key = "", as_json: AsJson = False
) -> None:
    """Delete a template with all its versions."""
    from app.commands import Command

    command = Command(id=new_id(key), account=account, kind="template.delete", thing=template_id, match=if_match)
    order(command, as_json, said=f"{template_id} is deleted")


@templates.command("list", epilog=examples("fanfare templates list --account acme", "fanfare templates list --json"))
def list_templates(account: Account = "default", as_json: AsJson = False) -> None:
    """Show the templates of an account, the newest first."""

    async def read(control: "Control", client: "ClickHouse") -> list[dict[str, Any]]:
        return [each.body for each in await all_things(stored_in(control, client, account), "template")]

    found = with_installation(read)
    if as_json:
        emit({"templates": [_shown({n: v for n, v in each.items() if n != "content"}) for each in found]})
    elif found:
        rows = [(a["id"], a["name"], str(a["version"]), iso(a["changed_at"])) for a in found]
        table(f"Templates of {account}", ("id", "name", "version", "changed"), rows)
    else:
        say("No templates. Make one: `fanfare templates create FILE --name NAME`.")


@templates.command(
    "show", epilog=examples("fanfare templates show tpl_4f0a", "fanfare templates show tpl_4f0a --version 2")
)
def show(
    template_id: Id,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Default: the newest.")] = None,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show a template with its content."""

    async def read(control: "Control", client: "ClickHouse") -> dict[str, Any]:
        return (await found_thing(stored_in(control, client, account), "template", template_id, version)).body

    found = with_installation(read)
    if as_json:
        emit(_shown(found))
        return
    content = found["content"]
    rows = [(name, value) for name, value in content.items() if isinstance(value, str) and value]
    rows += [(f"{locale}: {name}", value) for locale, parts in content["locales"].items()
             for name, value in parts.items() if isinstance(value, str) and value]  # fmt: skip
    table(f"{found['name']}, version {found['version']}", ("part", ""), rows)


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "created_at": iso(body["created_at"]), "changed_at": iso(body["changed_at"])}


def _write(kind: Any, draft: "TemplateDraft", as_json: bool, **fields: Any) -> None:
    from app.commands import Command

    order(Command(kind=kind, template=draft, **fields), as_json)
