"""Reads JSON that people write by hand, in which long texts may lie in files of their own."""

import json
import sys
from pathlib import Path
from typing import Any

from app.cli.failures import CommandError, Exit

MOST_BYTES = 10_000_000
STDIN = Path("-")


def read_json(file: Path) -> Any:
    """What is in *file*; "-" is standard input. Says where it is broken."""
    text = read_text(file)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{file} is not JSON: {error.msg} ({where})", "repair it there", Exit.USAGE) from error
    except RecursionError as error:
        raise CommandError(f"{file} is nested too deeply", "write it flatter", Exit.USAGE) from error


def read_object(file: Path) -> dict[str, Any]:
    """The JSON object in *file*."""
    read = read_json(file)
    if not isinstance(read, dict):
        raise CommandError(f"{file} must be a JSON object", "begin it with {", Exit.USAGE)
    return read


def read_text(file: Path) -> str:
    """The text of *file*; "-" is standard input."""
    try:
        if file == STDIN:
            return sys.stdin.read()
        if file.stat().st_size > MOST_BYTES:
            raise CommandError(f"{file} is larger than {MOST_BYTES:,} bytes", "is it the right file?", Exit.USAGE)
        return file.read_text("utf-8")
    except OSError as error:
        advice = "check the path"
        raise CommandError(f"cannot read {file}: {error.strerror}", advice, Exit.USAGE) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 text", "save it as UTF-8", Exit.USAGE) from error


def with_files(content: Any, file: Path) -> Any:
    """*content* with the text of every part that is {"file": "mail.html"}, relative to *file*; translations too."""
    if not isinstance(content, dict):
        return content
    folder = Path.cwd() if file == STDIN else file.parent
    parts = {name: _text_of(value, folder) for name, value in content.items()}
    locales = parts.get("locales")
    if isinstance(locales, dict):
        parts["locales"] = {
            locale: {name: _text_of(value, folder) for name, value in each.items()} if isinstance(each, dict) else each
            for locale, each in locales.items()
        }
    return parts


def _text_of(value: Any, folder: Path) -> Any:
    if not (isinstance(value, dict) and set(value) == {"file"}):
        return value
    return read_text(folder / str(value["file"]))
