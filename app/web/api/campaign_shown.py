"""How a campaign is shown over REST: as it was written, where it stands, and what it may be told."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from app.commands import CampaignEntry, State
from app.control import Picture
from app.control.describe import shown_fates
from app.delivery.campaigns.lifecycle import allowed
from app.delivery.campaigns.queueing import position
from app.delivery.limits.forecast import Forecast
from app.routes import Notice
from app.specs import CampaignSpec, Strict, Window
from app.web.api.moments_shown import When, iso
from app.web.api.notice_shown import NoticeShown, notice_shown


class TrialShown(Strict):
    """Where an experiment stands."""

    phase: Literal["testing", "waiting", "decided"]
    decide_at: When | None = Field(description="Once all of the test is final; None: by hand")
    winner: str
    results: dict[str, dict[str, int]] = Field(description="Variant -> sent, opens, clicks, unsubscribes")


class CampaignShown(Strict):
    """A campaign."""

    id: str
    campaign: str = Field(description="The same as id: as events and Kafka name it")
    name: str
    project: str
    state: State
    reason: str = Field(description="Why it is in this state, where there is something to say")
    allowed: list[str] = Field(description="What it can be told in this state")
    revision: int = Field(description="Counts its changes: the ETag")
    audience: int | None = Field(description="People it goes to, once that is fixed")
    left_out: dict[str, int] = Field(description="People of its lists and segments who are not in it, by reason")
    trial: TrialShown | None = Field(description="Where its experiment stands")
    spec: dict[str, Any] = Field(description="What was asked for: every field of a campaign, with its defaults")
    created_at: When
    due_at: When | None = Field(description="SCHEDULED: when it moves on")
    queued_at: When | None
    started_at: When | None
    finished_at: When | None
    started_by: str = Field(description="The API key that asked for the start; empty: the operator, or nobody yet")
    approved_by: str
    quiet: Window | None = Field(description="The quiet hours of the account as they were at the start")


class Told(CampaignShown):
    """A campaign after a command."""

    command: str = Field(description="The Idempotency-Key, or what stood in for it")
    effective: bool | None = Field(
        default=None, description="pause, cancel: every sender has heard it (202: not all have yet)"
    )
    notes: list[str] = Field(default_factory=list, description="What whoever asked should know about it")


class ForecastShown(Strict):
    """An estimate of when a campaign will be done."""

    finishes_at: When | None = Field(description="None: nobody can tell")
    seconds: float | None
    limited_by: str = Field(description="The limit that binds, by its name; empty for none")
    text: str
    goes_on_at: When | None = Field(default=None, description="Nothing can leave until then")


class HeldShown(Strict):
    """Messages of one MX group that could leave, and what they wait for."""

    group: str
    due: int
    held_by: str = Field(description="The name of a limit, or of what else holds them: docs/explain.md")
    text: str = Field(description="The same in words")


class CampaignStatus(Strict):
    """Where a campaign stands."""

    id: str
    campaign: str
    name: str
    state: State
    reason: str
    allowed: list[str]
    revision: int
    queue_position: int | None = Field(description="QUEUED: 1 is the next of the account to start")
    scheduled_for: When | None = Field(description="SCHEDULED: when it moves on")
    audience: int | None
    counts: dict[str, int] = Field(description="Messages by what became of them, bounces and drops by reason, too")
    fates: dict[str, int] = Field(
        description="Messages that went out by what became of them, as far as providers have told: delivered, bounced, "
        "blocked, failed, expired, not_reported; and complained, which is among those delivered"
    )
    done: int = Field(description="Messages whose fate is decided")
    due: int = Field(description="Messages that could leave now")
    on_the_way: int = Field(description="Messages handed to a provider and not answered")
    complete: bool = Field(description="False in the first seconds of an edge: not everything is counted yet")
    rate: float = Field(description="Messages decided a second, over the last three seconds")
    trial: TrialShown | None
    forecast: ForecastShown
    notices: list[NoticeShown] = Field(description="What holds on just now and concerns it, the newest first")
    held: list[HeldShown] = Field(description="What keeps messages that could leave now, the most messages first")
    created_at: When
    started_at: When | None
    finished_at: When | None


def spec_shown(spec: CampaignSpec) -> dict[str, Any]:
    """*spec* as JSON, its moments as ISO 8601."""
    told = spec.model_dump(mode="json")
    told["expires_at"] = iso(spec.expires_at)
    if spec.schedule is not None:
        told["schedule"]["at"] = iso(spec.schedule.at)
    return told


def trial_shown(entry: CampaignEntry) -> dict[str, Any] | None:
    """The experiment of *entry* as TrialShown has it. One that is decided by hand has no time for it."""
    if entry.trial is None:
        return None
    experiment = entry.spec.experiment
    by_hand = experiment is not None and experiment.metric == "by_hand"
    return entry.trial.model_dump() | {"decide_at": None if by_hand else iso(entry.trial.decide_at)}


def campaign_shown(entry: CampaignEntry) -> dict[str, Any]:
    """*entry* as CampaignShown has it."""
    return {
        "id": entry.id, "campaign": entry.id, "name": entry.spec.name, "project": entry.spec.project,
        "state": entry.state, "reason": entry.reason, "revision": entry.revision,
        "allowed": allowed(entry.state, entry.spec.experiment),
        "audience": entry.seal.count if entry.seal else None, "left_out": entry.seal.left_out if entry.seal else {},
        "trial": trial_shown(entry),
        "spec": spec_shown(entry.spec),
        "created_at": iso(entry.created_at), "due_at": iso(entry.due_at), "queued_at": iso(entry.queued_at),
        "started_at": iso(entry.started_at), "finished_at": iso(entry.finished_at),
        "started_by": entry.started_by, "approved_by": entry.approved_by,
        "quiet": entry.quiet.model_dump() if entry.quiet else None,
    }  # fmt: skip


def status_shown(
    entry: CampaignEntry,
    picture: Picture,
    others: list[CampaignEntry],
    rate: float,
    forecast: Forecast,
    notices: Iterable[Notice] = (),
    held: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """*entry* as CampaignStatus has it; *others* are the live campaigns, *notices* concern it, *held* holds it back."""
    return {
        "id": entry.id, "campaign": entry.id, "name": entry.spec.name,
        "state": entry.state, "reason": entry.reason, "revision": entry.revision,
        "allowed": allowed(entry.state, entry.spec.experiment),
        "queue_position": position(entry, others) or None,
        "scheduled_for": iso(entry.due_at) if entry.state == "SCHEDULED" else None,
        "audience": entry.seal.count if entry.seal else None,
        "counts": picture.counts, "fates": shown_fates(picture),
        "done": picture.final, "due": picture.due, "on_the_way": picture.open,
        "complete": picture.complete, "rate": rate,
        "trial": trial_shown(entry),
        "forecast": {
            "finishes_at": iso(forecast.finishes_at), "seconds": forecast.seconds, "limited_by": forecast.limited_by,
            "text": forecast.text, "goes_on_at": iso(forecast.goes_on_at),
        },
        "notices": [notice_shown(each) for each in notices],
        "held": list(held),
        "created_at": iso(entry.created_at), "started_at": iso(entry.started_at),
        "finished_at": iso(entry.finished_at),
    }  # fmt: skip
