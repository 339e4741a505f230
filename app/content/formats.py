"""Dates, times, numbers, percentages and money as people of the message's language write them: filters on Babel.

Babel reads nothing but the locale data that it is shipped with. Input that is no date or number is a
FormatError: an error of that message alone.
"""

import re
from collections.abc import Callable
from copy import copy
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates, numbers
from babel.core import Locale, UnknownLocaleError

LENGTHS = frozenset({"short", "medium", "long", "full"})
LARGEST = Decimal(10) ** 18
MOST_DECIMALS = 15
LONGEST_INPUT = 60  # characters
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")


class FormatError(ValueError):
    """Raised for what cannot be written as a date, a time or a number."""


@lru_cache(maxsize=500)
def locale_for(tag: str) -> Locale:
    """Babel's locale for *tag*, or for the longest start of it that Babel knows; English if it knows none."""
    subtags = tag.replace("_", "-").split("-")
    for count in range(len(subtags), 0, -1):
        try:
            return Locale.parse("-".join(subtags[:count]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


def format_number(locale: Locale, value: Any, decimals: int | None = None) -> str:
    """1234.5 as 1.234,5 in German; *decimals* fixes how many there are."""
    return _applied(locale, "decimal", decimals, _number(value))


def format_percent(locale: Locale, value: Any, decimals: int | None = None) -> str:
    """0.25 as 25 %."""
    return _applied(locale, "percent", decimals, _number(value))


def format_currency(locale: Locale, value: Any, currency: Any) -> str:
    """1234.5 and EUR as 1.234,50 €."""
    if not isinstance(currency, str) or not numbers.is_currency(currency):
        raise FormatError(f"{_shown(currency)} is no currency: three letters as in EUR are needed")
    return str(numbers.format_currency(_number(value), currency, locale=locale))


def format_date(locale: Locale, value: Any, form: str = "medium", zone: str | None = None) -> str:
    """The day of *value*: short, medium, long, full, or a CLDR skeleton such as MMMMd."""
    moment = _moment(value, zone)
    if form in LENGTHS:
        return str(dates.format_date(moment, form, locale=locale))
    return _by_skeleton(locale, moment, form)


def format_time(locale: Locale, value: Any, form: str = "short", zone: str | None = None) -> str:
    """The time of *value* in *zone*, else in the zone it names, else in UTC."""
    moment = _moment(value, zone)
    if form in LENGTHS:
        return str(dates.format_time(moment, form, tzinfo=moment.tzinfo, locale=locale))
    return _by_skeleton(locale, moment, form)


def format_datetime(locale: Locale, value: Any, form: str = "medium", zone: str | None = None) -> str:
    """Day and time of *value* together."""
    moment = _moment(value, zone)
    if form in LENGTHS:
        return str(dates.format_datetime(moment, form, tzinfo=moment.tzinfo, locale=locale))
    return _by_skeleton(locale, moment, form)


FORMATS: dict[str, Callable[..., str]] = {
    "currency": format_currency,
    "date": format_date,
    "datetime": format_datetime,
    "number": format_number,
    "percent": format_percent,
    "time": format_time,
}


def wrong_arguments(name: str, arguments: list[Any], named: dict[str, Any]) -> str:
    """Why the filter *name* can never be called like this, "" if it can."""
    try:
        FORMATS[name](Locale("en"), "2026-01-31" if name in ("date", "datetime", "time") else 1, *arguments, **named)
    except FormatError as error:
        return str(error)
    except TypeError:
        return f"the filter '{name}' takes other arguments"
    return ""


def _by_skeleton(locale: Locale, moment: datetime, form: str) -> str:
    """A form of CLDR's own list only: Babel keeps every pattern that it has ever parsed."""
    if form not in locale.datetime_skeletons and form not in Locale("en").datetime_skeletons:
        raise FormatError(
            f"there is no form {_shown(form)}: short, medium, long, full or a CLDR skeleton such as yMMMd"
        )
    try:
        return str(dates.format_skeleton(form, moment, tzinfo=moment.tzinfo, locale=locale))
    except (KeyError, ValueError) as error:
        raise FormatError(f"the form {_shown(form)} is not known in {locale}") from error


def _applied(locale: Locale, kind: str, decimals: int | None, value: Decimal) -> str:
    pattern = _pattern(str(locale), kind, _decimals(decimals))
    return str(pattern.apply(value, locale))


def _decimals(decimals: Any) -> int | None:
    if decimals is None:
        return None
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= MOST_DECIMALS:
        raise FormatError(f"decimals are a number from 0 to {MOST_DECIMALS}")
    return decimals


@lru_cache(maxsize=2_000)
def _pattern(locale: str, kind: str, decimals: int | None) -> numbers.NumberPattern:
    parsed = Locale.parse(locale)
    formats = parsed.decimal_formats if kind == "decimal" else parsed.percent_formats
    pattern: numbers.NumberPattern = copy(formats[None])
    if decimals is not None:
        pattern.frac_prec = (decimals, decimals)
    return pattern


def _number(value: Any) -> Decimal:
    """*value* exactly; numbers may come as texts."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise FormatError(f"{_shown(value)} is no number")
    if isinstance(value, int) and value.bit_length() > 64:
        raise FormatError("number is too large")
    text = str(value).strip() if isinstance(value, str) else None
    if text is not None and (len(text) > LONGEST_INPUT or not _NUMBER.fullmatch(text)):
        raise FormatError(f"{_shown(value)} is no number")
    try:
        number = Decimal(text if text is not None else str(value))
    except InvalidOperation as error:
        raise FormatError(f"{_shown(value)} is no number") from error
    if not number.is_finite() or abs(number) >= LARGEST:
        raise FormatError(f"{_shown(value)} is no number that can be written")
    return number


def _moment(value: Any, zone: str | None) -> datetime:
    """*value*, ISO 8601 or seconds since 1970, in *zone*, else in its own zone, else in UTC."""
    into = _zone(zone) if zone else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, into or UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise FormatError(f"{_shown(value)} is no moment") from error
    if not isinstance(value, str) or len(value) > LONGEST_INPUT:
        raise FormatError(f"{_shown(value)} is no date")
    text = value.strip()
    try:
        if len(text) <= 10:  # a day is a day wherever it is read
            return datetime.combine(date.fromisoformat(text), time(), into or UTC)
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(into) if into else moment
    except (ValueError, OverflowError) as error:
        raise FormatError(f"{_shown(value)} is no date: ISO 8601 as in 2026-05-31 or 2026-05-31T12:00Z") from error


@lru_cache(maxsize=1_000)
def _zone(name: str) -> tzinfo:
    if not isinstance(name, str) or len(name) > 64 or not _ZONE.fullmatch(name):
        raise FormatError(f"{_shown(name)} is no time zone")
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise FormatError(f"{_shown(name)} is no time zone: IANA names as in Europe/Lisbon are needed") from error


def _shown(value: Any) -> str:
    return repr(value)[:50]
