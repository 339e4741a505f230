"""What is told of templates, segments, keys, accounts, limits and routes: their state as stored when it is told."""

from collections.abc import Callable

from agents.outbox import News, Outbox
from app import topics
from app.stream.pack_table import PackTable
from app.things import Template, ThingKind, ThingRecord
from tables import pacing_things as sections
from tables.pacing_things import Told

DIRECTORIES = {
    "key": topics.KEY_CHANGED,
    "account": topics.ACCOUNT_CHANGED,
    "limit": topics.LIMIT_CHANGED,
    "route": topics.ROUTE_CHANGED,
}


def attach(outbox: Outbox, table: PackTable, group: Callable[[], int]) -> None:
    """Have *outbox* tell of things."""

    def template(ident: str, told: Told) -> News:
        head = sections.template(table, group(), ident, told.version)
        content = sections.content(table, group(), sections.version_owner(ident, told.version))
        if head is None or content is None:
            return _gone("template", ident, told)
        whole = Template(**head.model_dump(), content=content)
        return _recorded(
            ThingRecord(
                kind="template", account=head.account, id=ident, version=head.version, at=head.changed_at,
                body=whole.model_dump(mode="json"),
            )
        )  # fmt: skip

    def segment(ident: str, told: Told) -> News:
        found = sections.segment(table, group(), ident)
        if found is None:
            return _gone("segment", ident, told)
        return _recorded(
            ThingRecord(
                kind="segment", account=found.account, id=ident, version=found.revision, at=found.changed_at,
                body=found.model_dump(mode="json"),
            )
        )  # fmt: skip

    def entry_of(kind: str) -> Callable[[str, Told], News]:
        def entry(ident: str, _: Told) -> News:
            return News(DIRECTORIES[kind], 0, ident.encode(), sections.stored_json(table, group(), kind, ident))

        return entry

    outbox.kind("template", template)
    outbox.kind("segment", segment)
    for kind in DIRECTORIES:
        outbox.kind(kind, entry_of(kind))


def _gone(kind: ThingKind, ident: str, told: Told) -> News:
    return _recorded(
        ThingRecord(kind=kind, account=told.account, id=ident, version=told.version, deleted=True, at=told.at)
    )


def _recorded(record: ThingRecord) -> News:
    return News(topics.THING_RECORDED, None, record.id.encode(), record.model_dump_json().encode())
