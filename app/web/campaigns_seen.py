"""The campaigns that an account sees: live ones from the directory, others from thing.recorded or from ClickHouse."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.clickhouse import campaign_queries
from app.clickhouse.campaign_rows import Place, place_of
from app.clickhouse.client import ClickHouseError
from app.commands import CampaignEntry
from app.control import Control
from app.web.problems import refuse
from app.web.views import Views


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """Which campaigns; what is empty is any."""

    states: tuple[str, ...] = ()
    project: str = ""
    name: str = ""  # somewhere in the name, whatever its case

    def takes(self, entry: CampaignEntry) -> bool:
        """Whether *entry* is one of them."""
        spec = entry.spec
        return (
            (not self.states or entry.state in self.states)
            and (not self.project or spec.project == self.project)
            and self.name.casefold() in spec.name.casefold()
        )


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """Campaigns, the newest first. *complete* is False while ClickHouse is away: then only those this edge knows."""

    entries: list[CampaignEntry]
    following: Place | None
    complete: bool = True


async def find_campaign(control: Control, views: Views, account: str, ident: str) -> CampaignEntry:
    """The campaign *ident* of *account* as it is now; 404 when there is none."""
    entry = known_campaign(control, account, ident)
    if entry is None and control.tail.overlay.newest("campaign", account, ident) is None:
        entry = await campaign_queries.campaign_entry(views.client, account, ident)
    if entry is None:
        raise refuse(404, "No such campaign", f"your account has no campaign {ident!r}; GET /v1/campaigns lists them")
    return entry


def known_campaign(control: Control, account: str, ident: str) -> CampaignEntry | None:
    """The campaign if this edge knows of it without asking ClickHouse."""
    live = control.campaigns.get(ident)
    found = [live] if live is not None and live.account == account else []
    record = control.tail.overlay.newest("campaign", account, ident)
    if record is not None and not record.deleted:
        found.append(CampaignEntry.model_validate(record.body))
    return max(found, key=lambda each: each.revision, default=None)


async def campaign_page(
    control: Control, views: Views, account: str, wanted: CampaignFilter, before: Place | None, limit: int
) -> CampaignPage:
    """A page of the campaigns of *account*, after the place *before*."""
    # First what this edge knows: what leaves it meanwhile is in ClickHouse then.
    known = _known(control, account)
    try:
        stored = await campaign_queries.campaign_page(
            views.client, account, states=wanted.states, project=wanted.project, name=wanted.name, before=before,
            limit=limit + 1,
        )  # fmt: skip
    except ClickHouseError as error:
        if not error.is_away:
            raise
        return _page(_chosen(known.values(), wanted, before), limit, complete=False)
    found = {each.id: each for each in stored if _is_newest(each, known)}
    # Past the end of a full page of ClickHouse lies what is not read yet: it belongs to the pages after.
    end = place_of(stored[-1]) if len(stored) > limit else None
    for entry in _chosen(known.values(), wanted, before):
        if end is None or place_of(entry) >= end:
            found[entry.id] = entry
    page = _page(list(found.values()), limit)
    if page.following is None and end is not None:
        return CampaignPage(page.entries, end)
    return page


def _known(control: Control, account: str) -> dict[str, CampaignEntry]:
    known = {each.id: each for each in control.campaigns.values() if each.account == account}
    for record in control.tail.overlay.of("campaign", account):
        live = known.get(record.id)
        if not record.deleted and (live is None or live.revision < record.version):
            known[record.id] = CampaignEntry.model_validate(record.body)
    return known


def _is_newest(stored: CampaignEntry, known: dict[str, CampaignEntry]) -> bool:
    here = known.get(stored.id)
    return here is None or here.revision < stored.revision


def _chosen(entries: Iterable[CampaignEntry], wanted: CampaignFilter, before: Place | None) -> list[CampaignEntry]:
    return [each for each in entries if wanted.takes(each) and (before is None or place_of(each) < before)]


def _page(entries: list[CampaignEntry], limit: int, *, complete: bool = True) -> CampaignPage:
    ordered = sorted(entries, key=place_of, reverse=True)
    page = ordered[:limit]
    return CampaignPage(page, place_of(page[-1]) if len(ordered) > limit else None, complete)
