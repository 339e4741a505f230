"""Keeps a whole installation running on one machine: starts every part, restarts what dies, stops all in order."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from app.local.failure import LocalError, LockedError
from app.local.parts import parts_of
from app.local.ports import is_free
from app.local.slot import Part, Slot, last_words, unready
from app.local.state import (
    UP,
    PartStatus,
    RunLock,
    ensure_secret,
    logs_dir,
    read_status,
    run_dir,
    status_path,
    write_status,
)
from app.settings import Settings

READY_TIMEOUT = 300.0  # the first start fetches Kafka
STOP_TIMEOUT = 90.0
# Whoever starts it may have ended for a reason of their own: nothing comes any more.
HANDOVER = 5.0
HOUSEKEEPING_EVERY = 2.0
# A part that died so often before it was ever ready will not be by itself.
HOPELESS = 4
ROOT = Path(__file__).resolve().parents[2]

Report = Callable[[PartStatus], None]


class Supervisor:
    """Runs *parts* with their state under *settings*.state_dir until it is told to stop."""

    def __init__(self, settings: Settings, parts: Sequence[Part], report: Report | None = None) -> None:
        self._settings = settings
        self._state_dir = settings.state_dir.resolve()
        self._report = report
        self._reported: dict[str, PartStatus] = {}
        self._stop = asyncio.Event()
        environment = _environment(settings)
        logs_dir(self._state_dir).mkdir(parents=True, exist_ok=True)
        self.slots = {
            part.name: Slot(part, logs_dir(self._state_dir) / f"{part.name}.log", environment, self._publish)
            for part in parts
        }

    async def run(self) -> None:
        """Start every part as soon as what it needs is ready, keep all alive, stop all when told to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # SIGHUP: the terminal was closed
            loop.add_signal_handler(number, self._stop.set)
        self._publish()
        kept = asyncio.gather(*(self._keep(slot) for slot in self.slots.values()))  # ends with the first that fails
        kept.add_done_callback(lambda future: future.cancelled() or future.exception())
        chores, stopped = asyncio.create_task(self._chores()), asyncio.create_task(self._stop.wait())
        waited: set[asyncio.Future[Any]] = {kept, stopped}
        done: set[asyncio.Future[Any]] = set()
        try:
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._stop_all()
            for task in (kept, chores, stopped):
                task.cancel()
        if kept in done:
            await kept

    async def _keep(self, slot: Slot) -> None:
        for name in slot.part.needs:
            await self.slots[name].ready.wait()
        await slot.run()

    async def _stop_all(self) -> None:
        """Those that send first, then what they talk to, Kafka last."""
        for stage in sorted({slot.part.stage for slot in self.slots.values()}):
            await asyncio.gather(*(slot.stop() for slot in self.slots.values() if slot.part.stage == stage))

    async def _chores(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_EVERY)
            for slot in self.slots.values():
                slot.bound_log()
            self._publish()

    def _publish(self) -> None:
        parts = [slot.status() for slot in self.slots.values()]
        write_status(self._state_dir, parts)
        if self._report:
            for part in parts:
                before = self._reported.get(part.name)
                if before is None or (before.state, before.note) != (part.state, part.note):
                    self._reported[part.name] = part
                    self._report(part)


def run_foreground(
    settings: Settings,
    parts: Sequence[Part] | None = None,
    report: Report | None = None,
    descriptor: int | None = None,
) -> None:
    """Run the installation until SIGTERM or Ctrl-C. Raises LocalError when it cannot start.

    *descriptor* is that of the lock, when a parent process holds it for us.
    """
    lock = RunLock(settings.state_dir)
    if descriptor is None:
        lock.take()
    else:
        lock.adopt(descriptor)
    try:
        parts = _prepared(settings, parts)
        asyncio.run(_supervise(settings, parts, report or partial(_print, logs_dir(settings.state_dir))))
    finally:
        status_path(settings.state_dir).unlink(missing_ok=True)
        lock.release()


async def _supervise(settings: Settings, parts: Sequence[Part], report: Report | None) -> None:
    await Supervisor(settings, parts, report).run()


def start_background(settings: Settings, report: Report | None = None, timeout: float = READY_TIMEOUT) -> None:
    """Start the installation detached from this terminal and return when all of it is ready.

    *report* hears of every change. Does nothing when it already runs and is ready. Raises LocalError when
    a part does not start, which leaves nothing running.
    """
    lock = RunLock(settings.state_dir)
    process = None
    with contextlib.suppress(LockedError):  # somebody else starts it: wait with them
        lock.take()
        try:
            _prepared(settings, None)
            process = _spawn(settings, lock.descriptor())
        finally:
            lock.release()
    try:
        _wait_ready(settings, process, report, time.monotonic() + timeout)
    except BaseException:
        if process:
            process.terminate()
            process.wait(STOP_TIMEOUT)
        raise


def stop(settings: Settings) -> bool:
    """Stop the installation and wait until it has ended; whether there was anything to stop."""
    lock = RunLock(settings.state_dir)
    pid = lock.holder()
    if pid is None:
        return _end_leftovers(settings.state_dir)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while lock.holder() == pid:
        if time.monotonic() > deadline:
            raise LocalError(
                f"the supervisor (pid {pid}) does not end", f"see {logs_dir(settings.state_dir)}/supervisor.log"
            )
        time.sleep(0.05)
    return True


