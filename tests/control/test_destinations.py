"""MX groups of single messages: at once, right as soon as they are known, and never more than so many in memory."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from app.control import destinations
from app.control.destinations import Destinations
from app.control.tail import Tail
from app.delivery.mx_groups import Looked, Mail
from app.provider_accounts import SmtpServer
from app.routes import LimitSet, Route


def tail_of(*limits: LimitSet, routes: Sequence[Route] = ()) -> Tail:
    """What an edge has heard."""
    made = SimpleNamespace(limits={str(each.key): each for each in limits}, routes={each.name: each for each in routes})
    return cast(Tail, made)


class Finder:
    """Finds out *groups*, and counts what it is asked for."""

    def __init__(self, **groups: str) -> None:
        self.groups = {f"{name}.de": group for name, group in groups.items()}
        self.asked: list[str] = []
        self.seconds = 900.0
        self.broken = False

    async def find(self, domains: Sequence[str]) -> list[Looked]:
        """As MxFinder does."""
        self.asked += domains
        await asyncio.sleep(0)
        if self.broken:
            raise RuntimeError("a bug")
        return [
            Looked(each, Mail.MX, self.groups[each], seconds=self.seconds)
            if each in self.groups
            else Looked(each, Mail.FAILED, seconds=self.seconds)
            for each in domains
        ]


async def test_the_first_message_goes_as_other_and_the_next_with_its_group() -> None:
    """A message waits for no look-up; one look-up serves all that come."""
    finder = Finder(firm="gmail")
    asked = Destinations(tail_of(), finder.find)
    assert [asked.group_of(each) for each in ("Firm.de", "firm.de.", "gmail.com")] == ["other", "other", "gmail"]
    await asked.found()
    assert [asked.group_of(each) for each in ("FIRM.de", "x.example", "localhost", "a b", "")] == [
        "gmail",
        *["other"] * 4,
    ]
    await asked.found()
    assert finder.asked == ["firm.de"]


async def test_limits_and_routes_name_domains_from_now_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit for a domain holds for its single messages a second later, also where a provider hosts it."""
    monkeypatch.setattr(destinations, "NAMES_SECONDS", 0.0)
    tail, finder = tail_of(), Finder(firm="gmail", own="")
    asked = Destinations(tail, finder.find)
    asked.group_of("firm.de")
    await asked.found()
    tail.limits["x"] = LimitSet(scope="pool", name="smtp", group="firm.de", rate=1)
    tail.limits["y"] = LimitSet(scope="group", name="gmx.de", rate=1)
    tail.routes["r"] = Route(name="r", smtp=SmtpServer(host="h"), groups=["own.de", "outlook"])
    assert [asked.group_of(each) for each in ("firm.de", "own.de", "gmx.de")] == ["firm.de", "own.de", "gmx"]
    tail.limits.clear()
    assert asked.group_of("firm.de") == "gmail"


async def test_failures_change_nothing_that_is_known() -> None:
    """DNS or ClickHouse away, or a bug: groups stay, and it goes on by itself."""
    finder = Finder(firm="gmail")
    finder.seconds = 0.0  # whatever it says is over at once
    asked = Destinations(tail_of(), finder.find)
    asked.group_of("firm.de")
    await asked.found()
    finder.groups.clear()
    for broken in (False, True):
        finder.broken = broken
        assert asked.group_of("firm.de") == "gmail"
        await asked.found()
    assert asked.group_of("firm.de") == "gmail" and finder.asked == ["firm.de"] * 3  # and no more within a minute


async def test_without_look_ups_nothing_is_asked() -> None:
    """Off costs nothing."""
    asked = Destinations(tail_of())
    assert asked.group_of("firm.de") == "other" and asked._wanted == {}
    await asked.close()


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends to a million made-up domains must not fill the edge."""
    monkeypatch.setattr(destinations, "MOST_WANTED", 30)
    monkeypatch.setattr(destinations, "MOST_KEPT", 20)
    finder = Finder(d0="gmail")
    asked = Destinations(tail_of(), finder.find)
    for number in range(100):
        asked.group_of(f"d{number}.de")
    await asked.found()
    assert len(finder.asked) == 30 and len(asked._known) == 20
    asked.group_of("more.de")
    await asked.close()
    assert asked._finding is None
