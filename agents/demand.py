"""waiting -> demand.reported: what each partition has to send, as absolute snapshots."""

import asyncio

from agents.recipients import Recipients
from app import topics
from app.delivery.partition import Partition
from app.records import Demand, encode
from app.stream.app import StreamApp
from app.stream.ticks import every

GROUP_KEY = b"default"  # the pacing group: one owner hears every partition
CHANGES_EVERY = 0.2  # seconds between reports of what changed
FULL_EVERY = 2.0
WASTED_SECONDS = 5.0  # for which it is told what was not taken of a slip: reports may be lost


class DemandReport:
    """Reports the demand of every owned partition."""

    def __init__(self, app: StreamApp, recipients: Recipients) -> None:
        self._app = app
        self._recipients = recipients
        self._sequence = 0
        self._reported = 0.0  # when changes were last told
        self._full: dict[int, float] = {}
        self._generation = -1
        self._epoch = 0.0  # when this process became the owner

    def attach(self) -> None:
        """Start the ticks."""
        every(self._app, 0.02, self._report)

    async def _report(self) -> None:
        if self._generation != self._recipients.generation:
            self._generation = self._recipients.generation
            self._epoch = self._app.now()
            self._reported = 0.0
            self._full.clear()
        now = self._app.now()
        due = now - self._reported >= CHANGES_EVERY  # all partitions at once: one request tells of them
        if due:
            self._reported = now
        telling = []
        for number, state in list(self._recipients.partitions.items()):
            became_due = self._advance(state, now)
            full = due and now - self._full.get(number, 0.0) >= FULL_EVERY
            changed = due and bool(state.changed or state.recounted or state.health)
            if full or changed or became_due:
                telling.append(self._tell(number, state, full, now))
        await asyncio.gather(*telling)

    def _advance(self, state: Partition, now: float) -> bool:
        """Make ready what is due; whether pacing must hear now: a class became due, or a transactional one is."""
        before = len(state.changed)
        state.advance(now)
        return (before == 0 and bool(state.changed)) or any(
            key.lane == topics.TRANSACTIONAL and state.queue(key).due for key in state.changed
        )

    async def _tell(self, number: int, state: Partition, full: bool, now: float) -> None:
        self._sequence += 1
        keys = set(state.queues) | state.changed if full else set(state.changed)
        campaigns = set(state.counters) if full else set(state.recounted)
        demand = Demand(
            number, -1, self._sequence, now, full, state.marks.slip,
            [state.demand_of(key) for key in keys],
            {campaign: dict(state.counters.get(campaign, {})) for campaign in campaigns},
            dict(state.answered), self._epoch, state.health.report(full=full), state.wasted_since(now - WASTED_SECONDS),
        )  # fmt: skip
        state.changed.clear()
        state.recounted.clear()
        state.drop_empty_queues(keys)  # a class in which something has changed is told of
        if full:
            self._full[number] = now
        demand.version = await self._recipients.settled(number)
        if self._recipients.partitions.get(number) is state:
            await self._app.produce(topics.DEMAND_REPORTED, None, GROUP_KEY, encode(demand))
