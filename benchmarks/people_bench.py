"""A million contacts: how long an import, the count of a segment and the seal of 100,000 take.

python -m benchmarks.people_bench [--people 1000000]
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.clickhouse.migrate import apply
from app.clickhouse.seal import read_range, seal
from app.clickhouse.segments import count
from app.local import clickhouse
from app.local.ports import free_ports
from app.records import SealTask
from app.settings import Settings
from app.things import All, AnyOf, AudiencePlan, ByAttribute, ByEngagement, ByList, Filter, Not

IMPORTED = 100_000

# Everybody has seven attributes; one in ten is on the list `tenth`. Two messages each, of which some were opened. One
# in six lives at one of some 20,000 domains of their own: the k-th has a k-th part of the people of the first.
CONTACTS = """
INSERT INTO contacts (account, recipient_id, address, mx_group, attributes, updated_at)
SELECT 'default', toFixedString(sipHash128(number), 16),
       concat('p', toString(number), '@', if(number % 6 < 5, 'gmail.com',
              concat('firm', toString(toUInt32(exp(randCanonical(number) * ln(20000)))), '.example'))),
       ['gmail', 'outlook', 'yahoo', 'apple', 'gmx', 'other'][1 + number % 6],
       concat('{"first_name":"', ['Ada', 'Ben', 'Cleo'][1 + number % 3], '","city":"',
              ['Lisbon', 'Porto', 'Ulm', 'Paris'][1 + number % 4], '","age":', toString(number % 90), ',"vip":',
              if(number % 10 = 0, 'true', 'false'), ',"joined":"', toString(toDate('2020-01-01') + number % 2000),
              '","time_zone":"', ['Europe/Lisbon', 'Asia/Tokyo', 'America/New_York'][1 + number % 3],
              '","score":', toString(number % 1000 / 10), '}'),
       now64(3)
FROM numbers({people:UInt64})
"""
MEMBERS = """
INSERT INTO members (account, list, recipient_id, added_at, consent)
SELECT 'default', {list:String}, toFixedString(sipHash128(number * {every:UInt64} + number % {every:UInt64}), 16),
       now64(3), (now64(3), 'form')
FROM numbers(intDiv({people:UInt64}, {every:UInt64}))
"""
EVENTS = """
INSERT INTO events (account, campaign, time, message_id, recipient_id, channel, lane, kind, attempt, detail)
SELECT 'default', concat('cmp_', toString(number % 2)), now64(3) - number % 5000000, sipHash128(number, 'm'),
       toFixedString(sipHash128(intDiv(number, 4)), 16), 'email', 'bulk',
       ['queued', 'delivered', 'queued', 'opened'][1 + number % 4], 1, ''
FROM numbers({people:UInt64} * 4)
"""

SEGMENTS: dict[str, Filter] = {
    "one attribute": ByAttribute(attribute="city", op="eq", value="Lisbon"),
    "six attributes": All(
        all=[
            ByAttribute(attribute="city", op="in", value=["Lisbon", "Porto"]),
            ByAttribute(attribute="age", op="gt", value=30),
            ByAttribute(attribute="first_name", op="contains", value="a"),
            ByAttribute(attribute="vip", op="eq", value=False),
            ByAttribute(attribute="score", op="lt", value=90),
            ByAttribute(attribute="joined", op="after", value="2021-01-01"),
        ]
    ),
    "a list and an age": All(
        all=[ByList(list="tenth", consent_within_days=30), ByAttribute(attribute="age", op="gt", value=30)]
    ),
    "opened in 30 days": ByEngagement(engaged="opened", within_days=30),
    "all of it": AnyOf(
        any=[
            All(all=[ByAttribute(attribute="city", op="eq", value="Ulm"), ByList(list="tenth")]),
            All(
                all=[
                    ByEngagement(engaged="opened", within_days=30),
                    Not.model_validate({"not": ByAttribute(attribute="vip", op="eq", value=True)}),
                ]
            ),
        ]
    ),
}
PLANS = {
    "a list": AudiencePlan(lists=["tenth"]),
    "a list, with tiers": AudiencePlan(lists=["tenth"], tiers=True),
    "a segment, exclusions, a test, hours of the recipient": AudiencePlan(
        segments=[ByAttribute(attribute="vip", op="eq", value=True)], exclude_lists=["few"],
        exclude_segments=[ByEngagement(engaged="opened", within_days=2)], test_share=0.1, variants=2, holdout=0.05,
        local="2027-01-01T09:00", zones=True,
    ),
}  # fmt: skip


async def measure(settings: Settings, people: int, tell: Callable[[str], object]) -> dict[str, float]:
    """Seconds of each; the median of five where it can be repeated."""
    await apply(settings)
    figures: dict[str, float] = {}
    async with ClickHouse(settings, timeout=120.0) as client:
        await client.execute(CONTACTS, {"people": people})
        for name, every in (("tenth", 10), ("few", 1_000)):
            await client.execute(MEMBERS, {"people": people, "list": name, "every": every})
            await client.execute("INSERT INTO list_columns (account, list) VALUES ('default', {l:String})", {"l": name})
        await client.execute(EVENTS, {"people": people})
        path = settings.state_dir / "people.csv"
        write_csv(path, IMPORTED)
        started = time.perf_counter()
        await import_people(settings, path, "imported")
        figures["import of 100,000"] = time.perf_counter() - started
        tell(f"import of 100,000: {figures['import of 100,000']:.2f} s")
        figures |= await _counts(client, "right after the import", tell)
        for table in ("contacts", "members", "events"):  # what ClickHouse does by itself after a while
            await client.execute(f"OPTIMIZE TABLE {table} FINAL")
        figures |= await _counts(client, "merged", tell)
        for number, (name, plan) in enumerate(PLANS.items()):
            task = SealTask("default", "c", f"c-{number}", "email", [], plan.model_dump_json(by_alias=True).encode())
            started = time.perf_counter()
            made = await seal(client, task, 20_000)
            figures[f"seal: {name}"] = time.perf_counter() - started
            rows = min(10_000, made.count)
            figures[f"read {rows:,}: {name}"] = await _usual(partial(read_range, client, made.id, 0, rows))
            seconds, parts = figures[f"seal: {name}"], len(made.groups)
            tell(f"seal: {name}: {made.count:,} in {seconds:.2f} s, {parts} parts; left out {made.left_out}")
    return figures


async def _counts(client: ClickHouse, state: str, tell: Callable[[str], object]) -> dict[str, float]:
    figures = {}
    for name, tree in SEGMENTS.items():
        seconds = await _usual(lambda tree=tree: count(client, "default", tree, time.time()))
        figures[f"count, {state}: {name}"] = seconds
        tell(f"count, {state}: {name}: {seconds * 1000:.0f} ms")
    return figures


async def _usual(work: Callable[[], Awaitable[Any]]) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        await work()
        times.append(time.perf_counter() - started)
    return median(times)


def main(people: int = 1_000_000, tell: Callable[[str], object] = print) -> dict[str, float]:
    """Measure on a ClickHouse that is started for it, in a folder that is thrown away."""
    with (
        tempfile.TemporaryDirectory(prefix="fanfare-bench-") as folder,
        clickhouse.running(Path(folder), free_ports()) as server,
    ):
        settings = Settings(state_dir=Path(folder), clickhouse=server.url)
        settings.secret_path.parent.mkdir(parents=True)
        settings.secret_path.write_bytes(os.urandom(32))
        return asyncio.run(measure(settings, people, tell))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    main(parser.parse_args().people)
