"""What is known of domains: asked for most frequent first, kept for its time, never lost to a failure."""

import asyncio
import time

import pytest

from agents.mx import A_LOT, LONGEST_PAUSE, SHORTEST_PAUSE, MxAgent
from app.clickhouse.client import ClickHouse
from app.clickhouse.mx_domains import keep, known, to_look_up, tried
from app.clickhouse.people import Person, upsert_contacts
from app.delivery.mx_groups import Looked, Mail
from app.settings import Settings
from app.transport.mx_lookup import MxLookup
from tests.clickhouse.conftest import SECRET
from tests.transport.dns_server import dns_server

DAY = 86_400.0


async def write(client: ClickHouse, *addresses: str) -> None:
    """Contacts."""
    assert (await upsert_contacts(client, SECRET, "default", [Person(each, {}) for each in addresses]))[1] == []


async def to_ask(client: ClickHouse) -> list[str]:
    """What a search finds."""
    return await to_look_up(client, 100, timeout=30)


async def test_domains_are_asked_for_by_how_many_people_have_them(client: ClickHouse) -> None:
    """The domains that matter come first; those that a name settles never."""
    await write(
        client, "a@Big.de", "b@big.de", "c@BIG.DE", "a@mid.de", "b@mid.de", "a@small.de", "a@gmail.com", "a@gmx.de"
    )
    assert await to_ask(client) == ["big.de", "mid.de", "small.de"]
    assert await to_look_up(client, 1, timeout=30) == ["big.de"]
    now = time.time()
    await keep(client, [Looked("big.de", Mail.MX, "gmail", ("mx.google.com",), DAY)], now)
    await keep(client, [Looked("mid.de", Mail.NONE, seconds=100)], now - 200)
    assert await to_ask(client) == ["mid.de", "small.de"]  # what is over is asked for again


async def test_a_failure_takes_nothing_away_and_waits_its_time(client: ClickHouse) -> None:
    """A resolver that is down for a day must not turn gmail into nobody, nor be asked all the time."""
    await write(client, "a@firm.de", "a@new.de")
    now = time.time()
    await keep(client, [Looked("firm.de", Mail.MX, "gmail", ("a.google.com", "b.google.com"), DAY)], now - 2 * DAY)
    failed = [Looked(each, Mail.FAILED, seconds=900, reason="no answer in time") for each in ("firm.de", "new.de")]
    await asyncio.gather(*(keep(client, failed, now) for _ in range(3)))
    found = await known(client, ["firm.de", "new.de"])
    assert list(found) == ["firm.de"]
    firm = found["firm.de"]
    assert (firm.mail, firm.group, firm.hosts) == (Mail.MX, "gmail", ["a.google.com", "b.google.com"])
    assert (firm.looked_up_at, firm.expires_at) == (pytest.approx(now - 2 * DAY, abs=0.002), int(now - DAY))
    vain = (await tried(client, ["new.de"]))["new.de"]
    assert (vain.reason, vain.again_at) == ("no answer in time", int(now + 900))
    assert await to_ask(client) == []
    await keep(client, [Looked("firm.de", Mail.MX, "outlook", ("x.mail.protection.outlook.com",), DAY)], now + 1)
    assert (await known(client, ["firm.de"]))["firm.de"].group == "outlook"


async def test_what_dns_says_is_kept_as_it_is(client: ClickHouse) -> None:
    """Names of hosts are words of strangers."""
    await keep(client, [Looked("a.de", Mail.MX, "", ("x'y\\z", "\u2028", '"]'), DAY, "quote ' \" \\ \n")])
    assert (await known(client, ["a.de", "o'b.de"]))["a.de"].hosts == ["x'y\\z", "\u2028", '"]']
    await keep(client, [])


async def test_the_agent_asks_for_all_that_is_missing_and_rests(client: ClickHouse, settings: Settings) -> None:
    """From contacts to groups, over real DNS packets."""
    await write(client, *(f"a{n}@d{n % 3}.de" for n in range(6)), "a@demo.example")
    async with dns_server() as server:
        server.mx("d0.de", "1 aspmx.l.google.com.")
        server.mx("d1.de", "0 .")
        lookup = MxLookup([f"127.0.0.1:{server.port}"])
        agent = MxAgent(client, lookup)
        assert await agent.search() >= SHORTEST_PAUSE
        found = await known(client, ["d0.de", "d1.de", "d2.de", "demo.example"])
        assert {name: (each.mail, each.group) for name, each in found.items()} == {
            "d0.de": (Mail.MX, "gmail"), "d1.de": (Mail.NULL, ""), "d2.de": (Mail.NONE, ""),
            "demo.example": (Mail.NONE, ""),
        }  # fmt: skip
        asked = list(server.asked)
        await agent.search()
        assert server.asked == asked and ("demo.example", "MX") not in asked
        await lookup.close()


async def test_without_dns_one_lot_is_asked_for_and_then_hardly_anything(client: ClickHouse) -> None:
    """A closed network: no storm, no end of the process, longer and longer pauses."""
    await write(client, *(f"a@d{n}.de" for n in range(A_LOT + 20)))
    lookup = MxLookup(["127.0.0.1:1"], one=0.1, all_=0.5)
    agent = MxAgent(client, lookup)
    pauses = [await agent.search() for _ in range(2)]
    await lookup.close()
    assert pauses == [2 * SHORTEST_PAUSE, 4 * SHORTEST_PAUSE] and pauses[1] <= LONGEST_PAUSE
    assert await to_ask(client) == []


async def test_without_clickhouse_the_agent_rests(settings: Settings) -> None:
    """It shares a process with sealing: an exception would end that too."""
    away = Settings(state_dir=settings.state_dir, clickhouse="http://127.0.0.1:1")
    async with ClickHouse(away) as client:
        assert await MxAgent(client, MxLookup()).search() == 2 * SHORTEST_PAUSE
