"""awaited -> final, or waiting on the next channel: what becomes of messages of which no news has come in time."""

from collections.abc import Callable
from itertools import islice

from agents.campaigns import Campaigns
from agents.onward import Onwards
from agents.recipients import Recipients
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.events import of_unanswered
from app.delivery.fallbacks.news import is_reached, leave, moved_on, onto
from app.delivery.gate import end_of
from app.delivery.partition import Partition
from app.delivery.retries import Again
from app.faults import reached
from app.records import EventPack, Outgoing
from app.stream.app import StreamApp
from app.stream.ticks import every
from tables.recipients import Batch
from tables.reports import states_of

TICK_SECONDS = 0.5
MOST_PACKS = 200  # that are looked at in one go
MOST_BYTES = 150_000  # of a batch to which a pack is added: its rows may be twice as much
LOST_FOR = 3_600.0  # seconds after its deadline at which what is awaited of a campaign that nobody knows is over


class Deadlines:
    """Looks at what is awaited, of every partition."""

    def __init__(
        self, app: StreamApp, recipients: Recipients, campaigns: Campaigns, onwards: Onwards,
        told_up_to: Callable[[float], float],
    ) -> None:  # fmt: skip
        """*told_up_to*: the moment, that of now at the latest, up to which all reports have had their effect."""
        self._app, self._recipients, self._campaigns, self._onwards = app, recipients, campaigns, onwards
        self._told_up_to = told_up_to

    def attach(self) -> None:
        """Start the tick. A restart goes on with what the table holds."""
        every(self._app, TICK_SECONDS, self.look)

    async def look(self) -> None:
        """Wait no longer for what is due, some packs at a time."""
        for partition, state in list(self._recipients.partitions.items()):
            state.end_calls(self._app.now())
            due = due_in(state, self._campaigns, self._app.now(), self._told_up_to)
            if due:
                await self._onwards.know({state.awaiting.packs[number].campaign for number in due})
            while due and self._recipients.partitions.get(partition) is state:
                batch, events, now = Batch(), list[EventPack](), self._app.now()
                while due and batch.size < MOST_BYTES:
                    number = due.pop(0)
                    if number in state.awaiting.packs:  # else news of all of it has come meanwhile
                        events += self._end(partition, state, batch, number, now)
                await self._recipients.commit(partition, batch, events)
                reached("await.written")

    def _end(self, partition: int, state: Partition, batch: Batch, number: int, now: float) -> list[EventPack]:
        """Wait no longer for news of a pack."""
        awaited = state.awaiting.packs[number]
        rows = state.rows_of(awaited.rows)
        here = {place: rows[place] for place in awaited.places}
        states = states_of(self._recipients.table, partition, [row.message_id for row in here.values()])
        onward = self._onwards.of(partition, awaited.campaign, now)
        ways: dict[int, Again | None] = {}
        going: dict[Again, list[Outgoing]] = {}
        there = {place: awaited.channel for place, row in here.items() if is_reached(states.get(row.message_id))}
        for place, row in here.items():
            again = onto(awaited, row, onward, now) if place not in there else None
            ways[place] = again
            message = states.get(row.message_id)
            if again is not None and message is not None:
                batch.message(row.message_id, moved_on(message, now))
                going.setdefault(again, []).append(row)
        fallbacks = onward.spec is not None and bool(onward.spec.fallbacks)
        leave(state, batch, number, ways, rows, there, fallbacks=fallbacks)
        return [of_unanswered(awaited, own, again, now) for again, own in going.items()]


def due_in(
    state: Partition, campaigns: Campaigns, now: float, told_up_to: Callable[[float], float] = lambda now: now
) -> list[int]:
    """Packs of which no news is awaited any longer: their time, or that of their campaign, is over.

    Their time is over once the reports of that time are read: what has come is no less so while we were away.
    """
    awaiting = state.awaiting
    due = []
    over = awaiting.due(now, MOST_PACKS)
    for number in awaiting.due(told_up_to(now), MOST_PACKS) if over else over:
        pack = awaiting.packs[number]
        if campaigns.get(pack.campaign) is not None or pack.until + LOST_FOR <= now:
            due.append(number)
    for campaign, numbers in awaiting.of_campaign.items():
        entry = campaigns.get(campaign)
        if entry is not None and (end_of(entry, now) is not None or entry.state in ENDED):
            due += islice((each for each in numbers if each not in awaiting.calls), MOST_PACKS)
    return list(dict.fromkeys(due))
