"""Files of people, row by row: CSV with a header, or a JSON object a line. Bad rows are values, not exceptions."""

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.clickhouse.file_lines import LONGEST_LINE, Broken, FileLines, Line, TooLong

ADDRESS_COLUMNS = ("email", "address", "e-mail", "mail")
PHONE, PHONE_COLUMNS = (
    "phone",
    ("phone", "mobile", "phone_number", "phone number", "msisdn", "telephone", "tel", "cell"),
)
DELIMITERS = ",;\t|"
MOST_LINES = 1_000  # of one row: fields in quotes may hold line ends
_PHONE_LIKE = re.compile(r"\s*\+?[\d\s()./-]{6,30}")
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a file: *line* counts from 1; *column* is the name of the address column.

    A file without addresses has people by their phones: *address* is empty, and *column* that of the phone.
    """

    line: int
    column: str
    address: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be imported: where it starts, the column at fault ("" where it is no single one), and why."""

    line: int
    column: str
    reason: str


@dataclass
class Columns:
    """Which attribute a column becomes: *wanted* ("" leaves it out), and *found* once the header is read."""

    wanted: Mapping[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)
    typed: bool = False  # JSON: values have their types
    unreadable: str = ""  # why no row of the file can be read

    def attribute(self, name: str) -> str:
        """The attribute that the column *name* becomes. Templates and people can say it: First Name is first_name."""
        if name in self.wanted:
            return self.wanted[name]
        return name if name.isidentifier() or not name else attribute_name(name)


def attribute_name(header: str) -> str:
    """A name that a template can use, for a *header* that is none."""
    name = re.sub(r"\W+", "_", header.lower()).strip("_")
    return f"column_{name}" if not name or name[0].isdigit() else name


class _OpenQuoteError(Exception):
    """A quote was opened and is not closed on these lines."""


def rows_of(lines: FileLines, columns: Columns | None = None) -> Iterator[Row | BadRow]:
    """The rows of a file: NDJSON where its first line opens a JSON object, else CSV."""
    columns = columns or Columns()
    numbered = iter(lines)
    first = next(((number, line) for number, line in numbered if line != b""), None)
    if first is None:
        columns.unreadable = "the file is empty"
        yield BadRow(1, "", columns.unreadable)
        return
    reader = _Reader(numbered)
    reader.again([first])
    line = first[1]
    columns.typed = isinstance(line, bytes) and line.lstrip().startswith(b"{")
    yield from _ndjson(reader, columns) if columns.typed else _csv(reader, columns)


class _Reader:
    """Numbered lines, of which some may be put back."""

    def __init__(self, numbered: Iterator[tuple[int, Line]]) -> None:
        self._numbered = numbered
        self._back: deque[tuple[int, Line]] = deque()

    def again(self, lines: list[tuple[int, Line]]) -> None:
        """Hand these out (again) next."""
        self._back.extendleft(reversed(lines))

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        while (item := self.next()) is not None:
            yield item

    def next(self) -> tuple[int, Line] | None:
        """The next line, None at the end."""
        return self._back.popleft() if self._back else next(self._numbered, None)


def _no_row(number: int, line: TooLong | Broken) -> BadRow:
    if isinstance(line, Broken):
        return BadRow(number, "", line.reason)
    return BadRow(number, "", f"a line of {line.size} bytes: the most is {LONGEST_LINE}")


# -- CSV


def _csv(reader: _Reader, columns: Columns) -> Iterator[Row | BadRow]:
    """The rows of a CSV, split by comma, semicolon, tab or bar: whichever its header has most of."""
    header = _header(reader, columns)
    if isinstance(header, BadRow):
        columns.unreadable = header.reason
        yield header
        return
    csv.field_size_limit(LONGEST_LINE)
    for number, line in reader:
        if line == b"":
            continue
        if not isinstance(line, bytes):
            yield _no_row(number, line)
            continue
        # Bytes that are no UTF-8 become lone surrogates: the column that has them can then be named.
        text = line.decode("utf-8", "surrogateescape")
        if '"' not in text:
            yield header.person(number, text.split(header.delimiter))
            continue
        yield _quoted(reader, header, number, line)


