"""Reads the file that `fanfare campaign create` and `update` are given: as POST /v1/campaigns takes it."""

from pathlib import Path
from typing import Any, NamedTuple

from app.cli.failures import CommandError, Exit
from app.cli.json_file import read_object, with_files
from app.specs import CampaignSpec, Content
from app.web.api.campaign_bodies import CampaignFields, FlatCampaign, NewCampaign
from app.web.api.campaigns import without_none


class CampaignFile(NamedTuple):
    """A campaign as it was written. *content* is None where a template is named."""

    spec: CampaignSpec
    content: Content | None
    start: bool


def read_campaign_file(file: Path) -> CampaignFile:
    """The campaign in *file* (JSON; "-" is standard input): {"spec", "content", "start"}, or field by field.

    Parts of a content may be {"file": "mail.html"}, relative to *file*. Fields that are wrong raise pydantic's
    ValidationError, which names them.
    """
    asked = NewCampaign.model_validate(_body(file)).root
    if isinstance(asked, FlatCampaign):
        return CampaignFile(CampaignSpec.model_validate(asked.to_spec()), asked.own_content(), asked.starts)
    return CampaignFile(asked.spec, asked.content, asked.start)


def read_changes(file: Path, before: CampaignSpec) -> tuple[CampaignSpec, Content | None]:
    """*before* with what *file* says over it: field by field, or a whole {"spec", "content"}."""
    body = _body(file)
    if "spec" in body:
        whole = NewCampaign.model_validate(body).root
        assert not isinstance(whole, FlatCampaign)
        return whole.spec, whole.content
    asked, old = CampaignFields.model_validate(body), before.model_dump()
    throttle = asked.throttle.changes() if asked.throttle is not None else {}
    changes = without_none(asked.changes() if asked.model_fields_set else {})
    if not changes and not throttle and asked.own_content() is None:
        raise CommandError(f"{file} changes nothing", "name the fields that are to be changed", Exit.USAGE)
    return CampaignSpec.model_validate(old | changes | {"throttle": old["throttle"] | throttle}), asked.own_content()


def _body(file: Path) -> dict[str, Any]:
    """The JSON in *file*, with the texts of other files in their places."""
    body = with_files(read_object(file), file)
    if isinstance(body.get("content"), dict):
        body["content"] = with_files(body["content"], file)
    return dict(body)
