"""Limits are kept on the wire while workers are killed, taken over and given new limits; by the sink's record."""

import random
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

from app.local.sink_read import Accepted
from app.routes import LimitSet
from benchmarks.wire import excesses
from tests.chaos.scaling import worker
from tests.chaos.scenarios import Say, begin, wait_sunk
from tests.chaos.stage import Stage
from tests.chaos.verdict import Run, verdict

HOUR = 3_600
SECONDS = 40  # that the whole audience needs at the full rate
STILL = 4.0  # seconds without a message: a cap is reached
IN_FORCE = 1.0  # seconds after the answer
FORFEIT = 2.0  # seconds of the rate that each kill may cost a cap: what was granted and nobody could spend any more


@dataclass
class Phase:
    """A time in which a limit was in force."""

    rate: float
    since: float
    until: float = float("inf")


@dataclass
class Phases:
    """What an account might send, over time."""

    seen: list[Phase] = field(default_factory=list)

    def begins(self, rate: float, since: float) -> None:
        """Another rate is in force from the moment *since* on."""
        if self.seen:
            self.seen[-1].until = since - IN_FORCE
        self.seen.append(Phase(rate, since))

    def excesses(self, times: list[float]) -> int:
        """Windows that were too full: of the highest rate everywhere, of each in its own time."""
        highest = max(phase.rate for phase in self.seen)
        found = excesses(times, highest, _burst(highest))
        for phase in self.seen:
            inside = [at for at in times if phase.since <= at < phase.until]
            found += excesses(inside, phase.rate, _burst(phase.rate))
        return found


def limited(stage: Stage, say: Say, people: int, kills: int, dice: random.Random) -> Run:
    """A rate of the account that is halved and doubled, one of a mailbox provider, and a cap of the hour."""
    name, rate, cap = "limited", people / SECONDS, people * 3 // 4
    run, began, phases = Run(name, "hold", people), time.monotonic(), Phases()
    before = stage.sunk_count()

    def account(fresh: float, hourly: int | None = cap) -> None:
        stage.taken(kind="limit.set", limit=LimitSet(scope="account", name="default", rate=fresh, hourly=hourly))
        phases.begins(fresh, time.time() + IN_FORCE)

    account(rate)
    campaign = begin(stage, name, people, "hold")
    group = _largest_group(stage, campaign.id)
    group_rate = rate / 4
    stage.taken(kind="limit.set", limit=LimitSet(scope="group", name=group, rate=group_rate))
    limited_since = time.time() + IN_FORCE
    with ExitStack() as more:
        more.enter_context(worker(stage, 1, "recipients"))
        for kill in range(1, kills + 1):
            wait_sunk(stage, before + cap * kill // (2 * kills + 2))
            say(f"kill {kill} of {kills}: {stage.kill_one_of_ours(dice)}, {stage.sunk_count() - before} of {people}")
            run.faults += 1
            if kill == kills // 2:
                account(rate / 2)
        account(rate)
        least = int(cap - kills * FORFEIT * rate)
        wait_sunk(stage, before + least, seconds=300)
        _wait_still(stage)
        say(f"the cap of the hour holds at {stage.sunk_count() - before} of {cap}")
        account(rate, hourly=None)
        stage.taken(kind="limit.set", limit=LimitSet(scope="group", name=group))
        unlimited_since = time.time()
        stage.wait_for(campaign.id, "COMPLETED", seconds=300)
        stage.wait_ready()
    account(1_000_000.0, hourly=None)
    run.seconds = round(time.monotonic() - began, 1)
    sunk = sorted((each for each in stage.sunk() if f"@{name}." in each.address), key=lambda each: each.at)
    _judge_caps(run, [each for each in sunk if each.at < unlimited_since], cap, least)
    if over := phases.excesses([each.at for each in sunk]):
        run.mistakes.append(f"the limit of the account was exceeded in {over} windows")
    of_group = [each.at for each in sunk if group in each.address and limited_since <= each.at < unlimited_since]
    if over := excesses(of_group, group_rate, _burst(group_rate)):
        run.mistakes.append(f"the limit of {group} was exceeded in {over} windows")
    return verdict(stage, campaign, run)


def _burst(rate: float) -> float:
    return max(rate, 2.0)


def _largest_group(stage: Stage, campaign: str) -> str:
    """The MX group with the most people of an audience."""
    stage.wait_for(campaign, "RUNNING")
    seal = stage.entry(campaign).seal
    assert seal is not None
    return max(seal.groups, key=lambda each: each.rows).group


def _wait_still(stage: Stage) -> None:
    """Wait until the sink has had no message for a while."""
    count, since = stage.sunk_count(), time.monotonic()
    deadline = since + 120.0
    while time.monotonic() - since < STILL and time.monotonic() < deadline:
        time.sleep(0.2)
        if (now := stage.sunk_count()) != count:
            count, since = now, time.monotonic()


def _judge_caps(run: Run, sunk: list[Accepted], cap: int, least: int) -> None:
    hours = Counter(int(each.at) // HOUR for each in sunk)
    run.mistakes += [f"{count} messages in an hour, its cap is {cap}" for count in hours.values() if count > cap]
    if len(hours) == 1 and hours.total() < least:
        run.mistakes.append(f"only {hours.total()} messages in an hour whose cap is {cap}")
