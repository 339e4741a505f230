"""Nothing that comes from outside makes an adapter of phones raise: hostile bodies, answers, webhooks."""

import json
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.providers import msg91, twilio, twilio_voice, vonage, whatsapp
from app.providers.contract import AccountNews, Answer, Hook, Message, Sought, Unreadable, Wish
from app.records import ReceivedReport, Told
from tests.providers.phone_routes import (
    AT,
    MSG91,
    SAMPLES,
    SECRETS,
    TWILIO,
    VONAGE,
    WHATSAPP,
    call,
    received,
    sms,
    template,
)

ADAPTERS: dict[str, tuple[ModuleType, Any, Message]] = {
    "twilio": (twilio, TWILIO, sms()),
    "twilio_voice": (twilio_voice, TWILIO, call()),
    "msg91": (msg91, MSG91, sms()),
    "vonage": (vonage, VONAGE, sms()),
    "whatsapp": (whatsapp, WHATSAPP, template()),
}
NAMES = st.sampled_from([
    "MessageSid", "MessageStatus", "ErrorCode", "CallSid", "CallStatus", "SipResponseCode", "From", "Body", "Digits",
    "sid", "status", "code", "error_code", "messages", "calls", "message", "type", "data", "report", "requestId",
    "number", "desc", "failedReason", "date", "ts", "messageId", "err-code", "msisdn", "text", "timestamp",
    "message-timestamp", "client-ref", "entry", "changes", "field", "value", "statuses", "errors", "error",
    "error_data", "details", "id", "from", "button", "interactive", "user_preferences", "wa_id", "metadata", "sig",
    "date_updated",
])  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["1", "0", "failed", "delivered", "messages", "\ud800", "\x00", "9" * 5_000,
                       "2026-13-45 99:99:99", "-1", "1e400", "nan", "user_preferences", "stop"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)


def written(value: Any) -> bytes:
    """JSON, of what Python writes of it."""
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass")
    except ValueError:
        return b"9" * 6_000  # a number that is too long to be written


BODIES = (
    st.binary(max_size=200)
    | VALUES.map(written)
    | st.tuples(VALUES.map(written), st.integers(0, 200)).map(lambda each: each[0][: each[1]])
    | st.lists(st.tuples(NAMES, st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)), max_size=8).map(
        lambda each: urlencode(each).encode()
    )
    | st.sampled_from([
        b"[" * 100_000, b'{"entry":' * 50_000, b'{"a":1,"a":2}', b"NaN", b"[Infinity]", b"9" * 10_000, b'"\\ud800"',
        b"\xff\xfe\x00\x00", b"=&" * 10_000, b"data=" + b"[" * 50_000, b"%" * 1_000, b"\x00",
        b'{"messages":[{"status":"0","message-id":{}}]}', b'{"entry":[{"changes":[{"field":"messages","value":[]}]}]}',
    ])
)  # fmt: skip
QUERIES = st.text(max_size=50) | st.sampled_from(["m=zz&a=1", "m=" + "0" * 32 + "&a=99999", "k=9", "&" * 1_000, "%ff"])


def check_events(events: list[Any]) -> None:
    """Each can be stored as it is."""
    for event in events:
        assert isinstance(event, Told | Wish | AccountNews | Unreadable)
        if isinstance(event, Told):
            msgspec.msgpack.encode(event)
            assert event.kind in list(ReportKind)
            assert len(event.message_id) in (0, 16) and (event.message_id or event.ref)
            assert len(event.detail) <= 500 and len(event.event) <= 300 and abs(event.code) < 2**31
            assert 0 < event.at < 5e9
            assert event.action in ("suppress", "retry", "slow", "alert", "none")
        elif isinstance(event, Wish):
            f"{event.text}{event.address}".encode()
            assert len(event.text) <= 500 and event.kind in ("", "unsubscribed", "resubscribed", "help")
        elif isinstance(event, AccountNews):
            assert len(event.text.encode()) <= 2_000


