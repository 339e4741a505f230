"""Progress of work whose end is not known: a count and a rate on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def counting(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A line that shows *what* and how many rows are done; call the value with that number."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,} rows" if total is None else "{task.completed:,} of {task.total:,} rows"),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, speed="")

        def done(rows: int) -> None:
            elapsed = bar.tasks[0].elapsed
            bar.update(task, completed=rows, speed=f"{rows / elapsed:,.0f}/s" if elapsed else "")

        yield done
