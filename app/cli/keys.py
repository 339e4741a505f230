"""`fanfare keys`: API keys of the REST API. The secret is made here and shown once; only its hash travels."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.known import known
from app.cli.order import Account, new_id, order, send
from app.cli.times import iso, span_of

if TYPE_CHECKING:
    from app.things import ApiKey

keys = typer.Typer(
    help="API keys of the REST API.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare keys create --account acme --scope write --name website",
        "fanfare keys list --account acme",
        "fanfare keys revoke 4f0a91c2d7e8b365 --account acme",
    ),
)


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(keys, name="keys")


@keys.command(
    "create",
    epilog=examples(
        "fanfare keys create --account acme --scope admin",
        "fanfare keys create --account acme --scope messages --scope read --name website --expires 90d --rate 200",
    ),
)
def create(
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="admin, read, write, campaigns, contacts, templates, messages, suppressions, operator; repeatable.",
        ),
    ],
    account: Account = "default",
    name: Annotated[str, typer.Option("--name", help="For people: who uses it.")] = "",
    expires: Annotated[str, typer.Option("--expires", help="Ends after this span: 12h, 90d. Default: never.")] = "",
    rate: Annotated[float | None, typer.Option("--rate", help="Requests a second of one edge.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once."""
    from app.commands import Command
    from app.control.api_keys import make_key

    now = time.time()
    expires_at = now + span_of(expires, "--expires") if expires else None
    made = make_key(account, scope, now=now, name=name, rate=rate, expires_at=expires_at)
    send(Command(id=new_id(""), account=account, kind="key.create", key=made.key))
    if as_json:
        emit({"key": made.text, **shown(made.key)})
        return
    say(made.text)
    say("[dim]Keep it: it is not shown again. Send it as `Authorization: Bearer KEY`.[/]")


@keys.command("list", epilog=examples("fanfare keys list --account acme", "fanfare keys list --json"))
def list_keys(account: Account = "default", as_json: AsJson = False) -> None:
    """Show the keys of an account, without their secrets."""
    found = known(lambda tail: [each for each in tail.keys.values() if each.account == account])
    found.sort(key=lambda each: each.created_at)
    if as_json:
        emit({"keys": [shown(each) for each in found]})
    elif found:
        rows = [(a.id, a.name, ", ".join(a.scopes), iso(a.created_at), _ends(a)) for a in found]
        table(f"API keys of {account}", ("id", "name", "scopes", "made", "ends"), rows)
    else:
        say(f"This account has no keys. Make one: `fanfare keys create --account {account} --scope write`.")


@keys.command("revoke", epilog=examples("fanfare keys revoke 4f0a91c2d7e8b365 --account acme"))
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key, from `fanfare keys list`.")],
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """End a key for good, within a second on every edge."""
    from app.commands import Command

    order(
        Command(id=new_id(""), account=account, kind="key.revoke", thing=key_id), as_json, said=f"{key_id} is revoked"
    )


def shown(key: "ApiKey") -> dict[str, Any]:
    """*key* for programs: without its hash."""
    return {
        "id": key.id,
        "account": key.account,
        "name": key.name,
        "scopes": key.scopes,
        "rate": key.rate,
        "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at),
        "revoked_at": iso(key.revoked_at),
    }


def _ends(key: "ApiKey") -> str:
    return f"revoked {iso(key.revoked_at)}" if key.revoked_at else iso(key.expires_at) or ""
