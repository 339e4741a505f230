"""SendGrid v3: mail/send with up to 1,000 personalizations, the signed event webhook, messages and suppressions.

What it checks: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from app.local.simulators.call import Call, RefusedError, Reply, form_in, json_reply, one
from app.local.simulators.frame import Simulator
from app.local.simulators.reports import Happened, Post
from app.local.simulators.sendgrid_mail import Mail, decode, wrong_with
from app.local.simulators.sendgrid_plans import PLANS
from app.local.simulators.taken import Plan, Step, Taken

LARGEST = 30_000_000
MOST_LISTED = 1_000
CALLS_A_SECOND = 10_000
HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."

_encode = msgspec.json.Encoder().encode
_AT = re.compile(r" - at `\$\.?(.*?)`$")


def _error(status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    # The part of the help page is named without the numbers: personalizations.to
    page = re.sub(r"\.\d+", "", field).removesuffix(".email") if field else None
    told = {"message": message, "field": field, "help": HELP + page if page else None}
    return json_reply({"errors": [told]}, status, headers)


class SendGridSimulator(Simulator):
    """SendGrid's API v3. Ids of our own come from custom_args: msg_id and attempt."""

    name = "sendgrid"
    plans: ClassVar[Mapping[str, Plan]] = PLANS
    batch = 1_000
    every = 1.0  # the real one posts about every 30 s
    largest = LARGEST

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._bearer = f"Bearer {self.keys.text('sendgrid-api-key')}"
        self._signer = self.keys.ecdsa()
        self._number = 0

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """Errors of the API."""
        return REFUSALS

    def throttled(self, now: float) -> Reply:
        """With the time when it may be tried again."""
        reply, rate = REFUSALS["throttle"], str(int(self.orders.rate or CALLS_A_SECOND))
        limits = {"X-RateLimit-Limit": rate, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(now) + 1)}
        return Reply(429, reply.body, dict(reply.headers) | limits)

    # -- the API

    def answer(self, call: Call) -> Reply:
        """mail/send, messages, suppressions."""
        if call.headers.get("Authorization") != self._bearer:
            self.counts["refused.auth"] += 1
            raise RefusedError(REFUSALS["auth"])
        match call.method, call.path:
            case "POST", "/v3/mail/send":
                return self._send(call)
            case "GET", "/v3/scopes":
                return json_reply({"scopes": ["mail.send", "messages.read"]}, 200)
            case "GET", "/v3/messages":
                return self._messages(call)
            case "GET", path if path.startswith("/v3/messages/"):
                return self._message(call, unquote(path.removeprefix("/v3/messages/")))
            case "GET", path if path.startswith("/v3/suppression/"):
                return self._suppressions(call, path.removeprefix("/v3/suppression/"))
        return _error(404, "not found")

    def _send(self, call: Call) -> Reply:
        mail = self._checked(call)
        if (mail.mail_settings.get("sandbox_mode") or {}).get("enable") is True:
            return Reply(200, headers=_limits(call.at))
        self._number += 1
        name = b"%d|%d" % (self._number, int(call.at * 1_000_000))
        ref = base64.urlsafe_b64encode(blake2b(name, digest_size=16).digest()).decode()[:22]
        taken: list[Taken] = []
        sender, common, categories = mail.sender.email, mail.custom_args, mail.categories
        for each in mail.personalizations:
            args = {**common, **each.custom_args} if each.custom_args else common
            message, attempt = args.get("msg_id", ""), args.get("attempt", "")
            extra = args, categories, each.subject or mail.subject or ""
            for people in (each.to, each.cc, each.bcc) if each.cc or each.bcc else (each.to,):
                taken += [self.email(ref, message, attempt, to.email, sender, call.at, extra) for to in people]
        self.keep(taken)
        return Reply(202, headers={"X-Message-Id": ref} | _limits(call.at), taken=True)

    def _checked(self, call: Call) -> Mail:
        """The mail of the call, when the API would take it."""
        if not call.headers.get("Content-Type", "").startswith("application/json"):
            raise self._no(call, _error(415, "Content-Type should be application/json."), "content_type")
        try:
            mail = decode(call.body)
        except msgspec.ValidationError as error:
            raise self._no(call, _invalid(str(error)), "schema") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._no(call, _error(400, "Bad Request"), "json") from error
        wrong = wrong_with(mail, call.at)
        if wrong is not None:
            field = wrong[1]
            at = re.match(r"personalizations\.(\d+)", field or "")
            who = mail.personalizations[int(at[1])] if at and int(at[1]) < len(mail.personalizations) else None
            message = who.custom_args.get("msg_id", "") if who else ""
            address = who.to[0].email if who and who.to else "-"
            raise self.refuse(_error(400, wrong[0], field), "invalid", call, address, message)
        return mail

    def _no(self, call: Call, reply: Reply, why: str) -> RefusedError:
        return self.refuse(reply, why, call)

    # -- look-ups

    def _messages(self, call: Call) -> Reply:
        """Email activity: query=to_email="x" AND msg_id LIKE "abc%", or unique_args['msg_id']="..."."""
        query = form_in(call.query)
        found = self._sought(one(query, "query"))
        try:
            most = min(max(int(one(query, "limit") or 10), 1), MOST_LISTED)
        except ValueError:
            return _error(400, "limit must be a number", "limit")
        if found is None:
            return _error(400, "invalid query", "query")
        return json_reply({"messages": [_activity(each, call.at) for each in found[:most]]})

    def _sought(self, query: str) -> list[Taken] | None:
        """The messages that *query* is about, the latest first; None when it cannot be read."""
        clauses = re.findall(r"""([\w\[\]'"]+)\s*(=|LIKE)\s*"([^"]*)\"""", query, re.IGNORECASE)
        if not clauses:
            return None if query else list(reversed(self.memory.all))
        found: list[Taken] | None = None
        for field, _, value in clauses:
            name = field.lower()
            if name == "to_email":
                these = self.memory.by_address(value)
            elif name == "msg_id":
                these = self.memory.by_ref(value.rstrip("%").partition(".")[0])
                these = [each for each in these if _full_id(each).startswith(value.rstrip("%"))]
            elif arg := re.fullmatch(r"unique_args\[['\"]?([\w-]+)['\"]?\]", name):
                these = [each for each in found or self.memory.all if str(each.extra[0].get(arg[1], "")) == value]
            else:
                return None
            found = these if found is None else [each for each in found if each in these]
        return list(reversed(found or []))

    def _message(self, call: Call, full: str) -> Reply:
        found = [each for each in self.memory.by_ref(full.partition(".")[0]) if _full_id(each) == full]
        if not found:
            return _error(404, "resource not found")
        each = found[0]
        events = [
            {
                "event_name": "bounced" if step.event == "bounce" else step.event, "processed": _iso(at),
                "reason": step.facts.get("reason", ""), "bounce_type": step.facts.get("type", ""), "attempt_num": 1,
                "mx_server": "mx.example.com",
            }
            for at, step in each.history(call.at)
        ]  # fmt: skip
        return json_reply(_activity(each, call.at) | {"events": events, "unique_args": each.extra[0]})

    def _suppressions(self, call: Call, kind: str) -> Reply:
        """Bounces, blocks, spam_reports, unsubscribes between start_time and end_time."""
        wanted = {
            "bounces": ("bounce", "bounce"), "blocks": ("bounce", "blocked"), "spam_reports": ("spamreport", None),
            "unsubscribes": ("unsubscribe", None), "invalid_emails": ("invalid", None),
        }.get(kind)  # fmt: skip
        if wanted is None:
            return _error(404, "not found")
        query = form_in(call.query)
        try:
            begins, ends = float(one(query, "start_time") or 0), float(one(query, "end_time") or call.at)
            offset, most = max(int(one(query, "offset") or 0), 0), min(max(int(one(query, "limit") or 500), 1), 500)
        except ValueError:
            return _error(400, "start_time, end_time, limit and offset are numbers")
        listed = [
            {
                "created": int(at), "email": each.address, "reason": step.facts.get("reason", ""),
                "status": step.facts.get("status", ""),
            }
            for each in self.memory.all
            for at, step in each.history(call.at)
            if step.event == wanted[0] and step.facts.get("type") == wanted[1] and begins <= at <= ends
        ]  # fmt: skip
        return json_reply(listed[offset : offset + most])

    # -- reports

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """One post of all *events*, signed with ECDSA."""
        if not self.orders.hook:
            return
        body = _encode([_event(taken, step) for taken, step in events]) + b"\r\n"
        at = str(int(now))
        signature = self._signer.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "Content-Type": "application/json", "User-Agent": "SendGrid Event API",
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": at,
        }  # fmt: skip
        yield Post(self.orders.hook, body, headers, len(events))


