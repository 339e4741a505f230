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
from app.content.phone import Phone, PhoneError, phone_of
from app.delivery.mx_groups import group_of
from app.delivery.people.consent import CONSENTS, consent_in

PHONE = "phone"  # the attribute
UNREADABLE = b"unreadable"  # kind of a phone that is no number: from before it was looked at
LONGEST_ATTRIBUTES = 64_000  # bytes of JSON a person: they travel with every message
MOST_PEOPLE = 1_000  # of one upsert
MOST_ROWS = 1_001  # of a page, and one to know whether there are more

FIELDS = (
    "lower(hex(recipient_id)), address, mx_group, attributes, toUnixTimestamp64Milli(updated_at) / 1000, "
    "phone, phone_group, phone_kind"
)

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

SHARING = f"""
SELECT {FIELDS} FROM contacts FINAL
WHERE account = {{account:String}} AND phone != '' AND phone_id IN
    (SELECT toFixedString(unhex(arrayJoin({{ids:Array(String)}})), 16))
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
    phone: str = ""  # E.164
    phone_group: str = ""
    phone_kind: str = ""

    @property
    def named(self) -> str:
        """How people call it: by its email address, else by its phone number."""
        return self.address or self.phone


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
    """Somebody to be written: *attributes* replace those that are stored, or with `merge` go over them.

    Without an *address* they are known by their attribute `phone`.
    """

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
class StoredPhone:
    """A phone as contacts hold it. *kind* UNREADABLE: the attribute is there, and no number."""

    number: bytes
    id: bytes
    group: bytes
    kind: bytes


NO_PHONE = StoredPhone(b"", bytes(ids.ID_BYTES), b"", b"")


@dataclass(frozen=True, slots=True)
class Stored:
    """A person as contacts hold them. *updated_at* None is now."""

    recipient_id: bytes
    address: bytes
    group: bytes
    attributes: bytes
    phone: StoredPhone = NO_PHONE
    updated_at: float | None = None


def stored_phone(secret: bytes, phone: Phone) -> StoredPhone:
    """*phone* with its recipient id."""
    ident = ids.recipient_id(secret, ids.PHONE, phone.number)
    return StoredPhone(phone.number.encode(), ident, phone.group.encode(), phone.kind.encode())


def phone_in(secret: bytes, attributes: Mapping[str, Any]) -> StoredPhone:
    """The phone that *attributes* tell."""
    text = attributes.get(PHONE)
    if text is None or text == "":
        return NO_PHONE
    try:
        return stored_phone(secret, phone_of(str(text)))
    except PhoneError:
        return StoredPhone(b"", bytes(ids.ID_BYTES), b"", UNREADABLE)


def person_named(text: str, consent: Consent = NO_CONSENT, attributes: Mapping[str, Any] | None = None) -> Person:
    """Somebody by email address, or by a phone number that begins with +."""
    if text.strip().startswith("+") and "@" not in text:
        return Person("", {**(attributes or {}), PHONE: text}, consent)
    return Person(text, attributes or {}, consent)


def contact_of(row: Sequence[Any]) -> Contact:
    """The contact in a row of FIELDS."""
    ident, address, group, attributes, updated_at, *phone = row
    return Contact(ident, address, group, orjson.loads(attributes), updated_at, *phone)


def id_of(secret: bytes, address: str) -> str:
    """The id of whoever has the email *address*, in hex. Raises AddressError."""
    return ids.recipient_id(secret, "email", ids.normalise_email(wire_address(address.strip()))).hex()


def phone_id_of(secret: bytes, number: str) -> str:
    """The recipient id of a phone *number*, in hex. Raises PhoneError."""
    return ids.recipient_id(secret, ids.PHONE, phone_of(number).number).hex()


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


async def sharing(client: ClickHouse, account: str, phone_ids: Iterable[str]) -> list[Contact]:
    """Contacts whose phones have these recipient ids (hex), by id, at most 1,000. Several may share a number."""
    wanted = list(phone_ids)
    params: Params = {"account": account, "ids": wanted, "limit": MOST_PEOPLE}
    return [contact_of(row) for row in await client.rows(SHARING, params)] if wanted else []


async def named(client: ClickHouse, account: str, ident: str) -> Contact | None:
    """The contact with *ident* (hex), or the first whose phone has it. Raises ClickHouseError."""
    found = await contact(client, account, ident)
    return found or next(iter(await sharing(client, account, [ident])), None)


async def contacts_page(
    client: ClickHouse, account: str, after: str = "", limit: int = 100, address_part: str = "", list_name: str = ""
) -> list[Contact]:
    """Contacts behind the id *after* (hex), by id; with *address_part* those whose address holds it, on *list_name*.

    The address is that of email, or the phone number.
    """
    where = "1"
    if address_part:
        where = "(position(lower(address), lower({part:String})) > 0 OR position(phone, {part:String}) > 0)"
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
    before = await contacts(client, account, [ident for _, ident, _, _ in good]) if merge else {}
    now, merged, consents, phones = time.time(), dict[str, Contact](), dict[str, Consent](), dict[str, StoredPhone]()
    for index, ident, address, person in good:
        known = merged.get(ident) or before.get(ident)
        attributes = {**(known.attributes if known and merge else {}), **person.attributes}
        attributes = {name: value for name, value in attributes.items() if value is not None}
        if len(orjson.dumps(attributes)) > LONGEST_ATTRIBUTES:
            reason = f"more than {LONGEST_ATTRIBUTES} bytes of attributes"
            refused.append(Refused(index, "attributes", reason))
            continue
        phone = phone_in(secret, attributes)
        group = group_of(address.rpartition("@")[2]) if address else ""
        merged[ident] = Contact(
            ident, address, group, attributes, now, phone.number.decode(), phone.group.decode(), phone.kind.decode()
        )
        phones[ident] = phone
        consents[ident] = person.consent
    if merged:
        await _write(client, account, list(merged.values()), lists, consents, phones)
    return list(merged.values()), refused


def _checked(secret: bytes, people: Sequence[Person]) -> tuple[list[tuple[int, str, str, Person]], list[Refused]]:
    """((index, id, address, person) of good ones, the others)."""
    good, refused = [], []
    for index, each in enumerate(people):
        try:
            person = Person(each.address.strip(), _in_order(each.attributes), each.consent)
            orjson.dumps(person.attributes)
            good.append((index, *_identity(secret, person), person))
        except AddressError as error:
            refused.append(Refused(index, "address", str(error)))
        except _AttributeError as error:
            refused.append(Refused(index, error.name, str(error)))
        except (TypeError, ValueError) as error:
            refused.append(Refused(index, "attributes", f"cannot be written as JSON: {error}"))
    return good, refused


class _AttributeError(ValueError):
    """A value that an attribute cannot have."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def _in_order(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """*attributes*, with a phone in E.164 and consents as contacts keep them. Raises _AttributeError."""
    made = dict(attributes)
    try:
        if made.get(PHONE) not in (None, ""):
            made[PHONE] = phone_of(str(made[PHONE])).number
    except PhoneError as error:
        raise _AttributeError(PHONE, str(error)) from error
    for name in CONSENTS & made.keys():
        try:
            made[name] = None if made[name] is None else consent_in(made[name])
        except ValueError as error:
            raise _AttributeError(name, str(error)) from error
    return made


def _identity(secret: bytes, person: Person) -> tuple[str, str]:
    """(id, address) of *person*. Raises AddressError."""
    if person.address:
        address = wire_address(person.address)
        return id_of(secret, address), address
    if not person.attributes.get(PHONE):
        raise AddressError("neither an email address nor a phone number")
    return ids.recipient_id(secret, ids.PHONE, str(person.attributes[PHONE])).hex(), ""


async def _write(
    client: ClickHouse,
    account: str,
    people: list[Contact],
    lists: Sequence[str],
    consents: Mapping[str, Consent],
    phones: Mapping[str, StoredPhone],
) -> None:
    """Columns first, so that a template which names them is not refused; members last: they always have an address."""
    types = types_in(each.attributes for each in people)
    for name in lists or [""]:
        await add_columns(client, account, name, types)
    stored = [_stored(each, phones[each.id]) for each in people]
    await store_contacts(client, account, stored)
    for name in lists:
        await add_members(
            client, account, name, [each.recipient_id for each in stored], [consents[each.id] for each in people]
        )


def _stored(contact: Contact, phone: StoredPhone) -> Stored:
    attributes = orjson.dumps(contact.attributes)
    return Stored(bytes.fromhex(contact.id), contact.address.encode(), contact.group.encode(), attributes, phone)


async def store_contacts(client: ClickHouse, account: str, people: Sequence[Stored]) -> None:
    """One insert of *people*, who replace those with their ids. Raises ClickHouseError."""
    count, now = len(people), time.time()
    block = Block(count)
    block.add("account", "String", repeated(account.encode(), count))
    block.add("recipient_id", "FixedString(16)", fixed_strings(b"".join([a.recipient_id for a in people]), 16, count))
    block.add("address", "String", strings([each.address for each in people]))
    block.add("mx_group", "String", strings([each.group for each in people]))
    block.add("attributes", "String", strings([each.attributes for each in people]))
    moments = [now if each.updated_at is None else each.updated_at for each in people]
    block.add("updated_at", "DateTime64(3, 'UTC')", b"".join([round(a * 1000).to_bytes(8, "little") for a in moments]))
    block.add("phone", "String", strings([each.phone.number for each in people]))
    block.add("phone_id", "FixedString(16)", fixed_strings(b"".join([a.phone.id for a in people]), 16, count))
    block.add("phone_group", "String", strings([each.phone.group for each in people]))
    block.add("phone_kind", "String", strings([each.phone.kind for each in people]))
    await client.insert(f"INSERT INTO contacts ({block.names}) FORMAT Native", block.encode())
