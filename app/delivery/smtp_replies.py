"""SMTP replies as outcomes: what a code, an enhanced code and a text mean for a message.

Sources: RFC 5321 (codes), RFC 3463 and its registry (enhanced codes), RFC 6647 (greylisting), and the
reply texts that the large mailbox providers publish on their postmaster pages. Text decides before
the enhanced code, that before the bare code.
"""

import re
from dataclasses import dataclass
from typing import Literal

from app.delivery.outcomes import Kind

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")

# MX group -> what only its provider means by these words. These come before TEXTS.
PROVIDERS: dict[str, tuple[tuple[re.Pattern[str], str], ...]] = {
    group: tuple((re.compile(pattern, re.IGNORECASE), klass) for pattern, klass in rules)
    for group, rules in {
        "gmail": (
            (r"unusual rate", "throttle"),
            (r"unauthenticated|\bDMARC\b|alignment", "authentication"),  # also what it calls rate limited
            (r"likely unsolicited|suspicious|very low reputation", "reputation"),
            (r"daily .*(quota|limit)|TLS connection|\bhops\b", "technical"),
            (r"\bgcdp\b", "policy"),  # a rule of the recipient's own administrator
            (r"not RFC.?5322|valid Message-ID|duplicate header|illegal attachment|security issue", "content"),
        ),
        "outlook": (
            (r"Recipient address(es)? rejected ?: Access denied|RESOLVER\.ADR\.\w*NotFound", "unknown_user"),
            (r"recipient has blocked|blocked by the recipient|customer .*block|RESOLVER\.RST", "policy"),
            (r"block list \(A?S31\d\d\)|banned send|spam abuse|\b(SC|OU|DY|RP)-00\d", "reputation"),
            (r"STOREDRV", "mailbox_full"),
            (r"mailbox cannot be accessed|account closed", "unknown_user"),
            (r"[45]\.2\.12[12]\b.*limit", "mailbox_busy"),
            (r"required authentication level", "authentication"),
        ),
        "yahoo": (
            (
                r"\[(TSS?09|TSS11|TSS07|TS03|BL2[13])\]|VS1-(IP|MF)|permanently deferred|excessive unknown recipients",
                "reputation",
            ),
            (r"\bAU01\b", "authentication"),
            (r"no longer valid|doesn't have a (yahoo|aol)\S* account", "unknown_user"),
            (r"\[PH01\]|policy reasons|message not accepted|headers? .*not RFC", "content"),
        ),
        "apple": (
            (r"\[HCM1\]", "throttle"),
            (r"\[HME1\]", "authentication"),
            (r"inactive email address|unknown or illegal alias|no longer on server", "unknown_user"),
            (r"spamhaus|\bDBL\b|\bURL is", "content"),  # a link in the message, not our servers
            (r"proofpoint|local policy|5\.7\.0\b.*blocked", "reputation"),
        ),
    }.items()
}

# The words of a reply -> its class; the first that matches wins.
TEXTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), klass)
    for pattern, klass in (
        (r"gr[ae]y.?list", "greylisted"),
        (r"receiving mail (too quickly|at a rate)", "mailbox_busy"),  # one person's mail, whoever sends it
        (r"sender (address|domain)|from domain|RFC.?5321.?from", "sender"),
        (r"unusual rate|rate limited|too many (connections|messages)|connection limit|excessive volume", "throttle"),
        (r"TSS?0[1-5]|max(imum)? (concurrent |number of )?connections", "throttle"),
        (
            r"over ?quota|mailbox (is )?full|out of storage|inbox is full|quota exceeded|insufficient .*storage",
            "mailbox_full",
        ),
        (
            r"(user|recipient|mailbox|address|account)[^.]{0,40}(unknown|not found|does(n.t| not) exist|invalid)"
            r"|no such (user|mailbox|recipient|person)|unknown (user|recipient)|(is|mailbox) (disabled|inactive)"
            r"|account that you tried to reach|mailbox unavailable",
            "unknown_user",
        ),
        (r"could not find the recipient domain|null MX|domain .*not (found|exist)", "bad_domain"),
        (r"\b(spf|dkim|dmarc)\b|unauthenticated|reverse dns|\bptr\b", "authentication"),
        (
            r"spamhaus|spamcop|barracuda|sorbs|uceprotect|block ?list|blacklist|dnsbl|\brbl\b|S3140"
            r"|reputation|\[CS01\]",
            "reputation",
        ),
        (r"spam|unsolicited|content rejected|virus|malicious|\burl\b|policy that prohibited|policy reasons", "content"),
        (r"relay(ing)? (access )?(denied|not permitted)|not permitted to relay", "relay_denied"),
        (r"too many|throttl|rate limit|try (again )?later|server busy", "throttle"),
    )
)

