"""Amazon SES: what is sent, what its answers mean, which notifications are believed, and what they tell."""

import json
import time
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

import botocore.session
import pytest
from botocore.serialize import create_serializer
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Ses
from app.providers import ses, sns
from app.providers.contract import AccountNews, Answer, Hook, Sought, Unreadable
from app.records import Told
from app.transport.http_pool import HttpPool
from app.transport.secrets import SecretKeeper
from tests.providers.parcels import Given
from tests.providers.samples import NOW, hostile, looked_up, messages, sample, torn, webhook, with_a_byte_changed
from tests.transport.api_server import Came, answer, api

TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-events"
CONFIG = Ses(region="us-east-1", access_key="env:A", secret_key="env:B", configuration_set="ConfigSet", topics=[TOPIC])
SECRETS = {"access_key": "AKIDEXAMPLE", "secret_key": "wJalr", "session_token": "", "certificate": ""}
MESSAGE = "00112233445566778899aabbccddeeff"
SNS = sample("vectors-sns")
VECTORS = [vector["message"] for vector in SNS["vectors"]]
CERTIFIED = {**SECRETS, "certificate": SNS["certificate_pem"]}
AT = datetime.fromisoformat("2026-08-05T00:41:10Z").timestamp()


# -- requests


def test_a_request_carries_our_whole_message_and_its_id() -> None:
    """Not a byte of it is SES's: header, parts and a signature of ours."""
    (message,) = messages([("Ann", "Pune")], whole=True)
    request = ses.request_for(CONFIG, SECRETS, [message], NOW)
    assert request.url == "https://email.us-east-1.amazonaws.com/v2/email/outbound-emails"
    body = json.loads(request.body)
    assert b64decode(body["Content"]["Raw"]["Data"]) == message.content
    assert body["EmailTags"] == [
        {"Name": "msg_id", "Value": "00" * 16},
        {"Name": "attempt", "Value": "1"},
        {"Name": "campaign", "Value": "cmp_1__"},
    ]
    assert body["Destination"] == {"ToAddresses": ["p0@example.com"]} and body["ConfigurationSetName"] == "ConfigSet"
    assert ses.form_of(CONFIG) == "whole"


def test_their_own_library_makes_the_same_request() -> None:
    """botocore checks the fields against the model of the service, and writes the same JSON."""
    (message,) = messages([("Ann", "Pune")], whole=True)
    ours = ses.request_for(CONFIG, SECRETS, [message], NOW)
    body = json.loads(ours.body)
    body["Content"]["Raw"]["Data"] = b64decode(body["Content"]["Raw"]["Data"])
    model = botocore.session.Session().get_service_model("sesv2")
    theirs = create_serializer("rest-json").serialize_to_request(body, model.operation_model("SendEmail"))
    assert (theirs["method"], theirs["url_path"]) == (ours.method, "/v2/email/outbound-emails")
    assert json.loads(theirs["body"]) == json.loads(ours.body)
    asked = ses.lookup_for(CONFIG, SECRETS, Sought(bytes(16), 1, "0100+a/b-000000", NOW), NOW)
    theirs = create_serializer("rest-json").serialize_to_request(
        {"MessageId": "0100+a/b-000000"}, model.operation_model("GetMessageInsights")
    )
    assert asked is not None and asked.url == "https://email.us-east-1.amazonaws.com" + theirs["url_path"]


def test_test_mode_is_their_mailbox_simulator() -> None:
    """It is accepted and reported, and reaches nobody."""
    config = CONFIG.model_copy(update={"test": True, "region": "cn-north-1"})
    request = ses.request_for(config, SECRETS, messages([("Ann", "Pune")], whole=True), NOW)
    assert request.url.startswith("https://email.cn-north-1.amazonaws.com.cn/")
    assert json.loads(request.body)["Destination"]["ToAddresses"] == [f"success+{'00' * 16}@simulator.amazonses.com"]


