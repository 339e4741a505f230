"""MSG91: the flow API, free text, one-time passwords, and reports in each of their forms.

What it checks: https://docs.msg91.com/sms/send-sms. Errors are answered with HTTP 200, as there.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from app.local.simulators.call import Call, RefusedError, Reply, form_in, json_reply, one
from app.local.simulators.frame import Simulator
from app.local.simulators.reports import Happened, Post
from app.local.simulators.taken import Plan, Step, Taken

MOST_RECIPIENTS = 1_000
INDIA = timezone(timedelta(hours=5, minutes=30))
OTP = "1234"  # the one that is always right


def _ends(after: float, status: str, text: str, why: str = "") -> Step:
    return Step(after, "report", {"status": status, "desc": text, "why": why})


PLANS: Mapping[str, Plan] = {
    "delivered": (_ends(1.0, "1", "DELIVERED"),),
    "unreachable": (_ends(2.0, "2", "FAILED", "Absent Subscriber"),),
    "unknown": (_ends(1.0, "2", "FAILED", "Unknown Subscriber"),),
    "landline": (_ends(1.0, "2", "FAILED", "Invalid number"),),
    "invalid": (_ends(1.0, "2", "FAILED", "Invalid number"),),
    "blocked": (_ends(1.0, "9", "NDNC"),),
    "content": (_ends(1.0, "16", "REJECTED", "DLT template not matched"),),
    "opted_out": (_ends(0.5, "17", "BLOCKED NUMBER"),),
    "expired": (_ends(3.0, "2", "FAILED", "Message expired"),),
    "sent": (_ends(0.5, "8", "SUBMITTED"),),
    "late": (_ends(0.5, "8", "SUBMITTED"), _ends(60.0, "1", "DELIVERED")),
    "silent": (),
}


class _Flow(msgspec.Struct):
    template_id: str
    recipients: list[dict[str, Any]]
    short_url: str = "0"
    sender: str = ""
    CRQID: str = ""


class _Sms(msgspec.Struct):
    message: str
    to: list[str | int]


class _Text(msgspec.Struct):
    sender: str
    sms: list[_Sms]
    route: str = "4"
    country: str = "91"
    DLT_TE_ID: str = ""


def _error(code: str, message: str, status: int = 200) -> Reply:
    return json_reply({"type": "error", "message": message, "code": code}, status)


class Msg91Simulator(Simulator):
    """MSG91's API v5. It echoes CRQID; where a call has none, the record has numbers only."""

    name = "msg91"
    plans: ClassVar[Mapping[str, Plan]] = PLANS
    batch = 100
    every = 0.5

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._key = self.keys.text("msg91-auth-key")

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """Errors of the API."""
        return REFUSALS

    # -- the API

    def answer(self, call: Call) -> Reply:
        """flow, sendsms, otp."""
        key = call.headers.get("authkey", "")
        if key != self._key:
            self.counts["refused.auth"] += 1
            raise RefusedError(REFUSALS["auth"] if key else _error("106", "Missing Authentication Key"))
        match call.method, call.path.rstrip("/"):
            case "POST", "/api/v5/flow":
                return self._flow(call)
            case "POST", "/api/v2/sendsms":
                return self._text(call)
            case "POST", "/api/v5/otp":
                return self._otp(call)
            case "GET", "/api/v5/otp/verify":
                right = one(form_in(call.query), "otp") == OTP
                return json_reply(
                    {"type": "success", "message": "OTP verified success"}
                    if right
                    else {"type": "error", "message": "OTP not match"}
                )
            case "GET", "/api/v5/otp/retry":
                return json_reply({"type": "success", "message": "retry send successfully"})
        return _error("404", "not found", 404)

    def _flow(self, call: Call) -> Reply:
        try:
            said = msgspec.json.decode(call.body, type=_Flow)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.refuse(_error("105", f"Invalid request: {error}"), "schema", call) from error
        if not said.template_id:
            raise self.refuse(_error("400", "template_id is missing"), "invalid", call)
        people = []
        for each in said.recipients:
            echo = str(each.get("CRQID") or said.CRQID), str(each.get("clientid", ""))
            people += [(number.strip(), echo) for number in str(each.get("mobiles", "")).split(",")]
        return self._take(call, people, said.sender)

    def _text(self, call: Call) -> Reply:
        try:
            said = msgspec.json.decode(call.body, type=_Text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.refuse(_error("105", f"Invalid request: {error}"), "schema", call) from error
        if not said.sender:
            raise self.refuse(_error("103", "Please provide sender id"), "invalid", call)
        if any(not each.message for each in said.sms):
            raise self.refuse(_error("102", "Please provide message"), "invalid", call)
        return self._take(call, [(str(to), ("", "")) for each in said.sms for to in each.to], said.sender)

    def _otp(self, call: Call) -> Reply:
        query = form_in(call.query)
        if not one(query, "template_id"):
            raise self.refuse(_error("400", "template_id is missing"), "invalid", call)
        reply = self._take(call, [(one(query, "mobile"), ("", ""))], "")
        told = msgspec.json.decode(reply.body)
        return json_reply({"type": "success", "request_id": told["message"]}, taken=True)

    def _take(self, call: Call, people: list[tuple[str, tuple[str, str]]], sender: str) -> Reply:
        if not people or not all(number for number, _ in people):
            raise self.refuse(_error("101", "Please provide mobile no."), "invalid", call)
        if len(people) > MOST_RECIPIENTS:
            raise self.refuse(_error("105", f"At most {MOST_RECIPIENTS} recipients a request"), "invalid", call)
        for number, echo in people:
            known = number.isascii() and number.isdigit() and 10 <= len(number) <= 15
            if not known or (len(people) == 1 and number.endswith("0010")):
                raise self.refuse(_error("202", "Invalid mobile number"), "invalid", call, number, _id_of(echo)[0])
        ref = secrets.token_hex(12)
        self.keep([
            self.phone(ref, *_id_of(echo), f"+{number}", sender or "FANFAR", call.at, echo) for number, echo in people
        ])  # fmt: skip
        return json_reply({"message": ref, "type": "success"}, taken=True)

    # -- reports

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """Nothing is signed here. Form v2 puts many reports into one post, the others one each."""
        del now
        hook = self.orders.hook
        if not hook:
            return
        if self.orders.report_format == "v2":
            body = urlencode({"data": msgspec.json.encode(_v2(events)).decode()}).encode()
            yield Post(hook, body, {"Content-Type": "application/x-www-form-urlencoded"}, len(events))
            return
        form = {"v3": _v3, "v4": _v4, "new": _new}[self.orders.report_format]
        for taken, step in events:
            yield Post(hook, msgspec.json.encode(form(taken, step)), {"Content-Type": "application/json"})


def _id_of(echo: tuple[str, str]) -> tuple[str, str]:
    """Our id and attempt, as CRQID or clientid carry them: hex-attempt."""
    message, _, attempt = (echo[0] or echo[1]).partition("-")
    return message, attempt


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, INDIA).strftime("%Y-%m-%d %H:%M:%S")


