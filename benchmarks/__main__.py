"""All benchmarks: each stage alone, the whole road, a kill; a table, and var/bench.json.

fanfare bench [--n 100000] [--short]
"""

import argparse
import logging
import os
import sys

from rich.console import Console

from app.settings import settings
from benchmarks import end_to_end, restart_bench
from benchmarks.report import Report
from benchmarks.stages import STAGES, run

SHORT_AUDIENCE = 2_000


def main() -> int:
    """Measure, print and write; exit code 1 when somebody was lost or mailed twice."""
    parser = argparse.ArgumentParser(prog="fanfare bench", description=__doc__)
    parser.add_argument("--n", type=int, default=100_000, help="people of the end-to-end run")
    parser.add_argument("--short", action="store_true", help="each once and small: does it run at all?")
    parser.add_argument("--only", nargs="*", default=[], help="stages to run; end_to_end and restart are others")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a fresh broker's topics have no leader for a moment
    console, progress = Console(), Console(stderr=True)
    report = Report(load_before=os.getloadavg()[0])
    everything = {stage.name for stage in STAGES} | {"end_to_end"} | (set() if given.short else {"restart"})
    wanted = set(given.only) or everything
    with progress.status("...") as line:
        for stage in STAGES:
            if stage.name in wanted:
                report.stages[stage.name] = run(stage, short=given.short, tell=line.update)
        if "end_to_end" in wanted:
            people = min(given.n, SHORT_AUDIENCE) if given.short else given.n
            report.end_to_end = end_to_end.measure(people, lambda text: line.update(f"end to end: {text}"))
        if "restart" in wanted:
            line.update("kill -9 of a sender, three times")
            report.restarts = restart_bench.measure(100_000, 3)
    report.show(console)
    path = settings().state_dir / "bench.json"
    report.write(path)
    console.print(f"figures: {path}")
    road = report.end_to_end
    return 1 if road is not None and (road.lost or road.duplicated) else 0


if __name__ == "__main__":
    sys.exit(main())