async def test_what_arrives_is_what_was_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the wire: host, time and body are those of the signature; a clock that differs is corrected."""
    monkeypatch.setenv("A", "AKIDEXAMPLE")
    monkeypatch.setenv("B", "wJalr")
    ahead = 3_600.0

    def check(came: Came) -> bytes:
        at = datetime.strptime(came.headers["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        names = came.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        assert names == ["content-type", "host", "x-amz-date"]
        url = f"http://{came.headers['host']}{came.line.split(' ')[1]}"
        again = ses.signed_headers(
            "POST", url, {"Content-Type": came.headers["content-type"]}, came.body, at,
            access_key="AKIDEXAMPLE", secret_key="wJalr", region="us-east-1", service="ses",
        )  # fmt: skip
        assert again["Authorization"] == came.headers["authorization"]
        if abs(at - (now := time.time() + ahead)) > 300:
            said = {"message": "Signature expired: 2026 is now earlier than 2027"}
            return answer(
                403, json.dumps(said).encode(), x_amzn_errortype="InvalidSignatureException", Date=formatdate(now)
            )
        return answer(200, b'{"MessageId": "0100-1"}')

    async with api(check) as server:
        config = CONFIG.model_copy(update={"url": f"http://127.0.0.1:{server.port}"})
        pool, mailing = HttpPool(ses, config, SecretKeeper()), Given(messages([("A", "B"), ("C", "D")], whole=True))
        await pool.deliver(mailing, 1)
        assert [outcome.kind for outcome in mailing.outcomes.values()] == [Kind.ACCEPTED] * 2
        assert len(server.came) == 3 and mailing.outcomes[0].ref == "0100-1"
        await pool.close()


# -- answers


def answered(status: int, error: str = "", words: str = "x", body: bytes | None = None) -> Any:
    """The outcome of one message."""
    raw = json.dumps({"message": words}).encode() if body is None else body
    headers = {"x-amzn-errortype": error} if error else {}
    (outcome,) = ses.result_of(messages([("A", "B")], whole=True), Answer(status, headers, raw), NOW)
    return outcome


@pytest.mark.parametrize(
    ("status", "error", "words", "kind", "klass"),
    [
        (429, "TooManyRequestsException", "Maximum sending rate exceeded.", Kind.THROTTLED, ""),
        (429, "TooManyRequestsException:http://amazon.com/x", "Daily message quota exceeded", Kind.THROTTLED, ""),
        (400, "ThrottlingException", "Rate exceeded", Kind.THROTTLED, ""),
        (400, "LimitExceededException", "", Kind.THROTTLED, ""),
        (400, "MessageRejected", "Message contains a virus", Kind.BLOCKED, "content"),
        (400, "MessageRejected", "Email address is not verified. The following", Kind.UNAVAILABLE, "account"),
        (400, "MailFromDomainNotVerifiedException", "", Kind.UNAVAILABLE, "account"),
        (400, "AccountSuspendedException", "", Kind.UNAVAILABLE, "account"),
        (400, "SendingPausedException", "", Kind.UNAVAILABLE, "account"),
        (400, "BadRequestException", "Local address contains control", Kind.BLOCKED, "content"),
        (404, "NotFoundException", "Configuration set <x> does not exist", Kind.UNAVAILABLE, "account"),
        (403, "SignatureDoesNotMatch", "", Kind.UNAVAILABLE, "account"),
        (403, "UnrecognizedClientException", "", Kind.UNAVAILABLE, "account"),
        (403, "SomethingNew", "", Kind.UNAVAILABLE, "account"),
        (400, "SomethingNew", "", Kind.BLOCKED, "content"),
        (500, "InternalServiceErrorException", "", Kind.DEFERRED, "soft"),
        (500, "", "", Kind.UNCERTAIN, "lost_reply"),
        (503, "ServiceUnavailable", "", Kind.UNAVAILABLE, "service"),
        (504, "", "", Kind.UNCERTAIN, "lost_reply"),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(status: int, error: str, words: str, kind: Kind, klass: str) -> None:
    """Whose fault it is, and whether it may be sent again."""
    outcome = answered(status, error, words)
    assert (outcome.kind, outcome.klass, outcome.code) == (kind, klass, status)
    if error and ":" not in error:
        named = answered(status, body=json.dumps({"__type": f"com.amazon.coral#{error}", "Message": words}).encode())
        assert (named.kind, named.klass) == (kind, klass), "older services name it in the body"


def test_what_is_accepted_has_their_id() -> None:
    """The same as in their reports."""
    said = sample("ses-api-send-email")["response_200"]
    outcome = answered(200, body=json.dumps(said).encode())
    assert (outcome.kind, outcome.ref) == (Kind.ACCEPTED, said["MessageId"])
    assert answered(200, body=b"{").kind == Kind.ACCEPTED


def test_a_clock_is_only_corrected_for_what_is_about_time() -> None:
    """Any other refusal would be signed again for nothing."""
    date = {"date": formatdate(NOW + 900, usegmt=True)}

    def told(status: int, error: str, words: str, headers: dict[str, str] = date) -> float | None:
        found = Answer(status, {"x-amzn-errortype": error, **headers}, json.dumps({"message": words}).encode())
        return ses.signed_at(found, NOW)

    assert told(403, "InvalidSignatureException", "Signature expired: now earlier than") == pytest.approx(
        NOW + 900, abs=1
    )
    assert told(403, "InvalidSignatureException", "Signature not yet current: ") is not None
    assert told(403, "RequestExpired", "") is not None
    assert told(403, "SignatureDoesNotMatch", "The request signature we calculated does not match") is None
    assert told(403, "RequestExpired", "", {}) is None and told(403, "RequestExpired", "", {"date": "soon"}) is None
    assert told(200, "RequestExpired", "") is None


@settings(max_examples=80, deadline=None)
@given(
    st.integers(100, 999), st.text(max_size=30), hostile({"message": "x", "__type": "a#b"}) | torn(b'{"message": "x"}')
)
def test_no_answer_breaks_it(status: int, error: str, body: Any) -> None:
    """Every message ends with something."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = Answer(status, {"x-amzn-errortype": error, "date": error}, raw)
    (outcome,) = ses.result_of(messages([("A", "B")], whole=True), found, NOW)
    assert Kind(outcome.kind) and len(outcome.detail) <= 500
    ses.signed_at(found, NOW)


