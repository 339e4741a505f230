"""Commands, answers and directory entries: the JSON that people and programs publish and read."""

import time
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, StringConstraints

from app.routes import LimitSet, Route
from app.specs import CampaignSpec, Content, Name, Strict, Throttle, Window
from app.things import Account, ApiKey, SegmentDraft, TemplateDraft

MOST_COMMAND_BYTES = 2_000_000  # of a command as JSON: below what its topics take in one record


class Section(NamedTuple):
    """Rows of an audience that stand side by side: of one MX group and tier, due at one moment (0: at once)."""

    group: str
    rows: int
    due: float = 0.0
    test: bool = False  # part of the sample of an experiment
    tier: str = ""


class Seal(Strict):
    """A fixed audience. *groups* are its sections in the order of the rows, those of a test first.

    *left_out* counts people of the lists and segments who are not in it, by reason.
    """

    id: str
    count: int = Field(ge=1, le=0xFFFF_FFFF)
    digest: str
    day: int = Field(ge=0, le=0xFFFF)
    groups: list[Section]
    left_out: dict[str, int] = Field(default_factory=dict)


# docs/lifecycle.md draws them; app/delivery/campaigns/lifecycle.py has the table of what leads where.
State = Literal[
    "DRAFT",
    "APPROVAL",  # started, waits for the approval of a second key
    "SCHEDULED",  # waits for its time, or for the end of the undo delay
    "QUEUED",  # due, waits until fewer campaigns of its account run
    "SEALING",  # its audience is being fixed
    "RUNNING",
    "PAUSED",
    "CANCELLING",
    "CANCELLED",
    "CLOSING",  # its time is over: who still waits is dropped as expired
    "COMPLETED",
    "MISSED",  # its time had come while nothing ran, too long ago
    "FAILED",
]


class Trial(Strict):
    """Where an experiment stands."""

    phase: Literal["testing", "waiting", "decided"] = "testing"
    decide_at: float | None = None  # once all of the test is final
    winner: str = ""
    results: dict[str, dict[str, int]] = Field(default_factory=dict)  # variant -> sent, opens, clicks, unsubscribes


class CampaignEntry(Strict):
    """campaign.changed: a campaign as every process knows it."""

    id: str
    account: str
    state: State
    run: int = 1
    version: int = 1  # of the spec: senders wait for the one that a release names
    revision: int = 1  # counts every change of this entry
    spec: CampaignSpec
    contents: dict[str, str] = Field(default_factory=dict)  # variant -> content id, "" is what is not tested; at start
    seal: Seal | None = None
    trial: Trial | None = None
    reason: str = ""
    counters: dict[str, int] = Field(default_factory=dict)  # final ones, once it has ended
    created_at: float
    due_at: float | None = None  # SCHEDULED: when it moves on
    queued_at: float | None = None
    started_by: str = ""  # the API key that asked for the start, "" for the operator
    approved_by: str = ""
    quiet: Window | None = None  # of its account, as it was at the start
    started_at: float | None = None
    finished_at: float | None = None


CommandKind = Literal[
    "campaign.create",
    "campaign.start",
    "campaign.pause",
    "campaign.resume",
    "campaign.cancel",
    "campaign.throttle",
    "campaign.update",  # a new spec or content, before it has started
    "campaign.unschedule",  # back to DRAFT: undo a start
    "campaign.approve",
    "campaign.clone",
    "campaign.decide",  # the winner of an experiment, by hand
    "campaign.resolve",  # what became of messages whose outcome was lost, as somebody found out
    "limit.set",
    "route.set",
    "route.delete",
    "route.open",  # take it out of service by hand, as its breaker would; it stays so
    "route.close",  # back into service
    "template.create",
    "template.update",
    "template.delete",
    "segment.create",
    "segment.update",
    "segment.delete",
    "key.create",
    "key.revoke",
    "account.set",
    "answer.find",  # what was answered under this id before, 404 when nothing was
    "answer.keep",  # keep *kept* as the answer under this id; the first one stays
]


class Command(Strict):
    """campaign.commanded: what a person or program asks for.

    The *id* is the idempotency key: the same id and body get the same answer for 24 hours.
    """

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    account: Name = "default"
    kind: CommandKind
    campaign: str = Field(default="", max_length=200)  # every campaign.* but create
    spec: CampaignSpec | None = None  # campaign.create
    content: Content | None = None  # campaign.create
    start: bool = Field(default=False, description="campaign.create: start it at once")
    throttle: Throttle | None = None  # campaign.throttle
    limit: LimitSet | None = None  # limit.set
    route: Route | None = None  # route.set; *thing* names it for the others
    resolution: "Resolution | None" = None  # campaign.resolve
    thing: str = Field(default="", max_length=200)  # id of the template, segment, key or route; the one to clone
    template: TemplateDraft | None = None
    segment: SegmentDraft | None = None
    key: ApiKey | None = None
    settings: Account | None = None  # account.set
    winner: str = Field(default="", max_length=20)  # campaign.decide
    match: int | None = Field(default=None, ge=1, description="Only if it has this revision (or version), else 412")
    actor: str = Field(default="", max_length=200)  # the API key that asks, "" for the operator
    kept: "Kept | None" = None
    reason: str = Field(default="", max_length=500, description="route.open, route.close: why, for people")


class Resolution(Strict):
    """campaign.resolve: what became of messages whose outcome was lost."""

    outcome: Literal["sent", "not_sent", "give_up"] = Field(
        description="sent: it had gone out; not_sent: it is sent again; give_up: nobody will learn"
    )
    messages: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]] = Field(
        default_factory=list, max_length=10_000, description="Ids; none: all of the campaign"
    )


class Kept(Strict):
    """What an edge answered to a POST that no plane decides on: told again when the same request comes again.

    answer.find brings none and is answered with `thing` = what is kept (200), 404 when nothing is, 422 when the id
    was that of a command. answer.keep is answered with `thing` = what stays. The edge compares the hashes.
    """

    hash: str = Field(max_length=64)  # of the request's body
    status: int
    body: dict[str, Any]
    headers: dict[str, str] = Field(default_factory=dict)


class Accepted(Strict):
    """command.accepted: a checked command on its way to its owner, or a message between planes."""

    command: Command | None = None
    fingerprint: str = ""  # of the command as it was asked, before the door has worked on it; "" is that of *command*
    sealed: Seal | None = None  # the audience of *campaign* is fixed
    seal_failed: str = ""  # why it could not be
    trial: Trial | None = None  # the results of the test of *campaign*, and its winner
    campaign: str = ""
    at: float = Field(default_factory=time.time)


class Answer(Strict):
    """command.answered: what the owner decided.

    Two may ask under one id at a time: *fingerprint* is of the command that is answered, "" where it could not be read.
    *position* is the offset to wait for in *topic* to read what was written, -1 when nothing was. *thing* is what was
    made, changed or found: a template without its content, a key without its hash, a campaign without its seal.
    """

    id: str
    account: str
    status: int  # as in HTTP: 200, 201, 404, 409, 412, 422
    campaign: str = ""
    state: str = ""
    error: str = ""
    field: str = ""
    fingerprint: str = ""
    position: int = -1
    topic: str = "campaign.changed"
    partition: int = 0
    allowed: list[str] = Field(default_factory=list)  # 409: what the state does allow
    thing: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)  # what whoever asked should know about what was done
