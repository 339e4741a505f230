"""Look-ups, a page at a time: who is asked about together, how often is asked, and what happens when nobody answers."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents import lookups as module
from agents.lookups import MOST_FAILED, Asking, Lookups, StoppedError
from app.clickhouse.lookup_queries import Missing
from app.delivery.reports.lookups import Place, Rule

NOW = 1_800_000_000.0
RULE = Rule(after=60.0, keeps=86_400.0, per_minute=6)


def missing(number: int, ref: str) -> Missing:
    """A message of which nothing was told."""
    return Missing(f"{number:032x}", f"{number:032x}", "default", 1, ref, NOW - 110 + number / 2)


class Provider(Asking):
    """Notes what it is asked about; *silent* on some messages."""

    def __init__(self, page: Lookups, together: bool, silent: Sequence[str] = ()) -> None:
        super().__init__(page._app, cast(Any, SimpleNamespace(name="route")), RULE, page._failures)
        self.together, self._silent = together, silent
        self.asked: list[list[int]] = []

    async def ask(self, missing: Missing, address: str) -> None:
        await self.ask_together([missing], {missing.recipient: address})

    async def ask_together(self, missing: Sequence[Missing], addresses: Mapping[str, str]) -> None:  # noqa: ARG002
        self.asked.append([int(each.message, 16) for each in missing])
        if missing[0].message in self._silent:
            self._failures["route"] = self._failures.get("route", 0) + 1
            raise StoppedError(60.0, "busy")
        self._failures.pop("route", None)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> tuple[Lookups, list[Missing], dict[int, Place]]:
    """Look-ups, what is missing, and the places that are kept."""
    left: list[Missing] = []
    kept: dict[int, Place] = {}

    async def missing_of(_client: object, _route: str, window: Any, most: int) -> list[Missing]:
        after = (window.after.at, window.after.message)
        return [each for each in left if (each.sent_at, each.message) > after][:most]

    async def keep_places(_client: object, _route: str, places: Mapping[int, Place], _now: float) -> None:
        kept.update(places)

    async def addresses_of(_client: object, _account: str, recipients: list[str]) -> dict[str, str]:
        return {each: f"{each}@example.com" for each in recipients}

    for name, value in (("missing_of", missing_of), ("keep_places", keep_places), ("addresses_of", addresses_of)):
        monkeypatch.setattr(module, name, value)
    app = SimpleNamespace(now=lambda: NOW)
    return Lookups(cast(Any, app), cast(Any, None), cast(Any, None), cast(Any, None)), left, kept


async def test_all_that_one_request_has_sent_is_one_question(page: Any) -> None:
    """And no more questions are asked at a time than the provider takes in a minute."""
    looking, left, _ = page
    left += [missing(n, f"batch-{n % 2}" if n < 60 else f"own-{n}") for n in range(70)]
    provider = Provider(looking, together=True)
    place = await looking._ask_step(provider, 0, None)
    assert provider.asked == [list(range(0, 60, 2)), list(range(1, 60, 2)), [60], [61], [62], [63]]
    assert place == Place(left[63].sent_at, left[63].message)
    await looking._ask_step(provider, 0, place)
    assert provider.asked[6:] == [[n] for n in range(64, 70)]


async def test_who_cannot_tell_of_many_is_asked_about_each(page: Any) -> None:
    """A page is a minute's worth of questions."""
    looking, left, _ = page
    left += [missing(n, "batch") for n in range(20)]
    provider = Provider(looking, together=False)
    place = await looking._ask_step(provider, 0, None)
    assert provider.asked == [[n] for n in range(6)] and place == Place(left[5].sent_at, left[5].message)


async def test_a_message_that_is_never_answered_holds_up_no_others(page: Any) -> None:
    """It was asked about again and again, and nobody behind it ever."""
    looking, left, kept = page
    left += [missing(n, f"own-{n}") for n in range(4)]
    provider = Provider(looking, together=False, silent=[left[1].message])
    place = None
    for _ in range(MOST_FAILED):
        with pytest.raises(StoppedError):
            await looking._ask_step(provider, 0, place)
        place = kept.get(0)
    await looking._ask_step(provider, 0, place)
    assert provider.asked == [[0], *[[1]] * MOST_FAILED, [2], [3]]