# -- notifications


def hook(envelope: object) -> Hook:
    """As SNS posts it: JSON that is called text."""
    raw = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
    return Hook("POST", "https://f.example/hooks/ses/t", "", {"content-type": "text/plain; charset=UTF-8"}, raw)


def doubt(envelope: object, secrets: dict[str, str] = CERTIFIED, at: float = AT, config: Ses = CONFIG) -> str:
    """Why it is not believed."""
    return ses.verified(config, secrets, hook(envelope), at)


KINDS = [f"{each['Type']}-v{each['SignatureVersion']}" for each in VECTORS]


@pytest.mark.parametrize(("vector", "text"), [(v["message"], v["string_to_sign"]) for v in SNS["vectors"]])
def test_known_signatures(vector: Any, text: str) -> None:
    """Of every type, in both versions."""
    assert sns.signed_text(vector) == text
    assert doubt(vector) == ""


@pytest.mark.parametrize("vector", VECTORS, ids=KINDS)
def test_one_byte_changed_is_not_believed(vector: Any) -> None:
    """In whatever is signed, and in the signature."""
    for name in (*sns.SIGNED[vector["Type"]], "Signature", "SignatureVersion"):
        for changed in with_a_byte_changed(vector.get(name, "").encode(), 12):
            assert doubt(vector | {name: changed.decode("latin-1")})
    assert doubt(vector | {"Subject": "another"} if "Subject" in vector else vector | {"Message": "another"})


def test_only_topics_of_the_route_are_believed_and_only_of_late() -> None:
    """Anybody can make a topic, and sign with Amazon's own key through it."""
    notification = VECTORS[0]
    assert doubt(notification, config=CONFIG.model_copy(update={"topics": []})) == "the topic is none of the route's"
    assert doubt(notification, at=AT + 3_600) == "" and doubt(notification, at=AT + 5_000)
    assert doubt(notification, at=AT - 3_600)
    assert doubt(notification, secrets=SECRETS), "no certificate"
    assert doubt(notification | {"SignatureVersion": "3"}) and doubt(notification | {"Type": "Other"})
    assert doubt(notification, at=AT + 30 * 365 * 86_400)


