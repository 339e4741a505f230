"""Single messages while processes die: with a key one message each, and every 202 is sent or explained."""

import random
import time
from collections.abc import Callable

from app.specs import CampaignSpec
from tests.chaos.clients import Clients, letters_of
from tests.chaos.promised import judged
from tests.chaos.scenarios import begin, wait_sunk
from tests.chaos.stage import RETRY_DELAYS, Stage
from tests.chaos.verdict import Run, verdict
from tests.road.conftest import CONTENT

Say = Callable[[str], None]

VICTIMS = ("edge", "recipients-0", "senders-email-0", "pacing-0", "recipients-0", "senders-email-1", "edge")


def repeated(stage: Stage, say: Say, people: int, dice: random.Random) -> Run:
    """Programs that send receipts and repeat what is not answered; edge, recipients, senders and pacing die in turn."""
    name = f"single-{dice.randrange(1 << 32):08x}"
    run, began = Run(name, "hold", 0), time.monotonic()
    letters = letters_of(name, people // 2, dice)
    clients = Clients(stage, letters, dice, **{"from": "orders@acme.example"})
    with clients.writing():
        for number, victim in enumerate(VICTIMS, 1):
            _wait_taken(stage, clients, number / (len(VICTIMS) + 1))
            run.faults += stage.kill(victim)
            say(f"{victim} killed, {clients.done} of {clients.all} requests answered")
    stage.wait_ready()
    run.seconds = round(time.monotonic() - began, 1)
    return judged(stage, name, clients.promises, run)


def beside(stage: Stage, say: Say, people: int, dice: random.Random) -> list[Run]:
    """A stream of single messages of one campaign beside a campaign with an audience; anybody dies."""
    mark = f"{dice.randrange(1 << 32):08x}"
    run, began, before = Run(f"stream-{mark}", "hold", 0), time.monotonic(), stage.sunk_count()
    stream = CampaignSpec(
        name="Receipts", kind="transactional", from_email="orders@acme.example", retry_delays=RETRY_DELAYS
    )
    made = stage.command(kind="campaign.create", spec=stream, content=CONTENT, start=True).answer
    stage.wait_for(made.campaign, "RUNNING")
    bulk = begin(stage, f"bulk-{mark}", people, "hold", rate=max(200, people / 8))
    big = Run(bulk.name, "hold", people)
    letters = letters_of(run.name, people // 4, dice)
    clients = Clients(stage, letters, dice, campaign_id=made.campaign)
    wait_sunk(stage, before + people // 10)
    with clients.writing():
        for number in range(1, len(VICTIMS) + 1):
            _wait_taken(stage, clients, number / (len(VICTIMS) + 1))
            victim = stage.kill_one_of_ours(dice)
            run.faults += 1
            say(f"{victim} killed, {clients.done} of {clients.all} requests answered")
    stage.wait_for(bulk.id, "COMPLETED")
    stage.wait_ready()
    big.faults = run.faults
    run.seconds = big.seconds = round(time.monotonic() - began, 1)
    return [judged(stage, run.name, clients.promises, run), verdict(stage, bulk, big)]


def _wait_taken(stage: Stage, clients: Clients, share: float) -> None:
    def so_many() -> bool:
        return clients.done >= share * clients.all

    stage.wait_until(so_many, lambda: f"{clients.done} of {clients.all} requests are answered", 180.0)
