"""A provider refuses everything for a while: the breaker opens, the fallback carries on, the primary gets it back."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.local.ports import free_ports
from app.local.sink_read import load
from app.provider_accounts import SmtpServer
from app.routes import BreakerRules, Route
from tests.chaos.scenarios import Say, begin, wait_sunk
from tests.chaos.stage import Stage
from tests.chaos.verdict import Run, verdict

PRIMARY, FALLBACK = "primary", "fallback"
AWAY = 30.0  # seconds
SECONDS = 70  # that the audience needs at its rate
OPENS_WITHIN = 10.0  # seconds under other load; what it takes is told
NO_SERVICE = "421 4.3.2 Service not available, closing transmission channel"
TROUBLES: dict[str, dict[str, object]] = {
    "gone": {"listening": False},
    "turns away": {"answers": {"greeting": NO_SERVICE, "MAIL": NO_SERVICE}},
    "silent": {"silent": True},
    "out of order": {"answers": {"RCPT": "451 4.3.0 Temporary local problem, try again later"}},
    "refuses": {"answers": {"message": "554 5.7.1 Relay access denied"}},
}
KINDS = "SELECT DISTINCT kind FROM notices WHERE route = {route:String}"


def outage(stage: Stage, say: Say, people: int, trouble: str) -> Run:
    """*trouble* is a key of TROUBLES. The primary is a sink of its own, the fallback that of the stage."""
    name = f"outage-{trouble.replace(' ', '-')}"
    run, began = Run(name, "hold", people), time.monotonic()
    with primary(stage) as (port, record, orders):
        stage.records.append(record)
        rules = BreakerRules(open_for=5, longest=10, silence=5)
        carried = {FALLBACK: (stage.sink_port, 0, None), PRIMARY: (port, 1, [FALLBACK])}
        for route, (at, weight, fallbacks) in carried.items():
            server = SmtpServer(host="127.0.0.1", port=at, tls="never", timeout=10)
            stage.taken(kind="route.set", route=Route(name=route, smtp=server, weight=weight, fallbacks=fallbacks,
                                                      breaker=rules))  # fmt: skip
        before = stage.sunk_count()
        campaign = begin(stage, name, people, "hold", rate=people / SECONDS)
        wait_sunk(stage, before + people // 7)
        beside = _count(stage.record)
        orders.write_text(json.dumps(TROUBLES[trouble]))
        away = time.time()
        stage.wait_until(lambda: _count(stage.record) > beside, lambda: "the fallback gets nothing", AWAY)
        over = time.time() - away
        say(f"{trouble}: the fallback had its first message after {over:.1f} s")
        if over > OPENS_WITHIN:
            run.mistakes.append(f"the fallback had nothing for {over:.1f} s")
        time.sleep(max(0.0, away + AWAY - time.time()))
        orders.write_text("{}")
        back, had = time.time(), _count(record)
        stage.wait_until(lambda: _count(record) > had + 10, lambda: "the primary does not get it back", AWAY * 2)
        say(f"the primary is back after {time.time() - back:.1f} s, {stage.sunk_count() - before} of {people}")
        run.faults = 1
        stage.wait_for(campaign.id, "COMPLETED")
        run.seconds = round(time.monotonic() - began, 1)
        verdict(stage, campaign, run)
        told: set[str] = set()

        def all_told() -> bool:
            told.update(kind for (kind,) in stage.rows(KINDS, route=PRIMARY))
            return {"breaker_opened", "breaker_closed"} <= told

        stage.wait_until(all_told, lambda: f"of the outage was told only {told}", 30.0)
    return run


@contextmanager
def primary(stage: Stage) -> Iterator[tuple[int, Path, Path]]:
    """A sink: its port, its record, and the file that tells it how to behave."""
    port = free_ports(2)
    record, orders = stage.folder / f"primary-{port}.txt", stage.folder / f"primary-{port}.json"
    orders.write_text("{}")
    command = [sys.executable, "-m", "app.local.sink", "--port", str(port), "--record", str(record)]
    command += ["--behaviour", "accept", "--orders", str(orders)]
    with subprocess.Popen(command) as process:
        try:
            yield port, record, orders
        finally:
            process.terminate()


def _count(record: Path) -> int:
    return len(load(record))
