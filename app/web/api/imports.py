"""Imports: a file of people, taken in as it arrives, and what became of each row."""

from typing import Any, Literal

import orjson
from pydantic import Field, ValidationError

from app import ids
from app.clickhouse.import_log import ERROR, MOST_ROWS, Import, Problem, import_of, imports_page, problems_page
from app.clickhouse.import_options import ImportOptions
from app.clickhouse.key_check import WrongKeyError
from app.specs import AskedMoment, Label, Strict
from app.web import cursors
from app.web.api.moments_shown import iso
from app.web.cursors import PageQuery
from app.web.keys import IMPORTER, SETTINGS
from app.web.problems import refuse
from app.web.reading import invalid
from app.web.rest import Call, Endpoint, Reply

MOST_BYTES = 2_000_000_000  # whatever FANFARE_IMPORT_BYTES says
FIRST_PROBLEMS = 20
MEDIA = "text/csv, application/x-ndjson, application/gzip"
NAMES = {"columns": "mapping", "region": "default_region"}


class ImportQuery(Strict):
    """What goes with a file of people."""

    list: Label = Field(description="The list that they are put on; it is made if need be")
    mapping: str = Field(
        default="", max_length=9_000,
        description='JSON: column of the file -> attribute; "email", "phone", "locale", "time_zone", "consent_at" and '
        '"consent_source" are what they say, "" leaves a column out',
    )  # fmt: skip
    types: str = Field(default="", max_length=9_000, description="JSON: attribute -> text, number, boolean or date")
    default_region: str = Field(default="", max_length=2, description="Of phone numbers without +: DE")
    consent_source: str = Field(default="", max_length=500, description="Where they agreed: a form, a shop, a fair")
    consent_at: AskedMoment | None = None
    consent_channels: str = Field(
        default="", max_length=40, description="Channels of their phone that they agreed to as well: sms,whatsapp"
    )
    wait: bool = Field(default=True, description="false: 202 at once when the file is here, and `Location` tells more")


class ImportShown(Strict):
    """An import."""

    id: str
    list: str
    state: Literal["RUNNING", "DONE", "FAILED", "CUT_SHORT"] = Field(
        description="CUT_SHORT: whoever did it is gone; send the file again, that completes it"
    )
    reason: str
    rows: int
    imported: int
    bad: int
    duplicates: int
    hints: dict[str, int] = Field(description="Rows that are in and worth a look, by kind: role, disposable, typo, ...")
    columns: dict[str, str] = Field(description="Column of the file -> attribute")
    started_at: str
    changed_at: str


class ProblemShown(Strict):
    """A row that was left out (kind error), or one worth a look."""

    line: int
    column: str
    kind: str
    reason: str


class Report(ImportShown):
    """An import that has ended, with its first problems."""

    problems: list[ProblemShown] = Field(
        description="The first of them, errors before hints; /problems has all, up to 10,000 of a kind"
    )


