"""`fanfare contacts`: people out of files into lists, or one by one."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit
from app.cli.order import Account
from app.cli.reading import with_clickhouse
from app.cli.times import iso, moment_of

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.clickhouse.import_options import ImportOptions
    from app.clickhouse.import_report import ImportReport
    from app.clickhouse.people import Contact

contacts = typer.Typer(
    help="People.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare contacts import people.csv --list customers",
        "fanfare contacts show ana@example.com",
    ),
)

SHOWN = 20  # bad rows listed on the terminal; --json lists up to 10,000 of them

Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="Email address, phone number with +, or id of 32 hex digits.")
]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(contacts, name="contacts")


@contacts.command(
    "import",
    epilog=examples(
        "fanfare contacts import people.csv --list customers",
        'fanfare contacts import leute.csv --list kunden --map "E-Post=email" --map "Vorname=first_name" --region DE',
        'fanfare contacts import fair.csv --list fair --consent-source "fair in Porto" --consent-at 2027-01-15T10:00Z',
        "fanfare contacts import shop.csv --list shop --consent-source shop --consent-channel sms",
        "fanfare contacts import - --list vip",
    ),
)
def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV in UTF-8 with a header and a column `email` or `phone`, or NDJSON (.ndjson, .jsonl); - is stdin.",
        ),
    ],
    list_name: Annotated[str, typer.Option("--list", help="List to put the people on; it is created.")],
    account: Account = "default",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="COLUMN=ATTRIBUTE; email, phone, locale, time_zone, consent_at, consent_source."),
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="ATTRIBUTE=TYPE: text, number, boolean or date.")
    ] = None,
    region: Annotated[str, typer.Option("--region", help="Of phone numbers without +: DE.")] = "",
    consent_source: Annotated[str, typer.Option("--consent-source", help="Where they agreed to be written to.")] = "",
    consent_at: Annotated[str, typer.Option("--consent-at", help="When they agreed.")] = "",
    consent_channels: Annotated[
        list[str] | None,
        typer.Option("--consent-channel", help="sms, whatsapp or voice, where they agreed to that as well."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import FILE. Good rows go in, bad rows are reported one by one; then the exit code is 4."""
    from app.clickhouse.import_options import ImportOptions

    if str(file) != "-" and not file.is_file():
        raise CommandError(f"there is no file {file}", "give the path of a CSV file", Exit.USAGE)
    options = ImportOptions.model_validate({
        "account": account,
        "list": list_name,
        "columns": _pairs(mapping or [], "--map"),
        "types": _pairs(types or [], "--type"),
        "region": region,
        "consent_source": consent_source,
        "consent_at": moment_of(consent_at, "--consent-at") if consent_at else None,
        "consent_channels": consent_channels or [],
    })  # fmt: skip
    report = _imported(sys.stdin.buffer if str(file) == "-" else file, options)
    if as_json:
        emit(vars(report) | {"bad": [asdict(a) for a in report.bad], "hints": [asdict(a) for a in report.hints]})
    else:
        _tell(report, list_name)
    if report.bad:
        raise typer.Exit(Exit.PARTLY)


@contacts.command(
    "show", epilog=examples("fanfare contacts show ana@example.com", "fanfare contacts show ana@example.com --json")
)
def show(address: Address, account: Account = "default", as_json: AsJson = False) -> None:
    """Show a contact: its attributes and lists."""
    from app.clickhouse import people

    contact = contact_of(address, account)
    lists = with_clickhouse(lambda client: people.memberships(client, account, contact.id))
    if as_json:
        emit({
            "id": contact.id, "email": contact.address, "phone": contact.phone, "attributes": contact.attributes,
            "updated_at": iso(contact.updated_at),
            "lists": [{"list": a.list, "active": a.active, "added_at": iso(a.added_at)} for a in lists],
        })  # fmt: skip
        return
    rows: list[tuple[str, object]] = [("id", contact.id), ("email", contact.address)]
    if contact.phone:
        rows += [("destination", f"{contact.phone_group}, {contact.phone_kind}")]
    rows += [(name, _text(value)) for name, value in contact.attributes.items()]
    rows += [(f"list {a.list}", f"since {iso(a.added_at)}" if a.active else "taken off") for a in lists]
    table(contact.named, ("", "value"), rows)