@dataclass(frozen=True, slots=True)
class _Header:
    """The columns of a CSV."""

    names: list[str]
    delimiter: str
    place: int  # of the address, or of the phone where there is none
    others: list[tuple[int, str]]
    by_phone: bool = False

    def person(self, line: int, values: list[str]) -> Row | BadRow:
        """The person whose fields are *values*."""
        width = len(self.names)
        if len(values) != width:
            if len(values) < width or any(values[width:]):
                return BadRow(line, "", f"{len(values)} fields, the header has {width}")
            values = values[:width]  # spreadsheets write delimiters behind the last column
        try:
            joined = "\0".join(values).encode()
        except UnicodeEncodeError:
            return BadRow(line, self._where(values, re.compile("[\ud800-\udfff]")), "not UTF-8")
        if joined.count(b"\0") != width - 1:
            return BadRow(line, self._where(values, re.compile("\0")), "a NUL byte")
        attributes = {name: values[i] for i, name in self.others if values[i]}
        return Row(line, self.names[self.place], "" if self.by_phone else values[self.place], attributes)

    def _where(self, values: list[str], what: re.Pattern[str]) -> str:
        return next((name for name, value in zip(self.names, values, strict=True) if what.search(value)), "")


def _header(reader: _Reader, columns: Columns) -> _Header | BadRow:
    number, line = reader.next() or (1, b"")
    if not isinstance(line, bytes):
        return _no_row(number, line)
    if b"\0" in line:
        return BadRow(number, "", "NUL bytes in the header: is it UTF-16 without a byte order mark? save it as UTF-8")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return BadRow(number, "", "the header is not UTF-8: save the file as UTF-8")
    bare = _QUOTED.sub("", text)
    delimiter = max(DELIMITERS, key=bare.count)
    try:
        names = [name.strip() for name in _parsed([text], delimiter)]
    except csv.Error as error:
        return BadRow(number, "", f"the header is not a row of CSV: {error}")
    except _OpenQuoteError:
        return BadRow(number, "", "a quote is opened in the header and not closed")
    return _columns_of(number, names, delimiter, columns)


def _columns_of(number: int, names: list[str], delimiter: str, columns: Columns) -> _Header | BadRow:
    missing = [name for name in columns.wanted if name not in names]
    if missing:
        return BadRow(number, missing[0], f"no column {missing[0]!r} in the header: it has {', '.join(names)[:200]}")
    place = _address_among(names, columns)
    phone = _phone_among(names, columns) if place is None else None
    if place is None and phone is None:
        return BadRow(number, "email", f"no column `email` or `phone` in the header: it has {', '.join(names)[:200]}")
    others = [(i, PHONE if i == phone else columns.attribute(name)) for i, name in enumerate(names) if i != place]
    others = [(i, name) for i, name in others if name]
    doubled = [name for name, count in Counter([name for _, name in others]).items() if count > 1]
    if doubled:
        return BadRow(number, doubled[0], f"the header has the column {doubled[0]!r} more than once")
    columns.found = {names[i]: name for i, name in others}
    if phone is not None:
        return _Header(names, delimiter, phone, others, by_phone=True)
    assert place is not None
    columns.found = {names[place]: "email"} | columns.found
    return _Header(names, delimiter, place, others)


def _address_among(names: list[str], columns: Columns) -> int | None:
    """Where the address stands: as the mapping says, else by its name."""
    for name, attribute in columns.wanted.items():
        if attribute == "email":
            return names.index(name)
    return _first_free(names, columns, ADDRESS_COLUMNS)


def _phone_among(names: list[str], columns: Columns) -> int | None:
    """Where the phone number stands, in a file that has no addresses."""
    for name, attribute in columns.wanted.items():
        if attribute == PHONE:
            return names.index(name)
    return _first_free(names, columns, PHONE_COLUMNS)


