"""MSG91: two ways to send, answers that are errors with 200, and reports in four versions."""

import json
from datetime import datetime
from typing import Any

import pytest

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.providers import msg91
from app.providers.contract import Unreadable
from app.records import Told
from tests.providers.phone_routes import AT, ID, MSG91, SECRETS, answer, hook, received, reported, sample, sms

REQUEST = "346xxxxxxxxxxxx130"
ANN, BOB = "919500000558", "919500000559"


def moment(text: str) -> float:
    """Seconds since 1970 of a time in India."""
    return datetime.fromisoformat(f"{text}+05:30").timestamp()


def test_a_template_of_msg91_goes_over_the_flow() -> None:
    """Address, headers and body of the recorded request, of two people at once."""
    recorded = sample("msg91-api-flow")["request"]
    messages = [
        sms("Hi", f"+{each['mobiles']}", dlt_template=recorded["body"]["template_id"],
            variables={name: value for name, value in each.items() if name != "mobiles"})
        for each in recorded["body"]["recipients"]
    ]  # fmt: skip
    request = msg91.request_for(MSG91, SECRETS, messages, AT)
    assert (request.method, request.url) == (recorded["method"], recorded["url"])
    assert json.loads(request.body) == recorded["body"]
    assert {**request.headers, "authkey": "<key>"} == recorded["headers"]


@pytest.mark.parametrize(
    ("fields", "transactional", "body"),
    [
        ({}, False, {"sender": "ACMEIN", "route": "1", "country": "91"}),
        ({"dlt_template": "1107161234567890123"}, False, {"DLT_TE_ID": "1107161234567890123", "route": "1"}),
        ({"transactional": True}, False, {"route": "4"}),
        ({"sender": "OTHER"}, True, {"sender": "OTHER", "route": "4"}),
        ({"text": "नमस्ते"}, False, {"unicode": "1"}),
        ({"number": "+14155550100"}, False, {"country": "1"}),
        ({"number": "+447911123456"}, False, {"country": "0"}),
    ],
)
def test_any_other_text_goes_as_it_is(fields: dict[str, Any], transactional: bool, body: dict[str, str]) -> None:
    """With the id that the register of India gave its template; promotional unless somebody asked for it."""
    message = sms(**{"text": "Hello", "number": f"+{ANN}", **fields})
    request = msg91.request_for(MSG91.model_copy(update={"transactional": transactional}), SECRETS, [message], AT)
    sent = json.loads(request.body)
    assert request.url == "https://control.msg91.com/api/v2/sendsms"
    assert {name: sent.get(name) for name in body} == body
    assert sent["sms"] == [{"message": message.content.text, "to": [message.address[1:]]}]
    assert sent["CRQID"] == f"{ID.hex()}-1"


def test_one_id_of_a_request_is_one_for_each_number() -> None:
    """Reports name both."""
    messages = [sms(number=f"+{ANN}"), sms(number=f"+{BOB}")]
    outcomes = msg91.result_of(messages, answer(200, sample("msg91-api-flow")["response_200"]), AT)
    assert [(each.kind, each.ref) for each in outcomes] == [
        (Kind.ACCEPTED, f"{REQUEST}|{ANN}"),
        (Kind.ACCEPTED, f"{REQUEST}|{BOB}"),
    ]


@pytest.mark.parametrize(
    ("status", "document", "kind", "klass"),
    [
        (200, sample("msg91-api-flow")["response_error"], Kind.UNAVAILABLE, "account"),
        (200, {"type": "error", "code": 418}, Kind.UNAVAILABLE, "account"),
        (200, {"msg_type": "error", "code": "301"}, Kind.UNAVAILABLE, "account"),
        (200, {"type": "error", "code": "202"}, Kind.REFUSED, "hard"),
        (200, {"type": "error", "code": "203"}, Kind.BLOCKED, "content"),
        (200, {"type": "error", "code": "311"}, Kind.ACCEPTED, ""),
        (200, {"type": "error", "code": "602"}, Kind.UNAVAILABLE, "service"),
        (200, {"type": "error", "message": "new"}, Kind.BLOCKED, "content"),
        (429, b"", Kind.THROTTLED, ""),
        (500, {"type": "error"}, Kind.DEFERRED, "soft"),
        (500, b"", Kind.UNCERTAIN, "lost_reply"),
        (503, b"<html>", Kind.UNAVAILABLE, "service"),
        (200, b"<html>", Kind.UNCERTAIN, "lost_reply"),
        (200, {"type": "success"}, Kind.UNCERTAIN, "lost_reply"),
    ],
)
def test_success_is_what_says_so(status: int, document: object, kind: Kind, klass: str) -> None:
    """200 is what errors have, too."""
    (outcome,) = msg91.result_of([sms(number=f"+{ANN}")], answer(status, document), AT)
    assert (outcome.kind, outcome.klass) == (kind, klass)


