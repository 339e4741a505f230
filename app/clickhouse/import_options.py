"""How a file of people is read: which column is what, of which type, and where they agreed to be written to."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from app.specs import Label, Moment, Name, Strict

# What a column may be besides an attribute. phone, locale and time_zone are attributes that are checked.
EMAIL, PHONE, LOCALE, TIME_ZONE = "email", "phone", "locale", "time_zone"
CONSENT_AT, CONSENT_SOURCE = "consent_at", "consent_source"

Header = Annotated[str, StringConstraints(max_length=1_000)]
AttributeName = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class ImportOptions(Strict):
    """What goes with a file of people."""

    account: Name = "default"
    list: Label = Field(description="The list that they are put on; it is made if need be")
    columns: dict[Header, AttributeName] = Field(
        default_factory=dict,
        max_length=1_000,
        description="Column of the file -> attribute; email, phone, locale, time_zone, consent_at and consent_source "
        "are what they say; '' leaves a column out. Columns that are not named keep their name as far as it is one",
    )
    types: dict[AttributeName, Literal["text", "number", "boolean", "date"]] = Field(
        default_factory=dict, max_length=1_000, description="Attribute -> type; others of a CSV are recognised"
    )
    region: str = Field(default="", pattern=r"^([A-Z]{2})?$", description="Of phone numbers without +: DE")
    consent_source: str = Field(default="", max_length=500, description="Where they agreed: a form, a shop, a fair")
    consent_at: Moment | None = Field(default=None, description="When; of a source alone: the import")
    consent_channels: tuple[Literal["sms", "whatsapp", "voice"], ...] = Field(
        default=(), max_length=3, description="Channels of their phone that they agreed to as well"
    )

    @field_validator("columns")
    @classmethod
    def _each_once(cls, columns: dict[str, str]) -> dict[str, str]:
        targets = [target for target in columns.values() if target]
        doubled = next((target for target in targets if targets.count(target) > 1), "")
        if doubled:
            raise ValueError(f"two columns are {doubled!r}")
        return columns
