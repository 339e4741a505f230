"""Provider routes and limits as people and programs write them in JSON: who carries messages, and how many."""

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from app.provider_accounts import (
    ADAPTERS,
    Mailgun,
    Msg91,
    ProviderConfig,
    SendGrid,
    Ses,
    Smpp,
    SmtpServer,
    Twilio,
    Vonage,
    WhatsAppNumber,
)
from app.specs import Channel, KnownZone, Name, Strict, ZoneName

EVERY = "*"  # each one of its kind that has no limit of its own, with a bucket each
SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
MOST = 1_000_000_000  # messages that a cap or a burst may name
MOST_ON_THE_WAY = 1_000_000  # messages that a concurrency may name
MOST_A_SECOND = 1_000_000
MOST_RATE = 86_400 * MOST_A_SECOND  # of a day
MOST_DAYS = 366  # of a warm-up

Tier = Literal["engaged", "new", "dormant"]  # how a recipient has reacted of late: decided when an audience is sealed

# -- routes


class BreakerRules(Strict):
    """When a route is taken out of service, and how it comes back. Shares are of the answers in *window* seconds."""

    least: int = Field(default=20, ge=1, le=100_000, description="Answers before anything is judged")
    window: float = Field(default=10.0, ge=1, le=3_600, description="Seconds that are looked at")
    errors: float = Field(
        default=0.5, gt=0, le=1, description="Share that failed: no connection, time-outs, service refused"
    )
    bounces: float = Field(default=0.5, gt=0, le=1, description="Share refused or blocked for good")
    silence: float = Field(default=10.0, ge=1, le=3_600, description="Seconds with messages on the way and no answer")
    open_for: float = Field(default=10.0, ge=1, le=86_400, description="Seconds until it is probed; doubles each time")
    longest: float = Field(default=300.0, ge=1, le=86_400, description="Seconds at most until it is probed again")
    probes: int = Field(default=5, ge=1, le=1_000, description="Messages that try it; all must be answered well")


