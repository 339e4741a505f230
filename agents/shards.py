"""campaigns -> audience.sharded: expand sealed audiences ahead, and end campaigns that are complete."""

import asyncio
from collections.abc import Awaitable

from agents.pacing import Pacing
from app import topics
from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import LIVE, STOPPING, TRANSITIONS, expected, moved
from app.delivery.campaigns.trial import is_held_back
from app.delivery.outcomes import FINAL, LISTED
from app.delivery.pacing.sharding import AHEAD_OF_TIME, ROWS_A_PARTITION, Ahead, Progress, least_ahead, next_ranges
from app.delivery.people.windows import Hours, rule_of
from app.faults import reached
from app.records import Shard
from app.stream.app import StreamApp
from app.stream.ticks import every
from app.stream.zones import zone_named
from tables import pacing as sections

MOST_CROSSED_OFF = 2_000  # ranges in one write
MOST_AT_ONCE = 100  # campaigns, whose writes share batches


class Shards:
    """The tick that expands and ends."""

    def __init__(self, app: StreamApp, pacing: Pacing) -> None:
        self._app, self._pacing = app, pacing
        self._hours = Hours(zone_named)

    def attach(self) -> None:
        """Start the tick."""
        every(self._app, 0.2, self.move_on)

    async def move_on(self) -> None:
        """Expand what is next, and end what is complete."""
        pacing = self._pacing
        await pacing.announce_again()
        await self._cross_off()
        if pacing.group is None or not pacing.pacer.complete:
            return
        live = pacing.owned.in_states(*LIVE)
        to_expand = {entry.id for entry in live if self._to_expand(entry)}
        work: list[Awaitable[None]] = []
        for entry in live:
            if pacing.campaigns.get(entry.id) is not entry:  # something has changed it while others were written
                continue
            if entry.id in to_expand and (shards := self._next(entry, len(to_expand))):
                work.append(self._expand(entry, shards, self._progress(entry)))
            elif (counts := self._complete(entry)) is not None:
                work.append(self._end(entry, counts))
            if len(work) == MOST_AT_ONCE:
                await asyncio.gather(*work)
                work.clear()
        await asyncio.gather(*work)

    async def _cross_off(self) -> None:
        """Ranges that the broker has need not be asked for again."""
        done, self._pacing.produced = self._pacing.produced[:MOST_CROSSED_OFF], self._pacing.produced[MOST_CROSSED_OFF:]
        if done:
            await self._pacing.write([(key, None) for key in done])

    def _to_expand(self, entry: CampaignEntry) -> bool:
        if entry.seal is None or entry.state != "RUNNING" or self._closed_for_long(entry):
            return False
        return self._progress(entry).total < entry.seal.count

    def _progress(self, entry: CampaignEntry) -> Progress:
        return self._pacing.progress.setdefault(entry.id, Progress())

    def _closed_for_long(self, entry: CampaignEntry) -> bool:
        """Whether nobody can be sent to in the next minutes: what would be expanded now could only lie about."""
        rule = rule_of(entry)
        if rule is None or rule.local:
            return False
        now = self._app.now()
        return self._hours.opening(entry, "", now) > now + AHEAD_OF_TIME

    def _next(self, entry: CampaignEntry, campaigns: int) -> list[Shard]:
        """What is to be expanded next, where so many *campaigns* are; progress is moved."""
        seal, pacer, now = entry.seal, self._pacing.pacer, self._app.now()
        assert seal is not None
        partitions = self._app.partitions
        ranges = next_ranges(
            seal,
            self._progress(entry),
            pacer.count(entry.id, (LISTED,)),
            pacer.due().get(entry.id, {}),
            ROWS_A_PARTITION * partitions,
            now,
            sample_only=is_held_back(entry),
            ahead=Ahead(pacer.speeds.of(entry.id, now), least_ahead(campaigns, len(seal.groups), partitions)),
        )
        return [
            Shard(entry.account, entry.id, entry.run, seal.id, seal.day, topics.BULK, first, count, entry.spec.channel)
            for _, first, count in ranges
        ]

    async def _expand(self, entry: CampaignEntry, shards: list[Shard], progress: Progress) -> None:
        if self._pacing.progress.get(entry.id) is not progress:  # taken over anew: what was moved is not stored
            return
        items: sections.Items = [sections.shard_item(shard) for shard in shards]
        await self._pacing.write([*items, sections.progress_item(entry.id, progress.asked)])
        reached("shards.written")
        await self._pacing.ask_for_shards(shards)

    def _complete(self, entry: CampaignEntry) -> dict[str, int] | None:
        """The counts with which *entry* ends, or None where it does not yet.

        Exact: every row that was asked for is final, and every row was asked for (or never will be).
        """
        pacer, asked = self._pacing.pacer, self._progress(entry).total
        if pacer.count(entry.id, FINAL) != expected(entry, pacer.count(entry.id, (LISTED,)), asked):
            return None
        if (entry.state, "all_final") not in TRANSITIONS:
            return None
        counts = pacer.counts(entry.id)
        never = entry.seal.count - asked if entry.seal is not None and entry.state in STOPPING else 0
        if never:
            for name in ("dropped", f"dropped.{STOPPING[entry.state]}"):
                counts[name] = counts.get(name, 0) + never
        return counts

    async def _end(self, entry: CampaignEntry, counts: dict[str, int]) -> None:
        if self._pacing.campaigns.get(entry.id) is not entry:  # a command or an hour has changed it meanwhile
            return
        state = TRANSITIONS[entry.state, "all_final"]
        ended = moved(entry, state, self._app.now()).model_copy(update={"counters": counts})
        await self._pacing.carry(entry, ended, lambda: reached("end.written"))
