"""Decides whether a limit can be kept and means something: what is wrong with it, and what to write instead."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache

from babel import Locale

from app.delivery.limits.rates import wrong_burst
from app.delivery.mx_groups import NAMES, OTHER, group_of, own_group
from app.delivery.routes.account_checks import wrong_sender_id
from app.delivery.routes.checks import IMPLICIT
from app.routes import EVERY, MOST_DAYS, LimitSet, Route, WarmUp
from app.specs import known_zone

MOST_LIMITS = 10_000  # stored at once: every edge holds them all
MOST_NAMED = 12  # things that a refusal lists
DAY = 86_400.0
SPARE = 1e-9  # of a comparison of rates
WARMS_UP = ("pool", "route")
GROUPED = ("account", "provider", "pool", "route")  # that may have limits towards an MX group
DETOURS = ("provider", "pool", "route")  # where a message that finds them full can take another route
# Territories of CLDR that ISO 3166 has no country for. Kosovo stays: phones have it.
_NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})

Wrong = tuple[str, str]  # the field of the limit at fault, and what is wrong with it


@dataclass(frozen=True, slots=True)
class Known:
    """What there is that a limit can be for. *accounts* are those that have made anything or can be signed in to."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    accounts: Collection[str] = ()
    limits: int = 0  # stored ones


@cache
def countries() -> frozenset[str]:
    """The codes of ISO 3166-1 alpha-2, and XK."""
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - _NO_COUNTRIES


def wrong_limit(limit: LimitSet, known: Known, now: float, before: LimitSet | None = None) -> Wrong | None:
    """Why *limit* cannot be set in place of *before*. None: it can.

    One that limits nothing can always be set: what it is for may be gone already.
    """
    if limit.limits_nothing:
        return _wrong_burst(limit)
    if before is None and known.limits >= MOST_LIMITS:
        return "name", f"there are {MOST_LIMITS:,} limits already: remove some, or set one for '*'"
    return (
        _wrong_group(limit)
        or _wrong_name(limit, known)
        or _wrong_burst(limit)
        or _wrong_rate(limit)
        or _wrong_caps(limit)
        or _wrong_unit(limit)
        or _unit_of_mail(limit, known.routes)
        or _wrong_zone(limit)
        or _wrong_overflow(limit)
        or _wrong_warm_up(limit, now, before)
    )


def listed(names: Iterable[str]) -> str:
    """Names for a sentence, the first of them in alphabetical order."""
    found = sorted(names)
    more = f" and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else ""
    return ", ".join(found[:MOST_NAMED]) + more if found else "none"


# -- what it is for


def _wrong_group(limit: LimitSet) -> Wrong | None:
    if not limit.group:
        return None
    if limit.scope not in GROUPED:
        where = "the group itself" if limit.scope == "group" else f"a {limit.scope}: phones have no MX group"
        return "group", f"this is a limit of {where}; a group belongs to limits of {', '.join(GROUPED)}: leave it out"
    wrong = _no_such_group(limit.group)
    return ("group", wrong) if wrong else None


def _wrong_name(limit: LimitSet, known: Known) -> Wrong | None:
    wrong = "" if limit.name == EVERY else _no_such(limit, known)
    return ("name", wrong) if wrong else None


def _no_such(limit: LimitSet, known: Known) -> str:
    """Why nothing is named by *limit*, "" when something is."""
    name = limit.name
    match limit.scope:
        case "account":
            how = "make a key for it (`fanfare keys create`) or set its settings, then its limit"
            return _not_among(name, "account", known.accounts, how)
        case "route":
            return _not_among(name, "route", known.routes or (IMPLICIT,), "set the route first")
        case "pool":
            pools = {each.sender for each in known.routes.values()} or {IMPLICIT}
            return _not_among(name, "pool", pools, "set a route with that pool first")
        case "provider":
            providers = {each.provider for each in known.routes.values()} or {IMPLICIT}
            return _not_among(name, "provider", providers, "set a route of that provider first")
        case "group":
            return _no_such_group(name)
        case "country":
            return _no_such_country(name)
        case "carrier":
            return _no_such_carrier(name)
        case "sender":
            return _no_such_sender(name)  # routes and number pools name them, and may do so later


def _not_among(name: str, what: str, names: Collection[str], how: str) -> str:
    if name in names:
        return ""
    return f"there is no {what} {name!r}: {what}s are {listed(names)}. Name one of them, '*' for each, or {how}"


def _no_such_group(name: str) -> str:
    if name == EVERY:
        return ""
    if name != name.lower():
        return f"groups are written in small letters: {name.lower()!r}"
    mapped = group_of(name)
    if mapped not in (OTHER, name):
        return f"{name!r} belongs to the MX group {mapped!r}: set the limit of that one"
    if name in NAMES or own_group(name) == name:
        return ""
    return (
        f"there is no MX group {name!r}: groups are {', '.join(sorted(NAMES))}; a domain such as example.com is one too"
    )


def _no_such_sender(name: str) -> str:
    wrong = wrong_sender_id(name) if name.strip() == name else f"{name!r} begins or ends with a blank"
    return f"{wrong}. Write one as messages have it, such as +15005550006, 12345 or ACME" if wrong else ""


