"""Commands, answers and directory entries: the JSON that people and programs publish and read."""

import time
from hashlib import blake2b
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

# No control characters: these stand in links and log lines. A Name is part of keys and ids, where "|" divides.
Label = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f|]+$")]

MOST_COMMAND_BYTES = 2_000_000  # of a command as JSON: below what its topics take in one record


class Strict(BaseModel):
    """Refuses fields it does not know: a misspelt limit must not be ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Throttle(Strict):
    """Limits of one campaign. A rate is messages a second; None is no limit of its own."""

    rate: float | None = Field(default=None, gt=0, le=1_000_000)
    burst: float | None = Field(default=None, gt=0, description="Messages at once; default one second of rate")
    per_group: dict[Name, float] = Field(
        default_factory=dict, max_length=200, description="MX group -> rate; '*' for every other group"
    )
    concurrency: int | None = Field(default=None, gt=0, description="Messages on the way at once")


class Tracking(Strict):
    """What is tracked."""

    opens: bool = True
    clicks: bool = True


class Dedup(Strict):
    """One message a person for everything with the same *key* within *window* seconds."""

    key: str = Field(default="", max_length=200)  # "" is the campaign itself
    window: float = Field(default=86_400.0, ge=0, le=31_536_000)


class Content(Strict):
    """Templates of an email; Jinja2. Its id is the hash of its JSON."""

    subject: str = Field(min_length=1, max_length=2_000)
    html: str = Field(default="", max_length=1_000_000)
    text: str = Field(default="", max_length=1_000_000)
    defaults: dict[str, str] = Field(default_factory=dict, description="Text for variables a contact does not have")

    @property
    def id(self) -> str:
        """Hash of the content."""
        return "t_" + blake2b(self.model_dump_json().encode(), digest_size=12).hexdigest()


Delay = Annotated[float, Field(ge=0, le=2_592_000)]


class CampaignSpec(Strict):
    """What to send, to whom, and how fast."""

    name: Label = "campaign"
    # transactional: no audience of its own; each pack on recipient.listed.transactional is a message to send at once
    kind: Literal["campaign", "transactional"] = "campaign"
    channel: Literal["email"] = "email"
    from_email: Annotated[str, StringConstraints(min_length=3, max_length=320)]
    from_name: str = Field(default="", max_length=200)
    reply_to: str = Field(default="", max_length=320)
    content_id: str = Field(default="", max_length=200)
    lists: list[Label] = Field(default_factory=list, max_length=100, validate_default=True)
    throttle: Throttle = Field(default_factory=Throttle)
    tracking: Tracking = Field(default_factory=Tracking)
    dedup: Dedup = Field(default_factory=Dedup)
    retry_delays: list[Delay] | None = Field(
        default=None, max_length=20, description="Seconds before attempts 2, 3 ..."
    )
    unknown: Literal["hold", "resend"] = Field(default="hold", description="When the outcome of an attempt is lost")

    @field_validator("lists")
    @classmethod
    def _lists_are_the_audience(cls, lists: list[str], info: ValidationInfo) -> list[str]:
        if bool(lists) == (info.data.get("kind") == "transactional"):
            raise ValueError("a campaign needs a list, a transactional one has none")
        return lists


class Seal(Strict):
    """A fixed audience. *groups* lists (MX group, rows), in the order of the rows."""

    id: str
    count: int = Field(ge=1, le=0xFFFF_FFFF)
    digest: str
    day: int = Field(ge=0, le=0xFFFF)
    groups: list[tuple[str, int]]


State = Literal["DRAFT", "SEALING", "RUNNING", "PAUSED", "CANCELLING", "CANCELLED", "COMPLETED", "FAILED"]


class CampaignEntry(Strict):
    """campaign.changed: a campaign as every process knows it."""

    id: str
    account: str
    state: State
    run: int = 1
    version: int = 1  # of the spec
    spec: CampaignSpec
    seal: Seal | None = None
    reason: str = ""
    counters: dict[str, int] = Field(default_factory=dict)  # final ones, once it has ended
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None


CommandKind = Literal[
    "campaign.create",
    "campaign.start",
    "campaign.pause",
    "campaign.resume",
    "campaign.cancel",
    "campaign.throttle",
    "limit.set",
]


class LimitSet(Strict):
    """A limit above campaigns: of an account, a provider route or an MX group (over all campaigns)."""

    scope: Literal["account", "route", "group"]
    name: Name
    rate: float | None = Field(default=None, gt=0, le=1_000_000, description="None removes the limit")
    burst: float | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)


class Command(Strict):
    """campaign.commanded: what a person or program asks for.

    The *id* is the idempotency key: the same id and body get the same answer for 24 hours.
    """

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    account: Name = "default"
    kind: CommandKind
    campaign: str = Field(default="", max_length=200)  # every kind but campaign.create and limit.set
    spec: CampaignSpec | None = None  # campaign.create
    content: Content | None = None  # campaign.create
    start: bool = Field(default=False, description="campaign.create: start it at once")
    throttle: Throttle | None = None  # campaign.throttle
    limit: LimitSet | None = None  # limit.set


class Accepted(Strict):
    """command.accepted: a checked command on its way to its owner, or a message between planes."""

    command: Command | None = None
    sealed: Seal | None = None  # the audience of *campaign* is fixed
    seal_failed: str = ""  # why it could not be
    campaign: str = ""
    at: float = Field(default_factory=time.time)


class Answer(Strict):
    """command.answered: what the owner decided. *position* is the directory offset to wait for."""

    id: str
    account: str
    status: int  # as in HTTP: 200, 201, 404, 409, 422
    campaign: str = ""
    state: str = ""
    error: str = ""
    field: str = ""
    position: int = -1
