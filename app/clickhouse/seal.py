"""Audiences: lists and segments turned into fixed, numbered rows, and those rows read back range by range.

A seal is built under a name of its own (a build), so that two attempts never mix. The first complete
build of the last hour counts: whoever asks again gets that one.
"""

import re
import time
from collections import Counter
from contextlib import suppress
from functools import reduce
from operator import xor
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from app.clickhouse.audience_sql import DUPLICATE, PlanError, Statement, build_statement
from app.clickhouse.client import ClickHouse
from app.clickhouse.lists import lists_known
from app.clickhouse.retry_audience import NobodyAgainError, checked_before, retry_statement
from app.commands import Seal, Section
from app.records import Recipient, SealTask
from app.things import AudiencePlan

BUILD_TIMEOUT = 300.0
# The sections of an audience are part of its campaign's entry, which is written in one batch: so many bytes at most.
MOST_BYTES, SECTION_BYTES = 400_000, 45  # of one, besides the name of its group
NAME = re.compile(r"[A-Za-z0-9._/-]+")
BUILDS = 3  # tries to build an audience while contacts are imported

# All that is asked of a build in one go: each statement costs a small audience as much as the audience itself.
BUILT = """
SELECT reason, mx_group, due, variant > 0 AS test, tier, count(), min(row), max(row),
       groupBitXor(sipHash64(row, recipient_id, address, attributes, due, variant, zone)),
       sum(cityHash64(row, recipient_id))
FROM audience WHERE build = {build:String} GROUP BY reason, mx_group, due, test, tier ORDER BY reason, min(row)
"""

TWICE = """
SELECT count() - uniqExact(recipient_id) FROM members FINAL
WHERE account = {account:String} AND list IN {lists:Array(String)} AND added_at > removed_at
"""

KEEP = """
INSERT INTO seals (seal_id, build, account, campaign, count, digest, day, sections, tiers, left_out)
SELECT {seal:String}, {build:String}, {account:String}, {campaign:String}, {count:UInt32}, {digest:String},
       {day:UInt16}, {sections:Array(Tuple(String, UInt32, UInt32, UInt8))}, {tiers:Array(String)},
       CAST(({reasons:Array(String)}, {counts:Array(UInt32)}), 'Map(String, UInt32)')
"""

FIRST = """
SELECT build, count, digest, day, groups, sections, tiers, left_out FROM seals
WHERE seal_id = {seal:String} AND sealed_at > now64(6, 'UTC') - INTERVAL 1 HOUR
ORDER BY sealed_at, build LIMIT 1
"""

RANGE = """
SELECT hex(recipient_id), address, mx_group, attributes, due, variant, zone, tier FROM audience
WHERE build = {build:String} AND row >= {first:UInt32} AND row < {last:UInt32} AND reason = '' ORDER BY row
"""


class SealError(Exception):
    """There is nobody to send to, or the rows of a seal are not what they were."""


class HoleError(SealError):
    """Rows of a build are missing: contacts were imported between the two looks at them that its statement takes."""


async def seal(client: ClickHouse, task: SealTask, day: int) -> Seal:
    """The fixed audience of *task*: rows 0..count-1, the rows of a section side by side.

    *day* counts days since 1970 and becomes part of every message_id; a repeat keeps the day of the first.
    Raises SealError when there is nobody, or a list that is not known; ClickHouseError.
    """
    known = await _first(client, task.seal)
    if known is not None:
        return known
    plan = plan_of(task)
    if plan.retry_of:
        return await _sealed_again(client, task, plan, day)
    await _check_lists(client, task.account, plan)
    for _ in range(BUILDS - 1):
        with suppress(HoleError):
            return await _sealed(client, task, plan, day)
    return await _sealed(client, task, plan, day)


async def _sealed_again(client: ClickHouse, task: SealTask, plan: AudiencePlan, day: int) -> Seal:
    try:
        before = await checked_before(client, task.account, plan)
    except NobodyAgainError as error:
        raise SealError(str(error)) from error
    build = f"{task.seal}.{uuid4().hex[:8]}"
    statement = retry_statement(task, plan, build, before)
    return await _built(client, task, plan.model_copy(update={"lists": []}), day, build, statement)


async def _sealed(client: ClickHouse, task: SealTask, plan: AudiencePlan, day: int) -> Seal:
    build = f"{task.seal}.{uuid4().hex[:8]}"
    try:
        statement = build_statement(task, plan, build, time.time())
    except PlanError as error:
        raise SealError(str(error)) from error
    return await _built(client, task, plan, day, build, statement)


async def _built(
    client: ClickHouse, task: SealTask, plan: AudiencePlan, day: int, build: str, statement: Statement
) -> Seal:
    await client.execute(statement.sql, statement.params, timeout=BUILD_TIMEOUT)
    rows = await client.rows(BUILT, {"build": build})
    inside = [row[1:] for row in rows if not row[0]]
    left_out = await _left_out(client, task.account, plan, rows)
    if not inside:
        raise SealError(nobody(plan, left_out))
    sections = _sections(build, inside)
    count = sum(each.rows for each in sections)
    made = Seal(id=build, count=count, digest=_digest(inside), day=day, groups=sections, left_out=left_out)
    await _keep(client, task, made)
    return await _first(client, task.seal) or made


