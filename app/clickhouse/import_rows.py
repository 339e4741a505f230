"""From the rows of a file to people: checked, typed, each once. Pure, but for the memory of whom it has seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

import orjson

from app import ids
from app.clickhouse import import_options as special
from app.clickhouse.attribute_types import MOST_NAMES, declared, read_as, recognised, types_in
from app.clickhouse.contact_checks import checked_address, domain_of, is_role, locale_of
from app.clickhouse.contact_rows import BadRow, Columns, Row
from app.clickhouse.import_options import ImportOptions
from app.clickhouse.import_report import ImportReport
from app.clickhouse.lists import Consent
from app.clickhouse.people import LONGEST_ATTRIBUTES, NO_PHONE, Stored, StoredPhone, stored_phone
from app.content.address import AddressError
from app.content.phone import INVALID, PhoneError, phone_of
from app.delivery.people.consent import CONSENTS, attribute_of, consent_in
from app.specs import time_zones
from app.things import moment_of

SAME_PHONE = "somebody else in the file has this number: one message goes to both"
UNASSIGNED = "the numbering plan of its country has no such number: it is left out of audiences of phones"
LOOKED_AT = 1_000  # rows from whose values the type of a column is recognised

Importing = tuple[Stored, Consent]


class _RowError(Exception):
    """A value that keeps a row out."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@dataclass
