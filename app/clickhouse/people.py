"""Contacts one by one: found, listed in pages, written with their attributes."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app import ids
from app.clickhouse.attribute_types import types_in
from app.clickhouse.client import ClickHouse, Params
from app.clickhouse.list_columns import add_columns
from app.clickhouse.lists import NO_CONSENT, Consent, add_members
from app.clickhouse.native import Block, fixed_strings, repeated, strings
from app.clickhouse.segment_sql import MEMBERS
from app.content.address import AddressError, wire_address
from app.delivery.mx_groups import group_of

LONGEST_ATTRIBUTES = 64_000  # bytes of JSON a person: they travel with every message
MOST_PEOPLE = 1_000  # of one upsert
MOST_ROWS = 1_001  # of a page, and one to know whether there are more

FIELDS = "lower(hex(recipient_id)), address, mx_group, attributes, toUnixTimestamp64Milli(updated_at) / 1000"

ONE = f"""
SELECT {FIELDS} FROM contacts FINAL
WHERE account = {{account:String}} AND recipient_id IN
    (SELECT toFixedString(unhex(arrayJoin({{ids:Array(String)}})), 16))
"""

PAGE = f"""
SELECT {FIELDS} FROM contacts FINAL
WHERE account = {{account:String}} AND recipient_id > unhex({{after:String}}) AND {{where}}
ORDER BY recipient_id LIMIT {{limit:UInt32}}
"""

LISTS = """
SELECT list, toUnixTimestamp64Milli(added_at) / 1000, toUnixTimestamp64Milli(removed_at) / 1000,
       toUnixTimestamp64Milli(consent.at) / 1000, consent.source
FROM members FINAL
WHERE account = {account:String} AND list IN
    (SELECT list FROM list_columns WHERE account = {account:String} AND name = '')
  AND recipient_id = toFixedString(unhex({id:String}), 16)
ORDER BY list
"""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as stored; *id* is the recipient_id in hex."""

    id: str
    address: str
    group: str
    attributes: dict[str, Any]
    updated_at: float


@dataclass(frozen=True, slots=True)
class Membership:
    """A list that somebody is or was on: *removed_at* 0 is never, later than *added_at* is no longer on it."""

    list: str
    added_at: float
    removed_at: float
    consent_at: float
    consent_source: str

    @property
    def active(self) -> bool:
        """Whether they are on it now."""
        return self.added_at > self.removed_at


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to be written: *attributes* replace those that are stored, or with `merge` go over them."""

    address: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    consent: Consent = NO_CONSENT


@dataclass(frozen=True, slots=True)
class Refused:
    """Why person number *index* (from 0) of an upsert cannot be stored."""

    index: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A person as contacts hold them."""

    recipient_id: bytes
    address: bytes
    group: bytes
    attributes: bytes


def contact_of(row: Sequence[Any]) -> Contact:
    """The contact in a row of FIELDS."""
    ident, address, group, attributes, updated_at = row
    return Contact(ident, address, group, orjson.loads(attributes), updated_at)


def id_of(secret: bytes, address: str) -> str:
    """The id of whoever has *address*, in hex. Raises AddressError."""
    return ids.recipient_id(secret, "email", ids.normalise_email(wire_address(address.strip()))).hex()


async def contact(client: ClickHouse, account: str, ident: str) -> Contact | None:
    """The contact with *ident* (hex, see `id_of`), None when there is none. Raises ClickHouseError."""
    return (await contacts(client, account, [ident])).get(ident)


async def memberships(client: ClickHouse, account: str, ident: str) -> list[Membership]:
    """The lists that a contact is or was on."""
    return [Membership(*row) for row in await client.rows(LISTS, {"account": account, "id": ident})]


async def contacts(client: ClickHouse, account: str, idents: Iterable[str]) -> dict[str, Contact]:
    """Those of *idents* (hex) that are contacts, by id. Raises ClickHouseError."""
    wanted = list(idents)
    if not wanted:
        return {}
    rows = await client.rows(ONE, {"account": account, "ids": wanted})
    return {row[0]: contact_of(row) for row in rows}


