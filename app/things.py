"""What an account owns besides campaigns: templates, segments, API keys, and its own settings."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, StringConstraints, Tag, field_validator, model_validator

from app.specs import Content, Label, Locale, Moment, Name, Strict, Window, ZoneName, of_form

# -- segments: a filter is a tree of these


class All(Strict):
    """Everybody who passes each of them."""

    all: list["Filter"] = Field(min_length=1, max_length=100)


class AnyOf(Strict):
    """Everybody who passes one of them."""

    any: list["Filter"] = Field(min_length=1, max_length=100)


class Not(Strict):
    """Everybody who does not pass it."""

    model_config = ConfigDict(serialize_by_alias=True)

    not_: "Filter" = Field(alias="not")


Scalar = Annotated[str, StringConstraints(max_length=2_000)] | int | float | bool
LARGEST_NUMBER = 1e300
MOST_VALUES, LONGEST_AGO = 1_000, 36_500  # of `in`; days
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def moment_of(text: str) -> datetime:
    """The moment that an ISO 8601 date, or date and time, stands for; UTC where it names no zone. Raises ValueError."""
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no date such as 2026-03-01 or 2026-03-01T09:30:00Z")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class ByAttribute(Strict):
    """By an attribute of the contact, compared by the type that *value* has. Dates are ISO 8601.

    within_days: at most *value* days ago. exists and missing take no value; `in` takes a list.
    """

    attribute: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    op: Literal[
        "eq", "ne", "in", "gt", "ge", "lt", "le", "contains", "starts", "ends", "exists", "missing",
        "before", "after", "within_days",
    ]  # fmt: skip
    value: Scalar | list[Scalar] | None = None

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        wrong = _wrong_value(self.op, self.value)
        if wrong:
            raise ValueError(f"{self.op} {wrong}")
        return self


def _wrong_value(op: str, value: Scalar | list[Scalar] | None) -> str:
    """What *op* wants instead of *value*, or ""."""
    values = value if isinstance(value, list) else [value]
    numbers = [each for each in values if isinstance(each, int | float)]
    if any(abs(each) > LARGEST_NUMBER for each in numbers):
        return "compares with numbers up to 1e300"
    if any(isinstance(each, str) and re.search("[\0\ud800-\udfff]", each) for each in values):
        return "compares with text of Unicode characters, without NUL"
    match op:
        case "in":
            fits, wants = isinstance(value, list) and 0 < len(value) <= MOST_VALUES, f"takes 1 to {MOST_VALUES} values"
        case "exists" | "missing":
            fits, wants = value is None, "takes no value"
        case "eq" | "ne":
            fits, wants = value is not None and not isinstance(value, list), "takes one value"
        case "gt" | "ge" | "lt" | "le":
            fits, wants = isinstance(value, str | int | float) and not isinstance(value, bool), "takes a number or text"
        case "contains" | "starts" | "ends":
            fits, wants = isinstance(value, str) and value != "", "takes a text"
        case "within_days":
            ago = len(numbers) == 1 and not isinstance(value, list | bool) and 0 <= numbers[0] <= LONGEST_AGO
            fits, wants = ago, f"takes days, 0 to {LONGEST_AGO}"
        case _:
            fits, wants = _is_date(value), "takes a date such as 2026-03-01 or 2026-03-01T09:30:00Z"
    return "" if fits else wants


def _is_date(value: Scalar | list[Scalar] | None) -> bool:
    try:
        return isinstance(value, str) and moment_of(value) is not None
    except ValueError:
        return False


class ByList(Strict):
    """By membership of a list."""

    list: Label
    consent_within_days: int | None = Field(default=None, ge=1, le=36_500)


class ByEngagement(Strict):
    """By what people did with earlier messages: opened in the last 30 days."""

    engaged: Literal["sent", "delivered", "opened", "clicked", "bounced", "unsubscribed"]
    within_days: int = Field(default=30, ge=1, le=90, description="Events are kept for 90 days")
    campaign: str = Field(default="", max_length=200, description="Of this campaign only")
    times: int = Field(default=1, ge=1, le=10_000, description="At least so often")


KINDS = ("all", "any", "not", "attribute", "list", "engaged")


def _kind_of(value: Any) -> str | None:
    """The tag of a filter: the field that only its kind has. Fields of errors leave out what stands in parentheses."""
    names = value if isinstance(value, dict) else {each.removesuffix("_") for each in dir(value)}
    return next((f"({kind})" for kind in KINDS if kind in names), None)


Filter = Annotated[
    Annotated[All, Tag("(all)")]
    | Annotated[AnyOf, Tag("(any)")]
    | Annotated[Not, Tag("(not)")]
    | Annotated[ByAttribute, Tag("(attribute)")]
    | Annotated[ByList, Tag("(list)")]
    | Annotated[ByEngagement, Tag("(engaged)")],
    Discriminator(
        _kind_of,
        custom_error_type="filter_kind",
        custom_error_message=f"a filter is an object with one of the fields {', '.join(KINDS)}",
    ),
]
DEEPEST, MOST_NODES, LARGEST_FILTER = 12, 300, 65_536  # of a filter; bytes of JSON


def nodes_of(tree: Filter, depth: int = 1) -> tuple[int, int]:
    """(nodes, depth) of *tree*."""
    match tree:
        case All(all=children) | AnyOf(any=children):
            found = [nodes_of(each, depth + 1) for each in children]
        case Not(not_=child):
            found = [nodes_of(child, depth + 1)]
        case _:
            return 1, depth
    return 1 + sum(n for n, _ in found), max(d for _, d in found)


class SegmentDraft(Strict):
    """A segment as people write it."""

    name: Label
    filter: Filter

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        nodes, depth = nodes_of(self.filter)
        if nodes > MOST_NODES or depth > DEEPEST:
            raise ValueError(f"a filter of {nodes} nodes, {depth} deep: the most is {MOST_NODES} nodes, {DEEPEST} deep")
        size = len(self.filter.model_dump_json())
        if size > LARGEST_FILTER:
            raise ValueError(f"a filter of {size} bytes: the most is {LARGEST_FILTER}")
        return self


class Segment(SegmentDraft):
    """A stored segment. *revision* counts its changes from 1."""

    id: Name
    account: Name
    revision: int = 1
    created_at: Moment
    changed_at: Moment


# -- templates


class TemplateDraft(Strict):
    """A template as people write it; each change makes a new version, and old ones stay."""

    name: Label
    content: Content


class TemplateHead(Strict):
    """A version of a template without its content: what its owner decides on and answers with."""

    id: Name
    account: Name
    name: Label
    version: int = 1
    created_at: Moment
    changed_at: Moment
    parts: list[str] = Field(default_factory=list)  # which its content has: subject, html ...


class Template(TemplateHead):
    """A stored template. *version* counts from 1; *content* is that version's, as it will be sent."""

    content: Content


