"""Which routes a message may take, in which order: its plan. And whose turn it is among routes of one step.

Candidates are the enabled routes of the channel whose conditions are met; a campaign with route tags takes only routes
with one of them. Who names more conditions goes first, then who is cheaper; equals share a step by weight. After a step
come the fallbacks of its routes, in their order: where a route names none, the further steps follow. A route of weight
0 stands behind all others, unless a list of fallbacks says where.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple

from app.routes import Route

Step = tuple[str, ...]  # routes that share by weight

OF_THE_ROUTE = frozenset({"whatsapp"})  # channels whose messages come from the number of their route, never another


class Plan(NamedTuple):
    """The routes of a class of messages: a later step is for when the earlier ones cannot be used."""

    id: str  # the same for the same steps
    steps: tuple[Step, ...]


def plan_of(
    routes: Mapping[str, Route],
    *,
    channel: str,
    account: str,
    tags: Collection[str] = (),
    group: str = "",
    tier: str = "",
    pin: str = "",
) -> Plan:
    """The plan of a class. *pin* is the only route it may take. Without steps: there is no route for it."""
    usable = {name: route for name, route in routes.items() if route.enabled and route.channel == channel}
    if pin:
        return _plan([(pin,)] if pin in usable else [])
    fitting = [route for route in usable.values() if takes(route, account, tags, group, tier)]
    regular = _in_order(route for route in fitting if route.weight)
    spare = [(name,) for step in _in_order(route for route in fitting if not route.weight) for name in step]
    return _plan(_with_fallbacks(usable, [*regular, *spare]))


def takes(route: Route, account: str, tags: Collection[str], group: str, tier: str) -> bool:
    """Whether the conditions of *route* are met."""
    country, carrier = place_of(group)
    return (
        (not route.accounts or account in route.accounts)
        and (not (route.tags or tags) or not set(route.tags).isdisjoint(tags))
        and (not route.groups or group in route.groups)
        and (not route.countries or country in route.countries)
        and (not route.carriers or carrier in route.carriers or group in route.carriers)
        and (not route.tiers or tier in route.tiers)
    )


def place_of(group: str) -> tuple[str, str]:
    """(country, carrier) of a destination group of phones: "IN", "IN/airtel". MX groups have neither."""
    country, _, carrier = group.partition("/")
    return (country, carrier) if len(country) == 2 and country.isupper() else ("", "")


def sender_of(route: Route, named: str = "") -> str:
    """The number or sender id that messages over *route* come from, if they name *named*; "" for mail and WhatsApp."""
    return "" if route.channel in OF_THE_ROUTE else named or str(getattr(route.config, "sender", ""))


def conditions(route: Route) -> int:
    """How many conditions *route* names."""
    named = (route.accounts, route.groups, route.countries, route.carriers, route.tags, route.tiers)
    return sum(map(bool, named))


def _rank(route: Route) -> tuple[int, float]:
    return -conditions(route), route.cost


def _in_order(routes: Iterable[Route]) -> Iterator[Step]:
    ordered = sorted(routes, key=lambda route: (_rank(route), route.name))
    return (tuple(route.name for route in equals) for _, equals in groupby(ordered, _rank))


def _with_fallbacks(usable: Mapping[str, Route], steps: list[Step]) -> list[Step]:
    """*steps* as far as fallbacks let them follow, with those that are named in between. Each route stands once."""
    planned: list[Step] = []
    seen: set[str] = set()
    for step in steps:
        new = tuple(name for name in step if name not in seen)
        if not new:
            continue
        seen.update(new)
        planned.append(new)
        for name in _named_after(usable, new):
            if name not in seen:
                seen.add(name)
                planned.append((name,))
        if all(usable[name].fallbacks is not None for name in new):
            break
    return planned


def _named_after(usable: Mapping[str, Route], step: Step) -> list[str]:
    """Every fallback that is named by a route of *step*, or by one of those in turn; each once, nearest first."""
    found: list[str] = []
    looked_at = list(step)
    for name in looked_at:
        for fallback in usable[name].fallbacks or ():
            if fallback in usable and fallback not in looked_at:
                looked_at.append(fallback)
                found.append(fallback)
    return found


def _plan(steps: Iterable[Step]) -> Plan:
    steps = tuple(steps)
    return Plan(blake2b(repr(steps).encode(), digest_size=6).hexdigest(), steps)


class Balance:
    """Whose turn it is among the routes of a step: who had the least by weight, of those that can be used.

    Start-time fair: a route that could not be used saves nothing up.
    """

    __slots__ = ("_clock", "_shown", "_tags", "_weights")

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._weights = {name: max(1, weight) for name, weight in weights.items()}
        self._shown = tuple(self._weights.values())
        self._tags = dict.fromkeys(weights, 0.0)
        self._clock = 0.0

    @property
    def weights(self) -> tuple[int, ...]:
        """Those of the routes of the step, in its order."""
        return self._shown

    def in_order(self) -> Iterable[str]:
        """The routes of the step: who had the least comes first."""
        return self._tags if len(self._tags) == 1 else sorted(self._tags, key=self.owed)

    def some_in_order(self, names: Collection[str], called: str = "") -> Iterator[str]:
        """The same of *names*, which are in the order of the step; as a rule nobody asks for the second one.

        The one that has *called* comes first.
        """
        if not names:
            return
        tags, clock = self._tags, self._clock
        first = called if called in names else next((name for name in names if tags[name] <= clock), "")
        first = first or min(names, key=tags.__getitem__)
        yield first
        yield from sorted((name for name in names if name != first), key=tags.__getitem__)

    def owed(self, name: str) -> float:
        """The lower, the sooner it is its turn."""
        return max(self._tags[name], self._clock)

    def charge(self, name: str, count: int) -> None:
        """*name* was given *count* messages."""
        self._clock = self.owed(name)
        self._tags[name] = self._clock + count / self._weights[name]
