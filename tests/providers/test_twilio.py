"""Twilio's SMS: what is sent, what comes back, and what is believed."""

import json
from urllib.parse import parse_qsl, urlencode

import pytest

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.providers import echo, twilio
from app.providers.contract import Sought, Unreadable, Wish
from app.records import Told
from tests.providers.phone_routes import (
    AT,
    CALLBACK,
    ID,
    SECRETS,
    TWILIO,
    answer,
    hook,
    received,
    reported,
    sample,
    sms,
)

QUERY = f"m={ID.hex()}&a=3"
SID = "SM" + "a" * 32
FORM = {"content_type": "application/x-www-form-urlencoded; charset=UTF-8"}
VECTORS = sample("vectors-twilio")["vectors"]


def test_a_message_is_asked_for_as_the_reference_has_it() -> None:
    """Fields, address and credentials of the recorded request; our own id goes along in the address of the report."""
    recorded = sample("twilio-api-messages")["request"]
    config = TWILIO.model_copy(update={"messaging_service": recorded["form"]["MessagingServiceSid"], "sender": ""})
    request = twilio.request_for(config, SECRETS, [sms()], AT)
    form = dict(parse_qsl(request.body.decode()))
    assert (request.method, request.url) == (recorded["method"], recorded["url"])
    assert form.pop("StatusCallback") == f"{CALLBACK}?m={ID.hex()}&a=1#rc=2&rp=ct,rt,5xx"
    recorded["form"].pop("StatusCallback")
    assert form == recorded["form"]


@pytest.mark.parametrize(
    ("sender", "service", "named"),
    [
        ("", "", {"From": "+15005550006"}),
        ("ACME", "", {"From": "ACME"}),
        ("", "MG1", {"From": "+15005550006", "MessagingServiceSid": "MG1"}),
        ("MG" + "b" * 32, "MG1", {"MessagingServiceSid": "MG" + "b" * 32}),
    ],
)
def test_the_sender_is_a_number_a_name_or_a_service(sender: str, service: str, named: dict[str, str]) -> None:
    """A campaign's own sender goes before that of the route."""
    config = TWILIO.model_copy(update={"messaging_service": service})
    form = dict(parse_qsl(twilio.request_for(config, SECRETS, [sms(sender=sender)], AT).body.decode()))
    assert {name: form[name] for name in ("From", "MessagingServiceSid") if name in form} == named


def test_an_api_key_goes_before_the_auth_token() -> None:
    """It can be taken back without touching the signature of webhooks."""
    by_token = twilio.authorization(TWILIO, SECRETS)
    by_key = twilio.authorization(TWILIO.model_copy(update={"api_key": "SK1"}), SECRETS)
    assert by_token != by_key
    assert by_key == "Basic U0sxOnNlY3JldA=="


@pytest.mark.parametrize(
    ("status", "document", "kind", "klass"),
    [
        (201, sample("twilio-api-messages")["response_201"], Kind.ACCEPTED, ""),
        (400, sample("twilio-api-messages")["response_400"], Kind.BLOCKED, "suppressed"),
        (429, sample("twilio-api-messages")["response_429"], Kind.THROTTLED, "technical"),
        (401, {"code": 20003}, Kind.UNAVAILABLE, "account"),
        (400, {"code": 21211}, Kind.REFUSED, "hard"),
        (400, {"code": 21614}, Kind.REFUSED, "hard"),
        (400, {"code": 21408}, Kind.BLOCKED, "account"),
        (400, {"code": 21606}, Kind.UNAVAILABLE, "account"),
        (400, {"code": 21617}, Kind.BLOCKED, "content"),
        (429, {"code": 21611}, Kind.THROTTLED, "technical"),
        (400, {"code": 99999, "message": "new"}, Kind.BLOCKED, "content"),
        (500, {"code": 20500}, Kind.UNCERTAIN, "lost_reply"),
        (503, {"code": 20503}, Kind.UNAVAILABLE, "service"),
        (502, b"<html>Bad gateway", Kind.UNCERTAIN, "lost_reply"),
        (503, b"", Kind.UNAVAILABLE, "service"),
        (403, b"", Kind.UNAVAILABLE, "account"),
        (201, b"{", Kind.UNCERTAIN, "lost_reply"),
        (201, {"sid": SID, "status": "failed", "error_code": 21610}, Kind.BLOCKED, "suppressed"),
    ],
)
def test_an_answer_is_read_by_its_code(status: int, document: object, kind: Kind, klass: str) -> None:
    """What may have gone is never sent again as if it had not."""
    (outcome,) = twilio.result_of([sms()], answer(status, document), AT)
    assert (outcome.kind, outcome.klass) == (kind, klass)
    assert outcome.ref == (SID if status == 201 and "sid" in str(document) else "")


