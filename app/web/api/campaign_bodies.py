"""How a campaign is written in a request: flat, as people write it, or as spec and content, as commands have it."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Discriminator,
    Field,
    RootModel,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from app.specs import (
    CLOCK,
    MOMENT_FORM,
    AskedMoment,
    CampaignSpec,
    Channel,
    Clock,
    Content,
    Day,
    Dedup,
    Delay,
    Experiment,
    Fallback,
    KnownZone,
    Label,
    Name,
    Rate,
    Schedule,
    Strict,
    Tracking,
    WhatsApp,
    Window,
    moment_in,
)

DAY = 86_400.0
# Where a policy names a number of attempts, and no delays.
RETRIES = [60.0, 300.0, 900.0, 3_600.0]
SOFT_RETRIES = [3_600.0, 14_400.0, 43_200.0, 86_400.0]
INLINE = ("html", "text", "mjml", "preheader", "sms", "dlt_template", "whatsapp", "voice", "voice_audio")


def _clock_or_seconds(value: object) -> object:
    """A time of day as it is, any other text as the moment that it names."""
    if not isinstance(value, str) or re.fullmatch(CLOCK, value):
        return value
    return moment_in(value, f"HH:MM, or {MOMENT_FORM}")


# The tags of unions stand in parentheses: `reading` leaves them out where it names a field.
RateOrRates = Annotated[
    Annotated[Rate, Tag("(one)")] | Annotated[dict[Name, Rate], Tag("(each)")],
    Discriminator(lambda value: "(each)" if isinstance(value, dict) else "(one)"),
]
ClockOrMoment = Annotated[
    Annotated[Clock, Tag("(clock)")] | Annotated[AskedMoment, Tag("(moment)")],
    Discriminator(lambda value: "(clock)" if isinstance(value, str) else "(moment)"),
    BeforeValidator(_clock_or_seconds),
]
FlagOrTracking = Annotated[
    Annotated[bool, Tag("(both)")] | Annotated[Tracking, Tag("(each)")],
    Discriminator(lambda value: "(each)" if isinstance(value, (dict, Tracking)) else "(both)"),
]


class SendWindow(Strict):
    """When messages may leave: between two moments, or every day between two times of day."""

    start: ClockOrMoment | None = Field(default=None, description="A moment: starts then, at once when it is past")
    end: ClockOrMoment | None = Field(default=None, description="A moment: who has not been sent to by then is dropped")
    days: list[Day] | None = Field(default=None, min_length=1, max_length=7, description="With times of day")
    local: bool = Field(default=False, description="Times of day by the clock of each recipient")

    @model_validator(mode="after")
    def _of_one_kind(self) -> "SendWindow":
        ends = [each for each in (self.start, self.end) if each is not None]
        if not ends:
            raise ValueError("a send window has a start, an end, or both")
        if len({type(each) for each in ends}) > 1 or (self.daily and len(ends) < 2):
            raise ValueError('start and end are two moments (2027-03-01T09:00:00Z) or two times of day ("09:00")')
        if not self.daily and (self.days or self.local):
            raise ValueError('days and local go with times of day, such as "09:00"')
        if not self.daily and len(ends) == 2 and self.end <= self.start:  # type: ignore[operator]
            raise ValueError("it ends before it starts")
        return self

    @property
    def daily(self) -> bool:
        """Whether it is hours of a day."""
        return isinstance(self.start, str) or isinstance(self.end, str)


class FlatThrottle(Strict):
    """Limits of the campaign in messages a second (rps)."""

    global_rps: Rate | None = Field(default=None, validation_alias=AliasChoices("global_rps", "rate"))
    per_mx_rps: RateOrRates | None = Field(
        default=None, validation_alias=AliasChoices("per_mx_rps", "per_group"),
        description="Of each MX group, or of those named; '*' is every other one",
    )  # fmt: skip
    per_provider_rps: RateOrRates | None = Field(
        default=None, validation_alias=AliasChoices("per_provider_rps", "per_route"),
        description="Of each provider route, or of those named; '*' is every other one",
    )  # fmt: skip
    concurrency: int | None = Field(default=None, gt=0, le=1_000_000, description="Messages on the way at once")
    burst: float | None = Field(default=None, gt=0, le=1_000_000, description="Messages at once")

    def changes(self) -> dict[str, Any]:
        """What it says, in the words of a spec."""
        words = {"global_rps": "rate", "per_mx_rps": "per_group", "per_provider_rps": "per_route"}
        said: dict[str, Any] = {}
        for field in self.model_fields_set:
            value = getattr(self, field)
            if field.startswith("per_"):
                value = {} if value is None else value if isinstance(value, dict) else {"*": value}
            said[words.get(field, field)] = value
        return said


class RetryPolicy(Strict):
    """How often a message that was not taken is tried again, and when, by why: docs/retries.md. Seconds."""

    max_attempts: int | None = Field(default=None, ge=1, le=21, description="The first one counts; throttles do not")
    transient: list[Delay] | None = Field(
        default=None, max_length=20, validation_alias=AliasChoices("transient", "delays"),
        description="Before attempts 2, 3 ... after a temporary refusal; the last one holds for all further",
    )  # fmt: skip
    soft: list[Delay] | None = Field(
        default=None, max_length=20, description="The same after a soft bounce: a mailbox that is full"
    )
    throttle: Delay | None = Field(default=None, description="After 'not so fast'")
    give_up_after: Delay | None = Field(default=None, description="Since the message was listed")

    def changes(self) -> dict[str, Any]:
        """What it says, in the words of a spec."""
        said = {
            "transient": self._delays(self.transient, RETRIES),
            "soft": self._delays(self.soft, SOFT_RETRIES),
            "throttle": self.throttle,
            "give_up_after": self.give_up_after,
        }
        return {name: value for name, value in said.items() if value is not None}

    def _delays(self, said: list[float] | None, usual: list[float]) -> list[float] | None:
        """Seconds before attempts 2, 3 ... up to the last that it lets; None: as the installation is set."""
        if self.max_attempts is None:
            return said
        delays = usual if said is None else said
        longest = delays[-1] if delays else usual[-1]
        return (delays + [longest] * self.max_attempts)[: self.max_attempts - 1]


class CampaignFields(Strict):
    """A campaign field by field; a PATCH has only those that change."""

    name: Label | None = None
    channel: Channel | None = Field(default=None, description="Default: email")
    from_email: str | None = Field(
        default=None, min_length=3, max_length=320, validation_alias=AliasChoices("from", "from_email")
    )
    from_name: str | None = Field(default=None, max_length=200)
    reply_to: str | None = Field(default=None, max_length=320)
    project_id: str | None = Field(
        default=None, max_length=200, validation_alias=AliasChoices("project_id", "project"),
        description="Campaigns can be listed by it",
    )  # fmt: skip
    sender_id: str | None = Field(
        default=None, max_length=50, validation_alias=AliasChoices("sender_id", "sender"),
        description="To phones: number, sender id, or a number pool of the account; default that of the route",
    )  # fmt: skip
    fallbacks: list[Fallback] | None = Field(
        default=None, max_length=2, description="Channels that are tried in order when a phone is not reached"
    )
    consent: Literal["given", "not_refused"] | None = Field(
        default=None, description="To phones: who said yes to the channel (default), or who did not say no"
    )

    subject: str | None = Field(default=None, max_length=2_000, description="Goes before that of the template")
    template_id: str | None = Field(default=None, max_length=200)
    template_version: int | None = Field(default=None, ge=1, description="None: the newest at start")
    html: str | None = Field(default=None, max_length=1_000_000, description="Content of its own, without a template")
    text: str | None = Field(default=None, max_length=1_000_000)
    mjml: str | None = Field(default=None, max_length=1_000_000)
    preheader: str | None = Field(default=None, max_length=500)
    sms: str | None = Field(default=None, max_length=10_000, description="Text of an SMS")
    dlt_template: str | None = Field(default=None, max_length=100, description="Id of its registered template in India")
    whatsapp: WhatsApp | None = Field(default=None, description="Approved template of a WhatsApp message")
    voice: str | None = Field(default=None, max_length=10_000, description="Text that a call reads aloud")
    voice_audio: str | None = Field(default=None, max_length=2_000, description="URL of a recording that a call plays")
    defaults: dict[str, str] | None = Field(default=None, description="With them: for attributes that a contact lacks")
    content: Content | None = Field(default=None, description="Content of its own, with translations")
    experiment: Experiment | None = None

    recipient_list_id: Label | None = Field(default=None, description="One list; several go into lists")
    lists: list[Label] | None = Field(default=None, max_length=100)
    segments: list[Name] | None = Field(default=None, max_length=100)
    exclude_lists: list[Label] | None = Field(default=None, max_length=100)
    exclude_segments: list[Name] | None = Field(default=None, max_length=100)

    send_window: SendWindow | None = None
    schedule: Schedule | None = None
    window: Window | None = None
    expires_at: AskedMoment | None = None
    time_zone: KnownZone | None = None

    throttle: FlatThrottle | None = None
    route_tags: list[Name] | None = Field(default=None, max_length=20, description="Only routes with one of these tags")
    weight: int | None = Field(default=None, ge=1, le=100)
    retry_policy: RetryPolicy | None = None
    tracking: FlagOrTracking | None = None
    dedup: Dedup | None = None
    unknown: Literal["hold", "resend"] | None = None
    unknown_after: Delay | None = Field(default=None, description="Seconds that 'hold' waits for a report")
    unknown_then: Literal["give_up", "resend"] | None = Field(default=None, description="What it does then")
    priority: int | None = Field(default=None, ge=0, le=100, description="Who gets a person's frequency cap")
    capped: Literal["drop", "defer"] | None = Field(default=None, description="Whoever has had enough messages")

    @model_validator(mode="after")
    def _says_one_thing_once(self) -> "CampaignFields":
        own = self.own_content_fields
        if self.defaults and self.content is None and not own:
            raise ValueError("defaults go with html, text, sms and the like; those of a template stand in the template")
        if self.content is not None and (own or self.defaults):
            said = ", ".join([*own, *(["defaults"] if self.defaults else [])])
            raise ValueError(f"content goes without {said}: they stand inside it")
        if (own or self.content is not None) and self.template_id:
            raise ValueError("a campaign has a template_id or content of its own, not both")
        window = self.send_window
        if window is not None:
            others = ("window",) if window.daily else ("schedule", "expires_at")
            twice = [each for each in others if getattr(self, each) is not None]
            if twice:
                raise ValueError(f"send_window and {' and '.join(twice)} say the same: send one of them")
        return self

    @property
    def own_content_fields(self) -> list[str]:
        """Which parts of a content of its own stand in the body."""
        return [each for each in INLINE if getattr(self, each)]

    def changes(self) -> dict[str, Any]:
        """What the body says, in the words of a spec. Content of its own is apart: `own_content`."""
        given = self.model_fields_set
        plain = {
            "name", "from_email", "from_name", "reply_to", "channel", "sender_id", "consent", "template_id",
            "template_version", "subject",
            "experiment", "lists", "segments", "exclude_lists", "exclude_segments", "schedule", "window", "expires_at",
            "time_zone", "weight", "dedup", "unknown", "unknown_after", "unknown_then", "priority",
            "capped", "route_tags",
        }  # fmt: skip
        said: dict[str, Any] = {}
        for field in sorted(plain & given):
            value = getattr(self, field)
            said[field] = value.model_dump() if isinstance(value, Strict) else value
        if "fallbacks" in given:
            said["fallbacks"] = [each.model_dump() for each in self.fallbacks or []]
        if self.project_id is not None:
            said["project"] = self.project_id
        if self.recipient_list_id is not None:
            rest = [each for each in self.lists or [] if each != self.recipient_list_id]
            said["lists"] = [self.recipient_list_id, *rest]
        if self.retry_policy is not None:
            said["retries"] = self.retry_policy.changes()
        if isinstance(self.tracking, bool):
            said["tracking"] = {"opens": self.tracking, "clicks": self.tracking}
        elif self.tracking is not None:
            said["tracking"] = self.tracking.model_dump()
        return said | self._times()

    def own_content(self) -> Content | None:
        """Content of its own, None where a template or nothing is named."""
        if self.content is not None or not self.own_content_fields:
            return self.content
        parts = {each: getattr(self, each) for each in self.own_content_fields}
        return Content(subject=self.subject or "", defaults=self.defaults or {}, **parts)

    def _times(self) -> dict[str, Any]:
        window = self.send_window
        if window is None:
            return {}
        if window.daily:
            days = {"days": window.days} if window.days else {}
            return {"window": {"opens": window.start, "closes": window.end, "local": window.local, **days}}
        said: dict[str, Any] = {}
        if isinstance(window.start, float):
            # Inside of the window no start is too late.
            late = window.end - window.start if isinstance(window.end, float) else DAY
            said["schedule"] = {"at": window.start, "late_after": min(late, 365 * DAY)}
        if window.end is not None:
            said["expires_at"] = window.end
        return said


class FlatCampaign(CampaignFields):
    """A new campaign, field by field."""

    from_email: str | None = Field(
        default=None, min_length=3, max_length=320, validation_alias=AliasChoices("from", "from_email"),
        validate_default=True, description="Of an email: the address that it comes from",
    )  # fmt: skip
    start: bool | None = Field(
        default=None, description="Default: true when a send_window or a schedule is given, else it is a DRAFT"
    )

    @field_validator("from_email")
    @classmethod
    def _an_email_comes_from_somebody(cls, address: str | None, info: ValidationInfo) -> str | None:
        if address is None and info.data.get("channel") in (None, "email"):
            raise ValueError("an email needs it: the address that it comes from")
        return address

    @model_validator(mode="after")
    def _has_content(self) -> "FlatCampaign":
        if not self.template_id and self.content is None and not self.own_content_fields:
            raise ValueError(
                "there is nothing to send: name a template_id, or give html, text, mjml, sms, whatsapp, voice, content"
            )
        return self

    def to_spec(self) -> dict[str, Any]:
        """The spec that it is, not checked yet."""
        said = {name: value for name, value in self.changes().items() if value is not None}
        if self.own_content_fields:
            said.pop("subject", None)  # it stands in the content
        return said | ({"throttle": self.throttle.changes()} if self.throttle else {})

    @property
    def starts(self) -> bool:
        """Whether it is started, too."""
        return bool(self.send_window or self.schedule) if self.start is None else self.start


class SpecCampaign(Strict):
    """A new campaign as a command has it: what is sent how, and the content unless the spec names a template."""

    spec: CampaignSpec
    content: Content | None = None
    start: bool = False

    @model_validator(mode="after")
    def _has_content(self) -> "SpecCampaign":
        if self.content is None and not self.spec.template_id:
            raise ValueError("there is nothing to send: give content, or name a template_id in spec")
        return self


def _form(body: Any) -> str:
    return "(spec)" if isinstance(body, SpecCampaign) or (isinstance(body, dict) and "spec" in body) else "(flat)"


class NewCampaign(
    RootModel[
        Annotated[Annotated[FlatCampaign, Tag("(flat)")] | Annotated[SpecCampaign, Tag("(spec)")], Discriminator(_form)]
    ]
):
    """Body of POST /v1/campaigns: field by field, or spec and content."""

    NAMES: ClassVar[dict[str, str]] = {"from_email": "from"}


# What fields of a spec are called in a flat body.
FLAT_NAMES = {
    "spec": "",
    "spec.from_email": "from",
    "spec.project": "project_id",
    "spec.throttle.rate": "throttle.global_rps",
    "spec.throttle.per_group": "throttle.per_mx_rps",
    "spec.throttle.per_route": "throttle.per_provider_rps",
    "spec.retries.transient": "retry_policy.delays",
    "spec.retries.soft": "retry_policy.soft",
    "spec.retries.throttle": "retry_policy.throttle",
    "spec.retries.give_up_after": "retry_policy.give_up_after",
    "content": "",
    "campaign": "id",
    "match": "If-Match",
    "thing": "id",
}


def flat_names(body: CampaignFields) -> dict[str, str]:
    """FLAT_NAMES, with the names that *body* uses where there are two."""
    names = dict(FLAT_NAMES)
    if body.recipient_list_id is not None:
        names["spec.lists"] = names["spec.lists.0"] = "recipient_list_id"
    if body.content is not None:
        names["content"] = "content"
    window = body.send_window
    if window is not None and window.daily:
        names["spec.window"] = "send_window"
    elif window is not None:
        names |= {"spec.schedule": "send_window.start", "spec.expires_at": "send_window.end"}
    return names
