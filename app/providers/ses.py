"""Amazon SES, API v2: the whole message as it is, and what SES tells of it over SNS.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html (requests, errors),
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html (events).
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from app.content.address import AddressError, wire_address
from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Ses
from app.providers import sns
from app.providers.contract import AccountNews, Answer, Hook, Message, Request, Secrets, Sought, Unreadable
from app.providers.echo import sought_in
from app.providers.email_words import ACTIONS, class_of, code_in, excuse_in, status_in
from app.providers.http_answers import MOST_DETAIL, date_in, failure
from app.providers.probes import Probe, refused
from app.providers.reading import an_object, inside, objects, parsed, seconds_in, whole, word, written_time
from app.providers.sigv4 import signed_headers
from app.records import Outcome, ReceivedReport, Told

_ODD_IN_TAG = re.compile(r"[^A-Za-z0-9_-]")
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SKEW = re.compile(r"signature (expired|not yet current)|skew", re.IGNORECASE)
_ENCODE = msgspec.json.Encoder().encode
MOST_RECIPIENTS = 100  # of one event; our messages have one

# error -> (kind, class); of an error that is not here its status decides
ERRORS: dict[str, tuple[Kind, str]] = {
    "TooManyRequestsException": (Kind.THROTTLED, ""),
    "ThrottlingException": (Kind.THROTTLED, ""),
    "Throttling": (Kind.THROTTLED, ""),
    "RequestLimitExceeded": (Kind.THROTTLED, ""),
    "LimitExceededException": (Kind.THROTTLED, ""),
    "MessageRejected": (Kind.BLOCKED, "content"),
    "BadRequestException": (Kind.BLOCKED, "content"),
    "NotFoundException": (Kind.UNAVAILABLE, "account"),  # the configuration set: no message of the route would go
    "MailFromDomainNotVerifiedException": (Kind.UNAVAILABLE, "account"),
    "AccountSuspendedException": (Kind.UNAVAILABLE, "account"),
    "SendingPausedException": (Kind.UNAVAILABLE, "account"),
    "SignatureDoesNotMatch": (Kind.UNAVAILABLE, "account"),
    "InvalidSignatureException": (Kind.UNAVAILABLE, "account"),
    "IncompleteSignatureException": (Kind.UNAVAILABLE, "account"),
    "MissingAuthenticationTokenException": (Kind.UNAVAILABLE, "account"),
    "UnrecognizedClientException": (Kind.UNAVAILABLE, "account"),
    "InvalidClientTokenId": (Kind.UNAVAILABLE, "account"),
    "AccessDeniedException": (Kind.UNAVAILABLE, "account"),
    "ExpiredTokenException": (Kind.UNAVAILABLE, "account"),
    "RequestExpired": (Kind.UNAVAILABLE, "account"),
}


# -- the account


def probe_for(config: Ses, secrets: Secrets, at: float) -> Request:
    """The account in the region."""
    return _signed(config, secrets, "GET", "/v2/email/account", {}, b"", at)


def probe_told(config: Ses, answer: Answer) -> Probe:
    """Whether it may send, to whom, and how much."""
    no = refused(answer)
    if no is not None:
        return no
    found = an_object(parsed(answer.body))
    enabled, quota = found.get("SendingEnabled"), an_object(found.get("SendQuota"))
    if not isinstance(enabled, bool):
        return Probe(wrong="this is no account of SES")
    steps = [
        f"{word(quota.get('SentLast24Hours'), 20)} of {word(quota.get('Max24HourSend'), 20)} messages of 24 hours are "
        f"sent, at most {word(quota.get('MaxSendRate'), 20)} a second"
    ]
    if found.get("ProductionAccessEnabled") is False:
        steps.append("the account is in the sandbox: it sends to verified addresses only")
    return Probe(steps, "" if enabled else "sending is disabled for the account")


# -- sending


def form_of(config: Ses) -> str:
    """SES takes the message as SMTP would carry it."""
    return "whole"


def home_of(config: Ses) -> str:
    """Where the API of the region is."""
    domain = "amazonaws.com.cn" if config.region.startswith("cn-") else "amazonaws.com"
    return config.url or f"https://email.{config.region}.{domain}"


def request_for(config: Ses, secrets: Secrets, messages: Sequence[Message], at: float) -> Request:
    """The request that sends one message. In test mode it goes to SES's own mailbox simulator."""
    (message,) = messages
    to = f"success+{message.message_id.hex()}@simulator.amazonses.com" if config.test else _to(message.address)
    tags = {"msg_id": message.message_id.hex(), "attempt": str(message.attempt), "campaign": message.campaign}
    body: dict[str, Any] = {
        "Destination": {"ToAddresses": [to]},
        "Content": {"Raw": {"Data": b64encode(message.content).decode()}},
        "EmailTags": [{"Name": name, "Value": _ODD_IN_TAG.sub("_", tag)[:256]} for name, tag in tags.items() if tag],
    }
    if config.configuration_set:
        body["ConfigurationSetName"] = config.configuration_set
    headers = {"Content-Type": "application/json"}
    return _signed(config, secrets, "POST", "/v2/email/outbound-emails", headers, _ENCODE(body), at)


