"""WhatsApp Cloud API: templates and texts, statuses in batches signed as Meta does, replies of recipients.

What it checks: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages
"""

import base64
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from app.local.simulators.call import Call, RefusedError, Reply, json_reply
from app.local.simulators.frame import Simulator
from app.local.simulators.reports import Happened, Post
from app.local.simulators.taken import Plan, Step, Taken

WINDOW = 86_400.0  # seconds in which texts may be sent after a message of the recipient
PAIR_BURST, PAIR_EVERY = 45, 6.0  # messages to one recipient at once, and seconds for each more
MOST_PAIRS = 200_000
LONGEST_ECHO = 512
LONGEST_TEXT = 4_096
ACCOUNT = "102290129340398"
DISPLAY = "15550783881"
PATH = re.compile(r"/v\d{1,3}\.\d/(\d+)/(messages|marketing_messages)")
NUMBER = re.compile(r"\+?[1-9]\d{6,14}")
TYPES = {"template", "text", "image", "video", "document", "audio", "interactive", "location", "contacts", "sticker"}

_SENT = Step(0.3, "sent")
_DELIVERED = Step(1.0, "delivered")


def _failed(after: float, code: int, title: str) -> Step:
    return Step(after, "failed", {"code": code, "title": title})


_UNDELIVERABLE = _failed(1.0, 131026, "Message undeliverable")

PLANS: Mapping[str, Plan] = {
    "delivered": (_SENT, _DELIVERED),
    "read": (_SENT, _DELIVERED, Step(4.0, "read")),
    "unreachable": (_SENT,),
    "unknown": (_UNDELIVERABLE,),
    "landline": (_UNDELIVERABLE,),
    "blocked": (_SENT,),
    "content": (_failed(0.5, 132007, "Template Format Character Policy Violated"),),
    "frequency": (
        _failed(0.5, 131049, "This message was not delivered to maintain healthy ecosystem engagement."),
    ),
    "opted_out": (_failed(0.5, 131050, "This recipient has stopped marketing messages"),),
    "expired": (_failed(3.0, 131000, "Something went wrong"),),
    "sent": (_SENT,),
    "late": (_SENT, Step(60.0, "delivered")),
    "silent": (),
    "stop": (_SENT, _DELIVERED, Step(3.0, "reply", {"text": "STOP"})),
    "help": (_SENT, _DELIVERED, Step(3.0, "reply", {"text": "HELP"})),
    "yes": (_SENT, _DELIVERED, Step(3.0, "reply", {"text": "YES"})),
}  # fmt: skip
_NO_WINDOW = (_failed(0.5, 131047, "Re-engagement message"),)
HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


