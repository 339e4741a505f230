"""The verdict on one campaign that was hurt: the judge's figures, and whether the four books tell the same.

The books: the state (web view of pacing), the live page (what the edge shows), ClickHouse, the sink's record.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from app.clickhouse.client import ClickHouseError
from app.delivery.outcomes import DECIDED, FINAL
from tests.chaos.judge import Judgement, judge
from tests.chaos.stage import Stage

BOOK_SECONDS = 90.0  # events are a few seconds behind, more when ClickHouse was away

# Status in ClickHouse -> the counters of the state that make it up.
COUNTERS = {
    "SENT": ("sent",),
    "DELIVERED": ("delivered",),
    "BOUNCED": ("bounced", "given_up"),
    "BLOCKED": ("blocked",),
    "DROPPED": ("dropped",),
    "UNKNOWN": (DECIDED,),
}
STATUS_SQL = "SELECT lower(hex(message_id)), status, class FROM messages WHERE campaign = {campaign:String}"


@dataclass
class Run:
    """What one scenario did to one campaign."""

    name: str
    policy: str
    audience: int
    faults: int = 0
    seconds: float = 0.0
    lost: int = 0
    duplicated: int = 0
    unknown: int = 0
    unknown_never_sent: int = 0
    resolved: int = 0  # unknowns that were decided
    held: int = 0  # set aside as poison
    longest_pause: float = 0.0  # seconds without a message in the sink, before the last one
    most_duplicated: int = 0  # what the policy allows
    mistakes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """No invariant broke."""
        return not self.mistakes and not self.lost and self.duplicated <= self.most_duplicated


@dataclass(frozen=True)
class Campaign:
    """A campaign on the stage."""

    id: str
    name: str
    policy: str
    addresses: list[str]

    def messages(self, stage: Stage) -> dict[str, str]:
        """Address -> message id, worked out without asking Fanfare."""
        return stage.messages_of(stage.entry(self.id), self.addresses)


def verdict(stage: Stage, campaign: Campaign, run: Run) -> Run:
    """Judge an ended campaign, into *run*."""
    expected = set(campaign.messages(stage).values())
    told = _statuses(stage, campaign, len(expected))
    held = {message for message, (_, klass) in told.items() if klass == "poison"}
    sunk = [each for each in stage.sunk() if f"@{campaign.name}." in each.address]
    accepted = [each.message for each in sunk]
    run.longest_pause = round(max((b.at - a.at for a, b in pairwise(sunk)), default=0.0), 1)
    unknown = {message for message, (status, _) in told.items() if status == "UNKNOWN"}
    figures = judge(expected, accepted, unknown, set(stage.refused()) | held)
    run.lost, run.duplicated, run.unknown = figures.lost, figures.duplicated, figures.unknown
    run.unknown_never_sent, run.held = figures.unknown_never_sent, len(held)
    _compare(stage, campaign, run, figures, told, set(accepted))
    return run


def _statuses(stage: Stage, campaign: Campaign, people: int) -> dict[str, tuple[str, str]]:
    """Message -> (status, class) in ClickHouse, once everybody has come to an end there."""
    deadline = time.monotonic() + BOOK_SECONDS
    while True:
        try:
            rows = stage.rows(STATUS_SQL, campaign=campaign.id)
        except (ClickHouseError, OSError):
            rows = []
        told = {message: (status, klass) for message, status, klass in rows}
        ended = sum(status not in ("QUEUED", "DEFERRED") for status, _ in told.values())
        if ended >= people or time.monotonic() > deadline:
            return told
        time.sleep(0.3)


def _compare(
    stage: Stage, campaign: Campaign, run: Run, figures: Judgement, told: dict[str, tuple[str, str]], sunk: set[str]
) -> None:
    """Note in *run* where the books disagree."""
    state = stage.view(f"/campaigns/{campaign.id}/")
    counters = state.get("counters", {})
    run.resolved = counters.get(DECIDED, 0)
    rows = Counter(status for status, _ in told.values())
    for status, names in COUNTERS.items():
        counted = sum(counters.get(name, 0) for name in names)
        if counted != rows[status]:
            run.mistakes.append(f"{status}: {counted} in the state, {rows[status]} in ClickHouse")
    if (final := sum(counters.get(name, 0) for name in FINAL)) != run.audience:
        run.mistakes.append(f"{final} of {run.audience} are final in the state")
    live: dict[str, int] = {}

    def same() -> bool:
        nonlocal live
        live = stage.live(campaign.id).get("counts", {})
        return all(live.get(name, 0) == counters.get(name, 0) for name in (*FINAL, "unknown"))

    try:
        stage.wait_until(same, lambda: f"live page {live}, state {counters}", 20.0)
    except Exception as error:
        run.mistakes.append(str(error))
    taken = {message for message, (status, _) in told.items() if status in ("SENT", "DELIVERED")}
    doubtful = {message for message, (status, _) in told.items() if status == "UNKNOWN"}
    if taken - sunk:
        run.mistakes.append(f"{len(taken - sunk)} told as sent that the sink never had")
    if sunk - taken - doubtful:
        run.mistakes.append(f"{len(sunk - taken - doubtful)} in the sink that are told as something else")
    if figures.foreign:
        run.mistakes.append(f"{figures.foreign} messages in the sink that nobody should have had")
    if run.resolved != run.unknown:
        run.mistakes.append(f"{run.unknown} unknown, {run.resolved} of them decided")
