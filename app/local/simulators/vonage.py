"""Vonage's SMS API: parts with an id each, receipts with their signature, replies of recipients.

What it checks: https://developer.vonage.com/en/api/sms
"""

import hmac
import re
import secrets
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from app.local.simulators.call import Call, Reply, form_in, json_reply
from app.local.simulators.frame import Simulator
from app.local.simulators.reports import Happened, Post
from app.local.simulators.sms_parts import parts_of
from app.local.simulators.taken import Plan, Step, Taken

MOST_TEXT = 3_200
LONGEST_REF = 100
PRICE = "0.03330000"
NUMBER = re.compile(r"[1-9]\d{6,14}")
SENDER = re.compile(r"\+?\d{3,15}|[A-Za-z0-9 ]{1,11}")


def _ends(after: float, status: str, code: int) -> Step:
    return Step(after, status, {"code": code})


_ACCEPTED = _ends(0.3, "accepted", 0)
_GOOD = _ends(1.0, "delivered", 0)

PLANS: Mapping[str, Plan] = {
    "delivered": (_ACCEPTED, _GOOD),
    "unreachable": (_ACCEPTED, _ends(2.0, "failed", 2)),
    "unknown": (_ACCEPTED, _ends(1.0, "failed", 9)),
    "landline": (_ACCEPTED, _ends(1.0, "failed", 11)),
    "blocked": (_ACCEPTED, _ends(1.0, "rejected", 14)),
    "content": (_ACCEPTED, _ends(1.0, "rejected", 6)),
    "opted_out": (_ends(0.5, "failed", 4),),
    "expired": (_ACCEPTED, _ends(3.0, "expired", 12)),
    "sent": (_ACCEPTED, _ends(0.6, "buffered", 0)),
    "late": (_ACCEPTED, _ends(60.0, "delivered", 0)),
    "silent": (),
    "stop": (_ACCEPTED, _GOOD, Step(3.0, "reply", {"text": "STOP"})),
    "help": (_ACCEPTED, _GOOD, Step(3.0, "reply", {"text": "HELP"})),
    "yes": (_ACCEPTED, _GOOD, Step(3.0, "reply", {"text": "YES"})),
}


def signed(params: Mapping[str, str], secret: str) -> dict[str, str]:
    """*params* with their signature, by HMAC-SHA256."""
    text = "".join(f"&{name}={re.sub('[&=]', '_', params[name])}" for name in sorted(params))
    return dict(params) | {"sig": hmac.digest(secret.encode(), text.encode(), "sha256").hex()}


def _error(status: int, text: str, http: int = 200) -> Reply:
    return json_reply({"message-count": "1", "messages": [{"status": str(status), "error-text": text}]}, http)


