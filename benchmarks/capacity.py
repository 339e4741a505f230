"""Three providers at 1,000 messages a second each, 100 running campaigns, every kind of limit on.

    make bench-capacity
    python -m benchmarks.capacity [--short] [--minutes 10] [--campaigns 100] [--people 100000] [--waiting 1000000]

Three mail sinks are the providers; what they record is judged. Then the campaigns are cancelled and the books compared,
a million messages are made to wait for a retry, and processes are killed with kill -9 to see how soon they send again.
Writes var/capacity.json.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.cli.demo_run import demo_content
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import Answer, Command
from app.control import Control, new_command_id
from app.delivery.mx_groups import group_of
from app.delivery.outcomes import FINAL
from app.local.ports import free_ports
from app.local.sink_read import Accepted, load
from app.provider_accounts import SmtpServer
from app.routes import BreakerRules, LimitSet, Route
from app.specs import CampaignSpec, Retries, Throttle
from benchmarks.installation import Installation, installation, sink_process
from benchmarks.waiting import Waiting, measure_waiting
from benchmarks.wire import excesses, gap_after, rate_between

PROVIDERS, PROVIDER_RATE = 3, 1_000.0
ACCOUNT_RATE = 2_778.0  # 100 campaigns of 100,000 in an hour
CAMPAIGN_RATE, GROUP_RATE, POOL_GROUP_RATE = 100.0, 2_000.0, 900.0
LIST = "everybody"
LONGEST = 900.0  # seconds for anything that is waited for
RESULT = Path("var") / "capacity.json"
KILLED = ("recipients-0", "senders-email-0", "pacing-0")

Tell = Callable[[str], object]


@dataclass
class Capacity:
    """What was carried, at what cost."""

    messages_per_second: float = 0.0
    minutes: float = 0.0
    limit_violations: int = 0  # windows of a second and more in which a limit was exceeded, over all limits
    lost: int = 0  # told as sent that no sink has, or not accounted for
    duplicated: int = 0
    bytes_per_sealed: float = 0.0  # on disk, in ClickHouse
    bytes_per_waiting: float = 0.0  # of a message that waits for a retry: on the disk of the recipients and in memory
    recovery_seconds: float = 0.0  # kill -9 to the next message, the slowest of the processes killed
    campaigns: int = 0
    sealed: int = 0
    carried_from: float = 0.0  # seconds since 1970: when all campaigns ran
    sealed_after: float = 0.0  # seconds from the first start until the last campaign runs
    by_provider: dict[str, float] = field(default_factory=dict)  # messages a second
    recoveries: dict[str, float] = field(default_factory=dict)
    waiting: Waiting | None = None


def measure(minutes: float, campaigns: int, people: int, waiting: int, tell: Tell) -> Capacity:
    """All of it in one installation of its own."""
    result = Capacity(minutes=minutes, campaigns=campaigns)
    tell("starting everything")
    with installation(senders_email=2) as running, ExitStack() as stack:
        sinks = {f"relay-{n}": stack.enter_context(provider(running, f"relay-{n}")) for n in range(1, PROVIDERS + 1)}
        path = running.settings.state_dir / "people.csv"
        write_csv(path, people)
        tell(f"importing {people:,} people")
        asyncio.run(import_people(running.settings, path, LIST))
        asyncio.run(_carry(running, sinks, result, tell))
        judge(sinks, result)
        tell(f"{result.messages_per_second:.0f} messages/s, {result.limit_violations} violations, {result.lost} lost\n")
        if waiting:
            result.waiting = asyncio.run(measure_waiting(running, stack, waiting, tell))
            result.bytes_per_waiting = result.waiting.bytes_a_message
            result.recoveries |= result.waiting.recoveries
            result.recovery_seconds = max(result.recoveries.values())
    return result


@dataclass
class Provider:
    """A sink that stands for a provider."""

    name: str
    port: int
    record: Path

    def times(self) -> list[float]:
        """When it took a message, in order."""
        return sorted(each.at for each in self.taken())

    def taken(self) -> list[Accepted]:
        """What it took."""
        return load(self.record)


@contextmanager
def provider(running: Installation, name: str) -> Iterator[Provider]:
    """A sink that takes everything."""
    made = Provider(name, free_ports(2), running.record.with_name(f"{name}.txt"))
    with sink_process(made.port, made.record):
        yield made


async def _carry(running: Installation, sinks: dict[str, Provider], result: Capacity, tell: Tell) -> None:
    async with Control(running.settings) as control:
        for each in sinks.values():
            await order(control, kind="route.set", route=route(each))
        for limit in limits(list(sinks)):
            await order(control, kind="limit.set", limit=limit)
        began = time.monotonic()
        idents = [await start(control, number) for number in range(result.campaigns)]
        await until(control, idents, "RUNNING", tell)
        result.sealed_after = time.monotonic() - began
        result.sealed = sum(seal.count for each in idents if (seal := control.campaigns[each].seal) is not None)
        result.bytes_per_sealed = await _bytes_a_row(running)
        result.carried_from = time.time()
        end = result.carried_from + result.minutes * 60
        while (left := end - time.time()) > 0:
            tell(f"{result.sealed:,} messages sealed, all campaigns run: {left:.0f} s left")
            await asyncio.sleep(min(5.0, left))
        result.recoveries = await recoveries(running, sinks, tell)
        result.recovery_seconds = max(result.recoveries.values())
        tell("cancelling")
        for ident in idents:
            await order(control, kind="campaign.cancel", campaign=ident)
        await until(control, idents, "CANCELLED", tell)
        result.lost = _unaccounted(control, idents, sinks)


def route(sink: Provider) -> Route:
    """The route of a provider."""
    return Route(name=sink.name, provider=sink.name, smtp=server(sink.port), breaker=BreakerRules())


def server(port: int) -> SmtpServer:
    """A sink as a route names it."""
    return SmtpServer(host="127.0.0.1", port=port, tls="never")


def limits(routes: list[str]) -> list[LimitSet]:
    """One of every kind. Those of routes and of the account bind."""
    return [
        LimitSet(scope="account", name="default", rate=ACCOUNT_RATE, daily=50_000_000),
        LimitSet(scope="group", name="*", rate=GROUP_RATE, concurrency=5_000),
        LimitSet(scope="pool", name="*", group="*", rate=POOL_GROUP_RATE, hourly=3_600_000),
        LimitSet(scope="provider", name="*", rate=PROVIDER_RATE * 3_600, per="hour", burst=PROVIDER_RATE),
        *(LimitSet(scope="route", name=name, rate=PROVIDER_RATE, concurrency=2_000) for name in routes),
    ]


async def start(control: Control, number: int) -> str:
    spec = CampaignSpec(
        name=f"capacity {number}", from_email="letter@fernweh.example", from_name="Fernweh & Sons", lists=[LIST],
        throttle=Throttle(rate=CAMPAIGN_RATE, per_group={"*": CAMPAIGN_RATE * 0.8}), retries=Retries(transient=[1.0]),
    )  # fmt: skip
    answer = await order(control, kind="campaign.create", spec=spec, content=demo_content(), start=True)
    return answer.campaign


async def order(control: Control, **fields: Any) -> Answer:
    """Give a command; raises RuntimeError when it is refused."""
    answer = (await control.send(Command(id=new_command_id(), **fields), timeout=60)).answer
    if answer.status >= 400:
        raise RuntimeError(f"{fields['kind']} was refused: {answer.error} ({answer.field})")
    return answer


async def until(control: Control, idents: list[str], state: str, tell: Tell) -> None:
    deadline = time.monotonic() + LONGEST
    while (there := sum(control.campaigns[each].state == state for each in idents if each in control.campaigns)) < len(
        idents
    ):
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {there} of {len(idents)} campaigns are {state}")
        tell(f"{there} of {len(idents)} campaigns are {state}")
        await control.changed(0.5)


async def _bytes_a_row(running: Installation) -> float:
    async with ClickHouse(running.settings) as client:
        rows = await client.rows(
            "SELECT sum(bytes_on_disk), sum(rows) FROM system.parts WHERE active AND table = 'audience'"
        )
    size, count = rows[0]
    return float(size) / max(1, float(count))


async def recoveries(running: Installation, sinks: dict[str, Provider], tell: Tell) -> dict[str, float]:
    """Seconds from the kill of each process until half of the rate before it is reached again; 0: it never fell."""
    found = {}
    for name in KILLED:
        tell(f"kill -9 of {name}")
        before = running.processes()[name]
        killed = time.time()
        before.kill()
        await asyncio.sleep(15.0)
        times = sorted(at for each in sinks.values() for at in each.times() if at > killed - 1)
        found[name] = back_after(times, killed)
    return found


def back_after(times: list[float], killed: float, pace: float = 0.5, within: float = 1.0) -> float:
    """Seconds from *killed* until a second begins that has at least *pace* of the rate of the second before it."""
    usual = rate_between(times, killed - 1, killed)
    moment = killed
    while times and moment < times[-1]:
        gap = gap_after(times, moment)
        if gap > 0.1:
            moment += gap
        elif rate_between(times, moment, moment + within) >= pace * usual:
            return moment - killed
        else:
            moment += 0.05
    return float("inf")


def _unaccounted(control: Control, idents: list[str], sinks: dict[str, Provider]) -> int:
    """Messages of cancelled campaigns that no counter has, and those told as sent that no sink took."""
    missing = sent = 0
    for ident in idents:
        entry = control.campaigns[ident]
        sealed = entry.seal.count if entry.seal is not None else 0
        missing += abs(sealed - sum(entry.counters.get(name, 0) for name in FINAL))
        sent += entry.counters.get("sent", 0)
    taken = len({each.message for sink in sinks.values() for each in sink.taken()})
    unknown = sum(control.campaigns[each].counters.get("unknown", 0) for each in idents)
    return missing + max(0, sent - taken) + max(0, taken - sent - unknown)


def judge(sinks: dict[str, Provider], result: Capacity) -> None:
    """Speed, limits and duplicates, by what the sinks took."""
    taken = {name: sink.taken() for name, sink in sinks.items()}
    everything = sorted((each.at, each.address) for found in taken.values() for each in found)
    times = [at for at, _ in everything]
    first, last = result.carried_from, result.carried_from + result.minutes * 60
    result.messages_per_second = rate_between(times, first, last)
    counted = Counter(each.message for found in taken.values() for each in found)
    result.duplicated = sum(counted.values()) - len(counted)
    result.limit_violations = excesses(times, ACCOUNT_RATE, ACCOUNT_RATE)
    by_group: dict[str, list[float]] = {}
    for at, address in everything:
        by_group.setdefault(group_of(address.rpartition("@")[2]), []).append(at)
    for name, group_times in by_group.items():
        if name != "other":  # the long tail has no limit of its own
            result.limit_violations += excesses(group_times, GROUP_RATE, GROUP_RATE)
    for name, found in taken.items():
        own = sorted(each.at for each in found)
        result.by_provider[name] = rate_between(own, first, last)
        result.limit_violations += excesses(own, PROVIDER_RATE, PROVIDER_RATE)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--people", type=int, default=100_000, help="of each campaign")
    parser.add_argument("--waiting", type=int, default=1_000_000, help="messages that wait for a retry")
    parser.add_argument("--short", action="store_true", help="a small one: does it run at all?")
    given = parser.parse_args()
    if given.short:
        given.minutes, given.campaigns, given.people, given.waiting = 0.5, 5, 20_000, 20_000
    result = measure(given.minutes, given.campaigns, given.people, given.waiting, _tell)
    sys.stderr.write("\n")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(asdict(result), indent=1) + "\n")
    print(json.dumps(asdict(result), indent=1))
    return 1 if result.lost or result.duplicated or result.limit_violations else 0


def _tell(text: str) -> None:
    sys.stderr.write(f"\r{text:<78}")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
