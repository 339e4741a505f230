"""Lists of an account: which there are, who is on one, and the taking on and off."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.clickhouse.client import ClickHouse, ClickHouseError, Params
from app.clickhouse.list_columns import add_columns
from app.clickhouse.native import Block, fixed_strings, repeated, strings
from app.ids import ID_BYTES
from app.specs import CampaignSpec

MOST_MEMBERS = 10_000  # of one call
IDS_AT_ONCE = 5_000  # people of one statement: they travel in its address
MOST_ROWS = 1_001  # of a page, and one to know whether there are more
NAMED_IN = ("lists", "exclude_lists")  # fields of a campaign

CONSENT_TYPE = "Tuple(at DateTime64(3, 'UTC'), source String)"

KNOWN = """
SELECT DISTINCT list FROM list_columns
WHERE account = {account:String} AND list IN {lists:Array(String)} AND name = ''
"""

# The page by its names first: people are counted for these lists only.
PAGE = """
WITH page AS
(
    SELECT list, min(added_at) AS created_at FROM list_columns
    WHERE account = {account:String} AND name = '' AND list != '' AND list > {after:String}
    GROUP BY list ORDER BY list LIMIT {limit:UInt32}
)
SELECT page.list, toUnixTimestamp64Milli(page.created_at) / 1000, counted.people,
       if(counted.people = 0, 0, toUnixTimestamp64Milli(counted.last) / 1000)
FROM page LEFT JOIN
(
    SELECT list, countIf(added_at > removed_at) AS people, max(added_at) AS last FROM members FINAL
    WHERE account = {account:String} AND list IN (SELECT list FROM page) GROUP BY list
) AS counted ON counted.list = page.list
ORDER BY page.list
"""

MEMBERS_PAGE = """
SELECT lower(hex(m.recipient_id)), c.address, toUnixTimestamp64Milli(m.added_at) / 1000,
       toUnixTimestamp64Milli(m.consent.at) / 1000, m.consent.source, c.phone
FROM
(
    SELECT recipient_id, added_at, consent FROM members FINAL
    WHERE account = {account:String} AND list = {list:String} AND added_at > removed_at
      AND recipient_id > unhex({after:String})
    ORDER BY recipient_id LIMIT {limit:UInt32}
) AS m
LEFT JOIN
(
    SELECT recipient_id, address, phone FROM contacts FINAL WHERE account = {account:String} AND recipient_id IN
    (
        SELECT recipient_id FROM members FINAL
        WHERE account = {account:String} AND list = {list:String} AND added_at > removed_at
          AND recipient_id > unhex({after:String})
        ORDER BY recipient_id LIMIT {limit:UInt32}
    )
) AS c ON c.recipient_id = m.recipient_id
ORDER BY m.recipient_id
"""

ON_LIST = """
SELECT count() FROM members FINAL
WHERE account = {account:String} AND list = {list:String} AND added_at > removed_at
  AND recipient_id IN (SELECT toFixedString(unhex(arrayJoin({recipients:Array(String)})), 16))
"""

OWNERS = """
SELECT lower(hex(recipient_id)) FROM contacts FINAL
WHERE account = {account:String} AND phone != ''
  AND phone_id IN (SELECT toFixedString(unhex(arrayJoin({recipients:Array(String)})), 16))
