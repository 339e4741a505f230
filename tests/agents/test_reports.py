"""The intake of reports: what providers sent becomes records for the partitions that own the messages."""

import asyncio
import json
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import reports
from agents.reports import MOST_BODY, MOST_SINGLE, inbound_of, parts_in, sorted_parts, unpacked
from app import ids, topics
from app.delivery.reports.hook_tokens import Tokens
from app.delivery.reports.refs import key_of, partition_of
from app.providers.contract import AccountNews, Unreadable, Wish
from app.records import DeadLetter, DeliveryReport, Inbound, ReceivedReport, References, Told, decode, encode
from app.routes import Route
from app.stream.dead_letters import DeadLetters

SAMPLES = Path(__file__).parents[1] / "samples"
AT = 1_786_000_010.0
SECRET = b"s" * 32
WHATSAPP = Route.model_validate({
    "name": "wa", "channel": "whatsapp", "whatsapp": {"number_id": "106540352242922", "token": "env:T"},
    "accounts": ["acme", "other"],
})  # fmt: skip
MSG91 = Route.model_validate({"name": "in", "channel": "sms", "msg91": {"auth_key": "env:K"}})


class Intake:
    """The agent on its own, with what it produces."""

    def __init__(self, tmp_path: Path, *routes: Route) -> None:
        (tmp_path / "secret").write_bytes(SECRET)
        self.produced: list[tuple[str, int | None, bytes]] = []
        self.owners: dict[str, list[str]] = {}
        self._routes = {each.name: each for each in routes}
        settings = SimpleNamespace(secret_path=tmp_path / "secret")
        self._app = cast(Any, SimpleNamespace(
            agent=lambda *_, **__: lambda agent: agent, raw_topic=lambda name: name, partitions=4, settings=settings,
            now=lambda: AT, produce=self._produce, produce_soon=self._produce,
        ))  # fmt: skip
        self._handler: Any = None
        lanes = cast(Any, SimpleNamespace(check=lambda _: None, run=self._keep))
        owners = cast(Any, SimpleNamespace(of=lambda number: self.owners.get(number, [])))
        agent = reports.attach(self._app, lanes, cast(Any, self._routes), owners, DeadLetters(self._app))
        asyncio.run(cast(Any, agent)(None))

    async def _keep(self, _: Any, handler: Any) -> None:
        self._handler = handler

    def _produce(self, topic: str, partition: int | None, _: bytes | None, value: bytes) -> Any:
        self.produced.append((topic, partition, value))
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        done.set_result(0)
        return done

    def take(self, value: bytes) -> None:
        message = SimpleNamespace(topic=topics.REPORT_RECEIVED, partition=1, offset=5, key=None, value=value)
        asyncio.run(self._handler(SimpleNamespace(value=value, message=message)))

    def of(self, topic: str) -> list[tuple[int | None, bytes]]:
        return [(partition, value) for name, partition, value in self.produced if name == topic]


def received(route: Route, body: bytes, **more: Any) -> ReceivedReport:
    return ReceivedReport(route.adapter, route.name, "webhook", AT, body, "application/json", **more)


def statuses(*messages: bytes) -> bytes:
    """A webhook of WhatsApp about *messages*."""
    body = json.loads((SAMPLES / "whatsapp-delivered.json").read_bytes())
    (status,) = body["entry"][0]["changes"][0]["value"]["statuses"]
    body["entry"][0]["changes"][0]["value"]["statuses"] = [
        status | {"biz_opaque_callback_data": f"{message.hex()}-2", "id": f"wamid.{place}"}
        for place, message in enumerate(messages)
    ]
    return json.dumps(body).encode()


