"""Mailgun: messages with recipient variables, signed webhooks, the events API, suppressions.

What it checks: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages
"""

import base64
import hmac
import re
import secrets
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec

from app.local.simulators.call import Call, Form, RefusedError, Reply, basic_auth, form_in, json_reply, one
from app.local.simulators.frame import Simulator
from app.local.simulators.mailgun_plans import PLANS
from app.local.simulators.multipart import form_of
from app.local.simulators.reports import Happened, Post
from app.local.simulators.routes import MAIL_DOMAIN
from app.local.simulators.taken import Plan, Step, Taken

MOST_RECIPIENTS = 1_000
MOST_TAGS = 3
MOST_OPTIONS = 16_384  # bytes of o:, h: and v: together
LARGEST = 25_000_000
MOST_LISTED = 300
MOST_LOGGED = 750_000  # events
ADDRESS = re.compile(r"(?:.*<)?[^@\s<>,;]+@[^@\s<>,;.]+(?:\.[^@\s<>,;.]+)*>?")
VARIABLE = re.compile(r"%recipient\.([A-Za-z0-9_-]+)%")
SUPPRESSIONS = {"bounces": "failed", "complaints": "complained", "unsubscribes": "unsubscribed"}


def _error(status: int, message: str) -> Reply:
    return json_reply({"message": message}, status)