# -- keys and accounts

SCOPES = (
    "operator",  # as admin, and what holds in every account; only the command line gives it
    "admin",  # everything of the account, keys and settings too
    "read",  # every GET
    "write",  # everything but keys and account settings
    "campaigns",
    "contacts",
    "templates",
    "messages",
    "suppressions",
)
Scope = Literal["operator", "admin", "read", "write", "campaigns", "contacts", "templates", "messages", "suppressions"]


class ApiKey(Strict):
    """An API key. The secret is shown once when it is made; *hash* is SHA-256 of it in hex."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{8,32}$")]
    account: Name
    name: str = Field(default="", max_length=200)
    hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    scopes: list[Scope] = Field(min_length=1, max_length=len(SCOPES))
    rate: float = Field(default=5_000.0, gt=0, le=1_000_000, description="Requests a second of one edge")
    created_at: Moment
    expires_at: Moment | None = None
    revoked_at: Moment | None = None


class FrequencyCap(Strict):
    """At most so many messages to one person in a time, over all campaigns and channels of an account."""

    messages: int = Field(ge=1, le=100)
    window: float = Field(ge=60, le=31 * 86_400, description="Seconds; it slides")
    channels: list[Literal["email", "sms", "whatsapp", "voice"]] = Field(
        default_factory=list, max_length=4, description="Only messages by these count; none: all"
    )

    def counts_all_of(self, other: "FrequencyCap") -> bool:
        """Whether what *other* counts counts here, too."""
        return not self.channels or (bool(other.channels) and set(other.channels) <= set(self.channels))


def idle_cap(caps: list[FrequencyCap]) -> tuple[FrequencyCap, FrequencyCap] | None:
    """(a cap that never decides, the one because of which), or None."""
    for at, cap in enumerate(caps):
        for number, other in enumerate(caps):
            tighter = other.window >= cap.window and other.messages <= cap.messages and other.counts_all_of(cap)
            same = tighter and other.window == cap.window and other.messages == cap.messages
            if number != at and tighter and not (same and cap.counts_all_of(other) and number > at):
                return cap, other
    return None


SENDER = r"^(\+?\d{3,15}|[A-Za-z0-9 ]{1,11})$"


class NumberPool(Strict):
    """Numbers or sender ids of one kind: each recipient hears from the same one for as long as it is there."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,50}$")]
    senders: list[
        Annotated[
            str,
            StringConstraints(pattern=SENDER),
            of_form(SENDER, "a number with +, a short code, or a sender id of up to 11 letters, digits and blanks"),
        ]
    ] = Field(
        min_length=1, max_length=1_000, description="+15005550006, a short code, or a sender id of up to 11 characters"
    )
    countries: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], list[str]] = Field(
        default_factory=dict, max_length=250, description="Which of them for which country; others: all of *senders*"
    )