def _no_such_carrier(name: str) -> str:
    country, divided, carrier = name.partition("/")
    if country in countries() and carrier.strip() == carrier != "":
        return ""
    wrong = _no_such_country(country) if divided and carrier else f"{name!r} is no carrier"
    return f"{wrong}: write the country and the carrier, such as IN/airtel"


def _no_such_country(name: str) -> str:
    if name in countries():
        return ""
    hint = f"write {name.upper()!r}" if name.upper() in countries() else "write one such as PT, DE or US"
    return f"{name!r} is no country code of ISO 3166: {hint}"


# -- whether it can be kept


def _wrong_burst(limit: LimitSet) -> Wrong | None:
    wrong = wrong_burst(limit.per_second, limit.burst)
    if wrong:
        return "burst", wrong
    if limit.burst is None or limit.per_second is None:
        return None
    for cap in ("hourly", "daily", "moving_daily"):
        most = getattr(limit, cap)
        if most is not None and limit.burst > most:
            return (
                "burst",
                f"a burst of {limit.burst:,g} is above the {cap.replace('_', ' ')} cap of {most:,}: lower it",
            )
    if limit.burst > max(2.0, limit.per_second * DAY * (1 + SPARE)):
        per_day = limit.per_second * DAY
        return "burst", f"a burst of {limit.burst:,g} is more than the rate allows in a day ({per_day:,g}): lower it"
    return None


def _wrong_rate(limit: LimitSet) -> Wrong | None:
    rate = limit.per_second
    if rate is None or rate * DAY >= 1 - SPARE:
        return None
    return "rate", f"{limit.rate:g} a {limit.per} is less than one message a day: give at least 1/day"


def _wrong_caps(limit: LimitSet) -> Wrong | None:
    if limit.hourly is not None and limit.daily is not None and limit.hourly > limit.daily:
        return "hourly", f"{limit.hourly:,} an hour is above the daily cap of {limit.daily:,}: lower it, or raise daily"
    if limit.moving_daily is not None and limit.hourly is not None and limit.hourly > limit.moving_daily:
        return "hourly", f"{limit.hourly:,} an hour is above the {limit.moving_daily:,} of any 24 hours: lower it"
    return None


def _wrong_unit(limit: LimitSet) -> Wrong | None:
    if limit.unit == "messages":
        return None
    if limit.scope == "group" or limit.group:
        return "unit", f"{limit.unit} are those of phones, which have no MX group: leave out the unit, or the group"
    if limit.unit == "people":
        lacks = "people are counted in any 24 hours, on WhatsApp: set moving_daily, or leave out the unit"
        return ("unit", lacks) if limit.moving_daily is None else None
    if limit.rate is None and not any((limit.hourly, limit.daily, limit.moving_daily, limit.warm_up)):
        return "unit", "what is on the way is counted in messages: parts are for a rate or a cap"
    return None


def _unit_of_mail(limit: LimitSet, routes: Mapping[str, Route]) -> Wrong | None:
    """A unit of phones, for routes that take email alone."""
    if limit.unit == "messages" or limit.scope not in DETOURS:
        return None
    named = {"route": "name", "provider": "provider", "pool": "sender"}[limit.scope]
    channels = {each.channel for each in routes.values() if getattr(each, named) == limit.name}
    if channels != {"email"}:
        return None
    return (
        "unit",
        f"{limit.unit} are those of phones, and {limit.scope} {limit.name!r} is for email: leave out the unit",
    )


def _wrong_zone(limit: LimitSet) -> Wrong | None:
    try:
        known_zone(limit.time_zone)
    except ValueError as error:
        return "time_zone", str(error)
    return None


def _wrong_overflow(limit: LimitSet) -> Wrong | None:
    if limit.full == "wait" or limit.scope in DETOURS:
        return None
    return "full", f"no other route is free of this {limit.scope}: overflow is for limits of {', '.join(DETOURS)}"


def _wrong_warm_up(limit: LimitSet, now: float, before: LimitSet | None) -> Wrong | None:
    plan = limit.warm_up
    if plan is None:
        return None
    if limit.scope not in WARMS_UP:
        return "warm_up", f"what warms up is a sender: a limit of a {' or '.join(WARMS_UP)}, not of a {limit.scope}"
    if plan.first is not None and plan.last is not None and _never_grows_to(plan, plan.last):
        return "warm_up.factor", f"{plan.factor:g} takes more than {MOST_DAYS} days to come to {plan.last:,}: raise it"
    days = plan.days()
    if limit.daily is not None and all(cap > limit.daily for cap in days):
        return "warm_up", f"each of its days allows more than the daily cap of {limit.daily:,}: it would change nothing"
    return None if before is not None and before.warm_up == plan else _wrong_begin(plan, len(days), now)


def _never_grows_to(plan: WarmUp, last: int) -> bool:
    days = plan.days()
    return len(days) == MOST_DAYS and days[-1] * plan.factor < last


def _wrong_begin(plan: WarmUp, days: int, now: float) -> Wrong | None:
    today = datetime.fromtimestamp(now, UTC).date()
    last = _after(plan.begins, days - 1)
    if last < today - timedelta(days=1):  # in whatever zone
        return "warm_up.begins", f"it would have been over since {last}: begin later, or leave the warm-up out"
    if plan.begins > today + timedelta(days=MOST_DAYS):
        return "warm_up.begins", f"nothing may be sent before it begins: choose a day within {MOST_DAYS} days"
    return None


def _after(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max
