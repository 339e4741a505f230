"""The audience of a campaign that tries again whom another one has failed: rows of that one's audience."""

import asyncio

from app.clickhouse.audience_sql import Statement
from app.clickhouse.campaign_queries import campaign_entry
from app.clickhouse.client import ClickHouse
from app.delivery.campaigns.retry_campaign import failed_in, why_not
from app.records import SealTask
from app.things import AudiencePlan

WAIT_SECONDS = 60.0  # until the record has the last events of a campaign that has only just ended

# The build that counts is the first complete one of the latest run, as for its pages; it may be gone.
BUILD_OF = """
SELECT build FROM audience WHERE row = 0 AND build IN
(
    SELECT argMin(build, (sealed_at, build)) FROM seals
    WHERE account = {account:String} AND campaign = {campaign:String}
      AND seal_id IN
      (
          SELECT argMax(seal_id, sealed_at) FROM seals WHERE account = {account:String} AND campaign = {campaign:String}
      )
)
LIMIT 1
"""

FAILED = """
SELECT recipient_id FROM messages
WHERE account = {account:String} AND campaign = {failed:String}
  AND multiIf(status = 'BOUNCED' AND class IN ('gave_up', 'expired'), 'given_up', status = 'BLOCKED', 'blocked',
              status = 'UNKNOWN', 'unknown', '') IN {outcomes:Array(String)}
"""

COUNT = f"SELECT count() FROM ({FAILED})"

# Groups and tiers are those of the first time.
BUILD = f"""
INSERT INTO audience
    (build, row, recipient_id, address, mx_group, attributes, due, variant, zone, reason, tier, contact)
SELECT {{build:String}}, row_number() OVER (ORDER BY size, mx_group, tier, recipient_id) - 1,
       recipient_id, address, mx_group, attributes, 0, 0, zone, '', tier, contact
FROM
(
    SELECT *, count() OVER (PARTITION BY mx_group, tier) AS size FROM audience
    WHERE build = {{before:String}} AND reason = '' AND recipient_id IN ({FAILED})
)
"""


class NobodyAgainError(Exception):
    """Nobody can be tried again; the text says why."""


async def audience_before(client: ClickHouse, account: str, campaign: str) -> str:
    """The build of the audience of *campaign*, "" when it is gone. Raises ClickHouseError."""
    rows = await client.rows(BUILD_OF, {"account": account, "campaign": campaign})
    return str(rows[0][0]) if rows else ""


def gone(campaign: str) -> str:
    """What is told when the audience of *campaign* is gone."""
    return f"the audience of campaign {campaign} is gone: it stays for 7 days after the end of its campaign"


async def checked_before(client: ClickHouse, account: str, plan: AudiencePlan, wait: float = WAIT_SECONDS) -> str:
    """The build to take people from, once ClickHouse has all of them who were failed.

    Raises NobodyAgainError, also when ClickHouse has fewer of them than the campaign counted after *wait* seconds; and
    ClickHouseError.
    """
    deadline = asyncio.get_running_loop().time() + wait
    while True:
        wrong = await _lacking(client, account, plan)
        if not wrong:
            break
        if asyncio.get_running_loop().time() >= deadline:
            raise NobodyAgainError(wrong)
        await asyncio.sleep(min(1.0, wait / 10))
    build = await audience_before(client, account, plan.retry_of)
    if not build:
        raise NobodyAgainError(gone(plan.retry_of))
    return build


async def _lacking(client: ClickHouse, account: str, plan: AudiencePlan) -> str:
    """What ClickHouse, which is some seconds behind, does not know yet of the campaign that is tried again, or ""."""
    entry = await campaign_entry(client, account, plan.retry_of)
    if entry is None:
        return f"there is no campaign {plan.retry_of!r} in account {account!r} to try again"
    wrong = why_not(entry, plan.retry_outcomes)
    if wrong:
        return f"{plan.retry_of}: {wrong}"
    counted = failed_in(entry.counters, plan.retry_outcomes)
    found = int((await client.rows(COUNT, _who(account, plan)))[0][0])
    if found < counted:
        return f"ClickHouse has {found} of the {counted} people whom {plan.retry_of} has failed: try again later"
    return ""


def retry_statement(task: SealTask, plan: AudiencePlan, build: str, before: str) -> Statement:
    """What fills `audience` for *task* from the build *before*."""
    return Statement(BUILD, {**_who(task.account, plan), "build": build, "before": before})


def _who(account: str, plan: AudiencePlan) -> dict[str, str | int | float | list[str]]:
    return {"account": account, "failed": plan.retry_of, "outcomes": list(plan.retry_outcomes)}
