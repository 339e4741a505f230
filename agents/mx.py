"""contacts -> mx_domains: asks DNS, in the background, who takes the mail of domains whose name does not tell.

Nothing waits for it. Without DNS, or without ClickHouse, groups stay as they are known.
"""

import asyncio
import logging
import time

from app.clickhouse import mx_domains
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.delivery.mx_groups import Mail
from app.stream.app import StreamApp
from app.transport.mx_lookup import MxLookup

log = logging.getLogger("fanfare.mx")

FIRST_AFTER = 5.0  # seconds after the start, which has other things to do
A_SEARCH = 1_000  # domains
A_LOT = 50  # domains that are asked for and stored together, at most one lot a second
LOT_SECONDS = 1.0
# To search costs a look at every contact. A pause of a hundred times as long keeps that below 1 % of a core.
SHORTEST_PAUSE, SEARCH_SHARE = 30.0, 100.0
SEARCH_TIMEOUT = 120.0
LONGEST_PAUSE = 900.0  # between two tries while DNS or ClickHouse is away


class MxAgent:
    """Searches, asks and stores, one lot after the other."""

    def __init__(self, client: ClickHouse, lookup: MxLookup) -> None:
        self._client, self._lookup = client, lookup
        self._failures = 0  # lots in a row of which nothing was answered

    async def search(self) -> float:
        """Look up what is missing; seconds until the next search. Never raises."""
        started = time.monotonic()
        try:
            domains = await mx_domains.to_look_up(self._client, A_SEARCH, timeout=SEARCH_TIMEOUT)
            pause = SEARCH_SHARE * (time.monotonic() - started)
            if len(domains) < A_SEARCH:  # that was all
                pause = max(SHORTEST_PAUSE, pause)
            for at in range(0, len(domains), A_LOT):
                if not await self._lot(domains[at : at + A_LOT]):
                    return self._away("DNS has answered nothing")
                await asyncio.sleep(LOT_SECONDS)
        except ClickHouseError as error:
            return self._away(str(error))
        self._failures = 0
        return pause

    async def _lot(self, domains: list[str]) -> bool:
        """Ask for *domains*; whether anything was answered. What is wrong with one of them does not look like all."""
        heard = await asyncio.gather(*(self._lookup.look_up(domain) for domain in domains))
        await mx_domains.keep(self._client, heard)
        return any(each.mail is not Mail.FAILED for each in heard)

    def _away(self, why: str) -> float:
        self._failures += 1
        if self._failures == 1:
            log.warning("MX groups stay as they are known: %s", why)
        return min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** min(self._failures, 10))


def attach(app: StreamApp, client: ClickHouse, lookup: MxLookup) -> None:
    """Let a worker of *app* ask. Several do no harm: at worst they ask the same."""
    agent = MxAgent(client, lookup)

    async def run() -> None:
        pause = FIRST_AFTER
        while not app.should_stop:
            await asyncio.sleep(pause)
            pause = await agent.search()

    async def start() -> None:
        app.add_future(run())

    app.before_start(start)
    app.after_stop(lookup.close)
