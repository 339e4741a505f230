"""campaigns -> audience.sharded: expand sealed audiences ahead, and end campaigns that are complete."""

from collections.abc import Mapping

from agents.pacing import Pacing
from app import topics
from app.commands import CampaignEntry, Seal
from app.delivery.lifecycle import LIVE, STOPPING, TRANSITIONS, expected, moved
from app.delivery.outcomes import FINAL, LISTED
from app.delivery.sharding import AHEAD_OF_TIME, ROWS_A_PARTITION, Progress, next_ranges
from app.delivery.trial import is_held_back
from app.delivery.windows import Hours, rule_of
from app.faults import reached
from app.records import Shard
from app.stream.app import StreamApp
from app.stream.ticks import every
from app.stream.zones import zone_named
from tables import pacing as sections

MOST_CROSSED_OFF = 2_000  # ranges in one write


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
        due = pacing.pacer.due() if any(self._to_expand(entry) for entry in live) else {}
        for entry in live:
            if pacing.campaigns.get(entry.id) is not entry:  # something has changed it while others were written
                continue
            counts = pacing.pacer.counts(entry.id)
            if entry.seal is not None and self._to_expand(entry):
                await self._expand_next(entry, entry.seal, counts.get(LISTED, 0), due.get(entry.id, {}))
            await self._end_when_complete(entry, counts)

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

    async def _expand_next(self, entry: CampaignEntry, seal: Seal, listed: int, due: Mapping[str, int]) -> None:
        progress, now = self._progress(entry), self._app.now()
        ranges = next_ranges(
            seal, progress, listed, due, ROWS_A_PARTITION * self._app.partitions, now, sample_only=is_held_back(entry)
        )
        shards = [
            Shard(entry.account, entry.id, entry.run, seal.id, seal.day, topics.BULK, first, count, entry.spec.channel)
            for _, first, count in ranges
        ]
        if not shards:
            return
        items: sections.Items = [sections.shard_item(shard) for shard in shards]
        await self._pacing.write([*items, sections.progress_item(entry.id, progress.asked)])
        reached("shards.written")
        await self._pacing.ask_for_shards(shards)

    async def _end_when_complete(self, entry: CampaignEntry, counts: dict[str, int]) -> None:
        """Exact: every row that was asked for is final, and every row was asked for (or never will be)."""
        asked = self._progress(entry).total
        final = sum(counts.get(name, 0) for name in FINAL)
        state = TRANSITIONS.get((entry.state, "all_final"))
        if final != expected(entry, counts.get(LISTED, 0), asked) or state is None:
            return
        if self._pacing.campaigns.get(entry.id) is not entry:  # a command or an hour has changed it meanwhile
            return
        never = entry.seal.count - asked if entry.seal is not None and entry.state in STOPPING else 0
        if never:
            for name in ("dropped", f"dropped.{STOPPING[entry.state]}"):
                counts[name] = counts.get(name, 0) + never
        ended = moved(entry, state, self._app.now()).model_copy(update={"counters": counts})
        await self._pacing.carry(entry, ended, lambda: reached("end.written"))
