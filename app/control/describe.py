"""How a campaign is shown to programs: state, audience, counts, speed."""

from typing import Any

from app.commands import CampaignEntry
from app.control.live import Picture
from app.delivery.outcomes import REPORTED
from app.delivery.reports.moves import FATES, fates


class Speed:
    """Messages a second over the last *window* seconds."""

    def __init__(self, window: float = 3.0) -> None:
        self.window = window
        self._points: list[tuple[float, int]] = []

    def at(self, now: float, done: int) -> float:
        """Note that *done* were done at *now*; the speed up to now."""
        self._points.append((now, done))
        while len(self._points) > 2 and self._points[1][0] <= now - self.window:
            self._points.pop(0)
        then, before = self._points[0]
        return (done - before) / (now - then) if now > then else 0.0


def describe(entry: CampaignEntry, picture: Picture) -> dict[str, Any]:
    """A campaign for programs: state, audience and counts."""
    return {
        "campaign": entry.id,
        "name": entry.spec.name,
        "state": entry.state,
        "reason": entry.reason,
        "audience": entry.seal.count if entry.seal else None,
        "counts": picture.counts,
        "fates": shown_fates(picture),
        "done": picture.final,
        "due": picture.due,
        "on_the_way": picture.open,
        "complete": picture.complete,
        "due_at": entry.due_at,
        "created_at": entry.created_at,
        "started_at": entry.started_at,
        "finished_at": entry.finished_at,
    }


def shown_fates(picture: Picture) -> dict[str, int]:
    """What became of the messages that went out, as far as answers and reports of providers tell."""
    found = fates(picture.counts)
    return {name: found[name] for name in FATES} | {
        "not_reported": found[""],
        "complained": picture.counts.get(f"{REPORTED}.complained", 0),
    }
