"""Whose servers take the mail of a domain, as it was looked up: what is known, what is to be asked, what was heard."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from app.clickhouse.client import ClickHouse
from app.delivery.mx_groups import OTHER, Looked, Mail

# The domain of an address, wherever it stands in a statement.
DOMAIN_OF_ADDRESS = "lower(substringIndex(address, '@', -1))"

# One thread, and no FINAL: who has changed their address counts twice, which does not matter here.
ASK = f"""
SELECT domain FROM (SELECT {DOMAIN_OF_ADDRESS} AS domain FROM contacts WHERE mx_group = {{other:String}})
WHERE domain NOT IN (SELECT domain FROM mx_domains GROUP BY domain HAVING max(expires_at) > now('UTC'))
GROUP BY domain ORDER BY count() DESC, domain LIMIT {{most:UInt32}}
SETTINGS max_threads = 1
"""

KNOWN = """
SELECT domain, mail, mx_group, hosts, toUnixTimestamp64Milli(looked_up_at) / 1000, toUnixTimestamp(expires_at)
FROM mx_domains FINAL WHERE domain IN {domains:Array(String)} AND NOT failed
"""
TRIED = """
SELECT domain, reason, toUnixTimestamp64Milli(looked_up_at) / 1000, toUnixTimestamp(expires_at)
FROM mx_domains FINAL WHERE domain IN {domains:Array(String)} AND failed
"""


@dataclass(frozen=True, slots=True)
class Known:
    """The last answer that DNS has given for a domain."""

    domain: str
    mail: Mail
    group: str
    hosts: list[str]
    looked_up_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Tried:
    """The last time that a domain was asked for in vain."""

    domain: str
    reason: str
    at: float
    again_at: float


async def to_look_up(client: ClickHouse, most: int, *, timeout: float) -> list[str]:
    """Domains of contacts that nobody knows the group of, the most frequent first. Raises ClickHouseError."""
    return [domain for (domain,) in await client.rows(ASK, {"other": OTHER, "most": most}, timeout=timeout)]


async def known(client: ClickHouse, domains: Sequence[str]) -> dict[str, Known]:
    """What was heard of *domains*, also where it should be asked for again. Raises ClickHouseError."""
    rows = await client.rows(KNOWN, {"domains": list(domains)})
    return {row[0]: Known(row[0], Mail(row[1]), *row[2:]) for row in rows}


async def tried(client: ClickHouse, domains: Sequence[str]) -> dict[str, Tried]:
    """What was asked for in vain. Raises ClickHouseError."""
    return {row[0]: Tried(*row) for row in await client.rows(TRIED, {"domains": list(domains)})}


async def keep(client: ClickHouse, heard: Sequence[Looked], now: float | None = None) -> None:
    """Store what was *heard*; a failure takes nothing away. Writing it twice does no harm. Raises ClickHouseError."""
    now = time.time() if now is None else now
    lines = [
        orjson.dumps(
            {
                "domain": each.domain, "failed": int(each.mail is Mail.FAILED), "mail": each.mail,
                "mx_group": each.group, "hosts": each.hosts, "reason": each.reason,
                "looked_up_at": round(now, 3), "expires_at": int(now + each.seconds),
            }
        )
        for each in heard
    ]  # fmt: skip
    if lines:
        await client.insert("INSERT INTO mx_domains FORMAT JSONEachRow", b"\n".join(lines))
