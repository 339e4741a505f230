"""CPU and memory of many processes over a stretch of time, by the name of their part."""

import threading
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self

import psutil

EVERY = 0.25  # seconds between two looks at the memory


class Usage:
    """Watches *processes* while the block runs. Their children count with them."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._processes = processes
        self._before: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.cpu: dict[str, float] = {}  # CPU seconds used inside the block
        self.memory: dict[str, float] = {}  # MiB, the most of each process
        self._rows: list[dict[str, float]] = []

    def __enter__(self) -> Self:
        self._before = {name: _cpu(process) for name, process in self._processes.items()}
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.cpu = {name: _cpu(process) - self._before[name] for name, process in self._processes.items()}

    def most_together(self, names: Iterable[str]) -> float:
        """The most MiB that the processes *names* had at one moment."""
        wanted = set(names)
        return max((sum(mb for name, mb in row.items() if name in wanted) for row in self._rows), default=0.0)

    def _watch(self) -> None:
        while True:
            row = {name: _memory(process) for name, process in self._processes.items()}
            self._rows.append(row)
            for name, megabytes in row.items():
                self.memory[name] = max(self.memory.get(name, 0.0), megabytes)
            if self._ended.wait(EVERY):
                return


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _memory(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / (1 << 20)
    except psutil.Error:
        return 0.0
