"""Twilio: messages and calls, status callbacks with their signature, look-ups, replies of recipients.

What it checks: https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/voice/api/call-resource
"""

import html
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from app.local.simulators.call import Call, Form, RefusedError, Reply, basic_auth, form_in, json_reply, one
from app.local.simulators.frame import Simulator
from app.local.simulators.reports import NO_CONNECTION, TIMED_OUT, Happened, Post
from app.local.simulators.sms_parts import parts_of
from app.local.simulators.taken import Plan, Step, Taken
from app.local.simulators.twilio_checks import wrong_with_call, wrong_with_message
from app.local.simulators.twilio_plans import CALL_STATUS, CALLS, ENDS, PLANS
from app.local.simulators.twilio_signature import signature

VERSION = "2010-04-01"
MOST_PAGE = 1_000
MORE = "https://www.twilio.com/docs/errors/"
ACTION = re.compile(r'<Gather\b[^>]*?\baction="([^"]*)"')
ASIDE = {"amd", "reply", "pressed"}  # steps that are no status
STOP_KEY = "9"  # pressed by those who want no calls
FIRST_AGAIN = 0.5  # seconds before a callback is tried again


@dataclass(slots=True)
class _Sms:
    """What reports on a message need."""

    callback: str
    service: str
    text: str
    parts: int
    cancelled: bool = False
    sid_of_reply: str = ""


@dataclass(slots=True)
class _Phoned:
    """What reports on a call need."""

    callback: str
    wanted: frozenset[str]
    amd_callback: str
    detection: str
    action: str  # where keys that are pressed go
    cancelled: bool = False


def _error(status: int, code: int, message: str) -> Reply:
    return json_reply({"code": code, "message": message, "more_info": f"{MORE}{code}", "status": status}, status)