def status(settings: Settings) -> list[dict[str, Any]]:
    """What every part does now, as PartStatus says it; empty when nothing runs."""
    if RunLock(settings.state_dir).holder() is None:
        return []
    return [asdict(_measured(part)) for part in read_status(settings.state_dir)]


def _prepared(settings: Settings, parts: Sequence[Part] | None) -> list[Part]:
    """The parts to run, once the way is clear: nothing left from a killed supervisor, ports free, a key there."""
    run_dir(settings.state_dir).mkdir(parents=True, exist_ok=True)
    _end_leftovers(settings.state_dir)
    for ready in run_dir(settings.state_dir).glob("*.ready"):
        ready.unlink()
    ensure_secret(settings)
    parts = list(parts if parts is not None else parts_of(settings))
    taken: dict[int, tuple[str, str]] = {}  # port -> the part that has it, and the setting that moves it
    for part in parts:
        for port, setting in part.ports:
            if port in taken:  # else one would answer for the other, which never starts
                other, its_setting = taken[port]
                raise LocalError(
                    f"port {port} is that of {other} ({its_setting}) and of {part.name} ({setting})",
                    f"set {its_setting} or {setting} to another port; web views take those from FANFARE_WEB_PORT on",
                )
            taken[port] = part.name, setting
            if not is_free(port):
                raise LocalError(
                    f"port {port} for {part.name} is taken",
                    f"stop what listens there, or set {setting} to another port",
                )
    return parts


def _spawn(settings: Settings, lock: int) -> "subprocess.Popen[bytes]":
    """The supervisor, which takes over the *lock* that we hold."""
    log_path = logs_dir(settings.state_dir) / "supervisor.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app.local.supervisor", str(lock)],
            pass_fds=[lock],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(settings),
            cwd=ROOT,
            start_new_session=True,
        )


def _wait_ready(
    settings: Settings, process: "subprocess.Popen[bytes] | None", report: Report | None, deadline: float
) -> None:
    seen: dict[str, tuple[str, str]] = {}
    lock, alive_at = RunLock(settings.state_dir), time.monotonic()
    while True:
        alive = process.poll() is None if process else lock.holder() is not None
        alive_at = time.monotonic() if alive else alive_at
        ended = not alive and (process is not None or time.monotonic() - alive_at > HANDOVER)
        parts = read_status(settings.state_dir)
        for part in parts:
            if report and seen.get(part.name) != (part.state, part.note):
                report(part)
            seen[part.name] = (part.state, part.note)
            if part.restarts >= HOPELESS and part.state not in UP:
                raise unready(part, logs_dir(settings.state_dir) / f"{part.name}.log")
        if parts and all(part.state in UP for part in parts):
            return
        if ended:
            words = last_words(logs_dir(settings.state_dir) / "supervisor.log", 1).removeprefix("error: ")
            raise LocalError(words or "the supervisor ended at once")
        if time.monotonic() > deadline:
            late = ", ".join(part.name for part in parts if part.state not in UP)
            raise LocalError(f"not ready in time: {late or 'everything'}", f"see {logs_dir(settings.state_dir)}")
        time.sleep(0.05)


def _environment(settings: Settings) -> dict[str, str]:
    """What a part of the installation runs with: our own environment, these settings, this code."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return os.environ | settings.environment() | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _end_leftovers(state_dir: Path) -> bool:
    """End what a killed supervisor left running, as its status file tells; whether there was anything."""
    found = [process for part in read_status(state_dir) if (process := _process_of(part))]
    for process in found:
        process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=25)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    status_path(state_dir).unlink(missing_ok=True)
    return bool(found)


def _process_of(part: PartStatus) -> psutil.Process | None:
    """The process of *part*, unless it ended and another one has its number now."""
    try:
        process = psutil.Process(part.pid) if part.pid else None
        return process if process and abs(process.create_time() - part.born) < 0.02 else None
    except psutil.Error:
        return None


def _measured(part: PartStatus) -> PartStatus:
    process = _process_of(part)
    if process is None:
        return part
    try:
        family = [process, *process.children(recursive=True)]
        times = [each.cpu_times() for each in family]
        memory = sum(each.memory_info().rss for each in family)
    except psutil.Error:  # ended between two looks
        return part
    return replace(part, memory_mb=memory >> 20, cpu_seconds=round(sum(each.user + each.system for each in times), 2))


def _print(logs: Path, part: PartStatus) -> None:
    print(f"{part.name}: {part.state}{f' ({part.note})' if part.note else ''}", flush=True)
    if part.state == "restarting" and part.restarts == HOPELESS:
        print(f"  {unready(part, logs / f'{part.name}.log')}".replace("\n", "\n  "), flush=True)


def main() -> None:
    """Entry point of the detached supervisor."""
    descriptor = int(sys.argv[1]) if len(sys.argv) > 1 else None
    try:
        run_foreground(Settings(), descriptor=descriptor)
    except LocalError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
