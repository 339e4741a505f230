"""How an edge finds out about domains of single messages: what ClickHouse knows, else DNS, which it then tells."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from app.clickhouse import mx_domains
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.delivery.mx_groups import Looked, Mail
from app.transport.mx_lookup import MxLookup

log = logging.getLogger("fanfare.mx")


class MxFinder:
    """Asks what others have not asked before. Without ClickHouse it asks itself, and tells nobody."""

    def __init__(self, client: ClickHouse, lookup: MxLookup) -> None:
        self._client, self._lookup = client, lookup

    async def find(self, domains: Sequence[str]) -> list[Looked]:
        """What is known or said of *domains*; a failure keeps the group that was known."""
        now = time.time()
        try:
            known = await mx_domains.known(self._client, domains)
        except ClickHouseError:
            known = {}
        fresh = {
            each.domain: Looked(each.domain, each.mail, each.group, seconds=each.expires_at - now)
            for each in known.values()
            if each.expires_at > now
        }
        heard = await asyncio.gather(*(self._lookup.look_up(each) for each in domains if each not in fresh))
        try:
            await mx_domains.keep(self._client, heard, now)
        except ClickHouseError as error:
            log.info("%d look-ups are not kept: %s", len(heard), error.message)
        kept = [
            replace(each, group=known[each.domain].group) if each.mail is Mail.FAILED and each.domain in known else each
            for each in heard
        ]
        return [*fresh.values(), *kept]

    async def close(self) -> None:
        """Forget what was asked."""
        await self._lookup.close()