class TwilioSimulator(Simulator):
    """Twilio's API of messages and calls. Our id comes from the StatusCallback: ?m=...&a=..."""

    name = "twilio"
    plans: ClassVar[Mapping[str, Plan]] = PLANS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._account = self.keys.text("twilio-account-sid")
        self._token = self.keys.text("twilio-auth-token")
        self._prefix = f"/{VERSION}/Accounts/{self._account}"
        self._opted_out: set[tuple[str, str]] = set()  # (recipient, our number): Twilio refuses messages to them

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """Errors of the API."""
        return REFUSALS

    # -- the API

    def answer(self, call: Call) -> Reply:
        """Messages and calls of the account."""
        if basic_auth(call) != (self._account, self._token):
            self.counts["refused.auth"] += 1
            raise RefusedError(REFUSALS["auth"])
        if (call.method, call.path) == ("GET", f"{self._prefix}.json"):
            about = {"sid": self._account, "friendly_name": "Simulated", "status": "active", "type": "Full"}
            return json_reply(about, 200)
        if not call.path.startswith(self._prefix):
            raise RefusedError(REFUSALS["not_found"])
        kind, _, sid = call.path.removeprefix(self._prefix).removeprefix("/").removesuffix(".json").partition("/")
        if kind not in ("Messages", "Calls") or not call.path.endswith(".json"):
            raise RefusedError(REFUSALS["not_found"])
        reply = self._asked(call, kind, sid)
        headers = dict(reply.headers) | {
            "Twilio-Request-Id": f"RQ{secrets.token_hex(16)}", "Twilio-Concurrent-Requests": "1",
        }  # fmt: skip
        return Reply(reply.status, reply.body, headers, reply.taken)

    def _asked(self, call: Call, kind: str, sid: str) -> Reply:
        if call.method == "POST":
            form = form_in(call.body)
            if sid:
                return self._change(call, kind, sid, form)
            return self._message(call, form) if kind == "Messages" else self._call(call, form)
        if call.method == "GET":
            return self._fetch(call, kind, sid) if sid else self._list(call, kind)
        return _error(405, 20004, "Method not allowed")

    def _no(self, call: Call, form: Form, status: int, code: int, message: str) -> RefusedError:
        said = form_in(urlsplit(one(form, "StatusCallback")).query)
        return self.refuse(_error(status, code, message), str(code), call, one(form, "To"), one(said, "m"))

    def _message(self, call: Call, form: Form) -> Reply:
        to, sender, service = one(form, "To"), one(form, "From"), one(form, "MessagingServiceSid")
        wrong = wrong_with_message(form) or self._wrong_with_owner(to, sender or service)
        if wrong is not None:
            raise self._no(call, form, *wrong)
        text, callback = one(form, "Body"), one(form, "StatusCallback")
        echo = form_in(urlsplit(callback).query)
        extra = _Sms(callback, service, text, parts_of(text))
        sid = ("MM" if form.get("MediaUrl") else "SM") + secrets.token_hex(16)
        sender = sender or f"+1500555{self.seed % 10_000:04d}"  # the service picks one of its numbers
        taken = self.phone(sid, one(echo, "m"), one(echo, "a"), to, sender, call.at, extra)
        self.keep([taken])
        self.counts["parts"] += extra.parts
        told = self._message_told(taken, call.at)
        told |= {"status": "accepted", "from": one(form, "From") or None} if service else {"status": "queued"}
        return json_reply(told, 201, taken=True)

    def _wrong_with_owner(self, to: str, sender: str) -> tuple[int, int, str] | None:
        """Numbers that refuse: 0009 has opted out for good, 0010 is none; others may have answered STOP."""
        if to[-4:] == "0009" or (to, sender) in self._opted_out:
            return 400, 21610, "Attempt to send to unsubscribed recipient"
        if to[-4:] == "0010":
            return 400, 21211, f"The 'To' number {to} is not a valid phone number."
        return None

    def _call(self, call: Call, form: Form) -> Reply:
        to, sender = one(form, "To"), one(form, "From")
        wrong = wrong_with_call(form)
        if wrong is None and to[-4:] in ("0009", "0010"):
            wrong = 400, 21211, f"The phone number you are attempting to call, {to}, is not valid."
        if wrong is not None:
            raise self._no(call, form, *wrong)
        callback = one(form, "StatusCallback")
        wanted = [each for field in form.get("StatusCallbackEvent", ()) for each in field.split()]
        detection = one(form, "MachineDetection")
        extra = _Phoned(
            callback, frozenset(wanted or ["completed"]),
            one(form, "AsyncAmdStatusCallback") if one(form, "AsyncAmd") == "true" else "", detection,
            _action_in(one(form, "Twiml")),
        )  # fmt: skip
        echo = form_in(urlsplit(callback).query)
        taken = self.phone("CA" + secrets.token_hex(16), one(echo, "m"), one(echo, "a"), to, sender, call.at, extra)
        taken.plan = CALLS.get(_fate_of(taken.plan), CALLS["delivered"])
        self.keep([taken])
        return json_reply(self._call_told(taken, call.at), 201, taken=True)

    def _change(self, call: Call, kind: str, sid: str, form: Form) -> Reply:
        """Status=canceled takes back what has not happened yet; Body= redacts."""
        taken = self._found(kind, sid)
        if one(form, "Status") in ("canceled", "completed") and not taken.history(call.at):
            taken.extra.cancelled = True
            taken.plan = (Step(max(0.0, call.at - taken.at) / (taken.pace or 1.0), "canceled"),)
        return json_reply(self._told(taken, call.at))

    def _fetch(self, call: Call, kind: str, sid: str) -> Reply:
        return json_reply(self._told(self._found(kind, sid), call.at))

    def _found(self, kind: str, sid: str) -> Taken:
        found = self.memory.by_ref(sid)
        if not found or isinstance(found[0].extra, _Phoned) != (kind == "Calls"):
            raise RefusedError(REFUSALS["not_found"])
        return found[0]

    def _list(self, call: Call, kind: str) -> Reply:
        """Messages by To, From, DateSent; calls by To, From, Status, StartTime. The latest first, page by page."""
        query = form_in(call.query)
        name = "DateSent" if kind == "Messages" else "StartTime"
        try:
            size = min(max(int(one(query, "PageSize") or 50), 1), MOST_PAGE)
            page = max(int(one(query, "Page") or 0), 0)
            days = _days(query, name)
        except ValueError:
            return _error(400, 20001, "A parameter of the query cannot be read")
        to, sender, status = one(query, "To"), one(query, "From"), one(query, "Status")
        all_of_them = self.memory.by_address(to) if to else list(self.memory.all)
        found = [
            each
            for each in reversed(all_of_them)
            if isinstance(each.extra, _Phoned) == (kind == "Calls")
            and (not sender or each.sender == sender)
            and _within(each.at, days)
            and (not status or self._status(each, call.at) == status)
        ]
        shown = found[page * size : (page + 1) * size]
        more = len(found) > (page + 1) * size
        uri = f"{self._prefix}/{kind}.json"
        kept = {key: values[0] for key, values in query.items() if key not in ("Page", "PageToken")}
        following = f"{uri}?{urlencode(kept | {'Page': page + 1, 'PageToken': f'PA{shown[-1].ref}'})}" if more else None
        return json_reply({
            kind.lower(): [self._told(each, call.at) for each in shown], "page": page, "page_size": size,
            "uri": f"{uri}?{call.query}", "first_page_uri": f"{uri}?{urlencode(kept | {'Page': 0})}",
            "next_page_uri": following, "previous_page_uri": None, "start": page * size,
            "end": page * size + len(shown) - 1,
        })  # fmt: skip

    # -- resources

    def _told(self, taken: Taken, now: float) -> dict[str, Any]:
        return self._call_told(taken, now) if isinstance(taken.extra, _Phoned) else self._message_told(taken, now)

    def _status(self, taken: Taken, now: float) -> str:
        steps = [step.event for _, step in taken.history(now) if step.event not in ASIDE]
        if not steps:
            return "accepted" if isinstance(taken.extra, _Sms) and taken.extra.service else "queued"
        return CALL_STATUS.get(steps[-1], steps[-1]) if isinstance(taken.extra, _Phoned) else steps[-1]

    def _message_told(self, taken: Taken, now: float) -> dict[str, Any]:
        extra: _Sms = taken.extra
        history = taken.history(now)
        code = next((step.facts["code"] for _, step in history if "code" in step.facts), None)
        sent = next((at for at, step in history if step.event == "sent"), None)
        return {
            "account_sid": self._account, "api_version": VERSION, "body": extra.text,
            "date_created": _date(taken.at), "date_sent": None if sent is None else _date(sent),
            "date_updated": _date(history[-1][0] if history else taken.at), "direction": "outbound-api",
            "error_code": code, "error_message": None, "from": taken.sender,
            "messaging_service_sid": extra.service or None, "num_media": "0",
            "num_segments": str(extra.parts), "price": None, "price_unit": "USD", "sid": taken.ref,
            "status": self._status(taken, now), "subresource_uris": {}, "to": taken.address,
            "uri": f"{self._prefix}/Messages/{taken.ref}.json",
        }  # fmt: skip

    def _call_told(self, taken: Taken, now: float) -> dict[str, Any]:
        history = taken.history(now)
        started = next((at for at, step in history if step.event == "answered"), None)
        ended = next(((at, step) for at, step in history if step.event in ENDS), None)
        seconds = None if ended is None else str(ended[1].facts.get("seconds", 0))
        by = next((_answered_by(taken, step) for _, step in history if step.event == "amd"), None)
        return {
            "sid": taken.ref, "account_sid": self._account, "api_version": VERSION, "annotation": None,
            "answered_by": by or None, "caller_name": None, "date_created": _date(taken.at),
            "date_updated": _date(history[-1][0] if history else taken.at), "direction": "outbound-api",
            "duration": seconds, "end_time": None if ended is None else _date(ended[0]), "forwarded_from": None,
            "from": taken.sender, "from_formatted": taken.sender, "group_sid": None, "parent_call_sid": None,
            "phone_number_sid": None, "price": None, "price_unit": "USD", "queue_time": "0",
            "start_time": None if started is None else _date(started), "status": self._status(taken, now),
            "subresource_uris": {}, "to": taken.address, "to_formatted": taken.address, "trunk_sid": None,
            "uri": f"{self._prefix}/Calls/{taken.ref}.json",
        }  # fmt: skip

    # -- reports

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """A callback for each event."""
        for taken, step in events:
            if taken.extra.cancelled and step.event != "canceled":
                continue
            if isinstance(taken.extra, _Phoned):
                yield from self._call_posts(taken, step)
            elif step.event == "reply":
                post = self.inbound(taken.address, taken.sender, step.facts["text"], now)
                if post.url:
                    yield post
            elif taken.extra.callback:
                yield self._signed(taken.extra.callback, self._sms_form(taken, step))

    def _sms_form(self, taken: Taken, step: Step) -> dict[str, str]:
        form = {
            "AccountSid": self._account, "ApiVersion": VERSION, "From": taken.sender, "To": taken.address,
            "MessageSid": taken.ref, "SmsSid": taken.ref, "MessageStatus": step.event, "SmsStatus": step.event,
        }  # fmt: skip
        if taken.extra.service:
            form["MessagingServiceSid"] = taken.extra.service
        if "code" in step.facts:
            form["ErrorCode"] = str(step.facts["code"])
        if step.event in ("delivered", "undelivered"):
            form["RawDlrDoneDate"] = datetime.fromtimestamp(taken.time_of(step), UTC).strftime("%y%m%d%H%M")
        return form

    def _call_posts(self, taken: Taken, step: Step) -> Iterable[Post]:
        extra: _Phoned = taken.extra
        if step.event == "amd":
            if extra.amd_callback and extra.detection:
                form = {
                    "AccountSid": self._account, "CallSid": taken.ref, "AnsweredBy": _answered_by(taken, step),
                    "MachineDetectionDuration": "3200",
                }  # fmt: skip
                yield self._signed(extra.amd_callback, form)
            return
        if step.event == "pressed":
            if extra.action:
                yield self._signed(extra.action, self._call_form(taken, "in-progress") | {"Digits": STOP_KEY})
            return
        event = "completed" if step.event in ENDS else step.event
        if not extra.callback or event not in extra.wanted:
            return
        calls = [each for each in taken.plan if each.event not in ASIDE]
        form = self._call_form(taken, CALL_STATUS.get(step.event, step.event)) | {
            "CallbackSource": "call-progress-events", "SequenceNumber": str(calls.index(step)),
            "Timestamp": _date(taken.time_of(step)),
        }  # fmt: skip
        if step.event in ENDS:
            seconds = step.facts.get("seconds", 0)
            form |= {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
            form["SipResponseCode"] = str(step.facts.get("sip", 200))
            if step.facts.get("code"):
                form["ErrorCode"] = str(step.facts["code"])
        amd = next((each for each in taken.plan if each.event == "amd"), None)
        if extra.detection and not extra.amd_callback and amd is not None and step.event in ENDS:
            form["AnsweredBy"] = _answered_by(taken, amd)
        yield self._signed(extra.callback, form)

    def _call_form(self, taken: Taken, status: str) -> dict[str, str]:
        return {
            "AccountSid": self._account, "ApiVersion": VERSION, "CallSid": taken.ref, "CallStatus": status,
            "Direction": "outbound-api", "From": taken.sender, "To": taken.address, "Caller": taken.sender,
            "Called": taken.address,
        }  # fmt: skip

    def inbound(self, sender: str, to: str, text: str, now: float) -> Post:
        """What a recipient writes. STOP and START count here too, as with Twilio's own opt-out."""
        del now
        word = text.strip().upper()
        kind = {"STOP": "STOP", "STOPALL": "STOP", "UNSUBSCRIBE": "STOP", "CANCEL": "STOP", "END": "STOP",
                "QUIT": "STOP", "START": "START", "YES": "START", "UNSTOP": "START", "HELP": "HELP",
                "INFO": "HELP"}.get(word, "")  # fmt: skip
        if kind == "STOP":
            self._opted_out.add((sender, to))
        elif kind == "START":
            self._opted_out.discard((sender, to))
        sid = "SM" + secrets.token_hex(16)
        form = {
            "AccountSid": self._account, "ApiVersion": VERSION, "Body": text, "From": sender, "To": to,
            "MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "SmsStatus": "received", "NumMedia": "0",
            "NumSegments": str(parts_of(text)),
        }  # fmt: skip
        if kind:
            form["OptOutType"] = kind
        return self._signed(self.orders.hook, form)

    def _signed(self, callback: str, form: Mapping[str, str]) -> Post:
        url, _, _ = callback.partition("#")  # what is behind it is for Twilio: neither sent nor signed
        headers = {
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*", "X-Twilio-Signature": signature(self._token, url, form),
            "I-Twilio-Idempotency-Token": secrets.token_hex(16),
        }  # fmt: skip
        post = Post(url, urlencode(form).encode(), headers)
        self._retries(post, callback)
        return post

    def _retries(self, post: Post, callback: str) -> None:
        """What the fragment of the callback says of tries: #rc=2&rp=ct,rt,5xx. Once more after no connection if not."""
        said = form_in(callback.partition("#")[2])
        try:
            post.most_again = min(max(int(one(said, "rc") or 1), 0), 5)
        except ValueError:
            post.most_again = 1
        post.again_on = frozenset((one(said, "rp") or "ct").split(","))

    def again(self, post: Post, status: int) -> float | None:
        """As the callback wants it."""
        kind = {NO_CONNECTION: "ct", TIMED_OUT: "rt"}.get(status, f"{status // 100}xx")
        if post.tries > post.most_again or not {kind, "all"} & post.again_on:
            return None
        return FIRST_AGAIN * 2.0 ** (post.tries - 1)


def _action_in(twiml: str) -> str:
    """Where a key that is pressed goes: the action of the first Gather; "" for none."""
    found = ACTION.search(twiml)
    return html.unescape(found[1]) if found else ""


def _answered_by(taken: Taken, step: Step) -> str:
    """As the kind of detection names it; "" without."""
    detection, by = taken.extra.detection, step.facts["by"]
    if not detection:
        return ""
    if by == "machine":
        return "machine_end_beep" if detection == "DetectMessageEnd" else "machine_start"
    return str(by)


def _fate_of(plan: Plan) -> str:
    """The fate that *plan* belongs to."""
    return next((fate for fate, known in PLANS.items() if known is plan), "delivered")


def _date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(at), UTC))


