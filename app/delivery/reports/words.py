"""How the reports of a route do, in words for pages and commands."""

from app.routes import RouteStatus

STATES = {"late": "webhooks are late", "missing": "webhooks are missing"}


def told_of(status: RouteStatus) -> str:
    """How fast reports come, and what they tell of the last day; "" while nothing is known."""
    parts = [STATES[status.reports]] if status.reports else []
    if status.lag is not None:
        most = "" if status.lag_most is None else f", 95 % {_within(status.lag_most)}"
        parts.append(f"half came {_within(status.lag)} of late{most}")
    if status.bounced:
        parts.append(f"{status.bounced:.2%} bounced within a day")
    if status.complained:
        parts.append(f"{status.complained:.3%} complained")
    return "; ".join(parts)


def _within(seconds: float) -> str:
    if seconds > 86_400:
        return "later than a day"
    if seconds < 120:
        return f"within {seconds:g} s"
    return f"within {seconds / 60:g} min" if seconds < 7_200 else f"within {seconds / 3_600:g} h"
