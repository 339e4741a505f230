"""Orders given while processes die: scheduled, paused, resumed, cancelled, each with a kill -9 beside it.

What must hold: an order that is answered has happened once, the entries of the campaign lead from state to state as
the table of the life of a campaign allows, nobody is lost, nobody is mailed twice.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app import topics
from app.commands import Answer, CampaignEntry, Command, State
from app.control import Control, ControlError
from app.delivery.campaigns.lifecycle import TRANSITIONS, WAITING
from app.specs import CampaignSpec, Schedule, Throttle
from tests.chaos.scenarios import wait_sunk
from tests.chaos.stage import RETRY_DELAYS, Stage, StuckError
from tests.chaos.verdict import Campaign, Run, verdict
from tests.road.conftest import CONTENT

Say = Callable[[str], None]

DUE_AFTER = 6.0  # seconds from the command to the start
ANSWER_SECONDS = 90.0
QUIET = 1.5  # seconds in which what was on the wire when a pause was answered arrives


def controlled(stage: Stage, say: Say, people: int, dice: random.Random, mark: str = "") -> list[Run]:
    """One campaign through schedule, pause, resume to its end, another one cancelled; *mark* tells rounds apart."""
    return [_paused(stage, f"ordered{mark}", people, dice), _cancelled(stage, say, f"cancelled{mark}", people, dice)]


def _paused(stage: Stage, name: str, people: int, dice: random.Random) -> Run:
    run, began, before = Run(name, "hold", people), time.monotonic(), stage.sunk_count()
    campaign = _scheduled(stage, name, people, dice, run)
    wait_sunk(stage, before + people // 5)
    with killing(stage, dice, run):
        order(stage, campaign.id, "pause")
    answered = stage.sunk_count()
    time.sleep(QUIET)
    still = stage.sunk_count()
    if still - answered > 2 * stage.settings.smtp_connections:
        run.mistakes.append(f"{still - answered} messages after a pause was answered")
    time.sleep(QUIET)
    if stage.sunk_count() != still:
        run.mistakes.append(f"{stage.sunk_count() - still} messages of a campaign that is paused")
    with killing(stage, dice, run):
        order(stage, campaign.id, "resume")
    stage.wait_for(campaign.id, "COMPLETED")
    stage.wait_ready()
    run.seconds = round(time.monotonic() - began, 1)
    run.mistakes += wrong_steps(stage, campaign.id)
    return verdict(stage, campaign, run)


def _cancelled(stage: Stage, say: Say, name: str, people: int, dice: random.Random) -> Run:
    run, began, before = Run(name, "hold", people), time.monotonic(), stage.sunk_count()
    campaign = _scheduled(stage, name, people, dice, run)
    wait_sunk(stage, before + people // 5)
    with killing(stage, dice, run):
        order(stage, campaign.id, "cancel")
    seen = stage.wait_for(campaign.id, "CANCELLED")
    stage.wait_ready()
    say(f"cancelled after {stage.sunk_count() - before} of {people}")
    run.seconds = round(time.monotonic() - began, 1)
    run.mistakes += wrong_steps(stage, campaign.id)
    if seen["final"] != people:
        run.lost = people - seen["final"]
    sunk = [each.message for each in stage.sunk() if f"@{campaign.name}." in each.address]
    run.duplicated = len(sunk) - len(set(sunk))
    if len(sunk) >= people:
        run.mistakes.append("everybody was sent to: the cancel came too late to prove anything")
    return run


def _scheduled(stage: Stage, name: str, people: int, dice: random.Random, run: Run) -> Campaign:
    """A campaign that starts some seconds from now, while somebody who works on that is killed."""
    rows = [{"email": f"p{i}@{name}.corp.example", "first_name": "Zoë", "city": "Łódź"} for i in range(people)]
    addresses = stage.people(name, rows)
    due = time.time() + DUE_AFTER
    spec = CampaignSpec(
        from_email="news@acme.example", lists=[name], retry_delays=RETRY_DELAYS,
        schedule=Schedule(at=due), throttle=Throttle(rate=max(300, people / 10)),
    )  # fmt: skip
    with killing(stage, dice, run):
        made = _asked(
            stage, Command(id=f"{name}-{due}", kind="campaign.create", spec=spec, content=CONTENT, start=True)
        )
    time.sleep(max(0.0, due - time.time() - dice.uniform(0.0, 0.5)))
    with killing(stage, dice, run):
        time.sleep(0.3)
    return Campaign(made.campaign, name, "hold", addresses)


def order(stage: Stage, campaign: str, kind: str, **more: str) -> Answer:
    """Give an order until it is answered: the same command each time, as a program that was not answered does."""
    return _asked(
        stage,
        Command.model_validate({"id": f"{kind}-{campaign}", "kind": f"campaign.{kind}", "campaign": campaign, **more}),
    )


def _asked(stage: Stage, command: Command) -> Answer:
    async def ask() -> Answer:
        async with Control(stage.settings) as control:
            return (await control.send(command, timeout=10)).answer

    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            answer = asyncio.run(ask())
        except ControlError as error:
            if time.monotonic() > deadline:
                raise StuckError(f"{command.kind} is not answered: {error.message}") from error
            continue
        if answer.status >= 400:
            raise StuckError(f"{command.kind} was refused: {answer.status} {answer.error}")
        return answer


@contextmanager
def killing(stage: Stage, dice: random.Random, run: Run) -> Iterator[None]:
    """kill -9 of one Fanfare process within half a second of the beginning of the block."""

    def kill() -> None:
        time.sleep(dice.uniform(0.0, 0.5))
        stage.kill_one_of_ours(dice)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        killer.join()
        run.faults += 1


def wrong_steps(stage: Stage, campaign: str) -> list[str]:
    """What the directory's log tells of *campaign* that its life does not allow."""
    entries = asyncio.run(entries_of(stage, campaign))
    mistakes = []
    for before, after in pairwise(entries):
        if after.revision == before.revision and after.model_dump() != before.model_dump():
            mistakes.append(f"revision {after.revision} stands for {before.state} and for {after.state}")
        elif after.revision < before.revision:
            mistakes.append(f"revision {after.revision} came after {before.revision}")
        elif before.state != after.state and after.state not in _next_of(before.state):
            mistakes.append(f"{before.state} led to {after.state}")
    return mistakes


def _next_of(state: State) -> set[State]:
    """The states that one step may lead to: stations at which there is nothing to wait for are passed in it."""
    found: set[State] = set()
    more = [state]
    while more:
        here = more.pop()
        fresh = {after for (before, _), after in TRANSITIONS.items() if before == here} - found
        found |= fresh
        more += [each for each in fresh if each in (*WAITING, "SEALING")]
    return found


async def entries_of(stage: Stage, campaign: str) -> list[CampaignEntry]:
    """Every version of the campaign in the directory's log, in order."""
    place = TopicPartition(topics.CAMPAIGN_CHANGED, 0)
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=stage.settings.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        found = []
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [record.value for record in records if record.value and record.key == campaign.encode()]
        return [CampaignEntry.model_validate_json(value) for value in found]
    finally:
        await consumer.stop()