def test_reports_go_to_the_partitions_of_their_messages(tmp_path: Path) -> None:
    """
    Only there is known who they are about; one body may be of many partitions.
    """
    people = [number.to_bytes(2, "big") + bytes(14) for number in range(450)]
    messages = [ids.message_id(20_000, "c", 1, person, "whatsapp") for person in people]
    intake = Intake(tmp_path, WHATSAPP)
    intake.take(encode(received(WHATSAPP, zlib.compress(statuses(*messages)), packed=True)))
    found = [
        (partition, cast(DeliveryReport, decode(DeliveryReport, raw)))
        for partition, raw in intake.of(topics.DELIVERY_REPORTED)
    ]
    assert len(intake.produced) == len(found) and all(len(report.told) <= 200 for _, report in found)
    assert sorted(told.message_id for _, report in found for told in report.told) == sorted(messages)
    for partition, report in found:
        assert (report.outcome, report.route, report.source) == ("told", "wa", "whatsapp")
        for told in report.told:
            assert ids.partition_of_message(told.message_id, 4) == partition
            assert (told.kind, told.attempt, told.at) == ("delivered", 2, 1_786_000_000)


def test_what_knows_the_providers_id_alone_goes_to_the_partition_of_that(tmp_path: Path) -> None:
    """
    MSG91 does not repeat our id.
    """
    intake = Intake(tmp_path, MSG91)
    body = (SAMPLES / "msg91-dlr-new-webhook.json").read_bytes()
    intake.take(encode(received(MSG91, body)))
    assert intake.of(topics.REF_LEARNED)
    for partition, raw in intake.of(topics.REF_LEARNED):
        record = cast(References, decode(References, raw))
        assert record.route == "in" and record.source == "msg91"
        for row in record.rows:
            assert row.told is not None and row.ref == row.told.ref and not row.message_id
            assert partition_of(key_of("in", row.ref), 4) == partition


def test_what_is_written_goes_to_the_person_with_the_accounts_whose_number_it_is(tmp_path: Path) -> None:
    """
    Accounts that have the number; else those of the route; else it is found out where the person is known. An account
    that must not use the route has no number on it.
    """
    body = (SAMPLES / "whatsapp-inbound-stop.json").read_bytes()
    recipient = ids.recipient_id(SECRET, "phone", "+16505551234")
    shared, number = WHATSAPP.model_copy(update={"accounts": []}), "+15550783881"
    for route, owners, expected in (
        (WHATSAPP, ["acme"], (["acme"], "number")),
        (WHATSAPP, ["foreign"], (["acme", "other"], "route")),
        (WHATSAPP, [], (["acme", "other"], "route")),
        (shared, ["foreign"], (["foreign"], "number")),
        (shared, [], ([], "")),
    ):
        intake = Intake(tmp_path, route)
        intake.owners[number] = owners
        intake.take(encode(received(route, body)))
        ((partition, raw),) = intake.of(topics.INBOUND_RECEIVED)
        said = decode(Inbound, raw)
        assert isinstance(said, Inbound) and partition == ids.partition_of(recipient, 4)
        assert (said.recipient_id, said.kind, said.channel) == (recipient, "unsubscribed", "whatsapp")
        assert (said.accounts, said.by) == expected and said.number == number and said.text == "STOP"
        assert len(intake.produced) == 1


def test_who_has_no_number_has_written_nothing(tmp_path: Path) -> None:
    """
    A sender id writes, too: it is kept with its bytes, and nobody is suppressed.
    """
    wish = Wish("unsubscribed", "sms", "BANK", AT, "STOP")
    with pytest.raises(ValueError, match="no number"):
        inbound_of(wish, MSG91, SECRET, AT, [])
    said = inbound_of(Wish("?", "sms", "+1415", float("nan"), "a\ud800", "n" * 99, "e" * 900), MSG91, SECRET, AT, [])
    assert (said.kind, said.at, said.text, len(said.number), len(said.event)) == ("", AT, "a?", 50, 200)
    assert isinstance(decode(Inbound, encode(said)), Inbound)


