"""`fanfare account`: how an account wants its campaigns to be run."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, table
from app.cli.failures import CommandError, Exit
from app.cli.known import known
from app.cli.order import Key, new_id, order
from app.cli.times import span_of

if TYPE_CHECKING:
    from app.things import Account, FrequencyCap, NumberPool

account_group = typer.Typer(
    help="Settings of an account.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare account show acme",
        "fanfare account set acme --running 20 --approval --undo 10m",
    ),
)

NONE = "none"
_CAP = re.compile(r"(\d{1,6})/([^:]+)(?::([a-z,]+))?")
_HOURS = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_NUMBER = re.compile(r"\+?\d+", re.ASCII)
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", re.ASCII)

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(account_group, name="account")


@account_group.command("show", epilog=examples("fanfare account show acme", "fanfare account show acme --json"))
def show(name: Name = "default", as_json: AsJson = False) -> None:
    """Show the settings of an account."""
    found = _account(name)
    if as_json:
        emit(found.model_dump())
        return
    quiet = found.quiet
    rows = [
        ("campaigns at once", found.running),
        ("approval by a second key", "needed" if found.approval else "not needed"),
        ("a start can be undone for", f"{found.undo:g} s"),
        ("quiet hours", f"{quiet.opens} to {quiet.closes}{' by local clocks' * quiet.local}" if quiet else NONE),
        ("time zone", found.time_zone),
        ("share of what accounts compete for", found.weight),
        ("messages to one person", ", ".join(map(_cap_shown, found.frequency_caps)) or NONE),
        ("bounces and complaints suppress", "in this account" if found.suppress == "account" else "in all accounts"),
        *(
            (f"answer to {word} ({locale})", text)
            for word, texts in (("HELP", found.help_text), ("STOP", found.stop_text), ("START", found.start_text))
            for locale, text in texts.items()
        ),
        *((f"number pool {pool.name}", _pool_shown(pool)) for pool in found.number_pools),
    ]
    table(name, ("setting", "value"), rows)


@account_group.command(
    "set",
    epilog=examples(
        "fanfare account set acme --running 20",
        "fanfare account set acme --approval --undo 10m",
        "fanfare account set acme --quiet 21:00-08:00 --local --time-zone Europe/Lisbon",
        "fanfare account set acme --quiet none",
        "fanfare account set acme --cap 2/24h --cap 5/7d:email",
        "fanfare account set acme --cap none",
        "fanfare account set acme --number-pool us=+15005550006,+15005550007 --number-pool us:CA=+15005550008",
        "fanfare account set acme --number-pool us=none",
        'fanfare account set acme --help-text "en=Acme: help at acme.example, reply STOP to leave"',
    ),
)
def set_account(
    name: Name = "default",
    running: Annotated[int | None, typer.Option("--running", help="Campaigns at once; others are QUEUED.")] = None,
    approval: Annotated[
        bool | None, typer.Option("--approval/--no-approval", help="A start needs a second API key.")
    ] = None,
    undo: Annotated[str, typer.Option("--undo", help="Span in which a start can be undone: 10m; 0s for none.")] = "",
    quiet: Annotated[
        str, typer.Option("--quiet", help="Hours in which nobody is sent a campaign: 21:00-08:00, or none.")
    ] = "",
    local: Annotated[
        bool, typer.Option("--local", help="Quiet hours by the clock of each recipient, where it is known.")
    ] = False,
    time_zone: Annotated[str, typer.Option("--time-zone", help="IANA name: Europe/Lisbon.")] = "",
    weight: Annotated[
        int | None, typer.Option("--weight", help="Share of what accounts compete for, 1 to 100.")
    ] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option("--cap", help="Most messages to one person in a span: 2/24h, 5/7d:email; all of them, or none."),
    ] = None,
    number_pool: Annotated[
        list[str] | None,
        typer.Option(
            "--number-pool",
            help="NAME=NUMBER,NUMBER of messages to phones; NAME:COUNTRY=... those of them for a country; NAME=none.",
        ),
    ] = None,
    suppress: Annotated[
        str, typer.Option("--suppress", help="Where hard bounces and complaints suppress: account or global.")
    ] = "",
    help_text: Annotated[
        list[str] | None, typer.Option("--help-text", help="Answer to HELP: en=TEXT, several; or none: the usual one.")
    ] = None,
    stop_text: Annotated[
        list[str] | None, typer.Option("--stop-text", help="Answer to STOP: en=TEXT, several; or none.")
    ] = None,
    start_text: Annotated[
        list[str] | None, typer.Option("--start-text", help="Answer to START: en=TEXT, several; or none.")
    ] = None,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Change settings of an account. What is not given stays as it is."""
    from app.commands import Command
    from app.things import Account

    changes: dict[str, Any] = {
        "running": running, "approval": approval, "time_zone": time_zone or None, "weight": weight,
    }  # fmt: skip
    changes["undo"] = span_of(undo, "--undo") if undo else None
    changes = {field: value for field, value in changes.items() if value is not None}
    if quiet:
        changes["quiet"] = None if quiet == NONE else _window(quiet, local)
    if cap:
        changes["frequency_caps"] = [] if cap == [NONE] else [_cap(each) for each in cap]
    if suppress:
        changes["suppress"] = suppress
    for field, said in (("help_text", help_text), ("stop_text", stop_text), ("start_text", start_text)):
        if said:
            changes[field] = _answers(field, said)
    if not changes and not number_pool:
        raise CommandError("nothing to set", "give a setting, such as --running 20", Exit.USAGE)
    before = _account(name)
    if number_pool:
        changes["number_pools"] = _pools(before, number_pool)
    after = Account.model_validate(before.model_dump() | changes)
    order(Command(id=new_id(key), account=name, kind="account.set", settings=after), as_json, said=f"{name} is set")


