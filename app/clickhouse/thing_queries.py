"""Templates and segments of one account from their mirror: one, its versions, and pages of them, newest first."""

from typing import Any

import orjson

from app.clickhouse.client import ClickHouse, Params
from app.things import ThingKind, ThingRecord

# Whether a thing is there is up to its newest version.
NEWEST = """
SELECT version, deleted, toUnixTimestamp64Milli(changed_at), body FROM things
WHERE account = {account:String} AND kind = {kind:String} AND id = {id:String} ORDER BY version DESC LIMIT 1
"""

VERSION = """
SELECT version, deleted, toUnixTimestamp64Milli(changed_at), body FROM things
WHERE account = {account:String} AND kind = {kind:String} AND id = {id:String} AND version = {version:UInt64} LIMIT 1
"""

VERSIONS = """
SELECT version, deleted, toUnixTimestamp64Milli(changed_at), head FROM things FINAL
WHERE account = {account:String} AND kind = {kind:String} AND id = {id:String} AND version < {before:UInt64}
ORDER BY version DESC LIMIT {limit:UInt32}
"""

PAGE = """
WITH page AS
(
    SELECT id, max(version) AS newest FROM things
    WHERE account = {account:String} AND kind = {kind:String}
    GROUP BY id
    HAVING argMax(deleted, version) = 0 %s
    ORDER BY min(created_at) DESC, id DESC LIMIT {limit:UInt32}
)
SELECT id, version, toUnixTimestamp64Milli(changed_at), head FROM things
WHERE account = {account:String} AND kind = {kind:String} AND (id, version) IN page
ORDER BY created_at DESC, id DESC LIMIT 1 BY id
"""

BEFORE = "AND (min(created_at), id) < (fromUnixTimestamp64Milli({ms:Int64}, 'UTC'), {id:String})"

LAST = 2**63  # above every version


async def thing(
    client: ClickHouse, account: str, kind: ThingKind, ident: str, version: int | None = None
) -> ThingRecord | None:
    """The newest version of a thing, or *version* of it; None when there is none or it is deleted.

    Raises ClickHouseError.
    """
    which: Params = {"account": account, "kind": kind, "id": ident}
    rows = await client.rows(NEWEST, which)
    if rows and not rows[0][1] and version is not None and version != rows[0][0]:
        rows = await client.rows(VERSION, {**which, "version": version})
    if not rows or rows[0][1]:
        return None
    number, _, changed_at, body = rows[0]
    return _record(account, kind, ident, number, changed_at, body)


async def template_versions(
    client: ClickHouse, account: str, ident: str, before: int | None = None, limit: int = 100
) -> list[ThingRecord]:
    """Up to *limit* versions of a template below *before*, the highest first, without their content.

    Empty when it is deleted. Raises ClickHouseError.
    """
    which: Params = {"account": account, "kind": "template", "id": ident}
    newest = await client.rows(NEWEST.replace("body", "head"), which)
    if not newest or newest[0][1]:
        return []
    below = LAST if before is None else min(max(before, 0), LAST)
    rows = await client.rows(VERSIONS, {**which, "before": below, "limit": limit})
    return [_record(account, "template", ident, version, at, head) for version, _, at, head in rows]


async def thing_page(
    client: ClickHouse, account: str, kind: ThingKind, before: tuple[int, str] | None = None, limit: int = 100
) -> list[ThingRecord]:
    """Up to *limit* things of *account*, the newest first, without their content. Raises ClickHouseError.

    *before* is (created_at in ms, id) of the last one of the page before.
    """
    params: dict[str, str | int | float | list[str]] = {"account": account, "kind": kind, "limit": limit}
    if before is not None:
        params |= {"ms": before[0], "id": before[1]}
    rows = await client.rows(PAGE % ("" if before is None else BEFORE), params)
    return [_record(account, kind, ident, version, at, head) for ident, version, at, head in rows]


def _record(account: str, kind: ThingKind, ident: str, version: int, changed_at: int, body: str) -> ThingRecord:
    read: dict[str, Any] = orjson.loads(body)
    return ThingRecord(kind=kind, account=account, id=ident, version=version, at=changed_at / 1000, body=read)
