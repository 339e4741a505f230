"""`fanfare domain`: DKIM keys of a sender's domain, the DNS records to publish, and whether they are right."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

if TYPE_CHECKING:
    from app.delivery.domains.checks import Finding, Wanted
    from app.settings import Settings

domain = typer.Typer(
    help="Domains that mail comes from: DKIM keys, DNS records, and what is wrong with them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples(
        "fanfare domain create acme.com", "fanfare domain records acme.com --ip 192.0.2.25",
        "fanfare domain check acme.com --ip 192.0.2.25",
    ),
)  # fmt: skip

SIGNS = {"ok": "ok", "info": "note", "warning": "better", "error": "WRONG"}

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="As it stands behind the @ of the sender.")]
Ip = Annotated[list[str] | None, typer.Option("--ip", help="Address that mail leaves from; repeatable.")]
Include = Annotated[
    list[str] | None, typer.Option("--include", help="SPF name of a provider that sends for it, too; repeatable.")
]
Bounces = Annotated[
    list[str] | None,
    typer.Option(
        "--bounces", help="Domain that bounces come back to; default: those of FANFARE_BOUNCE_DOMAIN and of routes."
    ),
]
Helo = Annotated[str, typer.Option("--helo", help="Name of the sending host; default FANFARE_HELO_NAME.")]


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(domain, name="domain")


@domain.command("create", epilog=examples("fanfare domain create acme.com", "fanfare domain create acme.com --json"))
def create(
    name: Domain,
    selector: Annotated[str, typer.Option("--selector", help="Name of the key in DNS.")] = "fanfare1",
    ip: Ip = None,
    include: Include = None,
    as_json: AsJson = False,
) -> None:
    """Make DKIM keys (RSA and Ed25519) for a domain. Those that it has stay. Says what to publish."""
    from app.settings import settings
    from app.transport.dkim_keys import folder_in, made

    wire, known = _wire(name), settings()
    _selector(selector)
    keys = made(folder_in(known.state_dir), wire, selector)
    wanted = _wanted(known, wire, ip, include, "", _bounces_of(known, wire, None))
    if as_json:
        emit({"domain": wire, "selectors": [key.selector for key in keys], "records": _records(wire, wanted)})
        return
    say(f'{wire} has the keys {", ".join(key.selector for key in keys)}. Routes with "dkim": true sign with them.')
    _show_records(wire, wanted)


@domain.command("list", epilog=examples("fanfare domain list"))
def list_domains(as_json: AsJson = False) -> None:
    """Show the domains that have DKIM keys."""
    from app.settings import settings
    from app.transport.dkim_keys import domains, folder_in, keys_of

    folder = folder_in(settings().state_dir)
    found = {each: [(key.selector, key.algorithm) for key in keys_of(folder, each, _warn)] for each in domains(folder)}
    if as_json:
        named = [
            {"domain": each, "keys": [{"selector": selector, "algorithm": how} for selector, how in keys]}
            for each, keys in found.items()
        ]
        emit({"domains": named})
    elif not found:
        say("No domain has keys. `fanfare domain create acme.com` makes some.")
    else:
        rows = [(each, ", ".join(f"{selector} ({how})" for selector, how in keys)) for each, keys in found.items()]
        table("Domains", ("domain", "keys"), rows)


@domain.command("records", epilog=examples("fanfare domain records acme.com --ip 192.0.2.25 --include amazonses.com"))
def show_records(
    name: Domain, ip: Ip = None, include: Include = None, helo: Helo = "", bounces: Bounces = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show the DNS records to publish for a domain."""
    from app.settings import settings

    wire, known = _wire(name), settings()
    wanted = _wanted(known, wire, ip, include, helo, _bounces_of(known, wire, bounces))
    if as_json:
        emit({"domain": wire, "records": _records(wire, wanted)})
    else:
        _show_records(wire, wanted)


@domain.command(
    "check",
    epilog=examples(
        "fanfare domain check acme.com --ip 192.0.2.25", "fanfare domain check acme.com --selector s1 --selector s2",
        "fanfare domain check acme.com --no-tls --json",
    ),
)  # fmt: skip
def check(
    name: Domain,
    ip: Ip = None,
    selector: Annotated[
        list[str] | None, typer.Option("--selector", help="DKIM key of a provider that signs for it; repeatable.")
    ] = None,
    include: Include = None,
    helo: Helo = "",
    bounces: Bounces = None,
    dns: Annotated[str, typer.Option("--dns", help="DNS server: 192.0.2.53:53; default FANFARE_DNS.")] = "",
    tls: Annotated[bool, typer.Option("--tls/--no-tls", help="Connect to its MX hosts and look at their TLS.")] = True,
    as_json: AsJson = False,
) -> None:
    """Look at SPF, DKIM, DMARC, MX, PTR and TLS of a domain, and at where its bounces go; say what to change.

    Ends with 1 if something is wrong.
    """
    from app.delivery.domains.checks import findings
    from app.settings import dns_servers_in, settings
    from app.transport.domain_lookup import DomainLookup

    wire, known = _wire(name), settings()
    try:
        servers = dns_servers_in(dns) if dns else known.dns_servers
    except ValueError as error:
        raise CommandError(str(error), "", Exit.USAGE) from error
    wanted = _wanted(known, wire, ip, include, helo, _bounces_of(known, wire, bounces))
    for each in selector or ():
        _selector(each)

    async def looked() -> "list[Finding]":
        lookup = DomainLookup(servers)
        try:
            facts = await lookup.facts(
                wire, addresses=wanted.addresses, selectors=[*wanted.keys, *(selector or ())], helo=wanted.helo,
                bounces=wanted.bounces, tls=tls,
            )  # fmt: skip
        finally:
            await lookup.close()
        return findings(facts, wanted)

    found = asyncio.run(looked())
    wrong = any(each.level == "error" for each in found)
    if as_json:
        emit({"domain": wire, "ok": not wrong, "findings": [_json_of(each) for each in found]})
    else:
        _show(wire, found)
    if wrong:
        raise typer.Exit(1)


