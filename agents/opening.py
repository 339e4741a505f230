"""Releases as they are opened: what is asked before a message leaves, and how opened releases reach the senders."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter

from agents.campaigns import Campaigns
from agents.categories import Categories
from agents.frequency import Frequency
from agents.recipients import Recipients
from app import topics
from app.commands import CampaignEntry
from app.delivery.events import of_drops, of_put_off
from app.delivery.fallbacks.awaited import MOST_AWAITED
from app.delivery.fallbacks.news import is_reached
from app.delivery.gate import GateRules, applies, end_of
from app.delivery.outcomes import DropReason
from app.delivery.partition_records import WaitingPack
from app.delivery.people.windows import Hours
from app.delivery.release import Permits, Spent, record_of
from app.faults import reached
from app.records import EventPack, Outgoing, encode
from app.stream.app import StreamApp
from tables.recipients import Batch, sightings_of, suppressions_of
from tables.reports import states_of


class Opening:
    """What the gate and the release agent share. The same releases are produced again until they are settled."""

    def __init__(
        self, app: StreamApp, recipients: Recipients, campaigns: Campaigns, hours: Hours, frequency: Frequency,
        categories: Categories | None = None,
    ) -> None:  # fmt: skip
        self.app, self.recipients, self.campaigns, self.hours = app, recipients, campaigns, hours
        self.frequency, self.categories = frequency, categories
        self.produced: dict[tuple[int, int], float] = {}  # (partition, release) -> when it was last produced

    def permits(self, partition: int, batch: Batch, now: float) -> Permits:
        """What is asked at the moment *now* of messages of *partition*, in the step that writes *batch*."""
        book = self.frequency.book(partition, batch, now)

        def running(campaign: str) -> int | None:
            entry = self.campaigns.get(campaign)
            if entry is not None and self._waits_for_news(partition, entry):
                return None
            return entry.version if entry is not None and entry.state == "RUNNING" and not end_of(entry, now) else None

        def forbidden(pack: WaitingPack, rows: Sequence[Outgoing]) -> list[tuple[int, DropReason, str]]:
            entry = self.campaigns.get(pack.campaign)
            if entry is None:
                return []
            rules = rules_of(entry, now, pack.channel, self.categories)
            found = suppressions_of(self.recipients.table, partition, [row.recipient_id for row in rows])
            hits = ((i, applies(entries, rules, now)) for i, entries in enumerate(found) if entries)
            return [(i, DropReason.SUPPRESSED, f"{hit.reason} ({hit.scope})") for i, hit in hits if hit is not None]

        def reached_before(_: WaitingPack, rows: Sequence[Outgoing]) -> list[int]:
            states = states_of(self.recipients.table, partition, [row.message_id for row in rows])
            return [i for i, row in enumerate(rows) if is_reached(states.get(row.message_id))]

        def opening(pack: WaitingPack) -> float:
            entry = self.campaigns.get(pack.campaign)
            return 0.0 if entry is None else self.hours.opening(entry, pack.zone, now)

        def closing(pack: WaitingPack) -> float:
            entry = self.campaigns.get(pack.campaign)
            if entry is None:
                return now
            return min(self.hours.closing(entry, pack.zone, now), entry.spec.expires_at or float("inf"))

        desk = partial(self.frequency.at_release, book)
        seen = partial(sightings_of, self.recipients.table, partition)
        return Permits(running, forbidden, opening, closing, desk, reached_before, seen)

    def _waits_for_news(self, partition: int, entry: CampaignEntry) -> bool:
        """Whether so much is awaited that nothing may leave of which more would be."""
        awaits = bool(entry.spec.fallbacks) or entry.spec.channel == "voice"
        return awaits and self.recipients.partitions[partition].awaiting.messages >= MOST_AWAITED

    def events_of(self, spent: Spent, now: float) -> list[EventPack]:
        """What is told of those who were dropped, or have to wait, at the last look."""
        events = [
            event
            for pack, dropped in groupby(spent.dropped, itemgetter(0))
            for event in of_drops(pack, [each[1:] for each in dropped], now)
        ]
        for pack, put_off in groupby(spent.put_off, itemgetter(0)):
            events += of_put_off(pack, [each[1:] for each in put_off], now)
        return events

    def records_of(self, partition: int, spent: Spent, now: float) -> list[tuple[str, bytes]]:
        """(topic, record) of each release that was opened: made in the step that opened it."""
        state = self.recipients.partitions[partition]
        for number in spent.releases:
            self.produced[partition, number] = now
        return [
            (topics.send_attempted(each.channel, each.lane), encode(record_of(state, number)))
            for number, each in ((number, state.releases[number]) for number in spent.releases)
        ]

    def forget_closed(self) -> None:
        """Forget when releases were produced that are settled, or in a partition that has gone meanwhile."""
        known = self.recipients.partitions
        for key in [key for key in self.produced if key[0] not in known or key[1] not in known[key[0]].releases]:
            del self.produced[key]

    async def produce(self, partition: int, records: Sequence[tuple[str, bytes]]) -> None:
        """Hand *records* to Kafka, once the batch that opened them is acknowledged."""
        await asyncio.gather(*(self.app.produce_soon(topic, partition, None, value) for topic, value in records))
        reached("release.produced")


def rules_of(entry: CampaignEntry, now: float, channel: str = "", categories: Categories | None = None) -> GateRules:
    """What the gate needs to know of a campaign, for messages on *channel* ("": the campaign's own).

    *categories* tells of which category its WhatsApp templates are; marketing where nobody knows.

    A second transactional message is no duplicate of the first.
    """
    spec = entry.spec
    window = 0.0 if spec.kind == "transactional" else spec.dedup.window
    return GateRules(
        entry.account,
        entry.id,
        channel or spec.channel,
        tuple(spec.lists),
        spec.dedup.key,
        window,
        end_of(entry, now),
        transactional=spec.kind == "transactional",
        marketing=categories is None or (channel or spec.channel) != "whatsapp" or categories.is_marketing(entry),
    )