def test_news_of_the_account_become_notices(tmp_path: Path) -> None:
    """
    A number that is limited or a template that is paused: the operator should not learn it from customers.
    """
    intake = Intake(tmp_path, WHATSAPP)
    raw = encode(received(WHATSAPP, (SAMPLES / "whatsapp-account-error.json").read_bytes()))
    intake.take(raw)
    intake.take(raw)
    told = intake.of(topics.THING_RECORDED)
    assert len(told) == 2 and told[0] == told[1]
    notice = json.loads(told[0][1])["body"]
    assert notice["route"] == "wa" and "too many messages" in notice["reason"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"junk", "not a ReceivedReport"),
        (encode(received(WHATSAPP.model_copy(update={"name": "gone"}), b"{}")), "not there any more"),
        (encode(received(WHATSAPP, b"not packed", packed=True)), "not packed as it should be"),
        (encode(received(WHATSAPP, b"{}")), "tells anything"),
    ],
)
def test_what_cannot_be_read_is_kept_with_its_bytes(tmp_path: Path, raw: bytes, reason: str) -> None:
    """
    A provider that changes its form overnight loses nothing: it is replayed once we know the form.
    """
    intake = Intake(tmp_path, WHATSAPP)
    intake.take(raw)
    ((_, value),) = intake.of(topics.DEAD_REPORTS)
    letter = cast(DeadLetter, decode(DeadLetter, value))
    assert reason in letter.reason and letter.topic == topics.REPORT_RECEIVED
    again = decode(ReceivedReport, letter.value)
    assert letter.value == raw or (isinstance(again, ReceivedReport) and again.body == b"{}")


def test_a_mistake_of_an_adapter_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    One provider's odd report must not keep those of all others.
    """
    broken = SimpleNamespace(events_in=lambda *_: [][0])
    monkeypatch.setattr(reports, "adapter_of", lambda *_: broken)
    intake = Intake(tmp_path, WHATSAPP)
    intake.take(encode(received(WHATSAPP, b"{}")))
    assert b"a mistake of the adapter" in intake.of(topics.DEAD_REPORTS)[0][1]


def test_many_bad_parts_are_set_aside_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Fifty thousand dead letters for one body would hide all others.
    """
    parts: list[object] = [Unreadable("odd", b"x")] * 500 + [Told(bytes(16), "delivered", AT)]
    monkeypatch.setattr(reports, "adapter_of", lambda *_: SimpleNamespace(events_in=lambda *_: parts))
    intake = Intake(tmp_path, WHATSAPP)
    intake.take(encode(received(WHATSAPP, b"{}")))
    assert len(intake.of(topics.DEAD_REPORTS)) == MOST_SINGLE + 1
    assert len(intake.of(topics.DELIVERY_REPORTED)) == 1


def test_a_bomb_is_not_unpacked() -> None:
    """
    A thousand bytes that become a thousand millions.
    """
    assert unpacked(zlib.compress(b"a" * 1_000_000)) == b"a" * 1_000_000
    assert unpacked(zlib.compress(b"a" * (MOST_BODY + 1))) is None
    assert unpacked(zlib.compress(b"abc")[:-3]) is None and unpacked(b"") is None


@given(st.builds(
    Told, st.binary(max_size=17), st.text(max_size=30), st.floats(), st.integers(-5, 1 << 40), st.text(max_size=600),
    st.text(max_size=60), detail=st.text(max_size=900), event=st.text(max_size=300), url=st.text(max_size=900),
))  # fmt: skip
def test_whatever_an_adapter_says_fits_into_records_and_tables(told: Told) -> None:
    """
    Times of other centuries and details of a megabyte come from somewhere.
    """
    parts = sorted_parts([told, Wish("", "sms", "+1", AT), AccountNews("x", AT)], received(WHATSAPP, b"body"))
    assert len(parts.told) + len(parts.refs) + len(parts.unreadable) == 1 and len(parts.news) == 1
    for each in (*parts.told, *parts.refs):
        assert abs(each.at - AT) < 41 * 86_400 and 0 <= each.attempt <= 0xFFFF
        assert len(each.detail) <= 500 and len(each.ref) <= 300 and len(encode(each)) < 12_000


