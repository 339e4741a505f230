"""The life of a campaign: which command or event leads from which state to which."""

from dataclasses import dataclass

from app import ids
from app.commands import CampaignEntry, Command, LimitSet, Seal, State
from app.delivery.rates import least_burst
from app.specs import Throttle

# In this state, this event leads there. A pair that is missing is refused with 409.
TRANSITIONS: dict[tuple[State, str], State] = {
    ("DRAFT", "start"): "SEALING",
    ("DRAFT", "cancel"): "CANCELLED",
    ("SEALING", "sealed"): "RUNNING",
    ("SEALING", "seal_failed"): "FAILED",
    ("SEALING", "cancel"): "CANCELLED",
    ("RUNNING", "pause"): "PAUSED",
    ("RUNNING", "cancel"): "CANCELLING",
    ("RUNNING", "all_final"): "COMPLETED",
    ("PAUSED", "resume"): "RUNNING",
    ("PAUSED", "cancel"): "CANCELLING",
    ("PAUSED", "all_final"): "COMPLETED",
    ("CANCELLING", "all_final"): "CANCELLED",
}

# Asking again for what is so already is answered 200 and changes nothing.
ALREADY: dict[str, tuple[State, ...]] = {
    "start": ("SEALING", "RUNNING"),
    "pause": ("PAUSED",),
    "resume": ("RUNNING",),
    "cancel": ("CANCELLING", "CANCELLED"),
}

ENDED: tuple[State, ...] = ("COMPLETED", "CANCELLED", "FAILED")
LIVE: tuple[State, ...] = ("RUNNING", "PAUSED", "CANCELLING")


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command does. *entry* is None when nothing changes."""

    status: int  # as in HTTP
    entry: CampaignEntry | None = None
    limit: LimitSet | None = None
    error: str = ""
    field: str = ""


def campaign_id(command: Command) -> str:
    """The campaign that *command* is about; a create names its own by its idempotency key."""
    if command.kind == "campaign.create":
        return ids.thing_id("c", command.account, command.id)
    return command.campaign


def decide(entry: CampaignEntry | None, command: Command, now: float) -> Decision:
    """Decide on *command*, given the campaign it names."""
    if command.kind == "limit.set":
        return _limit(command)
    if command.kind == "campaign.create":
        return _create(entry, command, now)
    if entry is None or entry.account != command.account:
        return Decision(
            404, error=f"there is no campaign {command.campaign!r} in account {command.account!r}", field="campaign"
        )
    if command.kind == "campaign.throttle":
        return _throttle(entry, command)
    event = command.kind.removeprefix("campaign.")
    if entry.state in ALREADY.get(event, ()):
        return Decision(200)
    target = TRANSITIONS.get((entry.state, event))
    if target is None:
        return Decision(
            409, error=f"a campaign that is {entry.state} cannot {event}: {_hint(entry.state)}", field="kind"
        )
    return Decision(200, moved(entry, _without_seal(entry, target), now))


def _without_seal(entry: CampaignEntry, state: State) -> State:
    """*state*, but RUNNING at once where there is no audience to fix."""
    return "RUNNING" if state == "SEALING" and entry.spec.kind == "transactional" else state


def expected(entry: CampaignEntry, listed: int, asked: int) -> int | None:
    """Messages that must be final for *entry* to end; None while it goes on whatever becomes of them.

    *listed* reached the gate, *asked* were asked for of its audience.
    """
    if entry.seal is None:
        return listed if entry.state == "CANCELLING" else None
    return asked if entry.state == "CANCELLING" else entry.seal.count


def moved(entry: CampaignEntry, state: State, now: float) -> CampaignEntry:
    """*entry* in *state*, with the times that go with it."""
    times: dict[str, float] = {}
    if state == "RUNNING" and entry.started_at is None:
        times["started_at"] = now
    if state in ENDED:
        times["finished_at"] = now
    return entry.model_copy(update={"state": state} | times)


def sealed(entry: CampaignEntry, seal: Seal, now: float) -> CampaignEntry | None:
    """*entry* with its audience fixed; None when it does not wait for one (a repeat, or cancelled meanwhile)."""
    if entry.state != "SEALING":
        return None
    return moved(entry, "RUNNING", now).model_copy(update={"seal": seal})


def _create(entry: CampaignEntry | None, command: Command, now: float) -> Decision:
    if entry is not None:
        return Decision(200)
    if command.spec is None:
        return Decision(422, error="campaign.create needs a spec", field="spec")
    wrong = _wrong_throttle(command.spec.throttle)
    if wrong:
        return Decision(422, error=wrong, field="spec.throttle.burst")
    created = CampaignEntry(
        id=campaign_id(command), account=command.account, state="DRAFT", spec=command.spec, created_at=now
    )
    return Decision(201, moved(created, _without_seal(created, "SEALING"), now) if command.start else created)


def _throttle(entry: CampaignEntry, command: Command) -> Decision:
    if command.throttle is None:
        return Decision(422, error="campaign.throttle needs a throttle", field="throttle")
    wrong = _wrong_throttle(command.throttle)
    if wrong:
        return Decision(422, error=wrong, field="throttle.burst")
    if entry.state in ENDED:
        return Decision(409, error=f"the campaign is {entry.state}: its limits no longer matter", field="campaign")
    return Decision(
        200, entry.model_copy(update={"spec": entry.spec.model_copy(update={"throttle": command.throttle})})
    )


def _limit(command: Command) -> Decision:
    if command.limit is None:
        return Decision(422, error="limit.set needs a limit", field="limit")
    wrong = _wrong_burst(command.limit.rate, command.limit.burst)
    return Decision(422, error=wrong, field="limit.burst") if wrong else Decision(200, limit=command.limit)


def _wrong_throttle(throttle: Throttle) -> str:
    if any(not 0 < rate <= 1_000_000 for rate in throttle.per_group.values()):
        return "a rate in per_group must be above 0 and at most 1,000,000"
    return _wrong_burst(throttle.rate, throttle.burst)


def _wrong_burst(rate: float | None, burst: float | None) -> str:
    if burst is None:
        return ""
    if rate is None:
        return "a burst needs a rate"
    least = least_burst(rate)
    return "" if burst >= least else f"a burst below 1 + 0.3 x rate = {least:g} cannot be kept exactly: raise it"


def _hint(state: State) -> str:
    return {
        "DRAFT": "start it first",
        "SEALING": "its audience is being fixed, try again in a moment",
        "CANCELLING": "it is being cancelled",
    }.get(state, "it has ended" if state in ENDED else "see docs/lifecycle.md")