def plan_of(task: SealTask) -> AudiencePlan:
    """The plan of *task*; one without is for its lists. Raises SealError for a plan that cannot be read."""
    if not task.plan:
        return AudiencePlan(lists=task.lists)
    try:
        return AudiencePlan.model_validate_json(task.plan)
    except ValidationError as error:
        raise SealError(f"the plan of the audience cannot be read: {error.errors()[0]['msg']}") from error


def nobody(plan: AudiencePlan, left_out: dict[str, int]) -> str:
    """Why an audience is empty."""
    if plan.retry_of:
        return f"nobody of the audience of {plan.retry_of} can be tried again"
    segments = plan.segment_ids or [f"segment {number + 1}" for number in range(len(plan.segments))]
    text = f"nobody is on {', '.join(plan.lists)}" if plan.lists else ""
    if plan.segments:
        text += f"{' or' if text else 'nobody is'} in {', '.join(segments)}"
    reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items() if reason != DUPLICATE)
    return f"{text} who is not left out ({reasons})" if reasons else text


async def read_range(client: ClickHouse, seal_id: str, first: int, count: int) -> list[Recipient]:
    """Rows [first, first + count) of the audience *seal_id* (`Seal.id`). Raises SealError when one is missing."""
    rows = await client.rows(RANGE, {"build": seal_id, "first": first, "last": first + count})
    if len(rows) != count:
        raise SealError(f"seal {seal_id} has {len(rows)} of the {count} rows from {first}")
    return [
        Recipient(bytes.fromhex(who), address, group, attributes.encode(), float(due), variant, zone, tier)
        for who, address, group, attributes, due, variant, zone, tier in rows
    ]


async def _check_lists(client: ClickHouse, account: str, plan: AudiencePlan) -> None:
    """Raises SealError: a misspelt list would leave people out, a misspelt exclusion would send to them."""
    names = [*plan.lists, *plan.exclude_lists]
    known = await lists_known(client, account, names) if names else set()
    unknown = [name for name in dict.fromkeys(names) if name not in known]
    if unknown:
        raise SealError(f"nobody is on {', '.join(unknown)}: there is no such list")


async def _first(client: ClickHouse, seal_id: str) -> Seal | None:
    rows = await client.rows(FIRST, {"seal": seal_id})
    if not rows:
        return None
    build, count, digest, day, groups, sections, tiers, left_out = rows[0]
    made = [
        Section(name, size, float(due), bool(test), tier)
        for (name, size, due, test), tier in zip(sections, tiers or [""] * len(sections), strict=True)
    ]
    return Seal(
        id=build,
        count=count,
        digest=digest,
        day=day,
        groups=made or [Section(name, size) for name, size in groups],
        left_out={reason: int(n) for reason, n in left_out.items()},
    )


def _sections(build: str, rows: list[list[Any]]) -> list[Section]:
    """The sections of a build in the order of their rows. Raises HoleError, and SealError where they are too many."""
    if sum(len(row[0]) + SECTION_BYTES for row in rows) > MOST_BYTES:
        many = f"its audience falls into {len(rows):,} parts by provider, hour, test and tier, which are too many"
        raise SealError(f"{many}; leave out one of local times, the experiment, and tiers of routes")
    sections: list[Section] = []
    count = 0
    for group, due, test, tier, size, first, last, _, _ in rows:
        if not NAME.fullmatch(group):
            raise SealError(f"{group!r} is no destination group")
        if first != count or last != count + size - 1:
            raise HoleError(f"rows of {group} in {build} are not side by side")
        sections.append(Section(group, size, float(due), bool(test), tier))
        count += size
    return sections


def _digest(rows: list[list[Any]]) -> str:
    """32 hex digits that another row anywhere, or another order, would change."""
    mixed = reduce(xor, (row[7] for row in rows))
    return f"{mixed:016x}{sum(row[8] for row in rows) % (1 << 64):016x}"


async def _left_out(client: ClickHouse, account: str, plan: AudiencePlan, rows: list[list[Any]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for reason, _, _, _, _, count, *_ in rows:
        counts[reason] += count
    del counts[""]
    if len(plan.lists) > 1:
        twice = int((await client.rows(TWICE, {"account": account, "lists": plan.lists}))[0][0])
        counts[DUPLICATE] += twice
    return {reason: count for reason, count in sorted(counts.items()) if count}


async def _keep(client: ClickHouse, task: SealTask, made: Seal) -> None:
    await client.execute(
        KEEP,
        {
            "seal": task.seal, "build": made.id, "account": task.account, "campaign": task.campaign,
            "count": made.count, "digest": made.digest, "day": made.day, "sections": _tuples(made.groups),
            "tiers": [each.tier for each in made.groups] if any(each.tier for each in made.groups) else [],
            "reasons": list(made.left_out), "counts": str(list(made.left_out.values())),
        },
    )  # fmt: skip


def _tuples(sections: list[Section]) -> str:
    """*sections* as ClickHouse writes an array of tuples. Names of groups go in as they are: NAME."""
    return "[" + ",".join(f"('{each.group}',{each.rows},{int(each.due)},{int(each.test)})" for each in sections) + "]"
