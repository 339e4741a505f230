"""events -> report.received: asks SMSCs what became of messages of which no receipt came.

It goes over the sessions that messages go over, so the senders of SMS ask: the one that has the partition of the
route's name. All else is as with providers that are asked over HTTP.
"""

from agents.lookups import Asking, Lookups, StoppedError
from agents.pools import Pools
from agents.reports import Routes
from app import topics
from app.clickhouse.client import ClickHouse
from app.clickhouse.lookup_queries import Missing
from app.delivery.reports.lookups import MINUTE, Rule
from app.provider_accounts import Smpp
from app.providers.contract import Answer, Sought
from app.providers.echo import query_of
from app.providers.smpp_pdu import packed
from app.providers.smpp_query import is_unknown_command, query_for, status_of
from app.routes import Route
from app.settings import Settings
from app.stream.app import StreamApp
from app.transport.smpp_pool import SmppPool
from app.transport.smpp_session import SessionLostError

MOST_SILENT = 3  # questions without an answer, since somebody looked: some SMSCs have none on messages they forgot


class SmscLookups(Lookups):
    """The look-ups of routes over SMPP, by the sessions of this worker."""

    topic = topics.send_attempted("sms", topics.BULK)

    def __init__(self, app: StreamApp, client: ClickHouse, routes: Routes, settings: Settings, pools: Pools) -> None:
        super().__init__(app, client, routes, settings)
        self._pools = pools

    async def asking_for(self, route: Route, rule: Rule) -> "Asking | None":
        """Who asks about messages of *route*; None where nobody may."""
        config, pool = route.config, self._pools.of(route.name)
        if not isinstance(config, Smpp) or not config.query or not isinstance(pool, SmppPool) or pool.query_refused:
            return None
        return _SmscAsking(self._app, route, rule, self._failures, pool)


class _SmscAsking(Asking):
    """Asks one SMSC."""

    def __init__(
        self, app: StreamApp, route: Route, rule: Rule, failures: dict[str, int], pool: SmppPool
    ) -> None:  # fmt: skip
        super().__init__(app, route, rule, failures)
        self._pool = pool
        self._silent = 0

    async def ask(self, missing: Missing, address: str) -> None:
        """Ask about one message. Raises StoppedError."""
        config = self.route.config
        assert isinstance(config, Smpp)
        body = query_for(config, missing.ref, missing.detail)
        if body is None:
            return
        answer, verdict = await self.answered(self._queried(body))
        if verdict.told:
            ref = missing.ref.rpartition(",")[2]
            sought = Sought(bytes.fromhex(missing.message), missing.attempt, ref, missing.sent_at, address)
            await self.hand_on(answer, query_of(sought))

    async def _queried(self, body: bytes) -> Answer:
        try:
            pdu = await self._pool.query(body)
        except SessionLostError as error:
            self._silent += 1
            # The next message is asked about: one that gets no answer must not hold up all others for good.
            passes = self._pool.healthy and self._silent < MOST_SILENT
            return Answer(404 if passes else 503, {}, str(error).encode())
        if is_unknown_command(pdu):
            self._pool.query_refused = True
            raise StoppedError(MINUTE, "the SMSC has no query_sm, and is not asked any more")
        return Answer(status_of(pdu), {}, packed(pdu))
