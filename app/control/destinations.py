"""The MX groups of single messages: by name, as a limit or route names the domain, or as it was looked up before.

Nothing waits: the first messages to a domain that is not known yet go as "other", and meanwhile it is found out.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from app.control.tail import Tail
from app.delivery.campaigns.audience import groups_named
from app.delivery.mx_groups import OTHER, Looked, Mail, destination, is_domain, own_groups

log = logging.getLogger("fanfare.mx")

Find = Callable[[Sequence[str]], Awaitable[list[Looked]]]

MOST_KEPT = 20_000  # domains, the least recently used go first
MOST_WANTED = 2_000  # domains that wait to be found out; more are asked for when they come again
A_LOT = 50
NAMES_SECONDS = 1.0  # for which the names in limits and routes are believed
FAILURE_SECONDS = 60.0  # before what went wrong as a whole is tried again
MOST_NAMES = 20_000


class Destinations:
    """Tells groups at once. *find* finds out about domains, in the background; None: nobody does."""

    def __init__(self, tail: Tail, find: Find | None = None) -> None:
        self._tail, self._find = tail, find
        self._names: set[str] = set()
        self._names_until = 0.0
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()  # domain -> (group or "", until)
        self._wanted: dict[str, None] = {}
        self._finding: asyncio.Task[None] | None = None

    def group_of(self, domain: str) -> str:
        """The MX group of a message to *domain* (any case, A-label)."""
        now = time.monotonic()
        group = destination(domain, self._named(now), {})
        return self._looked_up(domain.lower().rstrip("."), now) or OTHER if group == OTHER else group

    async def found(self) -> None:
        """Return once everything that was wanted is found out."""
        while self._finding is not None:
            await asyncio.wait([self._finding])

    async def close(self) -> None:
        """Stop finding out."""
        finding, self._finding = self._finding, None
        if finding is not None:
            finding.cancel()
            await asyncio.wait([finding])

    def _named(self, now: float) -> set[str]:
        if now >= self._names_until:
            names = groups_named(self._tail.limits.values())
            names.update(group for route in self._tail.routes.values() for group in route.groups)
            self._names, self._names_until = set(own_groups(names, MOST_NAMES)), now + NAMES_SECONDS
        return self._names

    def _looked_up(self, domain: str, now: float) -> str:
        """The group as far as it is known; what is not, or no longer, is wanted. What is over counts until then."""
        if self._find is None:
            return ""
        group, until = self._known.get(domain, ("", 0.0))
        if until:
            self._known.move_to_end(domain)
        if now >= until and len(self._wanted) < MOST_WANTED and is_domain(domain):
            self._wanted[domain] = None
            if self._finding is None:
                self._finding = asyncio.create_task(self._find_out(self._find), name="mx-groups")
        return group

    async def _find_out(self, find: Find) -> None:
        try:
            while self._wanted:
                lot = list(self._wanted)[:A_LOT]
                try:
                    found = await find(lot)
                except Exception:  # it must not end for good; messages go as "other" meanwhile
                    log.exception("MX groups cannot be found out")
                    found = []
                self._keep(lot, found)
        finally:
            self._finding = None

    def _keep(self, lot: list[str], found: list[Looked]) -> None:
        now = time.monotonic()
        heard = {each.domain: each for each in found}
        for domain in lot:
            del self._wanted[domain]
            looked = heard.get(domain)
            group = looked.group if looked else ""
            if looked is None or looked.mail is Mail.FAILED:
                group = group or self._known.get(domain, ("", 0.0))[0]  # a failure changes nothing that is known
            self._known[domain] = (group, now + (looked.seconds if looked else FAILURE_SECONDS))
            self._known.move_to_end(domain)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
