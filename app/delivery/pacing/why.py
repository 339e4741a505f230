"""Why a route was chosen, in words: what is told with everything that becomes of a message."""

from collections.abc import Sequence

from app.delivery.limits.book import Way
from app.delivery.limits.bounds import Bound, Service
from app.delivery.routes.health import Health

MOST_KEPT = 10_000  # texts
WORTH_TELLING = 0.5  # seconds that a class was held back


class Reasons:
    """Texts, made once for each situation."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._kept: dict[tuple[object, ...], str] = {}

    def why(self, way: Way, step: int, route: str, pin: str, passed: Sequence[Bound]) -> str:
        """Why *route* of that step carries what could not go over the bounds that were *passed* by."""
        weights = way.balances[step].weights  # the plan stays what it is when these change
        situation = (way.plan.id, route, pin, weights, *((each.name, self._state_of(each)) for each in passed))
        text = self._kept.get(situation)
        if text is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            text = self._kept[situation] = self._told(way, step, route, pin, passed)
        return text

    def _state_of(self, bound: Bound) -> str:
        return self._health.why_not(bound.route) if isinstance(bound, Service) else bound.full

    def _told(self, way: Way, step: int, route: str, pin: str, passed: Sequence[Bound]) -> str:
        if pin:
            return f"{route}: pinned, what became of an attempt there is unknown"
        if step == 0 or not passed:
            names = way.plan.steps[step]
            told = f"{route}: {_ordinal(step + 1)} of {len(way.plan.steps)}"
            if len(names) > 1:
                weights = way.balances[step].weights
                told += f", weight {weights[names.index(route)]} of {sum(weights)}"
            return told
        return f"{route}: " + "; ".join(dict.fromkeys(self._unusable(each) for each in passed))

    def _unusable(self, bound: Bound) -> str:
        if isinstance(bound, Service):
            reason = self._health.why_not(bound.route)
            return f"{bound.route} is out of service" + (f": {reason}" if reason else "")
        return f"{bound.name} is full: overflow"


def with_wait(why: str, held_by: str, seconds: float) -> str:
    """*why*, and what had held the class back until then."""
    return why if seconds < WORTH_TELLING else f"{why}; held {seconds:.1f} s by {held_by}"


def _ordinal(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number if number < 20 else number % 10, 'th') }"
