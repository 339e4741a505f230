"""Named replies by which a mailbox provider asks a sender to slow down, and what each one does.

Sources: the reply texts that Gmail, Outlook, Yahoo and Apple publish on their postmaster pages, and the rules that a
widely used open-source mail server ships with. The first entry that matches a reply decides; an RECIPIENT tells
nothing of the sender, and changes nothing. docs/health.md prints the table.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from app.delivery.mx_groups import OTHER
from app.delivery.smtp_replies import said_once

MINUTE, HOUR = 60.0, 3_600.0
SHARE = 0.01  # of the answers of the last minute that a signal must come to before it does anything

RECIPIENT = "recipient"  # the entries that tell of the recipient: greylisting, a full mailbox, a busy account


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a signal does to a pool towards the MX group that gave it. Times in seconds, rates in messages a second."""

    least: int = 1  # times within an hour before it does anything
    suspend: float = 0.0  # nothing is sent for so long
    rate: float | None = None  # no more than this ...
    rate_for: float = 0.0  # ... for so long
    connections: int | None = None  # no more on the way than this ...
    connections_for: float = 0.0  # ... for so long
    factor: float = 1.0  # of the rate, until it has recovered
    alert: bool = False  # somebody should look

    @property
    def words(self) -> str:
        """What it does, for people."""
        parts = []
        if self.suspend:
            parts.append(f"suspended for {_span(self.suspend)}")
        if self.rate is not None:
            parts.append(f"at most {self.rate * MINUTE:g} a minute for {_span(self.rate_for)}")
        if self.connections is not None:
            parts.append(f"{self.connections} at a time for {_span(self.connections_for)}")
        if self.factor < 1:
            parts.append(f"{'then ' if self.suspend else ''}rate x {self.factor:g}")
        return ", ".join(parts) or "alert"


@dataclass(frozen=True, slots=True)
class Signal:
    """One row of the table. *group* "" fits every MX group, *codes* empty every reply code."""

    name: str
    group: str
    codes: frozenset[int]
    pattern: re.Pattern[str]
    reaction: Reaction


def _span(seconds: float) -> str:
    return f"{seconds / HOUR:g} h" if seconds >= HOUR else f"{seconds / MINUTE:g} min"


def _codes(text: str) -> frozenset[int]:
    return frozenset(int(code) for code in text.split())


_NONE = Reaction()
_HALF = 0.5
_ALERT = Reaction(least=5, alert=True)
_STOP = Reaction(least=3, suspend=2 * HOUR, factor=_HALF, alert=True)  # a listing: it takes somebody to lift it
_SOFT = "421 450 451 452"

