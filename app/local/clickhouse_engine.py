"""chDB behind a pool: several statements at once on one engine, each with its own settings, database and parameters."""

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.local.clickhouse_errors import (
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    UNKNOWN_SETTING,
    EngineError,
    error_in,
    refusal,
)
from app.local.clickhouse_sql import READS, Insert, first_word, leaves_traces, output_format, quoted, quoted_name

MIB = 1 << 20
MEMORY = 1_536  # MiB of the whole engine
MOST_SESSIONS = 64
SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# What each statement is bound by unless it brings its own.
BASE_SETTINGS = {
    "implicit_select": "0",  # chDB alone takes SELECT for granted
    "max_threads": "2",
    "max_execution_time": "300",
    "max_memory_usage": str(768 * MIB),
    "max_result_bytes": str(512 * MIB),
    "max_bytes_before_external_group_by": str(256 * MIB),
    "max_bytes_before_external_sort": str(256 * MIB),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One request to the engine. *data* comes with *insert* only: chunks of the bytes in its format."""

    text: bytes
    insert: Insert | None = None
    data: Iterable[bytes] = ()
    database: str = ""
    format: str = "TabSeparated"
    settings: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine said: rows in *format* (empty when the statement has none), and what it cost."""

    body: bytes
    format: str
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    seconds: float = 0.0


class Handle:
    """One connection to the engine: a database, settings, temporary tables. One statement at a time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._home = "default"  # the database of a request that names none; USE in a session changes it
        self._database = self._home
        self._base = dict(BASE_SETTINGS)  # in force when a request says nothing; SET in a session changes it
        self._applied: dict[str, str] = {}  # settings of the last request, still in force
        self._run("SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in BASE_SETTINGS.items()))

    def execute(self, statement: Statement) -> Answer:
        """Run *statement* to its end. Raises EngineError."""
        word = first_word(statement.text)
        try:
            self._use(statement.database or self._home)
            self._apply({} if word == b"SET" else dict(statement.settings))
            return self._insert(statement, statement.insert) if statement.insert else self._query(statement, word)
        except EngineError:
            raise
        except Exception as error:  # chDB raises bare RuntimeError, ChdbError and others for the same things
            raise error_in(str(error)) from error

    def close(self) -> None:
        """Give the connection back to the engine."""
        self._connection.close()

    def _run(self, text: str, output: str = "TabSeparated") -> Any:
        return self._connection.query(text, output)

    def _query(self, statement: Statement, word: bytes) -> Answer:
        output = output_format(statement.text) or statement.format
        started = time.monotonic()
        # No parameters is None: with an empty dict chDB would look for placeholders in inserted text.
        result = self._connection.query(statement.text, statement.format, params=dict(statement.params) or None)
        if word == b"USE":
            self._home = self._database = self._run("SELECT currentDatabase()", "RawBLOB").bytes().decode()
        elif word == b"SET":
            self._base = self._changed_settings()
        return Answer(
            result.bytes() or b"",
            output if word in READS else "",
            result.rows_read(),
            result.bytes_read(),
            result.rows_written(),
            result.bytes_written(),
            time.monotonic() - started,
        )

    def _insert(self, statement: Statement, insert: Insert) -> Answer:
        inserter = self._connection.send_insert(insert.head, insert.format)
        try:
            for chunk in statement.data:
                inserter.append(chunk)
            done = inserter.finish()
        except BaseException:
            inserter.cancel()
            raise
        return Answer(b"", "", 0, 0, done.rows_written, done.bytes_written, done.elapsed)

    def _use(self, database: str) -> None:
        if database != self._database:
            self._run(f"USE {quoted_name(database)}")
            self._database = database

    def _apply(self, wanted: dict[str, str]) -> None:
        """Bring the settings of this request into force: only what differs from the last one's is said."""
        if wanted == self._applied:
            return
        for name in wanted:
            if not SETTING_NAME.fullmatch(name):
                raise refusal(UNKNOWN_SETTING, "UNKNOWN_SETTING", f"Unknown setting '{name}'")
        back = [f"{name} = {self._base_value(name)}" for name in self._applied if name not in wanted]
        fresh = [f"{name} = {quoted(value)}" for name, value in wanted.items() if self._applied.get(name) != value]
        try:
            self._run("SET " + ", ".join(back + fresh))
        except Exception:
            self._take_back({**self._applied, **wanted})
            raise
        self._applied = wanted

    def _take_back(self, names: Iterable[str]) -> None:
        """After the engine refused one of *names*: all of them as they were, whichever were already in force."""
        self._applied = {}
        for name in names:
            with suppress(Exception):  # the one that was refused is refused again
                self._run(f"SET {name} = {self._base_value(name)}")

    def _base_value(self, name: str) -> str:
        return quoted(self._base[name]) if name in self._base else "DEFAULT"

    def _changed_settings(self) -> dict[str, str]:
        rows = self._run("SELECT name, value FROM system.settings WHERE changed", "JSONCompactEachRow").bytes()
        return dict(map(json.loads, rows.splitlines()))


class Session:
    """A handle that one client keeps between requests."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self.busy = threading.Lock()
        self.expires_at = 0.0


class Engine:
    """The one engine of this process, with its data in *folder*, of at most *memory* MiB."""

    def __init__(self, folder: Path, memory: int = MEMORY) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Imported here: this loads the engine, hundreds of MB.
        import chdb

        options = {
            "max_server_memory_usage": memory * MIB,
            "mark_cache_size": 64 * MIB,
            "background_pool_size": 2,
            "background_schedule_pool_size": 4,
        }
        self._address = f"{folder.resolve()}?" + "&".join(f"{name}={value}" for name, value in options.items())
        self._connect: Any = chdb.connect
        self._lock = threading.Lock()
        self._idle: list[Handle] = []
        self._sessions: dict[str, Session] = {}
        with self._handle() as handle:
            answer = handle.execute(Statement(b"SELECT version(), timezone()"))
        self.version, self.timezone = answer.body.decode().rstrip("\n").split("\t")

    def execute(self, statement: Statement) -> Answer:
        """Run *statement* without a session: nothing it sets outlives it. Blocks; safe from several threads."""
        with self._handle(reuse=not leaves_traces(statement.text)) as handle:
            return handle.execute(statement)

    def execute_in_session(self, name: str, statement: Statement, keep: float, must_exist: bool) -> Answer:
        """Run *statement* in the session *name*, which is forgotten *keep* seconds after its last statement."""
        session = self._session(name, must_exist)
        if not session.busy.acquire(blocking=False):
            raise refusal(SESSION_IS_LOCKED, "SESSION_IS_LOCKED", f"Session {name} is locked by a concurrent client")
        try:
            return session.handle.execute(statement)
        finally:
            session.expires_at = time.monotonic() + keep
            session.busy.release()

    def close(self) -> None:
        """Close every connection: the engine ends with the last one."""
        with self._lock:
            for handle in self._idle + [session.handle for session in self._sessions.values()]:
                handle.close()
            self._idle.clear()
            self._sessions.clear()

    @contextmanager
    def _handle(self, reuse: bool = True) -> Iterator[Handle]:
        with self._lock:
            handle = self._idle.pop() if self._idle else None
        handle = handle or self._open()
        try:
            yield handle
        finally:
            if reuse:
                with self._lock:
                    self._idle.append(handle)
            else:
                handle.close()

    def _open(self) -> Handle:
        return Handle(self._connect(self._address))

    def _session(self, name: str, must_exist: bool) -> Session:
        with self._lock:
            self._forget_sessions()
            session = self._sessions.get(name)
            if session is None and must_exist:
                raise refusal(SESSION_NOT_FOUND, "SESSION_NOT_FOUND", f"Session {name} not found")
            if session is None:
                session = self._sessions[name] = Session(self._open())
                session.expires_at = time.monotonic() + 60.0
            return session

    def _forget_sessions(self) -> None:
        """Close the sessions whose time is up, and the oldest when there are too many. Called with the lock held."""
        now = time.monotonic()
        by_age = sorted(self._sessions, key=lambda name: self._sessions[name].expires_at)
        surplus = len(by_age) - MOST_SESSIONS + 1
        for place, name in enumerate(by_age):
            session = self._sessions[name]
            if (session.expires_at < now or place < surplus) and session.busy.acquire(blocking=False):
                session.handle.close()
                del self._sessions[name]
