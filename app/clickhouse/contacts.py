"""People from a file into contacts and a list: good rows go in, bad ones are reported one by one."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import orjson

from app import ids
from app.clickhouse.client import ClickHouse
from app.clickhouse.contact_rows import BadRow, Row, rows_of
from app.clickhouse.file_lines import FileLines
from app.clickhouse.key_check import check_key, read_key
from app.clickhouse.list_columns import MOST_COLUMNS, add_columns
from app.clickhouse.native import Block, fixed_strings, repeated, strings
from app.content.address import AddressError, wire_address
from app.delivery.mx_groups import group_of
from app.settings import Settings

BATCH = 50_000
MOST_BAD = 10_000  # bad rows kept word for word; more are only counted
LONGEST_ATTRIBUTES = 64_000  # bytes of JSON a person: they travel with every message

Progress = Callable[[int, int], None]  # bytes of the file and rows read so far


@dataclass
class ImportReport:
    """What became of a file: *rows* read, *imported* people, *bad* rows (at most 10,000 of *bad_count*).

    *duplicates* of the bad rows are addresses that stood in the file before.
    """

    rows: int = 0
    imported: int = 0
    bad_count: int = 0
    duplicates: int = 0
    bad: list[BadRow] = field(default_factory=list)
    seconds: float = 0.0

    def leave_out(self, row: BadRow) -> None:
        """Note that *row* was not imported."""
        self.bad_count += 1
        if len(self.bad) < MOST_BAD:
            self.bad.append(row)


@dataclass(frozen=True, slots=True)
class Person:
    """A row that is good."""

    recipient_id: bytes
    address: bytes
    group: bytes
    attributes: bytes


def import_csv(
    settings: Settings,
    path: Path | BinaryIO,
    list_name: str,
    *,
    account: str = "default",
    progress: Progress | None = None,
) -> ImportReport:
    """Import *path* (CSV with a header or NDJSON, plain or gzip; a file or a stream) into *list_name*.

    Importing a file again changes nothing but newer attributes. Raises WrongKeyError, and ClickHouseError: what was
    imported by then stays, and importing the same file again completes it.
    """
    return asyncio.run(import_people(settings, path, list_name, account=account, progress=progress))


async def import_people(
    settings: Settings,
    path: Path | BinaryIO,
    list_name: str,
    *,
    account: str = "default",
    progress: Progress | None = None,
) -> ImportReport:
    """`import_csv` for callers that have an event loop."""
    report, started = ImportReport(), time.monotonic()
    secret = read_key(settings.secret_path)
    lines, columns, known = FileLines(path), set[str](), -1
    people = good_ones(rows_of(lines), secret, report, columns)
    async with ClickHouse(settings, timeout=120.0) as client:
        await check_key(client, secret, settings.secret_path)
        while batch := await asyncio.to_thread(lambda: list(islice(people, BATCH))):
            if len(columns) > known:  # before the people: a template that names them must not be refused
                await add_columns(client, account, list_name, columns)
                known = len(columns)
            await _store(client, account, list_name, batch)
            report.imported += len(batch)
            if progress is not None:
                progress(lines.bytes_read, report.rows)
    report.seconds = time.monotonic() - started
    return report


def good_ones(rows: Iterable[Row | BadRow], secret: bytes, report: ImportReport, columns: set[str]) -> Iterator[Person]:
    """The people in *rows*, each once, their attributes' names into *columns*; all others go into *report*."""
    seen: set[bytes] = set()
    for row in rows:
        report.rows += 1
        if isinstance(row, BadRow):
            report.leave_out(row)
            continue
        try:
            person = person_of(row, secret)
        except AddressError as error:
            report.leave_out(BadRow(row.line, row.column, str(error)))
            continue
        if len(person.attributes) > LONGEST_ATTRIBUTES:
            report.leave_out(_too_large(row, len(person.attributes)))
        elif person.recipient_id in seen:
            report.duplicates += 1
            report.leave_out(BadRow(row.line, row.column, "this address is already in the file"))
        else:
            seen.add(person.recipient_id)
            if len(columns) <= MOST_COLUMNS:
                columns.update(row.attributes)
            yield person


def _too_large(row: Row, size: int) -> BadRow:
    largest = max(row.attributes, key=lambda name: len(str(row.attributes[name])))
    return BadRow(row.line, largest, f"{size} bytes of attributes: the most is {LONGEST_ATTRIBUTES}")


def person_of(row: Row, secret: bytes) -> Person:
    """*row* as it is stored. Raises AddressError."""
    address = wire_address(row.address.strip())
    normalised = ids.normalise_email(address)
    domain = normalised.rpartition("@")[2]
    return Person(
        ids.recipient_id(secret, "email", normalised),
        address.encode(),
        group_of(domain).encode(),
        orjson.dumps(row.attributes),
    )


async def _store(client: ClickHouse, account: str, list_name: str, people: list[Person]) -> None:
    """Contacts first: a member of a list always has an address. A crash in between is repaired by importing again."""
    count, moment = len(people), round(time.time() * 1000).to_bytes(8, "little")
    who, account_bytes = b"".join([each.recipient_id for each in people]), account.encode()
    contacts = Block(count)
    contacts.add("account", "String", repeated(account_bytes, count))
    contacts.add("recipient_id", "FixedString(16)", fixed_strings(who, 16, count))
    contacts.add("address", "String", strings([each.address for each in people]))
    contacts.add("mx_group", "String", strings([each.group for each in people]))
    contacts.add("attributes", "String", strings([each.attributes for each in people]))
    contacts.add("updated_at", "DateTime64(3, 'UTC')", moment * count)
    await client.insert(f"INSERT INTO contacts ({contacts.names}) FORMAT Native", contacts.encode())
    members = Block(count)
    members.add("account", "String", repeated(account_bytes, count))
    members.add("list", "String", repeated(list_name.encode(), count))
    members.add("recipient_id", "FixedString(16)", fixed_strings(who, 16, count))
    members.add("added_at", "DateTime64(3, 'UTC')", moment * count)
    await client.insert(f"INSERT INTO list_members ({members.names}) FORMAT Native", members.encode())
