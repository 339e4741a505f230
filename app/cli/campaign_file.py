"""Reads the file that `fanfare campaign create` is given."""

import json
import sys
from pathlib import Path

from app.cli.failures import CommandError, Exit
from app.specs import CampaignSpec, Content


def read_campaign_file(file: Path) -> tuple[CampaignSpec, Content]:
    """Spec and content in *file* (JSON; "-" is standard input).

    `content.html` and `content.text` may be {"file": "mail.html"}, relative to *file*. Fields that
    are wrong raise pydantic's ValidationError, which names them.
    """
    raw = _parsed(file)
    if not isinstance(raw, dict) or set(raw) != {"spec", "content"}:
        raise CommandError(f'{file} must be a JSON object {{"spec": ..., "content": ...}}', "see README.md", Exit.USAGE)
    content = raw["content"]
    if isinstance(content, dict):
        folder = Path.cwd() if str(file) == "-" else file.parent
        content = {name: _text_of(value, folder) for name, value in content.items()}
    return CampaignSpec.model_validate(raw["spec"]), Content.model_validate(content)


def _parsed(file: Path) -> object:
    try:
        return json.loads(sys.stdin.read() if str(file) == "-" else file.read_text("utf-8"))
    except OSError as error:
        raise CommandError(
            f"cannot read {file}: {error.strerror}", "give the path of a JSON file", Exit.USAGE
        ) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 text", "save it as UTF-8", Exit.USAGE) from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise CommandError(f"{file} is not JSON: {error.msg} ({where})", "repair it there", Exit.USAGE) from error


def _text_of(value: object, folder: Path) -> object:
    if not (isinstance(value, dict) and set(value) == {"file"}):
        return value
    path = folder / str(value["file"])
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}", "check the path in the file", Exit.USAGE) from error
