"""`fanfare bounce`: what mail that came back tells."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import examples
from app.cli.failures import CommandError

bounce = typer.Typer(
    help="Mail that came back: bounces, complaints, automatic replies.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples("fanfare bounce classify bounce.eml", "fanfare bounce classify --lines Maildir/ > verdicts.jsonl"),
)

LARGEST = 2_000_000_000  # bytes of a file
MAILDIR = ("cur", "new")


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(bounce, name="bounce")


@bounce.callback()
def _group() -> None:
    """Keep it a group while it has one command."""


@bounce.command(
    epilog=examples(
        "fanfare bounce classify bounce.eml",
        "fanfare bounce classify returned.mbox --lines",
        "cat bounce.eml | fanfare bounce classify -",
    )
)
def classify(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="A message, an mbox, a folder of messages or a Maildir; - is stdin."),
    ],
    lines: Annotated[bool, typer.Option("--lines", help="One JSON object a line instead of an array.")] = False,
) -> None:
    """Tell who a message is about, what happened and what to do.

    Each entry has: recipient, class (hard, soft, block, complaint, auto-reply, challenge, unknown), reason, status,
    code, action (suppress, retry, slow, alert, none), told, mta, diagnostic, message_id. docs/bounces.md lists them.
    """
    from app.bounces.mailbox import messages_in
    from app.bounces.shown import entries_of

    key = _key()
    first = True
    for name, raw in _contents(files):
        for message in messages_in(raw):
            for entry in entries_of(message, name, key):
                text = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace")
                _write(text + b"\n" if lines else (b"[\n " if first else b",\n ") + text)
                first = False
    if not lines:
        _write(b"[]\n" if first else b"\n]\n")
    sys.stdout.flush()


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)


def _contents(files: list[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file. All names are looked at before any is read."""
    paths: list[tuple[str, Path | None]] = []
    for name in files:
        if name == "-":
            paths.append((name, None))
            continue
        path = Path(name)
        if not path.exists():
            raise CommandError(f"there is no file {name}", "name a message, an mbox, a folder, or - for stdin")
        paths += [(str(each), each) for each in _files_in(path)]
    for name, file in paths:
        try:
            yield name, sys.stdin.buffer.read(LARGEST) if file is None else _read(file)
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}", "check its permissions") from error


def _files_in(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    folders = [path / name for name in MAILDIR if (path / name).is_dir()] or [path]
    return sorted(each for folder in folders for each in folder.rglob("*") if each.is_file())


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST)


def _key() -> bytes | None:
    """The key of the installation here, if there is one: it tells its own bounces from others."""
    from app.bounces.verp import key_of
    from app.settings import settings

    try:
        return key_of(settings().secret_path.read_bytes())
    except (OSError, ValueError):
        return None
