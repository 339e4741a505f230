"""Notices in ClickHouse: each once, by what people ask for, in pages."""

from typing import Any

from app.clickhouse.client import ClickHouse
from app.clickhouse.notices import notice_page
from app.control.overlay import Overlay
from app.delivery.campaigns.notice_ids import notice_id
from app.routes import Notice
from app.things import ThingRecord
from app.web.notices_seen import NoticeFilter, seen_notices
from tests.clickhouse.mirrored import NOW, recorded, store


def notice(number: int, **fields: Any) -> Notice:
    at = NOW + number
    shown = {"kind": "breaker_opened", "level": "alert", "route": "a", "pool": "a", "reason": "it failed"} | fields
    return Notice(id=notice_id(at, str(number)), at=at, figures={"answers": 20.0}, **shown)


def told(each: Notice) -> ThingRecord:
    """A notice as pacing records it."""
    return ThingRecord(kind="notice", account="", id=each.id, version=1, at=each.at, body=each.model_dump(mode="json"))


async def test_a_notice_that_is_told_twice_is_there_once_and_as_it_was(client: ClickHouse) -> None:
    """
    After a kill it is told again.
    """
    one = notice(1, campaigns=["c1", "c2"], accounts=["acme", "other"])
    assert await store(client, recorded(told(one)), recorded(told(one))) == []
    assert await notice_page(client) == [one]


async def test_pages_go_from_the_newest_back(client: ClickHouse) -> None:
    """
    Every notice is on one page.
    """
    made = [notice(number) for number in range(7)]
    await store(client, *[recorded(told(each)) for each in made])
    first = await notice_page(client, limit=4)
    rest = await notice_page(client, before=first[-1].id, limit=4)
    assert first + rest == made[::-1]


async def test_notices_are_found_by_what_people_ask_for(client: ClickHouse) -> None:
    """
    An account must not see what does not concern it.
    """
    made = [
        notice(0, campaigns=["c1"], accounts=["acme"]), notice(1, level="info", kind="breaker_closed"),
        notice(2, route="", pool="b", group="gmail", kind="slowed", level="warning", campaigns=["c2"],
               accounts=["other"]),
    ]  # fmt: skip
    await store(client, *[recorded(told(each)) for each in made])
    assert await notice_page(client, levels=["alert", "warning"]) == [made[2], made[0]]
    assert await notice_page(client, route="b") == [made[2]]
    assert await notice_page(client, campaign="c1") == [made[0]]
    assert await notice_page(client, account="other") == [made[2]]
    assert await notice_page(client, since=NOW + 1) == [made[2], made[1]]


async def test_what_is_no_notice_is_set_apart(client: ClickHouse) -> None:
    """
    A record without a body would stop the mirror for ever.
    """
    empty = ThingRecord(kind="notice", account="", id="x", version=1, at=NOW)
    assert len(await store(client, recorded(empty))) == 1


async def test_what_is_still_on_its_way_shows_and_others_stay_unnamed(client: ClickHouse) -> None:
    """
    Who asks right after the alert must find what it was about; and an account finds its own campaigns alone.
    """
    stored = notice(0, campaigns=["c1", "c2"], accounts=["acme", "other"])
    fresh, foreign = notice(1, campaigns=["c1"], accounts=["acme"]), notice(2, campaigns=["c2"], accounts=["other"])
    await store(client, recorded(told(stored)))
    overlay = Overlay()
    for offset, each in enumerate((stored, fresh, foreign)):
        overlay.take(0, offset, told(each))
    everything = await seen_notices(client, overlay, NoticeFilter())
    assert everything == [foreign, fresh, stored]
    assert await seen_notices(client, overlay, NoticeFilter(), before=fresh.id) == [stored]
    own = await seen_notices(client, overlay, NoticeFilter(account="acme"))
    assert [(each.id, each.campaigns, each.accounts) for each in own] == [
        (fresh.id, ["c1"], ["acme"]), (stored.id, ["c1"], ["acme"]),
    ]  # fmt: skip
    assert await seen_notices(client, overlay, NoticeFilter(levels=["info"])) == []