# (name, MX group, codes, words of the reply, reaction)
_ROWS: tuple[tuple[str, str, str, str, Reaction], ...] = (
    # Of the recipient, whoever says it
    (RECIPIENT, "", "", r"receiving mail (too quickly|at a rate)|message receive limit|gr[ae]y.?list", _NONE),
    (
        RECIPIENT, "", "",
        r"over ?quota|mailbox (is )?full|out of storage|inbox is full|insufficient (system )?storage", _NONE,
    ),
    # Gmail, Google Workspace
    (
        "gmail unusual rate", "gmail", "421 450 550", r"unusual rate",
        Reaction(least=2, rate=10 / MINUTE, rate_for=30 * MINUTE, factor=_HALF, alert=True),
    ),
    ("gmail authentication", "gmail", "", r"unauthenticated|\bSPF\b|\bDKIM\b|\bDMARC\b|alignment", _ALERT),
    ("gmail reverse DNS", "gmail", "", r"\bPTR\b|reverse DNS", _STOP),
    ("gmail TLS", "gmail", "", r"\bTLS\b", _ALERT),
    (
        "gmail low reputation", "gmail", "421 450 451", r"low reputation|suspicious|our system has detected",
        Reaction(least=5, suspend=HOUR, factor=_HALF, alert=True),
    ),
    (
        "gmail unsolicited", "gmail", "550", r"likely unsolicited|low reputation|suspicious",
        Reaction(least=5, factor=_HALF, alert=True),
    ),
    ("gmail daily limit", "gmail", "", r"daily .*(quota|limit)", Reaction(least=2, suspend=HOUR, alert=True)),
    (
        "gmail try again later", "gmail", "421 450 451",
        r"try again later|temporary system problem|server busy|resources temporarily",
        Reaction(least=6, suspend=HOUR),
    ),
    # Outlook.com, Exchange Online
    (RECIPIENT, "outlook", "", r"recipient has blocked|blocked by the recipient|customer .*block|RESOLVER\.", _NONE),
    (RECIPIENT, "outlook", "", r"Recipient address rejected|service not active|connection (refused|timed)", _NONE),
    (
        "outlook block list", "outlook", "421 550 554", r"block ?list|\(A?S31\d\d\)|\b(SC|OU|DY|RP)-00\d",
        Reaction(least=5, suspend=2 * HOUR, factor=_HALF, alert=True),
    ),
    (
        "outlook temporarily rate limited", "outlook", "421 451", r"temporarily rate limited|\b4\.7\.65[0-2]\b",
        Reaction(least=3, suspend=30 * MINUTE, factor=_HALF),
    ),
    (
        "outlook too many connections", "outlook", _SOFT,
        r"max(imum)? (number of )?(concurrent )?connections|too many connections",
        Reaction(least=2, connections=1, connections_for=HOUR),
    ),
    ("outlook server busy", "outlook", "421 451", r"server busy", Reaction(least=5, factor=_HALF)),
    ("outlook access denied", "outlook", "421 451", r"access denied", Reaction(least=5, factor=_HALF, alert=True)),
    ("outlook authentication", "outlook", "550", r"authentication level|\bDMARC\b|\bSPF\b|reverse DNS", _ALERT),
    ("outlook banned", "outlook", "550", r"banned send|spam abuse", _STOP),
    (
        "outlook threshold", "outlook", "451 550", r"exceeded|threshold|tenant",
        Reaction(least=5, factor=_HALF, alert=True),
    ),
    # Yahoo, AOL and what they host
    (
        "yahoo TSS05", "yahoo", "", r"\[(IP)?TSS?05\]",
        Reaction(least=1, suspend=4 * HOUR, factor=_HALF, alert=True),
    ),
    (
        "yahoo listed", "yahoo", "553 554", r"\[(TSS09|TSS11|TSS07|BL2[13])\]",
        Reaction(least=2, suspend=4 * HOUR, factor=_HALF, alert=True),
    ),
    (
        "yahoo permanently deferred", "yahoo", "", r"\[TS03\]|permanently deferred",
        Reaction(least=2, suspend=4 * HOUR, factor=_HALF, alert=True),
    ),
    (
        "yahoo TS01", "yahoo", "", r"\[(IP)?TSS?0[12]\]",
        Reaction(least=1, rate=1 / MINUTE, rate_for=30 * MINUTE, factor=_HALF),
    ),
    (
        "yahoo TSS03", "yahoo", "", r"\[(IP)?TSS03\]",
        Reaction(least=1, rate=10 / MINUTE, rate_for=30 * MINUTE, factor=_HALF),
    ),
    (
        "yahoo TSS04", "yahoo", "", r"\[(IP)?TSS?04\]|unexpected volume or user complaints",
        Reaction(least=2, suspend=2 * HOUR, factor=_HALF, alert=True),
    ),
    (
        "yahoo unknown recipients", "yahoo", "", r"VS1-(IP|MF)|excessive unknown recipients",
        Reaction(least=5, factor=_HALF, alert=True),
    ),
    (RECIPIENT, "yahoo", _SOFT, r"\[#4\.16\.1\]|resources temporarily unavailable|max message per connection", _NONE),
    ("yahoo sender domain", "yahoo", "", r"unresolvable RFC.?5321|from domain", _ALERT),
    ("yahoo authentication", "yahoo", "550 554", r"unauthenticated|\bAU01\b|\bDKIM\b|\bDMARC\b|authentication", _ALERT),
    # Apple
    (
        "apple HCM1", "apple", "421", r"\[HCM1\]|excessive volume",
        Reaction(least=1, suspend=15 * MINUTE, factor=_HALF),
    ),
    (
        "apple BS02", "apple", "421 450 451", r"\[BS02\]|temporary server error|service unavailable",
        Reaction(least=2, suspend=15 * MINUTE),
    ),
    ("apple sender domain", "apple", "450", r"domain not found", _ALERT),
    (
        "apple DBL", "apple", "550 554", r"spamhaus|\bDBL\b|\bURL is",
        Reaction(least=2, suspend=4 * HOUR, alert=True),
    ),
    ("apple authentication", "apple", "550 554", r"\[HME1\]|\bDMARC\b|\bSPF\b|\bDKIM\b", _ALERT),
    (
        "apple local policy", "apple", "550 554", r"\[CS01\]|local policy",
        Reaction(least=5, factor=_HALF, alert=True),
    ),
    ("apple proofpoint", "apple", "550", r"proofpoint|5\.7\.0\b.*blocked", _STOP),
    # Everybody else, and what the providers have in common
    (
        RECIPIENT, "", "",
        r"(user|recipient|mailbox|address|account)[^.]{0,40}(unknown|not found|does(n.t| not) exist|invalid)"
        r"|no such (user|mailbox|recipient|person)|unknown (user|recipient)", _NONE,
    ),
    (
        "block list", "", "",
        r"spamhaus|spamcop|barracuda|sorbs|uceprotect|\brbl\b|dnsbl|block ?list|blacklist|\b(ip|server)\b.*reputation",
        Reaction(least=5, suspend=2 * HOUR, factor=_HALF, alert=True),
    ),
    ("authentication", "", "", r"\b(spf|dkim|dmarc)\b|unauthenticated|reverse dns|\bptr\b", _ALERT),
    ("relay denied", "", "", r"relay(ing)? (access )?(denied|not permitted)|not permitted to relay", _ALERT),
    (
        "too many", "", _SOFT, r"too many|rate.?limit|throttl|connection limit|try (again )?later|server busy",
        Reaction(least=20, factor=_HALF),
    ),
)  # fmt: skip

