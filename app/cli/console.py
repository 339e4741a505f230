"""How commands speak: tables and sentences to people, JSON to programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import typer

WIDE = 200  # columns of what goes into a file or a pipe
LONGEST_WORD = 40  # characters of what is never divided: ids, times
NARROW = 12  # columns that are left to others, where the terminal has too few
JSON_KEY = "fanfare.json"


def _remember_json(context: typer.Context, value: bool) -> bool:
    context.meta[JSON_KEY] = value or context.meta.get(JSON_KEY, False)
    return value


AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text.", callback=_remember_json)
]


def examples(*lines: str) -> str:
    """The end of a help page: commands to copy."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)  # \\b: keep these lines as they are


def emit(value: Any) -> None:
    """*value* as JSON on standard output."""
    json.dump(value, sys.stdout, indent=2, default=str, ensure_ascii=False)
    sys.stdout.write("\n")


def say(text: str) -> None:
    """One sentence for a person, on standard output. Markup of rich is understood."""
    from rich.console import Console

    Console(highlight=False).print(text, soft_wrap=True)


def people(count: int) -> str:
    """So many people, in words."""
    return f"{count:,} {'person' if count == 1 else 'people'}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int] = ()) -> None:
    """A table for a person; columns named by number in *right* hold figures."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    lines = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    drawn = Table(title=title or None, title_justify="left", header_style="bold")
    needed = 1
    for number, column in enumerate(columns):  # folded, not cut: ids and addresses are copied from here
        cells = [column, *(line[number] for line in lines)]
        whole = all(_is_one_word(cell) for cell in cells[1:])
        justify: Literal["left", "right"] = "right" if number in right else "left"
        drawn.add_column(column, justify=justify, overflow="fold", no_wrap=whole)
        needed += 3 + (max(map(cell_len, cells)) if whole else NARROW)
    for line in lines:
        drawn.add_row(*(escape(cell) for cell in line))
    width = Console().width if sys.stdout.isatty() else WIDE
    Console(width=max(width, needed)).print(drawn)


def _is_one_word(cell: str) -> bool:
    """Whether *cell* is an id, a time, a figure, a state: what is of use only as a whole."""
    return len(cell) <= LONGEST_WORD and " " not in cell


def report_failure(message: str, advice: str, code: int, as_json: bool) -> None:
    """Tell why a command failed: to standard error, or as JSON to standard output."""
    if as_json:
        emit({"error": message, "advice": advice, "exit_code": code})
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    if advice:
        console.print(f"[bold]do:[/] {escape(advice)}", soft_wrap=True)
