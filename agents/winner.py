"""winner.requested -> command.accepted: count what the variants of an experiment came to."""

import asyncio
import logging
import time

from aiokafka.errors import KafkaError
from faust.types import AgentT, EventT, StreamT

from agents.pacing import GROUP_KEY
from app import topics
from app.clickhouse.campaign_queries import campaign_entry
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.experiment_queries import experiment_results
from app.commands import Accepted, Trial
from app.faults import reached
from app.records import Undecodable, WinnerTask, decode
from app.stream.app import StreamApp
from app.stream.caught_up import Progress
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes

log = logging.getLogger("fanfare.winner")

LONGEST_PAUSE = 10.0  # seconds between two tries while ClickHouse is away
LONGEST_WAIT = 900.0  # seconds for events that are not recorded yet; then those count that are
MOST_VARIANTS = 100


def attach(app: StreamApp, lanes: Lanes, client: ClickHouse, dead: DeadLetters) -> AgentT[bytes]:
    """Add the agent to *app*. It only counts: who has won is decided by the owner of the campaign."""

    @app.agent(app.raw_topic(topics.WINNER_REQUESTED), name="winner")
    async def count_results(tasks: StreamT[bytes]) -> None:
        await lanes.run(tasks, count)

    async def count(event: EventT[bytes]) -> None:
        task = decode(WinnerTask, event.value)
        if isinstance(task, Undecodable):
            await dead.put(event, task.reason)
            return
        if not 0 < len(task.variants) <= MOST_VARIANTS:
            await dead.put(event, f"{len(task.variants)} variants")
            return
        await lanes.only_one(task.campaign.encode())
        await recorded(event, task)
        results = await counted(event, task)
        if results is None:
            await dead.put(event, f"ClickHouse knows no sealed campaign {task.campaign[:200]!r} of this account")
            return
        answer = Accepted(trial=Trial(results=results), campaign=task.campaign, at=app.now())
        lanes.check(event)
        # A crash before this line counts again; of two answers the owner takes the first.
        await app.produce(topics.COMMAND_ACCEPTED, None, GROUP_KEY, answer.model_dump_json().encode())
        reached("winner.answered")

    async def recorded(event: EventT[bytes], task: WinnerTask) -> None:
        """Wait until what has happened up to now is in ClickHouse."""
        deadline = time.monotonic() + LONGEST_WAIT
        ends, pause = None, 0.2
        while time.monotonic() < deadline:
            try:
                async with Progress(
                    app.settings.kafka, topics.RECORD_GROUP, topics.EVENT_RECORDED, app.partitions
                ) as progress:
                    ends = ends or await progress.ends()
                    if await progress.is_past(ends):
                        return
            except (KafkaError, OSError) as error:
                log.warning("cannot ask how far the recording is: %r", error)
            await asyncio.sleep(pause)
            lanes.check(event)
            pause = min(pause * 2, LONGEST_PAUSE)
        log.warning("the recording is more than %.0f s behind: %s is counted without", LONGEST_WAIT, task.campaign)

    async def counted(event: EventT[bytes], task: WinnerTask) -> dict[str, dict[str, int]] | None:
        pause = 0.2
        while True:
            try:
                entry = await campaign_entry(client, task.account, task.campaign)
                if entry is None or entry.seal is None:
                    return None
                return await experiment_results(client, task.account, task.campaign, entry.seal.id, task.variants)
            except ClickHouseError as error:
                log.warning("cannot count the results of %s, tries again: %s", task.campaign, error)
            await asyncio.sleep(pause)
            lanes.check(event)
            pause = min(pause * 2, LONGEST_PAUSE)

    return count_results
