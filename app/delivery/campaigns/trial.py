"""The course of an experiment: testing, waiting for what people do, decided.

It is no state of the campaign: pause and cancel rule over it. The sample is expanded first and alone. When all of it is
final the wait begins; after the wait the results are asked for, and the best variant goes to everybody else.
"""

from collections.abc import Mapping

from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import changed

# What makes a variant better. A high rate of unsubscribes is no reason to win.
METRICS = {"opens": 1, "clicks": 1, "unsubscribes": -1}


def sample_size(entry: CampaignEntry) -> int:
    """People of the audience who are in the sample."""
    return 0 if entry.seal is None else sum(section.rows for section in entry.seal.groups if section.test)


def is_held_back(entry: CampaignEntry) -> bool:
    """Whether only the sample may be expanded."""
    return entry.trial is not None and entry.trial.phase != "decided"


def advanced(entry: CampaignEntry, final: int, now: float) -> CampaignEntry | None:
    """*entry* once all of its sample is *final*; None while nothing changes. One that is paused stays where it is."""
    trial, experiment = entry.trial, entry.spec.experiment
    if trial is None or experiment is None or entry.state != "RUNNING" or trial.phase != "testing":
        return None
    sample = sample_size(entry)
    if not sample:  # a share so small that nobody is in it
        return decided(entry, experiment.variants[0].name)
    if final < sample:
        return None
    return changed(entry, trial=trial.model_copy(update={"phase": "waiting", "decide_at": now + experiment.wait}))


def is_to_be_decided(entry: CampaignEntry, now: float) -> bool:
    """Whether the results are wanted now."""
    trial, experiment = entry.trial, entry.spec.experiment
    return (
        trial is not None and experiment is not None and entry.state == "RUNNING" and trial.phase == "waiting"
        and trial.decide_at is not None and trial.decide_at <= now and experiment.metric != "by_hand"
    )  # fmt: skip


def with_results(entry: CampaignEntry, results: Mapping[str, Mapping[str, int]], now: float) -> CampaignEntry | None:
    """*entry* with its winner, by *results* (variant -> counts); None when nobody waits for them (any more)."""
    if not is_to_be_decided(entry, now):
        return None
    experiment = entry.spec.experiment
    assert experiment is not None
    names = [each.name for each in experiment.variants]
    kept = {name: dict(results[name]) for name in names if name in results}
    return decided(entry, best(names, kept, experiment.metric), kept)


def best(names: list[str], results: Mapping[str, Mapping[str, int]], metric: str) -> str:
    """The variant with the best rate of *metric*; the first of equals, and the first where nothing is known."""
    return max(names, key=lambda name: rate(results.get(name, {}), metric))  # max keeps the first of equals


def rate(counts: Mapping[str, int], metric: str) -> float:
    """How good a variant is: of those it was sent to, who did what counts. Nobody sent to is as bad as it gets."""
    sent = counts.get("sent", 0)
    return METRICS[metric] * counts.get(metric, 0) / sent if sent else -1.0


def decided(entry: CampaignEntry, winner: str, results: Mapping[str, Mapping[str, int]] | None = None) -> CampaignEntry:
    """*entry* with its *winner*. Its next version: no sender sends to the rest before it knows who has won."""
    assert entry.trial is not None
    fields: dict[str, object] = {"phase": "decided", "winner": winner}
    if results is not None:
        fields["results"] = {name: dict(counts) for name, counts in results.items()}
    return changed(entry, version=entry.version + 1, trial=entry.trial.model_copy(update=fields))