def test_a_wrong_sender_of_one_campaign_stops_no_other() -> None:
    """The breaker of the route would open for what one customer mistyped."""
    (outcome,) = twilio.result_of([sms(sender="+1")], answer(400, {"code": 21606}), AT)
    assert (outcome.kind, outcome.klass) == (Kind.BLOCKED, "account")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("queued", Told(ID, "accepted", AT, 3, SID, event=f"{SID}|queued", said="queued")),
        ("sent", Told(ID, "accepted", AT, 3, SID, event=f"{SID}|sent", said="sent")),
        ("delivered", Told(ID, "delivered", AT, 3, SID, event=f"{SID}|delivered", said="delivered")),
        (
            "undelivered",
            Told(ID, "bounced", AT, 3, SID, "soft", "unreachable", 30003, action="retry", event=f"{SID}|undelivered",
                 said="undelivered"),
        ),
        (
            "failed",
            Told(ID, "blocked", AT, 3, SID, "content", "spamdetected", 30007, action="alert", event=f"{SID}|failed",
                 said="failed"),
        ),
    ],
)  # fmt: skip
def test_a_report_becomes_what_the_reference_says(name: str, told: Told) -> None:
    """Statuses and error codes of tables 6.2 and 12.3."""
    assert twilio.events_in(TWILIO, received(f"twilio-sms-{name}", "twilio", QUERY)) == [told]


@pytest.mark.parametrize(
    ("code", "kind", "klass", "action"),
    [
        (30001, ReportKind.FAILED, "technical", "slow"),
        (30002, ReportKind.FAILED, "account", "alert"),
        (30004, ReportKind.BLOCKED, "block", "none"),
        (30005, ReportKind.BOUNCED, "hard", "suppress"),
        (30006, ReportKind.BOUNCED, "hard", "suppress"),
        (30034, ReportKind.BLOCKED, "account", "alert"),
        (30036, ReportKind.EXPIRED, "soft", "none"),
        (39999, ReportKind.BOUNCED, "soft", "retry"),
        (0, ReportKind.BOUNCED, "soft", "retry"),
    ],
)
def test_only_a_number_that_cannot_work_is_suppressed(code: int, kind: ReportKind, klass: str, action: str) -> None:
    """A code that nobody knows says nothing of the number."""
    body = urlencode({"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": code or ""}).encode()
    (told,) = twilio.events_in(TWILIO, reported("twilio", body))
    assert isinstance(told, Told)
    assert (told.kind, told.klass, told.action, told.code, told.message_id) == (kind, klass, action, code, b"")


def test_a_status_that_nobody_knows_is_kept() -> None:
    """Twilio adds some now and then."""
    (told,) = twilio.events_in(TWILIO, reported("twilio", b"MessageSid=SM1&MessageStatus=levitating"))
    assert isinstance(told, Told)
    assert (told.kind, told.said) == (ReportKind.UNRECOGNISED, "levitating")


def test_stop_comes_in_as_a_wish() -> None:
    """Twilio's own reading goes before ours."""
    (wish,) = twilio.events_in(TWILIO, received("twilio-sms-inbound-stop", "twilio"))
    assert wish == Wish("unsubscribed", "sms", "+14155550100", AT, "STOP", "+15005550006", "SM" + "b" * 32, True)
    body = urlencode({"From": "+14155550100", "Body": "ALTO", "SmsStatus": "received", "MessageSid": "SM1"}).encode()
    (wish,) = twilio.events_in(TWILIO, reported("twilio", body))
    assert isinstance(wish, Wish) and wish.kind == "unsubscribed" and not wish.answered


def test_whatsapp_over_twilio_is_a_channel_of_its_own() -> None:
    """Numbers have a prefix there; the language is that of the number behind it."""
    form = {
        "From": "whatsapp:+4915123456789",
        "To": "whatsapp:+15005550006",
        "Body": "abmelden",
        "SmsStatus": "received",
    }
    (wish,) = twilio.events_in(TWILIO, reported("twilio", urlencode(form).encode()))
    assert wish == Wish("unsubscribed", "whatsapp", "+4915123456789", AT, "abmelden", "+15005550006")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda each: each["name"])
