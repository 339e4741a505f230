"""Audiences: lists turned into fixed, numbered rows, and those rows read back range by range.

A seal is built under a name of its own (a build), so that two attempts never mix. The first complete
build of the last hour counts: whoever asks again gets that one.
"""

from uuid import uuid4

import orjson

from app.clickhouse.client import ClickHouse
from app.commands import Seal, Section
from app.records import SealTask

AudienceRow = tuple[bytes, str, str, bytes]  # recipient_id, address, MX group, attributes (JSON)

BUILD_TIMEOUT = 300.0

# Groups in a row, smallest first: pacing takes from all of them in turn, and each range is of one group.
# Within a group by recipient_id, a keyed hash: an order that says nothing and favours nobody.
BUILD = """
INSERT INTO audience (build, row, recipient_id, address, mx_group, attributes)
SELECT {build:String}, row_number() OVER (ORDER BY size, mx_group, recipient_id) - 1,
       recipient_id, address, mx_group, attributes
FROM
(
    SELECT recipient_id, address, mx_group, attributes, count() OVER (PARTITION BY mx_group) AS size
    FROM contacts FINAL
    WHERE account = {account:String} AND recipient_id IN
    (
        SELECT recipient_id FROM list_members WHERE account = {account:String} AND list IN {lists:Array(String)}
    )
)
"""

GROUPS = """
SELECT mx_group, count(), min(row), max(row) FROM audience WHERE build = {build:String} GROUP BY mx_group ORDER BY 3
"""

DIGEST = """
SELECT lower(hex(groupBitXor(sipHash64(row, recipient_id, address, attributes)))
             || hex(sum(cityHash64(row, recipient_id))))
FROM audience WHERE build = {build:String}
"""

KEEP = """
INSERT INTO seals (seal_id, build, account, campaign, count, digest, day, groups)
SELECT {seal:String}, {build:String}, {account:String}, {campaign:String}, {count:UInt32}, {digest:String},
       {day:UInt16}, {groups:Array(Tuple(String, UInt32))}
"""

FIRST = """
SELECT build, count, digest, day, groups FROM seals
WHERE seal_id = {seal:String} AND sealed_at > now64(6, 'UTC') - INTERVAL 1 HOUR
ORDER BY sealed_at, build LIMIT 1
"""

RANGE = """
SELECT hex(recipient_id), address, mx_group, attributes FROM audience
WHERE build = {build:String} AND row >= {first:UInt32} AND row < {last:UInt32} ORDER BY row
"""


class SealError(Exception):
    """There is nobody to send to, or the rows of a seal are not what they were."""


async def seal(client: ClickHouse, task: SealTask, day: int) -> Seal:
    """The fixed audience of *task*: rows 0..count-1, the rows of a group side by side.

    *day* counts days since 1970 and becomes part of every message_id; a repeat keeps the day of the first.
    Raises SealError when the lists hold nobody, ClickHouseError.
    """
    known = await _first(client, task.seal)
    if known is not None:
        return known
    build = f"{task.seal}.{uuid4().hex[:8]}"
    who: dict[str, str | list[str]] = {"build": build, "account": task.account, "lists": task.lists}
    await client.execute(BUILD, who, timeout=BUILD_TIMEOUT)
    groups, count = await _groups(client, build)
    if not count:
        raise SealError(f"nobody is on {', '.join(task.lists)}")
    digest = (await client.rows(DIGEST, {"build": build}))[0][0]
    await client.execute(
        KEEP,
        {
            "seal": task.seal, "build": build, "account": task.account, "campaign": task.campaign, "count": count,
            "digest": digest, "day": day, "groups": _tuples(groups),
        },
    )  # fmt: skip
    return await _first(client, task.seal) or Seal(id=build, count=count, digest=digest, day=day, groups=groups)


async def read_range(client: ClickHouse, seal_id: str, first: int, count: int) -> list[AudienceRow]:
    """Rows [first, first + count) of the audience *seal_id* (`Seal.id`). Raises SealError when one is missing."""
    rows = await client.rows(RANGE, {"build": seal_id, "first": first, "last": first + count})
    if len(rows) != count:
        raise SealError(f"seal {seal_id} has {len(rows)} of the {count} rows from {first}")
    return [(bytes.fromhex(rid), address, group, attributes.encode()) for rid, address, group, attributes in rows]


async def _first(client: ClickHouse, seal_id: str) -> Seal | None:
    rows = await client.rows(FIRST, {"seal": seal_id})
    if not rows:
        return None
    build, count, digest, day, groups = rows[0]
    return Seal(id=build, count=count, digest=digest, day=day, groups=[Section(name, size) for name, size in groups])


async def _groups(client: ClickHouse, build: str) -> tuple[list[Section], int]:
    """The groups of a build in the order of their rows, and the rows in all. Raises SealError."""
    groups: list[Section] = []
    count = 0
    for group, size, first, last in await client.rows(GROUPS, {"build": build}):
        if first != count or last != count + size - 1:
            raise SealError(f"rows of {group} in {build} are not side by side")
        groups.append(Section(group, size))
        count += size
    return groups, count


def _tuples(groups: list[Section]) -> str:
    """*groups* as ClickHouse writes an array of tuples. Group names are our own: letters, digits, dots."""
    return (
        "["
        + ",".join(f"({orjson.dumps(name).decode().replace(chr(34), chr(39))},{n})" for name, n, _, _ in groups)
        + "]"
    )