Answers = dict[
    Locale, Annotated[str, StringConstraints(min_length=1, max_length=480, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
]


class Account(Strict):
    """How an account wants its campaigns to be run."""

    name: Name
    running: int = Field(default=500, ge=1, le=100_000, description="Campaigns that run at once; others are QUEUED")
    approval: bool = Field(default=False, description="A start needs the approval of a second API key")
    undo: float = Field(default=0.0, ge=0, le=86_400, description="Seconds in which a start can be undone")
    quiet: Window | None = Field(default=None, description="Hours in which nobody is sent a campaign")
    time_zone: ZoneName = "UTC"
    weight: int = Field(default=1, ge=1, le=100, description="Share of what accounts compete for")
    frequency_caps: list[FrequencyCap] = Field(
        default_factory=list, max_length=5, description="Of what one person gets from all campaigns"
    )
    number_pools: list[NumberPool] = Field(default_factory=list, max_length=50)
    suppress: Literal["account", "global"] = Field(
        default="account", description="Whom a hard bounce or a complaint keeps from writing: this account, or all"
    )
    help_text: Answers = Field(default_factory=dict, max_length=50, description="Answer to HELP, by language")
    stop_text: Answers = Field(default_factory=dict, max_length=50, description="Answer to STOP; {}: none")
    start_text: Answers = Field(default_factory=dict, max_length=50, description="Answer to START; {}: none")
    revision: int = 1

    @field_validator("frequency_caps")
    @classmethod
    def _each_decides(cls, caps: list[FrequencyCap]) -> list[FrequencyCap]:
        idle = idle_cap(caps)
        if idle is not None:
            cap, other = idle
            raise ValueError(
                f"{cap.messages} in {cap.window:g} s never decides: {other.messages} in {other.window:g} s is tighter"
            )
        return caps


ThingKind = Literal["campaign", "template", "segment", "notice", "inbound"]


class ThingRecord(Strict):
    """thing.recorded: one version of a thing, for ClickHouse and for edges. *body* is its JSON."""

    kind: ThingKind
    account: str
    id: str
    version: int  # of one id always rising: the revision of a campaign or segment, the version of a template
    deleted: bool = False
    at: float
    body: dict[str, Any] = Field(default_factory=dict)


# -- audiences


class AudiencePlan(Strict):
    """seal.requested: whom a campaign goes to, with its segments as they were at the start."""

    lists: list[str] = Field(default_factory=list)
    segments: list[Filter] = Field(default_factory=list)
    exclude_lists: list[str] = Field(default_factory=list)
    exclude_segments: list[Filter] = Field(default_factory=list)
    segment_ids: list[str] = Field(default_factory=list)  # names of *segments* for people, in their order
    exclude_segment_ids: list[str] = Field(default_factory=list)
    test_share: float = 0.0  # of an experiment; by a hash of campaign and recipient
    variants: int = 0
    holdout: float = 0.0
    local: str = ""  # wall time at which it is due where the recipient is, "" for at once
    zones: bool = False  # rows carry the time zone of the recipient: a window needs it
    time_zone: str = "UTC"  # of people who have none
    domains: list[str] = Field(default_factory=list)  # that limits name: each is a group of its own
    tiers: bool = False  # whether rows tell how people have reacted of late: a route asks for it
    retry_of: str = ""  # instead of all that: to those whom this campaign has failed ...
    retry_outcomes: list[str] = Field(default_factory=list)  # ... in one of these ways
    consent: str = ""  # to phones: "given" (who said yes), "not_refused" (who did not say no); "" asks nobody
