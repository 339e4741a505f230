"""The forecast of a running campaign, from what this edge hears of it."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.commands import CampaignEntry
from app.control import Control, Picture
from app.delivery.fallbacks.awaited import AWAITED, OVER
from app.delivery.fallbacks.onward import FALLBACK
from app.delivery.limits.forecast import Forecast, forecast
from app.delivery.limits.passages import Above, stages
from app.delivery.outcomes import LISTED
from app.delivery.people.windows import Hours
from app.stream.zones import zone_named

DECIDED = ("sent", "delivered", "bounced", "blocked", "failed", "dropped", "unknown")  # of the rows by provider
HOURS = Hours(zone_named)


def forecast_of(
    control: Control, entry: CampaignEntry, picture: Picture, rate: float, providers: Sequence[Mapping[str, Any]]
) -> Forecast:
    """When *entry* will be done. *providers* are its results by MX group as far as ClickHouse has told them."""
    left, now = left_by_group(entry, picture, providers), time.time()
    retry_at, out = retry_of(entry, picture), out_of(entry, picture)
    parts = picture.parts if entry.spec.channel == "sms" else 1.0
    on_the_way = stages(entry, competing(control), above(control), now, parts) if entry.state == "RUNNING" else []
    return forecast(entry, left, on_the_way, rate, now, HOURS, retry_at, parts, out)


def competing(control: Control) -> list[CampaignEntry]:
    """The campaigns that want a share now: one whose last messages wait to be tried again leaves its own to others."""
    running = [each for each in control.campaigns.values() if each.state == "RUNNING"]
    return [each for each in running if wants_a_share(each, control.picture_of(each))]


def wants_a_share(entry: CampaignEntry, picture: Picture) -> bool:
    """Whether *entry* has messages that could leave now, are on their way, or have not reached the gate yet.

    One of single messages has no audience to read: between two of them it takes no share.
    """
    unread = entry.seal is not None and picture.counts.get(LISTED, 0) < entry.seal.count
    return unread or picture.due > 0 or picture.open > 0 or not picture.complete


def above(control: Control) -> Above:
    """Limits, routes and accounts, as this edge has heard of them."""
    tail = control.tail
    return Above(
        zone_named=zone_named,
        limits={each.key: each for each in tail.limits.values()},
        usage=tail.limit_status,
        routes=tail.routes,
        status=tail.route_status,
        accounts=tail.accounts,
        account_rate=control.settings.account_rate,
    )


def retry_of(entry: CampaignEntry, picture: Picture) -> float:
    """When the next try is due, where all that are left wait for one or for news; else 0."""
    tried_before = picture.counts.get("deferred", 0) or picture.counts.get(FALLBACK, 0)
    return picture.next_due if _nobody_could_leave(entry, picture) and tried_before else 0.0


def out_of(entry: CampaignEntry, picture: Picture) -> int:
    """Messages that are out and of which news is awaited, where nobody else could leave; else 0."""
    if not _nobody_could_leave(entry, picture):
        return 0
    return max(0, picture.counts.get(AWAITED, 0) - picture.counts.get(OVER, 0))


def _nobody_could_leave(entry: CampaignEntry, picture: Picture) -> bool:
    everybody_is_known = entry.seal is not None and picture.counts.get(LISTED, 0) >= entry.seal.count
    return everybody_is_known and not picture.due and not picture.open


def left_by_group(entry: CampaignEntry, picture: Picture, providers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Messages that are not final, by MX group: about as many as are counted, by shares that are an estimate.

    *providers* may have all of them as sent, as calls that are made again.
    """
    if entry.seal is None:
        return {}
    total: dict[str, int] = {}
    for section in entry.seal.groups:
        total[section.group] = total.get(section.group, 0) + section.rows
    done = {row["provider"]: sum(int(row.get(name, 0)) for name in DECIDED) for row in providers}
    open_ones = {group: max(0, rows - done.get(group or "other", 0)) for group, rows in total.items()}
    left = max(0, entry.seal.count - picture.final)
    if not sum(open_ones.values()):
        open_ones = total
    known = sum(open_ones.values())
    if not left or not known:
        return {}
    return {group: max(1, round(left * rows / known)) for group, rows in open_ones.items() if rows}
