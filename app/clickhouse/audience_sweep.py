"""Drops sealed audiences that nobody needs any more: a week after the end of their campaign, or never finished."""

import re

from app.clickhouse.client import ClickHouse

KEEP_ENDED = 7 * 86_400  # seconds after the end of a campaign
KEEP_UNFINISHED = 86_400  # seconds for a build that never became a seal
MOST = 100  # builds of one sweep

# A build is a partition of its own. What no mirror of a campaign tells of stays: the mirror may be late. So does what
# was sealed a day after that end: who uses an Idempotency-Key again a week later gets a campaign with the same id.
OLD = """
SELECT parts.build
FROM
(
    SELECT partition AS build, max(modification_time) AS changed_at FROM system.parts
    WHERE database = currentDatabase() AND table = 'audience' AND active GROUP BY partition
) AS parts
LEFT JOIN
(
    SELECT build, any(campaign) AS campaign, max(sealed_at) AS since FROM seals GROUP BY build
) AS kept ON kept.build = parts.build
LEFT JOIN (SELECT id, state, finished_at FROM campaigns FINAL) AS ended ON ended.id = kept.campaign
WHERE (kept.campaign = '' AND parts.changed_at < now() - {unfinished:UInt32})
   OR (ended.state IN ('COMPLETED', 'CANCELLED', 'FAILED') AND ended.finished_at < now() - {ended:UInt32}
       AND kept.since <= ended.finished_at + INTERVAL 1 DAY)
ORDER BY parts.changed_at LIMIT {most:UInt32}
"""

NAME = re.compile(r"[A-Za-z0-9_.:|-]+")


async def sweep_audiences(
    client: ClickHouse, *, keep_ended: int = KEEP_ENDED, keep_unfinished: int = KEEP_UNFINISHED
) -> list[str]:
    """Drop up to 100 audiences that are no longer needed; their builds. Raises ClickHouseError.

    A campaign that has not ended keeps its audience, however long it takes.
    """
    rows = await client.rows(OLD, {"unfinished": keep_unfinished, "ended": keep_ended, "most": MOST})
    builds = [build for (build,) in rows if NAME.fullmatch(build)]  # the name goes into a statement as it is
    for build in builds:
        await client.execute(f"ALTER TABLE audience DROP PARTITION '{build}'")
    return builds
