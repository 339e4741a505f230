"""The time zone of a country that has one clock, for people of whom only the number is known."""

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@cache
def country_zones(year: int) -> dict[str, str]:
    """Country (ISO 3166, two letters) -> zone, for countries whose clocks all show the same in *year*.

    From zone.tab of the IANA database, which lists the most populous zone of a country first.
    """
    named: dict[str, list[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            named.setdefault(country, []).append(zone)
    return {country: zones[0] for country, zones in named.items() if len({_clock(each, year) for each in zones}) == 1}


def _clock(zone: str, year: int) -> tuple[object, ...]:
    """The offsets of *zone* in the middle of each month of *year*."""
    where = ZoneInfo(zone)
    return tuple(datetime(year, month, 15, tzinfo=UTC).astimezone(where).utcoffset() for month in range(1, 13))
