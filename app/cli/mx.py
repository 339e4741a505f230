"""`fanfare mx`: which MX group domains have, who says so, and since when."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, table
from app.cli.failures import CommandError
from app.cli.reading import with_installation
from app.cli.times import iso

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.clickhouse.mx_domains import Known, Tried
    from app.control import Control

MOST = 1_000  # domains
HOW = {
    "mx": "its MX hosts",
    "address": "no MX: the host itself",
    "null": "takes no mail (null MX)",
    "none": "takes no mail (no such domain, or no host)",
}


def attach(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("mx", epilog=examples("fanfare mx gmail.com firm.de", "fanfare mx ana@firm.de --ask --json"))(mx)


def mx(
    domains: Annotated[list[str], typer.Argument(metavar="DOMAIN...", help="Domains, or addresses at them.")],
    ask: Annotated[bool, typer.Option("--ask", help="Ask DNS now, and keep what it says.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the MX groups of domains: by name, by a limit, or as they were looked up."""
    from app.content.address import AddressError, wire_address

    names = []
    for each in domains[:MOST]:
        try:
            wire = wire_address(each if "@" in each else f"postmaster@{each}")
        except AddressError as error:
            raise CommandError(f"{each!r} is no domain: {error}", "write it as in an address: firm.de") from error
        names.append(wire.rpartition("@")[2].lower().rstrip("."))

    async def read(control: "Control", client: "ClickHouse") -> list[dict[str, Any]]:
        from app.clickhouse import mx_domains
        from app.delivery.campaigns.audience import groups_named
        from app.delivery.mx_groups import own_groups

        if ask:
            await _ask(client, names)
        limits = list(control.tail.limits.values())
        named = set(own_groups(groups_named(limits), len(limits)))
        known, tried = await mx_domains.known(client, names), await mx_domains.tried(client, names)
        return [_shown(name, named, known.get(name), tried.get(name)) for name in dict.fromkeys(names)]

    found = with_installation(read)
    if as_json:
        emit({"domains": found})
        return
    rows = [
        (a["domain"], a["group"], a["from"], ", ".join(a["hosts"][:3]), a["asked_at"] or "", a["note"]) for a in found
    ]
    table("", ("domain", "group", "from", "hosts", "asked", ""), rows)


async def _ask(client: "ClickHouse", names: list[str]) -> None:
    import asyncio

    from app.clickhouse import mx_domains
    from app.settings import settings
    from app.transport.mx_lookup import MxLookup

    lookup = MxLookup(settings().dns_servers)
    try:
        heard = await asyncio.gather(*(lookup.look_up(name) for name in dict.fromkeys(names)))
    finally:
        await lookup.close()
    await mx_domains.keep(client, heard)


def _shown(name: str, named: set[str], known: "Known | None", tried: "Tried | None") -> dict[str, Any]:
    from app.delivery.mx_groups import GROUPS, OTHER

    if name in GROUPS:
        group, origin = GROUPS[name], "its name"
    elif name in named:
        group, origin = name, "a limit that names it"
    elif known is not None and known.group:
        group, origin = known.group, HOW[known.mail]
    else:
        group, origin = OTHER, "not looked up yet" if known is None else HOW[known.mail]
        if known is not None and known.hosts:
            origin += ", of no provider that is known"
    failed = tried if tried is not None and (known is None or tried.at > known.looked_up_at) else None
    return {
        "domain": name,
        "group": group,
        "from": origin,
        "mail": None if known is None else known.mail.value,
        "hosts": [] if known is None else known.hosts,
        "asked_at": None if known is None else iso(known.looked_up_at),
        "asked_again_at": iso(failed.again_at if failed else known.expires_at if known else None),
        "note": "" if failed is None else f"last asked in vain {iso(failed.at)}: {failed.reason}",
    }
