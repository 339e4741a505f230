"""Importing people: good rows go in, bad ones are told apart by their line."""

import io
from pathlib import Path

import pytest

from app import ids
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.contact_rows import BadRow
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.clickhouse.key_check import WrongKeyError
from app.clickhouse.list_columns import columns_of
from app.settings import Settings
from tests.clickhouse.conftest import SECRET


async def test_every_bad_row_is_reported_with_its_line_and_every_good_one_goes_in(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    One wrong row in a file of a million is found by its line, and does not keep the others out.
    """
    file = tmp_path / "people.csv"
    file.write_bytes(
        b"first_name,E-Mail\n"
        b"Ann,Ann@GMAIL.com\n"
        b"Bob,not an address\n"
        b"Caf\xe9,latin1@example.com\n"
        b"Ann,ann@gmail.com\n"
        b"only one field\n" + b"Huge," + b"x" * 10_000_000 + b"@example.com\n" + "Jörg,jörg@bücher.example\n".encode()
    )
    report = await import_people(settings, file, "all")
    assert [(bad.line, bad.column, bad.reason.split(":")[0]) for bad in report.bad] == [
        (3, "E-Mail", "not an email address"),
        (4, "first_name", "not UTF-8"),
        (5, "E-Mail", "this address is already in the file"),
        (6, "", "1 fields, the header has 2"),
        (7, "", "a line of 10000017 bytes"),
    ]
    assert (report.rows, report.imported, report.bad_count, report.duplicates) == (7, 2, 5, 1)
    rows = await client.rows("SELECT hex(recipient_id), address, mx_group, attributes FROM contacts ORDER BY address")
    assert rows == [
        [ids.recipient_id(SECRET, "email", "ann@gmail.com").hex().upper(), "Ann@GMAIL.com", "gmail",
         '{"first_name":"Ann"}'],
        [ids.recipient_id(SECRET, "email", "jörg@xn--bcher-kva.example").hex().upper(), "jörg@xn--bcher-kva.example",
         "other", '{"first_name":"Jörg"}'],
    ]  # fmt: skip


async def test_a_file_without_an_address_column_imports_nobody(settings: Settings, tmp_path: Path) -> None:
    """
    The wrong file is told at its first line, not once a row.
    """
    file = tmp_path / "people.csv"
    file.write_text("name,city\nAnn,Lisbon\n")
    report = await import_people(settings, file, "all")
    assert (report.imported, [(bad.line, bad.reason) for bad in report.bad]) == (
        0,
        [(1, "no column `email` or `phone` in the header: it has name, city")],
    )


async def test_semicolons_and_byte_order_marks_of_spreadsheets_are_understood(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Excel writes both, and people upload what Excel writes.
    """
    file = tmp_path / "people.csv"
    file.write_bytes('\ufeffemail;city\r\nann@example.com;"Lisbon; Portugal"\r\n'.encode())
    assert (await import_people(settings, file, "all")).bad == []
    assert await client.rows("SELECT attributes FROM contacts") == [['{"city":"Lisbon; Portugal"}']]


async def test_json_lines_keep_the_types_of_attributes(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    A template may loop over a list that the shop exported.
    """
    file = tmp_path / "people.ndjson"
    file.write_text('{"email": "ann@example.com", "items": [1, 2]}\n{"email": 5}\n[]\nnot json\n{"name": "Bob"}\n')
    report = await import_people(settings, file, "all")
    assert (report.imported, [bad.line for bad in report.bad]) == (1, [2, 3, 4, 5])
    assert await client.rows("SELECT attributes FROM contacts") == [['{"items":[1,2]}']]


async def test_importing_again_changes_attributes_and_adds_nobody(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Lists are exported anew every night.
    """
    file = tmp_path / "people.csv"
    for city in ("Lisbon", "Porto"):
        file.write_text(f"email,city\nann@example.com,{city}\n")
        await import_people(settings, file, "all")
    assert await client.rows("SELECT attributes FROM contacts FINAL") == [['{"city":"Porto"}']]
    assert await client.rows("SELECT count() FROM members FINAL") == [[1]]


async def test_a_hundred_thousand_demo_people_are_all_imported(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Several batches make one list, and whoever waits sees how far it is.
    """
    file, seen = tmp_path / "people.csv", []
    write_csv(file, 100_000, seed=7)
    report = await import_people(settings, file, "all", progress=lambda size, rows: seen.append((size, rows)))
    assert (report.imported, report.bad) == (100_000, [])
    assert seen[-1] == (file.stat().st_size, 100_000)
    assert await client.rows("SELECT uniqExact(recipient_id) FROM members") == [[100_000]]


async def test_a_stream_is_imported_like_a_file(settings: Settings, client: ClickHouse) -> None:
    """
    `zcat people.csv.gz | fanfare contacts import -`: nothing is copied to a disk first.
    """
    report = await import_people(settings, io.BytesIO(b"email,city\nann@example.com,Ulm\nnobody\n"), "all")
    assert (report.imported, report.bad) == (1, [BadRow(3, "", "1 fields, the header has 2")])
    assert await client.rows("SELECT attributes FROM contacts") == [['{"city":"Ulm"}']]


async def test_the_attributes_of_lists_are_known_after_an_import(settings: Settings, client: ClickHouse) -> None:
    """
    What a template may use is checked against them before a campaign exists. Of other lists nothing is known.
    """
    await import_people(settings, io.BytesIO(b"email,city,note\na@example.com,Ulm,\n"), "one")
    await import_people(settings, io.BytesIO(b'{"email": "b@example.com", "name": "Bob"}'), "two")
    await import_people(settings, io.BytesIO(b"email\nc@example.com\n"), "bare")
    assert await columns_of(client, "default", ["one", "two"]) == {"city", "name"}
    assert await columns_of(client, "default", ["bare"]) == set()
    assert await columns_of(client, "default", ["one", "not imported"]) is None
    assert await columns_of(client, "another", ["one"]) is None


async def test_an_import_while_clickhouse_is_away_fails_with_a_clear_error(settings: Settings) -> None:
    """
    Nothing is half told: the error says who did not answer, and importing again is safe.
    """
    away = settings.model_copy(update={"clickhouse": "http://127.0.0.1:9"})
    with pytest.raises(ClickHouseError, match="does not answer") as caught:
        await import_people(away, io.BytesIO(b"email\nann@example.com\n"), "all")
    assert caught.value.is_away


async def test_another_key_imports_nobody(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    With another key a person who unsubscribed is somebody else, and gets mail again.
    """
    write_csv(tmp_path / "people.csv", 10)
    await import_people(settings, tmp_path / "people.csv", "all")
    settings.secret_path.write_bytes(b"another key of thirty-two bytes!")
    with pytest.raises(WrongKeyError, match="not the one"):
        await import_people(settings, tmp_path / "people.csv", "all")
    settings.secret_path.unlink()
    with pytest.raises(WrongKeyError, match="does not exist"):
        await import_people(settings, tmp_path / "people.csv", "all")
    assert (await client.rows("SELECT count() FROM contacts FINAL"))[0][0] == 10
