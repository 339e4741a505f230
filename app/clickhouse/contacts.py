"""People from a file into contacts and a list: good rows go in, bad ones are reported one by one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from app.clickhouse.client import ClickHouse
from app.clickhouse.contact_rows import Columns, rows_of
from app.clickhouse.file_lines import FileLines
from app.clickhouse.import_log import DONE, FAILED, ImportLog
from app.clickhouse.import_options import ImportOptions
from app.clickhouse.import_report import ImportReport
from app.clickhouse.import_rows import Importing, Reader
from app.clickhouse.key_check import check_key, read_key
from app.clickhouse.list_columns import add_columns
from app.clickhouse.lists import add_members
from app.clickhouse.people import store_contacts
from app.clickhouse.upload import Upload
from app.settings import Settings

BATCH = 25_000
LONGEST_BATCH = 10.0  # seconds: whoever watches a slow upload hears of it

Progress = Callable[[int, int], None]  # bytes of the file and rows read so far


def import_csv(
    settings: Settings,
    path: Path | BinaryIO,
    list_name: str,
    *,
    account: str = "default",
    progress: Progress | None = None,
    options: ImportOptions | None = None,
    ident: str = "",
) -> ImportReport:
    """`import_people` for callers that have no event loop."""
    return asyncio.run(
        import_people(settings, path, list_name, account=account, progress=progress, options=options, ident=ident)
    )


async def import_people(
    settings: Settings,
    path: Path | BinaryIO,
    list_name: str,
    *,
    account: str = "default",
    progress: Progress | None = None,
    options: ImportOptions | None = None,
    ident: str = "",
) -> ImportReport:
    """Import *path* (CSV with a header or NDJSON, plain or gzip; a file or a stream) into *list_name*.

    Importing a file again changes nothing but newer attributes. Raises WrongKeyError, and ClickHouseError: what was
    imported by then stays, and importing the same file again completes it.
    """
    how = options or ImportOptions(account=account, list=list_name)
    async with ClickHouse(settings, timeout=120.0) as client:
        secret = read_key(settings.secret_path)
        await check_key(client, secret, settings.secret_path)
        return await import_file(client, secret, path, how, ident=ident, progress=progress)


async def import_stream(
    client: ClickHouse,
    secret: bytes,
    chunks: AsyncIterator[bytes],
    options: ImportOptions,
    *,
    ident: str = "",
    progress: Progress | None = None,
) -> ImportReport:
    """Import a file that arrives in *chunks*. See `import_people`; the caller has checked the key."""
    upload = Upload(chunks, asyncio.get_running_loop())
    return await import_file(client, secret, upload, options, ident=ident, progress=progress)  # type: ignore[arg-type]


async def import_file(
    client: ClickHouse,
    secret: bytes,
    source: Path | BinaryIO,
    options: ImportOptions,
    *,
    ident: str = "",
    progress: Progress | None = None,
) -> ImportReport:
    """Import *source* and write down how far it is, under *ident*, in `imports`."""
    started = time.time()
    report = ImportReport()
    lines, columns = FileLines(source), Columns(options.columns)
    log = ImportLog(client, options.account, ident or f"imp_{uuid4().hex[:20]}", options.list, started)
    people = Reader(secret, options, columns, report, started).people(rows_of(lines, columns))
    await log.note(report, 0)
    known: dict[str, str] = {}
    try:
        while batch := await asyncio.to_thread(_next_batch, people):
            if report.types != known:  # before the people: a template that names them must not be refused
                known = dict(report.types)
                await add_columns(client, options.account, options.list, known)
            await _store(client, options, batch)
            report.imported += len(batch)
            await log.note(report, lines.bytes_read)
            if progress is not None:
                progress(lines.bytes_read, report.rows)
    except Exception as error:
        await _note_failure(log, report, lines.bytes_read, error)
        raise
    report.seconds = time.time() - started
    report.unreadable = columns.unreadable
    await log.note(report, lines.bytes_read, FAILED if report.unreadable else DONE, report.unreadable)
    return report


def _next_batch(people: Iterator[Importing]) -> list[Importing]:
    """As many people as come in a while; none at the end."""
    batch, until = [], time.monotonic() + LONGEST_BATCH
    for person in people:
        batch.append(person)
        if len(batch) == BATCH or time.monotonic() > until:
            break
    return batch


async def _store(client: ClickHouse, options: ImportOptions, batch: Sequence[Importing]) -> None:
    """Contacts first: a member of a list always has an address. A crash in between is repaired by importing again."""
    people = [person for person, _ in batch]
    await store_contacts(client, options.account, people)
    consents = [consent for _, consent in batch]
    given = consents if any(each.at for each in consents) else ()
    await add_members(client, options.account, options.list, [each.recipient_id for each in people], given)


async def _note_failure(log: ImportLog, report: ImportReport, size: int, error: Exception) -> None:
    try:
        await log.note(report, size, FAILED, str(error))
    except Exception as other:
        # ClickHouse is away: the import is seen as cut short, and the caller hears the first error.
        error.add_note(f"and this could not be noted: {other}")
