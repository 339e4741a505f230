"""Whatever is sent to a simulator, it is answered: none of it is a bug of the simulator, and nothing of it is taken."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.local.simulator import simulators_in
from app.local.simulators.call import Call, RefusedError, basic_auth
from app.local.simulators.frame import Simulator
from app.local.simulators.known import NAMES
from tests.providers.samples import hostile

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SAMPLES = Path(__file__).parent.parent / "samples"
# name -> path, content type, a body as it should be
CALLS: dict[str, tuple[str, str, Any]] = {
    "ses": ("/v2/email/outbound-emails", "application/json", ("ses-api-send-email", "request", "body")),
    "sendgrid": ("/v3/mail/send", "application/json", ("sendgrid-api-mail-send", "request", "body")),
    "msg91": ("/api/v5/flow", "application/json", ("msg91-api-flow", "request", "body")),
    "whatsapp": ("", "application/json", ("whatsapp-api-template", "request", "body")),
}


@pytest.fixture(scope="module")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Simulator]:
    """Without a network."""
    return simulators_in(tmp_path_factory.mktemp("hostile"), list(NAMES), {})


def allowed(simulator: Simulator, name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The headers that get past the check of the key."""
    keys = simulator.keys
    monkeypatch.setattr("app.local.simulators.ses.wrong_with", lambda *_: None)
    bearer = {"sendgrid": "sendgrid-api-key", "whatsapp": "whatsapp-token"}.get(name)
    return {"Authorization": f"Bearer {keys.text(bearer)}"} if bearer else {"authkey": keys.text("msg91-auth-key")}


def answered(simulator: Simulator, call: Call) -> int:
    """The status of the answer."""
    try:
        return simulator.answer(call).status
    except RefusedError as refused:
        return refused.reply.status


@pytest.mark.parametrize("name", sorted(CALLS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_is_answered(simulators: dict[str, Simulator], name: str, data: st.DataObject) -> None:
    """Missing, repeated, of another type, or no JSON at all."""
    path, kind, (file, *keys) = CALLS[name]
    shape = json.loads((SAMPLES / f"{file}.json").read_bytes())
    for key in keys:
        shape = shape[key]
    if name == "ses":
        shape["Content"] |= data.draw(st.sampled_from([{}, {"Raw": {"Data": "AAAA"}}]))
    body = data.draw(hostile(shape).map(lambda it: json.dumps(it).encode()) | st.binary(max_size=100))
    simulator = simulators[name]
    path = path or f"/v23.0/{simulator.keys.text('whatsapp-number-id')}/messages"
    with pytest.MonkeyPatch.context() as patch:
        headers = allowed(simulator, name, patch) | {"Content-Type": kind}
        status = answered(simulator, Call("POST", path, "", headers, body, 1e9, path, "http://x"))
    assert 200 <= status < 500


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        [
            "/v3/messages",
            "/v3/suppression/bounces",
            "/v3/mg.example.org/events",
            "/v3/mg.example.org/events/AAAA",
            "/v3/mg.example.org/messages",
            "/sms/json",
            "/api/v5/otp",
            "/api/v5/otp/verify",
            "/v2/email/insights/x/",
            "/v2/email/suppression/addresses",
            "/2010-04-01/Accounts/AC/Messages.json",
            "/2010-04-01/Accounts/AC/Calls/x.json",
        ]
    )
    | st.text(max_size=30).map(lambda text: f"/{text}"),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    query=st.text(max_size=30)
    | st.sampled_from(["limit=x", "begin=yesterday", "PageSize=-1", "DateSent=x", "query=%22"]),
    body=st.binary(max_size=200) | st.sampled_from([b"To=%ff&From=", b"a=1&" * 20_000]),
    kind=st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
    ),
)
def test_any_call_is_answered(
    simulators: dict[str, Simulator], name: str, path: str, method: str, query: str, body: bytes, kind: str
) -> None:
    """With a key and without one."""
    simulator = simulators[name]
    keys = simulator.keys
    account = keys.text("twilio-account-sid")
    path = path.replace("/AC/", f"/{account}/") if name == "twilio" else path
    right = {
        "sendgrid": f"Bearer {keys.text('sendgrid-api-key')}", "whatsapp": f"Bearer {keys.text('whatsapp-token')}",
        "mailgun": basic("api", keys.text("mailgun-api-key")), "twilio": basic(account, keys.text("twilio-auth-token")),
    }.get(name, "AWS4-HMAC-SHA256 Credential=x")  # fmt: skip
    headers = {"Content-Type": kind, "Authorization": right, "authkey": keys.text("msg91-auth-key")}
    call = Call(method, path, query, headers, body, 1e9, path, "http://x")
    assert 200 <= answered(simulator, call) < 500


def basic(user: str, password: str) -> str:
    """The header of HTTP Basic."""
    from base64 import b64encode

    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@given(text=st.text(max_size=30))
def test_any_basic_auth_is_read(text: str) -> None:
    """Or is none."""
    call = Call("GET", "/", "", {"Authorization": f"Basic {text}"}, b"", 0.0, "/", "")
    assert basic_auth(call) is None or ":" in ":".join(basic_auth(call) or ())
