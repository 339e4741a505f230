"""What can be said of one recipient: classes, reasons and actions, as one table that docs/bounces.md prints.

Reasons are the terms that are usual among tools that read bounces. The class says whose trouble it is, the action
what a sender does about it.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Class = Literal["hard", "soft", "block", "complaint", "auto-reply", "challenge", "unknown"]
Action = Literal["suppress", "retry", "slow", "alert", "none"]


class Rule(NamedTuple):
    """What a reason means when nothing more is known."""

    klass: Class
    action: Action
    says: str


# Hard reasons suppress only when they are certain: app/bounces/decide.py.
REASONS: dict[str, Rule] = {
    "userunknown": Rule("hard", "suppress", "nobody has this address"),
    "hostunknown": Rule("hard", "suppress", "the domain does not exist, or has no mail server"),
    "notaccept": Rule("hard", "suppress", "the domain says that it takes no mail (null MX, RFC 7505)"),
    "suspend": Rule("hard", "suppress", "the mailbox is disabled, inactive or closed"),
    "hasmoved": Rule("hard", "suppress", "the person has another address now"),
    "mailboxfull": Rule("soft", "retry", "the mailbox is over its quota"),
    "expired": Rule("soft", "retry", "tried until the time was over"),
    "networkerror": Rule("soft", "retry", "no connection, no route, a loop, or DNS did not answer"),
    "systemerror": Rule("soft", "retry", "the mail system has an error or is wrongly configured"),
    "systemfull": Rule("soft", "retry", "the mail system has no room left"),
    "mailererror": Rule("soft", "retry", "the program that delivers failed"),
    "greylisted": Rule("soft", "retry", "asked to come again in some minutes"),
    "onhold": Rule("soft", "none", "not delivered, for a reason that is not told"),
    "toomanyconn": Rule("soft", "slow", "too many connections at once"),
    "ratelimited": Rule("soft", "slow", "too many messages in a time"),
    "mesgtoobig": Rule("soft", "alert", "the message is too big"),
    "contenterror": Rule("soft", "alert", "the message is malformed, or cannot be converted"),
    "syntaxerror": Rule("soft", "alert", "the mail systems did not understand each other"),
    "norelaying": Rule("block", "alert", "a server that does not take mail for this domain was asked to"),
    "blocked": Rule("block", "alert", "our server or network is on a list or not let in"),
    "badreputation": Rule("block", "alert", "our server or domain has a bad name"),
    "requireptr": Rule("block", "alert", "our server has no (fitting) name in DNS"),
    "authfailure": Rule("block", "alert", "SPF, DKIM or DMARC failed"),
    "spamdetected": Rule("block", "alert", "the content was taken for spam"),
    "virusdetected": Rule("block", "alert", "a virus was seen in it"),
    "policyviolation": Rule("block", "alert", "against a rule of the recipient's mail system"),
    "securityerror": Rule("block", "alert", "a login was asked for, or access was denied"),
    "failedstarttls": Rule("block", "alert", "encryption failed or was required"),
    "rejected": Rule("block", "alert", "our sender address was refused"),
    "notcompliantrfc": Rule("block", "alert", "the message breaks a standard"),
    "filtered": Rule("block", "none", "the recipient, or a rule for the recipient, does not want it"),
    "suppressed": Rule("block", "none", "a system on the way does not send to this address"),
    "feedback": Rule("complaint", "suppress", "reported as spam, or unwanted"),
    "vacation": Rule("auto-reply", "none", "an answer by a program: absent, received, a ticket"),
    "receipt": Rule("auto-reply", "none", "a receipt (RFC 8098): read, or deleted"),
    "confirmation": Rule("challenge", "none", "the recipient's system asks for a proof that a person writes"),
    "delivered": Rule("unknown", "none", "no failure: delivered, relayed or expanded"),
    "undefined": Rule("unknown", "none", "nothing that is known"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message tells of one recipient. Texts are bounded; empty where it does not say."""

    recipient: str = ""
    klass: Class = "unknown"
    reason: str = "undefined"
    status: str = ""  # enhanced code, RFC 3463
    code: int = 0  # SMTP reply code
    action: Action = "none"
    told: str = ""  # by the report: failed, delayed, delivered, relayed, expanded; of complaints their type
    mta: str = ""  # that refused, or that reports
    diagnostic: str = ""
    original_recipient: str = ""  # where it differs: what was written to, before somebody forwarded it
    certain: bool = False  # nothing but the recipient's own system can have said this


def plain(reason: str, **fields: object) -> Verdict:
    """A verdict as REASONS has it."""
    rule = REASONS[reason]
    return Verdict(klass=rule.klass, reason=reason, action=rule.action, **fields)  # type: ignore[arg-type]