def test_an_adapter_that_reads_nothing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A report of a route that has none must not vanish.
    """
    monkeypatch.setattr(reports, "adapter_of", lambda *_: SimpleNamespace())
    assert "reads no reports" in str(parts_in(WHATSAPP, received(WHATSAPP, b"")))


def test_bounces_come_back_also_while_no_route_is_stored() -> None:
    """Mail goes over the server of FANFARE_SMTP_* then, and reports name the route by the name that it has."""
    nothing = SimpleNamespace(entries={}, on_change=lambda _: None)
    implied = reports.Routes(cast(Any, nothing)).get("smtp")
    assert implied is not None and implied.adapter == "smtp"
    assert reports.Routes(cast(Any, nothing)).get("other") is None


SENDGRID = Route.model_validate({"name": "sg", "sendgrid": {"api_key": "env:K"}})


def test_a_report_that_cannot_be_stored_stops_nobody(tmp_path: Path) -> None:
    """
    Half a surrogate pair is no JSON, Python reads it all the same, and no record can be made of it.
    """
    message = ids.message_id(20_000, "c", 1, bytes(16), "email")
    told = [Told(message, "delivered", AT, said="\ud800"), Told(b"", "delivered", AT, ref="x", url="\udfff")]
    parts = sorted_parts([*told, Told(message, "delivered", AT)], received(SENDGRID, b""))
    assert len(parts.told) == 1 and not parts.refs and len(parts.unreadable) == 2
    intake = Intake(tmp_path, SENDGRID)
    events = [{"event": "\ud800", "msg_id": message.hex()}, {"event": "delivered", "msg_id": message.hex()}]
    intake.take(encode(received(SENDGRID, json.dumps(events).encode())))
    ((_, raw),) = intake.of(topics.DELIVERY_REPORTED)
    assert [each.kind for each in cast(DeliveryReport, decode(DeliveryReport, raw)).told][-1] == "delivered"


def test_a_large_body_that_cannot_be_read_is_kept_whole(tmp_path: Path) -> None:
    """
    Unpacked it is larger than a dead letter may be, and would be cut.
    """
    intake = Intake(tmp_path, SENDGRID)
    body = b"no JSON " * 400_000
    value = encode(received(SENDGRID, zlib.compress(body), packed=True))
    intake.take(value)
    ((_, raw),) = intake.of(topics.DEAD_REPORTS)
    letter = cast(DeadLetter, decode(DeadLetter, raw))
    assert letter.value == value and not letter.reason.startswith("cut")


MAILGUN = Route.model_validate({"name": "mg", "mailgun": {"api_key": "env:K", "domain": "m.example"}})


def test_a_token_of_mailgun_that_two_edges_took_is_good_for_one_body(tmp_path: Path) -> None:
    """
    Its signature is over the token alone; what came first with it counts, also when it is read again.
    """
    intake = Intake(tmp_path, MAILGUN)
    message = ids.message_id(20_000, "c", 1, bytes(16), "email").hex()
    for event in ("delivered", "delivered", "complained"):
        body = json.dumps({"event-data": {"event": event, "user-variables": {"msg_id": message, "attempt": "1"}}})
        intake.take(encode(received(MAILGUN, body.encode(), id="token")))
    told = [cast(DeliveryReport, decode(DeliveryReport, raw)).told for _, raw in intake.of(topics.DELIVERY_REPORTED)]
    assert told and {each.kind for rows in told for each in rows} == {"delivered"}
    ((_, raw),) = intake.of(topics.DEAD_REPORTS)
    assert b"another body" in raw


def test_tokens_are_bounded() -> None:
    """
    The latest are remembered.
    """
    tokens = Tokens(2)
    for token in ("a", "b", "c"):
        tokens.note("mg", token, b"1")
    assert [tokens.is_reused("mg", token, b"2") for token in ("a", "b", "c")] == [False, True, True]
    assert not tokens.is_reused("other", "c", b"2") and not tokens.is_reused("mg", "c", b"1")
    tokens.note("mg", "c", b"2")  # at once with the first: that stays the true one
    assert tokens.is_reused("mg", "c", b"2") and not tokens.is_reused("mg", "c", b"1")
