"""demand.reported -> credit.granted, audience.sharded: give credit within every limit, expand ahead, complete."""

from collections.abc import Mapping

from faust.types import AgentT, EventT, StreamT

from agents.pacing import KEEP_ENDED, Pacing
from app import topics
from app.commands import CampaignEntry, Seal
from app.delivery.lifecycle import ENDED, LIVE, TRANSITIONS, expected, moved
from app.delivery.outcomes import FINAL, DropReason
from app.delivery.sharding import ROWS_A_PARTITION, Progress, next_ranges
from app.delivery.standing import StandingCredit
from app.delivery.trial import is_held_back
from app.faults import reached
from app.records import Demand, Shard, Slip, Undecodable, decode, encode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables import pacing as sections

TICK_SECONDS = 0.02
CREDIT_SECONDS = 0.1  # the longest pause between two looks at the buckets
BULK_SECONDS = 0.06  # the shortest, unless a transactional message waits: fewer and larger slips cost everybody less


def attach(app: StreamApp, lanes: Lanes, pacing: Pacing, dead: DeadLetters) -> AgentT[bytes]:
    """Add the pacing agent and its ticks to *app*."""
    standing = StandingCredit()
    fresh = urgent = True  # demand has come since the last tick, also of the transactional lane
    last_tick = 0.0

    @app.agent(app.raw_topic(topics.DEMAND_REPORTED), name="pace")
    async def pace(reports: StreamT[bytes]) -> None:
        await lanes.run(reports, hear)

    async def hear(event: EventT[bytes]) -> None:
        nonlocal fresh, urgent
        demand = decode(Demand, event.value)
        if isinstance(demand, Undecodable) or not 0 <= demand.partition < app.partitions:
            await dead.put(event, demand.reason if isinstance(demand, Undecodable) else "no such partition")
            return
        lanes.check(event)
        pacing.adopt(event.message.partition)
        if pacing.owns(event.message.partition):
            pacing.pacer.hear(demand)
            standing.hear(demand, app.now())
            fresh = True
            urgent = urgent or any(each.lane == topics.TRANSACTIONAL and each.due for each in demand.classes)

    async def give_credit() -> None:
        nonlocal fresh, urgent, last_tick
        now = app.now()
        pause = 0.0 if urgent else BULK_SECONDS if fresh else CREDIT_SECONDS
        if pacing.group is None or now - last_tick < pause:
            return
        fresh, urgent, last_tick = False, False, now
        slips = pacing.pacer.tick(now)
        for slip in standing.slips(pacing.pacer, now):
            app.produce_soon(topics.CREDIT_GRANTED, slip.partition, None, encode(slip))
        if not slips:
            return
        await pacing.write(_items_of(slips))
        reached("pace.written")
        for slip in slips:
            app.produce_soon(topics.CREDIT_GRANTED, slip.partition, None, encode(slip))

    def _items_of(slips: list[Slip]) -> sections.Items:
        pacer = pacing.pacer
        items: sections.Items = [sections.slip_item(p, pacer.numbers[p]) for p in {slip.partition for slip in slips}]
        items += [sections.bucket_item(name, pacer.buckets.get(name)) for name in pacer.touched]
        pacer.touched.clear()
        return items

    async def move_on() -> None:
        """Expand what is next, and end what is complete."""
        await pacing.announce_again()
        if pacing.produced:
            done, pacing.produced = pacing.produced[:2_000], pacing.produced[2_000:]
            await pacing.write([(key, None) for key in done])
        if pacing.group is None or not pacing.pacer.complete:
            return
        due = pacing.pacer.due() if any(to_expand(entry) for entry in pacing.campaigns.values()) else {}
        for entry in list(pacing.campaigns.values()):
            if entry.state not in LIVE:
                continue
            counts = pacing.pacer.counts(entry.id)
            if entry.seal is not None and to_expand(entry):
                await expand_next(entry, entry.seal, counts.get("listed", 0), due.get(entry.id, {}))
            await end_when_complete(entry, counts)

    def to_expand(entry: CampaignEntry) -> bool:
        if entry.seal is None or entry.state != "RUNNING":
            return False
        return pacing.progress.setdefault(entry.id, Progress()).total < entry.seal.count

    async def expand_next(entry: CampaignEntry, seal: Seal, listed: int, due: Mapping[str, int]) -> None:
        progress = pacing.progress.setdefault(entry.id, Progress())
        shards = [
            Shard(entry.account, entry.id, entry.run, seal.id, seal.day, topics.BULK, first, count)
            for _, first, count in next_ranges(
                seal,
                progress,
                listed,
                due,
                ROWS_A_PARTITION * app.partitions,
                app.now(),
                sample_only=is_held_back(entry),
            )
        ]
        if not shards:
            return
        items: sections.Items = [sections.shard_item(shard) for shard in shards]
        await pacing.write([*items, sections.progress_item(entry.id, progress.asked)])
        reached("shards.written")
        await pacing.ask_for_shards(shards)

    async def end_when_complete(entry: CampaignEntry, counts: dict[str, int]) -> None:
        """Exact: every row that was asked for is final, and every row was asked for (or never will be)."""
        asked = pacing.progress.get(entry.id, Progress()).total
        final = sum(counts.get(name, 0) for name in FINAL)
        awaited = expected(entry, counts.get("listed", 0), asked)
        state = TRANSITIONS.get((pacing.campaigns[entry.id].state, "all_final"))
        if final != awaited or state is None or pacing.campaigns[entry.id].state != entry.state:
            return
        never = entry.seal.count - asked if entry.seal is not None and entry.state == "CANCELLING" else 0
        if never:
            for name in ("dropped", f"dropped.{DropReason.CANCELLED}"):
                counts[name] = counts.get(name, 0) + never
        ended = moved(entry, state, app.now()).model_copy(update={"counters": counts})
        ended, more = pacing.prepared(ended)
        pacing.remember(ended)
        await pacing.write([sections.campaign_item(ended)], more)
        reached("end.written")
        await pacing.tell(ended)

    async def forget_ended() -> None:
        """Campaigns leave the directory a day after their end."""
        for entry in list(pacing.campaigns.values()):
            if (
                entry.state in ENDED
                and (entry.finished_at or 0.0) < app.now() - KEEP_ENDED
                and pacing.group is not None
            ):
                del pacing.campaigns[entry.id]
                pacing.progress.pop(entry.id, None)
                await app.producer.enqueue(topics.CAMPAIGN_CHANGED, 0, entry.id.encode(), None)
                gone = sections.forget_campaign(pacing.table, pacing.group, entry.id)
                await pacing.write([*gone, *pacing.things.forget(entry.id)])

    every(app, TICK_SECONDS, give_credit)
    every(app, 0.2, move_on)
    every(app, 60.0, forget_ended)
    return pace
