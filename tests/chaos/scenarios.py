"""What is done to a running campaign: one function a scenario, each ending in a verdict."""

import random
import time
from collections.abc import Callable
from typing import Any

from app.commands import Resolution
from app.delivery.campaigns.lifecycle import LONG_AHEAD
from app.delivery.outcomes import PUT_OFF
from app.delivery.unknown import still_open
from app.specs import Experiment, Schedule, Throttle, Variant
from app.things import Account, FrequencyCap
from tests.chaos.clients import Clients, letters_of
from tests.chaos.judge import judge
from tests.chaos.promised import judged
from tests.chaos.stage import RETRY_DELAYS, Stage
from tests.chaos.steps import steps_of_mail
from tests.chaos.verdict import Campaign, Run, verdict

Say = Callable[[str], None]

DAYS = 10.0
IN_TIME = 5.0  # seconds until a schedule begins
MOST_AIMED = 5  # campaigns through aimed kills
CAPPED = 20  # people under a frequency cap
UNKNOWN_SQL = "SELECT lower(hex(message_id)) FROM messages WHERE campaign = {campaign:String} AND status = 'UNKNOWN'"
SINGLES = 40  # requests for single messages beside one
POISON = "deadly.example"
PROVIDERS = ("gmail", "outlook", "yahoo", "corp")


def begin(
    stage: Stage, name: str, people: int, policy: str, *, rate: float | None = None, domain: str = "", **spec: Any
) -> Campaign:
    """Start a campaign to *people* new people, whose addresses all name it."""
    rows = [
        {"email": f"p{i}@{name}.{domain or PROVIDERS[i % 4] + '.example'}", "first_name": f"Zoë{i}", "city": "Łódź"}
        for i in range(people)
    ]
    addresses = stage.people(name, rows)
    campaign = stage.start(name, unknown=policy, throttle=Throttle(rate=rate), retry_delays=RETRY_DELAYS, **spec)
    return Campaign(campaign, name, policy, addresses)


def wait_sunk(stage: Stage, count: int, seconds: float = 120.0) -> None:
    """Wait until the sink has *count* messages."""
    stage.wait_until(lambda: stage.sunk_count() >= count, lambda: f"the sink stands at {stage.sunk_count()}", seconds)


def random_kills(stage: Stage, say: Say, people: int, policy: str, kills: int, dice: random.Random) -> Run:
    """kill -9 of random Fanfare processes, spread over the campaign; some while it recovers from the last."""
    run, began = Run(f"random-{policy}", policy, people), time.monotonic()
    before = stage.sunk_count()
    campaign = begin(stage, f"random-{policy}-{dice.randrange(1 << 32):08x}", people, policy, rate=max(400, people / 6))
    senders_killed = 0
    for kill in range(1, kills + 1):
        if dice.random() < 0.3:
            time.sleep(dice.uniform(0.0, 3.0))
        else:
            wait_sunk(stage, before + int(0.95 * people * kill / (kills + 1)))
        victim = stage.kill_one_of_ours(dice)
        senders_killed += victim.startswith("senders")
        run.faults += 1
        say(f"kill {kill} of {kills}: {victim}, after {stage.sunk_count() - before} of {people}")
    stage.wait_for(campaign.id, "COMPLETED")
    stage.wait_ready()
    if policy == "resend":
        run.most_duplicated = stage.settings.smtp_connections * senders_killed
    run.seconds = round(time.monotonic() - began, 1)
    return verdict(stage, campaign, run)


def aimed_kills(stage: Stage, say: Say, people: int) -> list[Run]:
    """The processes of *stage* die once after each step of the roads of mail that the source names.

    A step right behind another one may be passed while its process is dead, so there are campaigns until all came.
    """
    wanted, runs, capped = steps_of_mail(), list[Run](), list[Run]()
    while (missing := wanted - fired(stage)) and len(runs) < 2 * MOST_AIMED:
        name = f"aimed-{len(runs) // 2}"
        if "frequency.written" not in fired(stage):
            capped.append(asked_again(stage, name))
        if "clear.written" not in fired(stage):
            capped.append(given_up(stage, name))
        runs += aimed_once(stage, people, name)
        say(f"died after {len(fired(stage))} of {len(wanted)} steps: {', '.join(sorted(missing & fired(stage)))}")
    runs[-1].mistakes += [f"nobody died after {step}" for step in sorted(missing)]
    return runs + capped


