"""The figures of a benchmark as a table for people and as JSON for scripts."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.end_to_end import RoadResult
from benchmarks.stages import STAGES, StageResult

ROAD_BAR = 5_500  # messages a second


@dataclass
class Report:
    """Everything that was measured."""

    stages: dict[str, StageResult] = field(default_factory=dict)
    end_to_end: RoadResult | None = None
    restarts: list[float] = field(default_factory=list)  # seconds from kill -9 of a sender to its next message
    load_before: float = 0.0  # of the machine: others were at work

    def write(self, path: Path) -> None:
        """Write var/bench.json."""
        path.parent.mkdir(parents=True, exist_ok=True)
        said: dict[str, Any] = {"stages": {name: asdict(result) for name, result in self.stages.items()}}
        said["end_to_end"] = asdict(self.end_to_end) if self.end_to_end else None
        said["restart"] = {"seconds": self.restarts, "median": median(self.restarts)} if self.restarts else None
        said["load_before"] = self.load_before
        path.write_text(json.dumps(said, indent=2) + "\n")

    def show(self, console: Console) -> None:
        """Print the tables."""
        if self.stages:
            console.print(_stages(self.stages))
        if self.end_to_end:
            console.print(_road(self.end_to_end))
            console.print(_processes(self.end_to_end))
        if self.restarts:
            told = ", ".join(f"{seconds:.1f}" for seconds in self.restarts)
            console.print(f"kill -9 of a sender to its next message, same disk: {told} s (at most 5)")


def _stages(stages: dict[str, StageResult]) -> Table:
    table = Table(title="each stage alone", title_justify="left")
    for name in ("stage", "", "a second (median)", "least", "most", "bar", "CPU us each"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for stage in STAGES:
        if (result := stages.get(stage.name)) is not None:
            table.add_row(
                stage.name, stage.unit, f"{result.per_second:,.0f}", f"{result.least:,.0f}", f"{result.most:,.0f}",
                f"{stage.bar:,}", f"{result.cpu_us:,.1f}",
            )  # fmt: skip
    return table


def _road(road: RoadResult) -> Table:
    table = Table(title=f"end to end, {road.audience:,} people", title_justify="left", show_header=False)
    for name, value in (
        ("messages/s, first to last accepted", f"{road.messages_per_second:,.0f} (at least {ROAD_BAR:,})"),
        ("CPU of all processes, a message", f"{road.cpu_ms_per_message * 1000:,.0f} us"),
        ("memory of Fanfare's processes, at most", f"{road.memory_mb:,.0f} MiB (at most 1,500)"),
        ("lost / duplicated / foreign, by the sink", f"{road.lost} / {road.duplicated} / {road.foreign}"),
        ("command to first message", f"{road.first_accepted_after:.1f} s"),
        ("command to complete / known to ClickHouse", f"{road.completed_after:.1f} s / {road.recorded_after:.1f} s"),
        ("people imported a second", f"{road.imported_per_second:,.0f}"),
        ("`fanfare up` ready", f"{road.ready_after:.1f} s (at most 30)"),
    ):
        table.add_row(name, value)
    return table


def _processes(road: RoadResult) -> Table:
    table = Table(title="where the CPU of a message goes", title_justify="left")
    table.add_column("process")
    table.add_column("CPU us a message", justify="right")
    table.add_column("MiB at most", justify="right")
    for name, cpu in sorted(road.cpu_us.items(), key=lambda each: -each[1]):
        table.add_row(name, f"{cpu:.0f}", f"{road.memory.get(name, 0):.0f}")
    table.add_row("all", f"{sum(road.cpu_us.values()):.0f}", "")
    return table
