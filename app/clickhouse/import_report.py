"""What became of an imported file: counts, and the rows that were left out or are worth a look."""

from collections import Counter
from dataclasses import dataclass, field

from app.clickhouse.contact_rows import BadRow

MOST_BAD = 10_000  # bad rows kept word for word; more are only counted. As many hints


@dataclass(frozen=True, slots=True)
class Hint:
    """A row that was imported and is worth a look. *kind*: role, disposable, typo, phone, locale, time_zone, type."""

    line: int
    column: str
    kind: str
    reason: str


@dataclass
class ImportReport:
    """What became of a file: *rows* read, *imported* people, *bad* rows (at most 10,000 of *bad_count*).

    *duplicates* of the bad rows are addresses that stood in the file before. *hint_counts* counts by kind.
    *unreadable* is why nothing of the file could be read, "" for any other.
    """

    rows: int = 0
    imported: int = 0
    bad_count: int = 0
    duplicates: int = 0
    bad: list[BadRow] = field(default_factory=list)
    seconds: float = 0.0
    columns: dict[str, str] = field(default_factory=dict)  # of the file -> attribute
    types: dict[str, str] = field(default_factory=dict)  # attribute -> type
    hint_counts: Counter[str] = field(default_factory=Counter)
    hints: list[Hint] = field(default_factory=list)
    unreadable: str = ""

    def leave_out(self, row: BadRow) -> None:
        """Note that *row* was not imported."""
        self.bad_count += 1
        if len(self.bad) < MOST_BAD:
            self.bad.append(row)

    def hint(self, line: int, column: str, kind: str, reason: str) -> None:
        """Note that a row is worth a look."""
        self.hint_counts[kind] += 1
        if len(self.hints) < MOST_BAD:
            self.hints.append(Hint(line, column, kind, reason))
