"""Asking an SMSC on loopback what became of messages, as the senders of SMS do."""

from types import SimpleNamespace
from typing import Any

import pytest

from agents.lookups import StoppedError
from agents.smsc_lookups import MOST_SILENT, SmscLookups
from app.clickhouse.lookup_queries import Missing
from app.delivery.reports.kinds import ReportKind
from app.delivery.reports.lookups import Rule
from app.local.simulators.smsc import Smsc
from app.providers import smpp
from app.providers.smpp_pdu import Pdu
from app.providers.smpp_query import is_unknown_command
from app.records import ReceivedReport, Told, decode
from app.routes import Route
from app.transport.smpp_pool import SmppPool
from app.transport.smpp_session import SessionLostError
from tests.transport.test_smpp_pool import Sms100, sessions_to

pytestmark = pytest.mark.asyncio
RULE = Rule(1.0, 60.0, 60_000)


class Answers:
    """What is handed on."""

    def __init__(self) -> None:
        self.records: list[ReceivedReport] = []

    async def produce(self, _topic: str, _partition: None, _key: None, value: bytes) -> None:
        record = decode(ReceivedReport, value)
        assert isinstance(record, ReceivedReport)
        self.records.append(record)

    def now(self) -> float:
        return 2e9


def lookups_over(pool: SmppPool, app: Answers, **changes: Any) -> tuple[SmscLookups, Route]:
    config = pool._config.model_copy(update=changes)
    pools: Any = SimpleNamespace(of=lambda _: pool)
    given: Any = app
    route = Route.model_validate({"name": "carrier", "channel": "sms", "smpp": config.model_dump()})
    return SmscLookups(given, None, None, None, pools), route  # type: ignore[arg-type]  # only asked below


async def test_messages_without_a_receipt_are_asked_about_over_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, app = Smsc(), Answers()
    smsc.orders.receipts, smsc.orders.receipt_after = False, 0.0
    mailing = Sms100(["Hi"] * 3, endings=lambda number: (1, 6, 9_000)[number])
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        await pool.deliver(mailing, 3)
        lookups, route = lookups_over(pool, app)
        asking = await lookups.asking_for(route, RULE)
        assert asking is not None
        for number, outcome in sorted(mailing.outcomes.items()):
            await asking.ask(Missing(bytes([number] * 16).hex(), "", "acme", 1, outcome.ref, 1e9, outcome.detail), "")
        await asking.ask(Missing("00" * 16, "", "acme", 1, "", 1e9, "the answer was lost"), "")
        assert smsc.counts["query_sm"] == 3
        assert not (await lookups_over(pool, app, query=False)[0].asking_for(*_with(route, False)))
        told = [smpp.events_in(pool._config, each) for each in app.records]
    assert [(each[0].message_id[0], each[0].kind) for each in told if each and isinstance(each[0], Told)] == [
        (0, ReportKind.BOUNCED), (2, ReportKind.DELIVERED),
    ]  # fmt: skip


def _with(route: Route, query: bool) -> tuple[Route, Rule]:
    assert route.smpp is not None
    return route.model_copy(update={"smpp": route.smpp.model_copy(update={"query": query})}), RULE


async def test_an_smsc_without_query_sm_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some carriers count what they do not know as misuse."""
    smsc, app = Smsc(), Answers()
    smsc.orders.queries = False
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        pool.start()
        lookups, route = lookups_over(pool, app)
        asking = await lookups.asking_for(route, RULE)
        assert asking is not None
        with pytest.raises(StoppedError, match="no query_sm"):
            await asking.ask(Missing("00" * 16, "", "acme", 1, "1", 1e9), "")
        assert await lookups.asking_for(route, RULE) is None
    assert not app.records


async def test_a_message_on_which_an_smsc_is_silent_holds_up_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be asked about for good, as the first one; but an SMSC that never answers is left alone."""
    async with sessions_to(Smsc(), monkeypatch) as (pool, _):
        lookups, route = lookups_over(pool, Answers())
        asking = await lookups.asking_for(route, RULE)
        assert asking is not None

        async def silence(_: bytes) -> Pdu:
            raise SessionLostError("no answer within 20 s")

        monkeypatch.setattr(pool, "query", silence)
        for number in range(MOST_SILENT - 1):
            await asking.ask(Missing("00" * 16, "", "acme", 1, str(number), 1e9), "")
        with pytest.raises(StoppedError, match="busy"):
            await asking.ask(Missing("00" * 16, "", "acme", 1, "3", 1e9), "")


@pytest.mark.parametrize(
    ("command", "status", "unknown"),
    [(0x80000003, 3, True), (0x80000000, 3, True), (0x80000000, 0, True), (0x80000000, 0x58, False),
     (0x80000003, 0x67, False)],
)  # fmt: skip
async def test_who_is_too_busy_for_a_question_may_be_asked_later(command: int, status: int, unknown: bool) -> None:
    assert is_unknown_command(Pdu(command, status, 1, b"")) is unknown
