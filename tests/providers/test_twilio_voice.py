"""Twilio's calls: what is said, what became of them, and the key that stops them."""

import json
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.providers import echo, twilio_voice
from app.providers.contract import Sought
from app.records import Told
from tests.providers.phone_routes import (
    AT,
    CALLBACK,
    ID,
    SECRETS,
    TWILIO,
    answer,
    call,
    hook,
    received,
    reported,
    sample,
)

QUERY = f"m={ID.hex()}&a=1"
SID = "CA" + "a" * 32
MOMENT = 1_795_400_160.0  # Mon, 23 Nov 2026 02:16:00 +0000


def form_of(config: object = TWILIO, **fields: object) -> list[tuple[str, str]]:
    """The fields of a request."""
    return parse_qsl(twilio_voice.request_for(config, SECRETS, [call(**fields)], AT).body.decode())  # type: ignore[arg-type]


def test_a_call_is_asked_for_as_the_reference_has_it() -> None:
    """Address, numbers and the four events of the recorded request."""
    recorded = sample("twilio-api-calls")["request"]
    request = twilio_voice.request_for(TWILIO, SECRETS, [call()], AT)
    form = parse_qsl(request.body.decode())
    assert (request.method, request.url) == (recorded["method"], recorded["url"])
    for name in ("To", "From", "StatusCallbackEvent"):
        assert [pair for pair in form if pair[0] == name] == [
            tuple(each) for each in recorded["form_pairs"] if each[0] == name
        ]
    assert dict(form)["StatusCallback"].startswith(f"{CALLBACK}?{QUERY}#")


@pytest.mark.parametrize(
    ("detection", "named"),
    [
        ("off", {}),
        ("detect", {"MachineDetection": "Enable", "AsyncAmd": "true", "AsyncAmdStatusCallback": f"{CALLBACK}?{QUERY}"}),
        ("wait_for_beep", {"MachineDetection": "DetectMessageEnd"}),
    ],
)
def test_people_do_not_wait_for_a_machine_to_be_told(detection: str, named: dict[str, str]) -> None:
    """Only whoever speaks to machines waits for the beep."""
    form = dict(form_of(TWILIO.model_copy(update={"machine_detection": detection})))
    found = {name: form[name].partition("#")[0] for name in form if "Machine" in name or "Amd" in name}
    assert found == named


@settings(deadline=None)
@given(st.text(max_size=100), st.sampled_from(["en-US", "de-DE", "xx", '"><Hangup/>']), st.text(max_size=40))
def test_what_is_said_is_said_and_never_obeyed(text: str, language: str, prompt: str) -> None:
    """A name such as <Dial>+1900...</Dial> would call a number at our cost."""
    message = call(text.replace("\r", ""), content={"language": language, "stop_prompt": prompt.replace("\r", "")})
    root = ElementTree.fromstring(twilio_voice.twiml_of(message.content, message))
    assert [each.tag for each in root.iter()] == ["Response", "Gather", "Say", "Say"]
    said = root.find("Gather/Say")
    assert said is not None and said.get("language") == language
    sayable = "".join(each for each in text if each.isprintable() and each < "\ud800")
    assert "".join(each for each in (said.text or "") if each.isprintable() and each < "\ud800") == sayable


def test_a_recording_is_played_instead() -> None:
    """Its address may hold what XML does not."""
    message = call(content={"audio": "https://cdn.test/a.mp3?x=1&y=2"})
    root = ElementTree.fromstring(twilio_voice.twiml_of(message.content, message))
    assert root.findtext("Gather/Play") == "https://cdn.test/a.mp3?x=1&y=2"


@pytest.mark.parametrize("fields", [{"transactional": True}, {"content": {"stop_key": ""}}, {"callback": ""}])
def test_a_key_is_offered_only_where_it_is_heard(fields: dict[str, object]) -> None:
    """A code that somebody asked for has nothing to stop."""
    message = call(**fields)  # type: ignore[arg-type]
    root = ElementTree.fromstring(twilio_voice.twiml_of(message.content, message))
    assert [each.tag for each in root.iter()] == ["Response", "Say"]


def test_the_key_stops_calls() -> None:
    """Its webhook names the message; another key says nothing."""
    message = call(content={"language": "de-DE"})
    root = ElementTree.fromstring(twilio_voice.twiml_of(message.content, message))
    gather = root.find("Gather")
    assert gather is not None
    action = gather.get("action") or ""
    query = action.partition("?")[2]
    assert action.startswith(CALLBACK)

    def pressed(key: str) -> bytes:
        return urlencode({"CallSid": SID, "Digits": key, "CallStatus": "in-progress"}).encode()

    (told,) = twilio_voice.events_in(TWILIO, reported("twilio", pressed("9"), query))
    assert isinstance(told, Told)
    assert (told.message_id, told.kind, told.action) == (ID, ReportKind.UNSUBSCRIBED, "suppress")
    assert twilio_voice.events_in(TWILIO, reported("twilio", pressed("1"), query)) == []
    heard = twilio_voice.answer_for(TWILIO, SECRETS, hook(action, pressed("9")), AT)
    assert heard is not None and "nicht mehr angerufen" in heard.body.decode()
    other = twilio_voice.answer_for(TWILIO, SECRETS, hook(action, pressed("1")), AT)
    assert other is not None and other.body == b"<Response/>"


