"""Amazon SES v2: SendEmail with its signature, events over SNS, message insights, the suppression list.

What it checks: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

import base64
import binascii
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec

from app.local.simulators.call import Call, RefusedError, Reply, form_in, json_reply
from app.local.simulators.frame import Simulator
from app.local.simulators.reports import Happened, Post
from app.local.simulators.routes import REGION, TOPIC
from app.local.simulators.ses_plans import PLANS, document_of
from app.local.simulators.sigv4_check import wrong_with
from app.local.simulators.sns import Sns, iso
from app.local.simulators.taken import Plan, Step, Taken

MOST_RECIPIENTS = 50
MOST_HEADERS = 15
MOST_TAGS = 50
LARGEST = 40_000_000
HEAD = 16_384  # bytes of a message in which its headers are looked for
MOST_SUPPRESSED = 100_000
TEST_DOMAIN = "simulator.amazonses.com"
TEST_WORDS = {"success": "delivered", "ooto": "delivered", "suppressionlist": "suppressed"}  # others as everywhere
ADDRESS = re.compile(r"(?:.*<)?[^@\s<>,;]+@[^@\s<>,;.]+(?:\.[^@\s<>,;.]+)*>?")
TAG_NAME, TAG_VALUE = re.compile(r"[A-Za-z0-9_-]{1,256}"), re.compile(r"[A-Za-z0-9_.@-]{1,256}")
CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")
NO_SUCH_SET = "missing"  # name of a configuration set that does not exist

# Parsing the whole header would be most of the work.
HEADER = re.compile(rb"^(from|to|cc|bcc|subject):[ \t]*(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)


class _Data(msgspec.Struct):
    Data: str
    Charset: str = "UTF-8"


class _Header(msgspec.Struct):
    Name: str
    Value: str


class _Body(msgspec.Struct):
    Text: _Data | None = None
    Html: _Data | None = None


class _Simple(msgspec.Struct):
    Subject: _Data
    Body: _Body
    Headers: list[_Header] = []
    Attachments: list[Any] = []


class _Raw(msgspec.Struct):
    Data: str


class _Content(msgspec.Struct):
    Simple: _Simple | None = None
    Raw: _Raw | None = None
    Template: dict[str, Any] | None = None


class _Destination(msgspec.Struct):
    ToAddresses: list[str] = []
    CcAddresses: list[str] = []
    BccAddresses: list[str] = []

    def everybody(self) -> list[str]:
        return [*self.ToAddresses, *self.CcAddresses, *self.BccAddresses]


class _Tag(msgspec.Struct):
    Name: str
    Value: str


class _SendEmail(msgspec.Struct):
    Content: _Content
    FromEmailAddress: str = ""
    Destination: _Destination = msgspec.field(default_factory=_Destination)
    ReplyToAddresses: list[str] = []
    FeedbackForwardingEmailAddress: str = ""
    EmailTags: list[_Tag] = []
    ConfigurationSetName: str = ""
    ListManagementOptions: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_SendEmail).decode


def _error(status: int, kind: str, message: str) -> Reply:
    return json_reply({"message": message}, status, {"x-amzn-errortype": kind})


def _bad(message: str) -> Reply:
    return _error(400, "BadRequestException", message)


class SesSimulator(Simulator):
    """SES's API v2. Ids of our own come from EmailTags: msg_id and attempt."""

    name = "ses"
    plans: ClassVar[Mapping[str, Plan]] = PLANS
    largest = LARGEST

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._access = self.keys.text("ses-access-key")
        self._secret = self.keys.text("ses-secret-key")
        self.keys.certificate()
        self._sns = Sns(self.keys.rsa(), TOPIC)
        self._suppressed: dict[str, tuple[str, float]] = {}  # address -> reason and time

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """Errors of the API."""
        return REFUSALS

    # -- the API

    def answer(self, call: Call) -> Reply:
        """SendEmail, GetMessageInsights, GetAccount, the suppression list."""
        wrong = wrong_with(call, self._access, self._secret, REGION, "ses")
        if wrong is not None:
            self.counts["refused.auth"] += 1
            raise RefusedError(_error(403, *wrong))
        path = call.path.removeprefix("/v2/email/")
        match call.method, path:
            case "POST", "outbound-emails":
                return self._send(call)
            case "GET", "account":
                return self._account(call)
        if call.method == "GET" and path.startswith("insights/"):
            return self._insights(call, unquote(path.removeprefix("insights/").rstrip("/")))
        if path.startswith("suppression/addresses"):
            return self._suppression(call, unquote(path.removeprefix("suppression/addresses").strip("/")))
        return _error(404, "UnknownOperationException", "There is no such operation.")

    def _send(self, call: Call) -> Reply:
        try:
            mail = _decode(call.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self.refuse(_error(400, "SerializationException", str(error)), "schema", call) from error
        tags = {tag.Name: tag.Value for tag in mail.EmailTags}
        subject, sender, to, wrong = _read(mail)
        to = mail.Destination.everybody() or to
        wrong = wrong or _wrong_with(mail, to)
        if wrong is not None:
            raise self.refuse(wrong, "invalid", call, (to or ["-"])[0], tags.get("msg_id", ""))
        ref = f"0100{int(call.at * 1_000):012x}-{uuid.uuid4()}-000000"
        extra = tags, subject, mail.ConfigurationSetName
        message, attempt = tags.get("msg_id", ""), tags.get("attempt", "")
        self.keep([self._for(ref, message, attempt, address, sender, call.at, extra) for address in map(_bare, to)])
        return json_reply({"MessageId": ref}, taken=True)

    def _for(self, ref: str, message: str, attempt: str, address: str, sender: str, at: float, extra: Any) -> Taken:
        taken = self.email(ref, message, attempt, address, sender, at, extra)
        local, _, domain = address.partition("@")
        if address in self._suppressed:
            taken.plan = PLANS["suppressed"]
        elif domain == TEST_DOMAIN and local in TEST_WORDS:
            taken.plan = PLANS[TEST_WORDS[local]]
        return taken

    def _account(self, call: Call) -> Reply:
        del call
        quota = {
            "Max24HourSend": -1.0,
            "MaxSendRate": self.orders.rate or 1_000.0,
            "SentLast24Hours": float(self.counts["taken"]),
        }
        return json_reply({
            "DedicatedIpAutoWarmupEnabled": False, "EnforcementStatus": "HEALTHY", "ProductionAccessEnabled": True,
            "SendQuota": quota, "SendingEnabled": True, "SuppressionAttributes": {"SuppressedReasons": []},
        })  # fmt: skip

    def _insights(self, call: Call, ref: str) -> Reply:
        found = self.memory.by_ref(ref)
        if not found:
            return _error(404, "NotFoundException", f"Message <{ref}> does not exist.")
        tags, subject, _ = found[0].extra
        subject = _decoded(subject)
        return json_reply({
            "MessageId": ref, "FromEmailAddress": found[0].sender, "Subject": subject,
            "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
            "Insights": [
                {
                    "Destination": each.address, "Isp": "Example",
                    "Events": [_insight(at, step) for at, step in each.history(call.at)],
                }
                for each in found
            ],
        })  # fmt: skip

    def _suppression(self, call: Call, address: str) -> Reply:
        if call.method == "PUT":
            try:
                said = msgspec.json.decode(call.body)
                address, reason = str(said["EmailAddress"]), str(said["Reason"])
            except (msgspec.DecodeError, KeyError, TypeError):
                return _bad("EmailAddress and Reason are required.")
            if reason not in ("BOUNCE", "COMPLAINT") or len(self._suppressed) >= MOST_SUPPRESSED:
                return _bad("Reason must be BOUNCE or COMPLAINT.")
            self._suppressed[address] = reason, call.at
            return json_reply({})
        if not address:
            wanted = form_in(call.query).get("Reason") or ["BOUNCE", "COMPLAINT"]
            listed = [self._told(each) for each, (reason, _) in self._suppressed.items() if reason in wanted]
            return json_reply({"SuppressedDestinationSummaries": listed[:1_000]})
        if address not in self._suppressed:
            return _error(404, "NotFoundException", f"Email address {address} does not exist on your suppression list.")
        told = self._told(address)
        if call.method == "DELETE":
            del self._suppressed[address]
            return json_reply({})
        return json_reply({"SuppressedDestination": told})

    def _told(self, address: str) -> dict[str, Any]:
        reason, at = self._suppressed[address]
        return {"EmailAddress": address, "Reason": reason, "LastUpdateTime": at}

    # -- reports

    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """A notification for each event."""
        if not self.orders.hook:
            return
        for taken, step in events:
            told = msgspec.json.encode(_event(taken, step)).decode() + "\n"
            name = f"{taken.ref}|{taken.address}|{step.event}|{step.after}"
            body, headers = self._sns.notification(told, name, now)
            yield Post(self.orders.hook, body, headers)

    def subscription(self, now: float) -> Post | None:
        """What SNS posts to a new subscriber."""
        body, headers = self._sns.confirmation(now)
        return Post(self.orders.hook, body, headers)


def _event(taken: Taken, step: Step) -> dict[str, Any]:
    tags, coded, configuration = taken.extra
    subject = _decoded(coded)
    name, document = document_of(step, taken.address, iso(taken.time_of(step)), taken.ref)
    headers = {"From": taken.sender, "To": taken.address, "Subject": subject, "MIME-Version": "1.0"}
    return {
        "eventType": step.event,
        "mail": {
            "timestamp": iso(taken.at), "source": taken.sender,
            "sourceArn": f"arn:aws:ses:{REGION}:123456789012:identity/{_bare(taken.sender).partition('@')[2]}",
            "sendingAccountId": "123456789012", "messageId": taken.ref, "destination": [taken.address],
            "headersTruncated": False, "headers": [{"name": k, "value": v} for k, v in headers.items()],
            "commonHeaders": {
                "from": [taken.sender], "to": [taken.address], "messageId": taken.ref, "subject": subject,
            },
            "tags": {"ses:configuration-set": [configuration]} | {name: [value] for name, value in tags.items()},
        },
        name: document,
    }  # fmt: skip


INSIGHTS = {"Subscription": "SUBSCRIPTION", "DeliveryDelay": "DELIVERY_DELAY"}


def _insight(at: float, step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {"Timestamp": at, "Type": INSIGHTS.get(step.event, step.event.upper())}
    if step.event == "Bounce":
        told["Details"] = {"Bounce": {
            "BounceType": step.facts["bounceType"].upper(), "BounceSubType": step.facts["bounceSubType"],
            "DiagnosticCode": step.facts["diagnosticCode"],
        }}  # fmt: skip
    elif step.event == "Complaint":
        kind = step.facts["complaintFeedbackType"]
        told["Details"] = {"Complaint": {"ComplaintSubType": "", "ComplaintFeedbackType": kind}}
    return told


# -- checks


def _read(mail: _SendEmail) -> tuple[str, str, list[str], Reply | None]:
    """Subject, sender and recipients of the content, and what is wrong with that."""
    content = mail.Content
    if sum(each is not None for each in (content.Simple, content.Raw, content.Template)) != 1:
        return "", "", [], _bad("Exactly one of Simple, Raw and Template is required.")
    sender = mail.FromEmailAddress
    if content.Raw is not None:
        return _read_raw(content.Raw.Data, sender)
    if not sender:
        return "", "", [], _bad("FromEmailAddress is required.")
    simple = content.Simple
    if simple is None:
        return "", sender, [], None
    if simple.Body.Text is None and simple.Body.Html is None:
        return "", sender, [], _bad("The body needs Text or Html.")
    if len(simple.Headers) > MOST_HEADERS or any(
        len(each.Name) > 126 or len(each.Value) > 995 or not each.Value.isascii() for each in simple.Headers
    ):
        return "", sender, [], _bad("At most 15 headers, with names of 126 and ASCII values of 995 characters.")
    return simple.Subject.Data, sender, [], None


def _read_raw(data: str, sender: str) -> tuple[str, str, list[str], Reply | None]:
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return "", "", [], _error(400, "SerializationException", "Raw.Data is no base64.")
    end = raw.find(b"\r\n\r\n", 0, HEAD)
    head = raw[: end if end >= 0 else HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    found = {name.lower(): " ".join(value.decode("utf-8", "replace").split()) for name, value in HEADER.findall(head)}
    said, subject = found.get(b"from", ""), found.get(b"subject", "")
    if not said:
        return "", "", [], _error(400, "MessageRejected", "Missing final '@domain'")  # as the real one says it
    to = [found[name] for name in (b"to", b"cc", b"bcc") if name in found]
    return subject, sender or said, [each.strip() for line in to for each in line.split(",")], None


def _wrong_with(mail: _SendEmail, to: list[str]) -> Reply | None:
    """What is wrong with addresses, tags and configuration set."""
    if not to:
        return _bad("Recipient list is empty.")
    if len(to) > MOST_RECIPIENTS:
        return _bad(f"Recipient count exceeds {MOST_RECIPIENTS}.")
    for address in (*to, *mail.ReplyToAddresses, *([mail.FromEmailAddress] if mail.FromEmailAddress else [])):
        if not ADDRESS.fullmatch(address):
            return _bad(f"Missing final '@domain' or illegal address: {address}")
    if any(_bare(each).startswith("refused") and _bare(each)[7:8] in "@+-0123456789" for each in to):
        return _bad("Local address contains control or whitespace")
    return _wrong_tags(mail.EmailTags) or _wrong_set(mail.ConfigurationSetName)


def _wrong_tags(tags: list[_Tag]) -> Reply | None:
    if len(tags) > MOST_TAGS:
        return _bad(f"At most {MOST_TAGS} tags.")
    for tag in tags:
        if not TAG_NAME.fullmatch(tag.Name) or not TAG_VALUE.fullmatch(tag.Value):
            told = "can only contain ASCII letters, numbers, underscores or dashes (values also . and @)"
            return _bad(f"Invalid message tag {tag.Name}={tag.Value}: it {told}, and at most 256 of them.")
    if len({tag.Name for tag in tags}) != len(tags):
        return _bad("A message tag is named twice.")
    return None


def _wrong_set(name: str) -> Reply | None:
    if name and not CONFIGURATION_SET.fullmatch(name):
        return _bad("Configuration set names have letters, digits, _ and -, at most 64.")
    if name == NO_SUCH_SET:
        return _error(404, "NotFoundException", f"Configuration set <{name}> does not exist.")
    return None


def _decoded(header: str) -> str:
    """*header* without encoded words (RFC 2047)."""
    try:
        return str(make_header(decode_header(header))) if "=?" in header else header
    except (HeaderParseError, LookupError, ValueError):
        return header


def _bare(address: str) -> str:
    """The address without a display name."""
    return address.rpartition("<")[2].rstrip(">").strip() if "<" in address else address


REFUSALS: Mapping[str, Reply] = {
    "throttle": _error(429, "TooManyRequestsException", "Maximum sending rate exceeded."),
    "quota": _error(429, "TooManyRequestsException", "Daily message quota exceeded."),
    "server": _error(500, "InternalServerErrorException", "An internal error occurred."),
    "unavailable": _error(503, "ServiceUnavailable", "The service is not available."),
    "auth": _error(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "suspended": _error(400, "AccountSuspendedException", "Your account's ability to send email has been suspended."),
    "paused": _error(400, "SendingPausedException", "Email sending is paused."),
    "unverified": _error(
        400, "MessageRejected",
        "Email address is not verified. The following identities failed the check in region US-EAST-1: you@example.com",
    ),
    "rejected": _error(400, "MessageRejected", "Email content is not allowed."),
    "invalid": _bad("The request is not valid."),
    "too_large": _error(413, "RequestEntityTooLargeException", "The message is too large."),
}  # fmt: skip
