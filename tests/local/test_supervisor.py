"""The supervisor keeps parts alive, stops them in order, and says in words why it cannot."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.local import supervisor
from app.local.failure import LocalError
from app.local.slot import CALM_AFTER, Part, Slot, delay_after
from app.local.state import PartStatus, RunLock, read_status
from app.local.supervisor import ROOT
from app.settings import Settings
from tests.local.fake_installation import part_of

SLEEP = "import time; time.sleep(600)"


class Installation:
    """A supervisor process with parts of its own, and what a test asks of it."""

    def __init__(self, folder: Path, parts: list[dict[str, Any]]) -> None:
        self.settings = Settings(state_dir=folder / "var")
        (folder / "parts.json").write_text(json.dumps(parts))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.fake_installation", str(folder / "parts.json")],
            env=os.environ | self.settings.environment(), cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def part(self, name: str) -> PartStatus:
        """What the status file says of *name*."""
        found = [part for part in read_status(self.settings.state_dir) if part.name == name]
        return found[0] if found else PartStatus(name, 0, "unknown", 0, 0.0)

    def wait(self, name: str, state: str = "ready", other_than: int = 0) -> PartStatus:
        """Wait until *name* is in *state*, as another process than *other_than*."""
        until(lambda: self.part(name).state == state and self.part(name).pid != other_than, f"{name} {state}")
        return self.part(name)

    def stop(self) -> str:
        """End it as `fanfare down` does; what it said."""
        self.process.terminate()
        return self.said()

    def said(self) -> str:
        """All that it printed, once it has ended."""
        return self.process.communicate(timeout=60)[0]


Start = Callable[..., Installation]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts installations in one folder; nothing of them is left afterwards."""
    started: list[Installation] = []

    def start(*parts: dict[str, Any]) -> Installation:
        started.append(Installation(tmp_path, list(parts)))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.terminate()
        each.process.communicate(timeout=60)
    supervisor.stop(Settings(state_dir=tmp_path / "var"))


