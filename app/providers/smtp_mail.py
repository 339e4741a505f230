"""Mail that came back (route.smtp, source "mail"): what it tells of the message that we signed its address for.

The letterbox (app/web/letterbox.py) has checked the signature: the query of the record names the message, which verdict
is about it, and whether that is about the address the message went to. Sources: RFC 3464, 5965; docs/bounces.md.
"""

from collections.abc import Sequence
from hashlib import blake2b

from app.bounces.classify import verdicts_of
from app.bounces.letterbox import said_in
from app.bounces.message import Parts, taken_apart
from app.bounces.verdict import Verdict
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import SmtpServer
from app.providers.contract import Unreadable
from app.records import ReceivedReport, Told

# What the report calls it -> its kind, where that is not a failure.
KINDS = {
    "delayed": ReportKind.DEFERRED,
    "delivered": ReportKind.DELIVERED,
    "relayed": ReportKind.ACCEPTED,
    "expanded": ReportKind.ACCEPTED,
}
# reason -> bounce class of reports, where the class of the verdict says less.
CLASSES = {
    "mailboxfull": "mailbox_full", "spamdetected": "content", "virusdetected": "content", "contenterror": "content",
    "mesgtoobig": "content", "notcompliantrfc": "content", "authfailure": "auth", "requireptr": "auth",
    "norelaying": "technical", "securityerror": "technical", "systemerror": "technical", "systemfull": "technical",
    "networkerror": "technical", "failedstarttls": "technical", "syntaxerror": "technical",
    "mailererror": "technical", "rejected": "technical", "suppressed": "block", "undefined": "undetermined",
    "onhold": "undetermined",
}  # fmt: skip
QUIET = frozenset({"auto-reply", "challenge"})  # classes that say nothing of the delivery
UNSUBSCRIBED = "unsubscribed"  # "said" of the query


def events_in(_config: SmtpServer, received: ReceivedReport) -> Sequence[Told | Unreadable]:
    """What *received* tells of its message. Automatic replies and challenges tell nothing."""
    said = said_in(received.query)
    try:
        message = bytes.fromhex(said.get("m", ""))
        attempt, at = int(said.get("a", "0")), int(said.get("i", "0"))
    except ValueError:
        return [Unreadable("the letterbox names no message", received.body)]
    if len(message) != 16:
        return [Unreadable("mail that came back, and nothing in it is signed by us", received.body)]
    event = received.id or blake2b(received.body, digest_size=16).hexdigest()
    if said.get("u") == UNSUBSCRIBED:
        return [Told(message, ReportKind.UNSUBSCRIBED, received.at, event=event, said="unsubscribe mail")]
    parts = taken_apart(received.body)
    verdicts = verdicts_of(parts)
    verdict = verdicts[at] if 0 <= at < len(verdicts) else verdicts[0]
    if verdict.klass in QUIET:
        return []
    if verdict.klass == "unknown" and verdict.reason == "undefined" and not verdict.told:
        return [Unreadable("mail to a bounce address that is no report", received.body)]
    told = _told(verdict, parts, message, said.get("own") == "1")
    told.attempt, told.at, told.event = attempt, received.at, event
    return [told]


def _told(verdict: Verdict, parts: Parts, message: bytes, own: bool) -> Told:
    kind = _kind(verdict)
    klass = CLASSES.get(verdict.reason, "" if kind in KINDS.values() else verdict.klass)
    action: str = verdict.action
    if action == "suppress" and not (own and verdict.certain) and kind is not ReportKind.COMPLAINED:
        # Somebody behind the address cannot be reached: the address itself may do more than forward.
        action, klass = "none", "undetermined"
    return Told(
        message, kind, 0.0, klass=klass, reason=verdict.reason, code=verdict.code, status=verdict.status,
        detail=verdict.diagnostic[:500], action=action, said=verdict.told or parts.header.get("subject")[:100],
    )  # fmt: skip


def _kind(verdict: Verdict) -> ReportKind:
    if verdict.klass == "complaint":
        return ReportKind.COMPLAINED if verdict.action == "suppress" else ReportKind.UNRECOGNISED
    if verdict.told in KINDS:
        return KINDS[verdict.told]
    if verdict.reason == "expired":
        return ReportKind.EXPIRED
    return ReportKind.BLOCKED if verdict.klass == "block" else ReportKind.BOUNCED
