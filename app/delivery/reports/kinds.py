"""What a provider can report of a message after its attempt, and what a report may change: ranks, as a table.

Providers repeat reports and send them out of order. A report moves a message only to a higher rank; what is of the
same rank or below is a repeat or comes late, and changes nothing. Ranks: RFC 3464 and the providers' event pages.
"""

from enum import StrEnum

from app.delivery.outcomes import Status


class ReportKind(StrEnum):
    """What a report tells."""

    ACCEPTED = "accepted"  # the provider, or the next system, has it
    DEFERRED = "deferred"  # not yet: the provider tries again by itself
    DELIVERED = "delivered"  # the recipient's own system, or the phone, has it
    BOUNCED = "bounced"  # never, for this address
    BLOCKED = "blocked"  # never, for our content, reputation, policy or consent
    FAILED = "failed"  # never, for a reason of the provider or of the account
    EXPIRED = "expired"  # the time in which it was tried is over
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    READ = "read"
    UNSUBSCRIBED = "unsubscribed"  # a wish, no status
    RESUBSCRIBED = "resubscribed"  # a wish, no status
    UNRECOGNISED = "unrecognised"  # a status that this version does not know: kept as it came


# kind -> the status that it means; wishes and what is not recognised mean none
STATUS_TOLD: dict[ReportKind, Status] = {
    ReportKind.ACCEPTED: Status.SENT,
    ReportKind.DEFERRED: Status.DEFERRED,
    ReportKind.DELIVERED: Status.DELIVERED,
    ReportKind.BOUNCED: Status.BOUNCED,
    ReportKind.BLOCKED: Status.BLOCKED,
    ReportKind.FAILED: Status.FAILED,
    ReportKind.EXPIRED: Status.EXPIRED,
    ReportKind.COMPLAINED: Status.COMPLAINED,
    ReportKind.OPENED: Status.OPENED,
    ReportKind.CLICKED: Status.CLICKED,
    ReportKind.READ: Status.READ,
}

RANK: dict[Status, int] = {
    Status.QUEUED: 10,
    Status.UNKNOWN: 15,
    Status.DEFERRED: 20,
    Status.SENT: 30,
    Status.DROPPED: 40,
    Status.BLOCKED: 40,
    Status.FAILED: 40,
    Status.EXPIRED: 40,
    Status.BOUNCED: 40,
    Status.DELIVERED: 50,
    Status.OPENED: 60,
    Status.READ: 60,
    Status.CLICKED: 70,
    Status.COMPLAINED: 80,
}
