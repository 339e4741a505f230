"""Templates and segments of an account: what ClickHouse has, with what is still on its way there laid over it."""

from dataclasses import dataclass

from app.clickhouse.client import ClickHouse
from app.clickhouse.moments import milliseconds
from app.clickhouse.thing_queries import template_versions, thing, thing_page
from app.control.overlay import Overlay
from app.things import ThingKind, ThingRecord

Place = tuple[int, str]  # created_at in ms, id: things are listed newest first


@dataclass(frozen=True, slots=True)
class Stored:
    """The things of one account. Reading raises ClickHouseError."""

    overlay: Overlay
    client: ClickHouse
    account: str

    async def find(self, kind: ThingKind, ident: str, version: int | None = None) -> ThingRecord | None:
        """The newest version of a thing, or *version* of it; None when there is none or it is deleted."""
        newest = self.overlay.newest(kind, self.account, ident)
        if newest is not None and newest.deleted:
            return None
        if version is None:
            return newest or await thing(self.client, self.account, kind, ident)
        found = self.overlay.versions(kind, self.account, ident).get(version)
        return found or await thing(self.client, self.account, kind, ident, version)

    async def page(self, kind: ThingKind, before: Place | None, limit: int) -> tuple[list[ThingRecord], Place | None]:
        """Things behind *before*, the newest first, without their content; and where to go on, None at the end."""
        laid = {each.id: each for each in self.overlay.of(kind, self.account)}
        rows = await thing_page(self.client, self.account, kind, before, limit + 1)
        last = _place(rows[-1]) if len(rows) > limit else None
        new = [each for each in laid.values() if not each.deleted and (before is None or _place(each) < before)]
        found = [each for each in rows if each.id not in laid] + new
        if last is not None:  # what lies further back comes with a later page
            found = [each for each in found if _place(each) >= last]
        found.sort(key=_place, reverse=True)
        if len(found) > limit:
            last = _place(found[limit - 1])
        return found[:limit], last

    async def versions(self, ident: str, before: int | None, limit: int) -> tuple[list[ThingRecord], int | None]:
        """Versions of a template below *before*, the highest first, without their content; and where to go on."""
        newest = self.overlay.newest("template", self.account, ident)
        if newest is not None and newest.deleted:
            return [], None
        laid = self.overlay.versions("template", self.account, ident)
        stored = await template_versions(self.client, self.account, ident, before, limit + 1)
        found = {each.version: each for each in stored}
        found |= {number: each for number, each in laid.items() if before is None or number < before}
        numbers = sorted(found, reverse=True)
        page = numbers[:limit]
        return [found[each] for each in page], page[-1] if len(numbers) > limit else None


def _place(record: ThingRecord) -> Place:
    return milliseconds(float(record.body["created_at"])), record.id
