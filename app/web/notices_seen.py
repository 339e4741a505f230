"""Notices as operators and accounts see them: from ClickHouse, with those that are still on their way there."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from app.clickhouse.client import ClickHouse
from app.clickhouse.notices import notice_page
from app.control.overlay import Overlay
from app.delivery.campaigns.notices import as_seen_by
from app.routes import Notice


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices; what is empty is any. *account* None sees all, as the operator does."""

    since: float = 0.0
    levels: Sequence[str] = ()
    route: str = ""  # a route or a pool
    campaign: str = ""
    account: str | None = None

    def takes(self, notice: Notice) -> bool:
        """Whether *notice* is one of them."""
        return (
            notice.at >= self.since
            and (not self.levels or notice.level in self.levels)
            and self.route in ("", notice.route, notice.pool)
            and (not self.campaign or self.campaign in notice.campaigns)
            and (self.account is None or self.account in notice.accounts)
        )


async def seen_notices(
    client: ClickHouse, overlay: Overlay, wanted: NoticeFilter, before: str = "", limit: int = 100
) -> list[Notice]:
    """Up to *limit* notices, the newest first, behind the id *before*. Raises ClickHouseError."""
    stored = await notice_page(
        client, since=wanted.since, levels=wanted.levels, route=wanted.route, campaign=wanted.campaign,
        account=wanted.account or "", before=before, limit=limit,
    )  # fmt: skip
    found = {notice.id: notice for notice in stored}
    for notice in _on_their_way(overlay):
        if wanted.takes(notice) and (not before or notice.id < before):
            found[notice.id] = notice
    newest = [found[ident] for ident in sorted(found, reverse=True)][:limit]
    return newest if wanted.account is None else list(shown_to(newest, wanted.account))


def shown_to(notices: Iterable[Notice], account: str) -> Iterable[Notice]:
    """What *account* may see of *notices*."""
    for notice in notices:
        seen = as_seen_by(notice, account)
        if seen is not None:
            yield seen


def of_campaign(standing: Iterable[Notice], campaign: str, account: str) -> list[Notice]:
    """The notices that hold on and concern *campaign* of *account*, the newest first."""
    concerned = [notice for notice in standing if campaign in notice.campaigns]
    return sorted(shown_to(concerned, account), key=lambda notice: notice.id, reverse=True)


def _on_their_way(overlay: Overlay) -> Iterable[Notice]:
    for record in overlay.of("notice", ""):
        with contextlib.suppress(ValidationError):
            yield Notice.model_validate(record.body)
