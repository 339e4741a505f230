"""awaited -> final, or waiting on the next channel: what becomes of messages of which no news has come in time."""

from itertools import islice

from agents.campaigns import Campaigns
from agents.onward import Onwards
from agents.recipients import Recipients
from app.delivery.events import of_unanswered
from app.delivery.gate import end_of
from app.delivery.lifecycle import ENDED
from app.delivery.news import is_reached, leave, moved_on, onto
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


def attach(app: StreamApp, recipients: Recipients, campaigns: Campaigns, onwards: Onwards) -> None:
    """Add the tick to *app*. A restart goes on with what the table holds."""

    async def look() -> None:
        for partition, state in list(recipients.partitions.items()):
            now = app.now()
            state.end_calls(now)
            due = due_in(state, campaigns, now)
            if due and await onwards.know({state.awaiting.packs[number].campaign for number in due}):
                now = app.now()
            while due and recipients.partitions.get(partition) is state:
                batch, events = Batch(), list[EventPack]()
                while due and batch.size < MOST_BYTES:
                    number = due.pop(0)
                    if number in state.awaiting.packs:  # else news of all of it has come meanwhile
                        events += end(partition, state, batch, number, now)
                await recipients.commit(partition, batch, events)
                reached("await.written")

    def end(partition: int, state: Partition, batch: Batch, number: int, now: float) -> list[EventPack]:
        """Wait no longer for news of a pack."""
        awaited = state.awaiting.packs[number]
        rows = state.rows_of(awaited.rows)
        here = {place: rows[place] for place in awaited.places}
        states = states_of(recipients.table, partition, [row.message_id for row in here.values()])
        onward = onwards.of(partition, awaited.campaign, now)
        ways: dict[int, Again | None] = {}
        going: dict[Again, list[Outgoing]] = {}
        there = {place for place, row in here.items() if is_reached(states.get(row.message_id))}
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

    every(app, TICK_SECONDS, look)


def due_in(state: Partition, campaigns: Campaigns, now: float) -> list[int]:
    """Packs of which no news is awaited any longer: their time, or that of their campaign, is over."""
    awaiting = state.awaiting
    due = []
    for number in awaiting.due(now, MOST_PACKS):
        pack = awaiting.packs[number]
        if campaigns.get(pack.campaign) is not None or pack.until + LOST_FOR <= now:
            due.append(number)
    for campaign, numbers in awaiting.of_campaign.items():
        entry = campaigns.get(campaign)
        if entry is not None and (end_of(entry, now) is not None or entry.state in ENDED):
            due += islice((each for each in numbers if each not in awaiting.calls), MOST_PACKS)
    return list(dict.fromkeys(due))