class VonageSimulator(Simulator):
    """Vonage's /sms/json. Our id and attempt come from client-ref."""

    name = "vonage"
    plans: ClassVar[Mapping[str, Plan]] = PLANS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._account = self.keys.text("vonage-api-key")
        self._secret = self.keys.text("vonage-api-secret")
        self._signature = self.keys.text("vonage-signature-secret")

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """Errors of the API."""
        return REFUSALS

    # -- the API

    def answer(self, call: Call) -> Reply:
        """sms/json, as a form or as JSON. Errors are answered with HTTP 200."""
        if (call.method, call.path) != ("POST", "/sms/json"):
            return json_reply({"error": "not found"}, 404)
        said = _params_of(call)
        ref = said.get("client-ref", "")
        message, _, attempt = ref.partition("-")
        wrong = self._wrong_with(said)
        if wrong is not None:
            code, text = wrong
            raise self.refuse(_error(code, text), str(code), call, said.get("to", "-"), message)
        count = parts_of(said["text"])
        parts = [f"{secrets.token_hex(8).upper()}" for _ in range(count)]
        extra = parts, ref, said.get("callback", "")
        number = "+" + said["to"].lstrip("+")
        self.keep([self.phone(parts[0], message, attempt, number, said["from"], call.at, extra)])
        self.counts["parts"] += count
        told = [
            {
                "to": number[1:], "message-id": each, "status": "0", "remaining-balance": "15.53590000",
                "message-price": PRICE, "network": "23410", **({"client-ref": ref} if ref else {}),
            }
            for each in parts
        ]  # fmt: skip
        return json_reply({"message-count": str(count), "messages": told}, taken=True)

    def _wrong_with(self, said: Mapping[str, str]) -> tuple[int, str] | None:
        missing = next((name for name in ("api_key", "api_secret", "from", "to", "text") if not said.get(name)), None)
        if missing is not None:
            return 2, f"Missing {missing} param"
        if (said["api_key"], said["api_secret"]) != (self._account, self._secret):
            return 4, "Bad Credentials"
        if not NUMBER.fullmatch(said["to"].lstrip("+")) or said["to"].endswith("0010"):
            return 3, "Invalid to param"
        if not SENDER.fullmatch(said["from"]):
            return 15, "Illegal Sender Address - rejected"
        unicode = said.get("type", "text") == "unicode"
        if len(said["text"]) > MOST_TEXT or said.get("type", "text") not in ("text", "unicode", "binary"):
            return 6, "The message was invalid"
        if unicode and said["text"].isascii():
            self.counts["unicode_for_nothing"] += 1
        return (3, "Invalid client-ref param") if len(said.get("client-ref", "")) > LONGEST_REF else None

    # -- reports

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """A receipt for each part."""
        for taken, step in events:
            if step.event == "reply":
                post = self.inbound(taken.address, taken.sender, step.facts["text"], now)
                if post.url:
                    yield post
                continue
            parts, ref, callback = taken.extra
            for part in parts if callback or self.orders.hook else ():
                yield self._receipt(taken, step, part, ref, callback, now)

    def _receipt(self, taken: Taken, step: Step, part: str, ref: str, callback: str, now: float) -> Post:
        at = datetime.fromtimestamp(taken.time_of(step), UTC)
        told = {
            "msisdn": taken.address[1:], "to": taken.sender, "network-code": "23410", "messageId": part,
            "price": PRICE, "status": step.event, "scts": at.strftime("%y%m%d%H%M"),
            "err-code": str(step.facts["code"]), "api-key": self._account,
            "message-timestamp": at.strftime("%Y-%m-%d %H:%M:%S +0000"),
        }  # fmt: skip
        return self._told(told | ({"client-ref": ref} if ref else {}), callback or self.orders.hook, now)

    def inbound(self, sender: str, to: str, text: str, now: float) -> Post:
        """What a recipient writes."""
        told = {
            "msisdn": sender.lstrip("+"), "to": to.lstrip("+"), "messageId": secrets.token_hex(8).upper(), "text": text,
            "type": "text", "keyword": text.split(" ")[0].upper(), "api-key": self._account,
            "message-timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S +0000"),
        }  # fmt: skip
        return self._told(told, self.orders.hook, now)

    def _told(self, told: Mapping[str, str], url: str, now: float) -> Post:
        params = signed(dict(told) | {"timestamp": str(int(now)), "nonce": str(uuid.uuid4())}, self._signature)
        match self.orders.report_by:
            case "get":
                return Post(f"{url}?{urlencode(params)}" if url else "", b"", {}, method="GET")
            case "form":
                return Post(url, urlencode(params).encode(), {"Content-Type": "application/x-www-form-urlencoded"})
        return Post(url, msgspec.json.encode(params), {"Content-Type": "application/json"})


def _params_of(call: Call) -> dict[str, str]:
    """The parameters, whichever way they came; none when they cannot be read."""
    if call.headers.get("Content-Type", "").startswith("application/json"):
        try:
            read = msgspec.json.decode(call.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return {str(name): str(value) for name, value in read.items()} if isinstance(read, dict) else {}
    return {name: values[0] for name, values in form_in(call.body).items()}


REFUSALS: Mapping[str, Reply] = {
    "throttle": _error(1, "Throttled"),
    "server": _error(5, "Internal Error"),
    "unavailable": json_reply({"error": "service unavailable"}, 503),
    "auth": _error(4, "Bad Credentials"),
    "barred": _error(7, "Number barred"),
    "account": _error(8, "Partner account barred"),
    "quota": _error(9, "Partner quota violation"),
    "binds": _error(10, "Too many existing binds"),
    "invalid": _error(6, "The message was invalid"),
    "too_large": json_reply({"error": "request entity too large"}, 413),
}
