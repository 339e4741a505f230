"""Importing people: good rows go in, bad ones are told apart by their line."""

from pathlib import Path

from app import ids
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
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
    assert [(bad.line, bad.reason.split(":")[0]) for bad in report.bad] == [
        (3, "not an email address"),
        (4, "not UTF-8"),
        (5, "this address is already in the file"),
        (6, "1 fields, the header has 2"),
        (7, "not a row of CSV"),
    ]
    assert (report.rows, report.imported, report.bad_count) == (7, 2, 5)
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
        [(1, "no column `email` in the header")],
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
    assert await client.rows("SELECT count() FROM list_members FINAL") == [[1]]


async def test_a_hundred_thousand_demo_people_are_imported_within_five_seconds(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    The demo must not make anybody wait for its people; nor may an import of millions take hours.
    """
    file, seen = tmp_path / "people.csv", []
    write_csv(file, 100_000, seed=7)
    report = await import_people(settings, file, "all", progress=seen.append)
    assert (report.imported, report.bad) == (100_000, [])
    assert seen[-1] == 100_000
    assert report.seconds < 5
    assert await client.rows("SELECT uniqExact(recipient_id) FROM list_members") == [[100_000]]
