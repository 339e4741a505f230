"""Everything that is promised of the API, measured: a table against the bars, and var/bench-api.json.

make bench-api
python -m benchmarks.api [--short] [--only orders lane edge fair people start kills]
"""

import argparse
import json
import logging
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from app.settings import settings
from benchmarks import control_bench, edge_bench, fair_bench, lane_bench, people_bench, start_bench
from tests.chaos.__main__ import on_stage
from tests.chaos.control import controlled


@dataclass(frozen=True)
class Figure:
    """One promise: what was measured against its bar. *most*: the bar is the most, else the least."""

    name: str
    measured: float
    bar: float
    unit: str
    most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.measured <= self.bar if self.most else self.measured >= self.bar


@dataclass
class Section:
    """One benchmark: its figures against the bars, and all that it told."""

    figures: list[Figure] = field(default_factory=list)
    details: Any = None


def orders(short: bool) -> Section:
    """Pause, resume, cancel at full speed."""
    result = control_bench.measure(20_000 if short else 100_000, 1 if short else 5)
    figures = [
        Figure(f"{kind} in effect, slowest", round(result.slowest(kind), 3), 1.0, "s")
        for kind in ("pause", "resume", "cancel")
    ]
    figures.append(Figure("messages sent twice", result.duplicated, 0, ""))
    return Section(figures, asdict(result))


def lane(short: bool) -> Section:
    """Single messages beside a campaign."""
    results = lane_bench.measure(10_000 if short else 100_000, 20.0, 0.0 if short else 0.7)
    bars = {"full speed": (100.0, 500.0), "70% load": (None, 150.0)}
    figures = []
    for name, result in results.items():
        half, nearly_all = bars[name]
        if half is not None:
            figures.append(Figure(f"API call to accepted, {name}, p50", result.p50, half, "ms"))
        figures.append(Figure(f"API call to accepted, {name}, p99", result.p99, nearly_all, "ms"))
        figures.append(Figure(f"messages not accepted, {name}", result.asked - result.accepted, 0, ""))
    return Section(figures, {name: asdict(result) for name, result in results.items()})


def edge(short: bool) -> Section:
    """What one edge process takes."""
    found = edge_bench.measure(2.0 if short else 10.0, 32)
    figures = [
        Figure("POST /v1/messages, one edge", found["messages"].per_second, 1_500, "/s", most=False),
        Figure("click redirects, one edge", found["clicks"].per_second, 5_000, "/s", most=False),
        Figure("answers other than 202 and 302", found["messages"].others(202) + found["clicks"].others(302), 0, ""),
    ]
    return Section(figures, {name: asdict(each) for name, each in found.items()})


def fair(short: bool) -> Section:
    """Many campaigns at once."""
    campaigns = 10 if short else 100
    result = fair_bench.measure(campaigns, 1_000)
    figures = [
        Figure("campaigns not completed", campaigns - result.completed, 0, ""),
        Figure("lost or twice", result.lost + result.duplicated, 0, ""),
        Figure("last campaign's first message, share of the time of all", result.last_began_at, 0.5, ""),
    ]
    return Section(figures, asdict(result))


def people(short: bool) -> Section:
    """A million people: segments, audiences, imports."""
    result = people_bench.main(50_000 if short else 1_000_000, lambda _: None)

    def slowest(what: str) -> float:
        return max(seconds for name, seconds in result.items() if name.startswith(what))

    figures = [
        Figure("segment count, slowest", round(slowest("count") * 1000), 300, "ms"),
        Figure("seal of 100,000, slowest", round(slowest("seal"), 2), 3.0, "s"),
        Figure("import of 100,000 rows", round(slowest("import"), 2), 5.0, "s"),
    ]
    return Section(figures, result)


def start(short: bool) -> Section:
    """A million finished campaigns and a hundred thousand scheduled ones."""
    result = start_bench.measure(*((10_000, 200) if short else (1_000_000, 100_000)))
    figures = [
        Figure("start of any process, longer by", round(result.most_seconds_more, 2), 1.0, "s"),
        Figure("memory of any process, more by", round(result.most_memory_more, 1), 50.0, "MiB"),
    ]
    return Section(figures, asdict(result))


def kills(short: bool) -> Section:
    """kill -9 while campaigns are scheduled, expanded, paused, resumed and cancelled."""
    dice = random.Random()
    rounds = 1 if short else 5

    def all_rounds(stage: Any) -> Iterator[Any]:
        for number in range(rounds):
            yield from controlled(stage, lambda _: None, 1_000 if short else 5_000, dice, str(number))

    runs = list(on_stage(False, {}, [("orders", lambda stage: list(all_rounds(stage)))]))
    figures = [
        Figure("lost", sum(run.lost for run in runs), 0, ""),
        Figure("sent twice", sum(run.duplicated for run in runs), 0, ""),
        Figure("transitions lost, doubled or not allowed", sum(len(run.mistakes) for run in runs), 0, ""),
        Figure("kills", sum(run.faults for run in runs), 7 * rounds, "", most=False),
    ]
    return Section(figures, [asdict(run) for run in runs])


SECTIONS: dict[str, Callable[[bool], Section]] = {
    "orders": orders, "lane": lane, "edge": edge, "fair": fair, "people": people, "start": start, "kills": kills,
}  # fmt: skip


def main() -> int:
    """Measure, print and write; exit code 1 when somebody was lost or mailed twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="each once and small: does it run at all?")
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=[])
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a fresh broker's topics have no leader for a moment
    console, progress = Console(), Console(stderr=True)
    load_before, found = os.getloadavg()[0], dict[str, Section]()
    path = settings().state_dir / "bench-api.json"
    for name, measure in SECTIONS.items():
        if name in (given.only or SECTIONS):
            with progress.status(f"{name}: {(measure.__doc__ or '').rstrip('.')}"):
                found[name] = measure(given.short)
            write(path, found, load_before)
    console.print(table(found))
    console.print(f"figures: {path}")
    lost = [each for section in found.values() for each in section.figures if each.bar == 0 and not each.holds]
    return 1 if lost else 0


def write(path: Path, found: dict[str, Section], load_before: float) -> None:
    """What scripts read: after each section, so that one that fails takes no figures with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    said: dict[str, Any] = {
        name: {
            "figures": [asdict(each) | {"holds": each.holds} for each in section.figures],
            "details": section.details,
        }
        for name, section in found.items()
    }
    path.write_text(json.dumps(said | {"load_before": load_before}, indent=2) + "\n")


def table(found: dict[str, Section]) -> Table:
    """The figures for people."""
    drawn = Table(title="the API against its bars", title_justify="left")
    for name in ("", "measured", "bar", ""):
        drawn.add_column(name, justify="right" if name else "left")
    for section in found.values():
        for each in section.figures:
            sign = "at most" if each.most else "at least"
            verdict = "" if each.holds else "MISSED"
            drawn.add_row(each.name, f"{each.measured:,g} {each.unit}", f"{sign} {each.bar:,g} {each.unit}", verdict)
    return drawn


if __name__ == "__main__":
    sys.exit(main())
