"""ClickHouse over HTTP: statements, rows, and inserts of bytes in one of its formats."""

from collections.abc import Mapping
from io import BytesIO
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from app.settings import Settings

CODE_HEADER = "X-ClickHouse-Exception-Code"
NO_ANSWER = 0  # the code of an error that ClickHouse did not send: nobody there, or silence

Params = Mapping[str, str | int | float | list[str]]


class ClickHouseError(Exception):
    """A statement failed. *code* is ClickHouse's own, 0 when no answer came at all."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def is_away(self) -> bool:
        """Whether the server was not reached: the same statement may succeed later."""
        return self.code == NO_ANSWER


class ClickHouse:
    """A client with its own connections. Use it inside one event loop and close it."""

    def __init__(self, settings: Settings, *, database: str | None = None, timeout: float = 30.0) -> None:
        self.url = settings.clickhouse
        self.database = settings.clickhouse_database if database is None else database
        self._headers = {
            "X-ClickHouse-User": settings.clickhouse_user,
            "X-ClickHouse-Key": settings.clickhouse_password,
        }
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. The client can be used again."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def execute(self, sql: str, params: Params | None = None, *, timeout: float | None = None) -> bytes:
        """Run *sql* and return the body of the answer. *params* fill `{name:Type}`. Raises ClickHouseError."""
        return await self._post(self._query(params), sql.encode(), timeout)

    async def rows(self, sql: str, params: Params | None = None, *, timeout: float | None = None) -> list[list[Any]]:
        """The rows of *sql*, which names no format. 64-bit integers come as int. Raises ClickHouseError."""
        query = self._query(params) | {
            "default_format": "JSONCompactEachRow",
            "output_format_json_quote_64bit_integers": "0",
        }
        return [orjson.loads(line) for line in (await self._post(query, sql.encode(), timeout)).splitlines()]

    async def named(
        self, sql: str, params: Params | None = None, *, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """The rows of *sql* as dictionaries."""
        query = self._query(params) | {
            "default_format": "JSONEachRow",
            "output_format_json_quote_64bit_integers": "0",
        }
        return [orjson.loads(line) for line in (await self._post(query, sql.encode(), timeout)).splitlines()]

    async def insert(self, sql: str, data: bytes, *, timeout: float | None = None) -> None:
        """Insert *data*; *sql* is `INSERT INTO table (columns) FORMAT name`. Returns when it is stored."""
        await self._post({"database": self.database, "query": sql}, data, timeout)

    def _query(self, params: Params | None) -> dict[str, str]:
        query = {"database": self.database}
        for name, value in (params or {}).items():
            query[f"param_{name}"] = _text_of(value)
        return query

    async def _post(self, query: Mapping[str, str], body: bytes, timeout: float | None) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        limit = aiohttp.ClientTimeout(total=timeout or self._timeout, sock_connect=5.0)
        try:
            # As a file: aiohttp writes bytes of more than 1 MiB in one go, which would hold up the event loop.
            async with self._session.post(self.url, params=query, data=BytesIO(body), timeout=limit) as response:
                answer = await response.read()
                if response.status != 200:
                    raise _error_in(response, answer)
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClickHouseError(NO_ANSWER, f"ClickHouse at {self.url} does not answer: {error!r}") from error


def _error_in(response: aiohttp.ClientResponse, answer: bytes) -> ClickHouseError:
    text = answer.decode(errors="replace").strip()[:2_000]
    code = response.headers.get(CODE_HEADER, "")
    return ClickHouseError(int(code) if code.isdigit() else response.status, text or f"HTTP {response.status}")


def _text_of(value: str | int | float | list[str]) -> str:
    """A parameter as ClickHouse reads it: strings are TSV-escaped, those in an array are quoted as well."""
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, list):
        return "[" + ",".join("'" + _escaped(each).replace("'", "\\'") + "'" for each in value) + "]"
    return str(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\0", "\\0")
