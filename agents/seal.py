"""seal.requested -> command.accepted: turn the lists of a campaign into a fixed audience, and drop old ones."""

import asyncio
import logging

from faust.types import AgentT, EventT, StreamT

from agents.pacing import GROUP_KEY
from app import topics
from app.clickhouse.audience_sweep import sweep_audiences
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.seal import SealError, seal
from app.commands import Accepted, Seal
from app.faults import reached
from app.records import SealTask, Undecodable, decode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every

log = logging.getLogger("fanfare.seal")

LONGEST_PAUSE = 10.0  # seconds between two tries while ClickHouse is away
SWEEP_EVERY = 600.0  # seconds
MOST_REFUSALS = 8  # errors that ClickHouse itself answers (some 20 seconds), before the campaign fails


def attach(app: StreamApp, lanes: Lanes, client: ClickHouse, dead: DeadLetters) -> AgentT[bytes]:
    """Add the sealing agent to *app*."""

    @app.agent(app.raw_topic(topics.SEAL_REQUESTED), name="seal")
    async def seal_audiences(tasks: StreamT[bytes]) -> None:
        await lanes.run(tasks, seal_audience)

    async def seal_audience(event: EventT[bytes]) -> None:
        task = decode(SealTask, event.value)
        if isinstance(task, Undecodable):
            await dead.put(event, task.reason)
            return
        await lanes.only_one(task.seal.encode())
        try:
            answer = Accepted(sealed=await sealed(event, task), campaign=task.campaign, at=app.now())
        except SealError as error:
            answer = Accepted(seal_failed=str(error), campaign=task.campaign, at=app.now())
        lanes.check(event)
        # A crash before this line seals again, which finds the same seal; a second answer is ignored.
        await app.produce(topics.COMMAND_ACCEPTED, None, GROUP_KEY, answer.model_dump_json().encode())
        reached("seal.answered")

    async def sealed(event: EventT[bytes], task: SealTask) -> Seal:
        pause, refusals = 0.2, 0
        while True:
            try:
                return await seal(client, task, int(app.now() // 86_400))
            except ClickHouseError as error:
                refusals += not error.is_away
                if refusals >= MOST_REFUSALS:
                    raise SealError(f"ClickHouse: {error.message[:500]}") from error
                log.warning("cannot seal %s, tries again: %s", task.seal, error)
            await asyncio.sleep(pause)
            lanes.check(event)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def sweep() -> None:
        try:
            builds = await sweep_audiences(client)
        except ClickHouseError as error:
            log.warning("old audiences stay for now: %s", error)
            return
        if builds:
            log.info("dropped %d audiences that are no longer needed", len(builds))

    every(app, SWEEP_EVERY, sweep)
    return seal_audiences