def aimed_once(stage: Stage, people: int, name: str) -> list[Run]:
    """One campaign through the deaths still to come: scheduled, tested, decided; beside it one wakes, others write."""
    run, began = Run(name, "hold", people), time.monotonic()
    before, died = stage.sunk_count(), len(fired(stage))
    stage.command(kind="account.set", settings=Account(name="default"))
    trial = Experiment(variants=[Variant(name="a", subject="A"), Variant(name="b", subject="B")], share=0.3, wait=1.0)
    campaign = begin(
        stage, name, people, "hold", schedule=Schedule(at=time.time() + IN_TIME, late_after=600), experiment=trial
    )
    sleeper = stage.start(name, schedule=Schedule(at=time.time() + LONG_AHEAD + IN_TIME))
    letters = Run(f"{name}-letters", "hold", 0)
    dice = random.Random(name)
    clients = Clients(stage, letters_of(letters.name, SINGLES, dice), dice, **{"from": "orders@acme.example"})
    with clients.writing():
        wait_sunk(stage, before + people // 2)
    stage.kill("senders-email-0")  # leaves unknowns, so that there is something to decide
    if "report.written" not in fired(stage):
        give_up_by_hand(stage, campaign.id)
    stage.wait_for(campaign.id, "COMPLETED", seconds=240)
    stage.wait_for(sleeper, "SCHEDULED")
    stage.command(kind="campaign.cancel", campaign=sleeper)
    stage.wait_ready()
    letters.faults = run.faults = len(fired(stage)) - died + 1
    letters.seconds = run.seconds = round(time.monotonic() - began, 1)
    return [verdict(stage, campaign, run), judged(stage, letters.name, clients.promises, letters)]


def asked_again(stage: Stage, name: str) -> Run:
    """Two campaigns to the same few people, who may have one message: the second waits until the cap is taken away."""
    run, began, died = Run(f"{name}-capped", "hold", 2 * CAPPED), time.monotonic(), len(fired(stage))
    one = Account(name="default", frequency_caps=[FrequencyCap(messages=1, window=3_600)])
    stage.command(kind="account.set", settings=one)
    first = begin(stage, run.name, CAPPED, "hold")
    stage.wait_for(first.id, "COMPLETED")
    second = Campaign(stage.start(run.name, capped="defer"), run.name, "hold", first.addresses)
    counters = f"/campaigns/{second.id}/"
    stage.wait_until(lambda: stage.view(counters).get("counters", {}).get(PUT_OFF, 0) > 0, lambda: "nobody is put off")
    stage.command(kind="account.set", settings=Account(name="default"))
    stage.wait_for(second.id, "COMPLETED")
    expected = {message for each in (first, second) for message in each.messages(stage).values()}
    accepted = [each.message for each in stage.sunk() if f"@{run.name}." in each.address]
    lost = [row[0] for each in (first, second) for row in stage.rows(UNKNOWN_SQL, campaign=each.id)]
    figures = judge(expected, accepted, lost, stage.refused())
    run.lost, run.duplicated, run.unknown = figures.lost, figures.duplicated, figures.unknown
    run.faults, run.seconds = len(fired(stage)) - died, round(time.monotonic() - began, 1)
    return run


def given_up(stage: Stage, name: str) -> Run:
    """A campaign that is cancelled while its people wait: each is accounted for, and nobody has two messages."""
    run, began, died = Run(f"{name}-cancelled", "hold", CAPPED), time.monotonic(), len(fired(stage))
    before = stage.sunk_count()
    campaign = begin(stage, run.name, CAPPED, "hold", rate=1.0)
    wait_sunk(stage, before + 1)
    stage.taken(kind="campaign.cancel", campaign=campaign.id)
    seen = stage.wait_for(campaign.id, "CANCELLED")
    sunk = [each.message for each in stage.sunk() if f"@{run.name}." in each.address]
    run.lost, run.duplicated = CAPPED - seen["final"], len(sunk) - len(set(sunk))
    counters = seen["counters"]
    run.unknown = counters.get("unknown", 0)
    if not counters.get("sent", 0) <= len(sunk) <= counters.get("sent", 0) + run.unknown < CAPPED:
        run.mistakes.append(f"{len(sunk)} in the sink: {counters}")
    run.faults, run.seconds = len(fired(stage)) - died, round(time.monotonic() - began, 1)
    return run


def give_up_by_hand(stage: Stage, campaign: str) -> None:
    """Somebody tells that nobody will learn what became of them, as soon as there are unknowns."""

    def told() -> bool:
        seen = stage.view(f"/campaigns/{campaign}/")
        if still_open(seen.get("counters", {})) <= 0:
            return bool(seen["state"] == "COMPLETED")
        stage.command(kind="campaign.resolve", campaign=campaign, resolution=Resolution(outcome="give_up"))
        return True

    stage.wait_until(told, lambda: f"nothing of {campaign} became unknown", 60.0)


def fired(stage: Stage) -> set[str]:
    """The steps after which a process has died."""
    crashed = stage.settings.state_dir / "crashed"
    return {path.name for path in crashed.iterdir()} if crashed.exists() else set()


def stopped(stage: Stage, say: Say, people: int) -> Run:
    """Everything is stopped, later killed, in the middle; each time the logs are ten days older when it starts."""
    run, began = Run("stopped", "hold", people), time.monotonic()
    before = stage.sunk_count()
    campaign = begin(stage, "stopped", people, "hold", rate=max(300, people / 10))
    wait_sunk(stage, before + people // 4)
    stage.down()
    say(f"stopped after {stage.sunk_count() - before} of {people}; {stage.age(DAYS)} batches are {DAYS:.0f} days older")
    stage.up()
    wait_sunk(stage, before + people // 2)
    run.faults = 1 + stage.kill_everything()
    say(f"killed all, after {stage.sunk_count() - before} of {people}; {stage.age(DAYS)} batches are older again")
    stage.up()
    stage.wait_for(campaign.id, "COMPLETED")
    run.seconds = round(time.monotonic() - began, 1)
    return verdict(stage, campaign, run)


def broker_killed(stage: Stage, say: Say, people: int) -> Run:
    """kill -9 of Kafka in the middle, twice."""
    run, began = Run("broker", "hold", people), time.monotonic()
    before = stage.sunk_count()
    campaign = begin(stage, "broker", people, "hold", rate=max(300, people / 10))
    for third in (1, 2):
        wait_sunk(stage, before + third * people // 3)
        run.faults += stage.kill("kafka")
        say(f"killed Kafka after {stage.sunk_count() - before} of {people}")
    stage.wait_for(campaign.id, "COMPLETED")
    stage.wait_ready()
    run.seconds = round(time.monotonic() - began, 1)
    return verdict(stage, campaign, run)


def clickhouse_away(stage: Stage, say: Say, people: int) -> Run:
    """ClickHouse is killed while it is read, then stays away until the campaign is complete."""
    run, began = Run("clickhouse", "hold", people), time.monotonic()
    campaign = begin(stage, "clickhouse", people, "hold", rate=max(100, people / 15))
    run.faults += stage.kill("clickhouse")

    def all_listed() -> bool:
        return bool(stage.view(f"/campaigns/{campaign.id}/").get("counters", {}).get("listed", 0) >= people)

    stage.wait_until(all_listed, lambda: "the audience was never expanded")
    with stage.outage("clickhouse") as deaths:
        seen = stage.wait_for(campaign.id, "COMPLETED")
        say(f"{seen['final']} of {people} sent with ClickHouse away")
    run.faults += len(deaths)
    stage.wait_ready()
    run.seconds = round(time.monotonic() - began, 1)
    return verdict(stage, campaign, run)


def taken_over(stage: Stage, say: Say, people: int) -> Run:
    """One sender is killed and stays away: the other one takes over, and knows from its journal what it had begun."""
    run, began = Run("takeover", "hold", people), time.monotonic()
    before = stage.sunk_count()
    campaign = begin(stage, "takeover", people, "hold", rate=max(300, people / 5))
    wait_sunk(stage, before + people // 3)
    with stage.outage("senders-email-0") as deaths:
        stage.wait_for(campaign.id, "COMPLETED")
    say(f"complete without the sender, which died {len(deaths)} times")
    run.faults = len(deaths)
    stage.wait_ready()
    run.seconds = round(time.monotonic() - began, 1)
    verdict(stage, campaign, run)
    if run.unknown > stage.settings.smtp_connections:
        run.mistakes.append(f"{run.unknown} unknown: more than were on the wire")
    return run


def poison_template(stage: Stage, say: Say, people: int) -> list[Run]:
    """A template that kills whoever renders it, and a campaign beside it that goes on."""
    began = time.monotonic()
    bad = begin(stage, "poison", people // 4, "hold", domain=POISON)
    good = begin(stage, "beside", people, "hold")
    stage.wait_for(good.id, "COMPLETED", seconds=240)
    say("the campaign beside it is complete")
    state = stage.wait_for(bad.id, "PAUSED", "COMPLETED")["state"]  # COMPLETED: all were in hand, and are set aside
    stage.wait_ready()
    seen: dict[str, Any] = {}

    def set_aside() -> bool:  # the pause is told before who was set aside is counted
        seen.update(stage.view(f"/campaigns/{bad.id}/"))
        return bool(seen.get("counters", {}).get("blocked.poison"))

    stage.wait_until(set_aside, lambda: f"nobody was set aside: {seen}", 20.0)
    beside = verdict(stage, good, Run("beside poison", "hold", people, seconds=round(time.monotonic() - began, 1)))
    run = Run("poison", "hold", people // 4, seconds=round(time.monotonic() - began, 1))
    run.faults = sum(part["restarts"] for part in stage.parts().values())
    counters = seen["counters"]
    run.held = counters.get("blocked.poison", 0)
    say(f"{run.held} of {run.audience} set aside, the others wait; {run.faults} deaths")
    if not run.held or run.held != sum(counters.get(name, 0) for name in ("blocked", "sent", "delivered", "unknown")):
        run.mistakes.append(f"not set aside as it should be: {counters}")
    if state == "COMPLETED" and run.held != run.audience:
        run.mistakes.append(f"complete, and not everybody was set aside: {counters}")
    if any(each.address.endswith(POISON) for each in stage.sunk()):
        run.mistakes.append("the sink has mail that was never to be rendered")
    run.lost = run.audience - counters.get("listed", 0)
    return [run, beside]


def poison_person(stage: Stage, say: Say, people: int) -> Run:
    """One person whose data kills whoever renders it, in the middle of a campaign."""
    run, began = Run("poison person", "hold", people), time.monotonic()
    restarts = sum(part["restarts"] for part in stage.parts().values())
    campaign = begin_with_one(stage, "person", people)
    stage.wait_for(campaign.id, "COMPLETED", seconds=240)
    stage.wait_ready()
    run.faults = sum(part["restarts"] for part in stage.parts().values()) - restarts
    say(f"complete after {run.faults} deaths")
    run.seconds = round(time.monotonic() - began, 1)
    verdict(stage, campaign, run)
    if run.held != 1:
        run.mistakes.append(f"{run.held} people were set aside for one")
    return run


def begin_with_one(stage: Stage, name: str, people: int) -> Campaign:
    """A campaign with one deadly person in the middle."""
    rows = [{"email": f"p{i}@{name}.gmail.example", "first_name": "A", "city": "B"} for i in range(people)]
    rows[people // 2]["email"] = f"p@{name}.{POISON}"
    addresses = stage.people(name, rows)
    campaign = stage.start(name, retry_delays=RETRY_DELAYS)
    return Campaign(campaign, name, "hold", addresses)
