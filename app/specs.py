"""What a campaign is made of: its audience, content, times and limits, as people and programs write them in JSON."""

import re
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

FIRST_MOMENT = 1_000_000_000  # in 2001: a smaller number was meant as something else than seconds since 1970
MOMENT_FORM = "ISO 8601 with an offset, such as 2027-03-01T09:00:00Z"
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
WALL_TIME = r"^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"


def _moment(value: object) -> object:
    """Seconds since 1970 of an ISO 8601 text; what is no text as it is."""
    return moment_in(value, MOMENT_FORM) if isinstance(value, str) else value


def moment_in(value: str, form: str) -> float:
    """Seconds since 1970 of a text. ValueError that asks for *form* where it is no moment."""
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return _seconds(value, form)
    if read.tzinfo is None:
        raise ValueError(f"{value} does not say in which zone: 2027-03-01T09:00:00Z and ...+01:00 do")
    try:
        return read.timestamp()
    except OverflowError as error:
        raise ValueError(f"{value} is out of range") from error


def _seconds(value: str, form: str) -> float:
    try:
        return recent(float(value))
    except ValueError as error:
        raise ValueError(f"write {form}") from error


def recent(at: float) -> float:
    """*at*; ValueError where it is too small to be a moment. What is stored is not asked."""
    if not at >= FIRST_MOMENT:
        raise ValueError(f"write {MOMENT_FORM}: {at:g} is no moment of this century")
    return at


@cache
def time_zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


def known_zone(name: str) -> str:
    """*name*; ValueError where there is no such time zone. What is stored is not asked: zones come and go."""
    if name not in time_zones():
        raise ValueError(f"there is no time zone {name!r}: use an IANA name such as Europe/Lisbon")
    return name


def of_form(pattern: str, form: str) -> BeforeValidator:
    """Says what to write, *form*, of a text that does not match *pattern*."""

    def check(value: object) -> object:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError(f"write {form}")
        return value

    return BeforeValidator(check)


