"""Cancelling many campaigns at once, while they run under limits that hold nearly everybody back.

    python -m benchmarks.cancel_bench [--campaigns 100] [--people 20000] [--seconds 30]

Three mail sinks are the providers, every kind of limit is on, as in benchmarks/capacity.py. It tells how long each
cancel takes to be answered, when all campaigns are CANCELLED, what that cost each process, and whether the books and
the record are exact.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.control import Control
from app.delivery.outcomes import FINAL
from benchmarks.capacity import LIST, limits, order, provider, route, start, until
from benchmarks.installation import Installation, installation
from benchmarks.usage import Usage

PROVIDERS = 3
DROPPED = "SELECT uniqExact(message_id) FROM events WHERE kind = 'dropped' AND class = 'cancelled'"


async def cancel_all(running: Installation, sinks: list[Any], campaigns: int, seconds: float) -> dict[str, Any]:
    """Start, let them run for so many *seconds*, cancel: what it took."""
    found: dict[str, Any] = {}
    async with Control(running.settings) as control:
        for each in sinks:
            await order(control, kind="route.set", route=route(each))
        for limit in limits([each.name for each in sinks]):
            await order(control, kind="limit.set", limit=limit)
        began = time.monotonic()
        idents = [await start(control, number) for number in range(campaigns)]
        await until(control, idents, "RUNNING", _tell)
        found["sealed_after"] = time.monotonic() - began
        _tell("all run")
        with Usage(running.processes()) as usage:
            await asyncio.sleep(seconds)
        found["cpu_before"] = usage.cpu
        began = time.monotonic()
        with Usage(running.processes()) as usage:
            answered = await asyncio.gather(*(_cancel(control, ident) for ident in idents))
            found["all_answered_after"] = time.monotonic() - began
            found["slowest_answer"] = max(answered)
            await until(control, idents, "CANCELLED", _tell)
            found["all_cancelled_after"] = time.monotonic() - began
        found["cpu"] = usage.cpu
        counts: Counter[str] = Counter()
        missing = 0
        for ident in idents:
            entry = control.campaigns[ident]
            counts.update(entry.counters)
            missing += abs((entry.seal.count if entry.seal else 0) - sum(entry.counters.get(n, 0) for n in FINAL))
        found["counts"], found["not_accounted_for"] = dict(counts), missing
        found["taken"] = sum(len(each.taken()) for each in sinks)
        found["dropped_in_record"] = await _recorded(running)
    return found


async def _cancel(control: Control, campaign: str) -> float:
    """Cancel; seconds until it is answered."""
    asked = time.monotonic()
    await order(control, kind="campaign.cancel", campaign=campaign)
    return time.monotonic() - asked


async def _recorded(running: Installation) -> dict[str, float]:
    """When ClickHouse has the events of those whom the partitions have dropped, and how many they are."""
    began, told = time.monotonic(), 0
    async with ClickHouse(running.settings) as client:
        while time.monotonic() - began < 60:
            rows = await client.rows(
                "SELECT uniqExact(message_id) FROM events WHERE kind = 'dropped' AND class = 'cancelled'"
            )
            if int(rows[0][0]) == told and told:
                break
            told = int(rows[0][0])
            await asyncio.sleep(2.0)
    return {"people": told, "after": time.monotonic() - began}


def _tell(text: str) -> None:
    sys.stderr.write(f"\r{text:<78}")
    sys.stderr.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--people", type=int, default=20_000, help="of each campaign")
    parser.add_argument("--seconds", type=float, default=30.0, help="that they run")
    given = parser.parse_args()
    with installation(senders_email=2) as running, ExitStack() as stack:
        sinks = [stack.enter_context(provider(running, f"relay-{n}")) for n in range(1, PROVIDERS + 1)]
        path = running.settings.state_dir / "people.csv"
        write_csv(path, given.people)
        asyncio.run(import_people(running.settings, path, LIST))
        found = asyncio.run(cancel_all(running, sinks, given.campaigns, given.seconds))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
