"""What the recipients table need not keep any longer. Decided by age, with days to spare.

A pack comes again only within moments of a restart, because what was not committed comes first then; a
late report on a message comes within some days. A sighting under a dedup key that campaigns share counts
for as long as the longest window that a campaign may ask for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from app.delivery.gate import is_shared
from app.delivery.partition import Partition
from app.delivery.people.frequency import Touch

DAY = 86_400.0
SETTLING = 600.0  # seconds after a recovery in which nothing is swept: what comes again has come by then
KEEP_VERDICTS = 14 * DAY
KEEP_DAYS = 30  # of messages and of sightings that only their own campaign looks at
KEEP_SHARED = 373 * DAY  # the longest dedup window, a year, and a week
KEEP_TOUCHES = 33 * DAY  # the longest window of a frequency cap, and two days


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to where things are old. *first_day* is the first day (since 1970) whose messages are kept."""

    now: float
    first_day: int


def horizon(now: float, live_days: Iterable[int]) -> Horizon:
    """What is old at *now*; *live_days* are the seal days of the campaigns that have not ended."""
    return Horizon(now, min([int(now // DAY) - KEEP_DAYS, *live_days]))


def is_old_verdict(at: float, old: Horizon) -> bool:
    """Whether no pack can come again that was decided on at *at*."""
    return at < old.now - KEEP_VERDICTS


def is_old_sighting(key: bytes, message: bytes, at: float, old: Horizon) -> bool:
    """Whether no campaign can ask any more for a sighting of *message* under *key* at *at*."""
    if is_shared(key):
        return at < old.now - KEEP_SHARED
    return at < old.now - KEEP_DAYS * DAY and is_old_message(message, old)


def is_old_message(message: bytes, old: Horizon) -> bool:
    """Whether nobody reports on *message* any more."""
    return int.from_bytes(message[:2], "big") < old.first_day


def is_old_record(touches: Iterable[Touch], old: Horizon) -> bool:
    """Whether nothing in the frequency record of a person counts any more."""
    return all(max(touch.due, touch.at) < old.now - KEEP_TOUCHES for touch in touches)


def forgotten(state: Partition, is_known: Callable[[str], bool]) -> list[str]:
    """Campaigns of which only counters are left: gone from the directory, with nothing waiting or open."""
    gone = [campaign for campaign in state.counters if not is_known(campaign)]
    if not gone:
        return []
    busy = {pack.campaign for pack in state.packs.values()} | {key.campaign for key in state.queues}
    busy |= {release.campaign for release in state.releases.values()} | state.awaiting.of_campaign.keys()
    return [campaign for campaign in gone if campaign not in busy]