def _v3(taken: Taken, step: Step) -> dict[str, str]:
    return {
        "date": _date(taken.time_of(step)), "number": taken.address[1:], "senderId": taken.sender, "amount": "0.01",
        "requestId": taken.ref, "INMSID": "0", "CRQID": taken.extra[0] or "0", "credit": "1", "userId": "270000",
        "campaignName": "Sendhttp", "status": step.facts["status"], "desc": step.facts["desc"],
        "failedReason": step.facts["why"],
    }  # fmt: skip


def _v2(events: Sequence[Happened]) -> list[dict[str, Any]]:
    calls: dict[str, dict[str, Any]] = {}
    for taken, step in events:
        found = calls.setdefault(
            taken.ref,
            {
                "senderId": taken.sender, "requestId": taken.ref, "report": [], "userId": "270000",
                "campaignName": "Sendhttp",
            },
        )  # fmt: skip
        told = _v3(taken, step)
        kept = {
            name: told[name] for name in ("date", "amount", "INMSID", "CRQID", "number", "credit", "status", "desc")
        }
        found["report"].append(kept | {
            "clientid": taken.extra[1], "ctCode": "900", "failedReason": step.facts["why"],
        })  # fmt: skip
    return list(calls.values())


def _v4(taken: Taken, step: Step) -> list[dict[str, Any]]:
    data = {
        "meta": "0", "INMSID": "0", "description": step.facts["desc"], "ts": int(taken.time_of(step)),
        "requestId": taken.ref, "number": taken.address[1:], "CRQID": taken.extra[0],
    }  # fmt: skip
    return [{"data": [data], "event": step.facts["desc"].lower()}]


def _new(taken: Taken, step: Step) -> dict[str, str]:
    return {
        "requestId": taken.ref, "requestedAt": _date(taken.at), "status": step.facts["desc"].capitalize(),
        "deliveryTime": _date(taken.time_of(step)), "telNum": taken.address[1:], "credit": "1",
        "senderId": taken.sender, "campaignName": "", "route": "4", "campaign_pid": "", "clientId": taken.extra[1],
        "UUID": secrets.token_hex(16), "INMSID": "0", "CRQID": taken.extra[0] or "0",
        "failureReason": step.facts["why"], "smsLength": "42",
    }  # fmt: skip


REFUSALS: Mapping[str, Reply] = {
    "throttle": _error("429", "Too many requests", 429),
    "server": _error("500", "Internal server error", 500),
    "unavailable": _error("503", "Service unavailable", 503),
    "auth": _error("207", "Invalid authkey"),
    "ip": _error("418", "IP not whitelisted"),
    "balance": _error("301", "Insufficient balance"),
    "sender": _error("203", "Invalid sender id"),
    "invalid": _error("202", "Invalid mobile number"),
    "duplicate": _error("311", "Duplicate request within 10 seconds"),
    "no_route": _error("602", "Route is not available"),
    "too_large": _error("413", "Request entity too large", 413),
}
