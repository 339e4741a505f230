"""An explanation as the API tells it."""

from typing import Any

from pydantic import Field

from app.delivery.explain.story import Explanation
from app.specs import Strict
from app.web.api.moments_shown import When, iso


class StepShown(Strict):
    """One line of the timeline."""

    at: When
    kind: str = Field(description="listed, a kind of event, waited, retry, campaign, notice, waits, ...")
    text: str = Field(description="What happened, in a sentence")
    rule: str = Field(description="What decided: gate, dropped.suppressed, retry.transient, a class of refusals, ...")
    route: str
    limit: str = Field(description="The name of the limit that let it wait, as in statuses and events")
    figures: dict[str, float] = Field(description="What it was decided on: attempt, code, seconds, due, ...")


class WaitingShown(Strict):
    """What a message waits for."""

    held_by: str = Field(
        description="A limit, state|CAMPAIGN, retry.POLICY, schedule, hours, cap, unknown.hold, pacing"
    )
    text: str
    since: When
    due: When | None = Field(description="When it may leave at the earliest; null: once its turn comes")
    ahead: int = Field(description="Messages of its kind that could leave, itself among them")
    estimate: float | None = Field(description="Seconds; null where nobody can tell")


class Explained(Strict):
    """Why a message became what it is, or why there is none."""

    message: str = Field(description="Its id; empty where there is none")
    campaign: str
    recipient: str
    address: str = Field(description="Empty when the contact is gone")
    state: str = Field(description="The status of the message; NOT_LISTED where there is none")
    final: bool = Field(description="Nothing more is sent of it")
    summary: str = Field(description="All of it in one sentence")
    steps: list[StepShown] = Field(description="The oldest first")
    waiting: WaitingShown | None = Field(description="Of one that is not final")


def explained(told: Explanation) -> dict[str, Any]:
    """*told* with its moments in ISO 8601."""
    shown = told.as_json()
    for step in shown["steps"]:
        step["at"] = iso(step["at"])
    waiting = shown["waiting"]
    if waiting is not None:
        shown["waiting"] = {**waiting, "since": iso(waiting["since"]), "due": iso(waiting["due"] or None)}
    return shown