@pytest.mark.parametrize(("first", "last", "believed"), [(-9, 9, True), (-9, -1, False), (1, 9, False)])
def test_a_certificate_counts_only_while_it_is_in_force(first: int, last: int, believed: bool) -> None:
    """A key that leaked is replaced, and what it signs afterwards is nobody's."""
    key, name = rsa.generate_private_key(65_537, 2_048), x509.Name([])
    today = datetime.fromtimestamp(AT, UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(today + timedelta(first)).not_valid_after(today + timedelta(last)).sign(key, SHA256())
    )  # fmt: skip
    said = VECTORS[0] | {"SignatureVersion": "2"}
    signature = key.sign(sns.signed_text(said).encode(), padding.PKCS1v15(), SHA256())
    secrets = {**SECRETS, "certificate": made.public_bytes(Encoding.PEM).decode()}
    doubts = doubt(said | {"Signature": b64encode(signature).decode()}, secrets)
    assert doubts == ("" if believed else "no certificate in force")


@pytest.mark.parametrize("url", SNS["signing_cert_urls"]["accept"])
def test_certificates_come_from_amazon(url: str) -> None:
    """From SNS in a region, also with the older spelling of the field."""
    assert ses.certificate_url(CONFIG, hook(VECTORS[0] | {"SigningCertURL": url})) == url
    spelt = {name: value for name, value in VECTORS[0].items() if name != "SigningCertURL"} | {"SigningCertUrl": url}
    assert ses.certificate_url(CONFIG, hook(spelt)) == url