SIGNALS = tuple(
    Signal(name, group, _codes(codes), re.compile(pattern, re.IGNORECASE), reaction)
    for name, group, codes, pattern, reaction in _ROWS
)
_BY_NAME = {each.name: each for each in SIGNALS if each.name != RECIPIENT}


def reaction_to(name: str, group: str) -> Reaction | None:
    """What the signal *name* does to a pool towards *group*; None for a name of another version."""
    found = _BY_NAME.get(name)
    if found is None:
        return None
    if group == OTHER and found.reaction.suspend:
        # Many servers that have nothing to do with each other: one of them does not silence all.
        return Reaction(least=found.reaction.least, factor=_HALF, alert=found.reaction.alert)
    return found.reaction


# What differs from message to message in a reply, and no entry looks at: addresses, and ids of eight signs or more.
_ITS_OWN = re.compile(r"\S*@\S*|\b\w*\d\w{6,}\b|\d{5,}", re.ASCII)


def signal_in(code: int, text: str, group: str) -> str:
    """The name of the signal in a refusing reply of a server of *group*, RECIPIENT, or "" when it is neither.

    A provider that pushes back says the same thing thousands of times: what was said is looked up once.
    """
    return _signal_in(code, _ITS_OWN.sub("", text), group)


@lru_cache(maxsize=4_096)
def _signal_in(code: int, text: str, group: str) -> str:
    words = said_once(text)
    for each in SIGNALS:
        fits = each.group in ("", group) and (not each.codes or code in each.codes)
        if fits and each.pattern.search(words):
            return each.name
    return ""