def _to(address: str) -> str:
    try:
        return wire_address(address)
    except AddressError:
        return address  # SES says what is wrong with it


def _signed(
    config: Ses, secrets: Secrets, method: str, path: str, headers: Mapping[str, str], body: bytes, at: float
) -> Request:
    url = home_of(config) + path
    signed = signed_headers(
        method, url, headers, body, at, access_key=secrets["access_key"], secret_key=secrets["secret_key"],
        session_token=secrets.get("session_token", ""), region=config.region, service="ses",
    )  # fmt: skip
    return Request(method, url, signed, body)


# -- answers


def result_of(messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
    """What became of the message."""
    found = an_object(parsed(answer.body))
    if answer.status == 200:
        return [Outcome(Kind.ACCEPTED, at, 200, "", "", word(found.get("MessageId"), 200))] * len(messages)
    error = _error_of(answer, found)
    words = word(found.get("message")) or word(found.get("Message"))
    detail = f"{error}: {words}" if error else words
    kind, klass = ERRORS.get(error, (None, ""))
    if error == "MessageRejected" and "not verified" in words.lower():
        kind, klass = Kind.UNAVAILABLE, "account"
    if kind is None or answer.status >= 500:
        return [failure(answer, at, detail, own=bool(error))] * len(messages)
    return [Outcome(kind, at, answer.status, klass, detail[:MOST_DETAIL])] * len(messages)


def signed_at(answer: Answer, at: float) -> float | None:
    """The time at SES where an answer refuses the request for its time, None else."""
    if answer.status not in (400, 403):
        return None
    found = an_object(parsed(answer.body))
    error, words = _error_of(answer, found), word(found.get("message")) or word(found.get("Message"))
    if error not in ("RequestExpired", "RequestTimeTooSkewed") and not _SKEW.search(words):
        return None
    told = date_in(answer.headers.get("date", ""), 0.0)
    return told or None


def _error_of(answer: Answer, found: Mapping[str, Any]) -> str:
    """The name of the error, without the addresses that may stand around it."""
    named = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
    return named or word(found.get("__type"), 300).rpartition("#")[2].partition(":")[0]


# -- webhooks


def verified(config: Ses, secrets: Secrets, hook: Hook, at: float) -> str:
    """ "" when SNS has signed *hook* for a topic of the route, else why it is not believed."""
    return sns.doubts(sns.envelope_in(hook.body), config.topics, secrets.get("certificate", ""), at)


def certificate_url(config: Ses, hook: Hook) -> str:
    """Where the certificate of *hook* is."""
    return "" if config.certificate else sns.certificate_url(sns.envelope_in(hook.body), config.topics, config.url)


def confirmation_url(config: Ses, hook: Hook) -> str:
    """What a verified *hook* asks to have visited to subscribe."""
    return sns.confirmation_url(sns.envelope_in(hook.body), config.topics, config.url)


def hook_id(hook: Hook) -> str:
    """The id that SNS gives its message."""
    return sns.message_id(sns.envelope_in(hook.body))


# -- reports

# eventType -> (what it tells, field of its details, field of its recipients there)
EVENTS: dict[str, tuple[ReportKind, str, str]] = {
    "Send": (ReportKind.ACCEPTED, "send", ""),
    "Delivery": (ReportKind.DELIVERED, "delivery", "recipients"),
    "DeliveryDelay": (ReportKind.DEFERRED, "deliveryDelay", "delayedRecipients"),
    "Bounce": (ReportKind.BOUNCED, "bounce", "bouncedRecipients"),
    "Complaint": (ReportKind.COMPLAINED, "complaint", "complainedRecipients"),
    "Reject": (ReportKind.BLOCKED, "reject", ""),
    "Rendering Failure": (ReportKind.FAILED, "failure", ""),
    "Open": (ReportKind.OPENED, "open", ""),
    "Click": (ReportKind.CLICKED, "click", ""),
    "Subscription": (ReportKind.UNSUBSCRIBED, "subscription", ""),
}

# (bounceType, bounceSubType) -> (what it tells, class); "" is any other sub-type. The words of a server come in where
# the class may be another: see _bounce.
BOUNCES: dict[tuple[str, str], tuple[ReportKind, str]] = {
    ("Permanent", ""): (ReportKind.BOUNCED, "hard"),
    ("Permanent", "Suppressed"): (ReportKind.BLOCKED, "suppressed"),
    ("Permanent", "OnAccountSuppressionList"): (ReportKind.BLOCKED, "suppressed"),
    ("Permanent", "OnTenantSuppressionList"): (ReportKind.BLOCKED, "suppressed"),
    ("Permanent", "UnsubscribedRecipient"): (ReportKind.BLOCKED, "suppressed"),
    ("Transient", ""): (ReportKind.BOUNCED, "soft"),
    ("Transient", "MailboxFull"): (ReportKind.BOUNCED, "mailbox_full"),
    ("Transient", "MessageTooLarge"): (ReportKind.BLOCKED, "content"),
    ("Transient", "ContentRejected"): (ReportKind.BLOCKED, "content"),
    ("Transient", "AttachmentRejected"): (ReportKind.BLOCKED, "content"),
    ("Undetermined", ""): (ReportKind.BOUNCED, "undetermined"),
}

# delayType -> class
DELAYS = {"MailboxFull": "mailbox_full", "SpamDetected": "block", "IPFailure": "block"}

# complaintFeedbackType that is no complaint -> (class, what follows)
NO_COMPLAINT = {"not-spam": ("", "none"), "auth-failure": ("auth", "alert"), "virus": ("content", "alert")}

Found = Told | AccountNews | Unreadable


def events_in(config: Ses, received: ReceivedReport) -> Sequence[Found]:
    """What a webhook, or the answer to a look-up, tells."""
    if received.source == "lookup":
        return _looked_up(received)
    envelope = sns.envelope_in(received.body)
    topic, at = envelope.get("TopicArn", ""), written_time(envelope.get("Timestamp"), received.at)
    match envelope.get("Type"):
        case sns.NOTIFICATION:
            return _notified(envelope, received)
        case sns.SUBSCRIPTION:
            return [
                AccountNews(f"SNS asked to confirm the subscription of {topic}", at, "info", sns.message_id(envelope))
            ]
        case sns.UNSUBSCRIPTION:
            words = f"SNS ends the subscription of {topic}: reports of SES do not come any more"
            return [AccountNews(words, at, "alert", sns.message_id(envelope))]
    return [Unreadable("no SNS message", received.body)]


def _notified(envelope: Mapping[str, str], received: ReceivedReport) -> Sequence[Found]:
    text = envelope.get("Message", "")
    document = an_object(parsed(text.encode("utf-8", "replace")))
    said = word(document.get("eventType"), 100) or word(document.get("notificationType"), 100)
    if said:
        return _told(document, said, written_time(envelope.get("Timestamp"), received.at))
    if text.startswith("Successfully validated SNS topic"):
        return []
    return [Unreadable("no SES event in the SNS message", received.body)]


def _told(document: Mapping[str, Any], said: str, at: float) -> Sequence[Found]:
    """One report for each recipient."""
    kind, field, recipients = EVENTS.get(said, (ReportKind.UNRECOGNISED, "", ""))
    detail, mail = inside(document, field), inside(document, "mail")
    ref = word(mail.get("messageId"), 200)
    message, attempt = _message_of(mail)
    if not message and not ref:
        return [Unreadable("an event that names no message", _raw(document))]
    at = written_time(detail.get("timestamp"), at)
    name = word(detail.get("feedbackId"), 150) or word(detail.get("timestamp"), 40) or word(mail.get("timestamp"), 40)
    listed = detail.get(recipients)
    found: list[Found] = []
    for number, recipient in enumerate((listed if isinstance(listed, list) else [])[:MOST_RECIPIENTS] or [None]):
        told = Told(message, kind, at, attempt, ref, said=said, event=f"{ref}|{said}|{name}|{number}")
        _judge(told, detail, an_object(recipient))
        found.append(told)
    return found


def _judge(told: Told, detail: Mapping[str, Any], recipient: Mapping[str, Any]) -> None:
    """Fill in what an event says of one recipient."""
    match told.said:
        case "Delivery":
            _words(told, word(detail.get("smtpResponse")))
        case "DeliveryDelay":
            _words(told, word(recipient.get("diagnosticCode")), word(recipient.get("status"), 20))
            told.klass = DELAYS.get(word(detail.get("delayType"), 50), "soft")
        case "Bounce":
            _words(told, word(recipient.get("diagnosticCode")), word(recipient.get("status"), 20))
            _bounce(told, word(detail.get("bounceType"), 50), word(detail.get("bounceSubType"), 50))
        case "Complaint":
            _complaint(told, detail)
        case "Reject":
            told.detail, told.klass, told.action = word(detail.get("reason")), "content", "alert"
        case "Rendering Failure":
            told.detail, told.klass, told.action = word(detail.get("errorMessage")), "content", "alert"
        case "Click":
            told.url = word(detail.get("link"), 2_000)
        case "Subscription":
            _subscription(told, detail)


def _words(told: Told, words: str, status: str = "") -> None:
    told.detail, told.status, told.code = words, status_in(status, words), code_in(words)


def _bounce(told: Told, kind: str, sub: str) -> None:
    """SES calls permanent what a server has refused for good, also where it was the message that it refused."""
    told.said = f"Bounce/{kind}/{sub}"
    told.kind, told.klass = BOUNCES.get((kind, sub)) or BOUNCES.get((kind, "")) or BOUNCES["Undetermined", ""]
    if told.klass == "hard":
        told.klass = excuse_in(told.code, told.status, told.detail) or "hard"
        told.kind = ReportKind.BOUNCED if told.klass in ("hard", "mailbox_full", "soft") else ReportKind.BLOCKED
    elif told.klass == "undetermined":
        told.klass = class_of(told.code, told.status, told.detail) or "undetermined"
    told.action = ACTIONS.get(told.klass, "none")


def _complaint(told: Told, detail: Mapping[str, Any]) -> None:
    if word(detail.get("complaintSubType"), 50) == "OnAccountSuppressionList":
        told.kind, told.klass, told.action = ReportKind.BLOCKED, "suppressed", "suppress"
        return
    feedback = word(detail.get("complaintFeedbackType"), 50)
    told.reason, told.klass, told.action = feedback, "complaint", "suppress"
    if feedback in NO_COMPLAINT:
        told.kind, told.said = ReportKind.UNRECOGNISED, f"Complaint/{feedback}"
        told.klass, told.action = NO_COMPLAINT[feedback]


def _subscription(told: Told, detail: Mapping[str, Any]) -> None:
    wanted = inside(detail, "newTopicPreferences")
    topics = objects(wanted.get("topicSubscriptionStatus"))
    leaves = wanted.get("unsubscribeAll") is True or any(each.get("subscriptionStatus") == "OptOut" for each in topics)
    told.kind = ReportKind.UNSUBSCRIBED if leaves else ReportKind.RESUBSCRIBED
    told.action = "suppress" if leaves else "none"


def _message_of(mail: Mapping[str, Any]) -> tuple[bytes, int]:
    """(message id, attempt) of our tags; of the header of the message where its event has no tags."""
    tags = inside(mail, "tags")
    name = _first(tags.get("msg_id"))
    if _ID.fullmatch(name):
        return bytes.fromhex(name), whole(_first(tags.get("attempt")))
    headers = {word(each.get("name"), 50).lower(): word(each.get("value"), 50) for each in objects(mail.get("headers"))}
    name = headers.get("x-fanfare-message", "")
    return (bytes.fromhex(name), 0) if _ID.fullmatch(name) else (b"", 0)


def _first(found: object) -> str:
    return word(found[0], 50) if isinstance(found, list) and found else ""


def _raw(document: Mapping[str, Any]) -> bytes:
    return repr(document).encode("utf-8", "replace")[:100_000]


# -- look-ups: message insights

# type of an event there -> eventType
INSIGHTS = {
    "SEND": "Send", "REJECT": "Reject", "BOUNCE": "Bounce", "COMPLAINT": "Complaint", "DELIVERY": "Delivery",
    "OPEN": "Open", "CLICK": "Click", "RENDERING_FAILURE": "Rendering Failure", "DELIVERY_DELAY": "DeliveryDelay",
}  # fmt: skip


def lookup_for(config: Ses, secrets: Secrets, sought: Sought, at: float) -> Request | None:
    """What became of a message, from the message insights (Virtual Deliverability Manager). Its id must be known."""
    if not sought.ref:
        return None
    return _signed(config, secrets, "GET", f"/v2/email/insights/{quote(sought.ref, safe='')}/", {}, b"", at)


def _looked_up(received: ReceivedReport) -> Sequence[Found]:
    found, sought = an_object(parsed(received.body)), sought_in(received.query)
    if not isinstance(found.get("Insights"), list):
        return [Unreadable("no insights", received.body)]
    events = [event for insight in objects(found["Insights"]) for event in objects(insight.get("Events"))]
    return [_insight(event, sought, received.at) for event in events[:MOST_RECIPIENTS]]


def _insight(event: Mapping[str, Any], sought: Sought, at: float) -> Told:
    kind = word(event.get("Type"), 50)
    said = INSIGHTS.get(kind, "")
    at = seconds_in(event.get("Timestamp"), written_time(event.get("Timestamp"), at))
    told = Told(sought.message_id, EVENTS[said][0] if said else ReportKind.UNRECOGNISED, at, sought.attempt, sought.ref)
    told.said, told.event = said or kind or "?", f"{sought.ref}|{kind}|{at:.3f}"
    bounce, complaint = inside(event, "Details", "Bounce"), inside(event, "Details", "Complaint")
    if said == "Bounce":
        _words(told, word(bounce.get("DiagnosticCode")))
        _bounce(told, word(bounce.get("BounceType"), 50).capitalize(), word(bounce.get("BounceSubType"), 50))
    elif said == "Complaint":
        fields = {"complaintSubType": "ComplaintSubType", "complaintFeedbackType": "ComplaintFeedbackType"}
        _complaint(told, {ours: complaint.get(theirs) for ours, theirs in fields.items()})
    elif said in ("Reject", "Rendering Failure"):
        told.klass, told.action = "content", "alert"
    elif said == "DeliveryDelay":
        told.klass = "soft"
    return told
