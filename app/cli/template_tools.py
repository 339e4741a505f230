"""`fanfare templates preview|lint|test`: a template tried out before it goes to anybody."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, people, say, table
from app.cli.failures import CommandError, Exit
from app.cli.order import Account, Key
from app.cli.reading import found_thing, stored_in, with_clickhouse, with_installation

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.content.findings import Finding
    from app.control import Control
    from app.specs import Content

Either = Annotated[
    str, typer.Argument(metavar="TEMPLATE|FILE", help="Id of a template, or a file as for `fanfare templates create`.")
]
Contact = Annotated[str, typer.Option("--to", help="For this contact: address or id.")]
Values = Annotated[str, typer.Option("--variables", help="JSON object: goes over what the contact has.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Default: the newest.")]


def attach(templates: typer.Typer) -> None:
    """Add the commands to the group *templates*."""
    templates.command(
        "preview",
        epilog=examples(
            "fanfare templates preview tpl_4f0a --to ana@example.com",
            'fanfare templates preview welcome.json --variables \'{"first_name": "Ana"}\' --locale pt-BR',
            "fanfare templates preview welcome.json --html > preview.html",
        ),
    )(preview)
    templates.command(
        "lint",
        epilog=examples("fanfare templates lint welcome.json", "fanfare templates lint tpl_4f0a --list customers"),
    )(lint)
    templates.command(
        "test", epilog=examples("fanfare templates test tpl_4f0a me@example.com --from news@example.com")
    )(test)


def preview(
    template: Either,
    to: Contact = "",
    variables: Values = "",
    locale: Annotated[str, typer.Option("--locale", help="Default: the contact's own.")] = "",
    html: Annotated[bool, typer.Option("--html", help="Print the html part alone.")] = False,
    version: Version = None,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show what a contact would get, rendered by the engine that sends."""
    from dataclasses import asdict

    from app.content.preview import preview as rendered

    found = rendered(_content(template, version, account), _variables(to, variables, account), locale or None)
    if as_json:
        emit(asdict(found))
    elif html and not found.problems:
        typer.echo(found.html)
    else:
        parts = (("locale", found.locale), ("subject", found.subject), ("preheader", found.preheader),
                 ("text", found.text), ("sms", _sms(found.sms)), ("whatsapp", _whatsapp(found.whatsapp)),
                 ("voice", found.voice), ("voice_audio", found.voice_audio))  # fmt: skip
        table("", ("part", ""), [(name, value) for name, value in parts if value])
    if found.problems:
        lines = [f"{each['part']} line {each['line']}: {each['message']}" for each in found.problems]
        raise CommandError("\n".join(lines), "repair the template, or give the variables that it needs")


def _sms(found: "dict[str, Any] | None") -> str:
    """The bubble, and what it takes."""
    if found is None:
        return ""
    parts = "1 part" if found["parts"] == 1 else f"{found['parts']} parts"
    foreign = f", because of {found['foreign']}" if found["foreign"] else ""
    return f"{found['text']}\n({parts}: {found['units']} units of {found['encoding']}{foreign})"


def _whatsapp(found: "dict[str, Any] | None") -> str:
    if found is None:
        return ""
    filled = [found["header"], found["media"], *found["parameters"], *found["buttons"]]
    return "\n".join([f"{found['template']} ({found['language']}, {found['category']})", *filter(None, filled)])


def lint(
    template: Either,
    list_name: Annotated[str, typer.Option("--list", help="Try it on people of this list.")] = "",
    transactional: Annotated[bool, typer.Option("--transactional", help="It needs no unsubscribe link.")] = False,
    version: Version = None,
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Show what is likely wrong: links, size, languages, what people lack. With errors the exit code is 1."""
    from dataclasses import asdict

    from app.content.lint import lint as findings

    sample = _sample(list_name, account) if list_name else []
    found = findings(_content(template, version, account), sample, campaign=not transactional)
    if as_json:
        emit({"findings": [asdict(each) for each in found], "sampled": len(sample)})
    elif found:
        table("", ("", "part", "line", "what"), [_row(each) for each in found])
    else:
        say("Nothing to say against it.")
    if any(each.severity == "error" for each in found):
        raise typer.Exit(Exit.FAILED)


def test(
    template_id: Annotated[str, typer.Argument(metavar="TEMPLATE", help="Id of the template.")],
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS...", help="Up to 10 addresses, or phone numbers.")],
    sender: Annotated[
        str, typer.Option("--from", help="Address of the sender; to phones: number, sender id or number pool.")
    ] = "",
    channel: Annotated[str, typer.Option("--channel", help="email (default), sms, whatsapp or voice.")] = "",
    like: Annotated[str, typer.Option("--like", help="As this contact would get it: address or id.")] = "",
    variables: Values = "",
    version: Version = None,
    account: Account = "default",
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Send a template to a few addresses, on the transactional lane."""
    from app.cli.single_messages import send_messages

    if len(addresses) > 10:
        raise CommandError("a test goes to 10 addresses at most", "for more, start a campaign", Exit.USAGE)
    body = {
        "channel": channel or None,
        "from": sender,
        "to": addresses,
        "template_id": template_id,
        "template_version": version,
    }
    sent = send_messages({**body, "variables": _variables(like, variables, account)}, account, key)
    emit({"messages": sent}) if as_json else say(f"sent to {people(len(sent))}")


def _row(found: "Finding") -> tuple[object, ...]:
    whom = f" ({people(found.count)}: {', '.join(found.examples[:3])})" if found.count else ""
    return found.severity.value, found.part, str(found.line), found.message + whom


def _content(template: str, version: int | None, account: str) -> "Content":
    from app.cli.template_file import template_in
    from app.specs import Content

    if template == "-" or Path(template).is_file():
        return template_in(Path(template), "preview").content

    async def read(control: "Control", client: "ClickHouse") -> "Content":
        found = await found_thing(stored_in(control, client, account), "template", template, version)
        return Content.model_validate(found.body["content"])

    return with_installation(read)


def _variables(contact: str, variables: str, account: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if contact:
        from app.cli.contacts import contact_of

        known = contact_of(contact, account)
        found = {"email": known.address, **known.attributes}
    if variables:
        try:
            given = json.loads(variables)
        except json.JSONDecodeError as error:
            raise CommandError(
                f"--variables is not JSON: {error}", 'write \'{"city": "Porto"}\'', Exit.USAGE
            ) from error
        if not isinstance(given, dict):
            raise CommandError("--variables is no JSON object", 'write \'{"city": "Porto"}\'', Exit.USAGE)
        found |= given
    return found


def _sample(list_name: str, account: str) -> list[dict[str, Any]]:
    from app.clickhouse import segments
    from app.things import ByList

    tree = ByList(list=list_name)
    found = with_clickhouse(lambda client: segments.sample(client, account, tree, 100, 0.0))
    return [{"email": each.address, **each.attributes} for each in found]
