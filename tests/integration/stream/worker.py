"""A small worker for these tests: it writes what a job says into its table, then produces what it wrote.

A job is JSON: {"id": ..} and, if wanted, "keys" (how many to write), "size" (bytes of each value), "until" (wait for
this file), "seconds" (to work without giving way), "dump" (write the partition's table to this file), "status" (write
what the lanes hold to this file).
"""

import argparse
import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from faust.types import EventT, StreamT

from app.settings import Settings
from app.stream import freeze, trim, watchdog
from app.stream.app import StreamApp, create_app
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.run import run_worker
from app.topics import Topic


class Jobs:
    """Does what jobs say, with one table and two topics."""

    def __init__(self, app: StreamApp, in_flight: int) -> None:
        self.app = app
        self.name = app.conf.id
        self.table = app.pack_table("state")
        self.dead = DeadLetters(app)
        self.inbox, self.side = Lanes(app, in_flight), Lanes(app, 4)
        self._attach("in", self.inbox)
        self._attach("side", self.side)

    def _attach(self, topic: str, lanes: Lanes) -> None:
        async def read(stream: StreamT[bytes]) -> None:
            await lanes.run(stream, lambda event: self._take(lanes, event))

        self.app.agent(self.app.raw_topic(f"{self.name}.{topic}"), name=topic)(read)

    async def _take(self, lanes: Lanes, event: EventT[bytes]) -> None:
        try:
            job = json.loads(event.value)
        except ValueError as error:
            await self.dead.put(event, str(error))
            return
        await lanes.only_one(job["id"].encode())
        began = time.time()
        while "until" in job and not exists(job["until"]):
            await asyncio.sleep(0.01)
            lanes.check(event)
        await asyncio.sleep(job.get("seconds", 0.0))
        partition = event.message.partition
        if "dump" in job:
            put_file(job["dump"], {k.decode(): v.decode() for k, v in self.table.scan(partition, b"")})
        elif "status" in job:
            put_file(job["status"], {"waiting": self.inbox.waiting, "running": self.inbox.running})
        else:
            said = await self._write(job, partition, str(event.message.offset).encode())
            said |= {"began": began, "ended": time.time()}
            await self.app.produce(f"{self.name}.out", partition, None, json.dumps(said).encode())

    async def _write(self, job: dict[str, Any], partition: int, source: bytes) -> dict[str, Any]:
        value = source.rjust(job.get("size", 1), b"0")
        items: list[tuple[bytes, bytes | None]] = [
            (f"{job['id']}/{n}".encode(), value) for n in range(job.get("keys", 1))
        ]
        refused = ""
        try:
            await self.table.write(partition, items)
        except ValueError as error:
            refused = str(error)
        self.app.not_frozen()
        return {"id": job["id"], "pid": os.getpid(), "refused": refused}


def exists(path: str) -> bool:
    """Whether a file is there."""
    return Path(path).exists()


def put_file(path: str, content: object) -> None:
    """Write JSON so that a reader sees all of it or nothing."""
    fresh = Path(path + ".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(path)


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--web-port", type=int)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--no-guard", action="store_true", help="leave a frozen process to the fence alone")
    parser.add_argument("--stall", type=float, default=20.0, help="seconds until the watchdog speaks")
    parser.add_argument("--trim", type=float, help="seconds between trimming the inbox")
    arguments = parser.parse_args()
    if arguments.no_guard:
        freeze.SHARE_OF_SESSION = 1e6
    watchdog.STALL_SECONDS = arguments.stall
    watchdog.LOOK_SECONDS = min(2.0, arguments.stall / 4)
    app = create_app(arguments.app, Settings(), worker=arguments.name, web_port=arguments.web_port)
    Jobs(app, arguments.in_flight)
    if arguments.trim:
        trim.attach(app, [Topic(f"{arguments.app}.in", readers=(arguments.app,))], arguments.trim, keep_seconds=0.0)
    run_worker(app)


if __name__ == "__main__":
    main()