async def contacts_page(
    client: ClickHouse, account: str, after: str = "", limit: int = 100, address_part: str = "", list_name: str = ""
) -> list[Contact]:
    """Contacts behind the id *after* (hex), by id; with *address_part* those whose address holds it, on *list_name*."""
    where = "position(lower(address), lower({part:String})) > 0" if address_part else "1"
    if list_name:
        where += f" AND recipient_id IN ({MEMBERS} AND list = {{list:String}} AND added_at > removed_at)"
    params: Params = {
        "account": account, "after": after, "limit": min(limit, MOST_ROWS), "part": address_part, "list": list_name,
    }  # fmt: skip
    return [contact_of(row) for row in await client.rows(PAGE.replace("{where}", where), params)]


async def upsert_contacts(
    client: ClickHouse,
    secret: bytes,
    account: str,
    people: Sequence[Person],
    lists: Sequence[str] = (),
    *,
    merge: bool = True,
) -> tuple[list[Contact], list[Refused]]:
    """Write up to 1,000 people and put them on *lists*; those as stored, and who cannot be.

    With *merge* attributes go over the stored ones and null takes one away; two writers of one person at the same
    moment may lose attributes of one of them. Raises ClickHouseError: what was written by then may be written again.
    """
    good, refused = _checked(secret, people)
    before = await contacts(client, account, [ident for ident, _, _ in good]) if merge else {}
    now, merged, consents = time.time(), dict[str, Contact](), dict[str, Consent]()
    for ident, address, person in good:
        known = merged.get(ident) or before.get(ident)
        attributes = {**(known.attributes if known and merge else {}), **person.attributes}
        attributes = {name: value for name, value in attributes.items() if value is not None}
        if len(orjson.dumps(attributes)) > LONGEST_ATTRIBUTES:
            reason = f"more than {LONGEST_ATTRIBUTES} bytes of attributes"
            refused.append(Refused(people.index(person), "attributes", reason))
            continue
        merged[ident] = Contact(ident, address, group_of(address.rpartition("@")[2]), attributes, now)
        consents[ident] = person.consent
    if merged:
        await _write(client, account, list(merged.values()), lists, consents)
    return list(merged.values()), refused


def _checked(secret: bytes, people: Sequence[Person]) -> tuple[list[tuple[str, str, Person]], list[Refused]]:
    """((id, address, person) of good ones, the others)."""
    good, refused = [], []
    for index, person in enumerate(people):
        try:
            address = wire_address(person.address.strip())
            orjson.dumps(person.attributes)
            good.append((id_of(secret, address), address, person))
        except AddressError as error:
            refused.append(Refused(index, "address", str(error)))
        except (TypeError, ValueError) as error:
            refused.append(Refused(index, "attributes", f"cannot be written as JSON: {error}"))
    return good, refused


async def _write(
    client: ClickHouse, account: str, people: list[Contact], lists: Sequence[str], consents: Mapping[str, Consent]
) -> None:
    """Columns first, so that a template which names them is not refused; members last: they always have an address."""
    types = types_in(each.attributes for each in people)
    for name in lists or [""]:
        await add_columns(client, account, name, types)
    stored = [
        Stored(bytes.fromhex(each.id), each.address.encode(), each.group.encode(), orjson.dumps(each.attributes))
        for each in people
    ]
    await store_contacts(client, account, stored)
    for name in lists:
        await add_members(
            client, account, name, [each.recipient_id for each in stored], [consents[each.id] for each in people]
        )


async def store_contacts(client: ClickHouse, account: str, people: Sequence[Stored]) -> None:
    """One insert of *people*, who replace those with their ids. Raises ClickHouseError."""
    count, moment = len(people), round(time.time() * 1000).to_bytes(8, "little")
    block = Block(count)
    block.add("account", "String", repeated(account.encode(), count))
    block.add("recipient_id", "FixedString(16)", fixed_strings(b"".join([a.recipient_id for a in people]), 16, count))
    block.add("address", "String", strings([each.address for each in people]))
    block.add("mx_group", "String", strings([each.group for each in people]))
    block.add("attributes", "String", strings([each.attributes for each in people]))
    block.add("updated_at", "DateTime64(3, 'UTC')", moment * count)
    await client.insert(f"INSERT INTO contacts ({block.names}) FORMAT Native", block.encode())
