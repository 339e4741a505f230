"""When providers are asked what became of messages that they took, and never reported on.

A message is asked about when it is `after` seconds old, and again at twice, four times ... that age, as long as the
provider keeps what it knows. The ages are steps: of each route and step it is stored up to which moment of sending
everything was asked about. What has come to the age of the next step meanwhile is left to that one: after an outage of
ours, too, every message is asked about once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
MOST_STEPS = 24
LEAST_WINDOW = 1 / 16  # of the age of a step: what comes to it meanwhile is asked about together ...
LONGEST_WINDOW = HOUR  # ... but not later than that
MANY = 50  # missing of one page: then all that happened since is listed, where the provider can
MOST_PAGE = 200  # messages of one page

REFUSED_FOR = HOUR
BUSY_FOR = MINUTE
LONGEST_PAUSE = HOUR


@dataclass(frozen=True, slots=True)
class Rule:
    """How one provider is asked."""

    after: float  # seconds without a report
    keeps: float  # seconds for which it knows
    per_minute: float  # requests


# (adapter, channel) -> rule. Not here: who has no way to ask (MSG91, Vonage, WhatsApp, SMTP).
RULES = {
    ("ses", "email"): Rule(HOUR, 30 * DAY, 60),  # GetMessageInsights
    ("sendgrid", "email"): Rule(2 * HOUR, 3 * DAY, 6),  # Email Activity Feed
    ("mailgun", "email"): Rule(HOUR, DAY, 300),  # events; paid plans keep them longer
    ("twilio", "sms"): Rule(30 * MINUTE, 14 * DAY, 600),
    ("smpp", "sms"): Rule(HOUR, 2 * DAY, 60),  # query_sm, over the sessions of the senders
    ("twilio", "voice"): Rule(15 * MINUTE, 14 * DAY, 600),
}


class Place(NamedTuple):
    """Up to where it was asked: moment of sending, and the message (hex) among those of one moment."""

    at: float
    message: str = ""


class Window(NamedTuple):
    """Whom to ask about: sent from *after* on (behind its message), and before *until*."""

    after: Place
    until: float


def rule_of(adapter: str, channel: str, after: float | None, rates: dict[str, float]) -> Rule | None:
    """The rule for a route, with its own *after* and the *rates* (requests a minute by adapter) of the installation."""
    rule = RULES.get((adapter, channel))
    if rule is None:
        return None
    return replace(rule, after=rule.after if after is None else after, per_minute=rates.get(adapter, rule.per_minute))


def steps_of(rule: Rule) -> list[float]:
    """The ages at which a message is asked about."""
    ages = [rule.after * 2.0**step for step in range(MOST_STEPS)]
    return [age for age in ages if age <= rule.keeps]


def window_of(rule: Rule, step: int, place: Place | None, now: float) -> Window | None:
    """Of what *step* asks now, *place* being where it came to; None while that is too little to look for."""
    age = rule.after * 2.0**step
    oldest = now - min(2 * age, rule.keeps)
    after = Place(oldest) if place is None or place.at < oldest else place
    until = now - age
    least = min(age * LEAST_WINDOW, LONGEST_WINDOW)
    return Window(after, until) if until - after.at >= least else None


def page_of(rule: Rule) -> int:
    """Messages of one page: a minute's worth of requests."""
    return max(1, min(MOST_PAGE, int(rule.per_minute)))


def is_listed(missing: Sequence[object], lists: bool) -> bool:
    """Whether all that happened is listed instead of asking one by one."""
    return lists and len(missing) >= MANY


class Verdict(NamedTuple):
    """What an answer means for asking on."""

    told: bool  # it is handed on to be read
    pause: float = 0.0  # seconds for which the route is not asked; the message is asked about again
    why: str = ""


def verdict_on(status: int, retry_after: str, failures: int) -> Verdict:
    """What an answer with *status* means; *failures* in a row came before it."""
    if 200 <= status < 300:
        return Verdict(told=True)
    if status in (401, 402, 403):
        return Verdict(False, REFUSED_FOR, "the provider refuses to tell: does the account have this API?")
    if status == 429 or status >= 500:
        asked = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7 else 0.0
        pause = max(asked, BUSY_FOR * 2.0 ** min(failures, 10))
        return Verdict(False, min(LONGEST_PAUSE, pause), f"the provider is busy: {status}")
    return Verdict(told=False)  # it knows nothing of this message