def test_signatures_of_the_vectors_hold(vector: dict[str, object]) -> None:
    """And with one byte changed, anywhere, they do not."""
    url, token, said = str(vector["url"]), {"auth_token": str(vector["auth_token"])}, str(vector["signature"])
    raw = vector.get("raw_body")
    body = str(raw).encode() if raw else urlencode([tuple(each) for each in vector["params"]]).encode()  # type: ignore[attr-defined]
    kind = "application/json" if raw else FORM["content_type"]

    def why(url: str = url, body: bytes = body, said: str = said, token: dict[str, str] = token) -> str:
        return twilio.verified(TWILIO, token, hook(url, body, x_twilio_signature=said, content_type=kind), AT)

    assert why() == ""
    assert why(said=("A" if said[0] != "A" else "B") + said[1:])
    assert why(token={"auth_token": str(vector["auth_token"]) + "x"})
    assert why(url=url + "&x=1")
    assert why(url=url.replace("example", "exbmple").replace("mycompany", "mycompbny"))
    for at in (0, len(body) // 2, len(body) - 1):
        assert why(body=body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])


def test_nothing_is_believed_without_token_or_signature() -> None:
    """A route whose secret is missing must not be open to everybody."""
    assert twilio.verified(TWILIO, {}, hook("https://f.test/", b"a=1", x_twilio_signature="x"), AT)
    assert twilio.verified(TWILIO, SECRETS, hook("https://f.test/", b"a=1"), AT)


def test_a_webhook_is_answered_in_twiml() -> None:
    """Anything else is an error in Twilio's log, and a text that starts with < would be sent as an SMS."""
    found = twilio.answer_for(TWILIO, SECRETS, hook("https://f.test/"), AT)
    assert found is not None
    assert (found.body, found.headers["content-type"].partition(";")[0]) == (b"<Response/>", "text/xml")


# -- look-ups

RESOURCE = {
    **sample("twilio-api-messages")["response_201"], "status": "delivered", "direction": "outbound-api",
    "date_created": "Thu, 06 Aug 2026 06:26:40 +0000", "date_updated": "Thu, 06 Aug 2026 06:27:00 +0000",
}  # fmt: skip
SENT = 1_785_997_600.0


def test_a_message_is_fetched_by_its_id() -> None:
    """And its answer tells what a webhook would have."""
    sought = Sought(ID, 1, SID, SENT, "+14155550100")
    request = twilio.lookup_for(TWILIO, SECRETS, sought, AT)
    assert request is not None and request.url.endswith(f"/Messages/{SID}.json") and request.method == "GET"
    (told,) = twilio.events_in(
        TWILIO, reported("twilio", json.dumps(RESOURCE).encode(), echo.query_of(sought), "lookup")
    )
    assert isinstance(told, Told)
    assert (told.message_id, told.attempt, told.kind, told.event) == (ID, 1, "delivered", f"{SID}|delivered")
    assert told.at == SENT + 20


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([RESOURCE], True),
        ([RESOURCE, {**RESOURCE, "sid": "SM2", "date_created": "Thu, 06 Aug 2026 09:00:00 +0000"}], True),
        ([RESOURCE, {**RESOURCE, "sid": "SM2"}], False),
        ([{**RESOURCE, "direction": "inbound"}], False),
        ([], False),
    ],
)
def test_a_message_without_an_id_is_found_only_where_it_is_certain(messages: list[object], found: bool) -> None:
    """The status of somebody else's message must not close it."""
    sought = Sought(ID, 1, "", SENT, "+14155550100")
    request = twilio.lookup_for(TWILIO, SECRETS, sought, AT)
    assert request is not None
    query = dict(parse_qsl(request.url.partition("?")[2]))
    assert (query["To"], query["DateSent>"], query["DateSent<"]) == ("+14155550100", "2026-08-06", "2026-08-08")
    body = json.dumps({"messages": messages}).encode()
    events = twilio.events_in(TWILIO, reported("twilio", body, echo.query_of(sought), "lookup"))
    assert [isinstance(each, Told) for each in events] == [True] * found


def test_a_message_that_is_not_there_tells_nothing() -> None:
    """It is not said that it was never sent: a list may lag behind."""
    body = json.dumps({"code": 20404, "status": 404}).encode()
    assert twilio.events_in(TWILIO, reported("twilio", body, "", "lookup")) == []
    assert isinstance(twilio.events_in(TWILIO, reported("twilio", b"<html>", "", "lookup"))[0], Unreadable)
