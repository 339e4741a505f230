"""What keeps the messages of a campaign that could leave now, by MX group, as pacing tells it."""

from typing import Any

from app.commands import CampaignEntry
from app.control.tail import Tail
from app.delivery.limits.words import rate_of, words

MOST_GROUPS = 20  # those with the most messages


def held_of(tail: Tail, entry: CampaignEntry) -> list[dict[str, Any]]:
    """{group, due, held_by, text} of the groups of *entry* that are held back, those with the most messages first."""
    told = tail.held.get(entry.id)
    if told is None:
        return []
    limits = list(tail.limits.values())
    held = sorted(((due, group, by) for group, (due, by) in told.held.items() if due and by), reverse=True)
    return [
        {"group": group, "due": due, "held_by": by, "text": words(by, lambda name: rate_of(name, limits, entry))}
        for due, group, by in held[:MOST_GROUPS]
    ]
