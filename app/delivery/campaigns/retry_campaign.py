"""A campaign to those whom another one has failed: what it is made of, and why there is none."""

from collections.abc import Mapping, Sequence

from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.outcomes import DECIDED
from app.specs import CampaignSpec, Dedup

COUNTER_OF = {"given_up": "given_up", "blocked": "blocked", "unknown": DECIDED}  # outcome -> its final counter
TOLD = {"given_up": "was given up", "blocked": "was blocked", "unknown": "has an unknown outcome"}
LONGEST_NAME = 200


def failed_in(counters: Mapping[str, int], outcomes: Sequence[str]) -> int:
    """How many messages with these final *counters* came to one of *outcomes*."""
    return sum(counters.get(COUNTER_OF[each], 0) for each in dict.fromkeys(outcomes))


def why_not(entry: CampaignEntry, outcomes: Sequence[str]) -> str:
    """Why those whom *entry* has failed cannot be tried again, "" when they can."""
    if entry.spec.kind == "transactional":
        return "a transactional campaign has no audience that could be tried again"
    if entry.state not in ENDED:
        return f"a campaign that is {entry.state} still tries them itself: wait until it has ended, or cancel it"
    if entry.seal is None:
        return "the campaign never had an audience: clone it"
    if not failed_in(entry.counters, outcomes):
        return f"nobody of the campaign {' or '.join(TOLD[each] for each in dict.fromkeys(outcomes))}"
    return ""


def retry_spec(entry: CampaignEntry, outcomes: Sequence[str], name: str = "") -> CampaignSpec:
    """The spec of a campaign to those of *entry*, which has ended, with one of *outcomes*.

    All of it but the times. It has its own dedup key, or the first try would make it a duplicate; who was in a test
    gets what has won.
    """
    spec = entry.spec
    changes: dict[str, object] = {
        "name": name or f"{spec.name[: LONGEST_NAME - 8]} (retry)",
        "schedule": None, "expires_at": None, "experiment": None,
        "dedup": Dedup(window=spec.dedup.window),
        "retry_of": entry.id, "retry_outcomes": list(dict.fromkeys(outcomes)),
    }  # fmt: skip
    winner = entry.trial.winner if entry.trial is not None else ""
    for variant in spec.experiment.variants if spec.experiment is not None else ():
        if variant.name == winner:
            changes |= {"subject": variant.subject or spec.subject}
            if variant.template_id:
                changes |= {"template_id": variant.template_id, "template_version": None}
    if not changes.get("template_id", spec.template_id):
        changes["content_id"] = ""
    return spec.model_copy(update=changes)


def wrong_retry(spec: CampaignSpec) -> str:
    """What a spec with retry_of cannot have, ""."""
    if not spec.retry_of:
        return ""
    if spec.experiment is not None:
        return "a campaign that tries others' failures again has no experiment"
    if spec.schedule is not None and spec.schedule.local is not None:
        return "a campaign that tries others' failures again starts at a moment (schedule.at), not at a local time"
    return ""