def _wire(name: str) -> str:
    from app.content.address import AddressError, wire_address

    try:
        return wire_address(f"postmaster@{name.strip().rstrip('.')}").rpartition("@")[2].lower()
    except AddressError as error:
        told = f"{name!r} is no domain: {error}"
        raise CommandError(told, "write it as in an address: acme.com", Exit.USAGE) from error


def _selector(text: str) -> None:
    import re

    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", text):
        told = f"{text[:60]!r} is no selector"
        raise CommandError(told, "use letters, digits and hyphens: fanfare1", Exit.USAGE)


def _bounces_of(known: "Settings", wire: str, named: list[str] | None) -> list[str]:
    """Where bounces of mail from *wire* come back to: what was said, else what settings and routes name."""
    from app.bounces.domains import nearest

    if named is not None:
        return [_wire(each) for each in named]
    return nearest(wire, [*known.bounce_domains, *_of_routes()])


def _of_routes() -> list[str]:
    """Bounce domains of the routes that are stored; none, and a word about it, where Kafka cannot be asked."""
    from app.cli.known import known
    from app.control.errors import UnreachableError

    try:
        stored = known(lambda tail: list(tail.routes.values()))
    except UnreachableError:
        _warn("Kafka does not answer: domains that routes name for their bounces are not known here (--bounces).")
        return []
    return [each.smtp.bounces.lower() for each in stored if each.smtp is not None and each.smtp.bounces]


def _warn(text: str) -> None:
    """On standard error: standard output may be read by a program."""
    typer.echo(text, err=True)


def _wanted(
    known: "Settings", wire: str, ips: list[str] | None, include: list[str] | None, helo: str, bounces: list[str]
) -> "Wanted":  # fmt: skip
    from ipaddress import ip_address

    from app.delivery.domains.checks import Wanted
    from app.transport.dkim_keys import folder_in, keys_of

    try:
        addresses = [str(ip_address(each)) for each in ips or ()]
    except ValueError as error:
        raise CommandError(str(error), "write it as 192.0.2.25 or 2001:db8::25", Exit.USAGE) from error
    keys = {key.selector: key.record for key in keys_of(folder_in(Path(known.state_dir)), wire, _warn)}
    name = helo or ("" if known.helo_name.endswith("localhost") else known.helo_name)
    return Wanted(addresses, keys, name, bounces, include or ())


def _records(wire: str, wanted: "Wanted") -> list[dict[str, str]]:
    from app.delivery.domains.checks import records

    return [{"name": name, "type": kind, "value": value} for name, kind, value in records(wire, wanted)]


def _show_records(wire: str, wanted: "Wanted") -> None:
    from app.delivery.domains.checks import records

    say(f"\nTo publish in the DNS of {wire}, each value as one line (your provider cuts it where it must):\n")
    for name, kind, value in records(wire, wanted):
        print(f"{name}.  IN  {kind}  {value if kind == 'MX' else chr(34) + value + chr(34)}")
    if not wanted.addresses and not wanted.relays:
        say("\nSPF names nobody yet: give the addresses that send with --ip, providers with --include.")
    if not wanted.helo and any(each != wire for each in wanted.bounces):
        say(f"{', '.join(wanted.bounces)} needs an MX too, to the host that runs the letterbox: name it with --helo.")


def _show(wire: str, found: "list[Finding]") -> None:
    rows = [(each.part, SIGNS[each.level], each.text, each.change) for each in found]
    table(wire, ("", "", "what", "to do"), rows)
    published = [each.record for each in found if each.record is not None and each.level in ("error", "warning")]
    if published:
        say("To publish:")
        for name, kind, value in dict.fromkeys(published):
            print(f"{name}.  IN  {kind}  {value if kind == 'MX' else chr(34) + value + chr(34)}")
    counts = [sum(each.level == level for each in found) for level in ("error", "warning")]
    say(f"{counts[0]} wrong, {counts[1]} could be better.")


def _json_of(found: "Finding") -> dict[str, Any]:
    record = found.record
    return {
        "part": found.part, "level": found.level, "text": found.text, "change": found.change,
        "record": None if record is None else {"name": record[0], "type": record[1], "value": record[2]},
    }  # fmt: skip
