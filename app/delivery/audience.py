"""Whom a campaign goes to, as sealing is told."""

from app.commands import CampaignEntry
from app.things import AudiencePlan, Filter


def plan_of(entry: CampaignEntry, segments: list[Filter], exclude_segments: list[Filter]) -> AudiencePlan:
    """The plan of *entry*, with its segments as they are now."""
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
    )
