"""The life of a campaign: which command or event leads from which state to which.

A start leads through the stations APPROVAL, SCHEDULED, QUEUED and SEALING. At each the campaign stays only as long as
there is something to wait for; the others it passes in the same step.
"""

from dataclasses import dataclass, field

from app.commands import CampaignEntry, Seal, State, Trial
from app.delivery.campaigns.schedule import is_missed, late_by, start_at
from app.specs import Experiment
from app.things import Account

# In this state, this event leads there. A pair that is missing is refused with 409.
TRANSITIONS: dict[tuple[State, str], State] = {
    ("DRAFT", "start"): "APPROVAL",
    ("DRAFT", "cancel"): "CANCELLED",
    ("APPROVAL", "approve"): "SCHEDULED",
    ("APPROVAL", "update"): "APPROVAL",
    ("APPROVAL", "unschedule"): "DRAFT",
    ("APPROVAL", "cancel"): "CANCELLED",
    ("APPROVAL", "overdue"): "MISSED",
    ("APPROVAL", "expire"): "MISSED",
    ("SCHEDULED", "due"): "QUEUED",
    ("SCHEDULED", "update"): "APPROVAL",  # what was approved is not what it is now
    ("SCHEDULED", "unschedule"): "DRAFT",
    ("SCHEDULED", "cancel"): "CANCELLED",
    ("SCHEDULED", "overdue"): "MISSED",
    ("SCHEDULED", "expire"): "MISSED",
    ("QUEUED", "admit"): "SEALING",
    ("QUEUED", "unschedule"): "DRAFT",
    ("QUEUED", "cancel"): "CANCELLED",
    ("QUEUED", "expire"): "MISSED",
    ("SEALING", "sealed"): "RUNNING",
    ("SEALING", "seal_failed"): "FAILED",
    ("SEALING", "pause"): "PAUSED",
    ("SEALING", "cancel"): "CANCELLED",
    ("RUNNING", "pause"): "PAUSED",
    ("RUNNING", "cancel"): "CANCELLING",
    ("RUNNING", "expire"): "CLOSING",
    ("RUNNING", "all_final"): "COMPLETED",
    ("PAUSED", "resume"): "SEALING",  # passed at once, as a rule: the audience was fixed before
    ("PAUSED", "seal_failed"): "FAILED",
    ("PAUSED", "cancel"): "CANCELLING",
    ("PAUSED", "expire"): "CLOSING",
    ("PAUSED", "all_final"): "COMPLETED",
    ("CANCELLING", "all_final"): "CANCELLED",
    ("CLOSING", "all_final"): "COMPLETED",
}

ENDED: tuple[State, ...] = ("COMPLETED", "CANCELLED", "MISSED", "FAILED")
LIVE: tuple[State, ...] = ("RUNNING", "PAUSED", "CANCELLING", "CLOSING")  # with messages on the road
WAITING: tuple[State, ...] = ("APPROVAL", "SCHEDULED", "QUEUED")  # stations that a campaign leaves by itself
STOPPING: dict[State, str] = {
    "CANCELLING": "cancelled",
    "CLOSING": "expired",
}  # what is left is dropped for this reason

LONG_AHEAD = 86_400.0  # seconds: what is due later than this lies on disk

# Asking again for what is so already is answered 200 and changes nothing.
ALREADY: dict[str, tuple[State, ...]] = {
    "start": ("APPROVAL", "SCHEDULED", "QUEUED", "SEALING", "RUNNING"),
    "unschedule": ("DRAFT",),
    "pause": ("PAUSED",),
    "resume": ("SEALING", "RUNNING"),
    "cancel": ("CANCELLING", "CANCELLED"),
}

