"""Imports as every edge can show them: how far one is, what became of it, and the rows with their reasons."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.clickhouse.client import ClickHouse, Params
from app.clickhouse.contact_rows import BadRow
from app.clickhouse.import_report import Hint, ImportReport
from app.clickhouse.native import Block, repeated, strings

SILENT = 120.0  # seconds without news after which a running import was cut short
MOST_ROWS = 1_001  # of a page, and one to know whether there are more
ERROR = "error"  # kind of a row that was left out
RUNNING, DONE, FAILED, CUT_SHORT = "RUNNING", "DONE", "FAILED", "CUT_SHORT"

NOTE = """
INSERT INTO imports (account, id, list, state, reason, rows, imported, bad, duplicates, bytes, hints, columns,
                     started_at, changed_at)
SELECT {account:String}, {id:String}, {list:String}, {state:String}, {reason:String}, {rows:UInt64},
       {imported:UInt64}, {bad:UInt64}, {duplicates:UInt64}, {bytes:UInt64},
       CAST(({kinds:Array(String)}, {counts:Array(UInt64)}), 'Map(String, UInt64)'),
       CAST(({names:Array(String)}, {attributes:Array(String)}), 'Map(String, String)'),
       fromUnixTimestamp64Milli({started:Int64}), fromUnixTimestamp64Milli({changed:Int64})
"""

PAGE = """
SELECT id, list, state, reason, rows, imported, bad, duplicates, bytes, hints, columns,
       toUnixTimestamp64Milli(started_at) / 1000, toUnixTimestamp64Milli(changed_at) / 1000
FROM imports FINAL
WHERE account = {account:String}
  AND ({id:String} = '' OR id = {id:String}) AND ({list:String} = '' OR list = {list:String})
  AND (started_at, id) < (fromUnixTimestamp64Milli({before:Int64}), {after:String})
ORDER BY started_at DESC, id DESC LIMIT {limit:UInt32}
"""

PROBLEMS = """
SELECT line, column, kind, reason FROM import_problems FINAL
WHERE account = {account:String} AND import_id = {id:String} AND ({kind:String} = '' OR kind = {kind:String})
  AND (line, column, kind, reason) > ({line:UInt64}, {column:String}, {last:String}, {reason:String})
ORDER BY line, column, kind, reason LIMIT {limit:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Import:
    """One import. *state*: RUNNING, DONE, FAILED (with a reason), or CUT_SHORT: no news for two minutes."""

    id: str
    list: str
    state: str
    reason: str
    rows: int
    imported: int
    bad: int
    duplicates: int
    bytes: int
    hints: dict[str, int]
    columns: dict[str, str]
    started_at: float
    changed_at: float


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was left out (kind "error"), or one worth a look: its kind is that of the hint."""

    line: int
    column: str
    kind: str
    reason: str


@dataclass
class ImportLog:
    """Writes down one import as it goes on. Written again, it says the same: an import may be repeated."""

    client: ClickHouse
    account: str
    id: str
    list: str
    started_at: float
    _bad: int = 0  # problems written so far
    _hints: int = 0

    async def note(self, report: ImportReport, size: int, state: str = RUNNING, reason: str = "") -> None:
        """How far it is, after *size* bytes of the file, and the problems since the last time."""
        await self._problems(report.bad[self._bad :], report.hints[self._hints :])
        self._bad, self._hints = len(report.bad), len(report.hints)
        await self.client.execute(
            NOTE,
            {
                "account": self.account, "id": self.id, "list": self.list, "state": state, "reason": reason[:1_000],
                "rows": report.rows, "imported": report.imported, "bad": report.bad_count,
                "duplicates": report.duplicates, "bytes": size, "kinds": list(report.hint_counts),
                "counts": str(list(report.hint_counts.values())), "names": list(report.columns),
                "attributes": list(report.columns.values()), "started": round(self.started_at * 1000),
                "changed": round(time.time() * 1000),
            },
        )  # fmt: skip

    async def _problems(self, bad: Sequence[BadRow], hints: Sequence[Hint]) -> None:
        rows = [(row.line, row.column, ERROR, row.reason) for row in bad]
        rows += [(hint.line, hint.column, hint.kind, hint.reason) for hint in hints]
        if not rows:
            return
        block = Block(len(rows))
        block.add("account", "String", repeated(self.account.encode(), len(rows)))
        block.add("import_id", "String", repeated(self.id.encode(), len(rows)))
        block.add("line", "UInt64", b"".join([line.to_bytes(8, "little") for line, _, _, _ in rows]))
        for place, name in ((1, "column"), (2, "kind"), (3, "reason")):
            block.add(name, "String", strings([str(row[place]).encode("utf-8", "replace")[:2_000] for row in rows]))
        await self.client.insert(f"INSERT INTO import_problems ({block.names}) FORMAT Native", block.encode())


async def import_of(client: ClickHouse, account: str, ident: str) -> Import | None:
    """The import *ident*, None when there is none. Raises ClickHouseError."""
    found = await imports_page(client, account, ident=ident, limit=1)
    return found[0] if found else None


async def imports_page(
    client: ClickHouse,
    account: str,
    *,
    list_name: str = "",
    ident: str = "",
    after: Import | None = None,
    limit: int = 100,
) -> list[Import]:
    """Imports of *account*, the latest first, those behind *after*."""
    params: Params = {
        "account": account, "id": ident, "list": list_name, "limit": min(limit, MOST_ROWS),
        "before": round(after.started_at * 1000) if after else 9_000_000_000_000, "after": after.id if after else "",
    }  # fmt: skip
    return [_import_in(row) for row in await client.rows(PAGE, params)]


def _import_in(row: list[object]) -> Import:
    made = Import(*row)  # type: ignore[arg-type]
    if made.state == RUNNING and time.time() - made.changed_at > SILENT:
        return Import(*[CUT_SHORT if place == 2 else value for place, value in enumerate(row)])  # type: ignore[arg-type]
    return made


async def problems_page(
    client: ClickHouse, account: str, ident: str, *, kind: str = "", after: Problem | None = None, limit: int = 100
) -> list[Problem]:
    """Problems of an import behind *after*, by line; of one *kind* only, or of all."""
    last = after or Problem(0, "", "", "")
    params: Params = {
        "account": account, "id": ident, "kind": kind, "limit": min(limit, MOST_ROWS), "line": last.line,
        "column": last.column, "last": last.kind, "reason": last.reason,
    }  # fmt: skip
    return [Problem(*row) for row in await client.rows(PROBLEMS, params)]
