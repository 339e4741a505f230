"""How many campaigns of an account run at once, and whose turn it is when one of them ends."""

from collections.abc import Iterable

from app.commands import CampaignEntry, State

# Those that count: a paused campaign keeps its place, so that it can be resumed at once.
PLACES: tuple[State, ...] = ("SEALING", "RUNNING", "PAUSED", "CANCELLING", "CLOSING")


def takes_a_place(entry: CampaignEntry) -> bool:
    """Whether the campaign is one of those that run at once. Transactional ones run for ever: they do not count."""
    return entry.spec.kind == "campaign" and entry.state in PLACES


def in_turn(queued: Iterable[CampaignEntry]) -> list[CampaignEntry]:
    """*queued* campaigns of one account, the next one first."""
    return sorted(queued, key=_turn)


def position(entry: CampaignEntry, others: Iterable[CampaignEntry]) -> int:
    """How many campaigns of its account start before *entry* or with it, itself included; 0 when it is not QUEUED."""
    if entry.state != "QUEUED":
        return 0
    before = (e for e in others if e.state == "QUEUED" and e.account == entry.account and e.id != entry.id)
    return 1 + sum(_turn(each) < _turn(entry) for each in before)


def _turn(entry: CampaignEntry) -> tuple[float, str]:
    return entry.queued_at or 0.0, entry.id