def _account(name: str) -> "Account":
    from app.things import Account

    return known(lambda tail: tail.accounts.get(name)) or Account(name=name)


def _window(hours: str, local: bool) -> dict[str, Any]:
    read = _HOURS.fullmatch(hours)
    if read is None:
        raise CommandError(f"--quiet {hours!r} are no hours", "write them as 21:00-08:00, or none", Exit.USAGE)
    return {"opens": read[1], "closes": read[2], "local": local}


def _answers(field: str, said: list[str]) -> dict[str, str]:
    """Texts by language, from en=TEXT; none is no text."""
    texts = {}
    for each in said if said != [NONE] else ():
        locale, sign, text = each.partition("=")
        if not sign or not text.strip() or not _LOCALE.fullmatch(locale):
            option = f"--{field.replace('_', '-')}"
            raise CommandError(f"{option} {each!r} is no text", f'write it as {option} "en=Acme: call us"', Exit.USAGE)
        texts[locale] = text.strip()
    return texts


def _pools(before: "Account", said: list[str]) -> list[dict[str, Any]]:
    """The pools of the account with what is *said* over them; NAME=none takes one away."""
    pools = {each.name: each.model_dump() for each in before.number_pools}
    for text in said:
        place, sign, numbers = text.partition("=")
        name, _, country = place.partition(":")
        senders = [each.strip() for each in numbers.split(",") if each.strip()]
        if not sign or not name or not senders:
            hint = "write it as us=+15005550006,+15005550007, or us:CA=+15005550008, or us=none"
            raise CommandError(f"--number-pool {text!r} is no pool", hint, Exit.USAGE)
        pool = pools.setdefault(name, {"name": name, "senders": [], "countries": {}})
        if senders == [NONE] and country:
            pool["countries"].pop(country, None)
        elif senders == [NONE]:
            del pools[name]
        elif country:
            pool["countries"][country] = senders
            # A name is shown in its country alone: elsewhere it may not be allowed.
            more = senders if not pool["senders"] else [each for each in senders if _NUMBER.fullmatch(each)]
            pool["senders"] += [each for each in more if each not in pool["senders"]]
        else:
            pool["senders"] = senders
    return list(pools.values())


def _pool_shown(pool: "NumberPool") -> str:
    countries = [f"{country}: {', '.join(senders)}" for country, senders in sorted(pool.countries.items())]
    return "; ".join([", ".join(pool.senders), *countries])


def _cap(text: str) -> dict[str, Any]:
    read = _CAP.fullmatch(text)
    if read is None:
        raise CommandError(f"--cap {text!r} is no cap", "write it as 2/24h, or 5/7d:email, or none", Exit.USAGE)
    channels = read[3].split(",") if read[3] else []
    return {"messages": int(read[1]), "window": span_of(read[2], "--cap"), "channels": channels}


def _cap_shown(cap: "FrequencyCap") -> str:
    from app.delivery.people.frequency import span

    channels = f" by {', '.join(cap.channels)}" if cap.channels else ""
    return f"{cap.messages} in {span(cap.window)}{channels}"