# No control characters: these stand in links and log lines. A Name is part of keys and ids, where "|" divides.
Label = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f|]+$")]
Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$")]  # BCP 47: pt, pt-BR
ZoneName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]  # IANA: Europe/Lisbon
KnownZone = Annotated[ZoneName, AfterValidator(known_zone)]  # as people name it
Clock = Annotated[str, StringConstraints(pattern=CLOCK), of_form(CLOCK, "HH:MM, such as 09:30")]
WallTime = Annotated[
    str,
    StringConstraints(pattern=WALL_TIME),
    of_form(WALL_TIME, "a date and a time of day without a zone, such as 2027-03-01T09:00"),
]
Moment = Annotated[  # seconds since 1970, UTC; it may be written in ISO 8601 with an offset
    float,
    BeforeValidator(_moment),
    Field(gt=0, lt=10_000_000_000),
    WithJsonSchema({
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10_000_000_000},
        ]
    }),
]  # fmt: skip
AskedMoment = Annotated[  # as people name it
    Moment,
    AfterValidator(recent),
    WithJsonSchema({
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "number", "minimum": FIRST_MOMENT, "exclusiveMaximum": 10_000_000_000},
        ]
    }),
]  # fmt: skip
Rate = Annotated[float, Field(gt=0, le=1_000_000)]  # messages a second
Delay = Annotated[float, Field(ge=0, le=2_592_000)]  # seconds, up to 30 days
Channel = Literal["email", "sms", "whatsapp", "voice"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Strict(BaseModel):
    """Refuses fields it does not know: a misspelt limit must not be ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, serialize_by_alias=True)


class Throttle(Strict):
    """Limits of one campaign. A rate is messages a second; None is no limit of its own."""

    rate: Rate | None = None
    burst: float | None = Field(default=None, gt=0, description="Messages at once; default one second of rate")
    per_group: dict[Name, float] = Field(
        default_factory=dict, max_length=200, description="MX group -> rate; '*' for every other group"
    )
    per_route: dict[Name, float] = Field(
        default_factory=dict, max_length=200, description="Provider route -> rate; '*' for every other route"
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


WA_LANGUAGE = r"^([A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})?)?$"


class WhatsApp(Strict):
    """A template that Meta has approved, and what fills its places {{1}}, {{2}} ..."""

    template: str = Field(min_length=1, max_length=512)
    parameters: list[Annotated[str, StringConstraints(max_length=1_024)]] = Field(default_factory=list, max_length=20)
    language: Annotated[str, of_form(WA_LANGUAGE, "a language as it was approved, such as en or pt_BR")] = Field(
        default="", max_length=15, pattern=WA_LANGUAGE, description="As it was approved; empty: that of the part"
    )
    category: Literal["marketing", "utility", "authentication"] = "marketing"
    header: str = Field(default="", max_length=1_024, description="Fills {{1}} of a text header")
    media: str = Field(default="", max_length=2_000, description="URL of the image, video or document of the header")
    media_kind: Literal["image", "video", "document"] = "image"
    buttons: list[Annotated[str, StringConstraints(max_length=1_024)]] = Field(
        default_factory=list, max_length=10, description="What fills the URL of each button, in order; '' where none"
    )


def _no_text(value: object) -> object:
    if isinstance(value, str):
        raise ValueError('write {"template": "NAME", "language": "en", "parameters": ["{{ first_name }}"]}')
    return value


class Parts(Strict):
    """The parts of a message in one language: Jinja2 templates. "" means that there is none."""

    subject: str = Field(default="", max_length=2_000)
    preheader: str = Field(default="", max_length=500, description="What mail programs show behind the subject")
    html: str = Field(default="", max_length=1_000_000)
    mjml: str = Field(default="", max_length=1_000_000, description="Source of html, compiled when it is published")
    text: str = Field(default="", max_length=1_000_000)
    sms: str = Field(default="", max_length=10_000)
    whatsapp: Annotated[WhatsApp | None, BeforeValidator(_no_text)] = None
    dlt_template: str = Field(default="", max_length=100, description="SMS to India: id of the registered template")
    voice: str = Field(default="", max_length=10_000, description="Text that is read aloud")
    voice_audio: str = Field(default="", max_length=2_000, description="URL of a recording that is played instead")


class Content(Parts):
    """Templates of a message with their translations. Its id is the hash of its JSON."""

    locale: Locale = Field(default="en", description="Language of the parts that stand here")
    locales: dict[Locale, Parts] = Field(
        default_factory=dict, max_length=100, description="Translations; a part that one lacks is looked up in the next"
    )
    defaults: dict[str, str] = Field(default_factory=dict, description="Text for variables a contact does not have")

    @property
    def id(self) -> str:
        """Hash of the content."""
        return "t_" + blake2b(self.model_dump_json().encode(), digest_size=12).hexdigest()


class Window(Strict):
    """Hours and days in which messages may leave. It may span midnight: 21:00 to 08:00."""

    opens: Clock = "00:00"
    closes: Clock = "00:00"  # the same as *opens*: the whole day
    days: list[Day] = Field(default=["mon", "tue", "wed", "thu", "fri", "sat", "sun"], min_length=1, max_length=7)
    local: bool = Field(default=False, description="By the clock of each recipient (attribute time_zone)")


class Schedule(Strict):
    """When a campaign starts: at a moment, or when it is *local* o'clock where the recipient is."""

    at: Moment | None = None
    local: WallTime | None = None
    late_after: float = Field(
        default=3_600.0, ge=0, le=31_536_000, description="Seconds; a start that was missed by more is not made up for"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.at is None) == (self.local is None):
            raise ValueError("a schedule has either at or local")
        return self


class Variant(Strict):
    """One contender of an experiment: another subject, another template, or both."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,20}$")]
    subject: str = Field(default="", max_length=2_000)
    template_id: str = Field(default="", max_length=200)


class Experiment(Strict):
    """An A/B test: a sample gets the variants, the winner goes to the rest, a hold-out group gets nothing."""

    variants: list[Variant] = Field(min_length=2, max_length=8)
    share: float = Field(default=0.2, gt=0, le=1, description="Of the audience that is in the test, all variants")
    wait: float = Field(default=14_400.0, ge=0, le=1_209_600, description="Seconds after the test until it is decided")
    metric: Literal["opens", "clicks", "unsubscribes", "by_hand"] = "clicks"
    holdout: float = Field(default=0.0, ge=0, lt=1, description="Of the audience that is never sent to")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.share + self.holdout > 1:
            raise ValueError("share and holdout are more than the whole audience")
        if len({each.name for each in self.variants}) < len(self.variants):
            raise ValueError("two variants have the same name")
        return self


class Retries(Strict):
    """When a message that was not taken is tried again, by why. Seconds; None: as the installation is set.

    A permanent refusal is never tried again.
    """

    transient: list[Delay] | None = Field(
        default=None, max_length=20, description="Before attempts 2, 3 ... after a temporary refusal"
    )
    soft: list[Delay] | None = Field(
        default=None, max_length=20, description="The same after a soft bounce: a mailbox that is full"
    )
    throttle: Delay | None = Field(
        default=None, description="After 'not so fast'. That is no attempt: it may come any number of times"
    )
    give_up_after: Delay | None = Field(default=None, description="Since the message was listed")


class Fallback(Strict):
    """Another channel for who was not reached: the same message, to the phone number of the same person."""

    channel: Literal["sms", "whatsapp", "voice"]
    after: Delay = Field(default=3_600.0, description="Seconds without a report of delivery; a failure does not wait")


class CampaignSpec(Strict):
    """What to send, to whom, when, and how fast."""

    name: Label = "campaign"
    project: str = Field(default="", max_length=200, description="For people: campaigns can be listed by it")
    # transactional: no audience of its own; each pack on recipient.listed.transactional is a message to send at once
    kind: Literal["campaign", "transactional"] = "campaign"
    channel: Channel = "email"
    from_email: str = Field(default="", max_length=320)
    from_name: str = Field(default="", max_length=200)
    reply_to: str = Field(default="", max_length=320)
    sender_id: str = Field(
        default="", max_length=50, pattern=r"^[^\x00-\x1f\x7f|]*$",
        description="Number, sender id or number pool of a message to phones; default that of the route",
    )  # fmt: skip
    fallbacks: list[Fallback] = Field(
        default_factory=list, max_length=2, description="Channels that are tried in order when a phone is not reached"
    )
    consent: Literal["given", "not_refused"] = Field(
        default="given", description="Who may be written to on phones: who said yes, or who did not say no"
    )

    # Content: a template, or content of its own (then the hash of it). A subject of its own goes before the template's.
    template_id: str = Field(default="", max_length=200)
    template_version: int | None = Field(default=None, ge=1, description="None: the newest at start")
    subject: str = Field(default="", max_length=2_000)
    content_id: str = Field(default="", max_length=200)
    experiment: Experiment | None = None

    # Audience
    segments: list[Name] = Field(default_factory=list, max_length=100, description="Ids of segments")
    lists: list[Label] = Field(default_factory=list, max_length=100, validate_default=True)
    exclude_lists: list[Label] = Field(default_factory=list, max_length=100)
    exclude_segments: list[Name] = Field(default_factory=list, max_length=100)

    # Times
    time_zone: ZoneName = Field(default="UTC", description="Of schedule and window, and of people who have none")
    schedule: Schedule | None = None
    window: Window | None = None
    expires_at: Moment | None = Field(default=None, description="Who has not been sent to by then is dropped: expired")

    throttle: Throttle = Field(default_factory=Throttle)
    weight: int = Field(default=1, ge=1, le=100, description="Share of what campaigns compete for")
    tracking: Tracking = Field(default_factory=Tracking)
    dedup: Dedup = Field(default_factory=Dedup)
    retries: Retries = Field(default_factory=Retries)
    unknown: Literal["hold", "resend"] = Field(default="hold", description="When the outcome of an attempt is lost")
    unknown_after: Delay | None = Field(
        default=None, description="Seconds that 'hold' waits for a report; None: as the installation is set"
    )
    unknown_then: Literal["give_up", "resend"] = Field(
        default="give_up", description="What becomes of it when no report has come by then"
    )

    route_tags: list[Name] = Field(default_factory=list, max_length=20, description="Routes with one of these tags")
    priority: int = Field(default=50, ge=0, le=100, description="Who gets a person's frequency cap: the higher one")
    capped: Literal["drop", "defer"] = Field(
        default="drop", description="Whoever has had enough messages: leave out, or send once the cap lets it"
    )
    retry_of: str = Field(default="", max_length=200, description="Goes to those whom this ended campaign failed")
    retry_outcomes: list[Literal["given_up", "blocked", "unknown"]] = Field(
        default=["given_up"], min_length=1, max_length=3, description="Which failures of retry_of are tried again"
    )

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_written(cls, said: object) -> object:
        """retry_delays is what retries.transient was called: it is stored in campaigns, and programs send it."""
        if not isinstance(said, dict) or "retry_delays" not in said:
            return said
        said = dict(said)
        delays = said.pop("retry_delays")
        return said if delays is None else {"retries": {"transient": delays}} | said

    @field_validator("lists")
    @classmethod
    def _somebody_is_the_audience(cls, lists: list[str], info: ValidationInfo) -> list[str]:
        if bool(lists or info.data.get("segments")) == (info.data.get("kind") == "transactional"):
            raise ValueError("a campaign needs a list or a segment, a transactional one has none")
        return lists

    @model_validator(mode="after")
    def _fits_its_channel(self) -> Self:
        if self.channel == "email" and len(self.from_email) < 3:
            raise ValueError("an email needs from_email, the address that it comes from")
        if self.fallbacks and self.channel == "email":
            raise ValueError("only messages to phones have fallbacks: an email address is no phone number")
        channels = [self.channel, *(each.channel for each in self.fallbacks)]
        if len(set(channels)) < len(channels):
            raise ValueError("a channel is named twice: each is tried once")
        return self

    @model_validator(mode="after")
    def _transactional_is_at_once(self) -> Self:
        if self.kind == "transactional" and (self.schedule or self.experiment):
            raise ValueError("a transactional campaign has no schedule and no experiment")
        return self


def channels_of(spec: CampaignSpec) -> list[str]:
    """The channels on which a message of *spec* may go out: its own, then those that are tried after it."""
    return [spec.channel, *(each.channel for each in spec.fallbacks)]
