"""demand.reported -> credit.granted: give credit within every limit."""

from collections.abc import Iterable

from faust.types import AgentT, EventT, StreamT

from agents.pacing import Pacing
from app import topics
from app.delivery.limits.caps import CAPS
from app.delivery.limits.sweep import sweep
from app.delivery.pacing.pacer import Pacer
from app.delivery.pacing.standing import StandingCredit
from app.faults import reached
from app.records import Demand, Slip, Undecodable, decode, encode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables import pacing as sections
from tables.pacing_things import Writes

TICK_SECONDS = 0.02
SWEEP_SECONDS = 3_600.0  # between two looks for limits that nothing counts for any more
CREDIT_SECONDS = 0.1  # the longest pause between two looks at the buckets
BULK_SECONDS = 0.06  # the shortest, unless a transactional message waits: fewer and larger slips cost everybody less


def attach(app: StreamApp, lanes: Lanes, pacing: Pacing, dead: DeadLetters) -> AgentT[bytes]:
    """Add the pacing agent and its ticks to *app*."""
    standing = StandingCredit()
    fresh = urgent = True  # demand has come since the last tick, also of the transactional lane
    last_tick, swept_at = 0.0, app.now()

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
            if pacing.pacer.hear(demand):
                pacing.watch.hear(demand, app.now())
            standing.hear(demand, app.now())
            fresh = True
            urgent = urgent or any(each.lane == topics.TRANSACTIONAL and each.due for each in demand.classes)

    async def give_credit() -> None:
        nonlocal fresh, urgent, last_tick, swept_at
        now = app.now()
        pause = 0.0 if urgent else BULK_SECONDS if fresh else CREDIT_SECONDS
        if pacing.group is None or now - last_tick < pause:
            return
        fresh, urgent, last_tick = False, False, now
        if now - swept_at >= SWEEP_SECONDS:
            swept_at = now
            sweep(pacing.pacer.book, now)
        slips, ahead = pacing.pacer.tick(now), standing.slips(pacing.pacer, now)
        for slip in ahead:
            app.produce_soon(topics.CREDIT_GRANTED, slip.partition, None, encode(slip))
        health = pacing.look_at_health(now, [*slips, *ahead])
        if not slips and not health:
            return
        writes = writes_of(pacing.pacer, slips)
        writes.items += health
        await pacing.write([], writes)
        reached("pace.written")
        for slip in slips:
            app.produce_soon(topics.CREDIT_GRANTED, slip.partition, None, encode(slip))

    every(app, TICK_SECONDS, give_credit)
    return pace


def writes_of(pacer: Pacer, slips: Iterable[Slip]) -> Writes:
    """What to write before *slips* are produced: what they were paid from, and their numbers.

    Very many meters do not fit into one batch. They go ahead: what a kill cuts off there is paid for, and not given.
    """
    meters: sections.Items = [
        sections.cap_item(name, pacer.caps.get(name))
        if name.startswith(CAPS)
        else sections.bucket_item(name, pacer.buckets.get(name))
        for name in pacer.touched
    ]
    pacer.touched.clear()
    return Writes(meters, [sections.slip_item(p, pacer.numbers[p]) for p in {slip.partition for slip in slips}])
