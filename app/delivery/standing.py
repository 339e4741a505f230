"""Credit ahead of demand: transactional messages that no limit holds back find it in their partition.

So they do not wait until demand has gone up and a slip has come down. It stands for a moment, replaces what
stood before, and is given for campaigns that had messages lately; a lost one is followed by the next. Where a
limit of rate or number lies on the way there is none: those messages are paid for one by one.
"""

from app.delivery.pacing import FREE_NOT_AFTER, Pacer
from app.delivery.partition import SLICE
from app.records import Demand, Grant, Slip
from app.topics import TRANSACTIONAL

EVERY = 0.5  # seconds
VALIDITY = 1.5
MOST = 2 * SLICE  # messages of a campaign in a partition
LATELY = 600.0  # seconds since the last message
MOST_CAMPAIGNS = 100
NO_NUMBER = -1  # below every number that counts: such a slip is never taken for spent


class StandingCredit:
    """Which campaigns get it, and when it was given last."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}  # campaign -> when a message was last heard of, the latest at the end
        self._given = 0.0

    def hear(self, demand: Demand, now: float) -> None:
        """Note which transactional campaigns have messages."""
        for each in demand.classes:
            if each.lane == TRANSACTIONAL:
                self._heard.pop(each.campaign, None)
                self._heard[each.campaign] = now

    def slips(self, pacer: Pacer, now: float) -> list[Slip]:
        """What to give now; nothing more often than twice a second. Nothing of it is debited or stored."""
        if now - self._given < EVERY:
            return []
        self._given = now
        self._heard = {campaign: at for campaign, at in self._heard.items() if now - at < LATELY}
        free = [campaign for campaign in reversed(self._heard) if pacer.is_free(campaign)][:MOST_CAMPAIGNS]
        if not free:
            return []
        given = []
        for partition in range(len(pacer.heard)):
            count = min(MOST, pacer.room(partition, TRANSACTIONAL))
            if count > 0:
                grants = [Grant(campaign, TRANSACTIONAL, "", pacer.route, count) for campaign in free]
                given.append(Slip(partition, NO_NUMBER, now, now + VALIDITY, now + FREE_NOT_AFTER, [], grants))
        return given
