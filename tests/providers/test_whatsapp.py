"""WhatsApp: template messages, answers and failures by code, webhooks of every kind."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.providers import whatsapp
from app.providers.contract import AccountNews, Unreadable, Wish
from app.records import Told
from tests.providers.phone_routes import AT, ID, SECRETS, WHATSAPP, answer, hook, received, reported, sample, template

WAMID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3MTE5MjU1NjVBNzcwMEMyAA=="
VECTORS = sample("vectors-whatsapp")


def changed(field: str, value: object) -> bytes:
    """A webhook with one change."""
    return json.dumps({"entry": [{"changes": [{"field": field, "value": value}]}]}).encode()


def a_status(**fields: object) -> bytes:
    """A webhook with one status."""
    status = {"id": WAMID, "timestamp": "1786000000", "biz_opaque_callback_data": f"{ID.hex()}-2", **fields}
    return changed("messages", {"statuses": [status]})


def test_a_message_is_asked_for_as_the_reference_has_it() -> None:
    """Address, headers and body of the recorded request; places are filled by text."""
    recorded = sample("whatsapp-api-template")["request"]
    message = template(
        parameters=("Ann", "$100.99"), media="https://cdn.example.com/a.png", media_kind="image", buttons=("m-1",)
    )
    request = whatsapp.request_for(WHATSAPP, SECRETS, [message], AT)
    assert (request.method, request.url) == (recorded["method"], recorded["url"])
    assert request.headers["authorization"] == "Bearer EAAG"
    expected = recorded["body"]
    expected["biz_opaque_callback_data"] = f"{ID.hex()}-2"
    expected["template"]["components"][1]["parameters"][1] = {"type": "text", "text": "$100.99"}
    assert json.loads(request.body) == expected


@pytest.mark.parametrize(
    ("fields", "components"),
    [
        ({}, []),
        ({"header": "Sale"}, [{"type": "header", "parameters": [{"type": "text", "text": "Sale"}]}]),
        (
            {"media": "https://x.test/a.pdf", "media_kind": "document"},
            [{"type": "header", "parameters": [{"type": "document", "document": {"link": "https://x.test/a.pdf"}}]}],
        ),
        (
            {"buttons": ("", "abc")},
            [{"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "abc"}]}],
        ),
    ],
)
def test_only_places_that_there_are_get_a_component(fields: dict[str, Any], components: list[object]) -> None:
    """One too many, or too few, and Meta refuses the message."""
    assert whatsapp.components_of(template(**fields).content) == components


@pytest.mark.parametrize(
    ("marketing_api", "category", "end"),
    [(True, "marketing", "marketing_messages"), (True, "utility", "messages"), (False, "marketing", "messages")],
)
def test_the_marketing_api_takes_marketing_only(marketing_api: bool, category: str, end: str) -> None:
    """Utility and authentication templates are refused there."""
    config = WHATSAPP.model_copy(update={"marketing_api": marketing_api})
    request = whatsapp.request_for(config, SECRETS, [template(category=category)], AT)
    assert request.url.rpartition("/")[2] == end


def failure(code: object, status: int = 400) -> tuple[int, object]:
    """An answer with an error."""
    return status, {"error": {"code": code, "message": "m", "error_data": {"details": "d"}}}


@pytest.mark.parametrize(
    ("answered", "kind", "klass"),
    [
        ((200, sample("whatsapp-api-template")["response_200"]), Kind.ACCEPTED, ""),
        ((400, sample("whatsapp-api-template")["response_error"]), Kind.DEFERRED, "pair"),
        (failure(190, 401), Kind.UNAVAILABLE, "account"),
        (failure(0, 401), Kind.UNAVAILABLE, "account"),
        (failure(200, 403), Kind.UNAVAILABLE, "account"),
        (failure(299, 403), Kind.UNAVAILABLE, "account"),
        (failure(131042), Kind.UNAVAILABLE, "account"),
        (failure(4), Kind.THROTTLED, "technical"),
        (failure(80007), Kind.THROTTLED, "technical"),
        (failure(130429), Kind.THROTTLED, "technical"),
        (failure(131048), Kind.THROTTLED, "technical"),
        (failure(131057, 503), Kind.UNAVAILABLE, "service"),
        (failure(131000, 500), Kind.DEFERRED, "technical"),
        (failure(130497), Kind.BLOCKED, "account"),
        (failure(131021), Kind.REFUSED, "hard"),
        (failure(131026), Kind.DEFERRED, "soft"),
        (failure(131049), Kind.BLOCKED, "block"),
        (failure(131050), Kind.BLOCKED, "suppressed"),
        (failure(132001, 404), Kind.BLOCKED, "content"),
        (failure(131047), Kind.BLOCKED, "content"),
        (failure(987654), Kind.BLOCKED, "content"),
        (failure(987654, 429), Kind.THROTTLED, ""),
        (failure(987654, 200), Kind.BLOCKED, "content"),
        ((503, b"<html>"), Kind.UNAVAILABLE, "service"),
        ((504, b""), Kind.UNCERTAIN, "lost_reply"),
        ((200, b""), Kind.UNCERTAIN, "lost_reply"),
    ],
)
def test_an_answer_is_read_by_its_code(answered: tuple[int, object], kind: Kind, klass: str) -> None:
    """Table 10.2; the HTTP status decides only where there is no code that is known."""
    (outcome,) = whatsapp.result_of([template()], answer(*answered), AT)
    assert (outcome.kind, outcome.klass, outcome.ref) == (kind, klass, WAMID if kind == Kind.ACCEPTED else "")


def test_a_message_that_is_held_says_so() -> None:
    """Meta may look at a new template before it sends on."""
    document = {"messages": [{"id": WAMID, "message_status": "held_for_quality_assessment"}]}
    (outcome,) = whatsapp.result_of([template()], answer(200, document), AT)
    assert (outcome.kind, outcome.detail) == (Kind.ACCEPTED, "held_for_quality_assessment")


# -- reports


def failed(kind: str, klass: str, reason: str, code: int, detail: str, action: str) -> Told:
    """The report of a failure of the recorded message."""
    return Told(
        b"", kind, AT, 0, WAMID, klass, reason, code, detail=f"{code} {detail}", action=action,
        event=f"{WAMID}|failed|{code}", said="failed",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sent", Told(b"", "accepted", AT, 0, WAMID, event=f"{WAMID}|sent", said="sent")),
        ("delivered", Told(b"", "delivered", AT, 0, WAMID, event=f"{WAMID}|delivered", said="delivered")),
        ("read", Told(b"", "read", AT, 0, WAMID, event=f"{WAMID}|read", said="read")),
        ("failed-131026", failed("bounced", "soft", "undeliverable", 131026, "Message Undeliverable.", "none")),
        (
            "failed-131047",
            failed("failed", "content", "window", 131047, "Message failed to send because more than 24 hours have "
                   "passed since the customer last replied to this number.", "alert"),
        ),
        (
            "failed-131049",
            failed("blocked", "block", "frequency", 131049, "In order to maintain a healthy ecosystem engagement, the "
                   "message failed to be delivered.", "none"),
        ),
    ],
)  # fmt: skip
def test_a_report_becomes_what_the_reference_says(name: str, told: Told) -> None:
    """Tables 10.2 and 12.3."""
    assert whatsapp.events_in(WHATSAPP, received(f"whatsapp-{name}", "whatsapp")) == [told]


@pytest.mark.parametrize(
    ("fields", "kind", "klass", "action"),
    [
        ({"status": "played"}, ReportKind.READ, "", "none"),
        ({"status": "failed", "errors": [{"code": 131050}]}, ReportKind.BLOCKED, "suppressed", "suppress"),
        ({"status": "failed", "errors": [{"code": 130472}]}, ReportKind.BLOCKED, "block", "none"),
        ({"status": "failed", "errors": [{"code": 131048}]}, ReportKind.BLOCKED, "block", "alert"),
        ({"status": "failed", "errors": [{"code": 130497}]}, ReportKind.BLOCKED, "account", "alert"),
        ({"status": "failed", "errors": [{"code": 132015}]}, ReportKind.FAILED, "content", "alert"),
        ({"status": "failed", "errors": [{"code": 777}]}, ReportKind.FAILED, "undetermined", "alert"),
        ({"status": "failed", "errors": [{}]}, ReportKind.FAILED, "undetermined", "alert"),
        ({"status": "failed"}, ReportKind.FAILED, "undetermined", "alert"),
        ({"status": "pondered"}, ReportKind.UNRECOGNISED, "", "none"),
    ],
)
def test_a_failure_is_read_by_its_code(fields: dict[str, object], kind: ReportKind, klass: str, action: str) -> None:
    """Only who has said no is suppressed: WhatsApp never says that a number does not exist."""
    (told,) = whatsapp.events_in(WHATSAPP, reported("whatsapp", a_status(**fields)))
    assert isinstance(told, Told)
    assert (told.message_id, told.attempt, told.kind, told.klass, told.action) == (ID, 2, kind, klass, action)


def test_many_statuses_come_in_one_webhook() -> None:
    """And one that cannot be read takes no other with it."""
    statuses = [{"id": "wamid.1", "status": "sent"}, {"status": "sent"}, "x", {"id": "wamid.2", "status": "read"}]
    events = whatsapp.events_in(WHATSAPP, reported("whatsapp", changed("messages", {"statuses": statuses})))
    assert [type(each) for each in events] == [Told, Unreadable, Told]


def test_stop_comes_in_as_a_wish() -> None:
    """Written, or by the quick reply of the template."""
    when, wamid = 1_786_000_100.0, "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="
    assert whatsapp.events_in(WHATSAPP, received("whatsapp-inbound-stop", "whatsapp")) == [
        Wish("unsubscribed", "whatsapp", "+16505551234", when, "STOP", "+15550783881", wamid)
    ]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"button": {"text": "Stop promotions", "payload": "x"}}, "unsubscribed"),
        ({"button": {"text": "Kein Interesse", "payload": "STOP"}}, "unsubscribed"),
        ({"interactive": {"button_reply": {"id": "1", "title": "Start"}}}, "resubscribed"),
        ({"text": {"body": "please don't stop"}}, ""),
        ({"type": "image"}, ""),
    ],
)
def test_a_quick_reply_is_read_by_its_text_and_payload(message: dict[str, object], kind: str) -> None:
    """What stands on it is in the language of the template; what is behind it is ours."""
    value = {"messages": [{"from": "16505551234", "id": "wamid.3", **message}]}
    (wish,) = whatsapp.events_in(WHATSAPP, reported("whatsapp", changed("messages", value)))
    assert isinstance(wish, Wish)
    assert (wish.kind, wish.address, wish.channel) == (kind, "+16505551234", "whatsapp")


@pytest.mark.parametrize(
    ("wa_id", "numbers"),
    [
        ("16505551234", {"+16505551234"}),
        ("5215512345678", {"+5215512345678", "+525512345678"}),
        ("525512345678", {"+5215512345678", "+525512345678"}),
        ("5491123456789", {"+5491123456789", "+541123456789"}),
        ("551187654321", {"+551187654321", "+5511987654321"}),
        ("5511987654321", {"+551187654321", "+5511987654321"}),
        ("551132345678", {"+551132345678"}),
    ],
)
def test_a_stop_counts_for_the_number_as_we_may_have_written_it(wa_id: str, numbers: set[str]) -> None:
    """WhatsApp knows people in Mexico, Argentina and Brazil by another form of the number than their carrier."""
    value = {"messages": [{"from": wa_id, "id": "wamid.4", "text": {"body": "stop"}}]}
    events = whatsapp.events_in(WHATSAPP, reported("whatsapp", changed("messages", value)))
    wishes = [each for each in events if isinstance(each, Wish)]
    assert {each.address for each in wishes} == numbers and {each.kind for each in wishes} == {"unsubscribed"}
    assert len({each.event for each in wishes}) == len(events) == len(numbers)
    value["messages"][0]["text"] = {"body": "hello"}
    assert len(whatsapp.events_in(WHATSAPP, reported("whatsapp", changed("messages", value)))) == 1


def test_a_preference_in_whatsapp_is_a_wish() -> None:
    """Meta keeps it, and tells."""
    value = {"user_preferences": [
        {"wa_id": "16505551234", "value": "stop", "category": "marketing_messages", "timestamp": 1786000000},
        {"wa_id": "16505551234", "value": "resume", "category": "marketing_messages", "timestamp": 1786000001},
        {"wa_id": "16505551234", "value": "ponder"},
    ]}  # fmt: skip
    first, second, third = whatsapp.events_in(WHATSAPP, reported("whatsapp", changed("user_preferences", value)))
    assert isinstance(first, Wish) and isinstance(second, Wish) and isinstance(third, Unreadable)
    assert (first.kind, second.kind) == ("unsubscribed", "resubscribed")
    assert first.event != second.event


def test_what_concerns_the_account_is_for_the_operator() -> None:
    """A template that is paused stops a campaign."""
    (news,) = whatsapp.events_in(WHATSAPP, received("whatsapp-account-error", "whatsapp"))
    assert isinstance(news, AccountNews) and "130429" in news.text and news.level == "warning"
    value = {"event": "PAUSED", "message_template_name": "spring_sale", "reason": "quality"}
    (news,) = whatsapp.events_in(WHATSAPP, reported("whatsapp", changed("message_template_status_update", value)))
    assert isinstance(news, AccountNews) and "spring_sale" in news.text and news.level == "alert"


# -- webhooks


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=["example", "status", "escapes"])
def test_signatures_of_the_vectors_hold(vector: dict[str, str]) -> None:
    """And with one byte changed, anywhere, they do not; nor does JSON that was written anew."""
    body, said = vector["raw_body"].encode(), vector["signature"]

    def why(body: bytes = body, said: str = said, secret: str = vector["app_secret"]) -> str:
        return whatsapp.verified(
            WHATSAPP, {"app_secret": secret}, hook("https://f.test/", body, x_hub_signature_256=said), AT
        )

    assert why() == ""
    assert why(secret="other") and why(said="sha256=") and why(said="") and why(body=b"")
    for at in range(len(body)):
        assert why(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :])
    for at in range(7, len(said)):
        assert why(said=said[:at] + ("0" if said[at] != "0" else "1") + said[at + 1 :])
    if "\\u" in vector["raw_body"]:
        assert why(json.dumps(json.loads(body)).encode())


def test_the_challenge_of_a_subscription_is_returned_bare() -> None:
    """To whoever knows our word, and nobody else."""
    challenge = VECTORS["challenge"]
    url = "https://f.test" + challenge["request"].partition(" ")[2]
    asked = hook(url, method="GET")
    assert whatsapp.verified(WHATSAPP, SECRETS, asked, AT) == ""
    found = whatsapp.answer_for(WHATSAPP, SECRETS, asked, AT)
    assert found is not None
    assert (found.status, found.body.decode()) == (challenge["response_status"], challenge["response_body"])
    assert found.headers["content-type"] == challenge["response_content_type"]
    fields = dict(parse_qsl(asked.query))
    for name, value in (
        ("hub.verify_token", "other"), ("hub.mode", "unsubscribe"), ("hub.challenge", "<script>"),
        ("hub.challenge", ""),
    ):  # fmt: skip
        wrong = hook(f"https://f.test/?{urlencode({**fields, name: value})}", method="GET")
        assert whatsapp.verified(WHATSAPP, SECRETS, wrong, AT)
    assert whatsapp.verified(WHATSAPP, {}, asked, AT)
    assert whatsapp.answer_for(WHATSAPP, SECRETS, hook(url), AT) is None
