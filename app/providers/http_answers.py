"""HTTP answers that mean the same at every provider: statuses, and how long to wait.

Sources: RFC 9110 (statuses, Retry-After) and the providers' own pages, whose documented errors come first: an adapter
asks here only for what its own tables do not have. An answer of 502 or 504 comes from a gateway, and so may one of 500
that does not look like the provider's own: what stands behind it may have taken the message.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime

from app.delivery.outcomes import Kind
from app.providers.contract import Answer
from app.records import Outcome

MOST_DETAIL = 500
_EPOCH = 1_000_000_000.0  # a reset above this is a time, below it a number of seconds

# status -> (kind, class)
STATUSES: dict[int, tuple[Kind, str]] = {
    401: (Kind.UNAVAILABLE, "account"),
    402: (Kind.UNAVAILABLE, "account"),
    403: (Kind.UNAVAILABLE, "account"),
    404: (Kind.UNAVAILABLE, "account"),  # the address of the API, or what the account is called there
    405: (Kind.UNAVAILABLE, "account"),
    406: (Kind.UNAVAILABLE, "account"),
    408: (Kind.DEFERRED, "soft"),  # the request did not arrive whole
    413: (Kind.BLOCKED, "content"),
    425: (Kind.THROTTLED, ""),
    429: (Kind.THROTTLED, ""),
    502: (Kind.UNCERTAIN, "lost_reply"),
    503: (Kind.UNAVAILABLE, "service"),
    504: (Kind.UNCERTAIN, "lost_reply"),
}


def kind_of(status: int, *, own: bool) -> tuple[Kind, str]:
    """(kind, class) of an answer that is no success. *own*: it is in the provider's own form."""
    known = STATUSES.get(status)
    if known is not None:
        return known
    if status >= 500:
        return (Kind.DEFERRED, "soft") if own else (Kind.UNCERTAIN, "lost_reply")
    if 400 <= status < 500:
        return Kind.BLOCKED, "content"
    if 300 <= status < 400:
        return Kind.UNAVAILABLE, "account"  # no API redirects: the address is wrong
    return Kind.UNCERTAIN, "lost_reply"


def failure(answer: Answer, at: float, detail: str, *, own: bool) -> Outcome:
    """The outcome of an answer that is no success and that no table of its provider has."""
    kind, klass = kind_of(answer.status, own=own)
    return Outcome(kind, at, answer.status, klass, (detail or f"answered {answer.status}")[:MOST_DETAIL])


def wait_asked(answer: Answer, at: float) -> float:
    """Seconds that *answer* asks to wait, 0.0 where it says nothing that can be read. *at*: now, since 1970.

    Retry-After is a number of seconds or a date, X-RateLimit-Reset a time since 1970 or a number of seconds.
    """
    asked = answer.headers.get("retry-after", "").strip() or answer.headers.get("x-ratelimit-reset", "").strip()
    if not asked or len(asked) > 100:
        return 0.0
    if asked.replace(".", "", 1).isdecimal() and asked.isascii():
        number = float(asked)
        return max(0.0, number - at if number > _EPOCH else number)
    return max(0.0, date_in(asked, at) - at)


def date_in(text: str, otherwise: float) -> float:
    """The time of a HTTP date in seconds since 1970, *otherwise* for what is none."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return otherwise
