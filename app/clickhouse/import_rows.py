"""From the rows of a file to people: checked, typed, each once. Pure, but for the memory of whom it has seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import orjson

from app import ids
from app.clickhouse import import_options as special
from app.clickhouse.attribute_types import MOST_NAMES, declared, read_as, recognised, types_in
from app.clickhouse.contact_checks import checked_address, domain_of, is_role, locale_of, phone_number
from app.clickhouse.contact_rows import BadRow, Columns, Row
from app.clickhouse.import_options import ImportOptions
from app.clickhouse.import_report import ImportReport
from app.clickhouse.lists import Consent
from app.clickhouse.people import LONGEST_ATTRIBUTES, Stored
from app.content.address import AddressError
from app.specs import time_zones
from app.things import moment_of

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
        for name in names - set(self.types) - {special.PHONE, special.LOCALE, special.TIME_ZONE}:
            self.types[name] = recognised(row.attributes[name] for row in rows if name in row.attributes)

    def _person(self, row: Row) -> Importing | None:
        address = checked_address(row.address.strip())
        normalised = ids.normalise_email(address)
        recipient = ids.recipient_id(self.secret, "email", normalised)
        if recipient in self._seen:
            self.report.duplicates += 1
            self.report.leave_out(BadRow(row.line, row.column, "this address is already in the file"))
            return None
        attributes = row.attributes
        consent = self._consent(row)
        self._check_fields(row)
        self._read_types(row)
        encoded = orjson.dumps(attributes)
        if len(encoded) > LONGEST_ATTRIBUTES:
            largest = max(attributes, key=lambda name: len(str(attributes[name])))
            raise _RowError(largest, f"{len(encoded)} bytes of attributes: the most is {LONGEST_ATTRIBUTES}")
        self._seen.add(recipient)
        if len(self.report.types) < MOST_NAMES:
            self._note_types(attributes)
        local, _, domain = normalised.rpartition("@")
        group, kind, hint = domain_of(domain)
        if kind:
            self.report.hint(row.line, row.column, kind, hint)
        if is_role(local):
            self.report.hint(row.line, row.column, "role", f"{local}@ is a desk, not a person")
        return Stored(recipient, address.encode(), group, encoded), consent

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

    def _check_fields(self, row: Row) -> None:
        """The attributes that are known by name: put in order, or taken away with a hint."""
        attributes = row.attributes
        if special.PHONE in attributes:
            number = phone_number(str(attributes[special.PHONE]).strip(), self.options.region)
            self._put(row, special.PHONE, number, "not a phone number: write it with + and country code")
        if special.LOCALE in attributes:
            self._put(row, special.LOCALE, locale_of(str(attributes[special.LOCALE])), "not a locale such as pt-BR")
        if special.TIME_ZONE in attributes:
            zone = str(attributes[special.TIME_ZONE])
            known = zone if zone in time_zones() else None
            self._put(row, special.TIME_ZONE, known, "not a time zone such as Europe/Lisbon")

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