class MailgunSimulator(Simulator):
    """Mailgun's API v3. Ids of our own come from v:msg_id and v:attempt, also as %recipient...%."""

    name = "mailgun"
    plans: ClassVar[Mapping[str, Plan]] = PLANS
    largest = LARGEST

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._key = self.keys.text("mailgun-api-key")
        self._signing = self.keys.text("mailgun-signing-key").encode()
        self._number = 0
        self._log: list[tuple[float, Taken, Step]] = []  # what happened, in order
        self._forgotten = 0  # events that were in front of the log

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """Errors of the API."""
        return REFUSALS

    # -- the API

    def answer(self, call: Call) -> Reply:
        """messages, events, suppressions of the domain."""
        if basic_auth(call) != ("api", self._key):
            self.counts["refused.auth"] += 1
            raise RefusedError(REFUSALS["auth"])
        _, version, domain, *rest = [*call.path.split("/"), "", ""]
        if version != "v3" or domain != MAIL_DOMAIN:
            return _error(404, f"Domain not found: {domain}")
        what = "/".join(filter(None, rest))
        if call.method == "POST" and what in ("messages", "messages.mime"):
            return self._send(call, mime=what == "messages.mime")
        if call.method == "GET" and rest[0] == "events":
            return self._events(call, rest[1])
        if call.method == "GET" and what in SUPPRESSIONS:
            return self._suppressions(call, what)
        return _error(404, "not found")

    def _send(self, call: Call, *, mime: bool) -> Reply:
        form = form_of(call)
        if form is None:
            raise self.refuse(_error(400, "The form cannot be read"), "schema", call)
        to = [each.strip() for field in form.get("to", ()) for each in field.split(",") if each.strip()]
        variables, wrong = _variables_of(form, to)
        wrong = wrong or _wrong_with(form, to, mime=mime)
        if wrong is not None:
            raise self.refuse(_error(400, wrong), "invalid", call, (to or ["-"])[0], one(form, "v:msg_id"))
        self._number += 1
        stamp = datetime.fromtimestamp(call.at, UTC).strftime("%Y%m%d%H%M%S")
        ref = f"{stamp}.{self._number}.{secrets.token_hex(8).upper()}@{MAIL_DOMAIN}"
        if one(form, "o:testmode") not in ("", "no", "false"):
            return json_reply({"id": f"<{ref}>", "message": "Queued. Thank you."})
        shared = {name[2:]: values[0] for name, values in form.items() if name.startswith("v:")}
        said = form.get("o:tag", []), one(form, "subject")
        taken = []
        for each in to:
            address = _bare(each)
            own = {name: _filled(value, variables.get(address, {})) for name, value in shared.items()}
            extra = own, *said
            ids = own.get("msg_id", ""), own.get("attempt", "")
            taken.append(self.email(ref, *ids, address, one(form, "from"), call.at, extra))
        self.keep(taken)
        return json_reply({"id": f"<{ref}>", "message": "Queued. Thank you."}, taken=True)

    # -- look-ups

    def happened(self, taken: Taken, step: Step) -> None:
        """Log it for the events API."""
        self._log.append((taken.time_of(step), taken, step))
        if len(self._log) > MOST_LOGGED:
            gone = MOST_LOGGED // 4
            del self._log[:gone]
            self._forgotten += gone

    def _events(self, call: Call, page: str) -> Reply:
        """A page of what happened; *page* is its token, "" the first."""
        try:
            query, at = (form_in(call.query), None) if not page else _asked_for(page)
            limit = min(max(int(one(query, "limit") or 100), 1), MOST_LISTED)
            begins, ends = _time(one(query, "begin")), _time(one(query, "end"))
        except ValueError:
            return _error(400, "A parameter of the query cannot be read")
        backward = one(query, "ascending") == "no" or (not one(query, "ascending") and begins is None)
        log = self._log
        if at is None:
            # The log is in order but for the twentieth of a second in which events are collected.
            at = len(log) if backward else bisect_left(log, (begins or 0.0) - 0.1, key=lambda each: each[0])
            at += self._forgotten
        place = min(max(at - self._forgotten, 0), len(log))
        items: list[dict[str, Any]] = []
        while len(items) < limit and (place > 0 if backward else place < len(log)):
            place -= backward
            moment, taken, step = log[place]
            place += not backward
            inside = (begins is None or moment >= begins) and (ends is None or moment <= ends)
            if inside and moment <= call.at and _is_wanted(taken, step, query):
                items.append(_event(taken, step))
        following = _token(query, place + self._forgotten)
        base = f"{call.base}/v3/{MAIL_DOMAIN}/events/"
        pages = {"next": following, "previous": _token(query, at), "first": _token(query, 0), "last": following}
        return json_reply({"items": items, "paging": {name: base + token for name, token in pages.items()}})

    def _suppressions(self, call: Call, kind: str) -> Reply:
        found = [
            {
                "address": taken.address, "created_at": format_datetime(datetime.fromtimestamp(moment, UTC)),
                "code": str(step.facts.get("delivery-status", {}).get("code", "")),
                "error": step.facts.get("delivery-status", {}).get("message", ""), "tags": ["*"],
            }
            for moment, taken, step in self._log
            if step.event == SUPPRESSIONS[kind] and (kind != "bounces" or step.facts.get("reason") == "bounce")
        ]  # fmt: skip
        base = f"{call.base}/v3/{MAIL_DOMAIN}/{kind}"
        return json_reply(
            {"items": found[-1_000:], "paging": {"first": base, "last": base, "next": base, "previous": base}}
        )

    # -- reports

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """A signed post for each event."""
        if not self.orders.hook:
            return
        for taken, step in events:
            at, token = str(int(now)), secrets.token_hex(25)
            signature = hmac.digest(self._signing, (at + token).encode(), "sha256").hex()
            told = {
                "signature": {"timestamp": at, "token": token, "signature": signature},
                "event-data": _event(taken, step),
            }
            headers = {"Content-Type": "application/json", "User-Agent": "mailgun/treq-22.2.0"}
            yield Post(self.orders.hook, msgspec.json.encode(told), headers)

    def again(self, post: Post, status: int) -> float | None:
        """406 says that it is not wanted."""
        return None if status == 406 else super().again(post, status)


def _event(taken: Taken, step: Step) -> dict[str, Any]:
    variables, tags, subject = taken.extra
    name = f"{taken.ref}|{taken.address}|{step.event}|{step.after}".encode()
    headers = {"to": taken.address, "message-id": taken.ref, "from": taken.sender, "subject": subject}
    return {
        "event": step.event, "id": base64.urlsafe_b64encode(blake2b(name, digest_size=16).digest()).decode()[:22],
        "timestamp": taken.time_of(step), "recipient": taken.address,
        "recipient-domain": taken.address.rpartition("@")[2], "tags": tags, "campaigns": [],
        "user-variables": variables,
        "flags": {"is-routed": False, "is-authenticated": True, "is-system-test": False, "is-test-mode": False},
        "envelope": {
            "sender": taken.sender, "transport": "smtp", "targets": taken.address, "sending-ip": "192.0.2.30",
        },
        "message": {"headers": headers, "attachments": [], "size": 809},
        **step.facts,
    }  # fmt: skip


