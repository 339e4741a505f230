"""Asks DNS who takes the mail of a domain.

Every question ends within seconds, few are on their way at a time, and whatever comes back - nothing, garbage,
thousands of hosts - becomes a `Looked`. c-ares reads the answers, in a thread of its own: one that is made to be slow
to read (thousands of names of a hundred labels) would hold up an event loop for seconds if Python did it.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence

import aiodns
import pycares

from app.delivery.mx_groups import Looked, Mail, group_of_hosts, is_domain

AT_ONCE = 8  # questions on their way
ONE_ANSWER, TRIES = 2.0, 2  # seconds, of each server
ALL_ANSWERS = 6.0  # seconds for all that is asked of one domain
# An answer holds for as long as DNS says, within bounds. Hardly anybody changes their mailbox provider; asked more
# often than daily, a million domains would keep a resolver and this process busy.
SHORTEST, LONGEST = 86_400.0, 7 * 86_400.0
NOTHING_HOLDS = 6 * 3_600.0  # seconds: a domain that takes no mail may be a slip that somebody repairs
FAILURE_HOLDS = 900.0
MOST_HOSTS = 10  # kept of an answer

_NOTHING = {pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND}
_HOST = re.compile(r"[a-z0-9_][a-z0-9._-]{0,252}")


class MxLookup:
    """Asks *servers* ("192.0.2.53:53"; none: those of this machine). For one event loop; close it."""

    def __init__(self, servers: Sequence[str] = (), *, one: float = ONE_ANSWER, all_: float = ALL_ANSWERS) -> None:
        self._servers, self._one, self._all = list(servers), one, all_
        self._resolver: aiodns.DNSResolver | None = None
        self._places = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        """Forget what was asked. It can be used again."""
        resolver, self._resolver = self._resolver, None
        if resolver is not None:
            await resolver.close()

    async def look_up(self, domain: str) -> Looked:
        """What DNS says of *domain*. Never raises; a failure says why."""
        if not is_domain(domain):
            return Looked(domain, Mail.NONE, seconds=LONGEST)
        async with self._places:
            try:
                async with asyncio.timeout(self._all):
                    return await self._asked(domain)
            except TimeoutError:
                return _failed(domain, "no answer in time")
            except aiodns.error.DNSError as error:
                return _failed(domain, str(error.args[-1]))
            except (pycares.AresError, OSError, ValueError) as error:
                return _failed(domain, str(error))

    async def _asked(self, domain: str) -> Looked:
        answer = await self._records(domain, "MX")
        hosts = sorted(
            (each.data.priority, each.data.exchange.lower().rstrip("."), each.ttl)
            for each in answer
            if isinstance(each.data, pycares.MXRecordData)
        )
        if not hosts:
            return await self._without_mx(domain)
        real = [each for each in hosts if each[1]]  # the root is nobody
        if not real:
            return Looked(domain, Mail.NULL, seconds=NOTHING_HOLDS)
        names = dict.fromkeys(host for _, host, _ in real if _HOST.fullmatch(host))
        group = group_of_hosts((preference, host) for preference, host, _ in real)
        return Looked(domain, Mail.MX, group, tuple(names)[:MOST_HOSTS], _holds(ttl for *_, ttl in real))

    async def _without_mx(self, domain: str) -> Looked:
        for kind in ("A", "AAAA"):
            answer = await self._records(domain, kind)
            ttls = [each.ttl for each in answer if isinstance(each.data, pycares.ARecordData | pycares.AAAARecordData)]
            if ttls:
                return Looked(domain, Mail.ADDRESS, group_of_hosts([(0, domain)]), (domain,), _holds(ttls))
        return Looked(domain, Mail.NONE, seconds=NOTHING_HOLDS)

    async def _records(self, domain: str, kind: str) -> Sequence[pycares.DNSRecord]:
        """Records of the answer, aliases on the way among them; none where DNS says that there are none."""
        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(self._servers or None, timeout=self._one, tries=TRIES)
        try:
            return (await self._resolver.query_dns(domain, kind)).answer
        except aiodns.error.DNSError as error:
            if error.args[0] in _NOTHING:
                return []
            raise


def _holds(ttls: Iterable[float]) -> float:
    return min(LONGEST, max(SHORTEST, min(ttls)))


def _failed(domain: str, reason: str) -> Looked:
    return Looked(domain, Mail.FAILED, seconds=FAILURE_HOLDS, reason=reason[:300])
