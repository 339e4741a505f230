"""Sending over HTTP APIs: releases of 100, rendered, noted in a journal, against a server that takes everything.

    python -m benchmarks.http_bench [--messages 20000] [--runs 5]

*ses* is one signed message a request, *sendgrid* a request for each release, *sendgrid alone* one for each message.
The letter is that of the demo: 6 KB of html, ten tracked links, pixel, text part.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, cast

import msgspec
import psutil
import uvloop

from agents.compose import Letters
from agents.mailing import ReleaseParcels
from agents.quarantine import Quarantine
from app.cli.demo_run import demo_content
from app.content.email_template import EmailTemplate, compile_email
from app.delivery.outcomes import Kind
from app.provider_accounts import HttpAccount, SendGrid, Ses
from app.providers import sendgrid, ses
from app.providers.contract import Request
from app.records import Outgoing, Release
from app.stream.crash_notes import CrashNotes
from app.stream.last_act import LastAct
from app.transport.http_client import HttpClient, HttpError
from app.transport.http_pool import HttpPool
from app.transport.journal import AttemptJournal
from app.transport.secrets import SecretKeeper
from benchmarks.compose_bench import CITIES, LINKS, NAMES, SENDER
from benchmarks.stand import Measured

PORT = 19_230
WAIT = 20.0  # seconds until the server must listen
SLICE, AT_ONCE, CONNECTIONS_A_RELEASE = 100, 8, 8  # as a sender of bulk has them

ACCOUNTS: dict[str, tuple[Any, Callable[[str], HttpAccount]]] = {
    "ses": (ses, lambda url: Ses(url=url, region="eu-west-1", access_key="env:BENCH_KEY", secret_key="env:BENCH_KEY")),
    "sendgrid": (sendgrid, lambda url: SendGrid(url=url, api_key="env:BENCH_KEY")),
    "sendgrid alone": (sendgrid, lambda url: SendGrid(url=url, api_key="env:BENCH_KEY", batch=False)),
}


class OneLetter:
    """Everybody gets the same."""

    def __init__(self) -> None:
        self._template = compile_email(demo_content(), SENDER, LINKS)

    def template_for(self, _variant: int, _variables: Mapping[str, Any]) -> EmailTemplate:
        """The letter."""
        return self._template


def releases(messages: int) -> list[Release]:
    """Releases of *messages*."""
    now = time.time()
    rows = [
        Outgoing(
            n.to_bytes(16, "big"), bytes(16), f"p{n}@example.com",
            msgspec.json.encode({"first_name": NAMES[n % 10], "city": CITIES[n // 10 % 10]}),
        )
        for n in range(messages)
    ]  # fmt: skip
    return [
        Release(
            at.to_bytes(16, "big"), "bench", "c", "bulk", "gmail", "api", 1, now, now + 600, 1, rows[at : at + SLICE]
        )
        for at in range(0, messages, SLICE)
    ]


async def _nobody(_campaign: str) -> None:
    """Nobody is told."""


async def send(provider: str, messages: int, folder: Path) -> Measured:
    """Send and check what the server has counted."""
    adapter, account = ACCOUNTS[provider]
    url = f"http://127.0.0.1:{PORT}"
    journal = AttemptJournal(folder / "journal")
    quarantine = Quarantine(CrashNotes(folder / "notes"), LastAct(folder / "act"), _nobody)
    pool = HttpPool(adapter, account(url), SecretKeeper(), before_write=journal.flush)
    before = await counted(url)
    letters, todo, kinds = cast(Letters, OneLetter()), releases(messages), list[str]()

    async def lane() -> None:
        while todo:
            release = todo.pop()
            parcels = ReleaseParcels(
                release, letters, lambda: True, journal, quarantine, time.time, whole=pool.form == "whole"
            )
            await pool.deliver(parcels, CONNECTIONS_A_RELEASE)
            kinds.extend(outcome.kind for outcome in parcels.outcomes())
            journal.forget(release.release_id)

    me = psutil.Process()
    began, used = time.perf_counter(), me.cpu_times()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(lane())
    took, now = time.perf_counter() - began, me.cpu_times()
    came, different, requests = (b - a for a, b in zip(before, await counted(url), strict=True))
    await pool.close()
    if not came == messages == kinds.count(Kind.ACCEPTED) or (different not in (0, messages)):
        raise RuntimeError(f"of {messages} messages {kinds.count(Kind.ACCEPTED)} were accepted and {came} came")
    cpu = (now.user + now.system - used.user - used.system) / messages * 1e6
    return Measured(messages / took, cpu, {"requests": float(requests)})


async def counted(url: str) -> tuple[int, ...]:
    """(messages, different ones, requests) that the server has had, once it listens."""
    client = HttpClient(connections=1, timeout=10.0)
    async with asyncio.timeout(WAIT):
        while True:
            try:
                answer = await client.ask(Request("GET", f"{url}/", {}))
            except HttpError:
                await asyncio.sleep(0.02)
                continue
            await client.close()
            return tuple(map(int, answer.body.split()))


def measure(provider: str, messages: int) -> Measured:
    """One run, with a server of its own."""
    os.environ["BENCH_KEY"] = "bench"
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, "-m", "benchmarks.http_server", str(PORT)]) as server,
    ):
        try:
            return uvloop.run(send(provider, messages, Path(folder)))
        finally:
            server.terminate()


def main() -> None:
    """Measure each, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    for provider in ACCOUNTS:
        runs = [measure(provider, given.messages) for _ in range(given.runs)]
        rates = [each.per_second for each in runs]
        cpu = median(each.cpu_us for each in runs)
        print(
            f"{provider}: {median(rates):,.0f} messages/s ({min(rates):,.0f}-{max(rates):,.0f}), {cpu:.0f} us of CPU a "
            f"message, {runs[-1].details['requests']:,.0f} requests for {given.messages:,} messages"
        )


if __name__ == "__main__":
    main()