@pytest.mark.parametrize("name", ADAPTERS)
@settings(max_examples=60, deadline=None)
@given(body=BODIES, query=QUERIES, source=st.sampled_from(["webhook", "lookup"]))
def test_any_report_is_read_or_kept(name: str, body: bytes, query: str, source: str) -> None:
    """A body that stops the intake would stop every report behind it."""
    module, config, _ = ADAPTERS[name]
    report = ReceivedReport(name, "r", source, AT, body, "", query)
    check_events(module.events_in(config, report))


@pytest.mark.parametrize("name", ADAPTERS)
@settings(max_examples=60, deadline=None)
@given(body=BODIES, status=st.integers(100, 599))
def test_any_answer_has_an_outcome(name: str, body: bytes, status: int) -> None:
    """A message without one would be lost."""
    module, _, message = ADAPTERS[name]
    (outcome,) = module.result_of([message], Answer(status, {}, body), AT)
    msgspec.msgpack.encode(outcome)
    assert outcome.kind in list(Kind) and len(outcome.detail) <= 500 and len(outcome.ref) <= 500
    if status >= 400:
        assert outcome.kind not in (Kind.ACCEPTED, Kind.DELIVERED) or outcome.code == 311


@pytest.mark.parametrize("name", ADAPTERS)
@settings(max_examples=60, deadline=None)
@given(
    body=BODIES, query=QUERIES, method=st.sampled_from(["GET", "POST"]), peer=st.text(max_size=20),
    said=st.text(max_size=60) | st.sampled_from(["sha256=", "\ud800"]),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "\ud800", ""]),
    host=st.sampled_from(["f.test", "f.test:443", "[::1]:x", "", "f.test:99999999", "[", "a@b:1"]),
)  # fmt: skip
def test_no_made_up_webhook_is_believed(
    name: str, body: bytes, query: str, method: str, peer: str, said: str, kind: str, host: str
) -> None:
    """Nor makes it the edge raise."""
    module, config, _ = ADAPTERS[name]
    if name == "msg91":
        config = config.model_copy(update={"from_addresses": ["203.0.113.0/24"]})
    headers = {"x-twilio-signature": said, "x-hub-signature-256": said, "content-type": kind}
    webhook = Hook(method, f"https://{host}/h?{query}", query, headers, body, peer)
    assert module.verified(config, SECRETS, webhook, AT)
    if hasattr(module, "answer_for"):
        module.answer_for(config, SECRETS, webhook, AT)


@pytest.mark.parametrize("name", ADAPTERS)
@settings(max_examples=40, deadline=None)
@given(
    text=st.text(max_size=80), number=st.text(max_size=20), sender=st.text(max_size=20), ref=st.text(max_size=20),
    at=st.floats(0, 1e12),
)  # fmt: skip
def test_any_message_has_a_request(name: str, text: str, number: str, sender: str, ref: str, at: float) -> None:
    """Whatever a template made of a contact's variables; a content of another channel too."""
    module, config, _ = ADAPTERS[name]
    for message in (sms(text, number, sender=sender), call(text, sender=sender), template(parameters=(text,))):
        request = module.request_for(config, SECRETS, [message], AT)
        assert request.url.startswith("https://") and request.url.isascii() and " " not in request.url
        assert all(value.isascii() and "\n" not in value for value in request.headers.values())
        if request.headers["content-type"] == "application/json":
            json.loads(request.body)
    lookup = module.lookup_for(config, SECRETS, Sought(b"\x00" * 16, 1, ref, at, number), AT)
    assert lookup is None or (lookup.url.isascii() and lookup.body == b"")


HOOKS = [
    path.stem for path in sorted(SAMPLES.glob("*.json"))
    if path.stem.partition("-")[0] in ("twilio", "msg91", "vonage", "whatsapp") and "-api" not in path.stem
]  # fmt: skip


@pytest.mark.parametrize("name", HOOKS)
def test_a_sample_that_is_cut_anywhere_is_read_or_kept(name: str) -> None:
    """A connection may break anywhere."""
    adapter = "twilio_voice" if name.startswith("twilio-voice") else name.partition("-")[0]
    module, config, _ = ADAPTERS[adapter]
    whole = received(name, adapter)
    for at in range(0, len(whole.body), 7):
        report = ReceivedReport(adapter, "r", "webhook", AT, whole.body[:at])
        check_events(module.events_in(config, report))
