"""Segments: filters over people, saved or tried out."""

import time
from typing import Any

from pydantic import Field, model_validator

from app.clickhouse import segments as sql
from app.specs import Strict
from app.things import Filter, Segment, SegmentDraft
from app.web.api.contacts import ContactShown
from app.web.api.contacts import shown as contact_shown
from app.web.api.moments_shown import iso
from app.web.api.storage import found_thing, stored
from app.web.cursors import PageQuery, decode, encode
from app.web.etags import etag
from app.web.rest import Call, Endpoint, Reply

MOST_SAMPLE = 1_000
MOST_BYTES = 200_000  # of a filter: reading 2 MB of nodes would hold the edge for seconds


class SegmentShown(SegmentDraft):
    """A segment."""

    id: str
    account: str
    revision: int
    created_at: str
    changed_at: str


class SegmentPage(Strict):
    """Some segments, the newest first."""

    segments: list[SegmentShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class FilterBody(Strict):
    """A filter that is not saved."""

    filter: Filter

    @model_validator(mode="after")
    def _bounded(self) -> "FilterBody":
        SegmentDraft(name="filter", filter=self.filter)
        return self


class Count(Strict):
    """How many people a filter finds."""

    count: int


class Sample(Strict):
    """Some of the people that a filter finds: the same ones at every look."""

    sample: list[ContactShown]


class SampleQuery(Strict):
    """How many."""

    limit: int = Field(default=20, ge=1, le=MOST_SAMPLE)


async def list_segments(call: Call) -> Reply:
    """The segments of the account, the newest first."""
    place = decode(call.query.cursor, int, str)
    found, last = await stored(call).page("segment", place, call.query.limit)
    return Reply({"segments": [_told(each.body) for each in found], "next": encode(*last) if last else ""})


async def create_segment(call: Call) -> Reply:
    """201 with the segment, its address in Location and its revision in ETag."""
    done = await call.command("segment.create", segment=call.body, names=NAMES)
    reply = _shown(done.answer.thing, 201)
    reply.headers["Location"] = f"/v1/segments/{done.answer.thing['id']}"
    return reply


async def get_segment(call: Call) -> Reply:
    """The segment; its revision is the ETag."""
    return _shown((await found_thing(call, "segment")).body)


async def replace_segment(call: Call) -> Reply:
    """Replace name and filter. Campaigns that have started keep their audience."""
    done = await call.command(
        "segment.update", thing=call.path("id"), segment=call.body, match=call.if_match(), names=NAMES
    )
    return _shown(done.answer.thing)


async def delete_segment(call: Call) -> Reply:
    """204. A campaign that names it can no longer be started."""
    await call.command("segment.delete", thing=call.path("id"), match=call.if_match(), names=NAMES)
    return Reply(status=204)


async def count_saved(call: Call) -> Reply:
    """How many people it finds now."""
    return await _count(call, await _filter(call))


async def sample_saved(call: Call) -> Reply:
    """Some of the people it finds now."""
    return await _sample(call, await _filter(call))


async def count_unsaved(call: Call) -> Reply:
    """How many people a filter would find."""
    return await _count(call, call.body.filter)


async def sample_unsaved(call: Call) -> Reply:
    """Some of the people a filter would find."""
    return await _sample(call, call.body.filter)


NAMES = {"thing": "id", "segment.name": "name", "segment.filter": "filter", "match": "If-Match"}


def _told(thing: dict[str, Any]) -> dict[str, Any]:
    return {**thing, "created_at": iso(thing["created_at"]), "changed_at": iso(thing["changed_at"])}


def _shown(thing: dict[str, Any], status: int = 200) -> Reply:
    return Reply(_told(thing), status, {"ETag": etag(thing["revision"])})


async def _filter(call: Call) -> Filter:
    return Segment.model_validate((await found_thing(call, "segment")).body).filter


async def _count(call: Call, tree: Filter) -> Reply:
    return Reply({"count": await sql.count(call.views.client, call.account, tree, time.time())})


async def _sample(call: Call, tree: Filter) -> Reply:
    found = await sql.sample(call.views.client, call.account, tree, call.query.limit, time.time())
    return Reply({"sample": [contact_shown(each) for each in found]})


_FILTER = {"filter": {"all": [{"attribute": "city", "op": "eq", "value": "Lisbon"}, {"engaged": "opened"}]}}
_ONE = "/v1/segments/{id}"

ENDPOINTS = [
    Endpoint("GET", "/v1/segments", list_segments, "List segments", "contacts", "Segments",
             query=PageQuery, answer=SegmentPage),
    Endpoint("POST", "/v1/segments", create_segment, "Create a segment", "contacts", "Segments",
             body=SegmentDraft, answer=SegmentShown, status=201, most_bytes=MOST_BYTES,
             example={"name": "Active in Lisbon", **_FILTER}),
    Endpoint("POST", "/v1/segments/count", count_unsaved, "Count the people of a filter", "contacts", "Segments",
             body=FilterBody, answer=Count, most_bytes=MOST_BYTES, example=_FILTER),
    Endpoint("POST", "/v1/segments/sample", sample_unsaved, "Sample the people of a filter", "contacts", "Segments",
             body=FilterBody, query=SampleQuery, answer=Sample, most_bytes=MOST_BYTES, example=_FILTER),
    Endpoint("GET", _ONE, get_segment, "A segment", "contacts", "Segments", answer=SegmentShown, errors=(404,)),
    Endpoint("PUT", _ONE, replace_segment, "Replace a segment", "contacts", "Segments",
             body=SegmentDraft, answer=SegmentShown, errors=(404, 412), most_bytes=MOST_BYTES),
    Endpoint("DELETE", _ONE, delete_segment, "Delete a segment", "contacts", "Segments", status=204, errors=(404, 412)),
    Endpoint("GET", _ONE + "/count", count_saved, "Count the people of a segment", "contacts", "Segments",
             answer=Count, errors=(404,)),
    Endpoint("GET", _ONE + "/sample", sample_saved, "Sample the people of a segment", "contacts", "Segments",
             query=SampleQuery, answer=Sample, errors=(404,)),
]  # fmt: skip
