"""credit.granted -> send.attempted: spend each slip once, produce what it opened until it is settled."""

import asyncio
from collections.abc import Sequence

from faust.types import AgentT, EventT, StreamT

from agents.campaigns import Campaigns
from agents.gate import rules_of
from agents.recipients import Recipients
from app import topics
from app.delivery.events import of_drops
from app.delivery.gate import applies
from app.delivery.outcomes import DropReason
from app.delivery.partition import WaitingPack
from app.delivery.release import cancel, record_of, spend
from app.faults import reached
from app.records import Outgoing, Slip, Undecodable, decode, encode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables.recipients import Batch, suppressions_of

REPEAT_AFTER = 30.0  # seconds until an open release is produced again
CANCELLED_PACKS_A_TICK = 20


def attach(
    app: StreamApp, lanes: Lanes, recipients: Recipients, campaigns: Campaigns, dead: DeadLetters, channel: str
) -> AgentT[bytes]:
    """Add the release agent, its repeats and the clearing of cancelled campaigns to *app*."""
    produced: dict[tuple[int, int], float] = {}  # (partition, release) -> when it was last produced
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
        state, batch, now = recipients.partitions[partition], Batch(), app.now()
        if slip.partition != partition:
            await dead.put(event, f"a slip for partition {slip.partition} in partition {partition}")
            return

        def recheck(pack: WaitingPack, rows: Sequence[Outgoing]) -> list[tuple[int, DropReason, str]]:
            entry = campaigns.get(pack.campaign)
            if entry is None:
                return []
            found = suppressions_of(recipients.table, partition, [row.recipient_id for row in rows])
            hits = ((i, applies(entries, rules_of(entry), now)) for i, entries in enumerate(found) if entries)
            return [(i, DropReason.SUPPRESSED, f"{hit.reason} ({hit.scope})") for i, hit in hits if hit is not None]

        spent = spend(state, batch, slip, running, recheck, now)
        if spent is None:
            return
        for number in spent.releases:
            produced[partition, number] = now
        records = [(encode(record_of(state, number)), state.releases[number].lane) for number in spent.releases]
        events = [of_drops(channel, pack, [(row, reason, detail)], now) for pack, row, reason, detail in spent.dropped]
        await recipients.commit(partition, batch, [event for some in events for event in some])
        reached("release.written")
        await asyncio.gather(
            *(app.produce_soon(topics.send_attempted(channel, lane), partition, None, value) for value, lane in records)
        )
        reached("release.produced")

    def running(campaign: str) -> int | None:
        entry = campaigns.get(campaign)
        return entry.version if entry is not None and entry.state == "RUNNING" else None

    async def repeat_open() -> None:
        """After a recovery at once, then every REPEAT_AFTER seconds: the sender may never have got it."""
        nonlocal generation
        if generation != recipients.generation:
            generation = recipients.generation
            produced.clear()
        for partition, state in list(recipients.partitions.items()):
            now = app.now()
            await recipients.settled(partition)
            for number in list(state.releases):
                if now - produced.get((partition, number), 0.0) < REPEAT_AFTER:
                    continue
                if number not in state.releases or recipients.partitions.get(partition) is not state:
                    continue
                produced[partition, number] = now
                lane = state.releases[number].lane
                await app.produce(
                    topics.send_attempted(channel, lane), partition, None, encode(record_of(state, number))
                )
        for key in [key for key in produced if key[1] not in recipients.partitions[key[0]].releases]:
            del produced[key]

    async def clear_cancelled() -> None:
        """Drop what still waits of cancelled campaigns, some packs at a time."""
        for partition, state in list(recipients.partitions.items()):
            gone = [
                number
                for number, pack in state.packs.items()
                if pack.cursor < pack.count and campaigns.is_cancelled(pack.campaign)
            ]
            for number in gone[:CANCELLED_PACKS_A_TICK]:
                if recipients.partitions.get(partition) is not state or number not in state.packs:
                    break
                pack, batch, now = state.packs[number], Batch(), app.now()
                rows = cancel(state, batch, number, now)
                drops = [(row, DropReason.CANCELLED, "") for row in rows]
                await recipients.commit(partition, batch, of_drops(channel, pack, drops, now))

    every(app, 1.0, repeat_open)
    every(app, 0.25, clear_cancelled)
    return release
