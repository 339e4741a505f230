"""unknowns -> decided, or waiting again: what a lost outcome left open, once nobody can be expected to tell."""

from collections.abc import Callable
from itertools import islice

from agents.campaigns import Campaigns
from agents.onward import Onwards
from agents.recipients import Recipients
from agents.stored_routes import StoredRoutes
from app.commands import CampaignEntry
from app.delivery.events import of_decision, of_held_again
from app.delivery.fallbacks.onward import after as fallbacks_after
from app.delivery.gate import end_of
from app.delivery.partition_records import HeldUnknown
from app.delivery.unknown import End, UnknownRules, by_age, decide, go_on, hold_again, stranded
from app.faults import reached
from app.settings import Settings
from app.stream.app import StreamApp
from app.stream.ticks import every
from app.topics import PHONES
from tables.recipients import Batch

MOST_BYTES = 150_000  # of a batch to which a held unknown is added: its rows may be twice as much
HELD_A_TICK = 20  # packs that are held once more in one go


def attach(
    app: StreamApp, recipients: Recipients, campaigns: Campaigns, routes: StoredRoutes, settings: Settings,
    onwards: Onwards, told_up_to: Callable[[float], float],
) -> None:  # fmt: skip
    """Add the deciding ticks to *app*. A restart goes on with what the table holds.

    *told_up_to*: the moment, that of now at the latest, up to which all reports have had their effect.
    """

    async def hold_stranded() -> None:
        for partition, state in list(recipients.partitions.items()):
            now = app.now()
            for number in list(islice(stranded(state, routes.is_gone, now), HELD_A_TICK)):
                if recipients.partitions.get(partition) is not state:
                    break
                if number in state.packs:  # its release may have come meanwhile
                    batch = Batch()
                    held = hold_again(state, batch, number, now)
                    await recipients.commit(partition, batch, [of_held_again(held)])
                    reached("decide.written")

    async def decide_old() -> None:
        for partition, state in list(recipients.partitions.items()):
            now = app.now()
            due = list(by_age(state, rules_at(now), now))
            due = list(by_age(state, rules_at(now), told_up_to(now))) if due else due
            await onwards.know({state.unknowns[number].campaign for number, *_ in due})
            while due and recipients.partitions.get(partition) is state:
                batch, events = Batch(), []
                while due and batch.size < MOST_BYTES:
                    number, end, why = due.pop(0)
                    held = state.unknowns.get(number)
                    if held is None:  # somebody has told meanwhile
                        continue
                    if end is End.GIVE_UP and held.channel in PHONES:
                        onward = onwards.of(partition, held.campaign, now)
                        gone = go_on(state, batch, number, onward, why, now)
                        events += [of_decision(decided, now, again) for decided, again in gone]
                    else:
                        events.append(of_decision(decide(state, batch, number, end, why, now), now))
                await recipients.commit(partition, batch, events)
                reached("decide.written")

    def rules_at(now: float) -> Callable[[HeldUnknown], UnknownRules]:
        return lambda held: unknown_rules(
            campaigns.get(held.campaign), settings, now, gone=routes.is_gone(held.route), channel=held.channel
        )

    every(app, 0.5, decide_old)
    every(app, 1.0, hold_stranded)


def unknown_rules(
    entry: CampaignEntry | None, settings: Settings, now: float, *, gone: bool = False, channel: str = ""
) -> UnknownRules:
    """How long news of the unknowns of a campaign is awaited, and what then: as it says, else as it is set.

    *gone*: the route is, on which they would be sent again. Where another channel follows *channel*, they are waited
    for as long as for any other message there, and then go on to it.
    """
    if entry is None:
        return UnknownRules(settings.uncertain_after)
    spec = entry.spec
    after = settings.uncertain_after if spec.unknown_after is None else spec.unknown_after
    if entry.state in ("CANCELLING", "CANCELLED"):
        return UnknownRules(after, ended="the campaign was cancelled")
    following = fallbacks_after(spec, channel)
    if following:
        return UnknownRules(max(following[0].after, spec.unknown_after or 0.0))
    if gone or spec.unknown_then != "resend" or end_of(entry, now) is not None:
        return UnknownRules(after)
    delays = settings.retry_delays if spec.retries.transient is None else spec.retries.transient
    return UnknownRules(after, resends=len(delays))
