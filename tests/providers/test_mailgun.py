"""Mailgun: what is sent says what we mean, what it answers and reports means what its documents say."""

import json
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Mailgun
from app.providers import mailgun
from app.providers.contract import Answer, Hook, Message, Sought, Unreadable
from app.records import ReceivedReport, Told
from tests.content.mail import part, read
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
)

CONFIG = Mailgun(domain="mg.example.org", api_key="env:KEY", signing_key="env:SIGN")
SECRETS = {"api_key": "key", "signing_key": "TEST_WEBHOOK_SIGNING_KEY"}
MESSAGE = "00112233445566778899aabbccddeeff"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VECTORS = sample("vectors-mailgun")["vectors"]


def form_of(sent: list[Message], config: Mailgun = CONFIG) -> list[tuple[str, bytes, str | None]]:
    """(name, value, file name) of each field of the request for *sent*, read by Python's own reader of multiparts."""
    request = mailgun.request_for(config, SECRETS, sent, NOW)
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    whole = message_from_bytes(head + request.body, policy=policy.HTTP)
    boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()
    raws = [
        piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in request.body.split(b"--" + boundary)[1:-1]
    ]
    fields = list(whole.iter_parts())  # type: ignore[attr-defined]
    assert len(fields) == len(raws)
    return [
        (field.get_param("name", header="content-disposition"), raw, field.get_filename())
        for field, raw in zip(fields, raws, strict=True)
    ]


def expanded(sent: list[Message]) -> list[tuple[str, str, str, str]]:
    """(address, subject, text, html) as Mailgun makes them of a request for a batch."""
    fields = form_of(sent)
    texts = {name: value.decode() for name, value, _ in fields}
    made = []
    for to in [value.decode() for name, value, _ in fields if name == "to"]:
        said = {name: texts.get(name, "") for name in ("subject", "text", "html")}
        for key, value in json.loads(texts["recipient-variables"])[to].items():
            said = {name: text.replace(f"%recipient.{key}%", value) for name, text in said.items()}
        made.append((to, said["subject"], said["text"], said["html"]))
    return made


# -- requests


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(TEXTS | st.sampled_from(["%recipient.v1%", "%recip", "ient.v2%", "r"]), TEXTS), min_size=2, max_size=5
    )
)
def test_a_batch_says_what_single_messages_say(people: list[tuple[str, str]]) -> None:
    """Each reader gets the message that he would get alone."""
    sent = [message for message in messages(people) if mailgun.together(CONFIG, message) is not None]
    if len(sent) > 1:
        assert expanded(sent) == [(m.content.to, m.content.subject, m.content.text, m.content.html) for m in sent]


def test_a_batch_is_for_what_shares_its_text_and_fits() -> None:
    """What could be taken for a variable goes alone, and so does a letter that somebody wrote himself."""
    short, long, odd = messages([("Ann", "Pune"), ("x" * 9_000, "y"), ("%recipient_email%", "z")])
    assert mailgun.together(CONFIG, short) is short.content.wording
    assert mailgun.together(CONFIG, long) is None and mailgun.together(CONFIG, odd) is None
    assert mailgun.together(CONFIG.model_copy(update={"batch": False}), short) is None
    assert mailgun.together(CONFIG, ready_made("Hi", "<p>x</p>", "")) is None
    (other,) = messages([("Bob", "Ulm")], LETTER.model_copy(update={"text": "for %recipient.name%"}))
    assert mailgun.together(CONFIG, other) is None