def _event(taken: Taken, step: Step) -> dict[str, Any]:
    args, categories, _ = taken.extra
    told: dict[str, Any] = {
        **args,
        "email": taken.address,
        "timestamp": int(taken.time_of(step)),
        "smtp-id": f"<{taken.ref}@geopod-ismtpd-1>",
        "event": step.event,
        "sg_event_id": _event_id(taken, step),
        "sg_message_id": _full_id(taken),
        **step.facts,
    }
    if categories:
        told["category"] = categories
    return told


def _event_id(taken: Taken, step: Step) -> str:
    name = f"{taken.ref}|{taken.address}|{step.event}|{step.after}".encode()
    return base64.urlsafe_b64encode(blake2b(name, digest_size=24).digest()).decode()


def _full_id(taken: Taken) -> str:
    """As events name it: the id of the call, and a part that tells its messages apart."""
    number = blake2b(taken.address.encode(), digest_size=5).hexdigest()
    return f"{taken.ref}.recvd-5f7d-{number}-1-66A0-0.0"


def _activity(taken: Taken, now: float) -> dict[str, Any]:
    history = taken.history(now)
    events = [step.event for _, step in history]
    status = "processed"
    if "delivered" in events:
        status = "delivered"
    if "bounce" in events or "dropped" in events:
        status = "not_delivered"
    return {
        "from_email": taken.sender, "msg_id": _full_id(taken), "subject": taken.extra[2], "to_email": taken.address,
        "status": status, "opens_count": events.count("open"), "clicks_count": events.count("click"),
        "last_event_time": _iso(history[-1][0] if history else taken.at),
    }  # fmt: skip


def _iso(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _invalid(text: str) -> Reply:
    """The error of a body with the wrong shape: $.personalizations[3].to -> personalizations.3.to"""
    at = _AT.search(text)
    field = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", at[1]).lstrip(".") if at else None
    return _error(400, _AT.sub("", text), field or None)


def _limits(now: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(CALLS_A_SECOND), "X-RateLimit-Remaining": str(CALLS_A_SECOND - 1),
        "X-RateLimit-Reset": str(int(now) + 1),
    }  # fmt: skip


REFUSALS: Mapping[str, Reply] = {
    "throttle": _error(429, "too many requests"),
    "server": _error(500, "Internal Server Error"),
    "unavailable": _error(503, "Service Unavailable"),
    "auth": _error(401, "The provided authorization grant is invalid, expired, or revoked"),
    "forbidden": _error(
        403, "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is "
        "resolved.", "from",
    ),
    "credits": _error(401, "Maximum credits exceeded"),
    "invalid": _error(400, "Bad Request"),
    "too_large": _error(413, "Payload Too Large"),
}  # fmt: skip