def _first_free(names: list[str], columns: Columns, wanted: tuple[str, ...]) -> int | None:
    free = [name.lower() if name not in columns.wanted else "" for name in names]
    return next((free.index(name) for name in wanted if name in free), None)


def _quoted(reader: _Reader, header: _Header, number: int, first: bytes) -> Row | BadRow:
    """The row that starts with *first*, with as many further lines as its quotes span.

    A quote that is never closed would swallow the rows behind it: then only its own line is bad, and the
    lines behind it are read again as rows of their own.
    """
    taken: list[tuple[int, Line]] = []
    text = [first.decode("utf-8", "surrogateescape")]
    size = len(first)
    while True:
        try:
            values = _parsed(text, header.delimiter)
        except _OpenQuoteError:
            found = _next_with_odd_quotes(reader, taken, size)
            if found is None:
                reader.again(taken)
                return BadRow(number, "", "a quote is opened here and never closed")
            size = found
            text[1:] = [line.decode("utf-8", "surrogateescape") for _, line in taken if isinstance(line, bytes)]
            continue
        except csv.Error as error:
            reader.again(taken)
            return BadRow(number, "", f"not a row of CSV: {error}")
        if taken and (len(values) != len(header.names) or any(_is_row(line, header) for line in text[1:])):
            reader.again(taken)
            return BadRow(number, "", "a quote is opened here and closed only in another row")
        return header.person(number, values)


def _next_with_odd_quotes(reader: _Reader, taken: list[tuple[int, Line]], size: int) -> int | None:
    """Take lines up to one that may close the quote; the size of the row then, None when there is none near."""
    while len(taken) < MOST_LINES and size <= LONGEST_LINE and (item := reader.next()) is not None:
        taken.append(item)
        line = item[1]
        if not isinstance(line, bytes):
            return None
        size += len(line) + 1
        if line.count(b'"') % 2:
            return size
    return None


def _parsed(lines: list[str], delimiter: str) -> list[str]:
    try:
        return next(csv.reader([f"{line}\n" for line in lines], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise _OpenQuoteError from error
        raise


def _is_row(line: str, header: _Header) -> bool:
    """Whether *line*, inside of a quoted field, is by itself what a row looks like."""
    values = line.split(header.delimiter)
    if len(values) != len(header.names) or len(values) < 2:
        return False
    value = values[header.place]
    return bool(_PHONE_LIKE.fullmatch(value)) if header.by_phone else "@" in value


# -- NDJSON


def _ndjson(reader: _Reader, columns: Columns) -> Iterator[Row | BadRow]:
    wanted = columns.wanted
    named = next((name for name, attribute in wanted.items() if attribute == "email"), None)
    names = ADDRESS_COLUMNS if named is None else (named,)
    phone = next((name for name, attribute in wanted.items() if attribute == PHONE), None)
    phones = PHONE_COLUMNS if phone is None else (phone,)
    for number, line in reader:
        if not isinstance(line, bytes):
            yield _no_row(number, line)
        elif line.strip():
            row = _person_in(number, line, names, phones)
            if wanted and isinstance(row, Row):
                row = _renamed(row, wanted)
            yield row


def _renamed(row: Row, wanted: Mapping[str, str]) -> Row:
    renamed = {wanted.get(name, name): value for name, value in row.attributes.items()}
    renamed.pop("", None)
    return Row(row.line, row.column, row.address, renamed)


def _person_in(line: int, raw: bytes, names: tuple[str, ...], phones: tuple[str, ...]) -> Row | BadRow:
    try:
        person = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return BadRow(line, "", f"not JSON: {error}")
    if not isinstance(person, dict):
        return BadRow(line, "", "not a JSON object")
    for name in names:
        if name in person:
            address = person.pop(name)
            if address is None:
                break
            if isinstance(address, str):
                return Row(line, name, address, person)
            return BadRow(line, name, f"{name} is not text")
    for name in phones:
        if person.get(name) is not None:
            person[PHONE] = person.pop(name)
            return Row(line, name, "", person)
    return BadRow(line, names[0], f"no `{names[0]}` and no `{phones[0]}`")
