"""Credit ahead of demand: transactional messages that no limit holds back find it in their partition.

So they do not wait until demand has gone up and a slip has come down. It stands for a moment, replaces what
stood before, and is given for campaigns that had messages lately; a lost one is followed by the next. Where a
limit of rate or number lies on the way there is none: those messages are paid for one by one.
"""

from app.delivery.pacing.grants import FREE_NOT_AFTER
from app.delivery.pacing.pacer import Pacer
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
        chosen = {campaign: route for campaign in reversed(self._heard) if (route := _route_of(pacer, campaign, now))}
        free = list(chosen.items())[:MOST_CAMPAIGNS]
        given, book = [], pacer.book
        for heard in pacer.heard:
            grants = [
                Grant(
                    campaign,
                    TRANSACTIONAL,
                    "",
                    route,
                    count,
                    why=f"{route}: credit ahead of demand, nothing limits it",
                    channel=book.campaigns[campaign].spec.channel,
                )
                for campaign, route in free
                if heard.full and (count := min(MOST, heard.rooms[TRANSACTIONAL][route].room(now))) > 0
            ]
            if grants:
                given.append(Slip(heard.number, NO_NUMBER, now, now + VALIDITY, now + FREE_NOT_AFTER, [], grants))
        return given


def _route_of(pacer: Pacer, campaign: str, now: float) -> str:
    """The route over which the campaign may have it, "" for none.

    No limit may lie on its way, and no route that it may take may tell groups or tiers apart: credit that stands
    is for all of them alike. Nor is it given while a route is out of service, or slowed down towards anybody.
    """
    book, health = pacer.book, pacer.health
    entry = book.campaigns.get(campaign)
    if entry is None or entry.state != "RUNNING" or not book.is_free(entry):
        return ""
    if any(route.groups or route.tiers or route.countries or route.carriers for route in book.routes.values()):
        return ""
    steps = book.plan(entry, "", "", "").steps
    if not steps:
        return ""
    balance = book.balance(steps[0])
    for route in sorted(steps[0], key=balance.owed):
        if health.places(route, now) is None and not health.is_shaped(book.routes[route].sender):
            balance.charge(route, 1)
            return route
    return ""
