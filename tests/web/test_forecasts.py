"""How what is left of a campaign is shared out among mailbox providers."""

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from app.commands import Seal, Section
from app.control import Picture
from app.web.forecasts import forecast_of, left_by_group, retry_of, wants_a_share
from tests.web.conftest import campaign_entry

COUNTS = st.integers(0, 10_000)
TAIL = SimpleNamespace(limits={}, limit_status={}, routes={}, route_status={}, accounts={})


@given(st.dictionaries(st.sampled_from(["gmail", "yahoo", ""]), st.tuples(COUNTS, COUNTS), min_size=1), COUNTS)
def test_what_is_left_adds_up_to_what_is_not_final(groups: dict[str, tuple[int, int]], final: int) -> None:
    """
    A forecast for messages that are done, or for none where some wait, misleads whoever plans by it.
    """
    count = sum(rows for rows, _ in groups.values())
    if not count:
        return
    seal = Seal(
        id="s", count=count, digest="d", day=1, groups=[Section(group, rows) for group, (rows, _) in groups.items()]
    )
    providers: list[dict[str, Any]] = [
        {"provider": group or "other", "delivered": done, "queued": 1} for group, (_, done) in groups.items()
    ]
    found = left_by_group(campaign_entry("cmp", seal=seal), Picture({"delivered": min(final, count)}), providers)
    left = count - min(final, count)
    assert abs(sum(found.values()) - left) <= len(groups) and bool(found) is bool(left)
    assert all(each > 0 for each in found.values())


def test_only_when_everybody_left_waits_for_a_retry_it_is_the_retries() -> None:
    """
    One that could leave now, or has not been looked at, is held up by something else.
    """
    entry = campaign_entry("cmp", count=10)
    counts = {"listed": 10, "delivered": 8, "deferred": 2}
    assert retry_of(entry, Picture(counts, next_due=5.0)) == 5.0
    assert retry_of(entry, Picture(counts, next_due=5.0, due=1)) == 0.0
    assert retry_of(entry, Picture(counts, next_due=5.0, open=1)) == 0.0
    assert retry_of(entry, Picture(counts | {"listed": 9}, next_due=5.0)) == 0.0
    assert retry_of(entry, Picture(counts | {"deferred": 0}, next_due=5.0)) == 0.0


def test_a_campaign_that_only_waits_for_retries_leaves_its_share_to_others() -> None:
    """
    Five campaigns with a greylisted message each made the forecast of the sixth six times too long.
    """
    entry = campaign_entry("cmp", count=10)
    waits = Picture({"listed": 10, "delivered": 9, "deferred": 1}, next_due=5.0, complete=True)
    assert not wants_a_share(entry, waits)
    assert wants_a_share(entry, replace(waits, due=1))
    assert wants_a_share(entry, replace(waits, open=1))
    assert wants_a_share(entry, replace(waits, complete=False))
    assert wants_a_share(entry, replace(waits, counts={"listed": 9, "delivered": 9}))
    single = campaign_entry("single", seal=None)
    assert not wants_a_share(single, Picture({"listed": 3, "sent": 3}, complete=True))  # open for a week, and idle
    assert wants_a_share(single, Picture({"listed": 3, "sent": 2}, due=1, complete=True))


def test_who_is_called_again_or_waits_for_news_is_not_done() -> None:
    """
    A forecast said "everybody has been sent to" with twenty calls to make and fifty messages that may go on by SMS.
    """
    control = cast(Any, SimpleNamespace(campaigns={}, tail=TAIL, settings=SimpleNamespace(account_rate=0.0)))
    entry, recorded = campaign_entry("cmp", count=100), [{"provider": "gmail", "sent": 100}]
    busy = Picture({"listed": 100, "sent": 80, "deferred": 20}, next_due=time.time() + 900, complete=True)
    found = forecast_of(control, entry, busy, 0.0, recorded)
    assert (found.finishes_at, found.limited_by) == (None, "retries") and found.goes_on_at is not None
    out = {"listed": 100, "sent": 45, "awaited": 100, "awaited.over": 45}
    found = forecast_of(control, entry, Picture(out, complete=True), 0.0, recorded)
    assert (found.finishes_at, found.limited_by) == (None, "news") and found.text.startswith("55 are out")
    both = replace(busy, counts=out | {"fallback": 5})
    assert "or for news: 55 are out" in forecast_of(control, entry, both, 0.0, recorded).text
    assert forecast_of(control, entry, Picture({"listed": 100, "sent": 100}), 0.0, recorded).seconds == 0.0
