"""What people upload: every good row is found, and every bad one is told with its line and column."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clickhouse import file_lines
from app.clickhouse.contact_rows import BadRow, Row, rows_of
from app.clickhouse.file_lines import FileLines


def read(raw: bytes) -> list[Row | BadRow]:
    """All rows of a file that holds *raw*."""
    return list(rows_of(FileLines(io.BytesIO(raw))))


def people(raw: bytes) -> list[tuple[int, str]]:
    """(line, address) of the good rows."""
    return [(row.line, row.address) for row in read(raw) if isinstance(row, Row)]


def told(raw: bytes) -> list[tuple[int, str, str]]:
    """(line, column, the first words of the reason) of the bad rows."""
    return [(row.line, row.column, row.reason[:30]) for row in read(raw) if isinstance(row, BadRow)]


@pytest.mark.parametrize(
    ("raw", "bad"),
    [
        (b"", (1, "", "the file is empty")),
        (b"\n\n", (1, "", "the file is empty")),
        (b"name,city\nAnn,Ulm\n", (1, "email", "no column `email` or `phone` i")),
        (b"na\xefve,email\n", (1, "", "the header is not UTF-8: save ")),
        ("email,city\n".encode("utf-16-le"), (1, "", "NUL bytes in the header: is it")),
        (b'email,"city\nann@x.com,Ulm\n', (1, "", "a quote is opened in the heade")),
        (b"email,city,city\nann@x.com,Ulm,Bonn\n", (1, "city", "the header has the column 'cit")),
        (b"\x1f\x8bthis is no gzip", (1, "", "the file cannot be read from h")),
    ],
)
def test_a_file_that_cannot_be_imported_says_why_once(raw: bytes, bad: tuple[int, str, str]) -> None:
    """
    The wrong file is told at its first line, not once a row, and imports nobody.
    """
    assert told(raw) == [bad]
    assert people(raw) == []


@pytest.mark.parametrize(
    ("rows", "bad"),
    [
        (b"a@x.com,Ulm\nb@x.com\nc@x.com,Bonn\n", (3, "", "1 fields, the header has 2")),
        (b"a@x.com,Ulm\nb@x.com,Ulm,extra\nc@x.com,Bonn\n", (3, "", "3 fields, the header has 2")),
        (b"a@x.com,Ulm\nb@x.com;Ulm\nc@x.com,Bonn\n", (3, "", "1 fields, the header has 2")),
        (b"a@x.com,Ulm\nb@x.com,M\xfcnchen\nc@x.com,Bonn\n", (3, "city", "not UTF-8")),
        (b"a@x.com,Ulm\nb\0@x.com,Ulm\nc@x.com,Bonn\n", (3, "email", "a NUL byte")),
        (b"a@x.com,Ulm\nb@x.com,U\0lm\nc@x.com,Bonn\n", (3, "city", "a NUL byte")),
        (
            b"a@x.com,Ulm\nb@x.com," + b"u" * 10_000_000 + b"\nc@x.com,Bonn\n",
            (3, "", "a line of 10000008 bytes: the m"),
        ),
        (b'a@x.com,Ulm\nb@x.com,"Ulm\nc@x.com,Bonn\n', (3, "", "a quote is opened here and nev")),
        (b'a@x.com,Ulm\nb@x.com,"Ulm" x\nc@x.com,Bonn\n', (3, "", "not a row of CSV: ',' expected")),
        (b'a@x.com,Ulm\nb@x.com,"Ulm\nc@x.com,Bonn', (3, "", "a quote is opened here and nev")),
    ],
)
def test_a_bad_row_is_told_and_the_rows_around_it_are_good(rows: bytes, bad: tuple[int, str, str]) -> None:
    """
    One wrong row keeps nobody else from being imported; its line and column are how it is found.
    """
    raw = b"email,city\n" + rows
    assert told(raw) == [(bad[0], bad[1], bad[2][:30])]
    assert people(raw) == [(2, "a@x.com"), (4, "c@x.com")]


def test_two_rows_with_an_unclosed_quote_swallow_nobody_between_them() -> None:
    """
    The first quote is "closed" by the second one's: what lies between them looks like one field, and is people.
    """
    raw = (
        b'email,city\na@x.com,"Ulm\nb@x.com,Bonn\nc@x.com,Ulm"\n'
        b'd@x.com,"Ulm\ne@x.com,Bonn\nf@x.com,"Ulm\ng@x.com,Bonn\n'
    )
    assert people(raw) == [(3, "b@x.com"), (4, "c@x.com"), (6, "e@x.com"), (8, "g@x.com")]
    assert [line for line, _, _ in told(raw)] == [2, 5, 7]


def test_a_field_in_quotes_may_hold_delimiters_quotes_and_line_ends() -> None:
    """
    What spreadsheets write: none of it is a mistake, and lines are counted as an editor counts them.
    """
    raw = b'email,note\r\na@x.com,"one, ""two""\r\nthree"\r\nb@x.com,5" pipe\r\nc@x.com,\r\n'
    rows = [row for row in read(raw) if isinstance(row, Row)]
    assert [(row.line, row.attributes) for row in rows] == [
        (2, {"note": 'one, "two"\nthree'}), (4, {"note": '5" pipe'}), (5, {}),
    ]  # fmt: skip
    assert told(raw) == []


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_what_spreadsheets_write_is_read(end: str, delimiter: str, encoding: str, packed: bool) -> None:
    """
    Excel alone writes five kinds of CSV; people upload what they have.
    """
    lines = [["city", "email", ""], ["Łódź", "a@x.com", ""], ["", "b@x.com", ""]]
    raw = (end.join(delimiter.join(line) for line in lines)).encode(encoding)
    rows = read(gzip.compress(raw) if packed else raw)
    assert rows == [Row(2, "email", "a@x.com", {"city": "Łódź"}), Row(3, "email", "b@x.com", {})]


def test_a_gzip_that_ends_early_keeps_what_came_before() -> None:
    """
    A broken download: its people go in, and the report says from where on they are missing.
    """
    rows = b"".join(b"a%d@x.com\n" % (number * 7919 % 100_003) for number in range(300_000))
    raw = gzip.compress(b"email\n" + rows)
    found = read(raw[: len(raw) * 2 // 3])
    assert isinstance(found[-1], BadRow) and "cannot be read" in found[-1].reason
    assert len(found) > 1_000


def test_a_gzip_that_unpacks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A megabyte of it would keep a place for imports busy for an hour.
    """
    monkeypatch.setattr(file_lines, "ALWAYS_UNPACKED", 2 << 20)
    raw = gzip.compress(b"email\n" + b"u" * 10_000_000, 9)
    found = read(raw)
    assert isinstance(found[-1], BadRow) and "100 times its size" in found[-1].reason


