"""Single messages while processes die: with a key one message each, and every 202 is sent or explained."""

import random
import time
from collections import Counter
from collections.abc import Callable

from app.specs import CampaignSpec
from tests.chaos.clients import Clients, Promises, letters_of
from tests.chaos.scenarios import begin, wait_sunk
from tests.chaos.stage import RETRY_DELAYS, Stage, StuckError
from tests.chaos.verdict import Run, verdict
from tests.road.conftest import CONTENT

Say = Callable[[str], None]

VICTIMS = ("edge", "recipients-0", "senders-email-0", "pacing-0", "recipients-0", "senders-email-1", "edge")
ENDS = ("SENT", "DELIVERED", "BOUNCED", "BLOCKED", "DROPPED", "UNKNOWN")
BOOK_SECONDS = 90.0
TOLD_SQL = """
SELECT lower(hex(message_id)), status, class FROM messages WHERE lower(hex(message_id)) IN {messages:Array(String)}
"""


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


def judged(stage: Stage, name: str, promises: Promises, run: Run) -> Run:
    """Compare what was promised with the sink's record and with what is told of each message."""
    promised = promises.messages
    told = _told(stage, sorted(promised.values()))
    sunk = [each for each in stage.sunk() if f"@{name}." in each.address]
    times = Counter(each.message for each in sunk)
    to = Counter(each.address for each in sunk)
    unknown = {message for message, (status, _) in told.items() if status == "UNKNOWN"}
    explained = set(stage.refused()) | {
        m for m, (status, why) in told.items() if status in ("DROPPED", "BLOCKED") and why
    }
    run.audience, run.mistakes = len(promised), run.mistakes + promises.mistakes
    run.lost = len(set(promised.values()) - set(times) - unknown - explained)
    run.duplicated = sum(n - 1 for n in to.values())
    run.unknown, run.unknown_never_sent = len(unknown), len(unknown - set(times))
    if stray := [each for each in sunk if promised.get(each.address, each.message) != each.message]:
        run.mistakes.append(f"{len(stray)} got another message than the one that was promised: {stray[:2]}")
    if foreign := set(to) - set(promised) - promises.unsure:
        run.mistakes.append(f"{len(foreign)} got mail that was never promised: {sorted(foreign)[:3]}")
    if odd := {status for status, _ in told.values()} - set(ENDS):
        run.mistakes.append(f"some are told as {odd}")
    if early := {m for m, (status, _) in told.items() if status in ("SENT", "DELIVERED")} - set(times):
        run.mistakes.append(f"{len(early)} told as sent that the sink never had")
    return run


def _told(stage: Stage, messages: list[str]) -> dict[str, tuple[str, str]]:
    """Message -> (status, class) in ClickHouse, once each has come to an end there."""
    deadline = time.monotonic() + BOOK_SECONDS
    while True:
        found: dict[str, tuple[str, str]] = {}
        for start in range(0, len(messages), 500):
            rows = stage.rows(TOLD_SQL, messages=messages[start : start + 500])
            found |= {message: (status, why) for message, status, why in rows}
        if sum(status in ENDS for status, _ in found.values()) == len(messages):
            return found
        if time.monotonic() > deadline:
            missing = [m for m in messages if m not in found or found[m][0] not in ENDS]
            raise StuckError(f"{len(missing)} of {len(messages)} are told as nothing final: {missing[:3]}")
        time.sleep(0.3)