class Reader:
    """Reads the people of one file into *report*."""

    secret: bytes
    options: ImportOptions
    columns: Columns
    report: ImportReport
    started_at: float
    types: dict[str, str] = field(default_factory=dict)  # attribute -> type that its column is read as
    _seen: set[bytes] = field(default_factory=set)
    _phones: set[bytes] = field(default_factory=set)  # phones of people with an address

    def people(self, rows: Iterable[Row | BadRow]) -> Iterator[Importing]:
        """The people in *rows*, each once; all others go into the report."""
        left = iter(rows)
        first = list(islice(left, LOOKED_AT))
        self._recognise([row for row in first if isinstance(row, Row)])
        for row in chain(first, left):
            self.report.rows += 1
            if isinstance(row, BadRow):
                self.report.leave_out(row)
                continue
            try:
                person = self._person(row)
            except AddressError as error:
                self.report.leave_out(BadRow(row.line, row.column, str(error)))
            except _RowError as error:
                self.report.leave_out(BadRow(row.line, error.column, str(error)))
            else:
                if person is not None:
                    yield person

    def _recognise(self, rows: list[Row]) -> None:
        self.types |= self.options.types
        self.report.columns = self.columns.found
        if self.columns.typed:
            return
        names = {name for row in rows for name in row.attributes}
        for name in names - set(self.types) - {special.PHONE, special.LOCALE, special.TIME_ZONE} - CONSENTS:
            self.types[name] = recognised(row.attributes[name] for row in rows if name in row.attributes)

    def _person(self, row: Row) -> Importing | None:
        address = row.address.strip()
        if not address and not row.attributes.get(special.PHONE):
            raise _RowError(row.column, "nobody: neither an email address nor a phone number")
        if address or special.PHONE not in row.attributes:
            return self._by_address(row, checked_address(address))
        return self._by_phone(row)

    def _by_address(self, row: Row, address: str) -> Importing | None:
        normalised = ids.normalise_email(address)
        recipient = ids.recipient_id(self.secret, "email", normalised)
        if recipient in self._seen:
            self._again(row, "this address is already in the file")
            return None
        phone = self._phone(row) if special.PHONE in row.attributes else NO_PHONE
        encoded, consent = self._rest(row)
        self._seen.add(recipient)
        if phone is not NO_PHONE:
            if phone.id in self._phones:
                self.report.hint(row.line, special.PHONE, special.PHONE, SAME_PHONE)
            self._phones.add(phone.id)
        local, _, domain = normalised.rpartition("@")
        group, kind, hint = domain_of(domain)
        if kind:
            self.report.hint(row.line, row.column, kind, hint)
        if is_role(local):
            self.report.hint(row.line, row.column, "role", f"{local}@ is a desk, not a person")
        return Stored(recipient, address.encode(), group, encoded, phone), consent

    def _by_phone(self, row: Row) -> Importing | None:
        """Somebody without an address: a phone number that cannot be read keeps the row out."""
        try:
            found = phone_of(str(row.attributes[special.PHONE]), self.options.region)
        except PhoneError as error:
            raise _RowError(row.column, f"{str(row.attributes[special.PHONE])[:40]!r}: {error}") from error
        phone = stored_phone(self.secret, found)
        if phone.id in self._seen or phone.id in self._phones:
            self._again(row, "this phone number is already in the file")
            return None
        row.attributes[special.PHONE] = found.number
        encoded, consent = self._rest(row)
        self._seen.add(phone.id)
        if found.kind == INVALID:
            self.report.hint(row.line, row.column, special.PHONE, UNASSIGNED)
        return Stored(phone.id, b"", b"", encoded, phone), consent

    def _again(self, row: Row, reason: str) -> None:
        self.report.duplicates += 1
        self.report.leave_out(BadRow(row.line, row.column, reason))

    def _rest(self, row: Row) -> tuple[bytes, Consent]:
        """(attributes as JSON, consent) of a row whose identity is settled."""
        consent = self._consent(row)
        self._check_fields(row)
        self._agree(row, consent)
        self._read_types(row)
        attributes = row.attributes
        encoded = orjson.dumps(attributes)
        if len(encoded) > LONGEST_ATTRIBUTES:
            largest = max(attributes, key=lambda name: len(str(attributes[name])))
            raise _RowError(largest, f"{len(encoded)} bytes of attributes: the most is {LONGEST_ATTRIBUTES}")
        if len(self.report.types) < MOST_NAMES:
            self._note_types(attributes)
        return encoded, consent

    def _phone(self, row: Row) -> StoredPhone:
        """The phone of somebody with an address; what is none is taken away with a hint."""
        text = str(row.attributes[special.PHONE]).strip()
        try:
            found = phone_of(text, self.options.region)
        except PhoneError as error:
            del row.attributes[special.PHONE]
            self.report.hint(row.line, special.PHONE, special.PHONE, f"{text[:40]!r}: {error}")
            return NO_PHONE
        row.attributes[special.PHONE] = found.number
        if found.kind == INVALID:
            self.report.hint(row.line, special.PHONE, special.PHONE, UNASSIGNED)
        return stored_phone(self.secret, found)

    def _note_types(self, attributes: dict[str, Any]) -> None:
        types = self.report.types
        if self.columns.typed or attributes.keys() - types.keys():
            for name, kind in types_in([attributes]).items():
                types[name] = kind if types.get(name, kind) == kind else "text"

    def _consent(self, row: Row) -> Consent:
        """Of its columns, else of the options; a source without a time counts from the import."""
        source = row.attributes.pop(special.CONSENT_SOURCE, "") or self.options.consent_source
        moment = row.attributes.pop(special.CONSENT_AT, "")
        at = self.options.consent_at or (self.started_at if source else 0.0)
        if moment:
            try:
                at = moment_of(str(moment)).timestamp()
            except ValueError as error:
                raise _RowError(special.CONSENT_AT, str(error)) from error
        return Consent(at, str(source)[:500]) if at > 0 else Consent()

    def _agree(self, row: Row, consent: Consent) -> None:
        """A yes since that moment for each channel of the phone that the agreement was for; what the row says stays."""
        if consent.at <= 0 or special.PHONE not in row.attributes:
            return
        for channel in self.options.consent_channels:
            row.attributes.setdefault(attribute_of(channel), datetime.fromtimestamp(consent.at, UTC).isoformat())

    def _check_fields(self, row: Row) -> None:
        """The attributes that are known by name: put in order, or taken away with a hint."""
        attributes = row.attributes
        if special.LOCALE in attributes:
            self._put(row, special.LOCALE, locale_of(str(attributes[special.LOCALE])), "not a locale such as pt-BR")
        if special.TIME_ZONE in attributes:
            zone = str(attributes[special.TIME_ZONE])
            known = zone if zone in time_zones() else None
            self._put(row, special.TIME_ZONE, known, "not a time zone such as Europe/Lisbon")
        for name in CONSENTS & attributes.keys():
            try:
                attributes[name] = consent_in(attributes[name])
            except ValueError as error:
                del attributes[name]
                self.report.hint(row.line, name, "consent", str(error))

    def _put(self, row: Row, name: str, value: str | None, hint: str) -> None:
        if value is None:
            self.report.hint(row.line, name, name, f"{str(row.attributes.pop(name))[:100]!r} is {hint}")
        else:
            row.attributes[name] = value

    def _read_types(self, row: Row) -> None:
        attributes = row.attributes
        for name, kind in self.types.items():
            text = attributes.get(name)
            if kind == "text" or not isinstance(text, str):
                continue
            if name in self.options.types:
                value = declared(kind, text.strip())
                if value is None:
                    raise _RowError(name, f"{text[:100]!r} is no {kind}")
            else:
                value = read_as(kind, text)
                if value is None:
                    self.report.hint(row.line, name, "type", f"{text[:100]!r} is no {kind} as the others are")
                    continue
            attributes[name] = value
