"""The worker of recovery_bench: the sender plane's ledger and nothing to send. Reports how it recovered."""

import json
import sys
import time
from pathlib import Path

from faust.types import StreamT

from app import topics
from app.settings import Settings
from app.stream.app import StreamApp, create_app
from app.stream.lanes import Lanes
from app.stream.run import run_worker


def build(report: Path) -> StreamApp:
    """A worker that reports {assigned, ready: seconds since 1970, cpu: seconds between, recovered: records, keys}."""
    app = create_app(topics.senders_app(topics.EMAIL), Settings(), worker="senders-email-0", web_port=None)
    table, lanes = app.pack_table(topics.SENDERS_TABLE), Lanes(app)
    seen = {"assigned": 0.0}
    cpu = [0.0]

    @app.agent(app.raw_topic(topics.send_attempted(topics.EMAIL, topics.BULK)), name="send")
    async def send(releases: StreamT[bytes]) -> None:
        await lanes.run(releases, ignore)

    async def ignore(_: object) -> None:
        """Nothing is sent here."""

    assigned, ended = app.on_assigned, app.on_rebalance_end

    def on_assigned() -> None:
        seen["assigned"], cpu[0] = time.time(), time.process_time()
        assigned()

    def on_rebalance_end() -> None:
        ended()
        used = time.process_time() - cpu[0]
        found = seen | {"ready": time.time(), "cpu": used, "recovered": table.recovered}
        found["keys"] = sum(1 for partition in table.owned() for _ in table.scan(partition, b""))
        fresh = report.with_suffix(".new")
        fresh.write_text(json.dumps(found))
        fresh.replace(report)

    app.on_assigned, app.on_rebalance_end = on_assigned, on_rebalance_end  # type: ignore[method-assign]
    return app


if __name__ == "__main__":
    run_worker(build(Path(sys.argv[1])))
