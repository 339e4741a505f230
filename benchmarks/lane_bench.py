"""Single messages beside a campaign: how long from POST /v1/messages until the mail server has taken the message.

    python -m benchmarks.lane_bench [--people 100000] [--rate 20] [--share 0.7]

Every process of an installation runs on this machine, the mail server too. First the campaign alone fixes what
full speed is; with --share another one runs at that part of it. Messages are asked for one by one at --rate a
second, over one connection each, while the campaign runs.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import aiohttp

from app.cli.demo_run import QUICK, demo_content
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.commands import Command
from app.control import Control, new_command_id
from app.control.api_keys import make_key
from app.local.sink_read import load
from app.specs import CampaignSpec, Throttle
from benchmarks.installation import Installation, installation

LIST = "everybody"
WARM_UP = 40  # messages before the campaign: the first ones find nothing prepared
UNDER_WAY = 2_000  # messages of the campaign that are out before it counts
NEARLY_DONE = 0.95
LONGEST = 300.0
Tell = Callable[[str], object]


@dataclass
class LaneResult:
    """Milliseconds from the call to the acceptance, while a campaign ran."""

    asked: int
    accepted: int
    p50: float
    p90: float
    p99: float
    most: float
    answered_p50: float  # from the call to the answer of the API
    answered_p99: float
    campaign_per_second: float


def measure(people: int, rate: float, share: float, tell: Tell = lambda _: None) -> dict[str, LaneResult]:
    """At full speed and, where *share* is not 0, at that part of it. In an installation of its own."""
    tell("starting everything")
    with installation() as running:
        return asyncio.run(_measure(running, people, rate, share, tell))


async def _measure(running: Installation, people: int, rate: float, share: float, tell: Tell) -> dict[str, LaneResult]:
    settings = running.settings
    path = settings.state_dir / "people.csv"
    write_csv(path, people)
    tell(f"importing {people:,} people")
    await import_people(settings, path, LIST)
    async with Control(settings) as control:
        fresh = make_key("default", ["messages"], now=time.time())
        await control.send(Command(id=new_command_id(), kind="key.create", key=fresh.key))
        headers = {"Authorization": f"Bearer {fresh.text}"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{settings.edge_port}", headers=headers) as client:
            caller = Caller(client)
            for _ in range(WARM_UP):
                await caller.ask()
                await asyncio.sleep(1 / rate)
            tell("a campaign at full speed")
            results = {"full speed": await _beside(running, control, caller, people, rate, None)}
            if share:
                limit = results["full speed"].campaign_per_second * share
                tell(f"a campaign at {limit:,.0f} a second")
                results[f"{share:.0%} load"] = await _beside(running, control, caller, people, rate, limit)
    return results


class Caller:
    """Asks for messages, each to another person."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self._numbers = count()
        self.called: dict[str, tuple[float, float]] = {}  # message -> when it was asked for, and answered

    async def ask(self) -> None:
        """One message."""
        number = next(self._numbers)
        body = {
            "from": "login@fernweh.example", "to": f"lane{number}@corp.example",
            "subject": "Your code", "text": f"{number:06d} is your code.",
        }  # fmt: skip
        at = time.time()
        async with self._client.post("/v1/messages", json=body) as answer:
            said: dict[str, Any] = await answer.json(content_type=None)
            if answer.status != 202:
                raise RuntimeError(f"the API answered {answer.status}: {said}")
        self.called[said["messages"][0]["id"]] = (at, time.time())


async def _beside(
    running: Installation, control: Control, caller: Caller, people: int, rate: float, limit: float | None
) -> LaneResult:
    """Messages while one campaign to everybody is on its way, from its first thousands to its last ones."""
    spec = CampaignSpec(
        from_email="letter@fernweh.example", from_name="Fernweh & Sons", lists=[LIST],
        retries=QUICK,
        throttle=Throttle(rate=limit),
    )  # fmt: skip
    before = _lines(running)
    command = Command(id=new_command_id(), kind="campaign.create", spec=spec, content=demo_content(), start=True)
    answer = (await control.send(command)).answer
    if answer.status >= 400:
        raise RuntimeError(f"the campaign was refused: {answer.error}")
    deadline = time.monotonic() + LONGEST
    while _lines(running) - before < UNDER_WAY and time.monotonic() < deadline:  # noqa: ASYNC110 - a file
        await asyncio.sleep(0.02)
    began, asked = time.time(), set(caller.called)
    calls: list[asyncio.Task[None]] = []
    while _lines(running) - before < people * NEARLY_DONE and time.monotonic() < deadline:
        calls.append(asyncio.create_task(caller.ask()))
        await asyncio.sleep(1 / rate)
    ended = time.time()
    await asyncio.gather(*calls)
    entry = control.campaigns.get(answer.campaign)
    while (entry is None or entry.state != "COMPLETED") and time.monotonic() < deadline:
        await control.changed(0.5)
        entry = control.campaigns.get(answer.campaign)
    mine = {message: times for message, times in caller.called.items() if message not in asked}
    return _judged(running, mine, began, ended)


def _judged(running: Installation, called: dict[str, tuple[float, float]], began: float, ended: float) -> LaneResult:
    accepted = load(running.record)
    taken = {each.message: each.at for each in accepted}
    late = sorted((taken[message] - at) * 1000 for message, (at, _) in called.items() if message in taken)
    answered = sorted((answer - at) * 1000 for at, answer in called.values())
    others = sum(began <= each.at <= ended and each.message not in called for each in accepted)
    return LaneResult(
        len(called), len(late), _part(late, 0.5), _part(late, 0.9), _part(late, 0.99), late[-1] if late else 0.0,
        _part(answered, 0.5), _part(answered, 0.99), round(others / (ended - began), 1),
    )  # fmt: skip


def _part(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else 0.0


def _lines(running: Installation) -> int:
    """Messages that the mail server has taken, about."""
    return running.record.stat().st_size // 72 if running.record.exists() else 0


def main() -> None:
    """Run once and print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--share", type=float, default=0.7)
    given = parser.parse_args()
    results = measure(given.people, given.rate, given.share, lambda text: sys.stderr.write(f"\r{text:<60}"))
    sys.stderr.write("\n")
    print(json.dumps({name: asdict(each) for name, each in results.items()}, indent=1))


if __name__ == "__main__":
    main()