def _error(http: int, code: int, message: str, details: str = "") -> Reply:
    told: dict[str, Any] = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code}
    if details:
        told["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return json_reply({"error": told | {"fbtrace_id": "A" + secrets.token_hex(8)}}, http)


class WhatsAppSimulator(Simulator):
    """One business number. Our id and attempt come from biz_opaque_callback_data."""

    name = "whatsapp"
    plans: ClassVar[Mapping[str, Plan]] = PLANS
    batch = 50
    every = 0.2

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._number = self.keys.text("whatsapp-number-id")
        self._bearer = f"Bearer {self.keys.text('whatsapp-token')}"
        self._app_secret = self.keys.text("whatsapp-app-secret").encode()
        self._written: OrderedDict[str, float] = OrderedDict()  # recipient -> when they last wrote
        self._pairs: OrderedDict[str, tuple[float, float]] = OrderedDict()  # recipient -> messages left, as of when

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """Errors of the API."""
        return REFUSALS

    # -- the API

    def answer(self, call: Call) -> Reply:
        """messages and marketing_messages of the number."""
        if call.headers.get("Authorization") != self._bearer:
            self.counts["refused.auth"] += 1
            raise RefusedError(REFUSALS["auth"])
        path = PATH.fullmatch(call.path)
        if path is None or path[1] != self._number:
            return _error(404, 33, f"Object with ID '{call.path}' does not exist")
        if call.method != "POST":
            return _error(400, 100, "Unsupported request")
        try:
            said = msgspec.json.decode(call.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.refuse(_error(400, 100, "Invalid parameter", str(error)), "schema", call) from error
        return self._send(call, said, marketing=path[2] == "marketing_messages")

    def _send(self, call: Call, said: dict[str, Any], *, marketing: bool) -> Reply:
        echo, to = said.get("biz_opaque_callback_data", ""), said.get("to", "")
        message, _, attempt = echo.partition("-") if isinstance(echo, str) else ("", "", "")
        wrong = _wrong_with(said, marketing=marketing) or self._wrong_template(said)
        if wrong is None and not self._may_follow(to, call.at):
            wrong = REFUSALS["pair"]
        if wrong is not None:
            raise self.refuse(wrong, "invalid", call, to if isinstance(to, str) else "-", message)
        digits = to.lstrip("+")
        ref = "wamid." + base64.b64encode(f"HBg{digits}".encode() + secrets.token_bytes(18)).decode()
        category = "marketing" if marketing or said["type"] == "template" else "service"
        taken = self.phone(ref, message, attempt, f"+{digits}", DISPLAY, call.at, (echo, category))
        if said["type"] != "template" and call.at - self._written.get(digits, 0.0) > WINDOW:
            taken.plan = _NO_WINDOW
        self.keep([taken])
        return json_reply(
            {
                "messaging_product": "whatsapp", "contacts": [{"input": to, "wa_id": digits}],
                "messages": [{"id": ref, **({"message_status": "accepted"} if said["type"] == "template" else {})}],
            },
            taken=True,
        )  # fmt: skip

    def _wrong_template(self, said: Mapping[str, Any]) -> Reply | None:
        """Where templates are known: whether it is one of them, with as many parameters as it has."""
        known = self.orders.templates
        if said["type"] != "template" or not known:
            return None
        template = said["template"]
        if template["name"] not in known:
            details = f"template name ({template['name']}) does not exist in {template['language']['code']}"
            return _error(404, 132001, "Template name does not exist in the translation", details)
        parts = [each for each in template.get("components", ()) if each.get("type", "").lower() == "body"]
        given = sum(len(each.get("parameters", ())) for each in parts)
        if given != known[template["name"]]:
            details = f"body: number of localizable_params ({given}) is not the expected ({known[template['name']]})"
            return _error(400, 132000, "Number of parameters does not match the expected number of params", details)
        return None

    def _may_follow(self, to: str, now: float) -> bool:
        left, at = self._pairs.pop(to, (float(PAIR_BURST), now))
        left = min(float(PAIR_BURST), left + (now - at) / PAIR_EVERY)
        may = left >= 1
        self._pairs[to] = (left - may, now)
        if len(self._pairs) > MOST_PAIRS:
            self._pairs.popitem(last=False)
        return may

    # -- reports

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """One post of all statuses, and one of each reply."""
        if not self.orders.hook:
            return
        statuses = []
        for taken, step in events:
            if step.event == "reply":
                yield self.inbound(taken.address, DISPLAY, step.facts["text"], now)
            else:
                statuses.append(_status(taken, step))
        if statuses:
            yield self._signed({"statuses": statuses}, len(statuses))

    def answered_at(self, to: str) -> str:
        """Its only number."""
        del to
        return f"+{DISPLAY}"

    def inbound(self, sender: str, to: str, text: str, now: float) -> Post:
        """What a recipient writes: it opens the window for texts of any kind."""
        del to
        who = sender.lstrip("+")
        self._written[who] = now
        if len(self._written) > MOST_PAIRS:
            self._written.popitem(last=False)
        said = {
            "from": who, "id": "wamid." + base64.b64encode(secrets.token_bytes(30)).decode(),
            "timestamp": str(int(now)), "type": "text", "text": {"body": text},
        }  # fmt: skip
        return self._signed({"contacts": [{"profile": {"name": "Ann"}, "wa_id": who}], "messages": [said]})

    def subscription(self, now: float) -> Post | None:
        """What Meta asks a new webhook: it has to answer with the challenge."""
        challenge = str(int(now * 1_000))
        asked = {
            "hub.mode": "subscribe", "hub.challenge": challenge,
            "hub.verify_token": self.keys.text("whatsapp-verify-token"),
        }  # fmt: skip
        url = f"{self.orders.hook}?{urlencode(asked)}" if self.orders.hook else ""
        return Post(url, b"", {}, method="GET", expects=challenge.encode())

    def _signed(self, value: dict[str, Any], events: int = 1) -> Post:
        meta = {"display_phone_number": DISPLAY, "phone_number_id": self._number}
        change = {"value": {"messaging_product": "whatsapp", "metadata": meta, **value}, "field": "messages"}
        told = {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": [change]}]}
        # Meta escapes what is not ASCII, and slashes: the signature is of these bytes.
        body = _escaped(msgspec.json.encode(told).decode())
        signature = hmac.digest(self._app_secret, body, "sha256").hex()
        headers = {
            "Content-Type": "application/json", "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": f"sha256={signature}",
        }  # fmt: skip
        return Post(self.orders.hook, body, headers, events)


def _escaped(text: str) -> bytes:
    pieces = (
        each if ord(each) < 128 else "".join(f"\\u{unit:04x}" for unit in _units(each))
        for each in text.replace("/", "\\/")
    )
    return ("".join(pieces) if not text.isascii() else text.replace("/", "\\/")).encode()


def _units(letter: str) -> Iterable[int]:
    """Its UTF-16 units."""
    raw = letter.encode("utf-16-be", "surrogatepass")
    return (int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))


def _status(taken: Taken, step: Step) -> dict[str, Any]:
    echo, category = taken.extra
    told: dict[str, Any] = {
        "id": taken.ref, "status": step.event, "timestamp": str(int(taken.time_of(step))),
        "recipient_id": taken.address[1:],
    }  # fmt: skip
    if echo:
        told["biz_opaque_callback_data"] = echo
    if step.event == "failed":
        code, title = step.facts["code"], step.facts["title"]
        told["errors"] = [
            {"code": code, "title": title, "message": title, "error_data": {"details": f"{title}."}, "href": HREF}
        ]
    else:
        told["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": category}
    return told


# -- checks


def _wrong_with(said: Mapping[str, Any], *, marketing: bool) -> Reply | None:
    to, kind, echo = said.get("to"), said.get("type", "text"), said.get("biz_opaque_callback_data", "")
    if said.get("messaging_product") != "whatsapp":
        return _error(400, 100, "Invalid parameter", "The parameter messaging_product is required.")
    if not isinstance(to, str) or not to:
        return _error(400, 100, "The parameter to is required.")
    if not NUMBER.fullmatch(to) or to.endswith("0010"):
        return _error(400, 131009, "Parameter value is not valid", "to is no phone number.")
    if not isinstance(kind, str) or kind not in TYPES:
        return _error(400, 131051, "Unsupported message type")
    if not isinstance(said.get(kind), dict):
        return _error(400, 131008, "Required parameter is missing", f"{kind} is required.")
    if not isinstance(echo, str) or len(echo) > LONGEST_ECHO:
        return _error(400, 100, "Invalid parameter", "biz_opaque_callback_data has at most 512 characters.")
    if kind == "text":
        body = said["text"].get("body")
        if not isinstance(body, str) or not 0 < len(body) <= LONGEST_TEXT:
            return _error(400, 100, "Invalid parameter", "text.body has 1 to 4096 characters.")
    if marketing and kind != "template":
        return _error(400, 100, "Invalid parameter", "Only templates go over marketing_messages.")
    return _wrong_shape(said["template"]) if kind == "template" else None


def _wrong_shape(template: dict[str, Any]) -> Reply | None:
    """Of a template: its name, language and components."""
    name, language = template.get("name"), template.get("language")
    if not isinstance(name, str) or not name:
        return _error(400, 131008, "Required parameter is missing", "template.name is required.")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        return _error(400, 131008, "Required parameter is missing", "template.language.code is required.")
    components = template.get("components", [])
    if not isinstance(components, list) or not all(isinstance(each, dict) for each in components):
        return _error(400, 100, "Invalid parameter", "template.components is a list of objects.")
    for each in components:
        if str(each.get("type", "")).lower() not in ("header", "body", "button", "carousel", "limited_time_offer"):
            return _error(400, 100, "Invalid parameter", "component.type: header, body or button.")
        if str(each["type"]).lower() == "button" and ("sub_type" not in each or "index" not in each):
            return _error(400, 131008, "Required parameter is missing", "A button has sub_type and index.")
        parameters = each.get("parameters", [])
        if not isinstance(parameters, list) or not all(_is_parameter(one) for one in parameters):
            return _error(400, 132012, "Parameter format does not match format in the created template")
    return None


def _is_parameter(one: Any) -> bool:
    """Whether it has what its type names: {"type": "text", "text": "..."}"""
    if not isinstance(one, dict) or not isinstance(one.get("type"), str):
        return False
    kind = one["type"].lower()
    if kind == "text":
        return isinstance(one.get("text"), str) and bool(one["text"].strip())
    return kind in one


REFUSALS: Mapping[str, Reply] = {
    "throttle": _error(429, 130429, "Rate limit hit", "Cloud API message throughput has been reached."),
    "pair": _error(
        400, 131056, "(Business Account, Consumer Account) pair rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number to the same phone "
        "number in a short period of time",
    ),
    "app_limit": _error(400, 4, "Application request limit reached"),
    "spam": _error(400, 131048, "Spam rate limit hit"),
    "server": _error(500, 131000, "Something went wrong"),
    "unavailable": _error(503, 131016, "Service unavailable"),
    "maintenance": _error(500, 131057, "Account in maintenance mode"),
    "auth": _error(401, 190, "Error validating access token: The session has been invalidated"),
    "payment": _error(400, 131042, "Business eligibility payment issue"),
    "locked": _error(403, 131031, "Account has been locked"),
    "template": _error(404, 132001, "Template name does not exist in the translation"),
    "paused": _error(400, 132015, "Template is paused"),
    "invalid": _error(400, 131009, "Parameter value is not valid"),
    "too_large": _error(413, 100, "Invalid parameter"),
}  # fmt: skip
