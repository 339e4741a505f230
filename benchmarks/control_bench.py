"""Pause, resume and cancel at full speed: how long the answer takes, and what still leaves after it.

    python -m benchmarks.control_bench [--people 100000] [--rounds 5]

Judged by the sink's record: what it took after the answer had come was on the wire then.
"""

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass, field
from statistics import median

from app.cli.demo_run import demo_content
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.local.sink_read import load
from benchmarks.api_client import ApiClient
from benchmarks.installation import Installation, installation

LONGEST = 120.0  # seconds for anything that is waited for
QUIET = 2.0  # seconds after an answer in which whatever was on the wire arrives


@dataclass
class Order:
    """One pause, resume or cancel."""

    kind: str
    answered_after: float  # seconds
    effective: bool  # 200: every sender has confirmed; 202: not yet
    later: int  # messages that the sink took after the answer; of a resume: none is the fault
    last_after: float  # seconds from the call to the last of them; of a resume: to the first


@dataclass
class ControlResult:
    """All rounds."""

    speed_before: float  # messages a second in the second before the first pause
    orders: list[Order] = field(default_factory=list)
    duplicated: int = 0

    def slowest(self, kind: str) -> float:
        """The longest time until an order of *kind* had taken effect, in seconds."""
        return max((max(each.answered_after, each.last_after) for each in self.orders if each.kind == kind), default=0)


def measure(people: int, rounds: int) -> ControlResult:
    """Pause and resume *rounds* times, then cancel, in an installation of its own."""
    with installation() as running:
        return run(running, people, rounds)


def run(running: Installation, people: int, rounds: int) -> ControlResult:
    """The same in *running*."""
    path = running.settings.state_dir / "controlled.csv"
    write_csv(path, people, seed=7)
    asyncio.run(import_people(running.settings, path, "controlled"))
    api = ApiClient(running.settings)
    letter = demo_content().model_dump()
    spec = {"from_email": "letter@fernweh.example", "lists": ["controlled"]}
    before = _sunk(running)
    made = api.call("POST", "/v1/campaigns", {"spec": spec, "content": letter, "start": True})
    campaign = made["campaign"]
    _until(running, before + people // 10)
    now = time.time()
    result = ControlResult(sum(each.at > now - 1 for each in load(running.record)))
    for _ in range(rounds):
        result.orders.append(_halt(running, api, campaign, "pause"))
        result.orders.append(_resume(running, api, campaign))
        _until(running, _sunk(running) + people // (3 * rounds))
    result.orders.append(_halt(running, api, campaign, "cancel"))
    messages = [each.message for each in load(running.record)]
    result.duplicated = len(messages) - len(set(messages))
    return result


def _halt(running: Installation, api: ApiClient, campaign: str, kind: str) -> Order:
    called = time.time()
    answer = api.call("POST", f"/v1/campaigns/{campaign}/{kind}")
    answered = time.time()
    time.sleep(QUIET)
    later = [each.at for each in load(running.record) if each.at > answered]
    last = max(later, default=called) - called
    return Order(kind, answered - called, bool(answer.get("effective", True)), len(later), last)


def _resume(running: Installation, api: ApiClient, campaign: str) -> Order:
    before, called = _sunk(running), time.time()
    api.call("POST", f"/v1/campaigns/{campaign}/resume")
    answered = time.time()
    _until(running, before + 1)
    first = next(each.at for each in load(running.record)[before:])
    return Order("resume", answered - called, True, 0, first - called)


def _sunk(running: Installation) -> int:
    return len(load(running.record))


def _until(running: Installation, count: int) -> None:
    deadline = time.monotonic() + LONGEST
    while _sunk(running) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {_sunk(running)} of {count} messages within {LONGEST:g} s")
        time.sleep(0.05)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    result = measure(given.people, given.rounds)
    print(json.dumps(asdict(result), indent=1))
    for kind in ("pause", "resume", "cancel"):
        times = [max(each.answered_after, each.last_after) for each in result.orders if each.kind == kind]
        print(f"{kind}: in effect after {min(times):.3f} / {median(times):.3f} / {max(times):.3f} s")


if __name__ == "__main__":
    main()