def test_json_lines_are_known_by_their_first_character() -> None:
    """
    A stream on stdin has no suffix.
    """
    raw = b'\n{"email": "a@x.com", "n": 1}\nnot json\n{"email": 5}\n[]\n{"name": "x"}\n'
    assert read(raw)[0] == Row(2, "email", "a@x.com", {"n": 1})
    assert [(line, column) for line, column, _ in told(raw)] == [(3, ""), (4, "email"), (5, ""), (6, "email")]


GOOD = st.from_regex(r"g[0-9]{1,4}@x\.example", fullmatch=True)
BROKEN = st.sampled_from([b"", b"one", b"a,b,c,d", b'"', b'x@y,"', b'"",x"', b"\xff,\xfe", b"a\0,b", b'x,"y"z', b",,,"])


@given(st.lists(GOOD | BROKEN, max_size=30), st.sampled_from([b"\n", b"\r\n"]))
def test_whatever_stands_between_them_good_rows_are_found_at_their_lines(items: list[str | bytes], end: bytes) -> None:
    """
    For every mixture of rows and rubbish: nobody who is written properly is lost, and nobody is made up.
    """
    lines = [item.encode() + b",Ulm" if isinstance(item, str) else item for item in items]
    raw = b"email,city" + end + end.join(lines)
    expected = [(number, item) for number, item in enumerate(items, 2) if isinstance(item, str)]
    assert [each for each in people(raw) if each[1].startswith("g")] == expected


@given(st.binary(max_size=400))
def test_any_bytes_are_read_to_their_end(raw: bytes) -> None:
    """
    No upload stops an import with a traceback.
    """
    for row in [*read(raw), *read(b"email,a\n" + raw), *read(b"\x1f\x8b" + raw), *read(b"\xff\xfe" + raw)]:
        assert row.line >= 1