class ImportPage(Strict):
    """Some imports, the latest first."""

    imports: list[ImportShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class ProblemPage(Strict):
    """Some problems of an import, by line."""

    problems: list[ProblemShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class ImportsQuery(PageQuery):
    """Which imports."""

    list: str = Field(default="", max_length=200, description="Into this list only")


class ProblemsQuery(PageQuery):
    """Which problems of an import."""

    kind: str = Field(default="", max_length=20, description="error for rows that were left out, or a kind of hint")


async def take(call: Call) -> Reply:
    """201 with the report; good rows are in, bad ones are told one by one. 422 when nothing of the file can be read.

    Sending a file again changes nothing. With wait=false 202 as soon as the file is here; `Location` tells more.
    """
    options, importer = _options(call), call.request.app[IMPORTER]
    call.most_bytes = call.request.app[SETTINGS].import_bytes
    ident = ids.thing_id("imp", call.account, call.command_id)
    where = {"Location": f"/v1/imports/{ident}"}
    with importer.turn():
        file = await importer.spooled(call.chunks())
        if not call.query.wait:
            await importer.begin(file, options, ident)
            return Reply(shown(await _import(call, ident)), 202, where)
        try:
            report = await importer.run(file, options, ident)
        except WrongKeyError as error:
            raise refuse(503, "Wrong key", f"{error}: the operator has to put it right") from error
    if report.unreadable:
        raise refuse(422, "Invalid", f"nothing of the file can be imported: {report.unreadable}", headers=where)
    return Reply(await _report(call, await _import(call, ident)), 201, where)


async def list_imports(call: Call) -> Reply:
    """Imports of the account, the latest first."""
    place, limit = cursors.decode(call.query.cursor, str), call.query.limit
    after = await import_of(call.views.client, call.account, place[0]) if place else None
    found = await imports_page(call.views.client, call.account, list_name=call.query.list, after=after, limit=limit + 1)
    following = cursors.following(found, limit, lambda last: (last.id,))
    return Reply({"imports": [shown(each) for each in found[:limit]], "next": following})


async def get_import(call: Call) -> Reply:
    """How far an import is, or what became of it."""
    return Reply(await _report(call, await _import(call, call.path("id"))))


async def get_problems(call: Call) -> Reply:
    """Rows that were left out, and rows worth a look, by line."""
    found = await _import(call, call.path("id"))
    # A line may have several problems, and their words may be long: the cursor counts those that were told.
    line, told = cursors.decode(call.query.cursor, int, int) or (0, 0)
    limit = min(told + call.query.limit, MOST_ROWS - 1)
    rows = await problems_page(
        call.views.client,
        call.account,
        found.id,
        kind=call.query.kind,
        after=Problem(line, "", "", ""),
        limit=limit + 1,
    )
    rows, more = rows[:limit], len(rows) > limit
    last = rows[-1].line if more else 0
    following = cursors.encode(last, sum(each.line == last for each in rows)) if last else ""
    return Reply({"problems": [_problem(each) for each in rows[told:]], "next": following})


def _options(call: Call) -> ImportOptions:
    """What the query says about the file; 422 for what it cannot say."""
    asked: ImportQuery = call.query
    channels: Any = [each.strip() for each in asked.consent_channels.split(",") if each.strip()]
    try:
        return ImportOptions(
            account=call.account, list=asked.list, columns=_json("mapping", asked.mapping),
            types=_json("types", asked.types), region=asked.default_region, consent_source=asked.consent_source,
            consent_at=asked.consent_at,
            consent_channels=channels,
        )  # fmt: skip
    except ValidationError as error:
        raise invalid(error, ImportOptions, NAMES) from error


def _json(name: str, text: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refuse(422, "Invalid", f"{name}: not JSON: {error}", field=name) from error
    if not isinstance(read, dict):
        raise refuse(422, "Invalid", f'{name}: an object is needed, such as {{"Vorname": "first_name"}}', field=name)
    return read


async def _import(call: Call, ident: str) -> Import:
    found = await import_of(call.views.client, call.account, ident)
    if found is None:
        raise refuse(404, "No such import", "GET /v1/imports lists what there is", field="id")
    return found


async def _report(call: Call, found: Import) -> dict[str, Any]:
    client = call.views.client
    problems = await problems_page(client, call.account, found.id, kind=ERROR, limit=FIRST_PROBLEMS)
    room = FIRST_PROBLEMS - len(problems)
    if room:  # then these are all errors there are
        mixed = await problems_page(client, call.account, found.id, limit=FIRST_PROBLEMS)
        problems += [each for each in mixed if each.kind != ERROR][:room]
    return {**shown(found), "problems": [_problem(each) for each in problems]}


def shown(found: Import) -> dict[str, Any]:
    """*found* as JSON."""
    told = {name: getattr(found, name) for name in ("id", "list", "state", "reason", "rows", "imported", "bad")}
    return {
        **told, "duplicates": found.duplicates, "hints": found.hints, "columns": found.columns,
        "started_at": iso(found.started_at), "changed_at": iso(found.changed_at),
    }  # fmt: skip


def _problem(each: Problem) -> dict[str, Any]:
    return {"line": each.line, "column": each.column, "kind": each.kind, "reason": each.reason}


_PATH, _TAG, _KEY = "/v1/imports", "Imports", "contacts"

ENDPOINTS = [
    Endpoint("GET", _PATH, list_imports, "Imports of the account", _KEY, _TAG, query=ImportsQuery, answer=ImportPage),
    Endpoint("POST", _PATH, take, "Import a CSV or NDJSON file, plain or gzip", _KEY, _TAG,
             query=ImportQuery, answer=Report, status=201, errors=(413, 415, 429), media=MEDIA, keeps=True,
             most_bytes=MOST_BYTES),
    Endpoint("GET", _PATH + "/{id}", get_import, "An import", _KEY, _TAG, answer=Report, errors=(404,)),
    Endpoint("GET", _PATH + "/{id}/problems", get_problems, "Problems of an import", _KEY, _TAG,
             query=ProblemsQuery, answer=ProblemPage, errors=(404,)),
]  # fmt: skip