@pytest.mark.parametrize(
    ("status", "document", "kind", "klass"),
    [
        (201, sample("twilio-api-calls")["response_201"], Kind.ACCEPTED, ""),
        (400, {"code": 21217}, Kind.REFUSED, "hard"),
        (400, {"code": 21215}, Kind.BLOCKED, "account"),
        (400, {"code": 21210}, Kind.UNAVAILABLE, "account"),
        (429, {"code": 10004}, Kind.THROTTLED, "technical"),
        (400, {"code": 22005}, Kind.THROTTLED, "technical"),
        (500, b"", Kind.UNCERTAIN, "lost_reply"),
    ],
)
def test_an_answer_is_read_by_its_code(status: int, document: object, kind: Kind, klass: str) -> None:
    """Table 11.2."""
    (outcome,) = twilio_voice.result_of([call()], answer(status, document), AT)
    assert (outcome.kind, outcome.klass) == (kind, klass)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("initiated", Told(ID, "accepted", MOMENT, 1, SID, event=f"{SID}|0", said="initiated")),
        ("ringing", Told(ID, "accepted", MOMENT + 1, 1, SID, event=f"{SID}|1", said="ringing")),
        ("answered", Told(ID, "delivered", MOMENT + 2, 1, SID, event=f"{SID}|2", said="in-progress")),
        (
            "completed",
            Told(ID, "delivered", MOMENT + 3, 1, SID, reason="human", code=200, detail="picked up by human, 15 s",
                 event=f"{SID}|3", said="completed"),
        ),
        (
            "busy",
            Told(ID, "deferred", MOMENT + 2, 1, SID, "soft", "busy", 486, detail="0 s", action="retry",
                 event=f"{SID}|2", said="busy"),
        ),
        (
            "no-answer",
            Told(ID, "deferred", MOMENT + 2, 1, SID, "soft", "noanswer", 487, detail="0 s", action="retry",
                 event=f"{SID}|2", said="no-answer"),
        ),
        (
            "failed",
            Told(ID, "bounced", MOMENT + 1, 1, SID, "hard", "userunknown", 404, detail="0 s", action="suppress",
                 event=f"{SID}|1", said="failed"),
        ),
        (
            "amd",
            Told(ID, "delivered", AT, 1, SID, reason="voicemail", detail="picked up by machine_start",
                 event=f"{SID}|amd", said="in-progress"),
        ),
    ],
)  # fmt: skip
def test_a_report_becomes_what_the_reference_says(name: str, told: Told) -> None:
    """Table 11.3."""
    assert twilio_voice.events_in(TWILIO, received(f"twilio-voice-{name}", "twilio", QUERY)) == [told]


@pytest.mark.parametrize(
    ("fields", "kind", "klass", "action"),
    [
        ({"CallStatus": "failed", "SipResponseCode": "604"}, ReportKind.BOUNCED, "hard", "suppress"),
        ({"CallStatus": "failed", "SipResponseCode": "607"}, ReportKind.BLOCKED, "block", "none"),
        ({"CallStatus": "failed", "SipResponseCode": "503"}, ReportKind.BOUNCED, "soft", "retry"),
        ({"CallStatus": "failed", "SipResponseCode": "599", "ErrorCode": "13224"}, ReportKind.BOUNCED, "soft", "retry"),
        ({"CallStatus": "failed", "ErrorCode": "13224"}, ReportKind.BOUNCED, "hard", "suppress"),
        ({"CallStatus": "failed"}, ReportKind.BOUNCED, "soft", "retry"),
        ({"CallStatus": "canceled"}, ReportKind.FAILED, "technical", "none"),
        ({"CallStatus": "completed", "AnsweredBy": "fax"}, ReportKind.BOUNCED, "hard", "suppress"),
        ({"CallStatus": "completed", "AnsweredBy": "machine_end_beep"}, ReportKind.DELIVERED, "", "none"),
        ({"CallStatus": "humming"}, ReportKind.UNRECOGNISED, "", "none"),
    ],
)
def test_a_call_that_failed_is_told_by_its_sip_code(
    fields: dict[str, str], kind: ReportKind, klass: str, action: str
) -> None:
    """A network in trouble says nothing of the number."""
    body = urlencode({"CallSid": SID, **fields}).encode()
    (told,) = twilio_voice.events_in(TWILIO, reported("twilio", body, QUERY))
    assert isinstance(told, Told)
    assert (told.kind, told.klass, told.action) == (kind, klass, action)


def test_a_call_is_looked_up() -> None:
    """By its id, or among the calls to its number."""
    resource = {
        **sample("twilio-api-calls")["response_201"], "status": "completed", "answered_by": "machine_start",
        "duration": "12", "date_created": "Thu, 06 Aug 2026 06:26:40 +0000",
    }  # fmt: skip
    by_id, by_day = Sought(ID, 1, SID, 1_785_997_600.0), Sought(ID, 1, "", 1_785_997_600.0, "+14155550100")
    first = twilio_voice.lookup_for(TWILIO, SECRETS, by_id, AT)
    second = twilio_voice.lookup_for(TWILIO, SECRETS, by_day, AT)
    assert first is not None and first.url.endswith(f"/Calls/{SID}.json")
    assert second is not None and "StartTime%3E=2026-08-06" in second.url
    for sought, document in ((by_id, resource), (by_day, {"calls": [resource]})):
        body = json.dumps(document).encode()
        (told,) = twilio_voice.events_in(TWILIO, reported("twilio", body, echo.query_of(sought), "lookup"))
        assert isinstance(told, Told)
        assert (told.message_id, told.kind, told.reason, told.detail) == (
            ID, "delivered", "voicemail", "picked up by machine_start, 12 s",
        )  # fmt: skip
