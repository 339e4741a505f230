"""Whom a campaign goes to, as sealing is told."""

from collections.abc import Iterable

from app.commands import CampaignEntry
from app.delivery.mx_groups import own_groups
from app.delivery.routes.plan import place_of
from app.routes import LimitSet, Route
from app.things import AudiencePlan, Filter
from app.topics import PHONES

MOST_DOMAINS = 1_000  # that a plan names: about 20 kB of it


def plan_of(
    entry: CampaignEntry,
    segments: list[Filter],
    exclude_segments: list[Filter],
    *,
    groups: Iterable[str] = (),
    tiers: bool = False,
) -> AudiencePlan:
    """The plan of *entry*, with its segments as they are now.

    *groups* are those that limits and routes name: the domains among them are groups of their own. *tiers*: a route
    asks how people have reacted.
    """
    spec, trial = entry.spec, entry.spec.experiment
    windows = [each for each in (spec.window, entry.quiet) if each is not None]
    return AudiencePlan(
        lists=list(spec.lists),
        segments=segments,
        exclude_lists=list(spec.exclude_lists),
        exclude_segments=exclude_segments,
        segment_ids=list(spec.segments),
        exclude_segment_ids=list(spec.exclude_segments),
        test_share=trial.share if trial else 0.0,
        variants=len(trial.variants) if trial else 0,
        holdout=trial.holdout if trial else 0.0,
        local=(spec.schedule.local or "") if spec.schedule else "",
        zones=any(each.local for each in windows),
        time_zone=spec.time_zone,
        domains=_apart(spec.channel, [*spec.throttle.per_group, *groups]),
        tiers=tiers,
        retry_of=spec.retry_of,
        retry_outcomes=list(spec.retry_outcomes) if spec.retry_of else [],
        consent=spec.consent if spec.channel in PHONES else "",
    )


def _apart(channel: str, names: list[str]) -> list[str]:
    """What of *names* is a group of its own: domains; of phones carriers, as "IN/airtel" or "airtel"."""
    if channel not in PHONES:
        return own_groups(names, MOST_DOMAINS)
    return sorted({each for each in names if "/" in each or (each not in ("", "*") and not place_of(each)[0])})[
        :MOST_DOMAINS
    ]


def groups_named(limits: Iterable[LimitSet]) -> set[str]:
    """The MX groups, domains among them, that *limits* are for."""
    return {limit.name if limit.scope == "group" else limit.group for limit in limits}


def asks_for_tiers(entry: CampaignEntry, routes: Iterable[Route]) -> bool:
    """Whether a route that *entry* may take is for people who have reacted in some way."""
    return any(
        route.tiers and route.channel == entry.spec.channel and (not route.accounts or entry.account in route.accounts)
        for route in routes
    )
