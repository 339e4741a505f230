"""Decides whether a number pool can send: numbers that exist, short codes or names, and not both in one list."""

import re
from collections.abc import Iterable, Sequence

import phonenumbers

from app.delivery.routes.account_checks import NUMBERS_ONLY, is_a_name
from app.things import NumberPool

Wrong = tuple[str, str]  # the field of the settings at fault, and what is wrong with it

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SHORT = re.compile(r"\d{3,8}", re.ASCII)
_DIGITS = re.compile(r"\+?\d+", re.ASCII)
_NAME = re.compile(r"(?=.*[A-Za-z])(?! )[A-Za-z0-9 ]{1,11}(?<! )", re.ASCII)
MOST_SHOWN = 5  # senders of one list in a note


def wrong_pools(pools: Sequence[NumberPool], stored: Iterable[NumberPool]) -> Wrong | None:
    """Why *pools* cannot take the place of those that are *stored*; what stays as it was is not looked at again."""
    before = {each.name: each for each in stored}
    for number, pool in enumerate(pools):
        if before.get(pool.name) == pool:
            continue
        for field, country, senders in _lists(pool):
            wrong = (
                next(filter(None, map(_wrong_sender, senders)), "") or _mixed(senders) or _nameless(country, senders)
            )
            if wrong:
                return f"number_pools.{number}.{field}", f"the pool {pool.name!r}: {wrong}"
    return None


def notes_on_pools(pools: Sequence[NumberPool], stored: Sequence[NumberPool]) -> list[str]:
    """What the pools that differ from those that are *stored* are now, and were."""
    before, after = ({each.name: each for each in some} for some in (stored, pools))
    told = [
        f"the number pool {name!r} is {spoken(pool)}" + (f"; it was {spoken(before[name])}" if name in before else "")
        for name, pool in after.items()
        if before.get(name) != pool
    ]
    return told + [f"there is no number pool {name!r} any more" for name in before if name not in after]


def spoken(pool: NumberPool) -> str:
    """The senders of a pool, and those for single countries."""
    countries = [f"{country}: {_some(senders)}" for country, senders in sorted(pool.countries.items())]
    return "; ".join([_some(pool.senders), *countries])


def _lists(pool: NumberPool) -> Iterable[tuple[str, str, Sequence[str]]]:
    """Each list of senders: its field, its country."""
    yield "senders", "", pool.senders
    for country, senders in pool.countries.items():
        yield f"countries.{country}", country, senders


def _wrong_sender(sender: str) -> str:
    """Why nothing can come from *sender*; "" where it can."""
    if _E164.fullmatch(sender):
        return "" if _is_possible(sender) else f"{sender} is no phone number: no country has one like it"
    if _SHORT.fullmatch(sender) or _NAME.fullmatch(sender):
        return ""
    if _DIGITS.fullmatch(sender):
        return f"{sender} is neither a number (+ and 7 to 15 digits, as +15005550006) nor a short code (3 to 8 digits)"
    return (
        f"{sender!r} is no number and no sender id: those have 1 to 11 letters (A to Z), digits and blanks, "
        "one letter at least"
    )


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _mixed(senders: Sequence[str]) -> str:
    named = [each for each in senders if is_a_name(each)]
    if not named or len(named) == len(senders):
        return ""
    number = next(each for each in senders if not is_a_name(each))
    return (
        f"{number} is a number and {named[0]!r} a name: some people could answer, others not. "
        "Make a pool of numbers and another one of names"
    )


def _nameless(country: str, senders: Sequence[str]) -> str:
    named = [each for each in senders if is_a_name(each)]
    if not named or country not in NUMBERS_ONLY:
        return ""
    return f"no name such as {named[0]!r} can be a sender in {country}: use a number or short code there"


def _some(senders: Sequence[str]) -> str:
    more = f" and {len(senders) - MOST_SHOWN:,} more" if len(senders) > MOST_SHOWN else ""
    return ", ".join(senders[:MOST_SHOWN]) + more
