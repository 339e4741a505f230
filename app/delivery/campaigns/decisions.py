"""What a command does to a campaign: the entry it leads to, or why it is refused."""

from dataclasses import dataclass

from app import ids
from app.commands import CampaignEntry, Command
from app.delivery.campaigns.lifecycle import (
    ALREADY,
    STAYS,
    TRANSITIONS,
    WAITING,
    Around,
    allowed,
    changed,
    moved,
    onward,
)
from app.delivery.campaigns.retry_campaign import why_not, wrong_retry
from app.delivery.campaigns.schedule import is_missed, late_by, start_at
from app.delivery.campaigns.trial import decided
from app.delivery.limits.rates import wrong_burst
from app.delivery.people.windows import leave_no_moment
from app.specs import CampaignSpec, Throttle


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command does. *entry* is None when nothing changes."""

    status: int  # as in HTTP
    entry: CampaignEntry | None = None
    error: str = ""
    field: str = ""
    allowed: tuple[str, ...] = ()  # 409: what the state does allow


def campaign_id(command: Command) -> str:
    """The campaign that *command* changes; one that makes a campaign names it by its idempotency key."""
    if command.kind in ("campaign.create", "campaign.clone"):
        return ids.thing_id("c", command.account, command.id)
    return command.campaign


def decide(
    entry: CampaignEntry | None,
    command: Command,
    now: float,
    around: Around | None = None,
    original: CampaignEntry | None = None,
) -> Decision:
    """Decide on *command*, given the campaign it changes and, for a clone, the *original*."""
    around = around or Around()
    if command.kind == "campaign.create":
        return _create(entry, command, now, around)
    if command.kind == "campaign.clone":
        return _clone(entry, command, now, original, around)
    if entry is None or entry.account != command.account:
        return _unknown(command)
    return _without_change(entry, command) or _carried_out(entry, command, now, around)


def _without_change(entry: CampaignEntry, command: Command) -> Decision | None:
    """The answer to a command that changes nothing: it is so already, or cannot be. None when it can."""
    if command.match is not None and command.match != entry.revision:
        return Decision(412, error=f"the campaign has revision {entry.revision}, not {command.match}", field="match")
    event = command.kind.removeprefix("campaign.")
    if entry.state in ALREADY.get(event, ()):
        return Decision(200)
    if (entry.state, event) in TRANSITIONS or entry.state in STAYS.get(event, ()):
        return None
    text = f"a campaign that is {entry.state} cannot {event}: {_hint(entry, event)}"
    return Decision(409, error=text, field="kind", allowed=tuple(allowed(entry.state, entry.spec.experiment)))


def _carried_out(entry: CampaignEntry, command: Command, now: float, around: Around) -> Decision:
    event = command.kind.removeprefix("campaign.")
    match event:
        case "start":
            return _start(entry, command, now, around)
        case "update":
            return _update(entry, command, now, around)
        case "approve":
            return _approve(entry, command, now, around)
        case "throttle":
            return _throttle(entry, command)
        case "decide":
            return _decide_trial(entry, command)
        case "resolve":
            return _resolve(command)
    return Decision(200, _one_on(entry, onward(moved(entry, TRANSITIONS[entry.state, event], now), now, around)))


def _unknown(command: Command) -> Decision:
    text = f"there is no campaign {command.campaign!r} in account {command.account!r}"
    return Decision(404, error=text, field="campaign")


def _create(entry: CampaignEntry | None, command: Command, now: float, around: Around) -> Decision:
    if entry is not None:
        return Decision(200)
    if command.spec is None:
        return Decision(422, error="campaign.create needs a spec", field="spec")
    wrong = _wrong_throttle(command.spec.throttle)
    if wrong:
        return Decision(422, error=wrong, field="spec.throttle.burst")
    draft = CampaignEntry(
        id=campaign_id(command), account=command.account, state="DRAFT", spec=command.spec, created_at=now
    )
    return _made(draft, command, now, around)


def _made(draft: CampaignEntry, command: Command, now: float, around: Around) -> Decision:
    """The answer to a command that makes *draft*, and starts it if it says so."""
    wrong = wrong_retry(draft.spec)
    if wrong:
        return Decision(422, error=wrong, field="spec.retry_of")
    if not command.start:
        return Decision(201, draft)
    started = _start(draft, command, now, around)
    if started.entry is None:
        return started
    return Decision(201, started.entry.model_copy(update={"revision": 1}))


def _clone(
    entry: CampaignEntry | None, command: Command, now: float, original: CampaignEntry | None, around: Around
) -> Decision:
    """A new campaign. One that only ClickHouse remembers can be cloned by who sends its spec along."""
    if entry is not None:
        return Decision(200)
    if original is not None and original.account != command.account:
        original = None
    spec = command.spec or (original.spec if original is not None else None)
    if spec is None:
        return _unknown(command)
    fresh = spec if command.spec is not None else spec.model_copy(update={"schedule": None, "expires_at": None})
    if original is not None and fresh.retry_of == original.id and (wrong := why_not(original, fresh.retry_outcomes)):
        return Decision(409, error=wrong, field="spec.retry_of", allowed=_allowed(original))
    draft = CampaignEntry(id=campaign_id(command), account=command.account, state="DRAFT", spec=fresh, created_at=now)
    return _made(draft, command, now, around)


def _allowed(entry: CampaignEntry) -> tuple[str, ...]:
    return tuple(allowed(entry.state, entry.spec.experiment))


def _start(entry: CampaignEntry, command: Command, now: float, around: Around) -> Decision:
    wrong = _too_late(entry.spec, now) or _never_open(entry.spec, around)
    if wrong is not None:
        return wrong
    asked = moved(entry, TRANSITIONS["DRAFT", "start"], now)
    asked = asked.model_copy(update={"started_by": command.actor, "quiet": around.account.quiet, "reason": ""})
    return Decision(200, _one_on(entry, onward(asked, now, around)))


def _update(entry: CampaignEntry, command: Command, now: float, around: Around) -> Decision:
    """A new spec. What had been started is asked for again: approved anew, with a new undo delay."""
    if command.spec is None and command.content is None:
        return Decision(422, error="campaign.update needs a spec or a content", field="spec")
    spec = _updated(entry.spec, command)
    wrong = _wrong_throttle(spec.throttle)
    if wrong:
        return Decision(422, error=wrong, field="spec.throttle.burst")
    wrong = wrong_retry(spec)
    if wrong:
        return Decision(422, error=wrong, field="spec.retry_of")
    if entry.state == "DRAFT":
        return Decision(200, changed(entry, spec=spec))
    late = _too_late(spec, now)
    if late is not None:
        return late
    again = moved(entry, TRANSITIONS[entry.state, "update"], now)
    again = onward(again.model_copy(update={"spec": spec, "started_by": command.actor}), now, around)
    if again.state not in WAITING[:2]:
        text = "with this spec the campaign would start at once: unschedule it, update it, and start it"
        return Decision(422, error=text, field="spec.schedule")
    return Decision(200, _one_on(entry, again))


def _updated(old: CampaignSpec, command: Command) -> CampaignSpec:
    """The spec as it shall be. Content of its own stays, unless there is another or a template."""
    spec = command.spec or old
    if command.content is not None:
        return spec.model_copy(update={"content_id": command.content.id, "template_id": "", "template_version": None})
    if not spec.template_id and not spec.content_id:
        return spec.model_copy(update={"content_id": old.content_id})
    return spec


def _approve(entry: CampaignEntry, command: Command, now: float, around: Around) -> Decision:
    if command.actor == entry.started_by:
        text = "whoever started a campaign cannot approve it: use another API key"
        return Decision(403, error=text, field="actor")
    wrong = _too_late(entry.spec, now)
    if wrong is not None:
        return wrong
    approved = moved(entry, TRANSITIONS["APPROVAL", "approve"], now)
    approved = approved.model_copy(update={"approved_by": command.actor})
    return Decision(200, _one_on(entry, onward(approved, now, around)))


def _too_late(spec: CampaignSpec, now: float) -> Decision | None:
    """Why a campaign with *spec* cannot be started any more, or None."""
    if is_missed(spec.schedule, 0.0, now):
        text = f"the scheduled time passed {late_by(spec.schedule, now):.0f} s ago, more than late_after allows"
        return Decision(422, error=f"{text}: choose a later time", field="spec.schedule")
    if spec.expires_at is not None and spec.expires_at <= start_at(spec.schedule, now, 0.0):
        return Decision(
            422, error="the campaign would expire before it starts: move expires_at", field="spec.expires_at"
        )
    return None


def _never_open(spec: CampaignSpec, around: Around) -> Decision | None:
    if spec.kind == "transactional" or not leave_no_moment(spec.window, around.account.quiet):
        return None
    text = "the account's quiet hours leave no moment in which it could send: widen the window, or the account's hours"
    return Decision(422, error=text, field="spec.window")


def _one_on(before: CampaignEntry, after: CampaignEntry) -> CampaignEntry:
    """*after* as the next revision of *before*, however many stations lie between."""
    return after.model_copy(update={"revision": before.revision + 1})


def _decide_trial(entry: CampaignEntry, command: Command) -> Decision:
    if entry.trial is None or entry.spec.experiment is None:
        return Decision(422, error="the campaign has no experiment to decide", field="winner")
    names = [each.name for each in entry.spec.experiment.variants]
    if command.winner not in names:
        return Decision(422, error=f"the variants are {', '.join(names)}", field="winner")
    if entry.trial.phase == "decided":
        if entry.trial.winner == command.winner:
            return Decision(200)
        text = f"the experiment is decided: {entry.trial.winner} has won"
        return Decision(409, error=text, field="winner", allowed=tuple(allowed(entry.state, entry.spec.experiment)))
    return Decision(200, decided(entry, command.winner))


def _resolve(command: Command) -> Decision:
    """Nothing of the campaign changes: what is told goes to its messages."""
    if command.resolution is None:
        return Decision(422, error="campaign.resolve needs a resolution: sent, not_sent or give_up", field="resolution")
    return Decision(200)


def _throttle(entry: CampaignEntry, command: Command) -> Decision:
    if command.throttle is None:
        return Decision(422, error="campaign.throttle needs a throttle", field="throttle")
    wrong = _wrong_throttle(command.throttle)
    if wrong:
        return Decision(422, error=wrong, field="throttle.burst")
    return Decision(200, changed(entry, spec=entry.spec.model_copy(update={"throttle": command.throttle})))


def _wrong_throttle(throttle: Throttle) -> str:
    for name, rates in (("per_group", throttle.per_group), ("per_route", throttle.per_route)):
        if any(not 0 < rate <= 1_000_000 for rate in rates.values()):
            return f"a rate in {name} must be above 0 and at most 1,000,000"
    return wrong_burst(throttle.rate, throttle.burst)


def _hint(entry: CampaignEntry, event: str) -> str:
    match entry.state:
        case "CANCELLING" | "CANCELLED" | "COMPLETED" if event == "resolve":
            return "what became of its messages is decided, nothing of it is unknown any more"
        case "DRAFT":
            return "start it first"
        case "APPROVAL" | "SCHEDULED" | "QUEUED":
            return "it has sent nothing yet: unschedule takes it back to DRAFT, cancel ends it"
        case "SEALING":
            return "its audience is being fixed, try again in a moment"
        case "CANCELLING":
            return "it is being cancelled"
        case "CLOSING":
            return "its time is over, and it ends by itself"
        case "RUNNING" | "PAUSED" if event in ("update", "unschedule", "approve"):
            return "it has started; its limits can still be changed"
        case "RUNNING" | "PAUSED":
            return "see docs/lifecycle.md"
    return "it has ended; clone makes a new one of it"