def test_one_wrong_number_condemns_no_other() -> None:
    """A request for many is refused whole, and does not say for whose sake."""
    messages = [sms(number=f"+{ANN}"), sms(number=f"+{BOB}")]
    outcomes = msg91.result_of(messages, answer(200, {"type": "error", "code": "202"}), AT)
    assert [each.kind for each in outcomes] == [Kind.DEFERRED] * 2


def delivered(at: float, said: str, detail: str) -> Told:
    """The report that the first number got it."""
    code = 1 if said == "1" else 0
    return Told(
        b"",
        "delivered",
        at,
        0,
        f"{REQUEST}|{ANN}",
        code=code,
        detail=detail,
        event=f"{REQUEST}|{ANN}|{said}",
        said=said,
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "v2",
            [
                delivered(moment("2026-05-22 10:06:20"), "1", "DELIVERED"),
                Told(b"", "bounced", moment("2026-05-22 10:06:25"), 0, f"{REQUEST}|{BOB}", "soft", "unreachable", 2,
                     detail="Absent Subscriber", action="retry", event=f"{REQUEST}|{BOB}|2", said="2"),
            ],
        ),
        ("v3", [delivered(moment("2026-05-22 09:58:16"), "1", "DELIVERED")]),
        ("new-webhook", [delivered(moment("2026-05-22 09:58:16"), "Delivered", "")]),
    ],
)  # fmt: skip
def test_a_report_becomes_what_the_reference_says(name: str, told: list[Told]) -> None:
    """Table 7.3, in India's time."""
    assert msg91.events_in(MSG91, received(f"msg91-dlr-{name}", "msg91")) == told


def test_a_report_that_names_no_message_is_kept() -> None:
    """Version 4 names one only where our own id comes back."""
    (unread,) = msg91.events_in(MSG91, received("msg91-dlr-v4", "msg91"))
    assert isinstance(unread, Unreadable) and b"DELIVERED" in unread.raw
    body = [{"event": "delivered", "data": [{"meta": f"{ID.hex()}-2", "description": "DELIVERED", "ts": 1726729500}]}]
    (told,) = msg91.events_in(MSG91, reported("msg91", json.dumps(body).encode()))
    assert isinstance(told, Told)
    assert (told.message_id, told.attempt, told.kind, told.at) == (ID, 2, "delivered", 1_726_729_500.0)


@pytest.mark.parametrize(
    ("status", "why", "kind", "klass", "action"),
    [
        ("9", "", ReportKind.BLOCKED, "block", "suppress"),
        ("16", "", ReportKind.BLOCKED, "content", "alert"),
        ("25", "", ReportKind.BLOCKED, "content", "alert"),
        ("17", "", ReportKind.BLOCKED, "suppressed", "suppress"),
        ("8", "", ReportKind.ACCEPTED, "", "none"),
        ("2", "Invalid Mobile Number", ReportKind.BOUNCED, "hard", "suppress"),
        ("2", "Unknown Subscriber", ReportKind.BOUNCED, "hard", "suppress"),
        ("2", "Switched Off", ReportKind.BOUNCED, "soft", "retry"),
        ("2", "DLT template mismatch: invalid user header", ReportKind.BLOCKED, "content", "alert"),
        ("2", "Invalid template", ReportKind.BLOCKED, "content", "alert"),
        ("2", "", ReportKind.BOUNCED, "undetermined", "none"),
        ("Failed", "who knows", ReportKind.BOUNCED, "undetermined", "none"),
        ("77", "", ReportKind.UNRECOGNISED, "", "none"),
    ],
)
def test_only_a_number_that_cannot_work_is_suppressed(
    status: str, why: str, kind: ReportKind, klass: str, action: str
) -> None:
    """Or one whose owner refuses advertising by the register."""
    report = {"requestId": REQUEST, "number": ANN, "status": status, "failedReason": why}
    (told,) = msg91.events_in(MSG91, reported("msg91", json.dumps(report).encode()))
    assert isinstance(told, Told)
    assert (told.kind, told.klass, told.action) == (kind, klass, action)


@pytest.mark.parametrize(
    ("networks", "believed"),
    [([], True), (["203.0.113.7"], True), (["203.0.113.0/24"], True), (["198.51.100.0/24"], False), (["x"], False)],
)
def test_reports_come_from_where_the_route_says(networks: list[str], believed: bool) -> None:
    """Nothing signs them."""
    config = MSG91.model_copy(update={"from_addresses": networks})
    assert (msg91.verified(config, {}, hook("https://f.test/"), AT) == "") == believed
