"""Kills everything in turn while campaigns run, and judges by the sink's own record. What `make chaos` calls.

    python -m tests.chaos --people 20000 --kills 10 --seed 1
    python -m tests.chaos --only random --policy resend

Figures go to var/chaos.json. The exit code is 1 when an invariant broke: somebody lost, somebody mailed twice,
or books that disagree.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos import scaling, scenarios, singles
from tests.chaos.control import controlled
from tests.chaos.experiment import experimented
from tests.chaos.limited import limited
from tests.chaos.provider_outage import TROUBLES, outage
from tests.chaos.providers import simulated
from tests.chaos.reported import reported
from tests.chaos.stage import Stage, StuckError
from tests.chaos.steps import OF_REPORTS, SENDING, steps_of_mail
from tests.chaos.verdict import Run

GROUPS = (
    "random",
    "orders",
    "trials",
    "singles",
    "aimed",
    "reports",
    "stopped",
    "poison",
    "outages",
    "scaling",
    "limits",
    "providers",
)
Act = tuple[str, Callable[[Stage], list[Run]]]
RESULT = Path("var") / "chaos.json"


def main() -> int:
    """Run what was asked for; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--people", type=int, default=20_000, help="people of each random run; others take a quarter")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--policy", choices=("hold", "resend"), help="of the random runs; both when not given")
    parser.add_argument("--only", choices=GROUPS)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the folder, for its logs, also when all is well")
    given = parser.parse_args()
    seed = random.randrange(1 << 16) if given.seed is None else given.seed
    say(f"seed {seed}")
    runs = list(run_all(given, random.Random(seed)))
    result = figures(runs)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    say(f"{'all is well' if all(run.clean for run in runs) else 'AN INVARIANT BROKE'}; figures are in {RESULT}")
    return 0 if runs and all(run.clean for run in runs) else 1


