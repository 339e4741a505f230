"""What rows of messages to phones have besides people: the SMS parts of each text, and the number it comes from."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import orjson

from agents.accounts import AccountPools
from agents.campaigns import Campaigns, content_of
from agents.compose import content_id_for, link_key
from app.commands import CampaignEntry
from app.content.letterhead import LinkOptions
from app.content.phone_values import Owner
from app.content.sms_template import SmsSizes
from app.delivery.people.senders import sender_of
from app.records import Outgoing, Recipient, Shard
from app.settings import Settings
from app.specs import CampaignSpec
from app.stream.directory import Directory
from app.things import NumberPool

HEARD_SECONDS = 10.0  # in which a campaign that is expanded must be known here
KEPT = 300  # compiled templates in memory
ROWS_AT_ONCE = 500  # then others have their turn


class PhoneRows:
    """Fills in `parts` and `sender` of rows; what cannot be known stays as it was: 1, and the number of the route."""

    def __init__(self, campaigns: Campaigns, pools: AccountPools, contents: Directory, settings: Settings) -> None:
        self._campaigns, self._pools, self._contents = campaigns, pools, contents
        self._settings = settings
        self._counters: OrderedDict[tuple[str, int, str], SmsSizes] = OrderedDict()

    async def fill(self, shard: Shard, rows: Sequence[Recipient]) -> None:
        """Fill in *rows* of *shard*, in place."""
        entry = await self._campaign(shard.campaign)
        if entry is None:
            return
        pools = self._pools.of(entry.account)
        counters = await self.counters_of(entry, {row.variant for row in rows}) if entry.spec.channel == "sms" else {}
        for start in range(0, len(rows), ROWS_AT_ONCE):
            fill_rows(rows[start : start + ROWS_AT_ONCE], counters, entry.spec.channel, entry.spec.sender_id, pools)
            await asyncio.sleep(0)

    async def _campaign(self, campaign: str) -> CampaignEntry | None:
        """The campaign; news of it may come a moment after its shards."""
        deadline = asyncio.get_running_loop().time() + HEARD_SECONDS
        while (entry := self._campaigns.get(campaign)) is None:
            if asyncio.get_running_loop().time() > deadline:
                return None
            await asyncio.sleep(0.05)
        return entry

    async def counters_of(self, entry: CampaignEntry, variants: Iterable[int]) -> dict[int, SmsSizes]:
        """How many SMS the messages of *variants* take, as far as their contents are here."""
        found = {}
        for variant in variants:
            ident = content_id_for(entry, variant)
            key = entry.id, entry.version, ident
            counter = self._counters.get(key)
            if counter is None:
                content = await content_of(self._contents, ident) if ident else None
                if content is None:
                    continue
                counter = SmsSizes(content, Owner(entry.account, entry.id), links_of(entry.spec, self._settings))
            self._counters[key] = found[variant] = counter
            self._counters.move_to_end(key)
            if len(self._counters) > KEPT:
                self._counters.popitem(last=False)
        return found


def fill_rows(
    rows: Iterable[Recipient], counters: Mapping[int, SmsSizes], channel: str, sender_id: str,
    pools: Sequence[NumberPool],
) -> None:  # fmt: skip
    """Fill in parts and sender of *rows* that begin on *channel*, in place. *counters* by variant."""
    for row in rows:
        counter = counters.get(row.variant)
        if counter is not None:
            row.parts = parts_for(counter, row)
        if sender_id:
            row.sender = sender_of(channel, sender_id, pools, row.recipient_id, row.group)


def parts_for(counter: SmsSizes, row: Recipient | Outgoing) -> int:
    """The SMS that the message to *row* takes; 1 where its variables cannot be read."""
    try:
        variables = orjson.loads(row.variables)
    except orjson.JSONDecodeError:
        return 1
    return counter.parts(variables, row.address) if isinstance(variables, dict) else 1


def links_of(spec: CampaignSpec, settings: Settings) -> LinkOptions:
    """Where links of a campaign lead, as senders render them."""
    key = link_key(settings.secret_path.read_bytes())
    return LinkOptions(settings.public_url, key, spec.tracking.opens, spec.tracking.clicks)