HOSTILE_URLS = [
    *SNS["signing_cert_urls"]["refuse"], "", "https://sns.us-east-1.amazonaws.com:8443/x.pem", "file:///etc/x.pem",
    "https://user@sns.us-east-1.amazonaws.com/x.pem", "https://sns.us-east-1.amazonaws.com/x.pem?a=.pem",
    "https://sns.us-east-1.amazonaws.com/x.pem#.pem", "https://sns.us-east-1.amazonaws.com\\@evil.example/x.pem",
    "https://sns.us-east-1.amazonaws.com/x\n.pem", " https://sns.us-east-1.amazonaws.com/x.pem",
    "https://sns..amazonaws.com/x.pem", "https://sns.s3-us-west-2.amazonaws.com/x.pem",
    "https://sns.s3-accelerate.amazonaws.com/x.pem",
    "https://sns.us-east-1.amazonaws.com/x.pem\n", "https://sns.évil-1.amazonaws.com/x.pem",
    "//sns.us-east-1.amazonaws.com/x.pem",
    "https://127.0.0.1/x.pem", "https://sns.us-east-1.amazonaws.com%2eevil.example/x.pem",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_no_other_url_is_visited(url: str) -> None:
    """Whoever can post to a webhook would have us ask whom he likes."""
    assert ses.certificate_url(CONFIG, hook(VECTORS[0] | {"SigningCertURL": url})) == ""
    subscription = next(each for each in VECTORS if each["Type"] == sns.SUBSCRIPTION)
    assert ses.confirmation_url(CONFIG, hook(subscription | {"SubscribeURL": url})) == ""


def test_a_stranger_has_no_url_visited_and_a_pinned_certificate_needs_none() -> None:
    """Before the topic is ours, nothing is fetched for it."""
    stranger = VECTORS[0] | {"TopicArn": "arn:aws:sns:us-east-1:999999999999:mine"}
    assert ses.certificate_url(CONFIG, hook(stranger)) == ""
    pinned = CONFIG.model_copy(update={"certificate": "file:/pinned.pem"})
    assert ses.certificate_url(pinned, hook(VECTORS[0])) == ""


def test_only_a_subscription_is_confirmed() -> None:
    """To visit that of an UnsubscribeConfirmation would undo what somebody has done."""
    urls = {each["Type"]: ses.confirmation_url(CONFIG, hook(each)) for each in VECTORS}
    assert urls[sns.SUBSCRIPTION].startswith("https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&")
    assert urls[sns.NOTIFICATION] == urls[sns.UNSUBSCRIPTION] == ""
    subscription = next(each for each in VECTORS if each["Type"] == sns.SUBSCRIPTION)
    other = subscription["SubscribeURL"].replace("ConfirmSubscription", "DeleteTopic")
    assert ses.confirmation_url(CONFIG, hook(subscription | {"SubscribeURL": other})) == ""
    own = CONFIG.model_copy(update={"url": "http://127.0.0.1:8099/ses"})
    near = subscription | {"SubscribeURL": "http://127.0.0.1:8099/ses/confirm?t=1"}
    assert ses.confirmation_url(own, hook(near)) == near["SubscribeURL"] and not ses.confirmation_url(
        CONFIG, hook(near)
    )
    for far in (
        "http://127.0.0.1:8099/sesame",
        "http://127.0.0.1:8099/ses@evil.example/",
        "http://127.0.0.1:80990/ses/",
    ):
        assert not ses.confirmation_url(own, hook(subscription | {"SubscribeURL": far}))
    assert ses.hook_id(hook(subscription)) == subscription["MessageId"]


@settings(max_examples=150, deadline=None)
@given(hostile(VECTORS[0]) | hostile(VECTORS[3]) | torn(json.dumps(VECTORS[1]).encode()))
def test_no_notification_breaks_it(found: Any) -> None:
    """Unless it is the vector itself, it is not believed."""
    made = hook(found)
    if ses.verified(CONFIG, CERTIFIED, made, AT) == "":
        kept = sns.envelope_in(made.body)
        assert any(sns.signed_text(kept) == vector["string_to_sign"] for vector in SNS["vectors"])
    ses.certificate_url(CONFIG, made), ses.confirmation_url(CONFIG, made), ses.hook_id(made)
    for told in ses.events_in(CONFIG, webhook("ses", made.body)):
        assert isinstance(told, Told | AccountNews | Unreadable)


@given(st.text(max_size=200), st.text(max_size=50))
def test_no_certificate_breaks_it(certificate: str, version: str) -> None:
    """The one that is pinned may be any file."""
    assert doubt(VECTORS[0], {**SECRETS, "certificate": certificate})
    assert version in ("1", "2") or doubt(VECTORS[0] | {"SignatureVersion": version})


# -- reports


def notified(document: object) -> Any:
    """The envelope around a document."""
    text = document if isinstance(document, str) else json.dumps(document) + "\n"
    return webhook("ses", VECTORS[0] | {"Message": text})


def event(name: str, **tags: str) -> Any:
    """A sample, with tags of ours."""
    found = sample(name)
    found["mail"]["tags"] |= {"msg_id": [MESSAGE], "attempt": ["2"]} | {key: [tag] for key, tag in tags.items()}
    return found


def told_of(document: object) -> list[Any]:
    """What it tells."""
    return list(ses.events_in(CONFIG, notified(document)))


TOLD = {
    "ses-send": (ReportKind.ACCEPTED, "", "none"),
    "ses-delivery": (ReportKind.DELIVERED, "", "none"),
    "ses-delivery-delay": (ReportKind.DEFERRED, None, "none"),
    "ses-bounce-permanent": (ReportKind.BOUNCED, "hard", "suppress"),
    "ses-bounce-transient": (ReportKind.BOUNCED, None, "none"),
    "ses-bounce-suppressed": (ReportKind.BLOCKED, "suppressed", "suppress"),
    "ses-bounce-undetermined": (ReportKind.BOUNCED, None, None),
    "ses-complaint": (ReportKind.COMPLAINED, "complaint", "suppress"),
    "ses-reject": (ReportKind.BLOCKED, "content", "alert"),
    "ses-rendering-failure": (ReportKind.FAILED, "content", "alert"),
    "ses-open": (ReportKind.OPENED, "", "none"),
    "ses-click": (ReportKind.CLICKED, "", "none"),
    "ses-subscription": (ReportKind.UNSUBSCRIBED, "", "suppress"),
}


@pytest.mark.parametrize("name", sorted(TOLD))
def test_each_event_has_its_meaning(name: str) -> None:
    """Of the documented samples."""
    found = event(name)
    (told,) = told_of(found)
    kind, klass, action = TOLD[name]
    assert told.kind == kind and klass in (None, told.klass) and action in (None, told.action)
    assert (told.message_id.hex(), told.attempt, told.ref) == (MESSAGE, 2, found["mail"]["messageId"])
    assert 1_785_000_000 < told.at < 1_787_000_000 and told.event and told.said
    assert told_of(found)[0].event == told.event, "posted again, it is the same"


@pytest.mark.parametrize(
    ("kind", "sub", "words", "status", "told", "klass"),
    [
        ("Permanent", "General", "smtp; 550 5.1.1 user unknown", "5.1.1", ReportKind.BOUNCED, "hard"),
        ("Permanent", "NoEmail", "", "", ReportKind.BOUNCED, "hard"),
        ("Permanent", "General", "smtp; 550 5.7.1 message rejected as spam", "5.7.1", ReportKind.BLOCKED, "content"),
        ("Permanent", "General", "smtp; 550 5.7.26 unauthenticated, DMARC", "5.7.26", ReportKind.BLOCKED, "auth"),
        ("Permanent", "General", "smtp; 554 5.7.1 listed by Spamhaus", "5.7.1", ReportKind.BLOCKED, "block"),
        ("Permanent", "General", "smtp; 552 5.2.2 mailbox full", "5.2.2", ReportKind.BOUNCED, "mailbox_full"),
        ("Permanent", "General", "smtp; 550 no", "", ReportKind.BOUNCED, "hard"),
        ("Permanent", "OnAccountSuppressionList", "", "", ReportKind.BLOCKED, "suppressed"),
        ("Permanent", "Suppressed", "", "", ReportKind.BLOCKED, "suppressed"),
        ("Permanent", "UnsubscribedRecipient", "", "", ReportKind.BLOCKED, "suppressed"),
        ("Transient", "General", "", "", ReportKind.BOUNCED, "soft"),
        ("Transient", "MailboxFull", "", "", ReportKind.BOUNCED, "mailbox_full"),
        ("Transient", "MessageTooLarge", "", "", ReportKind.BLOCKED, "content"),
        ("Transient", "AttachmentRejected", "", "", ReportKind.BLOCKED, "content"),
        ("Undetermined", "Undetermined", "", "", ReportKind.BOUNCED, "undetermined"),
        ("Undetermined", "Undetermined", "smtp; 550 5.1.1 user unknown", "5.1.1", ReportKind.BOUNCED, "hard"),
        ("New", "Kind", "", "", ReportKind.BOUNCED, "undetermined"),
    ],
)  # fmt: skip
def test_bounces_by_type_and_words(kind: str, sub: str, words: str, status: str, told: ReportKind, klass: str) -> None:
    """A person is suppressed only where the address is wrong, or SES has it on a list."""
    found = event("ses-bounce-permanent")
    recipient = {"emailAddress": "a@x.org", "action": "failed", "status": status, "diagnosticCode": words}
    found["bounce"] |= {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [recipient]}
    (made,) = told_of(found)
    assert (made.kind, made.klass, made.detail) == (told, klass, words)
    assert (made.action == "suppress") == (klass in ("hard", "suppressed"))


@pytest.mark.parametrize(
    ("fields", "kind", "action"),
    [
        ({"complaintFeedbackType": "abuse"}, ReportKind.COMPLAINED, "suppress"),
        ({"complaintFeedbackType": None}, ReportKind.COMPLAINED, "suppress"),
        ({"complaintFeedbackType": "not-spam"}, ReportKind.UNRECOGNISED, "none"),
        ({"complaintFeedbackType": "auth-failure"}, ReportKind.UNRECOGNISED, "alert"),
        ({"complaintSubType": "OnAccountSuppressionList"}, ReportKind.BLOCKED, "suppress"),
    ],
)
def test_not_every_complaint_is_one(fields: dict[str, Any], kind: ReportKind, action: str) -> None:
    """Somebody who says that it is no spam must not be suppressed for it."""
    found = event("ses-complaint")
    found["complaint"] |= fields
    (told,) = told_of(found)
    assert (told.kind, told.action) == (kind, action)


def test_each_recipient_is_told_of_and_old_notifications_name_us_in_a_header() -> None:
    """Identity notifications have no tags, but the header of the message."""
    found = event("ses-bounce-permanent")
    found["bounce"]["bouncedRecipients"] *= 2
    first, second = told_of(found)
    assert first.event != second.event and first.message_id == second.message_id
    old = sample("ses-bounce-permanent")
    del old["mail"]["tags"]
    old["notificationType"] = old.pop("eventType")
    assert told_of(old)[0].message_id == b"" and told_of(old)[0].ref == old["mail"]["messageId"]
    old["mail"]["headers"].append({"name": "X-Fanfare-Message", "value": MESSAGE})
    assert told_of(old)[0].message_id.hex() == MESSAGE


def test_what_is_no_report_is_told_for_what_it_is() -> None:
    """The trial of SES says nothing; the end of a subscription is worth an alert."""
    assert ses.events_in(CONFIG, webhook("ses", sample("ses-sns-validation-notification"))) == []
    (ended,) = ses.events_in(CONFIG, webhook("ses", sample("ses-sns-unsubscribe-confirmation")))
    assert isinstance(ended, AccountNews) and ended.level == "alert"
    (begun,) = ses.events_in(CONFIG, webhook("ses", sample("ses-sns-subscription-confirmation")))
    assert isinstance(begun, AccountNews) and begun.level == "info"
    (unknown,) = told_of(event("ses-send") | {"eventType": "Teleport"})
    assert (unknown.kind, unknown.said) == (ReportKind.UNRECOGNISED, "Teleport")
    for nothing in ("hello", "{}", {"eventType": "Send", "mail": {}}, []):
        assert isinstance(told_of(nothing)[0], Unreadable)


@settings(max_examples=250, deadline=None)
@given(st.one_of(*[hostile(event(name)) for name in sorted(TOLD)]))
def test_no_event_breaks_it(found: object) -> None:
    """Each tells something that fits, or is kept as it came."""
    for told in told_of(found):
        if isinstance(told, Told):
            assert ReportKind(told.kind) and len(told.message_id) in (0, 16) and 0 < told.at < 1e11
            assert len(told.detail) <= 500 and (told.message_id or told.ref)
        else:
            assert isinstance(told, Unreadable)


# -- look-ups

SOUGHT = Sought(bytes.fromhex(MESSAGE), 2, "0100-1", NOW, "a@example.com")
INSIGHTS = {"MessageId": "0100-1", "Insights": [{"Destination": "a@example.com", "Events": [
    {"Timestamp": 1786000000.5, "Type": "SEND"},
    {"Timestamp": "2026-08-05T00:41:02Z", "Type": "BOUNCE", "Details": {"Bounce": {
        "BounceType": "PERMANENT", "BounceSubType": "General", "DiagnosticCode": "550 5.1.1 user unknown"}}},
    {"Timestamp": 1786000001, "Type": "DELIVERY"}, {"Timestamp": 1786000002, "Type": "TELEPORT"},
    {"Timestamp": 1786000003, "Type": "COMPLAINT", "Details": {"Complaint": {"ComplaintFeedbackType": "abuse"}}},
]}]}  # fmt: skip


def test_a_look_up_tells_what_webhooks_would_have_told() -> None:
    """By the id of SES: there is no other way to ask."""
    assert ses.lookup_for(CONFIG, SECRETS, Sought(bytes(16), 1, "", NOW), NOW) is None
    found = list(ses.events_in(CONFIG, looked_up("ses", INSIGHTS, SOUGHT)))
    assert [(told.kind, told.klass) for told in found] == [
        (ReportKind.ACCEPTED, ""), (ReportKind.BOUNCED, "hard"), (ReportKind.DELIVERED, ""),
        (ReportKind.UNRECOGNISED, ""), (ReportKind.COMPLAINED, "complaint"),
    ]  # fmt: skip
    assert {(told.message_id.hex(), told.attempt, told.ref) for told in found} == {(MESSAGE, 2, "0100-1")}
    assert found[0].at == 1786000000.5


@settings(max_examples=100, deadline=None)
@given(hostile(INSIGHTS) | torn(json.dumps(INSIGHTS).encode()))
def test_no_answer_to_a_look_up_breaks_it(found: object) -> None:
    """Whatever the API says."""
    for told in ses.events_in(CONFIG, looked_up("ses", found, SOUGHT)):
        assert isinstance(told, Told | Unreadable)