@contacts.command(
    "upsert",
    epilog=examples(
        "fanfare contacts upsert ana@example.com --set first_name=Ana --set city=Lisbon --list customers",
        "fanfare contacts upsert ana@example.com --set visits:=12 --set nickname:=null",
        "fanfare contacts upsert +351912345678 --set first_name=Ana --set consent_sms:=true",
    ),
)
def upsert(
    address: Address,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=TEXT, or NAME:=JSON for numbers, true, null (takes it away)."),
    ] = None,
    lists: Annotated[list[str] | None, typer.Option("--list", help="Put it on this list; repeat it.")] = None,
    consent_source: Annotated[str, typer.Option("--consent-source", help="Where they agreed to be written to.")] = "",
    account: Account = "default",
    as_json: AsJson = False,
) -> None:
    """Put in a contact, or change some of its attributes."""
    attributes = dict(_attribute(each) for each in changes or [])
    stored = with_clickhouse(
        lambda client: _upserted(client, address, attributes, lists or [], consent_source, account)
    )
    if as_json:
        emit({"id": stored.id, "email": stored.address, "phone": stored.phone, "attributes": stored.attributes})
    else:
        say(f"{stored.id} is stored with {len(stored.attributes)} attributes")


def _pairs(pairs: list[str], option: str) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise CommandError(f"{option} {pair!r} is no NAME=VALUE", f"write {option} Vorname=first_name", Exit.USAGE)
        found[name] = value
    return found


def _attribute(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip(":"):
        raise CommandError(f"--set {text!r} is no NAME=TEXT", "write --set city=Lisbon, or visits:=12", Exit.USAGE)
    if not name.endswith(":"):
        return name, value
    try:
        return name.removesuffix(":"), json.loads(value)
    except json.JSONDecodeError as error:
        raise CommandError(
            f"--set {text!r}: {value!r} is not JSON", f"write --set {name[:-1]}={value} for text", Exit.USAGE
        ) from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tell(report: "ImportReport", list_name: str) -> None:
    if report.unreadable:
        say("nothing of the file could be imported")
    say(f"imported {report.imported:,} people into {list_name!r} in {report.seconds:.1f} s")
    if report.hint_counts:
        say("worth a look: " + ", ".join(f"{count:,} {kind}" for kind, count in report.hint_counts.most_common()))
    if report.bad:
        title = f"{report.bad_count:,} rows left out" + (f" (the first {SHOWN})" * (report.bad_count > SHOWN))
        table(title, ("line", "column", "reason"), [(str(a.line), a.column, a.reason) for a in report.bad[:SHOWN]])


def _imported(path: "Path | BinaryIO", options: "ImportOptions") -> "ImportReport":
    from app.cli.progress import counting
    from app.clickhouse.contacts import import_csv
    from app.settings import settings

    with counting("Importing") as rows:
        return import_csv(
            settings(), path, options.list, account=options.account, options=options,
            progress=lambda _, read: rows(read),
        )  # fmt: skip


def contact_of(address: str, account: str) -> "Contact":
    """The contact with this address or id; CommandError when there is none."""
    from app.clickhouse import people

    ident = _id_of(address)
    contact = with_clickhouse(lambda client: people.named(client, account, ident))
    if contact is None:
        raise CommandError(f"there is no contact {address} in {account}", "`fanfare contacts upsert` puts one in")
    return contact


async def _upserted(
    client: "ClickHouse", address: str, attributes: dict[str, Any], lists: list[str], consent_source: str, account: str
) -> "Contact":
    import time

    from app.clickhouse import people
    from app.clickhouse.key_check import check_key, read_key
    from app.clickhouse.lists import Consent
    from app.settings import settings

    secret = read_key(settings().secret_path)
    consent = Consent(time.time(), consent_source) if consent_source else Consent()
    await check_key(client, secret, settings().secret_path)
    person = people.person_named(address, consent, attributes)
    stored, refused = await people.upsert_contacts(client, secret, account, [person], lists)
    if refused:
        raise CommandError(f"{refused[0].field}: {refused[0].reason}", "repair that and try again", Exit.USAGE)
    return stored[0]


def _id_of(address: str) -> str:
    from app.clickhouse.key_check import read_key
    from app.content.address import AddressError
    from app.settings import settings
    from app.web.named_people import recipient_of

    try:
        return recipient_of(address, read_key(settings().secret_path)).hex()
    except AddressError as error:
        raise CommandError(
            f"{address}: {error}", "give an email address, or a phone number such as +351912345678", Exit.USAGE
        ) from error
