"""A slot: one process of the installation, started, watched, restarted when it dies, stopped."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.local.failure import LocalError
from app.local.state import PartStatus

FIRST_DELAY = 0.2
# With the seconds that a worker takes to start, well below its session timeout: who stays away for longer loses its
# partitions, and to the new owner all that it had begun is unknown.
LONGEST_DELAY = 2.0
CALM_AFTER = 30.0  # seconds alive after which a death is the first of its kind again
LATELY = 300.0  # seconds in which restarts are counted for a status
MOST_NOTED = 1_000  # restarts: more than fit into that time
STOP_TIMEOUT = 25.0
LARGEST_LOG = 16 << 20  # bytes; the one before it is kept
READY_EVERY = 0.05
WANTED_EVERY = 0.5


@dataclass(frozen=True, slots=True)
class Part:
    """What to run in a slot. It waits for the slots it *needs*; those of a lower *stage* are stopped first."""

    name: str
    command: Callable[[], list[str]]  # asked for at each start, after `prepare`
    is_ready: Callable[[float], bool]  # given the seconds since it started
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    ports: tuple[tuple[int, str], ...] = ()  # each with the setting that changes it
    stage: int = 0
    once: bool = False  # ends by itself, with exit code 0 when it has done its work
    prepare: Callable[[Callable[[str], None]], None] | None = None  # before the first start, in a thread
    nice: int = 0  # how far it stands back where cores are short
    wanted: Callable[[], bool] | None = None  # whether there is work for it; None: always. It is idle until then
    wants: str = ""  # what it waits for then


def delay_after(last_delay: float, alive: float) -> float:
    """Seconds to wait before a restart: 0.2 at first, doubled each time up to 2, from the start after 30 s alive."""
    if last_delay == 0.0 or alive >= CALM_AFTER:
        return FIRST_DELAY
    return min(LONGEST_DELAY, 2 * last_delay)


class Slot:
    """The process of *part*: `run` keeps it alive until `stop`."""

    def __init__(self, part: Part, log: Path, environment: Mapping[str, str], changed: Callable[[], None]) -> None:
        self.part = part
        self.log = log
        self.ready = asyncio.Event()
        self.state = "waiting"
        self.restarts = 0
        self.note = ""
        self._restarted_at: deque[float] = deque(maxlen=MOST_NOTED)
        self._environment = environment
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._started_at = 0.0
        self._born = 0.0
        self._stopping = asyncio.Event()
        self._spawning = asyncio.Lock()

    async def run(self) -> None:
        """Keep the process alive until `stop`, or until a part that runs once has done its work."""
        delay = 0.0
        await self._until_wanted()
        await self._prepare()
        while process := await self._start():
            watch = asyncio.create_task(self._watch_ready())
            code = await process.wait()
            watch.cancel()
            if self._stopping.is_set():
                break
            if self.part.once and code == 0:
                self._say("done")
                self.ready.set()
                return
            delay = delay_after(delay, time.monotonic() - self._started_at)
            self.restarts += 1
            self._restarted_at.append(time.monotonic())
            self._say("restarting", f"ended with {_reason(code)}; again in {delay:.1f} s")
            await self._pause(delay)
        self._say("stopped")

    async def stop(self) -> None:
        """Ask the process to end, insist after 25 s."""
        self._stopping.set()
        async with self._spawning:  # one that is being born is ended too
            process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT)
        except TimeoutError:
            self._say("stopping", "did not end when asked: killed")
            process.kill()
            await process.wait()

    def status(self) -> PartStatus:
        """What the slot does now, without what only the kernel knows."""
        process = self._process
        runs = process is not None and process.returncode is None
        uptime = round(time.monotonic() - self._started_at, 1) if runs else 0.0
        pid = process.pid if process is not None and runs else 0
        since = time.monotonic() - LATELY
        return PartStatus(
            self.part.name, pid, self.state, self.restarts, uptime, note=self.note, born=self._born,
            restarts_lately=sum(at >= since for at in self._restarted_at),
        )  # fmt: skip

    def bound_log(self) -> None:
        """Set a log that has grown too large aside. The process appends, so what it writes next begins a new one."""
        try:
            if self.log.stat().st_size > LARGEST_LOG:
                self.log.with_suffix(".log.1").write_bytes(self.log.read_bytes())
                os.truncate(self.log, 0)
        except FileNotFoundError:
            pass

    async def _until_wanted(self) -> None:
        """Wait until there is work for the part. Once started it stays."""
        if self.part.wanted is None or self.part.wanted():
            return
        self._say("idle", self.part.wants)
        self.ready.set()
        while not self._stopping.is_set() and not self.part.wanted():
            await self._pause(WANTED_EVERY)

    async def _prepare(self) -> None:
        if self.part.prepare:
            self._say("starting", "prepares")
            loop = asyncio.get_running_loop()

            def say(note: str) -> None:
                if self._stopping.is_set():  # a long fetch ends here
                    raise LocalError(f"{self.part.name} was stopped while it prepared")
                loop.call_soon_threadsafe(self._say, "starting", note)

            await asyncio.to_thread(self.part.prepare, say)

    async def _start(self) -> asyncio.subprocess.Process | None:
        """Start the process, unless we were told to stop."""
        async with self._spawning:
            if self._stopping.is_set():
                return None
            self._started_at = time.monotonic()
            self._process = await self._spawn()
            if self.part.nice:
                with suppress(OSError):  # it has ended already, or the machine knows no such thing
                    os.setpriority(os.PRIO_PROCESS, self._process.pid, self.part.nice)
            self._born = _born(self._process.pid)
            self._say("starting", self.note if self.restarts else "")
            return self._process

    async def _spawn(self) -> asyncio.subprocess.Process:
        environment = {**self._environment, **self.part.environment}
        with self.log.open("ab") as log:
            try:
                return await asyncio.create_subprocess_exec(
                    *self.part.command(),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    # Ctrl-C in a terminal reaches the supervisor only, which stops the others in order.
                    start_new_session=True,
                )
            except OSError as error:
                raise LocalError(f"{self.part.name} cannot be started: {error}") from error

    async def _watch_ready(self) -> None:
        if self.part.once:
            return
        while not await asyncio.to_thread(self.part.is_ready, time.monotonic() - self._started_at):  # noqa: ASYNC110 (a process tells nobody)
            await asyncio.sleep(READY_EVERY)
        self._say("ready")
        self.ready.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _say(self, state: str, note: str = "") -> None:
        self.state, self.note = state, note
        self._changed()


def _reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _born(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def last_words(log: Path, lines: int = 3) -> str:
    """The end of *log*, for a message about a part that does not start."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def unready(part: PartStatus, log: Path) -> LocalError:
    """The error for *part*, which keeps dying before it was ever ready; *log* is where its output goes."""
    return LocalError(f"{part.name} does not start ({part.note})", f"{log} ends with:\n{last_words(log)}")