# (subject, detail) of the enhanced code -> class.
ENHANCED = {
    (1, 7): "sender", (1, 8): "sender", (7, 27): "sender",
    (1, 1): "unknown_user", (1, 2): "bad_domain", (1, 3): "bad_syntax", (1, 6): "unknown_user", (1, 10): "bad_domain",
    (2, 1): "unknown_user", (2, 2): "mailbox_full", (2, 3): "too_large", (3, 4): "too_large", (4, 7): "expired",
    (4, 5): "technical", (4, 6): "technical", (7, 29): "technical",
    (7, 0): "policy", (7, 1): "policy", (7, 8): "credentials", (7, 9): "authentication", (7, 23): "authentication",
    (7, 25): "authentication", (7, 26): "authentication", (7, 28): "throttle",
}  # fmt: skip

# Classes that tell something about the address; every other permanent refusal is about us or the message.
HARD = frozenset({"unknown_user", "bad_domain", "bad_syntax", "mailbox_full"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a refusing reply means."""

    kind: Kind
    klass: str


def enhanced_code(text: str) -> tuple[int, int, int] | None:
    """The enhanced status code (RFC 3463) in *text*."""
    found = _ENHANCED.search(text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def classify(code: int, text: str, group: str = "other") -> Meaning:
    """The meaning of a 4xx or 5xx reply, to a recipient in MX *group*, to RCPT TO or to the message itself."""
    klass = _class_of(code, text, group)
    if code < 500:
        throttled = klass == "throttle" or code == 421
        return Meaning(Kind.THROTTLED if throttled else Kind.DEFERRED, klass)
    if klass in HARD:
        return Meaning(Kind.REFUSED, klass)
    return Meaning(Kind.BLOCKED, klass)


# What a relay says when the trouble is its own, and nobody's mail would be taken.
_SERVICE = re.compile(
    r"service (is )?(temporarily |currently )?(not |un)available|(system|insufficient|out of) .*(storage|resources)"
    r"|shutting down|maintenance|not accepting (mail|messages|connections)|system not accepting|no smtp service"
    r"|temporary (server|system) (error|problem|fail)|local error|internal (server )?error",
    re.IGNORECASE,
)
_NO_LOGIN = (530, 534, 535, 538)  # RFC 4954


def fault_of(code: int, text: str) -> Literal["login", "service", ""]:
    """What a refusal of MAIL FROM, before a word on any recipient, tells of the relay itself. "": it means the message.

    What asks to slow down does not: that is heeded for its sender and mailbox provider.
    """
    if code in _NO_LOGIN:
        return "login"
    enhanced = enhanced_code(text)
    if _SERVICE.search(text) or (enhanced is not None and enhanced[1] == 3 and enhanced[2] not in (3, 4)):
        return "service" if code < 500 or _SERVICE.search(text) else ""
    return "service" if code == 421 and _class_of(code, text, "other") in ("temporary", "technical") else ""


def _class_of(code: int, text: str, group: str) -> str:
    enhanced = enhanced_code(text)
    text = said_once(text)
    for pattern, klass in (*PROVIDERS.get(group, ()), *TEXTS):
        if pattern.search(text):
            return klass
    if enhanced is not None and enhanced[1:] in ENHANCED:
        return ENHANCED[enhanced[1:]]
    # A bare 550 is no proof against the address: only words or an enhanced code suppress it.
    return "temporary" if code < 500 else "policy"


def said_once(text: str) -> str:
    """*text* with its enhanced code once: every line of a reply repeats it, in the middle of a sentence."""
    enhanced = enhanced_code(text)
    if enhanced is None:
        return text
    code = "{}.{}.{}".format(*enhanced)
    first, found, rest = text.partition(code)
    return first + found + rest.replace(f" {code} ", " ")
