"""Vonage: answers in parts, signatures by five methods, receipts."""

import json
from urllib.parse import urlencode

import pytest

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.providers import vonage
from app.providers.contract import Wish
from app.records import Told
from tests.providers.phone_routes import (
    AT,
    CALLBACK,
    ID,
    SECRETS,
    VONAGE,
    answer,
    hook,
    received,
    reported,
    sample,
    sms,
)

VECTORS = sample("vectors-vonage")
METHODS = {"sha256 HMAC": "sha256", "md5 HMAC": "md5", "md5 hash (secret appended, not HMAC; computed here)": "md5hash"}


def test_a_message_is_asked_for() -> None:
    """Digits without a plus, our id as client-ref, and unicode only where the text needs it."""
    request = vonage.request_for(VONAGE, SECRETS, [sms()], AT)
    assert (request.method, request.url) == ("POST", "https://rest.nexmo.com/sms/json")
    assert json.loads(request.body) == {
        "api_key": "abcd1234", "api_secret": "secret", "from": "AcmeInc", "to": "14155550100", "text": "Hello",
        "client-ref": f"{ID.hex()}-1", "callback": CALLBACK,
    }  # fmt: skip
    assert json.loads(vonage.request_for(VONAGE, SECRETS, [sms("Привет")], AT).body)["type"] == "unicode"


@pytest.mark.parametrize(
    ("document", "kind", "klass", "ref"),
    [
        (sample("vonage-api-sms")["response_ok"], Kind.ACCEPTED, "", "0C000000217B7F02"),
        (
            {"messages": [{"status": "0", "message-id": "A"}, {"status": "0", "message-id": "B"}]},
            Kind.ACCEPTED, "", "A,B",
        ),
        (
            sample("vonage-api-sms")["response_throttled"], Kind.UNCERTAIN, "lost_reply",
            "3295d748-4e14-4681-af78-166dca3c5aab",
        ),
        ({"messages": [{"status": "1"}]}, Kind.THROTTLED, "technical", ""),
        ({"messages": [{"status": "4"}]}, Kind.UNAVAILABLE, "account", ""),
        ({"messages": [{"status": "9"}]}, Kind.UNAVAILABLE, "account", ""),
        ({"messages": [{"status": "5"}]}, Kind.DEFERRED, "technical", ""),
        ({"messages": [{"status": "7"}]}, Kind.BLOCKED, "block", ""),
        ({"messages": [{"status": "3"}]}, Kind.BLOCKED, "content", ""),
        ({"messages": [{"status": "12345"}]}, Kind.BLOCKED, "content", ""),
        ({"messages": []}, Kind.UNCERTAIN, "lost_reply", ""),
        (b"", Kind.UNCERTAIN, "lost_reply", ""),
    ],
)  # fmt: skip
def test_an_answer_is_read_part_by_part(document: object, kind: Kind, klass: str, ref: str) -> None:
    """A message that was taken in part must not be sent again as if nothing had gone."""
    (outcome,) = vonage.result_of([sms()], answer(200, document), AT)
    assert (outcome.kind, outcome.klass, outcome.ref) == (kind, klass, ref)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda each: each["method"])
@pytest.mark.parametrize("where", ["query", "form", "json"])
def test_signatures_of_the_vectors_hold(vector: dict[str, object], where: str) -> None:
    """And with one byte changed, anywhere, they do not."""
    config = VONAGE.model_copy(update={"signature_method": METHODS[str(vector["method"])]})
    secret = {"signature_secret": VECTORS["signature_secret"]}
    params = dict(vector["params"])  # type: ignore[call-overload]
    at = float(params["timestamp"])

    def why(changed: dict[str, object] = params, said: str = str(vector["sig"]), at: float = at) -> str:
        fields = {**changed, "sig": said}
        body = json.dumps(fields) if where == "json" else urlencode(fields)
        address = f"https://f.test/?{body}" if where == "query" else "https://f.test/"
        return vonage.verified(config, secret, hook(address, b"" if where == "query" else body.encode()), at)

    assert why() == why(said=str(vector["sig"]).upper()) == ""
    assert why(said=("0" if str(vector["sig"])[0] != "0" else "1") + str(vector["sig"])[1:])
    for name, value in params.items():
        assert why({**params, name: f"{str(value)[:-1]}x"})
    assert why({**params, "more": "x"})
    assert why(at=at + 100_000) and why(at=at - 1_000)


def test_without_a_secret_the_address_is_the_secret() -> None:
    """Signing is a setting of the account."""
    assert vonage.verified(VONAGE, {}, hook("https://f.test/?a=1"), AT) == ""
    assert vonage.verified(VONAGE, SECRETS, hook("https://f.test/?a=1"), AT)


def test_a_receipt_becomes_what_the_reference_says() -> None:
    """The recorded one has another's client-ref: it is found by its id."""
    assert vonage.events_in(VONAGE, received("vonage-dlr-delivered", "vonage")) == [
        Told(
            b"", "delivered", 1_767_268_800.0, 0, "0A0000001234567B", detail="network 12345",
            event="0A0000001234567B|delivered", said="delivered",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "kind", "klass", "action"),
    [
        ("accepted", "0", ReportKind.ACCEPTED, "", "none"),
        ("buffered", "0", ReportKind.ACCEPTED, "", "none"),
        ("expired", "2", ReportKind.EXPIRED, "soft", "retry"),
        ("unknown", "1", ReportKind.FAILED, "undetermined", "none"),
        ("failed", "3", ReportKind.BOUNCED, "hard", "suppress"),
        ("failed", "9", ReportKind.BOUNCED, "hard", "suppress"),
        ("failed", "12", ReportKind.BOUNCED, "soft", "retry"),
        ("failed", "77", ReportKind.BOUNCED, "undetermined", "none"),
        ("rejected", "14", ReportKind.BLOCKED, "block", "alert"),
        ("rejected", "6", ReportKind.BLOCKED, "block", "alert"),
        ("rejected", "9", ReportKind.BLOCKED, "block", "none"),
        ("humming", "0", ReportKind.UNRECOGNISED, "", "none"),
    ],
)
def test_only_a_number_that_cannot_work_is_suppressed(
    status: str, code: str, kind: ReportKind, klass: str, action: str
) -> None:
    """Table 8, and 12.3 for the statuses."""
    query = urlencode({"messageId": "A", "status": status, "err-code": code, "client-ref": f"{ID.hex()}-4"})
    (told,) = vonage.events_in(VONAGE, reported("vonage", b"", query))
    assert isinstance(told, Told)
    assert (told.message_id, told.attempt, told.kind, told.klass, told.action) == (ID, 4, kind, klass, action)


def test_stop_comes_in_as_a_wish() -> None:
    """As a query, a form or JSON."""
    fields = {"msisdn": "33612345678", "to": "36111", "messageId": "I1", "text": "ARRÊT", "type": "text"}
    wish = Wish("unsubscribed", "sms", "+33612345678", AT, "ARRÊT", "36111", "I1")
    assert vonage.events_in(VONAGE, reported("vonage", b"", urlencode(fields))) == [wish]
    assert vonage.events_in(VONAGE, reported("vonage", urlencode(fields).encode())) == [wish]
    assert vonage.events_in(VONAGE, reported("vonage", json.dumps(fields).encode())) == [wish]
