"""What holds messages back, in words: the names of meters and of places where classes wait, as pacing tells them.

A name is parts divided by "|": what kind of meter, then scope, whose, and towards which MX group. `words` takes any
text: a name that is not known is told as it is.
"""

import re
from collections.abc import Callable, Iterable

from app.commands import CampaignEntry
from app.delivery.limits.caps import DAILY, HOURLY, MOVING, WARM_UP
from app.delivery.limits.figures import SHORT
from app.delivery.limits.usage import in_force
from app.routes import EVERY, SECONDS, LimitSet
from app.specs import Throttle

Rates = Callable[[str], float | None]  # name of a meter -> messages a second, None for one that has no rate

CONCURRENCY, STATE, NO_ROUTE, HEALTH, SHAPED = "on the way", "state", "no route", "health", "shaped"  # no buckets
TOO_LONG = "too long"
CAPS = {
    HOURLY.rstrip("|"): "hourly cap of",
    DAILY.rstrip("|"): "daily cap of",
    MOVING.rstrip("|"): "cap of any 24 hours of",
    WARM_UP.rstrip("|"): "warm-up of",
}
SCOPES = {
    "account": "account",
    "provider": "provider",
    "pool": "pool",
    "route": "route",
    "group": "mailbox provider",
    "country": "country",
    "carrier": "carrier",
    "sender": "sender",
}
KINDS = "campaign|account|provider|pool|route|group|country|carrier|sender|health|no route|state"
EVERY_NAME = re.compile(
    r"\bshaped\|[^\s,;|()]+\|[^\s,;|()]+|"  # a pool and a group, without a scope before them
    r"\b(?:too long\|)?(?:(?:on the way|hour|day|24 h|warm-up)\|)?"
    rf"(?:{KINDS})\|[^\s,;|()]*(?:\|[^\s,;|()]*)*"  # in a sentence
)


class SetRate(float):
    """Messages a second, and the unit in which somebody set them."""

    per: str

    def __new__(cls, per_second: float, per: str) -> "SetRate":
        """Of *per*: second, minute, hour or day."""
        made = super().__new__(cls, per_second)
        made.per = per
        return made


def no_rate(_: str) -> float | None:
    """Where nobody knows rates."""
    return None


def words(name: str, rates: Rates = no_rate) -> str:
    """What the meter or place *name* is, with its rate a second if *rates* knows it."""
    said, rate = _words(name), rates(name)
    return f"{said} ({rate_words(rate)})" if rate else said


def in_words(text: str, rates: Rates = no_rate) -> str:
    """*text*, with every name of a meter in it in words."""
    return EVERY_NAME.sub(lambda found: words(found[0].rstrip("."), rates), text)


def rate_of(name: str, limits: Iterable[LimitSet], entry: CampaignEntry | None = None) -> float | None:
    """Messages a second that the meter *name* lets through, as *limits* and the campaign *entry* are now."""
    scope, _, rest = name.partition("|")
    of, _, group = rest.partition("|")
    if scope == "campaign":
        return _rate_of_campaign(entry.spec.throttle, group) if entry is not None and entry.id == of else None
    known = {each.key: each for each in limits}
    key = in_force((scope, of, group), known)
    if key is None or (rate := known[key].per_second) is None:
        return None
    return SetRate(rate, known[key].per)


def _rate_of_campaign(throttle: Throttle, towards: str) -> float | None:
    if not towards:
        return throttle.rate
    per = throttle.per_route if towards.startswith("route|") else throttle.per_group
    of = towards.removeprefix("route|")
    return per.get(of, per.get(EVERY))


def rate_words(rate: float) -> str:
    """A rate a second, in the unit in which it was set; else in one in which it is a number that people can read."""
    if isinstance(rate, SetRate):
        return f"{rate * SECONDS[rate.per]:,.10g}/{SHORT[rate.per]}"
    for unit, seconds in (("s", 1.0), ("min", 60.0), ("h", 3_600.0)):
        if rate * seconds >= 1:
            return f"{rate * seconds:,.4g}/{unit}"
    return f"{rate * 86_400:,.4g}/day"


def _words(name: str) -> str:
    kind, _, rest = name.partition("|")
    if kind == CONCURRENCY:
        return f"number on the way, {_words(rest)}"
    if kind == TOO_LONG:
        return f"{_words(rest)}, which is less than the parts of one of these messages"
    if kind in CAPS and rest:
        return f"{CAPS[kind]} {_whose(rest)}"
    if kind == STATE:
        return "campaign, which does not run"
    if kind == NO_ROUTE:
        return "route that takes it: there is none just now"
    if kind == HEALTH:
        return f"route {rest}, which takes nothing or little just now"
    if kind == SHAPED:
        pool, _, group = rest.partition("|")
        return f"pool {pool}, held back towards {group} for how it was answered there"
    if kind == "campaign":
        return _of_campaign(rest)
    return f"limit of {_whose(name)}" if kind in SCOPES and rest else name


def _of_campaign(rest: str) -> str:
    _, _, towards = rest.partition("|")
    if towards.startswith("route|"):
        return f"campaign's own limit over route {towards.removeprefix('route|')}"
    return f"campaign's own limit to {towards}" if towards else "campaign's own limit"


def _whose(name: str) -> str:
    scope, _, rest = name.partition("|")
    of, _, group = rest.partition("|")
    if scope == "campaign":
        return _of_campaign(rest)
    said = f"{SCOPES.get(scope, scope)} {of}"
    return f"{said} towards {group}" if group else said
