"""SMPP sessions against an SMSC on loopback: windows, receipts, time-outs, lost connections, refused logins."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import smpplib.client

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.local.ports import free_ports
from app.local.simulator import simulators_in
from app.local.simulators.doors import Doors
from app.local.simulators.keys import Keys
from app.local.simulators.known import NAMES
from app.local.simulators.routes import routes_of
from app.local.simulators.smpp import SmppSimulator
from app.local.simulators.smsc import Smsc
from app.local.sink_read import load
from app.provider_accounts import Smpp
from app.providers import smpp
from app.providers.contract import Message, Sought, Wish
from app.providers.echo import query_of
from app.providers.smpp_pdu import Pdu, packed, query_sm
from app.providers.smpp_query import is_unknown_command, query_for, status_of
from app.records import Outcome, ReceivedReport, Told
from app.transport.http_pool import Parcel
from app.transport.smpp_pool import SmppPool

pytestmark = pytest.mark.asyncio


@dataclass
class Text:
    text: str


@dataclass
class Sms100:
    """A mailing: texts to numbers that begin with 4915."""

    texts: list[str]
    endings: Callable[[int], int] = lambda number: 9_000 + number
    allowed: bool = True
    begun: list[int] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    _at: int = 0

    @property
    def more(self) -> bool:
        return self._at < len(self.texts)

    def next(self) -> Parcel | None:
        if not self.more:
            return None
        number, self._at = self._at, self._at + 1
        address = f"+4915112{self.endings(number):04}"
        message = Message(number.to_bytes(16, "big"), 1, "acme", "c_1", address, Text(self.texts[number]))
        return Parcel(number, message)

    def begin(self, parcel: Parcel) -> bool:
        if self.allowed:
            self.begun.append(parcel.number)
        return self.allowed

    def ended(self, parcel: Parcel, outcome: Outcome) -> None:
        assert parcel.number not in self.outcomes, "an outcome is told once"
        self.outcomes[parcel.number] = outcome

    def kinds(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for outcome in self.outcomes.values():
            found[outcome.kind] = found.get(outcome.kind, 0) + 1
        return found


@asynccontextmanager
async def sessions_to(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch, idle: float = 30.0, before_write: Callable[[], None] = lambda: None,
    password: str = "secret08", **changes: Any,
) -> AsyncIterator[tuple[SmppPool, list[Pdu]]]:  # fmt: skip
    """A pool whose receipts are stored in a list."""
    monkeypatch.setenv("SMSC_PASSWORD", password)
    port, stored = await smsc.start(), list[Pdu]()

    async def received(pdu: Pdu) -> bool:
        stored.append(pdu)
        return True

    config = Smpp(
        host="127.0.0.1", port=port, system_id="fanfare", password="env:SMSC_PASSWORD", sender="ACME", **changes
    )
    pool = SmppPool(config, received, before_write, idle)
    try:
        yield pool, stored
    finally:
        await pool.close()
        await smsc.stop()


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - whatever it is
            await asyncio.sleep(0.01)


def told_by(pool: SmppPool, pdus: list[Pdu]) -> list[Told]:
    config = Smpp(host="x", system_id="x")
    reports = [smpp.events_in(config, ReceivedReport("smpp", "r", "session", 1.0, packed(pdu))) for pdu in pdus]
    return [each for events in reports for each in events if isinstance(each, Told)]


async def test_every_message_is_taken_once_and_its_receipt_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing = Smsc(), Sms100(["Hello"] * 60 + ["x" * 200] * 10)
    async with sessions_to(smsc, monkeypatch, window=5, sessions=2) as (pool, stored):
        await pool.deliver(mailing, 8)
        assert mailing.kinds() == {Kind.ACCEPTED: 70}
        assert len(smsc.taken) == 60 + 2 * 10 and sorted(mailing.begun) == list(range(70))
        await until(lambda: len(stored) == 70)  # of a message in two parts, the last one tells
        told = told_by(pool, stored)
        assert {each.kind for each in told} == {ReportKind.DELIVERED}
        last_refs = {outcome.ref.split(",")[-1] for outcome in mailing.outcomes.values()}
        assert {each.ref for each in told} == last_refs and len(last_refs) == 70


async def test_the_window_is_never_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, most = Smsc(), 0
    submitted = smsc.submitted

    def watched(pdu: Pdu) -> tuple[int, bytes, bool]:
        nonlocal most
        most = max(most, *(session.asked for session in pool._sessions))
        return submitted(pdu)

    monkeypatch.setattr(Smsc, "submitted", lambda _, pdu: watched(pdu))
    async with sessions_to(smsc, monkeypatch, window=3) as (pool, _):
        await asyncio.gather(*(pool.deliver(Sms100(["Hi"] * 20), 8) for _ in range(4)))
        assert most == 3 and len(smsc.taken) == 80


async def test_what_is_urgent_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc = Smsc()
    bulk, code = Sms100(["bulk"] * 40), Sms100(["code"])
    async with sessions_to(smsc, monkeypatch, window=1) as (pool, _):
        first = asyncio.create_task(pool.deliver(bulk, 8, priority=1))
        await until(lambda: len(smsc.taken) >= 3)
        await pool.deliver(code, 8, priority=0)
        assert code.kinds() == {Kind.ACCEPTED: 1} and len(bulk.outcomes) < 30
        await first


async def test_the_first_part_that_is_throttled_stops_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing = Smsc(), Sms100(["x" * 400])
    smsc.orders.throttle = 1.0
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        await pool.deliver(mailing, 8)
        assert mailing.kinds() == {Kind.THROTTLED: 1} and smsc.counts["submit_sm"] == 1


async def test_a_message_that_was_taken_in_part_is_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing = Smsc(), Sms100(["x" * 400])
    submitted = smsc.submitted
    monkeypatch.setattr(Smsc, "submitted", lambda _, pdu: submitted(pdu) if not smsc.taken else (0x58, b"", True))
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        await pool.deliver(mailing, 8)
        assert (mailing.outcomes[0].kind, mailing.outcomes[0].klass) == (Kind.UNCERTAIN, "partial")


async def test_what_is_never_answered_is_in_doubt_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing = Smsc(), Sms100(["Hi"] * 30)
    smsc.orders.silent = 0.1
    async with sessions_to(smsc, monkeypatch, window=4, timeout=0.3) as (pool, _):
        await pool.deliver(mailing, 8)
        kinds = mailing.kinds()
        assert set(kinds) <= {Kind.ACCEPTED, Kind.UNCERTAIN, Kind.UNAVAILABLE, Kind.RETURNED}
        assert kinds[Kind.UNCERTAIN] and sum(kinds.values()) == 30
        certain = {n for n, outcome in mailing.outcomes.items() if outcome.kind == Kind.ACCEPTED}
        assert len(smsc.taken) <= len(certain) + kinds[Kind.UNCERTAIN]  # what was taken is told as taken, or in doubt


async def test_a_broken_connection_is_bound_again_and_receipts_come_then(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing, later = Smsc(), Sms100(["Hi"] * 10), Sms100(["Hi"] * 10)
    smsc.orders.receipt_after = 0.4
    async with sessions_to(smsc, monkeypatch) as (pool, stored):
        await pool.deliver(mailing, 8)
        (first,) = pool._sessions
        smsc.cut()
        await until(lambda: pool._sessions and first not in pool._sessions)  # without anything to send
        await pool.deliver(later, 8)
        await until(lambda: len(stored) >= 20)
        assert later.kinds() == {Kind.ACCEPTED: 10} and len(smsc.taken) == 20


async def test_a_receipt_that_could_not_be_stored_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing, tries = Smsc(), Sms100(["Hi"]), 0
    async with sessions_to(smsc, monkeypatch) as (pool, stored):
        taken = pool._received

        async def failing(pdu: Pdu) -> bool:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise ConnectionError("the log is away")
            return tries > 2 and await taken(pdu)

        pool._received = failing
        await pool.deliver(mailing, 8)
        await until(lambda: stored)
        assert tries == 3 and smsc.counts["deliver_sm_taken"] == 1


@pytest.mark.parametrize("changes", [{"system_id": "nobody"}, {"password": "wrong"}], ids=["system id", "password"])
async def test_a_refused_login_is_the_trouble_of_the_route(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    smsc = Smsc(system_id="other") if "system_id" in changes else Smsc()
    mailing = Sms100(["Hi"] * 3)
    password = changes.get("password", "secret08")
    async with sessions_to(smsc, monkeypatch, password=password) as (pool, _):
        await pool.deliver(mailing, 8)
        assert mailing.kinds() == {Kind.UNAVAILABLE: 3} and not mailing.begun and not pool.healthy
        assert "status 0x0" in mailing.outcomes[0].detail and password not in mailing.outcomes[0].detail


async def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing = Smsc(), Sms100(["Hi"])
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        await smsc.stop()
        await pool.deliver(mailing, 8)
        assert mailing.kinds() == {Kind.UNAVAILABLE: 1} and not mailing.begun


async def test_what_could_not_be_noted_does_not_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError("no space left")

    smsc, mailing = Smsc(), Sms100(["Hi"] * 3)
    async with sessions_to(smsc, monkeypatch, before_write=full) as (pool, _):
        await pool.deliver(mailing, 8)
        assert mailing.kinds() == {Kind.RETURNED: 3} and not smsc.taken


async def test_a_paused_campaign_starts_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing = Smsc(), Sms100(["Hi"] * 3, allowed=False)
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        await pool.deliver(mailing, 8)
        assert mailing.kinds() == {Kind.RETURNED: 3} and not smsc.taken


async def test_an_idle_session_is_kept_awake_and_a_dead_one_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc = Smsc()
    async with sessions_to(smsc, monkeypatch, idle=0.05, timeout=1.0) as (pool, _):
        pool.start()
        await until(lambda: smsc.counts["enquire_link"] >= 3)
        (session,) = pool._sessions
        answer = type(smsc._sessions[0])._answer
        monkeypatch.setattr(type(smsc._sessions[0]), "_answer", lambda *_: None)
        await session.ended()
        assert "enquire_link" in session.why
        monkeypatch.setattr(
            type(smsc._sessions[0]) if smsc._sessions else type(session), "_answer", answer, raising=False
        )


async def test_a_route_that_changes_lets_what_is_under_way_end(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc, mailing = Smsc(), Sms100(["Hi"] * 8)
    smsc.orders.latency = 0.2
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        sending = asyncio.create_task(pool.deliver(mailing, 8))
        await until(lambda: len(mailing.begun) == 8)
        pool.let_go()
        await sending
        assert mailing.kinds() == {Kind.ACCEPTED: 8}
        await until(lambda: not smsc._sessions)


async def test_the_simulator_takes_orders_and_keeps_a_record(tmp_path: Path) -> None:
    """As one of `fanfare up --simulate`: on a port that can be closed, with replies of phones."""
    (simulator,) = simulators_in(tmp_path, ["smpp"], {}).values()
    assert isinstance(simulator, SmppSimulator)
    doors, first, stored = Doors({"smpp": simulator}), free_ports(2), list[Pdu]()
    await doors.open(first, {"smpp": first + 1})
    config = routes_of(["smpp"], first - NAMES.index("smpp"), Keys(tmp_path / "keys"))[0].smpp
    assert config is not None

    async def received(pdu: Pdu) -> bool:
        stored.append(pdu)
        return True

    pool = SmppPool(config.model_copy(update={"port": first + 1}), received)
    taken, throttled, refused = Sms100(["Hi"] * 5 + ["x" * 200]), Sms100(["Hi"]), Sms100(["Hi"])
    await pool.deliver(taken, 8)
    assert taken.kinds() == {Kind.ACCEPTED: 6}
    assert sorted(each.address for each in load(tmp_path / "smpp.txt")) == [f"+4915112{9000 + n}" for n in range(6)]
    await until(lambda: len(stored) == 6)
    await doors.behave("smpp", {"errors": {"throttle": 1.0}})
    await pool.deliver(throttled, 8)
    assert throttled.kinds() == {Kind.THROTTLED: 1}
    assert simulator.said("+4915112349000", "62262", "STOP")
    await until(lambda: len(stored) == 7)
    (wish,) = smpp.events_in(config, ReceivedReport("smpp", "r", "session", 1.0, packed(stored[-1])))
    assert isinstance(wish, Wish) and (wish.kind, wish.address) == ("unsubscribed", "+4915112349000")
    await doors.behave("smpp", {"mend": True, "outage": "refuse"})
    await until(lambda: not pool.healthy)
    await pool.deliver(refused, 8)
    assert refused.kinds() == {Kind.UNAVAILABLE: 1}
    await pool.close()
    await doors.close()


async def test_another_library_can_use_our_smsc() -> None:
    """What checks our client is checked by a client of somebody else."""
    smsc = Smsc()
    port = await smsc.start()
    receipts: list[bytes] = []

    def send() -> None:
        client = smpplib.client.Client("127.0.0.1", port, timeout=5, allow_unknown_opt_params=True)
        client.set_message_received_handler(lambda pdu: receipts.append(pdu.receipted_message_id) or 0)
        client.connect()
        client.bind_transceiver(system_id="fanfare", password="secret08")
        client.send_message(
            source_addr_ton=5, source_addr="ACME", dest_addr_ton=1, dest_addr_npi=1, destination_addr="491511234567",
            short_message=b"Hello", registered_delivery=True,
        )  # fmt: skip
        while not receipts:
            client.read_once()
        client.unbind()
        client.disconnect()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    await until(lambda: not thread.is_alive())
    await smsc.stop()
    (taken,) = smsc.taken
    assert (taken.text, taken.destination, taken.source) == (b"Hello", "491511234567", "ACME")
    assert receipts == [f"{taken.identity:x}".encode()]


async def test_what_no_receipt_tells_of_is_asked_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The id and the sender of the answer are what an SMSC compares; an outage of receipts heals."""
    smsc = Smsc()
    smsc.orders.receipts = False
    smsc.orders.receipt_after = 0.0
    endings = {0: 1, 1: 3, 2: 6, 3: 9_000}  # unknown subscriber, rejected, nothing is ever told, delivered
    mailing = Sms100(["Hi"] * 3 + ["x" * 200], endings=lambda number: endings[number])
    async with sessions_to(smsc, monkeypatch) as (pool, stored):
        await pool.deliver(mailing, 8)
        config, told = pool._config, list[Told]()
        for number, outcome in sorted(mailing.outcomes.items()):
            body = query_for(config, outcome.ref, outcome.detail)
            assert body is not None
            pdu = await pool.query(body)
            assert status_of(pdu) == 200 and not is_unknown_command(pdu)
            query = query_of(Sought(number.to_bytes(16, "big"), 1, outcome.ref, 1.0))
            report = ReceivedReport("smpp", "r", "lookup", 2e9, packed(pdu), query=query)
            told += [each for each in smpp.events_in(config, report) if isinstance(each, Told)]
        assert not stored
        assert [(each.message_id[-1], each.kind, each.klass) for each in told] == [
            (0, ReportKind.BOUNCED, "soft"), (1, ReportKind.BLOCKED, "block"), (3, ReportKind.DELIVERED, ""),
        ]  # fmt: skip
        other = query_for(config, mailing.outcomes[0].ref, "accepted from SOMEBODY")
        assert other is not None and status_of(await pool.query(other)) == 404


async def test_an_smsc_without_that_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    smsc = Smsc()
    smsc.orders.queries = False
    async with sessions_to(smsc, monkeypatch) as (pool, _):
        pool.start()
        assert is_unknown_command(await pool.query(query_sm("1", (5, 0, "ACME"))))
