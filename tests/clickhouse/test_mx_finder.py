"""What an edge finds out: from ClickHouse first, then from DNS, and told to all the others."""

import time

from app.clickhouse.client import ClickHouse
from app.clickhouse.mx_domains import keep, known
from app.delivery.mx_groups import Looked, Mail
from app.settings import Settings
from app.transport.mx_lookup import MxLookup
from app.web.mx_finder import MxFinder
from tests.transport.dns_server import dns_server


async def test_dns_is_asked_for_what_nobody_knows(client: ClickHouse) -> None:
    """Ten edges and a worker share what they have heard; a failure keeps what was known."""
    now = time.time()
    await keep(client, [Looked("known.de", Mail.MX, "outlook", ("h",), 9_000)], now)
    await keep(client, [Looked("over.de", Mail.MX, "yahoo", ("h",), 10)], now - 100)
    async with dns_server() as server:
        server.mx("new.de", "1 aspmx.l.google.com.")
        server.replies["over.de"] = lambda _: b""
        finder = MxFinder(client, MxLookup([f"127.0.0.1:{server.port}"], one=1.0, all_=5.0))
        found = {each.domain: each for each in await finder.find(["known.de", "over.de", "new.de"])}
        assert {name: each.group for name, each in found.items()} == {
            "known.de": "outlook", "over.de": "yahoo", "new.de": "gmail"
        }  # fmt: skip
        assert found["over.de"].mail is Mail.FAILED and 8_000 < found["known.de"].seconds < 9_001
        assert (await known(client, ["new.de"]))["new.de"].group == "gmail"
        assert ("known.de", "MX") not in server.asked
        await finder.close()


async def test_without_clickhouse_dns_alone_is_asked() -> None:
    """The edge lives on."""
    async with dns_server() as server, ClickHouse(Settings(clickhouse="http://127.0.0.1:1")) as away:
        server.mx("new.de", "1 aspmx.l.google.com.")
        finder = MxFinder(away, MxLookup([f"127.0.0.1:{server.port}"]))
        assert [each.group for each in await finder.find(["new.de"])] == ["gmail"]
        await finder.close()
