"""What endpoints of templates and segments read: the things of the account that asks, and of no other."""

from app.things import ThingKind, ThingRecord
from app.web.problems import refuse
from app.web.rest import Call
from app.web.stored import Stored


def stored(call: Call) -> Stored:
    """The things of the account that asks."""
    return Stored(call.control.tail.overlay, call.views.client, call.account)


async def found_thing(call: Call, kind: ThingKind, version: int | None = None) -> ThingRecord:
    """The thing whose id is in the path; 404 when the account has none."""
    found = await stored(call).find(kind, call.path("id"), version)
    if found is None:
        what = kind if version is None else "version"
        raise refuse(404, f"No such {what}", f"`GET /v1/{kind}s` lists what there is", field="id")
    return found
