"""Reads the file that a template is written in: its content, alone or with a name."""

from pathlib import Path

from app.cli.failures import CommandError, Exit
from app.cli.json_file import read_object, with_files
from app.things import TemplateDraft


def template_in(file: Path, name: str = "") -> TemplateDraft:
    """The template in *file*: content alone needs a *name*."""
    raw = read_object(file)
    if "content" in raw and set(raw) <= {"name", "content"}:
        raw, name = raw["content"], name or str(raw.get("name", ""))
    if not name:
        raise CommandError("the template has no name", "give it one with --name", Exit.USAGE)
    return TemplateDraft.model_validate({"name": name, "content": with_files(raw, file)})