"""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One list: *people* on it, the time of the last adding (0 when there was none)."""

    name: str
    created_at: float
    people: int
    last_added_at: float


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a list. *consent_at* 0 says that nothing is known about a consent."""

    id: str
    address: str
    added_at: float
    consent_at: float
    consent_source: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """When and where somebody agreed to be on a list; *at* 0 is no news about it."""

    at: float = 0.0
    source: str = ""


NO_CONSENT = Consent()


async def lists_known(client: ClickHouse, account: str, names: Sequence[str]) -> set[str]:
    """Those of *names* that are lists of *account*, whether anybody is on them or not. Raises ClickHouseError."""
    return {name for (name,) in await client.rows(KNOWN, {"account": account, "lists": list(names)})}


async def missing_list(client: ClickHouse, account: str, spec: CampaignSpec) -> tuple[str, str] | None:
    """(field, name) of the first list in *spec* that *account* has not. While ClickHouse is away nobody knows: None."""
    named = [(f"spec.{field}.{n}", name) for field in NAMED_IN for n, name in enumerate(getattr(spec, field))]
    if not named:
        return None
    try:
        known = await lists_known(client, account, sorted({name for _, name in named}))
    except ClickHouseError as error:
        if not error.is_away:
            raise
        return None
    return next(((field, name) for field, name in named if name not in known), None)


async def create_list(client: ClickHouse, account: str, name: str) -> bool:
    """Make a list that nobody is on yet; False when there is one. Repeating it does no harm."""
    if await lists_known(client, account, [name]):
        return False
    await add_columns(client, account, name, {})
    return True


async def lists_page(client: ClickHouse, account: str, after: str = "", limit: int = 100) -> list[ListRow]:
    """The lists of *account* behind the name *after*, by name."""
    rows = await client.rows(PAGE, {"account": account, "after": after, "limit": min(limit, MOST_ROWS)})
    return [ListRow(*row) for row in rows]


async def list_of(client: ClickHouse, account: str, name: str) -> ListRow | None:
    """The list *name*, None when there is none."""
    sql = PAGE.replace("list > {after:String}", "list = {after:String}")
    rows = await client.rows(sql, {"account": account, "after": name, "limit": 1})
    return ListRow(*rows[0]) if rows else None


async def members_page(client: ClickHouse, account: str, name: str, after: str = "", limit: int = 100) -> list[Member]:
    """People on a list behind the id *after* (hex), by id."""
    params: Params = {"account": account, "list": name, "after": after, "limit": min(limit, MOST_ROWS)}
    return [Member(*row) for row in await client.rows(MEMBERS_PAGE, params)]


async def add_members(
    client: ClickHouse, account: str, name: str, recipients: Sequence[bytes], consents: Sequence[Consent] = ()
) -> None:
    """Put contacts on a list, which is made if need be. *consents* is one a person, or empty.

    Whoever is on it stays; a consent that is known stays when no later one is given.
    """
    block = _people(account, name, recipients)
    block.add("added_at", "DateTime64(3, 'UTC')", _milliseconds([time.time()] * len(recipients)))
    if consents:
        sources = strings([each.source.encode() for each in consents])
        block.add("consent", CONSENT_TYPE, _milliseconds([each.at for each in consents]) + sources)
    await _insert(client, block)
    await create_list(client, account, name)


async def remove_members(client: ClickHouse, account: str, name: str, recipients: Sequence[bytes]) -> int:
    """Take people off a list: they are in no audience of it, unless they are added again. How many were on it."""
    on_it = 0
    for first in range(0, len(recipients), IDS_AT_ONCE):
        ids = [each.hex() for each in recipients[first : first + IDS_AT_ONCE]]
        ((some,),) = await client.rows(ON_LIST, {"account": account, "list": name, "recipients": ids})
        on_it += int(some)
    block = _people(account, name, recipients)
    block.add("removed_at", "DateTime64(3, 'UTC')", _milliseconds([time.time()] * len(recipients)))
    await _insert(client, block)
    return on_it


async def remove_named(client: ClickHouse, account: str, name: str, people: Sequence[bytes]) -> int:
    """`remove_members` for ids of contacts or of phones: of a number everybody who has it."""
    owners: list[bytes] = []
    for first in range(0, len(people), IDS_AT_ONCE):
        ids = [each.hex() for each in people[first : first + IDS_AT_ONCE]]
        rows = await client.rows(OWNERS, {"account": account, "recipients": ids})
        owners += [bytes.fromhex(ident) for (ident,) in rows]
    return await remove_members(client, account, name, list(dict.fromkeys([*people, *owners])))


def _people(account: str, name: str, recipients: Sequence[bytes]) -> Block:
    count = len(recipients)
    block = Block(count)
    block.add("account", "String", repeated(account.encode(), count))
    block.add("list", "String", repeated(name.encode(), count))
    block.add("recipient_id", "FixedString(16)", fixed_strings(b"".join(recipients), ID_BYTES, count))
    return block


def _milliseconds(times: Sequence[float]) -> bytes:
    return b"".join([round(each * 1000).to_bytes(8, "little", signed=True) for each in times])


async def _insert(client: ClickHouse, block: Block) -> None:
    if block.rows:
        await client.insert(f"INSERT INTO members ({block.names}) FORMAT Native", block.encode())
