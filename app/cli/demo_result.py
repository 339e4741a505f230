"""What became of a demo campaign, judged from the sink's own record. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.local.sink_read import Accepted, duplicates

# The first part of the name of a final counter -> the status it stands for.
STATUSES = {
    "sent": "SENT", "delivered": "DELIVERED", "bounced": "BOUNCED", "blocked": "BLOCKED", "given_up": "DEFERRED",
    "dropped": "DROPPED", "unknown": "UNKNOWN",
}  # fmt: skip
BULK_SHARE = 0.98  # the rest are retries, which wait as long as they were told to


@dataclass(frozen=True, slots=True)
class DemoResult:
    """One demo. *seconds* lie between the first and the last message that the sink accepted."""

    campaign: str
    audience: int
    accepted: int  # people the sink took a message for
    refused: int  # people the sink turned away for good
    lost: int  # neither of these, nor told of as dropped, unknown or given up
    duplicated: int  # messages beyond a person's first
    unknown: int
    seconds: float
    messages_per_second: float
    bulk_seconds: float  # until 98 % of them were accepted
    counts: Mapping[str, int]

    @property
    def by_status(self) -> dict[str, int]:
        """Status -> messages, as Fanfare counted them."""
        return {status: self.counts.get(name, 0) for name, status in STATUSES.items()}


def judge(
    campaign: str, messages: Iterable[str], accepted: list[Accepted], refused: Iterable[str], counts: Mapping[str, int]
) -> DemoResult:
    """The result of a campaign to *messages* (ids, one a person), from what the sink wrote and Fanfare's own *counts*.

    People whom Fanfare says it did not write to, or whose outcome it does not know, are told of, not lost.
    """
    wanted = set(messages)
    taken = [each for each in accepted if each.message in wanted]
    reached = {each.message for each in taken}
    turned_away = (set(refused) & wanted) - reached
    told = sum(counts.get(name, 0) for name in ("dropped", "unknown", "given_up"))
    times = sorted(each.at for each in taken)
    seconds = times[-1] - times[0] if times else 0.0
    return DemoResult(
        campaign=campaign,
        audience=len(wanted),
        accepted=len(reached),
        refused=len(turned_away),
        lost=max(0, len(wanted) - len(reached) - len(turned_away) - told),
        duplicated=sum(count - 1 for count in duplicates(taken).values()),
        unknown=counts.get("unknown", 0),
        seconds=round(seconds, 2),
        messages_per_second=round(len(taken) / seconds, 1) if seconds else 0.0,
        bulk_seconds=round(times[int(len(times) * BULK_SHARE) - 1] - times[0], 2) if len(times) > 1 else 0.0,
        counts=dict(counts),
    )
