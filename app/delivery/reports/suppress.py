"""Whom reports keep us from writing to: hard bounces and complaints at once, soft bounces once they are many.

| what is told | who is suppressed |
|---|---|
| a bounce of class hard | at once, for good |
| a complaint | at once, for good |
| class suppressed: the provider does not write to them | the same here, for good |
| left by a link or list of the provider | at once, as unsubscribed |
| a bounce of class soft, mailbox_full, undetermined | after 5 on 5 days in 30, no delivery between: for 30 days |
| WhatsApp 131026: undeliverable, for one of many reasons | after 2 on 2 days in 7, no delivery between: for good |
| a marketing message that WhatsApp holds back (131049, 130472) | on WhatsApp, for a day |
| an answer that refuses for good | as if it were reported: app/bounces/refusals.py |
| any other | nobody: it is about us, not about them |
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b

from app.delivery.gate import HELD_BACK, MIRRORED, UNSUBSCRIBED
from app.delivery.partition_records import MessageState
from app.delivery.reports.brake import REST
from app.delivery.reports.kinds import ReportKind
from app.delivery.sweep import Horizon
from app.records import Told
from app.topics import PHONES

DAY = 86_400.0
SOFT_DAYS, SOFT_WITHIN, SOFT_FOR = 5, 30, 30  # bounces, in days; days of rest
HARD, COMPLAINT, SOFT = "hard_bounce", "complaint", "soft_bounces"  # reasons
DOUBTED = "doubted_bounce"  # of hard bounces that are too many to be true: app/delivery/reports/brake.py
RESTS = frozenset({SOFT, DOUBTED, HELD_BACK})  # reasons that pass


@dataclass(frozen=True, slots=True)
class SoftRule:
    """How many soft bounces are too many. Days; *rest* 0: for good."""

    least: int
    within: int
    rest: int
    reason: str
    name: str = ""  # of what is counted apart from the rest


SOFTLY = SoftRule(SOFT_DAYS, SOFT_WITHIN, SOFT_FOR, SOFT)
# (channel, code) -> what counts apart. Not on WhatsApp, or an old client, or blocked: twice is no accident.
APART = {("whatsapp", 131026): SoftRule(2, 7, 0, HARD, "131026")}
_APART_ON = {channel: [rule for (own, _), rule in APART.items() if own == channel] for channel, _ in APART}

_ENOUGH = frozenset({"frequency", "experiment"})  # why WhatsApp holds a message back
SOFT_CLASSES = frozenset({"soft", "mailbox_full", "undetermined"})
GONE_KINDS = frozenset({ReportKind.BOUNCED, ReportKind.BLOCKED, ReportKind.FAILED, ReportKind.EXPIRED})
SUPPRESSED = 1 << 30  # of MessageState.reported: a bounce of this message has suppressed its recipient


@dataclass(frozen=True, slots=True)
class Suppress:
    """Somebody is not written to any more."""

    recipient: bytes
    account: str
    everywhere: bool  # for all accounts
    channel: str  # "" for whatever reaches this address
    reason: str
    at: float
    until: float = 0.0
    route: str = ""  # of a hard bounce: over which it went


def suppression_of(
    state: MessageState, told: Told, kind: ReportKind, *, first: bool, everywhere: bool
) -> Suppress | None:
    """Who is suppressed at once by *told* of a message in *state*, as it was before. A repeat suppresses nobody again.

    *everywhere*: the account wants it to hold for all accounts.
    """
    reason = _reason(state, told, kind, first)
    if not reason:
        return None
    wide = everywhere and reason in (HARD, COMPLAINT)
    until = told.at + DAY if reason == HELD_BACK else 0.0
    return Suppress(state.recipient, state.account, wide, channel_of(state), reason, told.at, until, state.route)


def _reason(state: MessageState, told: Told, kind: ReportKind, first: bool) -> str:
    if kind is ReportKind.UNSUBSCRIBED:
        return UNSUBSCRIBED if first else ""
    if kind is ReportKind.COMPLAINED:
        return COMPLAINT if first else ""
    if kind not in GONE_KINDS or state.reported & SUPPRESSED:
        return ""
    if told.klass == "suppressed":
        return MIRRORED
    if state.channel == "whatsapp" and kind is ReportKind.BLOCKED and told.reason in _ENOUGH:
        return HELD_BACK
    hard = told.klass == "hard" and told.action in ("none", "suppress")
    return HARD if hard or told.action == "suppress" else ""


def is_bounce(suppress: Suppress) -> bool:
    """Whether a provider says that there is nobody, which it may say of everybody when it is in trouble."""
    return suppress.reason in (HARD, MIRRORED, DOUBTED)


def rested(suppress: Suppress, doubted: Collection[str]) -> Suppress:
    """*suppress* as it is while hard bounces of the routes *doubted* are too many to be true."""
    if not is_bounce(suppress) or suppress.route not in doubted:
        return suppress
    return replace(suppress, reason=DOUBTED, until=suppress.at + REST)


def channel_of(state: MessageState) -> str:
    """The channel that a suppression is for: a number has several, an email address is of email alone."""
    return state.channel if state.channel in PHONES else ""


def is_soft(told: Told, kind: ReportKind) -> bool:
    """Whether *told* is a bounce that may be another one tomorrow."""
    return kind in (ReportKind.BOUNCED, ReportKind.EXPIRED) and told.klass in SOFT_CLASSES


def rule_of(state: MessageState, told: Told) -> SoftRule:
    """The rule that counts *told*, a soft bounce."""
    return APART.get((state.channel, told.code), SOFTLY)


def soft_key(state: MessageState, rule: SoftRule = SOFTLY) -> bytes:
    """Whose soft bounces, from which account and on which channel (24 bytes)."""
    return state.recipient + _scope_of(state.account, state.channel, rule.name)


@lru_cache(10_000)
def _scope_of(account: str, channel: str, rule: str) -> bytes:
    scope = f"{account}|{channel}{'|' if rule else ''}{rule}".encode()
    return blake2b(scope, digest_size=8).digest()


def soft_keys(state: MessageState) -> list[bytes]:
    """All keys under which soft bounces of the recipient are counted."""
    return [soft_key(state), *(soft_key(state, rule) for rule in _APART_ON.get(state.channel, ()))]


def with_soft(days: list[int], at: float) -> list[int]:
    """*days* (since 1970) with soft bounces, and that of *at*: those that count, at most SOFT_DAYS."""
    day = int(at // DAY)
    latest = max([day, *days])
    return sorted(each for each in {day, *days} if each > latest - SOFT_WITHIN)[-SOFT_DAYS:]


def is_old_soft(days: list[int], old: Horizon) -> bool:
    """Whether none of *days* counts any more."""
    return max(days, default=0) < old.now / DAY - SOFT_WITHIN - 1


def too_soft(days: list[int], rule: SoftRule = SOFTLY) -> bool:
    """Whether *days* are enough to leave somebody alone."""
    return sum(each > max(days) - rule.within for each in days) >= rule.least


def soft_suppression(state: MessageState, at: float, rule: SoftRule = SOFTLY) -> Suppress:
    """The rest that somebody gets after so many soft bounces."""
    until = at + rule.rest * DAY if rule.rest else 0.0
    return Suppress(state.recipient, state.account, False, channel_of(state), rule.reason, at, until)
