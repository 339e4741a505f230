"""unknowns -> decided: gives up what a lost outcome left open, once nobody can be expected to tell."""

from agents.campaigns import Campaigns
from agents.recipients import Recipients
from app.delivery.events import of_decision
from app.delivery.partition import HeldUnknown, Partition
from app.delivery.unknown import decide, to_decide
from app.faults import reached
from app.records import EventPack
from app.settings import Settings
from app.stream.app import StreamApp
from app.stream.ticks import every
from tables.recipients import Batch

MOST_A_TICK = 20  # held unknowns of one partition, each at most a release: some 100 kB in the batch


def attach(app: StreamApp, recipients: Recipients, campaigns: Campaigns, settings: Settings, channel: str) -> None:
    """Add the deciding tick to *app*. A restart goes on with what the table holds."""

    async def decide_old() -> None:
        now = app.now()
        for partition, state in list(recipients.partitions.items()):
            due = list(to_decide(state, now - settings.uncertain_after, campaigns.is_cancelled, MOST_A_TICK))
            if due and recipients.partitions.get(partition) is state:
                batch = Batch()
                events = [_give_up(state, batch, number, held, now) for number, held in due]
                await recipients.commit(partition, batch, events)
                reached("decide.written")

    def _give_up(state: Partition, batch: Batch, number: int, held: HeldUnknown, now: float) -> EventPack:
        decide(state, batch, number)
        why = (
            "the campaign was cancelled"
            if campaigns.is_cancelled(held.campaign)
            else f"no news for {now - held.at:.0f} s"
        )
        return of_decision(channel, held, why, now)

    every(app, 0.5, decide_old)
