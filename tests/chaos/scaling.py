"""Workers come and go while a campaign runs: from one of each plane to three, and back."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.control.backlog import PLANES
from app.local.state import ready_path
from tests.chaos.scenarios import Say, begin, wait_sunk
from tests.chaos.stage import FANFARE, Stage, StuckError
from tests.chaos.verdict import Run, verdict

MORE = (1, 2)  # slots beside slot 0
SETTINGS = {"senders_email": 1}  # of the stage: it starts with one worker a plane
STOP_SECONDS = 60.0


def scaled(stage: Stage, say: Say, people: int, *, killed: bool = False) -> Run:
    """One worker of recipients and senders, then three, then one. *killed*: those that go are killed with kill -9."""
    name = "scaled-killed" if killed else "scaled"
    run, began = Run(name, "hold", people), time.monotonic()
    before = stage.sunk_count()
    campaign = begin(stage, name, people, "hold", rate=people / 50)
    wait_sunk(stage, before + people // 5)
    with ExitStack() as more:
        workers = [
            more.enter_context(worker(stage, slot, *plane))
            for slot in MORE
            for plane in (("recipients",), ("senders", "email"))
        ]
        say(f"{len(workers)} more workers after {stage.sunk_count() - before} of {people}")
        wait_sunk(stage, before + people * 3 // 5)
        for process in workers:
            process.kill() if killed else process.terminate()
        run.faults = len(workers)
        say(f"they {'are killed' if killed else 'go'} after {stage.sunk_count() - before} of {people}")
    stage.wait_for(campaign.id, "COMPLETED")
    run.seconds = round(time.monotonic() - began, 1)
    backlog = stage.backlog()
    if left := {plane: records for plane, records in backlog.items() if records and plane != "record"}:
        run.mistakes.append(f"complete, and yet there is a backlog: {left}")
    assert set(backlog) == set(PLANES.values())
    return verdict(stage, campaign, run)


@contextmanager
def worker(stage: Stage, slot: int, plane: str, *channel: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Another worker of *plane*, ready."""
    name = "-".join((plane, *channel, str(slot)))
    told = ready_path(stage.settings.state_dir, name)
    told.unlink(missing_ok=True)
    command = [*FANFARE, "worker", plane, *channel, "--slot", str(slot)]
    env = os.environ | stage.settings.environment()
    with (stage.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        try:
            stage.wait_until(told.exists, lambda: f"{name} is not ready")
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise StuckError(f"{name} does not stop") from error
