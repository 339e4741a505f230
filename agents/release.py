"""credit.granted -> send.attempted: spend each slip once, produce what it opened until it is settled."""

import asyncio
from collections.abc import Mapping

from faust.types import AgentT, EventT, StreamT

from agents.opening import Opening
from app import topics
from app.delivery.clearing import alike, clear_waiting
from app.delivery.events import of_drops
from app.delivery.gate import end_of
from app.delivery.outcomes import DropReason
from app.delivery.release import record_of, repeats_after, spend, stand
from app.faults import reached
from app.records import Slip, Undecodable, decode, encode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables.recipients import Batch

CLEARING_SECONDS = 1.0  # of one tick


def attach(app: StreamApp, lanes: Lanes, opening: Opening, dead: DeadLetters) -> AgentT[bytes]:
    """Add the release agent, its repeats and the clearing of campaigns that send nothing more to *app*."""
    recipients, campaigns, produced = opening.recipients, opening.campaigns, opening.produced
    generation = 0

    @app.agent(app.raw_topic(topics.CREDIT_GRANTED), name="release")
    async def release(slips: StreamT[bytes]) -> None:
        await lanes.run(slips, spend_slip)

    async def spend_slip(event: EventT[bytes]) -> None:
        slip = decode(Slip, event.value)
        if isinstance(slip, Undecodable):
            await dead.put(event, slip.reason)
            return
        lanes.check(event)
        partition = event.message.partition
        if slip.partition != partition:
            await dead.put(event, f"a slip for partition {slip.partition} in partition {partition}")
            return
        state, batch, now = recipients.partitions[partition], Batch(), app.now()
        stand(state, slip)
        spent = spend(state, batch, slip, opening.permits(partition, batch, now), now)
        if spent is None:
            return
        records = opening.records_of(partition, spent, now)
        await recipients.commit(partition, batch, opening.events_of(spent, now))
        reached("release.written")
        await opening.produce(partition, records)

    async def repeat_open() -> None:
        """After a recovery at once, then less and less often: the sender may never have got it."""
        nonlocal generation
        if generation != recipients.generation:
            generation = recipients.generation
            produced.clear()
        for partition, state in list(recipients.partitions.items()):
            now = app.now()
            await recipients.settled(partition)
            for number in list(state.releases):
                release = state.releases.get(number)
                if release is None or recipients.partitions.get(partition) is not state:
                    continue
                if now - produced.get((partition, number), 0.0) < repeats_after(now - release.released_at):
                    continue
                produced[partition, number] = now
                await app.produce(
                    topics.send_attempted(release.channel, release.lane),
                    partition,
                    None,
                    encode(record_of(state, number)),
                )
        opening.forget_closed()

    async def clear_ended() -> None:
        """Drop what still waits of campaigns that were cancelled or whose time is over, a step at a time.

        All partitions at once, each step in its turn: who must be quick waits for one of them at most.
        """
        until = app.now() + CLEARING_SECONDS
        partitions = list(recipients.partitions)
        while partitions and (now := app.now()) < until:
            ended = {entry.id: reason for entry in campaigns.all() if (reason := end_of(entry, now))}
            if not ended:
                return
            done = await asyncio.gather(*(clear_some(partition, ended) for partition in partitions))
            partitions = [partition for partition, some in zip(partitions, done, strict=True) if some]

    async def clear_some(partition: int, ended: Mapping[str, DropReason]) -> bool:
        """One step in *partition*; whether there was anything to drop."""
        await app.turns.mine()
        state, batch, now = recipients.partitions.get(partition), Batch(), app.now()
        if state is None or not app.working:
            return False
        cleared = clear_waiting(state, batch, ended, now, opening.permits(partition, batch, now).reached)
        if not cleared:
            return False
        for pack, rows, _ in cleared:
            opening.frequency.clear(partition, batch, pack, rows, now)
        events = [event for pack, drops in alike(cleared) for event in of_drops(pack, drops, now)]
        await recipients.commit(partition, batch, events)
        reached("clear.written")
        return True

    every(app, 1.0, repeat_open)
    every(app, 0.25, clear_ended)
    return release
