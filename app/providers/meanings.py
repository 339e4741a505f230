"""What the error codes of providers of phones come to: a few words, each for an answer and for a later report.

The tables of the adapters (code -> one of these words) say the rest. Where a provider gives no code that they have, the
HTTP status decides (app/providers/http_answers.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.providers.contract import Answer, Message
from app.providers.http_answers import failure
from app.records import Outcome


@dataclass(frozen=True, slots=True)
class Meaning:
    """*sent*: when it is the answer to a request; *told*: when a report says it later. *action* is for whoever acts."""

    sent: Kind
    told: ReportKind
    klass: str
    action: str


MEANINGS = {
    # the number can never work
    "recipient": Meaning(Kind.REFUSED, ReportKind.BOUNCED, "hard", "suppress"),
    # whose it is has said no
    "opted_out": Meaning(Kind.BLOCKED, ReportKind.BLOCKED, "suppressed", "suppress"),
    # the phone is off, full, busy or out of reach: another time it may work
    "away": Meaning(Kind.DEFERRED, ReportKind.BOUNCED, "soft", "retry"),
    # too much for this one person, or not now: says nothing of the number, and trying again at once makes it worse
    "enough": Meaning(Kind.BLOCKED, ReportKind.BLOCKED, "block", "none"),
    # a carrier or a person blocks it
    "barred": Meaning(Kind.BLOCKED, ReportKind.BLOCKED, "block", "none"),
    # a filter took the text for something else
    "filtered": Meaning(Kind.BLOCKED, ReportKind.BLOCKED, "content", "alert"),
    # the message is not as it must be
    "message": Meaning(Kind.BLOCKED, ReportKind.FAILED, "content", "alert"),
    # our account, credentials, balance or number: no message would go
    "account": Meaning(Kind.UNAVAILABLE, ReportKind.FAILED, "account", "alert"),
    # the account again, but others go: this sender, this country, this kind of number
    "not_here": Meaning(Kind.BLOCKED, ReportKind.BLOCKED, "account", "alert"),
    # too fast
    "throttle": Meaning(Kind.THROTTLED, ReportKind.FAILED, "technical", "slow"),
    # too fast for this one person: tried again later, the others go on
    "pair": Meaning(Kind.DEFERRED, ReportKind.FAILED, "pair", "retry"),
    # the provider has trouble with it, and says that it has not gone
    "trouble": Meaning(Kind.DEFERRED, ReportKind.FAILED, "technical", "retry"),
    # the provider has trouble with everything
    "down": Meaning(Kind.UNAVAILABLE, ReportKind.FAILED, "service", "retry"),
    # it may have gone
    "lost": Meaning(Kind.UNCERTAIN, ReportKind.FAILED, "lost_reply", "none"),
    # nobody says why
    "unclear": Meaning(Kind.BLOCKED, ReportKind.FAILED, "undetermined", "alert"),
    # the time was over
    "expired": Meaning(Kind.DEFERRED, ReportKind.EXPIRED, "soft", "none"),
    # the provider had it already: a repeat within seconds
    "repeat": Meaning(Kind.ACCEPTED, ReportKind.ACCEPTED, "", "none"),
}


def outcomes_of(
    messages: Sequence[Message], meaning: str, at: float, *, code: int = 0, detail: str = "", ref: str = ""
) -> list[Outcome]:
    """The same outcome for each of *messages*.

    A sender that the campaign chose is no fault of the account: the messages of others go on.
    """
    outcomes = list[Outcome]()
    for message in messages:
        means = MEANINGS["not_here" if meaning == "sender" and message.sender else _plain(meaning)]
        outcomes.append(Outcome(means.sent, at, _code(code), means.klass, detail[:500], ref))
    return outcomes


def accepted(messages: Sequence[Message], at: float, ref: str, detail: str = "") -> list[Outcome]:
    """*messages* were taken under *ref*."""
    return [Outcome(Kind.ACCEPTED, at, detail=detail[:500], ref=ref) for _ in messages]


def unread(
    messages: Sequence[Message], answer: Answer, at: float, detail: str, *, own: bool = False
) -> list[Outcome]:  # fmt: skip
    """No known word of the provider is in *answer*: its status decides. Of a good one, that the messages are lost."""
    return [failure(answer, at, detail, own=own)] * len(messages)


def meaning_of(word: str) -> Meaning:
    """The meaning behind a word of a table."""
    return MEANINGS[_plain(word)]


def _plain(word: str) -> str:
    """A sender that does not work is the account's, unless `outcomes_of` knows better."""
    return "account" if word == "sender" else word


def _code(code: int) -> int:
    return code if 0 <= code < 2**31 else 0