def run_all(given: argparse.Namespace, dice: random.Random) -> Iterator[Run]:
    """Every scenario asked for, on a stage for each group that needs its own."""
    few = max(1_000, given.people // 4)
    wanted = [given.only] if given.only else list(GROUPS)
    plain: list[tuple[str, Callable[[Stage], Run]]] = []
    acts: list[Act] = []
    if "random" in wanted:
        policies = [given.policy] if given.policy else ["hold", "resend"]
        plain += [(f"random-{policy}", _random(given.people, policy, given.kills, dice)) for policy in policies]
    if "outages" in wanted:
        plain.append(("broker", lambda stage: scenarios.broker_killed(stage, say, few)))
        plain.append(("takeover", lambda stage: scenarios.taken_over(stage, say, few)))
        plain.append(("clickhouse", lambda stage: scenarios.clickhouse_away(stage, say, few)))
    if "stopped" in wanted:
        plain.append(("stopped", lambda stage: scenarios.stopped(stage, say, few)))
    if plain:
        yield from on_stage(given.keep, {}, [(name, _alone(act)) for name, act in plain])
    if "orders" in wanted:
        yield from on_stage(given.keep, {}, [("orders", lambda stage: controlled(stage, say, few, dice))])
    if "trials" in wanted:
        ways = [("by itself", False), ("by hand", True)]
        acts = [(f"decided {way}", _trial(few, dice, by_hand)) for way, by_hand in ways]
        yield from on_stage(given.keep, {}, acts)
    if "singles" in wanted:
        acts = [
            ("singles", lambda stage: [singles.repeated(stage, say, few, dice)]),
            ("stream", lambda stage: singles.beside(stage, say, few, dice)),
        ]
        yield from on_stage(given.keep, {}, acts)
    for name, special in SPECIAL.items():
        if name in wanted:
            settings, acts = special(few)
            yield from on_stage(given.keep, settings, acts)


def _aimed(people: int) -> tuple[dict[str, Any], list[Act]]:
    told = {"crash_after": ",".join(steps_of_mail())}
    return told, [("aimed", lambda stage: scenarios.aimed_kills(stage, say, people))]


def _reports(people: int) -> tuple[dict[str, Any], list[Act]]:
    wanted = OF_REPORTS | SENDING
    told = simulated() | {"crash_after": ",".join(wanted)}
    return told, [("reports", lambda stage: reported(stage, say, people // 10, wanted))]


def _poison(people: int) -> tuple[dict[str, Any], list[Act]]:
    return {"poison": scenarios.POISON}, [
        ("poison", lambda stage: scenarios.poison_template(stage, say, people)),
        ("poison person", lambda stage: [scenarios.poison_person(stage, say, people)]),
    ]


def _scaling(people: int) -> tuple[dict[str, Any], list[Act]]:
    return scaling.SETTINGS, [
        ("scaled", lambda stage: [scaling.scaled(stage, say, people)]),
        ("scaled, killed", lambda stage: [scaling.scaled(stage, say, people, killed=True)]),
    ]


def _limits(people: int) -> tuple[dict[str, Any], list[Act]]:
    return {}, [("limited", lambda stage: [limited(stage, say, people, 6, random.Random("limits"))])]


def _providers(people: int) -> tuple[dict[str, Any], list[Act]]:
    return {}, [(trouble, partial(_outage, people, trouble)) for trouble in TROUBLES]


def _outage(people: int, trouble: str, stage: Stage) -> list[Run]:
    return [outage(stage, say, people, trouble)]


# Groups on a stage that is set up for them: by the number of people, its settings and what is played.
SPECIAL: dict[str, Callable[[int], tuple[dict[str, Any], list[Act]]]] = {
    "aimed": _aimed,
    "reports": _reports,
    "poison": _poison,
    "scaling": _scaling,
    "limits": _limits,
    "providers": _providers,
}


def _alone(act: Callable[[Stage], Run]) -> Callable[[Stage], list[Run]]:
    return lambda stage: [act(stage)]


def _random(people: int, policy: str, kills: int, dice: random.Random) -> Callable[[Stage], Run]:
    return lambda stage: scenarios.random_kills(stage, say, people, policy, kills, dice)


def _trial(people: int, dice: random.Random, by_hand: bool) -> Callable[[Stage], list[Run]]:
    return lambda stage: [experimented(stage, say, people, dice, by_hand=by_hand)]


def on_stage(keep: bool, settings: dict[str, Any], acts: list[Act]) -> Iterator[Run]:
    """Play *acts* one after another in one installation; one that gets stuck is a broken invariant and ends it."""
    with stage_folder(keep) as folder:
        stage = Stage(folder, **settings)
        name = "start"
        runs: list[Run] = []
        try:
            with stage.running():
                for name, act in acts:
                    say(f"-- {name}")
                    for run in act(stage):
                        runs.append(run)
                        say(summary(run))
                        yield run
        except Exception as error:
            told = str(error) if isinstance(error, StuckError) else traceback.format_exc()
            run = Run(name, "", 0, mistakes=[f"stuck: {told}"])
            runs.append(run)
            say(summary(run))
            yield run
        if not all(run.clean for run in runs):
            keep_folder(folder)


@contextmanager
def stage_folder(keep: bool) -> Iterator[Path]:
    """A folder for one installation, thrown away in the end unless somebody wants to look."""
    folder = Path(tempfile.mkdtemp(prefix="fanfare-chaos-"))
    try:
        yield folder
    finally:
        if keep or (folder / "kept").exists():
            say(f"logs are in {folder}/var/logs")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def keep_folder(folder: Path) -> None:
    """Have *folder* stay."""
    (folder / "kept").touch()


def summary(run: Run) -> str:
    """One line for the terminal."""
    verdict = "ok" if run.clean else "BROKEN"
    held = f", {run.held} set aside" if run.held else ""
    return (
        f"{verdict} {run.name}: {run.audience} people, {run.faults} faults, {run.lost} lost, {run.duplicated} twice, "
        f"{run.unknown} unknown ({run.unknown_never_sent} of them never sent, {run.resolved} decided){held}, "
        f"{run.seconds:.0f} s, longest pause {run.longest_pause:.0f} s"
        + "".join(f"\n    {mistake}" for mistake in run.mistakes)
    )


def figures(runs: list[Run]) -> dict[str, Any]:
    """What scripts read: sums over the runs with hold (over all, when there are none), and each run."""
    policy = "hold" if any(run.policy == "hold" for run in runs) else "resend"
    counted = [run for run in runs if run.policy == policy]
    names = ("audience", "faults", "lost", "duplicated", "unknown", "unknown_never_sent", "resolved")
    sums: dict[str, Any] = {name: sum(getattr(run, name) for run in counted) for name in names}
    return sums | {"policy": policy, "clean": all(run.clean for run in runs), "runs": [asdict(run) for run in runs]}


def say(text: str) -> None:
    """Tell the terminal."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
