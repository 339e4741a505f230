"""Sweeps the recipients table: what is old becomes tombstones, a few hundred a second."""

from collections import deque
from collections.abc import Iterator

from agents.campaigns import Campaigns
from agents.recipients import Recipients
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.sweep import SETTLING, Horizon, forgotten, horizon
from app.stream.app import StreamApp
from app.stream.ticks import every
from tables.recipients_old import counters_key, rows_of_slice, slices

TICK_SECONDS = 1.0
MOST_KEYS = 300  # tombstones a tick, over all partitions of this worker
MOST_LOOKS = 2_000  # rows and slices looked at in a tick, and the rest of a slice: some 5 ms
EMPTY_SLICE = 5  # rows that a slice costs, even if there is nothing in it
ROUND_SECONDS = 3_600.0  # from the end of a round over a partition to the next


def attach(app: StreamApp, recipients: Recipients, campaigns: Campaigns) -> None:
    """Add the sweeping tick to *app*. A restart begins a round anew, which does no harm."""
    sweeper = Sweeper(recipients, campaigns, app.partitions)

    async def sweep() -> None:
        for partition, keys in sweeper.tick(app.now()):
            await recipients.table.write(partition, [(key, None) for key in keys])

    every(app, TICK_SECONDS, sweep)


class Sweeper:
    """How far each partition has been swept in its round."""

    def __init__(self, recipients: Recipients, campaigns: Campaigns, partitions: int) -> None:
        self._recipients, self._campaigns, self._partitions = recipients, campaigns, partitions
        self._generation = -1
        self._begin_at = 0.0
        self._rounds: dict[int, tuple[deque[bytes], Iterator[bytes]]] = {}  # slices to look at again, and the rest
        self._next_round: dict[int, float] = {}

    def tick(self, now: float) -> Iterator[tuple[int, list[bytes]]]:
        """(partition, keys to delete) of one tick. Each pair is read in the step that hands it out."""
        if self._generation != self._recipients.generation:
            self._generation, self._begin_at = self._recipients.generation, now + SETTLING
            self._rounds.clear()
            self._next_round.clear()
        if now < self._begin_at:
            return
        live = [each.seal.day for each in self._campaigns.all() if each.seal is not None and each.state not in ENDED]
        old = horizon(now, live)
        keys, looks = MOST_KEYS, MOST_LOOKS
        for partition in sorted(self._recipients.partitions, key=lambda number: self._next_round.get(number, 0.0)):
            if keys <= 0 or looks <= 0:
                return
            if partition not in self._recipients.partitions or now < self._next_round.get(partition, 0.0):
                continue
            found, looked = self._look(partition, old, keys, looks)
            keys, looks = keys - len(found), looks - looked
            if found:
                yield partition, found

    def _look(self, partition: int, old: Horizon, most: int, looks: int) -> tuple[list[bytes], int]:
        """(old keys, how much was looked at) of the next stretch of *partition*."""
        table = self._recipients.table
        if partition not in self._rounds:
            self._rounds[partition] = deque(), slices(table, partition, self._partitions, old)
            return self._counters(partition, most), 1
        again, rest = self._rounds[partition]
        found: list[bytes] = []
        looked = 0
        while looked < looks:
            prefix = again.popleft() if again else next(rest, None)
            if prefix is None:
                del self._rounds[partition]
                self._next_round[partition] = old.now + ROUND_SECONDS
                break
            looked += EMPTY_SLICE
            for key, is_old in rows_of_slice(table, partition, prefix, old):
                looked += 1
                if is_old:
                    found.append(key)
                    if len(found) == most:
                        again.append(prefix)  # there may be more of it
                        return found, looked
        return found, looked

    def _counters(self, partition: int, most: int) -> list[bytes]:
        """Take out the counters of campaigns that everybody else has forgotten."""
        state = self._recipients.partitions[partition]
        gone = forgotten(state, self._campaigns.is_announced)[:most]
        for campaign in gone:
            del state.counters[campaign]
            state.recounted.discard(campaign)
        return [counters_key(campaign) for campaign in gone]
