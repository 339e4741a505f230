"""One route is slow or dead: what that costs another one.

python -m benchmarks.slow_route      one sender worker and two routes; figures as JSON, on standard output

Releases come at a steady pace over a lively route and another, which is well and in trouble in turns: slow (a second
a reply), silent, and refusing connections. What the lively one takes is read from its record.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaProducer

from app import ids, topics
from app.local.ports import free_ports
from app.local.sink_read import Accepted, duplicates, load
from app.records import Outgoing, Release, encode
from app.routes import Route
from app.settings import Settings
from benchmarks.stand import CAMPAIGN, announce, process, producing, stand

DAY = 20_000
LIVELY, OTHER = "lively", "other"
RELEASES_A_SECOND = {LIVELY: 40, OTHER: 20}
ROWS = {LIVELY: 75, OTHER: 25}  # of a release: 3,000 and 500 messages a second
PHASES = ("well", "slow", "well", "silent", "well", "refuse", "well")
SECONDS, SETTLES = 20.0, 2.0  # of a phase; of its begin that are not counted: the trouble is told and the rate follows


@dataclass(frozen=True, slots=True)
class Phase:
    """How the other route was between two moments."""

    trouble: str
    begins: float
    ends: float


class Load:
    """Produces releases of a route at a steady pace."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, route: str) -> None:
        self._partitions, self._producer, self._route = settings.partitions, producer, route
        self._made = 0
        self.messages = 0

    async def run(self) -> None:
        """Never returns; what it is late with comes at once."""
        began, pace = time.monotonic(), RELEASES_A_SECOND[self._route]
        while True:
            while self._made < (time.monotonic() - began) * pace:
                await self._produce()
            await asyncio.sleep(0.5 / pace)

    async def _produce(self) -> None:
        number = self._made
        self._made += 1
        partition, now = number % self._partitions, time.time()
        rows = []
        for row in range(ROWS[self._route]):
            rid = ids.recipient_id(b"bench", "email", f"{self._route}{number}-{row}@example.com")
            message = ids.message_id(DAY, CAMPAIGN, 1, rid, "email")
            rows.append(Outgoing(message, rid, f"{self._route}{number}-{row}@example.com", b"{}"))
        ident = ids.release_id(partition, number * 2 + (self._route == OTHER))
        release = Release(
            ident, "bench", CAMPAIGN, "bulk", "other", self._route, 1, now, now + 600, 1, rows
        )  # fmt: skip
        self.messages += len(rows)
        await self._producer.send(topics.send_attempted("email", "bulk"), encode(release), partition=partition)


async def run(settings: Settings) -> list[tuple[str, float]]:
    """(trouble of the other route, messages a second over the lively one) of each phase."""
    ports = {LIVELY: settings.smtp_port, OTHER: free_ports()}
    records = {name: settings.state_dir / f"{name}.txt" for name in ports}
    orders = settings.state_dir / "orders.json"
    sink = ("-m", "app.local.sink", "--behaviour", "accept", "--port")
    with (
        producing(settings) as producer,
        process(settings, *sink, str(ports[LIVELY]), "--record", str(records[LIVELY]), name="lively"),
        process(settings, *sink, str(ports[OTHER]), "--record", str(records[OTHER]), "--orders", str(orders),
                name="other"),
        process(settings, "-m", "benchmarks.send_worker", name="sender"),
    ):  # fmt: skip
        await producer.start()
        await announce(producer)
        for name, port in ports.items():
            smtp = {"host": "127.0.0.1", "port": port, "tls": "never", "timeout": 10}
            route = Route.model_validate({"name": name, "smtp": smtp}).model_dump_json().encode()
            await producer.send_and_wait(topics.ROUTE_CHANGED, route, key=name.encode(), partition=0)
        loads = [Load(settings, producer, name) for name in ports]
        running = [asyncio.create_task(load_.run()) for load_ in loads]
        await _begun(records[LIVELY])
        phases = []
        for trouble in PHASES:
            _tell(orders, trouble)
            phases.append(await _phase(trouble))
        for task in running:
            task.cancel()
        await producer.stop()
    taken = load(records[LIVELY])
    if duplicates(taken):
        raise RuntimeError(f"{len(duplicates(taken))} messages came twice")
    return [(phase.trouble, _rate(taken, phase)) for phase in phases]


async def _begun(record: Path) -> None:
    async with asyncio.timeout(60):
        while len(load(record)) < 1_000:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.2)
    await asyncio.sleep(5)  # what had gathered while the worker started


def _tell(orders: Path, trouble: str) -> None:
    orders.write_text(json.dumps({"trouble": "" if trouble == "well" else trouble}))


async def _phase(trouble: str) -> Phase:
    begins = time.time() + SETTLES
    await asyncio.sleep(SECONDS)
    return Phase(trouble, begins, time.time())


def _rate(taken: list[Accepted], phase: Phase) -> float:
    return sum(phase.begins <= each.at < phase.ends for each in taken) / (phase.ends - phase.begins)


def main() -> dict[str, object]:
    """Measure, and compare each trouble with the mean of the phases in which the other route was well."""
    with stand() as settings:
        rates = asyncio.run(run(settings))
    well = [rate for trouble, rate in rates if trouble == "well"]
    usual = sum(well) / len(well)
    return {
        "offered": RELEASES_A_SECOND[LIVELY] * ROWS[LIVELY],
        "messages_per_second": [{"other_route": trouble, "rate": round(rate)} for trouble, rate in rates],
        "of_usual": {trouble: round(rate / usual, 4) for trouble, rate in rates if trouble != "well"},
    }


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
