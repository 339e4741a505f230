"""A recorded thing as a row of the things table: one version of a template or a segment."""

import orjson

from app.clickhouse.moments import moment
from app.things import ThingRecord


def thing_row(record: ThingRecord) -> dict[str, object]:
    """The row of *record*; a version that is recorded twice collapses."""
    body = record.body
    created_at = body.get("created_at")
    return {
        "account": record.account, "kind": record.kind, "id": record.id, "version": record.version,
        "deleted": int(record.deleted), "name": str(body.get("name", "")),
        "created_at": moment(created_at if isinstance(created_at, int | float) else record.at),
        "changed_at": moment(record.at),
        "head": orjson.dumps({name: value for name, value in body.items() if name != "content"}).decode(),
        "body": orjson.dumps(body).decode(),
    }  # fmt: skip
