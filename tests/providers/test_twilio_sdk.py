"""The SDK of Twilio and our adapter agree: signatures of webhooks, and the fields of requests."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from app.providers import twilio, twilio_voice
from tests.providers.phone_routes import AT, SECRETS, TWILIO, call, hook, sms

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
URLS = st.sampled_from([
    "https://f.test/hooks/twilio/t", "https://f.test:443/h?m=1&a=2", "https://f.test:8443/h?x=%20y", "http://f.test/h",
    "https://user:pass@f.test/h?b=2&a=1",
])  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT.filter(bool), TEXT), min_size=1, max_size=8), URLS, TEXT.filter(bool))
def test_what_the_sdk_signs_is_believed(pairs: list[tuple[str, str]], url: str, token: str) -> None:
    """With repeated names, empty values and any text."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    said = RequestValidator(token).compute_signature(url, Fields(fields))
    body = urlencode(pairs).encode()
    asked = hook(url, body, x_twilio_signature=said, content_type="application/x-www-form-urlencoded")
    assert twilio.verified(TWILIO, {"auth_token": token}, asked, AT) == ""
    assert twilio.verified(TWILIO, {"auth_token": token + "x"}, asked, AT)


class Fields(dict[str, Any]):
    """A form as the SDK wants repeated names."""

    def getall(self, name: str) -> list[str]:
        """All values of *name*."""
        return list(self[name])


class Recorder(HttpClient):
    """Keeps what the SDK would have sent."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        """Answers with nothing."""
        self.sent = (method, url, args, kwargs)
        return Response(201, "{}")


def fields_of(recorder: Recorder) -> list[tuple[str, str]]:
    """The form of the request that was kept."""
    _, _, args, kwargs = recorder.sent
    data = kwargs.get("data") or next(each for each in args if isinstance(each, dict) and "To" in each)
    return sorted(
        (name, str(each)) for name, value in data.items() for each in (value if isinstance(value, list) else [value])
    )


@settings(max_examples=30, deadline=None)  # the first call builds a client
@given(TEXT, st.sampled_from(["", "ACME"]), st.sampled_from(["", "MG" + "c" * 32]))
def test_an_sms_is_asked_for_as_the_sdk_does(text: str, sender: str, service: str) -> None:
    """Method, address, credentials and every field."""
    config, message = TWILIO.model_copy(update={"messaging_service": service}), sms(text, sender=sender)
    ours = twilio.request_for(config, SECRETS, [message], AT)
    form = dict(parse_qsl(ours.body.decode(), keep_blank_values=True))
    recorder = Recorder(None, False, None)  # type: ignore[no-untyped-call]
    client = Client(TWILIO.account_sid, SECRETS["auth_token"], http_client=recorder)
    named: dict[str, Any] = {"messaging_service_sid": service} if service else {}
    client.messages.create(
        to=message.address, body=text, from_=sender or TWILIO.sender, status_callback=form["StatusCallback"],
        validity_period=TWILIO.valid_for, **named,
    )  # fmt: skip
    assert (ours.method, ours.url) == recorder.sent[:2]
    assert sorted(form.items()) == fields_of(recorder)


@settings(max_examples=30, deadline=None)  # the first call builds a client
@given(TEXT)
def test_a_call_is_asked_for_as_the_sdk_does(text: str) -> None:
    """With each event as a field of its own."""
    ours = twilio_voice.request_for(TWILIO, SECRETS, [call(text)], AT)
    pairs = parse_qsl(ours.body.decode(), keep_blank_values=True)
    form = dict(pairs)
    recorder = Recorder(None, False, None)  # type: ignore[no-untyped-call]
    client = Client(TWILIO.account_sid, SECRETS["auth_token"], http_client=recorder)
    client.calls.create(
        to=form["To"], from_=form["From"], twiml=form["Twiml"], status_callback=form["StatusCallback"],
        status_callback_event=list(twilio_voice.EVENTS), timeout=TWILIO.ring, time_limit=TWILIO.longest_call,
    )  # fmt: skip
    assert (ours.method, ours.url) == recorder.sent[:2]
    assert sorted(pairs) == fields_of(recorder)
