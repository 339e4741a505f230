"""seal.requested -> command.accepted: turn the lists of a campaign into a fixed audience, and drop old ones."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from faust.types import AgentT, EventT, StreamT

from agents.pacing import GROUP_KEY
from app import topics
from app.clickhouse.audience_sweep import sweep_audiences
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.key_check import WrongKeyError, check_key, read_key
from app.clickhouse.phone_backfill import fill_phones
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
FILL_EVERY = 60.0
LOOK_AGAIN = 3_600.0  # once there were none
MOST_FILLED = 20_000  # contacts that get their phone ids in one go: a second or so
MOST_REFUSALS = 8  # errors that ClickHouse itself answers (some 20 seconds), before the campaign fails


@dataclass
class _Filling:
    """When contacts without phone ids are looked for again."""

    next_at: float = 0.0


def attach(
    app: StreamApp, lanes: Lanes, client: ClickHouse, dead: DeadLetters, secret_path: Path | None = None
) -> AgentT[bytes]:
    """Add the sealing agent to *app*. The key at *secret_path* makes phone ids of contacts that have none yet."""

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
        reached("seal.made")
        lanes.check(event)
        # A crash before this line seals again, which finds the same seal; a second answer is ignored.
        await app.produce(topics.COMMAND_ACCEPTED, None, GROUP_KEY, answer.model_dump_json().encode())
        reached("seal.answered")

    async def sealed(event: EventT[bytes], task: SealTask) -> Seal:
        pause, refusals = 0.2, 0
        while True:
            try:
                if task.channel in topics.PHONES and secret_path is not None:
                    await phones(task.account)
                return await seal(client, task, int(app.now() // 86_400))
            except ClickHouseError as error:
                refusals += not error.is_away
                if refusals >= MOST_REFUSALS:
                    raise SealError(f"ClickHouse: {error.message[:500]}") from error
                log.warning("cannot seal %s, tries again: %s", task.seal, error)
            await asyncio.sleep(pause)
            lanes.check(event)
            pause = min(pause * 2, LONGEST_PAUSE)

    filling = _Filling()

    async def phones(account: str, most: int = 0) -> int:
        """Give contacts from before there were phone ids theirs. Those of the account that sends: all of them."""
        assert secret_path is not None
        try:
            secret = read_key(secret_path)
            await check_key(client, secret, secret_path)
        except WrongKeyError as error:
            raise SealError(f"no phone ids without the right key: {error}") from error
        filled = await fill_phones(client, secret, account, most)
        if filled:
            log.info("gave %d contacts their phone ids", filled)
        return filled

    async def fill() -> None:
        if app.now() < filling.next_at:
            return
        try:
            if await phones("", MOST_FILLED) < MOST_FILLED:
                filling.next_at = app.now() + LOOK_AGAIN
        except (ClickHouseError, SealError) as error:
            log.warning("contacts from before get no phone ids for now: %s", error)

    async def sweep() -> None:
        try:
            builds = await sweep_audiences(client)
        except ClickHouseError as error:
            log.warning("old audiences stay for now: %s", error)
            return
        if builds:
            log.info("dropped %d audiences that are no longer needed", len(builds))

    every(app, SWEEP_EVERY, sweep)
    if secret_path is not None:
        every(app, FILL_EVERY, fill)
    return seal_audiences
