"""unknowns -> decided, or waiting again: what a lost outcome left open, once nobody can be expected to tell."""

from collections.abc import Callable

from agents.campaigns import Campaigns
from agents.recipients import Recipients
from app.commands import CampaignEntry
from app.delivery.events import of_decision
from app.delivery.gate import end_of
from app.delivery.partition import HeldUnknown
from app.delivery.unknown import UnknownRules, by_age, decide
from app.faults import reached
from app.settings import Settings
from app.stream.app import StreamApp
from app.stream.ticks import every
from tables.recipients import Batch

MOST_BYTES = 150_000  # of a batch to which a held unknown is added: its rows may be twice as much


def attach(app: StreamApp, recipients: Recipients, campaigns: Campaigns, settings: Settings, channel: str) -> None:
    """Add the deciding tick to *app*. A restart goes on with what the table holds."""

    async def decide_old() -> None:
        for partition, state in list(recipients.partitions.items()):
            now = app.now()
            due = list(by_age(state, rules_at(now), now))
            while due and recipients.partitions.get(partition) is state:
                batch, events = Batch(), []
                while due and batch.size < MOST_BYTES:
                    number, end, why = due.pop(0)
                    if number in state.unknowns:  # else somebody has told meanwhile
                        events.append(of_decision(channel, decide(state, batch, number, end, why, now), now))
                await recipients.commit(partition, batch, events)
                reached("decide.written")

    def rules_at(now: float) -> Callable[[HeldUnknown], UnknownRules]:
        return lambda held: unknown_rules(campaigns.get(held.campaign), settings, now)

    every(app, 0.5, decide_old)


def unknown_rules(entry: CampaignEntry | None, settings: Settings, now: float) -> UnknownRules:
    """How long news of the unknowns of a campaign is awaited, and what then: as it says, else as it is set."""
    if entry is None:
        return UnknownRules(settings.uncertain_after)
    spec = entry.spec
    after = settings.uncertain_after if spec.unknown_after is None else spec.unknown_after
    if entry.state in ("CANCELLING", "CANCELLED"):
        return UnknownRules(after, ended="the campaign was cancelled")
    if spec.unknown_then != "resend" or end_of(entry, now) is not None:
        return UnknownRules(after)
    delays = settings.retry_delays if spec.retries.transient is None else spec.retries.transient
    return UnknownRules(after, resends=len(delays))
