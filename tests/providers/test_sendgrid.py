"""SendGrid: what is sent says what we mean, what it answers and reports means what its documents say."""

import json
from typing import Any

import pytest
import sendgrid.helpers.mail as sdk
from hypothesis import given, settings
from hypothesis import strategies as st
from sendgrid.helpers.eventwebhook import EventWebhook

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import SendGrid
from app.providers import sendgrid
from app.providers.contract import AccountNews, Answer, Hook, Message, Sought, Unreadable
from app.records import Told
from tests.providers.samples import (
    LETTER,
    NOW,
    hostile,
    looked_up,
    messages,
    ready_made,
    sample,
    torn,
    webhook,
    with_a_byte_changed,
)  # fmt: skip

CONFIG = SendGrid(api_key="env:KEY")
SECRETS = {"api_key": "SG.key"}
MESSAGE = "00112233445566778899aabbccddeeff"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VECTORS = sample("vectors-sendgrid")["vectors"]


def body_of(sent: list[Message], config: SendGrid = CONFIG) -> Any:
    """The body of the request for *sent*."""
    return json.loads(sendgrid.request_for(config, SECRETS, sent, NOW).body)


def expanded(body: Any) -> list[tuple[str, str, str, str]]:
    """(address, subject, text, html) as SendGrid makes them of a request."""
    made = []
    for person in body["personalizations"]:
        texts = {part["type"]: part["value"] for part in body["content"]}
        subject = person["subject"]
        for mark, value in person.get("substitutions", {}).items():
            texts = {kind: text.replace(mark, value) for kind, text in texts.items()}
            subject = subject.replace(mark, value)
        made.append((person["to"][0]["email"], subject, texts["text/plain"], texts.get("text/html", "")))
    return made


# -- requests


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(TEXTS | st.sampled_from(["%fanfare.1%", "%fanfare", "fanfare.2%"]), TEXTS), min_size=1, max_size=5
    )
)
def test_a_batch_says_what_single_messages_say(people: list[tuple[str, str]]) -> None:
    """Each reader gets the message that he would get alone."""
    sent = messages(people)
    together = [message for message in sent if sendgrid.together(CONFIG, message) is not None]
    wanted = [(m.content.to, m.content.subject, m.content.text, m.content.html) for m in together]
    if together:
        assert expanded(body_of(together)) == wanted
    assert [expanded(body_of([message]))[0] for message in together] == wanted


def test_a_batch_is_for_what_shares_its_text_and_fits() -> None:
    """10,000 bytes of substitutions are all that one recipient can have."""
    short, long, odd = messages([("Ann", "Pune"), ("x" * 4_000, "y"), ("%fanfare.1%", "z")])
    assert sendgrid.together(CONFIG, short) is short.content.wording
    assert sendgrid.together(CONFIG, long) is None and sendgrid.together(CONFIG, odd) is None
    assert sendgrid.together(CONFIG.model_copy(update={"batch": False}), short) is None
    assert sendgrid.together(CONFIG, ready_made("Hi", "<p>x</p>", "")) is None
    (other,) = messages([("Bob", "Ulm")], LETTER.model_copy(update={"text": "100 %fanfare.1% sure"}))
    assert sendgrid.together(CONFIG, other) is None, "the template itself looks like a placeholder"


