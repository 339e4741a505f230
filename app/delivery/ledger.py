"""The sender's ledger: a release is executed at most once, ever; a repeat gets the stored result.

The intent is acknowledged before the first message of a release starts. After a crash the attempt
journal of its disk tells which messages had been on the wire; where that cannot be read nobody knows.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from app.delivery.outcomes import Kind
from app.records import Outcome, Release, Result


class Intent(msgspec.Struct, array_like=True):
    """A release that a sender has taken on: which disk holds its journal, and how many messages it has.

    *life* counts the processes that have worked on that disk: what another than the latest began is complete.
    """

    disk: bytes
    at: float
    campaign: str
    route: str
    size: int
    life: int = 0


class JournalEntry(msgspec.Struct, array_like=True):
    """What the journal knows of one message: begun, and the outcome if one came."""

    outcome: Outcome | None = None


class CampaignState(Protocol):
    """What a sender asks of a campaign before each message."""

    @property
    def state(self) -> str: ...

    @property
    def version(self) -> int: ...


def refusal(release: Release, campaign: CampaignState | None, now: float) -> str:
    """Why nothing of *release* may start, or "" when it may. What is refused is returned, not lost."""
    if campaign is None:
        return "campaign unknown"
    if campaign.state != "RUNNING":
        return f"campaign {campaign.state.lower()}"
    if campaign.version < release.spec_version:
        return "spec not here yet"
    if now > release.not_after:
        return "late"
    return ""


def resolve(release_id: bytes, intent: Intent, notes: Mapping[int, JournalEntry] | None, now: float) -> Result:
    """The result of a release whose sender died in the middle. *notes*: what its journal has; None: nobody can read it.

    Answered -> its outcome, begun without answer -> uncertain, never begun -> returned. Without a
    journal every message is uncertain: never a silent guess.
    """
    outcomes: list[Outcome] = []
    for row in range(intent.size):
        if notes is None:
            detail = "the journal of its sender cannot be read: nobody knows whether it was sent"
            outcomes.append(Outcome(Kind.UNCERTAIN, now, detail=detail))
        elif (entry := notes.get(row)) is None:
            outcomes.append(Outcome(Kind.RETURNED, now))
        elif entry.outcome is None:
            outcomes.append(Outcome(Kind.UNCERTAIN, now, detail="the sender died between the message and the reply"))
        else:
            outcomes.append(entry.outcome)
    return Result(release_id, intent.campaign, intent.route, now, outcomes)


def returned(release: Release, reason: str, now: float) -> Result:
    """The result of a release of which nothing was begun."""
    return Result(release.release_id, release.campaign, release.route, now, [], reason)
