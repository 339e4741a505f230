"""Templates: content in several languages; each change is a new version."""

from typing import Any

from pydantic import Field

from app.specs import Content, Strict
from app.things import TemplateDraft, ThingRecord
from app.web.api.moments_shown import iso
from app.web.api.storage import found_thing, stored
from app.web.cursors import PageQuery, decode, encode
from app.web.etags import etag
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply

NAMES = {"thing": "id", "template.name": "name", "template.content": "content", "match": "If-Match"}


class TemplateHead(Strict):
    """A version of a template, without its content."""

    id: str
    account: str
    name: str
    version: int
    parts: list[str] = Field(description="Which its content has: subject, html ...")
    created_at: str
    changed_at: str


class TemplateShown(TemplateHead):
    """A version of a template."""

    content: Content


class TemplatePage(Strict):
    """Some templates, the newest first."""

    templates: list[TemplateHead]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class VersionPage(Strict):
    """Some versions of a template, the highest first."""

    versions: list[TemplateHead]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


async def list_templates(call: Call) -> Reply:
    """The templates of the account, the newest first, without their content."""
    place = decode(call.query.cursor, int, str)
    found, last = await stored(call).page("template", place, call.query.limit)
    return Reply({"templates": [_head(each) for each in found], "next": encode(*last) if last else ""})


async def create_template(call: Call) -> Reply:
    """201 with its head, its address in Location and its version in ETag."""
    done = await call.command("template.create", template=call.body, names=NAMES)
    reply = _shown(done.answer.thing, 201)
    reply.headers["Location"] = f"/v1/templates/{done.answer.thing['id']}"
    return reply


async def get_template(call: Call) -> Reply:
    """The newest version with its content; its number is the ETag."""
    return _shown((await found_thing(call, "template")).body)


async def replace_template(call: Call) -> Reply:
    """Make a new version. Campaigns that have started keep the one they have."""
    done = await call.command(
        "template.update", thing=call.path("id"), template=call.body, match=call.if_match(), names=NAMES
    )
    return _shown(done.answer.thing)


async def delete_template(call: Call) -> Reply:
    """204. A campaign that names it can no longer be started."""
    await call.command("template.delete", thing=call.path("id"), match=call.if_match(), names=NAMES)
    return Reply(status=204)


async def list_versions(call: Call) -> Reply:
    """All versions, the highest first, without their content."""
    place = decode(call.query.cursor, int)
    found, last = await stored(call).versions(call.path("id"), place[0] if place else None, call.query.limit)
    if not found and place is None:
        raise refuse(404, "No such template", "`GET /v1/templates` lists what there is", field="id")
    return Reply({"versions": [_head(each) for each in found], "next": encode(last) if last else ""})


async def get_version(call: Call) -> Reply:
    """One version with its content."""
    number = call.path("n")
    if not number.isdecimal() or not 0 < int(number) < 2**31:
        raise refuse(404, "No such version", "versions are numbers from 1", field="n")
    return _shown((await found_thing(call, "template", int(number))).body)


def _head(record: ThingRecord) -> dict[str, Any]:
    return _told({name: value for name, value in record.body.items() if name != "content"})


def _told(thing: dict[str, Any]) -> dict[str, Any]:
    return {"parts": [], **thing, "created_at": iso(thing["created_at"]), "changed_at": iso(thing["changed_at"])}


def _shown(thing: dict[str, Any], status: int = 200) -> Reply:
    return Reply(_told(thing), status, {"ETag": etag(thing["version"])})


_ONE, _TAG = "/v1/templates/{id}", "Templates"
_DRAFT = {
    "name": "Welcome",
    "content": {
        "subject": "Welcome, {{ first_name }}",
        "html": '<p>Hello {{ first_name }}</p><p><a href="{{ unsubscribe_url }}">No more</a></p>',
        "locales": {"pt": {"subject": "Bem-vindo, {{ first_name }}"}},
        "defaults": {"first_name": "friend"},
    },
}

ENDPOINTS = [
    Endpoint("GET", "/v1/templates", list_templates, "List templates", "templates", _TAG,
             query=PageQuery, answer=TemplatePage),
    Endpoint("POST", "/v1/templates", create_template, "Create a template", "templates", _TAG,
             body=TemplateDraft, answer=TemplateHead, status=201, example=_DRAFT),
    Endpoint("GET", _ONE, get_template, "A template", "templates", _TAG, answer=TemplateShown, errors=(404,)),
    Endpoint("PUT", _ONE, replace_template, "A new version of a template", "templates", _TAG,
             body=TemplateDraft, answer=TemplateHead, errors=(404, 412), example=_DRAFT),
    Endpoint("DELETE", _ONE, delete_template, "Delete a template", "templates", _TAG, status=204, errors=(404, 412)),
    Endpoint("GET", _ONE + "/versions", list_versions, "Versions of a template", "templates", _TAG,
             query=PageQuery, answer=VersionPage, errors=(404,)),
    Endpoint("GET", _ONE + "/versions/{n}", get_version, "A version of a template", "templates", _TAG,
             answer=TemplateShown, errors=(404,)),
]  # fmt: skip