class Route(Strict):
    """One way to send: a provider's account with one sender or IP pool.

    A message may take every route whose conditions it meets; an empty condition is met by all. Of those, a route
    that names more conditions goes first, then the cheaper one; equals share by weight. docs/routes.md.
    """

    name: Name
    channel: Channel = "email"
    provider: Name = Field(default="smtp", description="Whose it is: routes of one provider share its limits")
    pool: str = Field(
        default="", max_length=200, pattern=r"^[^\x00-\x1f\x7f|]*$",
        description="Sender or IP pool: what mailbox providers see. Default: the name of the route",
    )  # fmt: skip
    smtp: SmtpServer | None = Field(default=None, description="Exactly one of these says where messages go")
    ses: Ses | None = None
    sendgrid: SendGrid | None = None
    mailgun: Mailgun | None = None
    twilio: Twilio | None = None
    msg91: Msg91 | None = None
    vonage: Vonage | None = None
    smpp: Smpp | None = None
    whatsapp: WhatsAppNumber | None = None
    enabled: bool = Field(default=True, description="False: it takes nothing new")

    # Whose messages it takes
    accounts: list[Name] = Field(default_factory=list, max_length=1_000)
    groups: list[Name] = Field(default_factory=list, max_length=1_000, description="MX groups or domains")
    countries: list[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]] = Field(
        default_factory=list, max_length=250, description="Of phones: ISO 3166 codes"
    )
    carriers: list[Name] = Field(default_factory=list, max_length=1_000, description="Of phones")
    tags: list[Name] = Field(default_factory=list, max_length=100, description="Campaigns with one of these route_tags")
    tiers: list[Tier] = Field(default_factory=list, max_length=3, description="Recipients by how they have reacted")

    weight: int = Field(default=1, ge=0, le=100, description="Share among equals; 0: only as a fallback of others")
    cost: float = Field(default=0.0, ge=0, le=1_000_000, description="Of 1,000 messages, in whatever currency")
    fallbacks: list[Name] | None = Field(
        default=None, max_length=20,
        description="Who takes over while its breaker is open, in order. None: whichever route comes next; []: nobody",
    )  # fmt: skip
    breaker: BreakerRules = Field(default_factory=BreakerRules)
    adaptive: bool = Field(default=True, description="Slow down where mailbox providers push back")
    report_after: float | None = Field(
        default=None, ge=1, le=2_592_000,
        description="Seconds after which a missing delivery report is fetched; None: as the provider is known",
    )  # fmt: skip
    revision: int = Field(default=1, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_adapter(cls, said: Any) -> Any:
        """The provider is that of the account, where none is named."""
        if not isinstance(said, dict) or "provider" in said:
            return said
        named = [field for field in ADAPTERS if said.get(field) is not None]
        return {**said, "provider": named[0]} if len(named) == 1 else said

    @model_validator(mode="after")
    def _one_account(self) -> Self:
        named = [field for field in ADAPTERS if getattr(self, field) is not None]
        if len(named) != 1:
            told = " and ".join(named) or "none"
            raise ValueError(f"a route has exactly one of {', '.join(ADAPTERS)}: this one has {told}")
        if self.channel not in ADAPTERS[named[0]]:
            raise ValueError(f"{named[0]} carries {' and '.join(ADAPTERS[named[0]])}, not {self.channel}")
        return self

    @property
    def adapter(self) -> str:
        """The field that holds its account: smtp, ses, twilio ..."""
        return next(field for field in ADAPTERS if getattr(self, field) is not None)

    @property
    def config(self) -> ProviderConfig:
        """Where messages go: what stands in the field of its adapter."""
        return getattr(self, self.adapter)  # type: ignore[no-any-return]

    @property
    def sender(self) -> str:
        """The pool that limits, warm-up and adaptive pacing count for."""
        return self.pool or self.name


# -- limits


class WarmUp(Strict):
    """Caps that grow day by day, of a new sender towards a mailbox provider. When they are over, it is warm."""

    begins: date
    caps: list[Annotated[int, Field(ge=1, le=MOST)]] = Field(
        default_factory=list, max_length=MOST_DAYS, description="Messages on day 1, 2 ...; or first, factor and last"
    )
    first: int | None = Field(default=None, ge=1, le=MOST, description="Messages on day 1")
    factor: float = Field(default=2.0, gt=1, le=10, description="From day to day")
    last: int | None = Field(default=None, ge=1, le=MOST, description="It is warm when a day's cap would be above it")

    @model_validator(mode="after")
    def _one_plan(self) -> Self:
        if bool(self.caps) == (self.first is not None):
            raise ValueError("a warm-up has either caps, or first with factor and last")
        if self.first is not None and (self.last is None or self.last < self.first):
            raise ValueError("a warm-up that begins with first needs a last that is not below it")
        return self

    def days(self) -> list[int]:
        """The cap of each of its days."""
        if self.first is None or self.last is None:
            return list(self.caps)
        days: list[int] = []
        cap = float(self.first)
        while cap <= self.last and len(days) < MOST_DAYS:
            days.append(int(cap))
            cap *= self.factor
        return days


LimitScope = Literal["account", "provider", "pool", "route", "group", "country", "carrier", "sender"]


class Allowance(Strict):
    """How many messages a limit lets through."""

    rate: float | None = Field(default=None, gt=0, le=MOST_RATE, description="Messages, of the unit *per*")
    per: Literal["second", "minute", "hour", "day"] = "second"
    burst: float | None = Field(default=None, gt=0, le=MOST, description="Messages at once; default a second of rate")
    concurrency: int | None = Field(default=None, gt=0, le=MOST_ON_THE_WAY, description="Messages on the way at once")
    hourly: int | None = Field(default=None, gt=0, le=MOST, description="Messages in an hour of the clock")
    daily: int | None = Field(default=None, gt=0, le=MOST, description="Messages in a day of the calendar")
    moving_daily: int | None = Field(default=None, gt=0, le=MOST, description="Messages in any 24 hours")
    unit: Literal["messages", "parts", "people"] = Field(
        default="messages",
        description="What rate, burst and caps count: messages, or the SMS that they take. people: moving_daily counts "
        "people, the rest messages",
    )
    warm_up: WarmUp | None = Field(default=None, description="Of a pool or route: caps that grow day by day")
    time_zone: ZoneName = Field(default="UTC", description="In which hours and days begin")
    full: Literal["wait", "overflow"] = Field(
        default="wait", description="What a message does when a route is full by this: wait, or take the next route"
    )

    @model_validator(mode="after")
    def _a_rate_of_this_world(self) -> Self:
        if self.per_second is not None and self.per_second > MOST_A_SECOND:
            raise ValueError(f"a rate is at most {MOST_A_SECOND:,} messages a second")
        return self

    @property
    def per_second(self) -> float | None:
        """The rate in messages a second."""
        return None if self.rate is None else self.rate / SECONDS[self.per]

    @property
    def limits_nothing(self) -> bool:
        """Whether setting it removes what was set."""
        named = (self.rate, self.concurrency, self.hourly, self.daily, self.moving_daily, self.warm_up)
        return all(each is None for each in named)


class LimitSet(Allowance):
    """A limit above campaigns. Everything that counts against it shares it. docs/pacing.md has what goes before what.

    One that limits nothing removes what was set for its scope, name and group.
    """

    scope: LimitScope
    name: Name = Field(description="Which one; '*' is each of them that has no limit of its own")
    group: str = Field(
        default="", max_length=200, pattern=r"^[^\x00-\x1f\x7f|]*$",
        description="Of an account, provider, pool or route: only towards this MX group; '*' is each of them",
    )  # fmt: skip

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is for: scope, name, group."""
        return self.scope, self.name, self.group


_RATE = re.compile(
    r"^\s*([0-9][0-9_,]*(?:\.[0-9]+)?(?:[eE]\+?[0-9]+)?)\s*(?:/\s*(s|sec|second|m|min|minute|h|hour|d|day))?\s*$"
)
_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def rate_in(text: str) -> tuple[float, str]:
    """(rate, unit) of a text such as "200", "200/s", "5,000/hour". ValueError with what to write instead."""
    found = _RATE.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no rate: write 200, 200/s, 30/min, 5000/hour or 100000/day")
    rate = float(found[1].replace(",", "").replace("_", ""))
    if rate > MOST_RATE:
        raise ValueError(f"{text!r} is too much: a rate is at most {MOST_A_SECOND:,} messages a second")
    if not rate:
        raise ValueError(f"{text!r} lets nothing through: to send nothing, pause the campaigns or disable the route")
    return rate, _UNITS[(found[2] or "s")[0]]


def _rate_as_number(value: object) -> object:
    return rate_in(value)[0] if isinstance(value, str) else value


WrittenRate = Annotated[
    float | None,
    BeforeValidator(_rate_as_number),
    WithJsonSchema({
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_RATE},
            {"type": "string", "examples": ["5000/hour"]},
            {"type": "null"},
        ]
    }),
]  # fmt: skip


class AskedAllowance(Allowance):
    """An allowance as people write it: the rate may be a text with its unit, and the time zone must exist."""

    rate: WrittenRate = Field(default=None, gt=0, le=MOST_RATE, description="Messages, of the unit *per*, or 5000/hour")
    time_zone: KnownZone = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _unit_of_text(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("rate"), str):
            return value
        try:
            unit = rate_in(value["rate"])[1]
        except ValueError:
            return value  # the field says so
        if "/" in value["rate"] and value.get("per", unit) != unit:
            raise ValueError(f"the rate {value['rate']!r} names its unit: leave out per, or make it {unit!r}")
        return {**value, "per": unit if "/" in value["rate"] else value.get("per", unit)}


class AskedLimit(AskedAllowance, LimitSet):
    """A limit as people write it."""


_PLAN = re.compile(r"^\s*([0-9_]+)\s*\.\.\s*([0-9_]+)\s*(?:x\s*([0-9.]+))?\s*$")


def warm_up_in(text: str, begins: date) -> WarmUp:
    """The warm-up of a text such as "50,100,200", or "50..20000x2": doubling. ValueError with what to write instead."""
    grown = _PLAN.match(text)
    try:
        if grown is not None:
            first, last, factor = int(grown[1]), int(grown[2]), float(grown[3] or 2)
            return WarmUp(begins=begins, first=first, last=last, factor=factor)
        return WarmUp(begins=begins, caps=[int(each) for each in text.split(",")])
    except ValidationError as error:
        told = (
            error.errors()[0]["msg"].removeprefix("Value error, ").replace("Input should be", "each figure should be")
        )
        raise ValueError(f"{text!r} is no warm-up: {told}") from error
    except ValueError as error:
        raise ValueError(f"{text!r} is no warm-up: write the cap of each day, 50,100,200, or 50..20000x2") from error


# -- notices: what pacing did by itself, and why


class Notice(Strict):
    """One thing that happened to a route, a limit or a sender, for people and alerts. Recorded in ClickHouse."""

    id: str
    at: float
    kind: Literal[
        "breaker_opened", "breaker_probes", "breaker_closed", "slowed", "suspended", "raised", "restored",
        "route_changed", "limit_changed", "warm_up", "warned", "complaints", "bounces", "auth_failures",
        "reports_late", "reports_missing", "reports_back",
    ]  # fmt: skip
    level: Literal["info", "warning", "alert"] = "info"
    route: str = ""
    pool: str = ""
    group: str = ""
    reason: str = Field(max_length=1_000, description="In a sentence, with the figures that decided")
    campaigns: list[str] = Field(default_factory=list, max_length=100, description="Live ones that are concerned")
    accounts: list[str] = Field(default_factory=list, max_length=100, description="Whose *campaigns* are, one by one")
    figures: dict[str, float] = Field(default_factory=dict)


# -- pacing.status: how it stands right now, for pages and commands


class SenderStatus(Strict):
    """How a pool is doing towards an MX group, where it is not just as limits say."""

    pool: str
    group: str
    factor: float = 1.0  # of its rate
    rate: float | None = None  # messages a second in force
    suspended_until: float = 0.0
    reason: str = ""
    since: float = 0.0


class RouteStatus(Strict):
    """A route as pacing sees it now."""

    route: str
    at: float
    state: Literal["closed", "open", "half_open", "disabled"] = "closed"  # of its breaker
    since: float = 0.0
    until: float = 0.0  # open: when it is probed
    reason: str = ""
    speed: float = 0.0  # messages answered a second, of late
    on_the_way: int = 0
    senders: list[SenderStatus] = Field(default_factory=list)
    lag: float | None = None  # seconds within which half of the reports came, of late; None: none with a time came
    lag_most: float | None = None  # the same of 95 %
    reports: Literal["", "late", "missing"] = ""  # how its webhooks do
    reported_at: float = 0.0  # when a report came last
    bounced: float = 0.0  # share of the messages of a day
    complained: float = 0.0


class LimitStatus(Strict):
    """How much of a limit is used."""

    name: str  # of its bucket or cap, as `held` of a campaign tells it
    used: int | None = None  # of a cap, in its hour or day
    most: float | None = None
    resets_at: float | None = None
    on_the_way: int | None = None  # of a concurrency


class HeldStatus(Strict):
    """What keeps the messages of a campaign that could leave now: group -> (messages due, what holds them back)."""

    campaign: str
    at: float
    held: dict[str, tuple[int, str]] = Field(default_factory=dict)