def until(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for an effect."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_delays_double_up_to_two_seconds_and_begin_anew_after_a_calm_time() -> None:
    """A part that cannot start must not eat the machine; one that dies once a day is back at once."""
    delays = [0.0]
    for _ in range(8):
        delays.append(delay_after(delays[-1], alive=0.1))
    assert delays == [0.0, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0, 2.0]
    assert delay_after(2.0, alive=CALM_AFTER) == 0.2


def test_a_killed_part_is_started_again_and_the_others_stay(start: Start) -> None:
    """kill -9 of any process is an everyday event."""
    here = start({"name": "one", "code": SLEEP}, {"name": "two", "code": SLEEP})
    one, two = here.wait("one"), here.wait("two")
    os.kill(one.pid, signal.SIGKILL)
    again = here.wait("one", other_than=one.pid)
    assert (again.restarts, here.part("two").pid) == (1, two.pid)
    shown = {part["name"]: part["restarts"] for part in supervisor.status(here.settings)}
    assert shown == {"one": 1, "two": 0}
    assert "one: restarting (ended with signal 9; again in 0.2 s)" in here.stop()


def test_a_part_that_nobody_wants_is_idle_and_starts_when_it_is_wanted(start: Start, tmp_path: Path) -> None:
    """Senders of channels that an installation does not use must cost nothing, and must not hold up `fanfare up`."""
    wish = tmp_path / "wish"
    here = start(
        {"name": "always", "code": SLEEP},
        {"name": "later", "code": SLEEP, "wanted": str(wish), "wants": "starts with the first route of sms"},
        {"name": "never", "code": SLEEP, "wanted": str(tmp_path / "nobody")},
    )
    here.wait("always")
    idle = here.wait("later", "idle", other_than=-1)
    assert (idle.pid, idle.note) == (0, "starts with the first route of sms")
    wish.touch()
    later = here.wait("later")
    wish.unlink()
    assert runs(later.pid) and here.part("never").state == "idle"
    assert "later: idle (starts with the first route of sms)" in here.stop()
    assert not runs(later.pid)


def test_a_part_waits_for_what_it_needs(start: Start, tmp_path: Path) -> None:
    """A worker that starts before the topics exist would only die."""
    gate = tmp_path / "gate"
    here = start(
        {"name": "base", "code": SLEEP, "ready": str(gate)},
        {"name": "job", "code": "print('done')", "once": True, "needs": ["base"]},
        {"name": "worker", "code": SLEEP, "needs": ["job"]},
    )
    here.wait("base", "starting")
    assert (here.part("job").state, here.part("worker").state) == ("waiting", "waiting")
    gate.touch()
    here.wait("worker")
    assert here.part("job").state == "done"


def test_a_job_that_fails_is_tried_again_and_those_who_need_it_wait(start: Start, tmp_path: Path) -> None:
    """Kafka may be slow to answer the first `topics apply`."""
    mark = tmp_path / "mark"
    code = f"import pathlib, sys; p = pathlib.Path({str(mark)!r}); there = p.exists(); p.touch(); sys.exit(not there)"
    here = start({"name": "job", "code": code, "once": True}, {"name": "worker", "code": SLEEP, "needs": ["job"]})
    here.wait("worker")
    assert here.part("job").restarts == 1


def test_all_is_stopped_stage_by_stage(start: Start, tmp_path: Path) -> None:
    """Kafka goes last: whoever still drains needs it."""
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep({slow})\n"
        f"    open({str(order)!r}, 'a').write('{{name}} ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open({ready!r}, 'w')\n"
        "time.sleep(600)"
    )
    stages = {"kafka": (2, 0), "clickhouse": (1, 0), "worker": (0, 0.3)}
    here = start(
        *(
            {
                "name": name, "stage": stage, "ready": str(tmp_path / name),
                "code": code.format(slow=slow, name=name, ready=str(tmp_path / name)),
            }
            for name, (stage, slow) in stages.items()
        )
    )  # fmt: skip
    pids = [here.wait(name).pid for name in stages]
    here.stop()
    assert order.read_text().split() == ["worker", "clickhouse", "kafka"]
    assert (here.process.returncode, [pid for pid in pids if runs(pid)]) == (0, [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_stop_all(start: Start, number: signal.Signals) -> None:
    """The terminal's signal reaches the supervisor only; the parts end in order, not by it."""
    here = start({"name": "one", "code": SLEEP})
    pid = here.wait("one").pid
    assert os.getpgid(pid) != os.getpgid(here.process.pid)
    here.process.send_signal(number)
    assert "one: stopped" in here.said()
    assert (here.process.returncode, runs(pid)) == (0, False)


async def test_a_part_that_ignores_the_signal_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`fanfare down` must come to an end."""
    monkeypatch.setattr("app.local.slot.STOP_TIMEOUT", 0.5)
    ready = tmp_path / "deaf"
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); {SLEEP}"
    said: list[str] = []
    slot = Slot(
        part_of({"name": "deaf", "code": code, "ready": str(ready)}),
        tmp_path / "log", os.environ, lambda: said.append(slot.note),
    )  # fmt: skip
    keeper = asyncio.create_task(slot.run())
    await asyncio.wait_for(slot.ready.wait(), 20)
    pid = slot.status().pid
    await slot.stop()
    await keeper
    assert "did not end when asked: killed" in said
    assert (slot.state, runs(pid)) == ("stopped", False)


async def test_a_part_that_still_prepares_can_be_stopped(tmp_path: Path) -> None:
    """The first start fetches Kafka for minutes: Ctrl-C must not wait for it."""
    begun = threading.Event()

    def prepare(say: Callable[[str], None]) -> None:
        while True:
            say("fetches")
            begun.set()
            time.sleep(0.01)

    slot = Slot(Part("kafka", list, lambda _: True, prepare=prepare), tmp_path / "log", {}, lambda: None)
    keeper = asyncio.create_task(slot.run())
    await asyncio.to_thread(begun.wait)
    await slot.stop()
    with pytest.raises(LocalError, match="stopped while it prepared"):
        await asyncio.wait_for(keeper, 20)


async def test_stopping_while_a_process_is_being_born_leaves_none(tmp_path: Path) -> None:
    """Who presses Ctrl-C in the first second must not find a process that nobody owns."""
    stops: list[asyncio.Task[None]] = []

    def command() -> list[str]:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: stops.append(loop.create_task(slot.stop())))
        return [sys.executable, "-c", SLEEP]

    slot = Slot(Part("one", command, lambda _: True), tmp_path / "log", os.environ, lambda: None)
    await asyncio.wait_for(slot.run(), 20)
    await stops[0]
    assert slot.state == "stopped"
    assert not any(SLEEP in each.cmdline() for each in psutil.Process().children())


def test_what_a_killed_supervisor_left_is_ended_by_the_next(start: Start) -> None:
    """Two Kafkas on one folder, or two workers in one slot, are the worst that can happen."""
    first = start({"name": "one", "code": SLEEP}, {"name": "two", "code": SLEEP})
    left = [first.wait("one").pid, first.wait("two").pid]
    first.process.kill()
    first.process.wait()
    assert all(runs(pid) for pid in left)
    second = start({"name": "one", "code": SLEEP})
    second.wait("one", other_than=left[0])
    assert not any(runs(pid) for pid in left)


def test_down_ends_what_a_killed_supervisor_left(start: Start) -> None:
    """And it says that there was something."""
    here = start({"name": "one", "code": SLEEP})
    pid = here.wait("one").pid
    here.process.kill()
    here.process.wait()
    assert supervisor.status(here.settings) == []
    assert supervisor.stop(here.settings)
    assert not runs(pid)
    assert not supervisor.stop(here.settings)


def test_a_process_that_only_has_the_number_of_an_old_one_is_left_alone(tmp_path: Path) -> None:
    """Numbers are given again: after a reboot it may be anybody's editor."""
    settings = Settings(state_dir=tmp_path)
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as stranger:
        born = psutil.Process(stranger.pid).create_time()
        supervisor.run_dir(tmp_path).mkdir(parents=True)
        supervisor.write_status(tmp_path, [PartStatus("one", stranger.pid, "ready", 0, 1.0, born=born - 60)])
        assert not supervisor.stop(settings)
        assert runs(stranger.pid)
        stranger.kill()


def test_a_second_supervisor_in_the_same_folder_refuses(start: Start) -> None:
    """The lock is the kernel's: it is gone with its holder, however that ended."""
    first = start({"name": "one", "code": SLEEP})
    first.wait("one")
    second = start({"name": "one", "code": SLEEP})
    assert second.said().strip() == (
        f"error: Fanfare already runs here (pid {first.process.pid}); `fanfare down` stops it"
    )
    assert second.process.returncode == 1
    assert runs(first.part("one").pid)
    assert RunLock(first.settings.state_dir).holder() == first.process.pid


def test_a_taken_port_is_named_with_the_setting_that_moves_it(start: Start) -> None:
    """The most frequent reason on a developer's machine."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        here = start({"name": "edge", "code": SLEEP, "ports": [[port, "FANFARE_EDGE_PORT"]]})
        assert here.said().strip() == (
            f"error: port {port} for edge is taken; stop what listens there, or set FANFARE_EDGE_PORT to another port"
        )


def test_two_parts_that_want_one_port_are_named(start: Start) -> None:
    """A sender's web view on the port of the edge answers for it: the start would succeed, and every page be a 404."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    senders = {"name": "senders", "code": SLEEP, "ports": [[port, "FANFARE_WEB_PORT"]]}
    here = start(senders, {"name": "edge", "code": SLEEP, "ports": [[port, "FANFARE_EDGE_PORT"]]})
    assert f"port {port} is that of senders (FANFARE_WEB_PORT) and of edge (FANFARE_EDGE_PORT)" in here.said()


def test_a_program_that_is_not_there_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    """Not with a traceback of asyncio."""
    part = part_of({"name": "java", "code": ""})
    gone = Part("java", lambda: ["/no/such/java"], part.is_ready)
    with pytest.raises(LocalError, match=r"java cannot be started: .*No such file"):
        supervisor.run_foreground(Settings(state_dir=tmp_path), [gone], report=lambda _: None)


def test_a_part_that_never_starts_is_given_up_with_its_last_words(start: Start) -> None:
    """`fanfare up` says what the log says, so that nobody has to look for it."""
    here = start({"name": "bad", "code": "raise SystemExit('no room on the disk')", "ready": "/never"})
    until(lambda: RunLock(here.settings.state_dir).holder() is not None, "the supervisor")
    with pytest.raises(LocalError, match=r"(?s)bad does not start \(ended with exit code 1.*no room on the disk"):
        supervisor.start_background(here.settings, timeout=60)
    assert here.process.poll() is None, "who did not start it does not stop it"
    assert "ends with:\n  no room on the disk" in here.stop(), "who watches the foreground is told, too"


def test_waiting_for_a_start_that_somebody_else_gave_up_ends(tmp_path: Path) -> None:
    """Two `fanfare up` at once, and the first fails: the second must not wait for five minutes."""
    settings = Settings(state_dir=tmp_path)
    with pytest.raises(LocalError, match="ended at once"):
        supervisor._wait_ready(settings, None, None, time.monotonic() + 60)


def test_a_log_is_set_aside_when_it_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that complains for a month must not fill the disk."""
    monkeypatch.setattr("app.local.slot.LARGEST_LOG", 10)
    slot = Slot(part_of({"name": "one", "code": ""}), tmp_path / "one.log", {}, lambda: None)
    slot.bound_log()
    slot.log.write_text("much more than ten bytes")
    slot.bound_log()
    assert (slot.log.read_text(), (tmp_path / "one.log.1").read_text()) == ("", "much more than ten bytes")