def _is_wanted(taken: Taken, step: Step, query: Form) -> bool:
    kinds = one(query, "event")
    if kinds and step.event not in re.split(r"\s+OR\s+", kinds):
        return False
    asked = {
        "recipient": taken.address, "message-id": taken.ref, "severity": step.facts.get("severity", ""),
    }  # fmt: skip
    return all(not one(query, name) or one(query, name).strip("<>") == value for name, value in asked.items())


def _token(query: Form, at: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([query, at])).decode().rstrip("=")


def _asked_for(token: str) -> tuple[Form, int]:
    """The query of a page and its place in the log. ValueError for what is no token."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(raw, type=tuple[Form, int])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError("no page") from error


def _time(text: str) -> float | None:
    """Seconds, as a number or as RFC 2822 writes times."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(text).timestamp()


# -- checks


def _variables_of(form: Form, to: list[str]) -> tuple[dict[str, dict[str, Any]], str | None]:
    """The recipient variables by address, and what is wrong with them."""
    raw = one(form, "recipient-variables")
    if not raw:
        return {}, None
    try:
        found = msgspec.json.decode(raw, type=dict[str, dict[str, Any]])
    except msgspec.DecodeError:
        return {}, "recipient-variables parameter is not a valid JSON document"
    strangers = set(found) - {_bare(each) for each in to}
    if strangers:
        return {}, f"recipient-variables names {min(strangers)}, who is not in to"
    return found, None


def _wrong_with(form: Form, to: list[str], *, mime: bool) -> str | None:
    if not one(form, "from") and not mime:
        return "from parameter is missing"
    if not to:
        return "to parameter is missing"
    if len(to) > MOST_RECIPIENTS:
        return "Too many recipients, max is 1000"
    if any(not ADDRESS.fullmatch(each) or _wants_refusal(_bare(each)) for each in to):
        return "to parameter is not a valid address. please check documentation"
    if mime and not one(form, "message"):
        return "message parameter is missing"
    if not mime and not any(one(form, name) for name in ("text", "html", "template", "amp-html")):
        return "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"
    options = sum(
        len(name) + len(value.encode())
        for name, values in form.items()
        if name[:2] in ("o:", "h:", "v:")
        for value in values
    )
    if options > MOST_OPTIONS:
        return "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total"
    return f"o:tag may be given {MOST_TAGS} times" if len(form.get("o:tag", ())) > MOST_TAGS else None


def _wants_refusal(address: str) -> bool:
    return address.startswith("refused") and address[7:8] in "@+-0123456789"


def _bare(address: str) -> str:
    return address.rpartition("<")[2].rstrip(">").strip() if "<" in address else address


def _filled(text: str, variables: Mapping[str, Any]) -> str:
    """*text* with the variables of one recipient."""
    if "%recipient." not in text:
        return text
    return VARIABLE.sub(lambda found: str(variables.get(found[1], found[0])), text)


REFUSALS: Mapping[str, Reply] = {
    "throttle": json_reply(
        {"message": "Too many requests"},
        429,
        {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0", "Retry-After": "1"},
    ),
    "server": _error(500, "Internal Server Error"),
    "unavailable": _error(503, "Service Unavailable"),
    "auth": Reply(401, b"Forbidden", {"Content-Type": "text/plain"}),
    "disabled": _error(403, f"Domain {MAIL_DOMAIN} is not allowed to send: The domain is unverified or disabled"),
    "failed": _error(402, "Request failed"),
    "invalid": _error(400, "to parameter is not a valid address. please check documentation"),
    "not_found": _error(404, f"Domain not found: {MAIL_DOMAIN}"),
    "too_large": _error(413, "Message is too large"),
}
