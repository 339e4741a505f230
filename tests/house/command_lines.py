"""Reads `fanfare ...` lines as the command itself would, without running anything."""

import io
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from itertools import takewhile
from pathlib import Path
from typing import Any

import typer

from app.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
FANFARE = typer.main.get_command(app)
# Every complaint about a command line derives from this one; typer exports only some of them.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

# A line of its own in an indented or fenced block, after settings; or a span between backticks.
LINE = re.compile(r"^(?:    |\$ |)(?:[A-Z_]+=\S* )*(?:\.venv/bin/)?fanfare (?P<rest>.+)$", re.MULTILINE)
SPAN = re.compile(r"`(?:[A-Z_]+=\S* )*fanfare (?P<rest>[^`]+)`")
IN_A_CONTAINER = re.compile(r"docker compose run --rm fanfare (?P<rest>[^`\n]+)")


def problem_with(arguments: Sequence[str]) -> str:
    """Why `fanfare` would refuse *arguments*; empty when it would take them."""
    command: Any = FANFARE
    name, rest, parent = "fanfare", list(arguments), None
    try:
        while True:
            with redirect_stdout(io.StringIO()):  # --help prints
                context = command.make_context(name, rest, parent=parent)
            if not hasattr(command, "resolve_command"):
                return ""
            parent, rest = context, [*context._protected_args, *context.args]
            if not rest:
                return f"{name} needs a command"
            name, command, rest = command.resolve_command(context, rest)
    except typer.Exit:
        return ""
    except UsageError as error:
        return str(error) or type(error).__name__


def lines_in(text: str) -> Iterator[list[str]]:
    """The arguments of every `fanfare` line in *text*, comments and what follows in a shell cut off."""
    joined = text.replace("\\\n", " ")
    for pattern in (LINE, SPAN, IN_A_CONTAINER):
        for match in pattern.finditer(joined):
            yield arguments_in(match["rest"])


def arguments_in(text: str) -> list[str]:
    """The words of a command line up to where the shell takes over: a comment, a pipe, a redirection."""
    return list(takewhile(lambda word: word not in ("|", "&&", ">", "<", ";"), shlex.split(text, comments=True)))
