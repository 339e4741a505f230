"""What is known of a message, and its story as it is told: the two ends of explain."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from app.commands import CampaignEntry
from app.delivery.limits.words import Rates, no_rate
from app.delivery.outcomes import EventKind, Status
from app.routes import Notice

FINAL = set(Status) - {Status.QUEUED, Status.DEFERRED, Status.UNKNOWN}
HITS = (
    EventKind.OPENED, EventKind.CLICKED, EventKind.READ, EventKind.COMPLAINED, EventKind.UNSUBSCRIBED,
    EventKind.RESUBSCRIBED,
)  # fmt: skip
DECIDED = "decided"  # class of an unknown outcome that nobody waits for any more


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the message, as it is stored."""

    kind: str
    at: float
    attempt: int = 0
    group: str = ""
    route: str = ""
    code: int = 0
    klass: str = ""
    detail: str = ""
    why: str = ""
    channel: str = "email"


@dataclass(frozen=True, slots=True)
class StateAt:
    """A state that its campaign came to."""

    state: str
    at: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A suppression of the recipient, of these days or one that was taken back since."""

    scope: str
    scope_id: str
    reason: str
    source: str
    since: float
    channel: str = ""  # "": whatever reaches this address or number


@dataclass(frozen=True, slots=True)
class Seat:
    """The recipient's row in the fixed audience. *reason* is why they were left out, "" for who is in it."""

    sealed_at: float
    row: int = 0
    reason: str = ""
    due: float = 0.0
    lists: tuple[str, ...] = ()  # of the campaign, on which they were then


@dataclass(frozen=True, slots=True)
class Held:
    """What pacing says of the class of the message: how many of it could leave, and what holds them back."""

    due: int
    held_by: str
    at: float


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a message."""

    message: str
    campaign: str
    status: str
    events: Sequence[Event]
    now: float
    recipient: str = ""
    address: str = ""
    entry: CampaignEntry | None = None
    states: Sequence[StateAt] = ()
    suppressions: Sequence[Suppressed] = ()
    seat: Seat | None = None
    other: tuple[str, float] | None = None  # campaign and time of the message that a duplicate repeats
    notices: Sequence[Notice] = ()
    held: Held | None = None
    rates: Rates = no_rate
    resets: Mapping[str, float] = field(default_factory=dict)  # name of a cap -> when its hour or day ends
    unknown_after: float = 0.0  # seconds that an unknown outcome is held, as the installation is set


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline. *rule*: what decided; *limit*: name of a meter; *figures*: what it was decided on."""

    at: float
    kind: str
    text: str
    rule: str = ""
    route: str = ""
    limit: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a message waits for. *due* 0: for its turn; *estimate*: seconds, None where nobody can tell."""

    held_by: str
    text: str
    since: float
    due: float = 0.0
    ahead: int = 0  # messages that could leave, itself among them
    estimate: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A message explained."""

    message: str
    campaign: str
    recipient: str
    address: str
    state: str
    final: bool
    summary: str
    steps: list[Step]
    waiting: Waiting | None

    def as_json(self) -> dict[str, Any]:
        """For programs; moments are seconds since 1970."""
        return asdict(self)


def is_final(status: str, events: Sequence[Event]) -> bool:
    """Whether nothing more will be sent of it."""
    if status == Status.UNKNOWN:
        return any(each.kind == EventKind.UNKNOWN and each.klass == DECIDED for each in events)
    return status in FINAL
