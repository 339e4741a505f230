"""Experiments that are tested, waited for and decided while processes die.

What must hold: each phase comes once and in its turn, everybody in the audience gets exactly one message or is told of,
those in the test get the variant that was drawn for them, all others the winner, and who is held out gets nothing.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from app import ids
from app.commands import CampaignEntry
from app.specs import Experiment, Variant
from tests.chaos.control import entries_of, killing, order, wrong_steps
from tests.chaos.scenarios import begin, wait_sunk
from tests.chaos.stage import Stage
from tests.chaos.verdict import Campaign, Run, verdict

Say = Callable[[str], None]

SHARE, HOLDOUT, WAIT = 0.3, 0.1, 2.0
VARIANTS = ("a", "b", "c")
PHASES = ("testing", "waiting", "decided")
DRAWN = "SELECT lower(hex(recipient_id)), variant, reason FROM audience WHERE build = {build:String}"


def experimented(stage: Stage, say: Say, people: int, dice: random.Random, *, by_hand: bool = False) -> Run:
    """One experiment, somebody is killed in each of its phases and in the steps between them."""
    name = f"trial-{'hand' if by_hand else 'auto'}-{dice.randrange(1 << 32):08x}"
    run, began, before = Run(name, "hold", people), time.monotonic(), stage.sunk_count()
    trial = Experiment(
        variants=[Variant(name=each, subject=f"Variant {each}") for each in VARIANTS],
        share=SHARE, holdout=HOLDOUT, wait=WAIT, metric="by_hand" if by_hand else "opens",
    )  # fmt: skip
    with killing(stage, dice, run):
        campaign = begin(stage, name, people, "hold", rate=max(200, people / 8), experiment=trial)
    wait_sunk(stage, before + int(people * SHARE / 3))
    with killing(stage, dice, run):
        entry = _wait_for_phase(stage, campaign, "waiting")
    with killing(stage, dice, run):
        _wait_until_due(entry)
    with killing(stage, dice, run):
        if by_hand:
            order(stage, campaign.id, "decide", winner=VARIANTS[-1])
        entry = _wait_for_phase(stage, campaign, "decided")
    assert entry.trial is not None
    say(f"{entry.trial.winner} has won, after {stage.sunk_count() - before} of {people}")
    wait_sunk(stage, before + int(people * (SHARE + 0.2)))
    with killing(stage, dice, run):
        stage.wait_for(campaign.id, "COMPLETED")
    stage.wait_ready()
    run.seconds = round(time.monotonic() - began, 1)
    run.mistakes += wrong_steps(stage, campaign.id) + wrong_phases(asyncio.run(entries_of(stage, campaign.id)))
    return _judged(stage, campaign, run)


def _wait_for_phase(stage: Stage, campaign: Campaign, phase: str) -> CampaignEntry:
    entry = stage.entry(campaign.id)

    def there() -> bool:
        nonlocal entry
        entry = stage.entry(campaign.id)
        return entry.trial is not None and PHASES.index(entry.trial.phase) >= PHASES.index(phase)

    stage.wait_until(there, lambda: f"the experiment is not {phase}: {entry.state}, {entry.trial}", 180.0)
    return entry


def _wait_until_due(entry: CampaignEntry) -> None:
    assert entry.trial is not None and entry.trial.decide_at is not None
    time.sleep(max(0.0, entry.trial.decide_at - time.time()))


def wrong_phases(entries: list[CampaignEntry]) -> list[str]:
    """What the directory's log tells of an experiment that its course does not allow."""
    trials = [entry.trial for entry in entries if entry.trial is not None]
    mistakes = []
    for before, after in pairwise(trials):
        step = PHASES.index(after.phase) - PHASES.index(before.phase)
        if step < 0 or (step == 0 and before != after):
            mistakes.append(f"{before.phase} of {before.decide_at} ({before.winner}) led to {after}")
    if not trials or trials[-1].phase != "decided" or trials[-1].winner not in VARIANTS:
        mistakes.append(f"it ended with {trials[-1:]}")
    return mistakes


def _judged(stage: Stage, campaign: Campaign, run: Run) -> Run:
    """The verdict on those who were to get something, and whether each got what was drawn for him."""
    entry, secret = stage.entry(campaign.id), stage.settings.secret_path.read_bytes()
    assert entry.seal is not None and entry.trial is not None
    drawn = {who: (int(variant), reason) for who, variant, reason in stage.rows(DRAWN, build=entry.seal.id)}
    of = {
        each: drawn[ids.recipient_id(secret, "email", ids.normalise_email(each)).hex()] for each in campaign.addresses
    }
    inside = [each for each in campaign.addresses if not of[each][1]]
    _compare_shares(run, of, entry.seal.left_out)
    run.audience = len(inside)
    verdict(stage, Campaign(campaign.id, campaign.name, campaign.policy, inside), run)
    letters, subjects = [entry.trial.winner, *VARIANTS], stage.subjects()
    for address, message in Campaign(campaign.id, campaign.name, campaign.policy, inside).messages(stage).items():
        told, right = subjects.get(message, set()), f"Variant {letters[of[address][0]]}"
        if told - {right}:
            run.mistakes.append(f"{address} of variant {of[address][0]} got {told} instead of {right}")
    return run


def _compare_shares(run: Run, of: dict[str, tuple[int, str]], left_out: dict[str, int]) -> None:
    """The shares are exact, and whoever is left out is told of with the reason."""
    reasons = Counter(reason for _, reason in of.values() if reason)
    held, tested = round(run.audience * HOLDOUT), sum(variant > 0 for variant, _ in of.values())
    if reasons != {"holdout": held} or left_out != dict(reasons):
        run.mistakes.append(f"left out: {dict(reasons)}, {left_out} in the seal, {held} should be held out")
    if tested != round(run.audience * SHARE):
        run.mistakes.append(f"{tested} in the test of {run.audience}")