def _days(query: Form, name: str) -> tuple[str, str, str]:
    """The day, the first and the last one that are asked for; "" for any. ValueError when one is no day."""
    asked = one(query, name), one(query, f"{name}>"), one(query, f"{name}<")
    for each in asked:
        if each:
            datetime.fromisoformat(each)
    day, first, last = (each[:10] for each in asked)
    return day, first, last


def _within(at: float, days: tuple[str, str, str]) -> bool:
    day, first, last = days
    here = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d") if any(days) else ""
    return (not day or here == day) and (not first or here >= first) and (not last or here <= last)


REFUSALS: Mapping[str, Reply] = {
    "throttle": _error(429, 20429, "Too Many Requests"),
    "server": _error(500, 20500, "Internal Server Error"),
    "unavailable": _error(503, 20503, "Service Unavailable"),
    "auth": _error(401, 20003, "Authenticate"),
    "not_found": _error(404, 20404, "The requested resource was not found"),
    "suspended": _error(403, 20005, "Account not active"),
    "queue_full": _error(429, 21611, "This 'From' number has exceeded the maximum number of queued messages"),
    "geo": _error(
        400, 21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number"
    ),
    "invalid": _error(400, 21211, "The 'To' number is not a valid phone number."),
    "unsubscribed": _error(400, 21610, "Attempt to send to unsubscribed recipient"),
    "too_large": _error(413, 20001, "The request is too large"),
}
