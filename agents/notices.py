"""The notices of the pacing group: stored with the decision that they tell of, told to ClickHouse and to edges.

A notice is written in the batch of the change it is about, with a note in the outbox. So a kill loses neither: before
the write nothing has changed, after it the next owner tells. To tell twice does no harm: a notice has an id.
"""

from collections.abc import Callable, Iterable

from agents.outbox import News, Outbox
from app import topics
from app.commands import CampaignEntry
from app.delivery.campaigns.notices import Standing, completed
from app.routes import Notice
from app.stream.pack_table import PackTable
from app.things import ThingRecord
from tables import pacing_health as sections
from tables.pacing_things import Items, Told, untold_item

RECORDED = "notice"
MOST_STORED = 200


class Notices:
    """What pacing did by itself, and why: the newest, and those that still hold on."""

    def __init__(
        self, table: PackTable, outbox: Outbox, live: Callable[[], dict[str, CampaignEntry]], *, posts: bool = False
    ) -> None:
        self._table, self._outbox, self._live = table, outbox, live
        self._posts = posts  # alerts are posted somewhere
        self._to_post: dict[str, None] = {}
        self._group = -1
        self._stored: dict[str, Notice] = {}  # by id, the oldest first
        self.standing = Standing()
        outbox.kind(RECORDED, self._news)

    def take_over(self, group: int) -> None:
        """Begin with what was recovered."""
        self._group = group
        self._stored = {notice.id: notice for notice in sections.notices(self._table, group)}
        self._to_post = dict.fromkeys(sections.alerts(self._table, group) if self._posts else ())
        self.standing = Standing()
        for notice in self._stored.values():
            self.standing.take(notice)

    def items(self, drafts: Iterable[Notice]) -> Items:
        """What to write of new notices, in the step that decided on what they tell of."""
        items: Items = []
        for draft in drafts:
            notice = completed(draft, self._live())
            self.standing.take(notice)
            self._stored[notice.id] = notice
            items += [
                sections.notice_item(notice.id, notice), untold_item(RECORDED, notice.id, Told("", 1, notice.at))
            ]  # fmt: skip
            if self._posts and notice.level == "alert":
                self._to_post[notice.id] = None
                items.append(sections.alert_item(notice.id, waits=True))
        return [*items, *self._forget()] if items else items

    def _forget(self) -> Items:
        """Tombstones for notices that are many by now; not for one that holds on, or that is not told yet."""
        kept = {notice.id for notice in self.standing.all()}
        spare = len(self._stored) - MOST_STORED
        kept.update(self._to_post)
        old = [ident for ident in self._stored if ident not in kept and not self._outbox.is_open(RECORDED, ident, 1)]
        gone = old[: max(0, spare)]
        for ident in gone:
            del self._stored[ident]
        return [sections.notice_item(ident, None) for ident in gone]

    def stored(self, ident: str) -> Notice | None:
        """A notice that is still stored."""
        return self._stored.get(ident)

    def to_post(self) -> list[str]:
        """The ids of alerts that are to be posted, the oldest first."""
        return list(self._to_post)

    def posted(self, idents: Iterable[str]) -> Items:
        """What to write once alerts are posted, or given up."""
        gone = [ident for ident in idents if ident in self._to_post]
        for ident in gone:
            del self._to_post[ident]
        return [sections.alert_item(ident, waits=False) for ident in gone]

    def _news(self, ident: str, told: Told) -> News:
        notice = sections.notice(self._table, self._group, ident)
        body = {} if notice is None else notice.model_dump(mode="json")
        record = ThingRecord(kind="notice", account="", id=ident, version=told.version, at=told.at, body=body)
        return News(topics.THING_RECORDED, None, ident.encode(), record.model_dump_json().encode())
