"""Sealed audiences page by page: who is in one, and who was left out for which reason."""

from dataclasses import dataclass

from app.clickhouse.audience_sql import EXCLUDED_LIST, EXCLUDED_SEGMENT, HOLDOUT, OF_ADDRESSES, REMOVED
from app.clickhouse.client import ClickHouse

MOST_ROWS = 1_001  # of a page, and one to know whether there are more
LEFT_OUT = "*"  # as a reason: any

# The build that counts is the first complete one of the latest run.
PAGE = """
SELECT row, lower(hex(recipient_id)), address, mx_group, due, variant, zone, reason FROM audience
WHERE build IN
(
    SELECT argMin(build, (sealed_at, build)) FROM seals
    WHERE account = {account:String} AND campaign = {campaign:String}
      AND seal_id IN
      (
          SELECT argMax(seal_id, sealed_at) FROM seals WHERE account = {account:String} AND campaign = {campaign:String}
      )
)
  AND (reason = {reason:String} OR ({reason:String} = '*' AND reason != '')) AND row > {after:Int64}
ORDER BY row LIMIT {limit:UInt32}
"""


@dataclass(frozen=True, slots=True)
class AudienceMember:
    """A person of an audience, or with a *reason* one who was left out. *due* 0 is at once."""

    row: int
    id: str
    address: str
    group: str
    due: int
    variant: int
    zone: str
    reason: str


def is_reason(text: str) -> bool:
    """Whether people can be left out of an audience for the reason *text*, when it is fixed."""
    kind, named, _ = text.partition(":")
    return text in (LEFT_OUT, HOLDOUT, REMOVED, *OF_ADDRESSES) or (
        bool(named) and kind in (EXCLUDED_LIST, EXCLUDED_SEGMENT)
    )


async def audience_page(
    client: ClickHouse, account: str, campaign: str, *, reason: str = "", after: int = -1, limit: int = 100
) -> list[AudienceMember]:
    """Rows of the audience of *campaign* behind row *after*; with a *reason* those left out for it, "*" is for any.

    Empty when there is no audience (yet, or any more). Raises ClickHouseError.
    """
    rows = await client.rows(
        PAGE,
        {"account": account, "campaign": campaign, "reason": reason, "after": after, "limit": min(limit, MOST_ROWS)},
    )
    return [AudienceMember(*row) for row in rows]
