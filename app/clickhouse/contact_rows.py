"""Files of people, row by row: CSV with a header, or a JSON object a line. Bad rows are values, not exceptions."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

ADDRESS_COLUMNS = ("email", "address", "e-mail", "mail")
LONGEST_LINE = 1 << 20  # bytes of one line


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a file: *line* counts from 1."""

    line: int
    address: str
    attributes: dict[str, object]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be imported, and why."""

    line: int
    reason: str


def rows_of_csv(path: Path) -> Iterator[Row | BadRow]:
    """The rows of a CSV in UTF-8 (a byte order mark is fine), split by comma, semicolon or tab."""
    # Bytes that are no UTF-8 become lone surrogates, so that one wrong row does not end the file.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        header_line = file.readline(LONGEST_LINE)
        delimiter = max(",;\t", key=header_line.count)
        header = [name.strip() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
        place = _address_column(header)
        if place is None:
            yield BadRow(1, "no column `email` in the header")
            return
        # A field longer than the bound is an error of its row; the reader goes on with the next line.
        csv.field_size_limit(LONGEST_LINE)
        yield from _people(csv.reader(file, delimiter=delimiter), header, place)


def _people(reader: Any, header: list[str], place: int) -> Iterator[Row | BadRow]:
    width = len(header)
    others = [(i, name) for i, name in enumerate(header) if i != place and name]
    while True:
        line = reader.line_num + 2
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(line, f"not a row of CSV: {error}")
            continue
        if not values:
            continue
        if len(values) != width:
            yield BadRow(line, f"{len(values)} fields, the header has {width}")
            continue
        if not _is_text(values):
            yield BadRow(line, "not UTF-8")
            continue
        yield Row(line, values[place], {name: values[i] for i, name in others if values[i]})


def rows_of_ndjson(path: Path) -> Iterator[Row | BadRow]:
    """The rows of a file with one JSON object a line."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            if len(raw) > LONGEST_LINE:
                yield BadRow(line, f"{len(raw)} bytes: the most is {LONGEST_LINE}")
                continue
            yield _person_in(line, raw)


def _person_in(line: int, raw: bytes) -> Row | BadRow:
    try:
        person = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return BadRow(line, f"not JSON: {error}")
    if not isinstance(person, dict):
        return BadRow(line, "not a JSON object")
    for name in ADDRESS_COLUMNS:
        if name in person:
            address = person.pop(name)
            if isinstance(address, str):
                return Row(line, address, person)
            return BadRow(line, f"{name} is not text")
    return BadRow(line, "no `email`")


def _address_column(header: list[str]) -> int | None:
    lowered = [name.lower() for name in header]
    return next((lowered.index(name) for name in ADDRESS_COLUMNS if name in lowered), None)


def _is_text(values: list[str]) -> bool:
    try:
        "".join(values).encode()
    except UnicodeEncodeError:
        return False
    return True