def test_nobody_sees_who_else_gets_it() -> None:
    """Without variables for each, all addresses would stand in To."""
    sent = messages([("Ann", "Pune"), ("Bob", "Ulm"), ("Cy", "Rom")])
    fields = form_of(sent)
    texts = {name: value.decode() for name, value, _ in fields}
    variables = json.loads(texts["recipient-variables"])
    assert set(variables) == {"p0@example.com", "p1@example.com", "p2@example.com"}
    assert variables["p1@example.com"]["id"] == sent[1].message_id.hex() and texts["v:msg_id"] == "%recipient.id%"
    assert variables["p1@example.com"]["attempt"] == "2" and texts["v:attempt"] == "%recipient.attempt%"
    assert variables["p1@example.com"]["h0"] == dict(sent[1].content.headers)["List-Unsubscribe"]
    assert texts["h:List-Unsubscribe"] == "%recipient.h0%"
    assert texts["h:List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert texts["from"] == '"Shop" <letter@shop.example.com>' and texts["o:tag"] == "cmp_1__"
    assert texts["o:tracking"] == texts["o:tracking-clicks"] == texts["o:tracking-opens"] == "no"


@pytest.mark.parametrize("batch", [True, False])
def test_one_message_goes_as_it_is(batch: bool) -> None:
    """Its header and parts are ours, to the byte."""
    config = CONFIG.model_copy(update={"batch": batch, "test": True, "region": "eu"})
    assert mailgun.form_of(config) == ("parts" if batch else "whole")
    (message,) = messages([("Ann", "Pune")], whole=not batch)
    request = mailgun.request_for(config, SECRETS, [message], NOW)
    assert (request.method, request.url) == ("POST", "https://api.eu.mailgun.net/v3/mg.example.org/messages.mime")
    assert request.headers["Authorization"] == "Basic YXBpOmtleQ=="
    fields = {name: (value, file) for name, value, file in form_of([message], config)}
    raw, file = fields["message"]
    assert file and raw == (message.content.whole() if batch else message.content)
    letter = read(raw)
    assert letter["to"] == "p0@example.com" and "Hi Ann of Pune" in part(letter, "plain")
    assert fields["to"][0] == b"p0@example.com" and fields["v:msg_id"][0] == b"00" * 16
    assert fields["o:testmode"][0] == b"yes" and "recipient-variables" not in fields


@given(st.lists(st.tuples(st.sampled_from(["to", "h:X", "text"]), TEXTS | st.binary(max_size=50)), max_size=5))
def test_a_form_is_read_as_it_was_written(fields: list[tuple[str, str | bytes]]) -> None:
    """Whatever stands in it: line ends, boundaries, quotes."""
    boundary, body = mailgun._form(fields)
    values = [value if isinstance(value, bytes) else value.encode() for _, value in fields]
    pieces = body.split(f"--{boundary}".encode())
    assert len(pieces) == len(fields) + 2 and pieces[-1] == b"--\r\n"
    assert [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces[1:-1]] == values


# -- answers


def answered(status: int, words: object = "x", count: int = 1, body: bytes | None = None) -> list[Any]:
    """The outcomes of *count* messages."""
    raw = json.dumps({"message": words}).encode() if body is None else body
    return mailgun.result_of(messages([("A", "B")] * count), Answer(status, {}, raw), NOW)


def test_what_is_accepted_has_their_id_without_brackets() -> None:
    """As their events have it."""
    said = sample("mailgun-api-messages")["response_200"]
    outcomes = answered(200, count=2, body=json.dumps(said).encode())
    assert [(o.kind, o.ref) for o in outcomes] == [(Kind.ACCEPTED, "20260111174239.25659.5817@mg.example.org")] * 2


BAD_ADDRESS = sample("mailgun-api-messages")["response_400"]["message"]


@pytest.mark.parametrize(
    ("status", "words", "kind", "klass"),
    [
        (400, BAD_ADDRESS, Kind.REFUSED, "hard"), (400, "'to' parameter is not a valid address.", Kind.REFUSED, "hard"),
        (400, "from parameter is missing", Kind.BLOCKED, "content"),
        (400, "Send options (parameters starting with o:, h:, v:) are limited to 16 kB total", Kind.BLOCKED, "content"),
        (400, "Too many recipients, max is 1000", Kind.BLOCKED, "content"),
        (403, "Domain mg.example.org is not allowed to send: disabled", Kind.UNAVAILABLE, "account"),
        (400, "Account x is disabled", Kind.UNAVAILABLE, "account"),
        (400, "Domain hourly limit of 100 exceeded", Kind.THROTTLED, ""),
        (420, "Sending limit exceeded", Kind.THROTTLED, ""),
        (401, "Forbidden", Kind.UNAVAILABLE, "account"), (402, "Request failed", Kind.BLOCKED, "content"),
        (404, "Domain not found: x", Kind.UNAVAILABLE, "account"), (413, "too large", Kind.BLOCKED, "content"),
        (429, "Too many requests", Kind.THROTTLED, ""), (500, "oops", Kind.DEFERRED, "soft"),
        (500, None, Kind.UNCERTAIN, "lost_reply"), (502, None, Kind.UNCERTAIN, "lost_reply"),
        (503, None, Kind.UNAVAILABLE, "service"), (504, None, Kind.UNCERTAIN, "lost_reply"),
    ],
)  # fmt: skip
def test_each_answer_has_its_meaning(status: int, words: object, kind: Kind, klass: str) -> None:
    """Whose fault it is, and whether it may be sent again."""
    (outcome,) = answered(status, words)
    assert (outcome.kind, outcome.klass, outcome.code) == (kind, klass, status)


def test_a_bad_address_in_a_batch_is_found_out_one_by_one() -> None:
    """Nobody says which it is: the pool sends each for itself."""
    assert {outcome.kind for outcome in answered(400, BAD_ADDRESS, 3)} == {Kind.RETURNED}


@settings(max_examples=60, deadline=None)
@given(st.integers(100, 999), hostile({"message": "x", "id": "<a>"}) | torn(b'{"message": "x"}'))
def test_no_answer_breaks_it(status: int, body: object) -> None:
    """Every message ends with something."""
    outcomes = answered(status, count=2, body=body if isinstance(body, bytes) else json.dumps(body).encode())
    assert len(outcomes) == 2 and all(Kind(outcome.kind) and len(outcome.detail) <= 500 for outcome in outcomes)


# -- signatures


def doubt(signature: object, key: str = "TEST_WEBHOOK_SIGNING_KEY", at: float = NOW) -> str:
    """Why a webhook with *signature* is not believed."""
    raw = signature if isinstance(signature, bytes) else json.dumps({"signature": signature}).encode()
    return mailgun.verified(CONFIG, {"api_key": "k", "signing_key": key}, Hook("POST", "u", "", {}, raw), at)


@pytest.mark.parametrize("vector", VECTORS)
def test_known_signatures_and_none_with_a_byte_changed(vector: Any) -> None:
    """In the time, the token, the signature or the key."""
    key, at = vector["signing_key"], float(vector["timestamp"])
    assert doubt(vector, key, at) == ""
    for name in ("timestamp", "token", "signature"):
        for changed in with_a_byte_changed(vector[name].encode()):
            assert doubt(vector | {name: changed.decode()}, key, at)
    for changed in with_a_byte_changed(key.encode()):
        assert doubt(vector, changed.decode(), at)
    assert doubt(vector, key, at + 8 * 3_600) == "" and doubt(vector, key, at + 10 * 3_600)
    assert doubt(vector, key, at - 3_600) and doubt(vector, "", at)
    assert doubt(vector | {"signature": vector["signature"].upper()}, key, at)


@given(hostile(VECTORS[0]) | torn(json.dumps(VECTORS[0]).encode()))
def test_no_signature_breaks_it(signature: object) -> None:
    """Whatever stands there; and the token is that of the request."""
    assert doubt(signature)
    raw = json.dumps({"signature": {"token": "abc"}}).encode()
    assert mailgun.hook_id(Hook("POST", "u", "", {}, raw)) == "abc"


# -- reports


def event(name: str) -> Any:
    """A sample, with an id of ours."""
    found = sample(name)
    found["event-data"]["user-variables"] |= {"msg_id": MESSAGE, "attempt": "2"}
    return found


def told_of(found: object) -> Any:
    """What a webhook tells."""
    (told,) = mailgun.events_in(CONFIG, webhook("mailgun", found))
    return told


TOLD = {
    "mailgun-accepted": (ReportKind.ACCEPTED, "", "none"),
    "mailgun-delivered": (ReportKind.DELIVERED, "", "none"),
    "mailgun-failed-permanent": (ReportKind.BOUNCED, "hard", "suppress"),
    "mailgun-failed-temporary": (ReportKind.DEFERRED, "soft", "none"),
    "mailgun-failed-greylisted": (ReportKind.DEFERRED, "soft", "none"),
    "mailgun-failed-suppressed": (ReportKind.BLOCKED, "suppressed", "suppress"),
    "mailgun-rejected": (ReportKind.FAILED, "account", "alert"),
    "mailgun-complained": (ReportKind.COMPLAINED, "complaint", "suppress"),
    "mailgun-opened": (ReportKind.OPENED, "", "none"),
    "mailgun-clicked": (ReportKind.CLICKED, "", "none"),
    "mailgun-unsubscribed": (ReportKind.UNSUBSCRIBED, "", "suppress"),
}


@pytest.mark.parametrize("name", sorted(TOLD))
def test_each_event_has_its_meaning(name: str) -> None:
    """Of the documented samples, which are signed with the test key."""
    found = event(name)
    told = told_of(found)
    assert isinstance(told, Told) and (told.kind, told.klass, told.action) == TOLD[name]
    assert (told.message_id.hex(), told.attempt) == (MESSAGE, 2)
    assert told.ref == "20260812211713.1.DF5966851B4BAA99@mg.example.org"
    assert int(told.at) == 1_786_000_000 and told.event == "CPgfbmQMTCKtHW6uIWtuVe|20671" and told.said
    assert doubt(found["signature"]) == ""


@pytest.mark.parametrize(
    ("code", "enhanced", "words", "reason", "kind", "klass"),
    [
        (550, "5.1.1", "no such user", "bounce", ReportKind.BOUNCED, "hard"),
        (550, "5.7.1", "blocked, see Spamhaus", "bounce", ReportKind.BLOCKED, "block"),
        (550, "", "rejected", "bounce", ReportKind.BLOCKED, "block"),
        (554, "5.7.1", "looks like spam", "generic", ReportKind.BLOCKED, "content"),
        (550, "5.7.26", "unauthenticated DMARC", "generic", ReportKind.BLOCKED, "auth"),
        (552, "5.2.2", "mailbox full", "bounce", ReportKind.BOUNCED, "mailbox_full"),
        (498, None, "No MX for example.com", "generic", ReportKind.BOUNCED, "soft"),
        (499, None, "", "generic", ReportKind.BOUNCED, "soft"),
        (450, "4.1.1", "user unknown", "generic", ReportKind.BOUNCED, "soft"),
        (602, None, "Too old", "old", ReportKind.EXPIRED, "soft"),
        (605, None, "", "x", ReportKind.BLOCKED, "suppressed"), (606, None, "", "x", ReportKind.BLOCKED, "suppressed"),
        (607, None, "", "x", ReportKind.BLOCKED, "suppressed"),
        (0, None, "", "suppress-unsubscribe", ReportKind.BLOCKED, "suppressed"),
        (0, None, "", "new", ReportKind.BOUNCED, "undetermined"),
    ],
)  # fmt: skip
def test_failures_for_good(code: int, enhanced: Any, words: str, reason: str, kind: ReportKind, klass: str) -> None:
    """A person is suppressed only where the address is wrong, or on a list of Mailgun's."""
    found = event("mailgun-failed-permanent")
    found["event-data"] |= {"reason": reason}
    found["event-data"]["delivery-status"] = {"code": code, "enhanced-code": enhanced, "message": words}
    told = told_of(found)
    assert (told.kind, told.klass) == (kind, klass)
    assert (told.action == "suppress") == (klass in ("hard", "suppressed"))


def test_what_is_not_known_is_kept_and_bots_are_marked() -> None:
    """A new event of theirs is no reason to lose it."""
    found = event("mailgun-opened")
    found["event-data"]["event"] = "teleported"
    assert (told_of(found).kind, told_of(found).said) == (ReportKind.UNRECOGNISED, "teleported")
    found = event("mailgun-clicked")
    assert not told_of(found).machine and told_of(found).url == "https://example.com/landing"
    found["event-data"]["client-info"]["bot"] = "gmail"
    assert told_of(found).machine
    for nothing in (
        {},
        [],
        {"event-data": {"event": "opened"}},
        {"event-data": {"user-variables": {"msg_id": MESSAGE}}},
    ):
        assert isinstance(told_of(nothing), Unreadable)


@settings(max_examples=200, deadline=None)
@given(st.one_of(*[hostile(event(name)) for name in sorted(TOLD)]) | torn(json.dumps(event("mailgun-opened")).encode()))
def test_no_event_breaks_it(found: object) -> None:
    """Each tells something that fits, or is kept as it came."""
    told = told_of(found)
    if isinstance(told, Told):
        assert ReportKind(told.kind) and len(told.message_id) in (0, 16) and 0 < told.at < 1e11
        assert len(told.detail) <= 500 and (told.message_id or told.ref)
    else:
        assert isinstance(told, Unreadable)


# -- look-ups

SOUGHT = Sought(
    bytes.fromhex(MESSAGE), 2, "20260812211713.1.DF5966851B4BAA99@mg.example.org", NOW, "recipient@example.com"
)


def items(*ids: str) -> Any:
    """The documented answer, with an item for each of *ids*."""
    found = sample("mailgun-api-events")["response_200"]
    (item,) = found["items"]
    return found | {"items": [item | {"user-variables": {"msg_id": name} if name else {}} for name in ids]}


def test_a_look_up_tells_only_of_the_message_that_was_sought() -> None:
    """One id is that of a whole batch."""
    request = mailgun.lookup_for(CONFIG, SECRETS, SOUGHT, NOW)
    assert request is not None and request.url.startswith(
        "https://api.mailgun.net/v3/mg.example.org/events?begin=1785999800&"
    )
    assert "recipient=recipient%40example.com" in request.url and "message-id=20260812211713" in request.url
    assert mailgun.lookup_for(CONFIG, SECRETS, Sought(bytes(16), 1, "", NOW), NOW) is None
    found = mailgun.events_in(CONFIG, looked_up("mailgun", items(MESSAGE, "11" * 16, ""), SOUGHT))
    assert [(told.kind, told.message_id.hex()) for told in found if isinstance(told, Told)] == [
        ("delivered", MESSAGE)
    ] * 2
    other = Sought(SOUGHT.message_id, 2, SOUGHT.ref, NOW, "other@example.com")
    assert len(mailgun.events_in(CONFIG, looked_up("mailgun", items(""), other))) == 0
    lost = Sought(SOUGHT.message_id, 2, "", NOW, "recipient@example.com")
    assert len(mailgun.events_in(CONFIG, looked_up("mailgun", items(MESSAGE, ""), lost))) == 1
    (odd,) = mailgun.events_in(CONFIG, looked_up("mailgun", b"[]", SOUGHT))
    assert isinstance(odd, Unreadable)


@settings(max_examples=60, deadline=None)
@given(hostile(items(MESSAGE)))
def test_no_answer_to_a_look_up_breaks_it(found: object) -> None:
    """Whatever the API says."""
    for told in mailgun.events_in(CONFIG, looked_up("mailgun", found, SOUGHT)):
        assert isinstance(told, Told | Unreadable)


def test_lists_of_what_happened_are_read_page_by_page_and_only_at_the_account() -> None:
    """Credentials go with each page: an answer must not lead them elsewhere."""
    home = f"{CONFIG.url or 'https://api.mailgun.net'}/v3/{CONFIG.domain}/events"
    first = mailgun.listed_for(CONFIG, SECRETS, 1_800_000_000.0, NOW)
    assert first.url.startswith(f"{home}?begin=1800000000&ascending=yes&limit=300&event=delivered%20OR%20failed")

    def following(url: object, items: object = ({},)) -> str | None:
        body = json.dumps({"items": items, "paging": {"next": url}}).encode()
        found = mailgun.next_for(CONFIG, SECRETS, Answer(200, {}, body))
        return None if found is None else found.url

    assert following(f"{home}/W3siYiI6") == f"{home}/W3siYiI6"
    assert following(f"{home}/W3siYiI6", []) is None
    for wrong in ("https://evil.example/v3/events/x", f"{home}.evil.example/x", home, "", None, 7, ["x"]):
        assert following(wrong) is None
    assert mailgun.next_for(CONFIG, SECRETS, Answer(200, {}, b"\xff<html>")) is None


def test_a_list_tells_of_all_messages_of_ours_and_of_no_others() -> None:
    """One answer has hundreds of messages; those that others have sent from the same domain are none of ours."""

    def item(name: str, variables: dict[str, str]) -> dict[str, object]:
        return {"event": "delivered", "id": name, "timestamp": NOW, "user-variables": variables,
                "message": {"headers": {"message-id": "x@y"}}}  # fmt: skip

    items = [item("a", {"msg_id": "ab" * 16, "attempt": "2"}), item("b", {"msg_id": "cd" * 16}), item("c", {})]
    received = ReceivedReport("mailgun", "mg", "lookup", NOW, json.dumps({"items": items}).encode())
    told = mailgun.events_in(CONFIG, received)
    assert [(each.message_id.hex(), each.attempt) for each in told if isinstance(each, Told)] == [
        ("ab" * 16, 2), ("cd" * 16, 0)
    ]  # fmt: skip