def test_a_request_carries_our_id_and_nothing_of_theirs_is_on() -> None:
    """Reports come back with it; links and opens are ours to count."""
    request = sendgrid.request_for(CONFIG, SECRETS, messages([("Ann", "Pune")]), NOW)
    assert (request.method, request.url) == ("POST", "https://api.sendgrid.com/v3/mail/send")
    assert request.headers == {"Authorization": "Bearer SG.key", "Content-Type": "application/json"}
    body = json.loads(request.body)
    assert body["personalizations"][0]["custom_args"] == {"msg_id": "00" * 16, "attempt": "1"}
    assert body["personalizations"][0]["headers"]["List-Unsubscribe"].startswith("<https://l.example.com/u/")
    assert body["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not any(setting["enable"] for setting in body["tracking_settings"].values())
    assert body["from"] == {"email": "letter@shop.example.com", "name": "Shop"} and "mail_settings" not in body
    assert {name.lower() for name in body["headers"]}.isdisjoint(sendgrid.RESERVED)


def test_test_mode_is_their_sandbox() -> None:
    """Everything is checked, and nothing sent."""
    config = CONFIG.model_copy(update={"test": True, "ip_pool": "warm", "url": "http://127.0.0.1:1"})
    body = body_of(messages([("Ann", "Pune")]), config)
    assert body["mail_settings"] == {"sandbox_mode": {"enable": True}} and body["ip_pool_name"] == "warm"


@settings(max_examples=25, deadline=None)
@given(TEXTS.filter(str.strip), TEXTS.filter(str.strip), TEXTS)
def test_their_own_library_makes_the_same_request(subject: str, html: str, text: str) -> None:
    """The official SDK, given the same message, builds the same JSON."""
    message = ready_made(f"Re: {subject}", html, text)
    ours, parts = body_of([message]), message.content
    mail = sdk.Mail(from_email=sdk.From("letter@shop.example.com", "Shop"))
    person = sdk.Personalization()
    person.add_to(sdk.To(parts.to))
    person.subject = parts.subject
    for name, value in parts.headers:
        person.add_header(sdk.Header(name, value))
    person.add_custom_arg(sdk.CustomArg("msg_id", message.message_id.hex()))
    person.add_custom_arg(sdk.CustomArg("attempt", "1"))
    mail.add_personalization(person)
    mail.add_content(sdk.Content("text/plain", parts.text or " "))
    mail.add_content(sdk.Content("text/html", parts.html))
    for name, value in parts.wording.headers:
        mail.add_header(sdk.Header(name, value))
    mail.add_category(sdk.Category("cmp_1"))
    mail.tracking_settings = sdk.TrackingSettings(
        sdk.ClickTracking(False, False), sdk.OpenTracking(False), sdk.SubscriptionTracking(False)
    )
    assert ours == mail.get()


# -- answers


def answered(status: int, body: object = b"", count: int = 1, **headers: str) -> list[Any]:
    """The outcomes of *count* messages."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return sendgrid.result_of(messages([("A", "B")] * count), Answer(status, named, raw), NOW)


def test_what_is_accepted_has_their_id() -> None:
    """One of the request, however many messages it has."""
    for status in (202, 200):
        outcomes = answered(status, count=3, x_message_id="14c5d75ce93.dfd.64b469")
        assert [(o.kind, o.ref, o.code) for o in outcomes] == [(Kind.ACCEPTED, "14c5d75ce93.dfd.64b469", status)] * 3


def test_one_bad_address_stops_nobody_else() -> None:
    """It is refused; the others were not sent, and go again without an attempt less."""
    errors = sample("sendgrid-api-mail-send")["response_400"]
    errors["errors"][0]["field"] = "personalizations.3.to.0.email"
    errors["errors"].append({"message": "bad header", "field": "personalizations.1.headers", "help": None})
    kinds = [(o.kind, o.klass) for o in answered(400, errors, 5)]
    returned = (Kind.RETURNED, "")
    assert kinds == [returned, (Kind.BLOCKED, "content"), returned, (Kind.REFUSED, "hard"), returned]
    assert answered(400, sample("sendgrid-api-mail-send")["response_400"])[0].kind == Kind.REFUSED
    # Nobody says which: a thousand would be lost for one. What is named and of no message is wrong with all.
    assert (
        {o.kind for o in answered(400, ERRORS, 5)} == {o.kind for o in answered(400, b"<html>", 5)} == {Kind.RETURNED}
    )
    assert {o.kind for o in answered(400, {"errors": [{"field": "from.email"}]}, 5)} == {Kind.BLOCKED}


ERRORS = {"errors": [{"message": "something", "field": None}]}


@pytest.mark.parametrize(
    ("status", "body", "kind", "klass"),
    [
        (400, ERRORS, Kind.BLOCKED, "content"),
        (400, {"errors": [{"field": "personalizations.99.to"}]}, Kind.BLOCKED, "content"),
        (401, ERRORS, Kind.UNAVAILABLE, "account"), (403, ERRORS, Kind.UNAVAILABLE, "account"),
        (401, {"errors": [{"message": "Maximum credits exceeded"}]}, Kind.THROTTLED, "account"),
        (404, b"", Kind.UNAVAILABLE, "account"), (413, ERRORS, Kind.BLOCKED, "content"),
        (429, sample("sendgrid-api-mail-send")["response_429"]["body"], Kind.THROTTLED, ""),
        (500, ERRORS, Kind.DEFERRED, "soft"), (500, b"<html>", Kind.UNCERTAIN, "lost_reply"),
        (502, b"", Kind.UNCERTAIN, "lost_reply"), (503, b"", Kind.UNAVAILABLE, "service"),
        (504, ERRORS, Kind.UNCERTAIN, "lost_reply"),
        (302, b"", Kind.UNAVAILABLE, "account"), (199, b"", Kind.UNCERTAIN, "lost_reply"),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(status: int, body: object, kind: Kind, klass: str) -> None:
    """Whose fault it is, and whether it may be sent again."""
    (outcome,) = answered(status, body)
    assert (outcome.kind, outcome.klass, outcome.code) == (kind, klass, status)


@settings(max_examples=60, deadline=None)
@given(st.integers(100, 999), hostile(ERRORS) | torn(json.dumps(ERRORS).encode()), st.text(max_size=10))
def test_no_answer_breaks_it(status: int, body: object, header: str) -> None:
    """Every message ends with something, and nothing of the key is in it."""
    outcomes = answered(status, body, 2, x_message_id=header, retry_after=header)
    assert len(outcomes) == 2 and all(Kind(outcome.kind) and len(outcome.detail) <= 500 for outcome in outcomes)


# -- signatures


def hook(vector: Any, body: bytes | None = None, signature: str | None = None, stamp: str | None = None) -> Hook:
    """The webhook of a vector, with something changed."""
    headers = {
        "x-twilio-email-event-webhook-signature": vector["signature"] if signature is None else signature,
        "x-twilio-email-event-webhook-timestamp": vector["timestamp"] if stamp is None else stamp,
    }
    raw = vector["raw_body"].encode() if body is None else body
    return Hook("POST", "https://f.example/hooks/sendgrid/t", "", headers, raw)


def said(vector: Any, made: Hook, key: str | None = None) -> str:
    """Why it is not believed."""
    config = CONFIG.model_copy(update={"webhook_keys": [key or vector["public_key"]]})
    return sendgrid.verified(config, SECRETS, made, float(vector["timestamp"]))


@pytest.mark.parametrize("vector", VECTORS)
def test_known_signatures(vector: Any) -> None:
    """Of the official SDK, and computed ones."""
    assert (said(vector, hook(vector)) == "") == vector["valid"]
    event_webhook = EventWebhook()
    public = event_webhook.convert_public_key_to_ecdsa(vector["public_key"])
    theirs = event_webhook.verify_signature(vector["raw_body"], vector["signature"], vector["timestamp"], public)
    assert theirs == vector["valid"]


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if vector["valid"]])
def test_one_byte_changed_is_not_believed(vector: Any) -> None:
    """In the body, the signature, the time or the key."""
    for body in with_a_byte_changed(vector["raw_body"].encode()):
        assert said(vector, hook(vector, body=body))
    for signature in with_a_byte_changed(vector["signature"].encode()):
        assert said(vector, hook(vector, signature=signature.decode("latin-1")))
    for stamp in with_a_byte_changed(vector["timestamp"].encode()):
        assert said(vector, hook(vector, stamp=stamp.decode()))
    for key in with_a_byte_changed(vector["public_key"].encode(), 20):
        assert said(vector, hook(vector), key.decode("latin-1"))
    other = next(each["public_key"] for each in VECTORS if each["public_key"] != vector["public_key"])
    assert said(vector, hook(vector), other)


def test_two_keys_are_believed_while_they_change_and_old_webhooks_are_not() -> None:
    """A webhook is repeated for a day with the time of its first try."""
    first, second = VECTORS[:2]
    config = CONFIG.model_copy(update={"webhook_keys": [second["public_key"], first["public_key"]]})
    at = float(first["timestamp"])
    assert sendgrid.verified(config, SECRETS, hook(first), at + 24 * 3_600) == ""
    assert sendgrid.verified(config, SECRETS, hook(first), at + 27 * 3_600)
    assert sendgrid.verified(config, SECRETS, hook(first), at - 3_600)
    assert sendgrid.verified(CONFIG, SECRETS, hook(first), at), "no keys"
    pem = "-----BEGIN PUBLIC KEY-----\n" + first["public_key"] + "\n-----END PUBLIC KEY-----\n"
    assert said(first, hook(first), pem) == ""


@given(st.text(max_size=80), st.text(max_size=20), st.binary(max_size=50), st.text(max_size=60))
def test_no_signature_breaks_it(signature: str, stamp: str, body: bytes, key: str) -> None:
    """Whatever stands there."""
    assert said({"timestamp": "1"}, hook({}, body, signature, stamp), key or "k")


# -- reports

TOLD = {
    "sendgrid-processed": (ReportKind.ACCEPTED, "", "none"),
    "sendgrid-deferred": (ReportKind.DEFERRED, "soft", "none"),
    "sendgrid-delivered": (ReportKind.DELIVERED, "", "none"),
    "sendgrid-bounce": (ReportKind.BOUNCED, "hard", "suppress"),
    "sendgrid-blocked": (ReportKind.BLOCKED, "block", "slow"),
    "sendgrid-dropped": (ReportKind.BLOCKED, "suppressed", "suppress"),
    "sendgrid-spamreport": (ReportKind.COMPLAINED, "complaint", "suppress"),
    "sendgrid-open": (ReportKind.OPENED, "", "none"),
    "sendgrid-click": (ReportKind.CLICKED, "", "none"),
    "sendgrid-unsubscribe": (ReportKind.UNSUBSCRIBED, "", "suppress"),
    "sendgrid-group-unsubscribe": (ReportKind.UNSUBSCRIBED, "", "suppress"),
    "sendgrid-group-resubscribe": (ReportKind.RESUBSCRIBED, "", "none"),
}


def events(name: str) -> list[Any]:
    """A sample, with an id of ours."""
    found = sample(name)
    for event in found:
        if "msg_id" in event:
            event |= {"msg_id": MESSAGE, "attempt": "2"}
    return list(found)


def told_of(found: object) -> list[Any]:
    """What a webhook tells."""
    return list(sendgrid.events_in(CONFIG, webhook("sendgrid", found)))


@pytest.mark.parametrize("name", sorted(TOLD))
def test_each_event_has_its_meaning(name: str) -> None:
    """Of the documented samples."""
    (told,) = told_of(events(name))
    assert isinstance(told, Told)
    assert (told.kind, told.klass, told.action) == TOLD[name]
    assert (told.message_id.hex(), told.attempt, told.ref) == (MESSAGE, 2, "14c5d75ce93.dfd.64b469")
    assert told.at == 1_786_000_000.0 and told.event.startswith("evt_") and told.said


def test_a_drop_is_only_the_recipients_fault_where_it_is() -> None:
    """A quota that is used up must suppress nobody."""
    found = told_of(events("sendgrid-dropped-variants"))
    assert [(told.kind, told.klass, told.reason, told.action) for told in found] == [
        (ReportKind.BLOCKED, "suppressed", "bounced", "suppress"),
        (ReportKind.BLOCKED, "suppressed", "unsubscribed", "suppress"),
        (ReportKind.BLOCKED, "suppressed", "complained", "suppress"),
        (ReportKind.BOUNCED, "hard", "userunknown", "suppress"),
        (ReportKind.FAILED, "content", "header", "alert"),
        (ReportKind.FAILED, "content", "spamdetected", "alert"),
        (ReportKind.FAILED, "account", "quota", "alert"),
    ]


@pytest.mark.parametrize(
    ("fields", "kind", "klass"),
    [
        ({"bounce_classification": "Mailbox Unavailable", "status": "4.2.2"}, ReportKind.BOUNCED, "mailbox_full"),
        ({"bounce_classification": "Mailbox Unavailable", "status": "5.2.2"}, ReportKind.BOUNCED, "mailbox_full"),
        ({"bounce_classification": "Mailbox Unavailable", "status": "5.1.1"}, ReportKind.BOUNCED, "hard"),
        ({"bounce_classification": "Technical Failure"}, ReportKind.BOUNCED, "soft"),
        ({"bounce_classification": "Technical", "type": "blocked"}, ReportKind.BLOCKED, "soft"),
        ({"bounce_classification": "Content", "type": "blocked"}, ReportKind.BLOCKED, "content"),
        ({"bounce_classification": "Reputation", "type": "blocked"}, ReportKind.BLOCKED, "block"),
        ({"bounce_classification": "Frequency/Volume", "type": "blocked"}, ReportKind.BLOCKED, "block"),
        ({"bounce_classification": "Frequency or Volume Too High", "type": "blocked"}, ReportKind.BLOCKED, "block"),
        ({"bounce_classification": "Invalid Address", "type": "blocked"}, ReportKind.BLOCKED, "block"),
        ({"bounce_classification": "Unclassified", "reason": "550 5.7.1 spam content rejected", "status": ""},
         ReportKind.BOUNCED, "content"),
        ({"bounce_classification": "Unclassified", "reason": "unable to get mx info", "status": "5.0.0"},
         ReportKind.BOUNCED, "undetermined"),
        ({"bounce_classification": "Unclassified", "reason": "550 5.1.1 no such user", "status": "5.1.1"},
         ReportKind.BOUNCED, "hard"),
        ({"bounce_classification": None, "reason": "gone", "status": ""}, ReportKind.BOUNCED, "hard"),
    ],
)  # fmt: skip
def test_bounces_by_their_classification(fields: dict[str, Any], kind: ReportKind, klass: str) -> None:
    """Only an address that is wrong is suppressed."""
    (event,) = events("sendgrid-bounce")
    (told,) = told_of([event | fields])
    assert (told.kind, told.klass, told.action == "suppress") == (kind, klass, klass == "hard")


def test_what_is_not_known_is_kept_and_what_names_nobody_is_told() -> None:
    """A new event of theirs is no reason to lose it."""
    (event,) = events("sendgrid-delivered")
    told, news, nobody, number = told_of(
        [event | {"event": "teleported"}, *events("sendgrid-account-status-change"), {"event": "open"}, 7]
    )
    assert (told.kind, told.said) == (ReportKind.UNRECOGNISED, "teleported")
    assert isinstance(news, AccountNews) and "compliance_suspend" in news.text and news.level == "alert"
    assert isinstance(nobody, Unreadable) and isinstance(number, Unreadable) and number.raw == b"7"


def test_opens_by_machines_are_marked() -> None:
    """Apple fetches every image: nobody has read anything."""
    (event,) = events("sendgrid-open")
    assert [told.machine for told in told_of([event | {"sg_machine_open": True}, event])] == [True, False]
    assert told_of(events("sendgrid-click"))[0].url == "https://example.com/landing"


@settings(max_examples=150, deadline=None)
@given(st.one_of(*[hostile(events(name)) for name in TOLD]) | torn(json.dumps(events("sendgrid-bounce")).encode()))
def test_no_event_breaks_it(found: object) -> None:
    """Each tells something that fits, or is kept as it came."""
    for told in sendgrid.events_in(CONFIG, webhook("sendgrid", found)):
        if isinstance(told, Told):
            assert ReportKind(told.kind) and len(told.message_id) in (0, 16) and 0 < told.at < 1e11
            assert len(told.detail) <= 500 and (told.message_id or told.ref)
        else:
            assert isinstance(told, Unreadable | AccountNews)


@settings(max_examples=200, deadline=None)
@given(st.one_of(*[hostile(events(name)) for name in TOLD]))
def test_a_body_that_is_as_documented_tells_what_its_events_tell_one_by_one(found: object) -> None:
    """
    Nearly all bodies are read as a whole; one odd field has each event read by itself. Both are the same words.
    """
    seen = webhook("sendgrid", found)
    quick = sendgrid._typed(seen.body)
    if quick is not None:
        decoded = json.loads(seen.body)
        slow = [sendgrid._event(each, seen.at) for each in decoded]
        told = list(sendgrid.events_in(CONFIG, seen))
        assert [each for each in told if not isinstance(each, Unreadable)] == [
            each for each in slow if not isinstance(each, Unreadable)
        ]
        assert [type(each) for each in told] == [type(each) for each in slow]


def test_all_samples_are_read_as_a_whole() -> None:
    """
    None of what SendGrid documents takes the slow way.
    """
    for name in TOLD:
        assert sendgrid._typed(webhook("sendgrid", events(name)).body) is not None, name


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "\U0001f600"])
def test_words_that_nothing_can_store_are_mended(odd: str) -> None:
    """
    A NUL or half a character would stop all that travels with it; a whole one is kept.
    """
    (event,) = events("sendgrid-bounce")
    (told,) = told_of([event | {"reason": f"550 5.1.1 no {odd} such user"}])
    assert told.detail.encode() and "\x00" not in told.detail
    assert ("\U0001f600" in told.detail) == (odd == "\U0001f600")


def test_a_flood_is_bounded() -> None:
    """What is above the bound goes to the dead letters, whole."""
    found = told_of(events("sendgrid-delivered") * (sendgrid.MOST_EVENTS + 5))
    assert len(found) == sendgrid.MOST_EVENTS + 1 and isinstance(found[-1], Unreadable)


# -- look-ups


def test_a_look_up_asks_for_one_message_and_reads_only_that() -> None:
    """By their id, and by ours where the answer was lost."""
    sought = Sought(bytes.fromhex(MESSAGE), 2, "14c5d75ce93.dfd.64b469", NOW, "a@example.com")
    request = sendgrid.lookup_for(CONFIG, SECRETS, sought, NOW)
    assert request is not None and request.method == "GET" and "%2214c5d75ce93.dfd.64b469%25%22" in request.url
    lost = sendgrid.lookup_for(CONFIG, SECRETS, Sought(bytes.fromhex(MESSAGE), 2, "", NOW, "a@example.com"), NOW)
    assert lost is not None and MESSAGE in lost.url
    assert sendgrid.lookup_for(CONFIG, SECRETS, Sought(bytes(16), 2, "", NOW, '"a b"@example.com'), NOW) is None
    mine = {"msg_id": "14c5d75ce93.dfd.64b469.filter0", "to_email": "A@example.com", "status": "delivered",
            "last_event_time": "2026-08-05T00:41:02Z"}  # fmt: skip
    others = [mine | {"to_email": "b@example.com"}, mine | {"msg_id": "other.filter0"}, 7]
    (told,) = sendgrid.events_in(CONFIG, looked_up("sendgrid", {"messages": [mine, *others]}, sought))
    assert isinstance(told, Told) and (told.kind, told.message_id.hex(), told.attempt) == ("delivered", MESSAGE, 2)
    assert sendgrid.events_in(CONFIG, looked_up("sendgrid", {"messages": []}, sought)) == []
    (odd,) = sendgrid.events_in(CONFIG, looked_up("sendgrid", b"{", sought))
    assert isinstance(odd, Unreadable)


def test_one_look_up_tells_of_all_that_one_request_has_sent() -> None:
    """A thousand messages of a missed hour would take three hours at six questions a minute."""
    ref = "14c5d75ce93.dfd.64b469"
    request = sendgrid.together_for(CONFIG, SECRETS, ref, NOW)
    assert request is not None and "limit=1000&" in request.url and f"%22{ref}%25%22" in request.url
    assert sendgrid.together_for(CONFIG, SECRETS, 'a" OR "b', NOW) is None
    assert sendgrid.together_for(CONFIG, SECRETS, "", NOW) is None
    people = [Sought(bytes([n]) * 16, 1, ref, NOW, f"p{n}@example.com") for n in range(4)]
    at = "2026-08-05T00:41:02Z"
    listed = [
        {"msg_id": f"{ref}.filter0.{n}", "to_email": f"P{n}@example.com", "status": status, "last_event_time": at}
        for n, status in enumerate(["delivered", "not_delivered", "processed"])
    ]
    apart = sendgrid.told_apart(Answer(200, {}, json.dumps({"messages": [*listed, 7]}).encode()), people)
    assert [each for each, _ in apart] == people[:3]
    told = [sendgrid.events_in(CONFIG, looked_up("sendgrid", body, each)) for each, body in apart]
    assert [(t.message_id[0], t.kind) for (t,) in told if isinstance(t, Told)] == [
        (0, "delivered"), (1, "failed"), (2, "accepted"),
    ]  # fmt: skip
    for odd in (b"", b"[]", b'{"messages":7}'):
        assert sendgrid.told_apart(Answer(200, {}, odd), people) == []


@given(hostile({"messages": [{"msg_id": "a", "to_email": "a", "status": "delivered", "last_event_time": "2026"}]}))
def test_no_answer_to_a_look_up_breaks_it(found: object) -> None:
    """Nor an address that is odd."""
    for told in sendgrid.events_in(CONFIG, looked_up("sendgrid", found, Sought(bytes(16), 1, "", NOW))):
        assert isinstance(told, Told | Unreadable)