# Commands that change a campaign and leave it where it is.
STAYS: dict[str, tuple[State, ...]] = {
    "update": ("DRAFT",),
    "throttle": ("DRAFT", *WAITING, "SEALING", *LIVE),
    "decide": ("RUNNING", "PAUSED"),
    "resolve": ("RUNNING", "PAUSED", "CLOSING"),
    "clone": ("DRAFT", *WAITING, "SEALING", *LIVE, *ENDED),
}
COMMANDS = (
    "start", "update", "unschedule", "approve", "pause", "resume", "cancel", "throttle", "decide", "resolve", "clone",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """What a campaign finds around it."""

    account: Account = field(default_factory=lambda: Account(name="default"))
    room: bool = True  # one more campaign of the account may run, and none has waited longer


def allowed(state: State, experiment: Experiment | None) -> list[str]:
    """The commands that a campaign in *state* obeys: only one with an *experiment* has something to decide."""
    obeyed = [each for each in COMMANDS if (state, each) in TRANSITIONS or state in STAYS.get(each, ())]
    return [each for each in obeyed if each != "decide" or experiment is not None]


def changed(entry: CampaignEntry, **fields: object) -> CampaignEntry:
    """*entry* with other *fields*: its next revision."""
    return entry.model_copy(update={"revision": entry.revision + 1, **fields})


def moved(entry: CampaignEntry, state: State, now: float, reason: str = "") -> CampaignEntry:
    """*entry* in *state*, with the times that go with it: its next revision."""
    fields: dict[str, object] = {"state": state}
    if reason:
        fields["reason"] = reason
    if state in ("DRAFT", "APPROVAL"):
        fields |= {"due_at": None, "queued_at": None, "approved_by": ""}
    if state == "DRAFT":
        fields |= {"started_by": "", "quiet": None}
    if state == "QUEUED":
        fields["queued_at"] = now
    if state == "RUNNING" and entry.started_at is None:
        fields["started_at"] = now
    if state in ENDED:
        fields["finished_at"] = now
    return changed(entry, **fields)


def onward(entry: CampaignEntry, now: float, around: Around) -> CampaignEntry:
    """*entry* past all stations at which it has nothing to wait for; one revision later, if it moves at all."""
    revision = entry.revision
    while True:
        if entry.state == "SCHEDULED" and entry.due_at is None:
            undo = 0.0 if entry.spec.kind == "transactional" else around.account.undo
            entry = changed(entry, due_at=start_at(entry.spec.schedule, now, undo))
        event = _leaves(entry, now, around)
        if not event:
            return entry if entry.revision == revision else entry.model_copy(update={"revision": revision + 1})
        entry = moved(entry, TRANSITIONS[entry.state, event], now, _why(entry, event, now))


def _why(entry: CampaignEntry, event: str, now: float) -> str:
    if event != "overdue":
        return ""
    return f"its time had passed by {late_by(entry.spec.schedule, now):.0f} s when it could have started"


def _leaves(entry: CampaignEntry, now: float, around: Around) -> str:
    """The event by which *entry* leaves its station, "" while it waits there."""
    transactional = entry.spec.kind == "transactional"
    match entry.state:
        case "APPROVAL":
            if is_missed(entry.spec.schedule, 0.0, now):
                return "overdue"
            # A program that sends single messages has nobody who could approve of them.
            waits = around.account.approval and not transactional and not entry.approved_by
            return "" if waits else "approve"
        case "SCHEDULED":
            assert entry.due_at is not None
            if is_missed(entry.spec.schedule, entry.due_at, now):
                return "overdue"
            return "due" if entry.due_at <= now else ""
        case "QUEUED":
            return "admit" if around.room or transactional else ""
        case "SEALING":
            return "sealed" if transactional or entry.seal is not None else ""  # there is no audience to fix
    return ""


def by_itself(entry: CampaignEntry, now: float, around: Around) -> CampaignEntry | None:
    """What time makes of *entry*; None while it stays as it is."""
    over = entry.spec.expires_at
    target = TRANSITIONS.get((entry.state, "expire"))
    if over is not None and over <= now and target is not None:
        return moved(entry, target, now, "" if target == "CLOSING" else "its expires_at passed before it had started")
    after = onward(entry, now, around) if entry.state in WAITING else entry
    return None if after is entry else after


def is_dormant(entry: CampaignEntry, now: float) -> bool:
    """Whether nothing can happen to *entry* for long unless somebody asks for it."""
    later = entry.state == "SCHEDULED" and entry.due_at is not None and entry.due_at > now + LONG_AHEAD
    return entry.state == "DRAFT" or later


def sealed(entry: CampaignEntry, seal: Seal, now: float) -> CampaignEntry | None:
    """*entry* with its audience fixed; None when it does not wait for one (a repeat, or cancelled meanwhile)."""
    if entry.seal is not None or entry.state not in ("SEALING", "PAUSED") or entry.spec.kind == "transactional":
        return None
    fixed: dict[str, object] = {"seal": seal, "trial": Trial() if entry.spec.experiment is not None else None}
    if entry.state == "PAUSED":
        return changed(entry, **fixed)
    return moved(entry, "RUNNING", now).model_copy(update=fixed)


def seal_failed(entry: CampaignEntry, reason: str, now: float) -> CampaignEntry | None:
    """*entry* when its audience cannot be fixed; None when it does not wait for one."""
    target = TRANSITIONS.get((entry.state, "seal_failed"))
    if target is None or entry.seal is not None or entry.spec.kind == "transactional":
        return None
    return moved(entry, target, now, reason)


def expected(entry: CampaignEntry, listed: int, asked: int) -> int | None:
    """Messages that must be final for *entry* to end; None while it goes on whatever becomes of them.

    *listed* reached the gate, *asked* were asked for of its audience.
    """
    if entry.seal is None:
        return listed if entry.state in STOPPING else None
    return asked if entry.state in STOPPING else entry.seal.count
