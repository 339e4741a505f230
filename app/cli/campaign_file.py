"""Reads the file that `fanfare campaign create` is given."""

from pathlib import Path

from app.cli.failures import CommandError, Exit
from app.cli.json_file import read_object, with_files
from app.specs import CampaignSpec, Content


def read_campaign_file(file: Path) -> tuple[CampaignSpec, Content]:
    """Spec and content in *file* (JSON; "-" is standard input).

    `content.html` and `content.text` may be {"file": "mail.html"}, relative to *file*. Fields that
    are wrong raise pydantic's ValidationError, which names them.
    """
    raw = read_object(file)
    if set(raw) != {"spec", "content"}:
        raise CommandError(f'{file} must be a JSON object {{"spec": ..., "content": ...}}', "see README.md", Exit.USAGE)
    return CampaignSpec.model_validate(raw["spec"]), Content.model_validate(with_files(raw["content"], file))
