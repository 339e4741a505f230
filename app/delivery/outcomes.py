"""What can become of a message: outcomes of one attempt, and the status people see."""

from enum import StrEnum


class Kind(StrEnum):
    """The outcome of one send attempt, as a transport saw it."""

    ACCEPTED = "accepted"  # a relay took it
    DELIVERED = "delivered"  # the recipient's own server took it
    DEFERRED = "deferred"  # not now: 4xx, refused connection; retried
    THROTTLED = "throttled"  # not now, and slower: does not count as an attempt
    REFUSED = "refused"  # never, for this address: a hard bounce
    BLOCKED = "blocked"  # never, for our content, reputation or policy
    UNCERTAIN = "uncertain"  # the answer was lost after the request left
    RETURNED = "returned"  # never begun; keeps its attempt number
    UNAVAILABLE = "unavailable"  # the route took nothing: no connection, no service; says nothing of the message


class Status(StrEnum):
    """The status of a message: the same word in tables, columns, API and pages."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    DEFERRED = "DEFERRED"
    BOUNCED = "BOUNCED"
    BLOCKED = "BLOCKED"
    DROPPED = "DROPPED"
    UNKNOWN = "UNKNOWN"
    # as providers report
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    OPENED = "OPENED"
    READ = "READ"
    CLICKED = "CLICKED"
    COMPLAINED = "COMPLAINED"


class EventKind(StrEnum):
    """What event.recorded tells of a message."""

    QUEUED = "queued"
    DROPPED = "dropped"
    SENT = "sent"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    FAILED = "failed"
    EXPIRED = "expired"
    READ = "read"
    COMPLAINED = "complained"
    RESUBSCRIBED = "resubscribed"
    UNRECOGNISED = "unrecognised"  # a status of a provider that this version does not know


class DropReason(StrEnum):
    """Why a message was never sent."""

    SUPPRESSED = "suppressed"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    POISON = "poison"
    CAPPED = "capped"  # the person has had as many messages as the account allows


STATUS_OF = {
    Kind.ACCEPTED: Status.SENT,
    Kind.DELIVERED: Status.DELIVERED,
    Kind.DEFERRED: Status.DEFERRED,
    Kind.THROTTLED: Status.DEFERRED,
    Kind.UNAVAILABLE: Status.DEFERRED,
    Kind.REFUSED: Status.BOUNCED,
    Kind.BLOCKED: Status.BLOCKED,
    Kind.UNCERTAIN: Status.UNKNOWN,
}

# Names in the counters of a campaign. All are monotone; each message is counted once in FINAL.
LISTED = "listed"  # reached the gate
DROPPED = "dropped"
UNKNOWN = "unknown"  # outcome lost and held; who is sent again, and lost again, counts here again
DECIDED = "unknown.decided"  # of those: nobody will learn, so final
RESOLVED = "unknown.resolved"  # of those: somebody told that it went out; counted in "sent", too
RESENT = "unknown.resent"  # of those: it waits for another try
FINAL = (DROPPED, "sent", "delivered", "bounced", "blocked", DECIDED, "given_up")
REPORTED = "reported"  # "reported.delivered", "reported.bounced" ...: told after the attempt; no part of FINAL
PAIRED = "deferred.pair"  # times that a message waited as its person had one a moment ago; not in "deferred"
PUT_OFF = "deferred.capped"  # times that a frequency cap had a message wait; not in "deferred", which was attempted
