"""What the words of a failure mean: reason, class, action, and whether they are certain enough to suppress by.

Words decide before the enhanced code (RFC 3463), that before the reply code (RFC 5321): gateways fill in codes that
nobody meant. Words that speak of us (sender, servers, content, pace) beat words that speak of the address, so
that a filter that mentions unknown users suppresses nobody. What is left in doubt never suppresses.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from app.bounces import words_address as address
from app.bounces import words_refusal as refusal
from app.bounces import words_system as system
from app.bounces.phrases import Tables, words_of
from app.bounces.sentences import DOUBTED
from app.bounces.verdict import REASONS, Action, Class
from app.bounces.words_sentences import FOR_NOW, SENTENCES
from app.delivery.smtp_replies import PROVIDERS, said_once

MOST_TEXT = 4_000  # characters of a diagnostic that are read

STATUS = re.compile(r"(?<![\d./])([245])\.([0-7])\.(\d{1,3})(?!\.?\d)")
CODE = re.compile(r"(?<![\d.,:/=-])([245][0-5]\d)(?=[ \-#:;,]|$)(?! (?:bytes|kb|mb|messages|recipients|seconds))")
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]{1,200}@[\w.\[\]-]{1,200}")
_URL = re.compile(r"https?://[^\s<>]{1,500}|www\.[^\s<>]{1,300}", re.IGNORECASE)
_HOST = re.compile(
    r"(?<![\w.-])(?:[\w-]{1,63}\.){1,8}(?:[a-z]{2}|com|net|org|edu|gov|mil|int|info|biz|name|pro|mobi|aero|coop|jobs"
    r"|local|localdomain|lan|internal|corp|arpa|test|example|invalid|cloud|app|dev|online|shop|xyz|site|email|mail|agency"
    r"|tech|store|club|top|world|group|company|solutions|services|systems|network|host|hosting|digital|media|asia|bank)"
    r"\.?(?![\w-]|\.\w)(?:\[[\d.:a-f]{2,45}\](?::\d{1,5})?)?"
)
_STAGE = re.compile(
    r"\(in\s{1,9}reply\s{1,9}to\s{1,9}(?:the\s{1,9})?(?:end\s{1,9}of\s{1,9})?([A-Z ]{4,20})\s{1,9}command\)",
    re.IGNORECASE,
)
_LISTS = re.compile(
    r"(?<![\w-])(?:bl|dbl|sbl|xbl|pbl|cbl|rbl|dnsbl|blacklist|blocklist|dul|ubl)[\d-]{0,3}\.|(?<!\w)\w{0,20}rbl\.|ivmsip|ivmuri|wpbl"
    r"|s5h\.net|korea\.services|junkemailfilter|redhawk|dan\.me\.uk|cymru|unsubscore"
    r"|spamhaus|spamcop|barracudacentral|sorbs|uceprotect|dnsbl|\brbl\b|mailspike|invaluement|psbl|surriel|abuseat"
    r"|manitu|spamrats|ipcheck\.proofpoint|554rtrbb|backscatterer|senderscore|cloudmark|trustedsource"
    r"|senderbase|0spam|truncate\.gbudb|nixspam",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:name=|named |\bdomain:? |\bunknown host:? )[<'\"]?([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})"
    r"|(?<![\w.@-])([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})\W{1,3}(?:host|domain)(?: name)? (?:not found|unknown)",
    re.IGNORECASE,
)
_IP = re.compile(r"\b(?:resolve|host|for)\W{1,3}\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_NO_DOMAIN = re.compile(
    r"nonexistentdomain|non-?existent domain|nxdomain|domain (?:name )?(?:does not|doesn.t) exist", re.IGNORECASE
)

_PERSON = re.compile(r" (?:user|mailbox|account|alias|person|recipient unknown|unknown recipient(?! domain)) ")
_ABOUT_US = re.compile(
    r" (?:sender|sending|you|your|ip|spam|virus|rate|limit|exceeded|policy|later|blocked|denied|try) "
)
_FROM_US = re.compile(r" (?:from|you|your|client|ip) ")
# Of our servers, not of the address.
_OUR_SERVER = re.compile(
    r" (?:(?:your|sending|client|source|connecting) ip|ip address|helo|ehlo|your (?:host|server)) "
)
# "<ana@example.com>... unknown mailer error 1": it is the error that nobody knows.
_ODD_ERROR = re.compile(
    r"(?<= addr) unknown(?= (?:(?:mailer|mail|transport|system|network|smtp|protocol|internal|delivery|server|remote"
    r"|local|fatal|permanent|temporary) ){0,3}(?:error|reason|problem|failure|cause|exception|status|code) )"
)
# A time that a program took, what a mail system guesses at or says of itself: no pace of ours, no list, no content.
_NOT_MEANT = re.compile(
    r"(?<= command) time limit exceeded(?= )| they (?:may|might) be blacklisted(?= )| delivery attempts \d{1,4}(?= )"
    r"| to (?:reduce the amount of|(?:best )?protect our users from) spam(?= )| response was not rfc conformant(?= )"
    r"|(?<! domain) (?:may|might) (?:not exist|no longer exist|not be found)(?= )"
    r"|(?<= if the) (?:user|address|mailbox|account|recipient) (?:does not|doesnt) exist(?= )"
    r"|(?<= delivery) temporarily suspended(?= )| with message(?= content conversion )"
    r"|(?<= mail exchanger) or ip address(?= )| unknown user agent(?= )"
)
# The address of a server beside what became of it.
_SERVER_REFUSED = re.compile(
    r" \d{1,3} \d{1,3} \d{1,3} \d{1,3} (?:(?:is|are|was|has been|currently) ){0,2}(?:blocked|refused|rejected|denied) "
    r"| (?:blocked|refused|denied)(?: from)? \d{1,3} \d{1,3} \d{1,3} \d{1,3} "
)
_PACE = re.compile(r" (?:send|sending|relay|submission) (?:limit|quota)s? | (?:mail|message|sending) rate exceeded ")
_NOT_YET = re.compile(
    r" (?:verif(?:y|ied)|verification) .{0,80}(?: at this time | timed out | timeout | connection | connect to )"
    r"| moved .{0,60} (?:retry|try again) "
)
_POLICY = re.compile(r" (?:polic(?:y|ies)|restrictions?) ")
# A list or a filter that somebody keeps for the own mailbox.
_OWN_FILTER = re.compile(
    r" (?:recipient|user)s?(?: s)? (?:personal |own |private )?(?:block ?list|black ?list|filter|preferences)s? "
    r"| (?:block ?list|black ?list|filter)s? of the (?:recipient|user) "
)
# A list on which our server stands, against a mere "blocked by" that may mean the message.
_ON_A_LIST = re.compile(r" (?:dnsblname|\w*listed|\w*lists?|rbls?|dnsbls?|blocked using) ")
_NAMES_A_LIST = re.compile(r" dnsblname | your ip ")
_BANNED_PART = re.compile(r" banned (?:name|contents?|files?|attachments?) | (?:bounce|reject) id [\w ]{1,40} banned ")
_LINKS = re.compile(
    r" (?:urls?|uris?|links?) (?:in|found|contained|within) | message body | body contains "
    r"| contains an? (?:url|uri|link) "
)
_BAD_NAME = re.compile(r" (?:poor|bad|low|negative) (?:\w+ )?reputation ")
_SERVERS = re.compile(
    r" (?:\d{1,3} \d{1,3} \d{1,3} \d{1,3}|ip|ips|host|client|server|address|addresses|network|connection|connections) "
)
# What was asked when the answer came: before RCPT TO nobody has heard of the recipient.
_EARLY = re.compile(
    r"but (?:sender was rejected|greeting failed|my name was rejected)|before (?:the )?greeting"
    r"|in reply to (?:the )?(?:MAIL FROM|HELO|EHLO|LHLO|AUTH|STARTTLS|XCLIENT|initial)"
    r"|>>> ?(?:MAIL|EHLO|HELO|AUTH|STARTTLS)[^\n]{0,400}\n[^\n]{0,80}<<< ?[45]\d\d"
    r"|(?:after|for|to) (?:pipelined )?(?:MAIL FROM|HELO|EHLO|AUTH|initial connection|STARTTLS)\b(?!.{0,400}RCPT TO)",
    re.IGNORECASE,
)

# Who answers, by what an answer or the name of its host holds.
_GROUPS = (
    ("gmail", re.compile(r"\bgsmtp\b|\bgcdp\b|google(?:mail)?\.com", re.IGNORECASE)),
    ("outlook", re.compile(r"protection\.outlook\.com|\.hotmail\.com|\.outlook\.com|mx\.microsoft", re.IGNORECASE)),
    ("yahoo", re.compile(r"yahoodns\.net|\.mail\.\w{0,8}\.?yahoo\.com|mx\.aol\.com", re.IGNORECASE)),
    ("apple", re.compile(r"mail\.icloud\.com|mac\.com|\.apple\.com", re.IGNORECASE)),
)
_PROVIDER_REASONS = {
    "unknown_user": "userunknown", "throttle": "ratelimited", "mailbox_busy": "ratelimited",
    "authentication": "authfailure", "reputation": "badreputation", "mailbox_full": "mailboxfull",
    "policy": "filtered",
}  # fmt: skip

# (table, reason), the first that is found names the reason. OURS are about us: none of them lets anything suppress.
_TABLES = Tables({
    "lets_in": refusal.LETS_IN, "suppressed": refusal.SUPPRESSED, "refused": refusal.RECIPIENT_REJECTED,
    "count": refusal.UNKNOWN_RECIPIENT_COUNT, "greylisted": refusal.GREYLISTED, "authfailure": refusal.AUTH_FAILURE,
    "requireptr": refusal.REQUIRE_PTR, "rejected": refusal.SENDER, "norelaying": refusal.NO_RELAYING,
    "virusdetected": refusal.VIRUS, "toomanyconn": refusal.TOO_MANY_CONNECTIONS, "blocked": refusal.BLOCK_LIST,
    "badreputation": refusal.REPUTATION, "ratelimited": refusal.RATE_LIMITED, "spamdetected": refusal.SPAM,
    "mailboxfull": address.MAILBOX_FULL, "suspended": address.SUSPENDED_FOR_NOW, "userunknown": address.USER_UNKNOWN,
    "suspend": address.SUSPENDED, "disused": address.DISUSED, "hasmoved": address.HAS_MOVED,
    "notaccept": address.NULL_MX, "dns": address.DNS_TROUBLE, "hostunknown": address.HOST_UNKNOWN,
    "address": system.ADDRESS_SYNTAX,
    "mesgtoobig": system.TOO_BIG, "notcompliantrfc": refusal.NOT_COMPLIANT, "filtered": refusal.FILTERED,
    "denied": refusal.ACCESS_DENIED, "securityerror": refusal.SECURITY, "failedstarttls": refusal.STARTTLS,
    "systemfull": system.SYSTEM_FULL, "expired": system.EXPIRED, "networkerror": system.NETWORK,
    "unavailable": address.MAILBOX_UNAVAILABLE, "mailererror": system.MAILER, "policyviolation": refusal.POLICY,
    "systemerror": system.SYSTEM, "contenterror": system.CONTENT, "syntaxerror": system.SYNTAX,
    "no_reason": refusal.NO_REASON, "for_now": FOR_NOW,
})  # fmt: skip
OURS = (
    "suppressed", "count", "greylisted", "authfailure", "requireptr", "rejected", "norelaying", "virusdetected",
    "toomanyconn", "blocked", "badreputation", "ratelimited", "securityerror", "spamdetected", "lets_in",
)  # fmt: skip
THEIRS = (
    "mailboxfull", "disused", "suspended", "hasmoved", "userunknown", "suspend", "notaccept", "dns", "hostunknown",
    "address",
)  # fmt: skip
OTHERS = (
    "mesgtoobig", "notcompliantrfc", "filtered", "failedstarttls", "systemfull", "expired", "networkerror",
    "unavailable", "mailererror", "refused", "denied", "policyviolation", "systemerror", "contenterror", "syntaxerror",
    "no_reason",
)  # fmt: skip
_NAMED_OTHERWISE = {"count": "ratelimited", "address": "userunknown", "denied": "blocked", "lets_in": "filtered",
                    "disused": "suspend", "no_reason": "filtered"}  # fmt: skip
# Enhanced codes of the words that are about us, whatever the words say.
_OUR_CODES = frozenset({(1, 7), (1, 8), (7, 8), (7, 20), (7, 21), (7, 22), (7, 23), (7, 24), (7, 25), (7, 26), (7, 27)})
_NO_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954
# They lose against an enhanced code that says that it is the address.
_WEAK = frozenset({"spamdetected", "blocked", "badreputation", "virusdetected", "ratelimited", "toomanyconn"})
_OF_ADDRESSES = frozenset({(1, 0), (1, 1), (1, 2), (1, 3), (1, 6), (1, 10)})
_ADDRESS_CODES = frozenset({(1, 1), (1, 2), (1, 6), (1, 10)})

# (subject, detail) of the enhanced code -> reason, where words say nothing.
BY_STATUS = {
    (1, 1): "userunknown", (1, 2): "hostunknown", (1, 3): "userunknown", (1, 4): "systemerror", (1, 6): "hasmoved",
    (1, 7): "rejected", (1, 8): "rejected", (1, 10): "userunknown",
    (2, 0): "filtered", (2, 1): "filtered", (2, 2): "mailboxfull", (2, 3): "mesgtoobig", (2, 4): "mailererror",
    (3, 0): "systemerror", (3, 1): "systemfull", (3, 2): "systemerror", (3, 3): "systemerror", (3, 4): "mesgtoobig",
    (3, 5): "systemerror",
    (4, 0): "networkerror", (4, 1): "networkerror", (4, 2): "networkerror", (4, 3): "systemerror",
    (4, 4): "networkerror", (4, 5): "systemerror", (4, 6): "networkerror", (4, 7): "expired",
    (5, 1): "syntaxerror", (5, 2): "syntaxerror", (5, 3): "ratelimited", (5, 4): "syntaxerror", (5, 5): "syntaxerror",
    (5, 6): "securityerror",
    (6, 0): "contenterror", (6, 1): "contenterror", (6, 2): "contenterror", (6, 3): "contenterror",
    (6, 4): "contenterror", (6, 5): "contenterror", (6, 6): "contenterror", (6, 7): "contenterror",
    (7, 0): "policyviolation", (7, 1): "policyviolation", (7, 2): "policyviolation", (7, 3): "securityerror",
    (7, 4): "securityerror", (7, 5): "securityerror", (7, 6): "securityerror", (7, 7): "securityerror",
    (7, 8): "securityerror", (7, 9): "authfailure", (7, 11): "failedstarttls", (7, 10): "failedstarttls",
    (7, 20): "authfailure", (7, 21): "authfailure", (7, 22): "authfailure", (7, 23): "authfailure",
    (7, 24): "authfailure", (7, 25): "requireptr", (7, 26): "authfailure", (7, 27): "rejected",
    (7, 28): "ratelimited", (7, 29): "failedstarttls",
}  # fmt: skip
_BY_CODE = {421: "systemerror", 451: "systemerror", 452: "systemfull", 530: "securityerror", 535: "securityerror"}


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of one failure."""

    text: str  # the words of the remote system, or of the report
    status: str = ""  # of the report: Status field
    told: str = "failed"  # failed, delayed
    host: str = ""  # that refused, if known
    recipient: str = ""
    around: str = ""  # the lines in which the words stand: what was asked when they were said


@dataclass(frozen=True, slots=True)
class Meaning:
    """What it means. *certain*: the action may be to suppress."""

    reason: str
    klass: Class
    action: Action
    status: str
    code: int
    certain: bool = False


def meaning_of(failure: Failure) -> Meaning:
    """Decide on one failure."""
    text = failure.text[:MOST_TEXT]
    code = code_in(text)
    own = status_in(text)  # in the words of whoever refused
    status = own or status_in(failure.status)
    reason = reason_in(text, own or status, failure.host)
    final = failure.told == "failed"
    permanent = _permanent(own, code, status)
    reason = _corrected(reason, failure, text, own, code)
    if not reason:
        # Sendmail and others make 5.1.1 of each bare 550: a Status field beside a reply without one says nothing.
        unsure = (bool(code) and not own) or _ABOUT_US.search(plain_words(text)) is not None
        reason = "" if unsure and _pair(status) in _OF_ADDRESSES else _by_status(status)
    reason = reason or _BY_CODE.get(code, "")
    if not reason:
        return Meaning("undefined", "soft", "retry", status, code) if not final else _untold(status, code)
    return _weighed(failure, text, reason, status, permanent=permanent and final, code=code, final=final)


def _corrected(reason: str, failure: Failure, text: str, own: str, code: int) -> str:
    """*reason*, as far as the refuser's own codes, and what was asked, allow for it."""
    if code in _NO_LOGIN and reason != "failedstarttls":
        return "securityerror"
    if _pair(own) in _OUR_CODES and reason in (*THEIRS, ""):
        return BY_STATUS[_pair(own)]
    asked = failure.around or text
    if reason in THEIRS and (_EARLY.search(asked) or _EARLY.search(" ".join(asked.split()))):
        return "rejected"
    if reason == "ratelimited" and _pair(own) == (7, 29):
        return "failedstarttls"
    if reason == "systemerror" and _pair(own)[0] == 6:
        return _by_status(own) or reason
    if reason in ("networkerror", "systemerror", "syntaxerror") and own.startswith("5.7."):
        return _by_status(own) or "blocked"
    if reason == "refused":
        # A code tells more than the word, where it is the refuser's own: IronPort writes #5.1.0.
        return "userunknown" if own == "5.1.1" or "#5.1.0" in text else "filtered"
    return reason


def reason_in(text: str, status: str = "", host: str = "") -> str:
    """The reason that the words name, or "": one of REASONS, or suspended, unavailable, dns."""
    words = plain_words(text)
    named = set(_named_in(words))
    theirs = _of_the_address(named, status, words)
    if " recipientthresholdexceeded " in words:
        return "ratelimited"
    if " resolver rst " in words and not named & {"mesgtoobig", "ratelimited"}:
        return "filtered"  # a restriction of the recipient's, by Exchange
    provider = _finer(_of_provider(text, host), named, text, words)
    if provider == "mailboxfull" and provider not in named and status[2:] != "2.2":
        provider = ""  # STOREDRV alone: the store of Exchange, whatever it has
    if provider:
        if provider == "filtered" and theirs == "userunknown" and status == "5.1.1":
            return theirs  # "gcdp" is behind all answers of domains with rules of their own
        return "suspend" if provider == "userunknown" and theirs == "suspend" else provider
    if theirs == "notaccept" and _FROM_US.search(words):
        return "rejected" if "rejected" in named else "blocked"
    ours = _of_us(named, theirs, text, words)
    if ours and theirs:
        return theirs if _beats(theirs, ours, status, words) else ours
    other = theirs or ours or _first(OTHERS, named)
    # "Mailbox unavailable" is what RFC 5321 has for any 550, GMX before "policy restrictions".
    return "policyviolation" if other == "unavailable" and _POLICY.search(words) else other


@lru_cache(maxsize=512)  # some 30 KB each, where somebody means it badly
def _named_in(words: str) -> frozenset[str]:
    """The tables whose phrases or sentences are in *words*: the same words are asked about several times."""
    return frozenset(_read_whole(_TABLES.named(words), SENTENCES.said_in(words)))


def _read_whole(phrases: set[str], sentences: set[str]) -> set[str]:
    """What *phrases* name, with what their *sentences* say: of a server, or behind an "if", they say nothing of it."""
    if sentences & {"dns", DOUBTED}:
        phrases = phrases - {"userunknown", "suspend"}
    return phrases | sentences


def _of_the_address(named: set[str], status: str, words: str) -> str:
    """What the words say of the recipient's address or domain, or ""."""
    theirs = _full_or_too_big(_first(THEIRS, named), named, status)
    if theirs == "userunknown" and "hostunknown" in named and (_pair(status) == (1, 2) or not _PERSON.search(words)):
        return "hostunknown"
    if theirs == "suspend" and "for_now" in named:
        return "suspended"
    if theirs in ("userunknown", "hasmoved") and _NOT_YET.search(words):
        # Nobody could be asked, or the move is not over.
        return "dns" if "networkerror" in named or "dns" in named else ""
    if theirs == "suspended" and " inactivity " in words and " temporar" not in words:
        return "suspend"
    if theirs == "userunknown" and "suspend" in named and " is disabled " in words and " or " not in words:
        return "suspend"
    return theirs


def _of_us(named: set[str], theirs: str, text: str, words: str) -> str:
    """What the words say of our sender, servers, content or pace, or ""."""
    ours = _first(OURS, named)
    if ours == "ratelimited" and "mesgtoobig" in named and " size " in words:
        ours = ""  # a limit, but of size
    if not ours and ((theirs and _OUR_SERVER.search(words)) or _SERVER_REFUSED.search(words)):
        ours = "blocked"
    if ours == "rejected":
        ours = "blocked" if " dnsblname " in words else _of_the_message(named, words)
    if ours in ("blocked", "spamdetected") and _OWN_FILTER.search(words) and not _NAMES_A_LIST.search(words):
        return "filtered"
    return _why_not_let_in(ours, named, text, words) if ours in ("blocked", "badreputation") else ours


def _of_the_message(named: set[str], words: str) -> str:
    """What words that name the sender mean besides: its headers, its pace, or the sender indeed."""
    if "notcompliantrfc" in named and " rfc " in words:
        return "notcompliantrfc"
    return "ratelimited" if "ratelimited" in named and _PACE.search(words) else "rejected"


def _full_or_too_big(theirs: str, named: set[str], status: str) -> str:
    """Which of the two the code means, where the words name both."""
    if theirs == "mailboxfull" and "mesgtoobig" in named and status[2:] in ("2.3", "3.4"):
        return "mesgtoobig"
    return "mailboxfull" if not theirs and "mesgtoobig" in named and status[2:] == "2.2" else theirs


def _finer(provider: str, named: set[str], text: str, words: str) -> str:
    """What a provider means by a bad name, as its words tell: a pace, a list, the content."""
    if provider != "badreputation":
        return provider
    if code_in(text) // 100 == 4:
        pace = _first(("toomanyconn", "ratelimited"), named)
        if pace:
            return pace
    if "badreputation" in named:
        return provider
    if "authfailure" in named:
        return "authfailure"
    if "requireptr" in named:
        return provider
    if " local policy " not in words and "spamdetected" in named and not _ON_A_LIST.search(words):
        return "spamdetected"
    return next((each for each in ("blocked", "policyviolation") if each in named), provider)


def _why_not_let_in(ours: str, named: set[str], text: str, words: str) -> str:
    """What stands beside "blocked" or "reputation" and tells more, where no list of servers is spoken of."""
    if "badreputation" in named and _BAD_NAME.search(words):
        return "badreputation"
    if ours == "blocked" and _ON_A_LIST.search(words):
        return "spamdetected" if _LINKS.search(words) else ours
    if _BANNED_PART.search(words):
        return "policyviolation"
    if "ratelimited" in named and code_in(text) // 100 == 4:
        return "ratelimited"
    if "badreputation" in named:
        return "badreputation"
    return "spamdetected" if "spamdetected" in named and not _SERVERS.search(words) else ours


def _beats(theirs: str, ours: str, status: str, words: str) -> bool:
    """Whether words on the address count although others speak of us."""
    if ours not in _WEAK or (ours in ("blocked", "badreputation") and _NAMES_A_LIST.search(words)):
        return False
    if theirs == "mailboxfull":
        return status[2:] == "2.2" or (
            ours in ("ratelimited", "toomanyconn")
            and ("mailbox" in words or "inbox" in words)
            and not _PACE.search(words)
        )
    return _pair(status) in _ADDRESS_CODES and status.startswith("5")


def _weighed(
    failure: Failure, text: str, reason: str, status: str, *, code: int, permanent: bool, final: bool
) -> Meaning:
    """The class and action of *reason*, as permanent and as certain as it is."""
    certain = True
    if reason == "dns":
        reason, certain = "networkerror", False
    elif reason == "suspended":
        reason, permanent = "suspend", False
    elif reason == "unavailable":
        # What RFC 5321 gives for 550. Beside a code of policy it is a polite no.
        reason = "userunknown" if permanent and not status.startswith("5.7.") else "onhold"
    elif reason == "hostunknown":
        permanent = permanent or (final and _NO_DOMAIN.search(text) is not None)
        certain = _names_the_domain(text, failure.recipient)
    rule = REASONS[reason]
    if rule.action != "suppress":
        return _about_us(reason, status, code, permanent)
    if not permanent or not certain:
        return Meaning(reason, "soft", "alert" if permanent else "retry", status, code)
    return Meaning(reason, "hard", "suppress", status, code, certain=True)


def _about_us(reason: str, status: str, code: int, permanent: bool) -> Meaning:
    """What a reason means that says nothing of the address."""
    rule = REASONS[reason]
    if code // 100 == 4 and reason in ("filtered", "policyviolation"):
        return Meaning(reason, "soft", "retry", status, code)
    if reason == "onhold" and permanent:
        return Meaning(reason, "block", "none", status, code)
    return Meaning(reason, rule.klass, rule.action, status, code)


def _untold(status: str, code: int) -> Meaning:
    """What a refusal means that gives no reason: its code is no proof against the address."""
    if code >= 500 or status.startswith("5"):
        return Meaning("undefined", "block", "alert", status, code)
    if code or status:
        return Meaning("undefined", "soft", "retry", status, code)
    return Meaning("undefined", "unknown", "none", status, code)


def _names_the_domain(text: str, recipient: str) -> bool:
    """Whether the host that was not found is the recipient's domain, as far as one is named: a relay of ours may be."""
    domain = recipient.rpartition("@")[2].lower()
    named = {(one or other).lower() for one, other in _NAMED.findall(text)}
    named = {each for each in named if not STATUS.fullmatch(each)}  # "5.1.2 Host unknown"
    if not named and domain and domain not in text.lower() and _IP.search(text):
        return False  # "cannot resolve 192.0.2.7": whose server that is nobody knows
    return not domain or not named or any(_of_one_house(domain, each) for each in named)


def _of_one_house(domain: str, host: str) -> bool:
    """Whether one is below the other: mail.example.com and example.com."""
    return domain == host or domain.endswith(f".{host}") or host.endswith(f".{domain}")


def _permanent(own: str, code: int, status: str) -> bool:
    """Whether whoever refused said so for good: the own words first, then the report's field."""
    if code:
        return code >= 500 and not own.startswith("4")
    return not (own or status).startswith("4")


def _by_status(status: str) -> str:
    pair = _pair(status)
    if pair in BY_STATUS:
        return "filtered" if pair == (4, 1) and status.startswith("5") else BY_STATUS[pair]
    return "blocked" if pair[0] == 7 and pair[1] >= 500 else ""


def _pair(status: str) -> tuple[int, int]:
    parts = status.split(".")
    return (int(parts[1]), int(parts[2])) if len(parts) == 3 else (0, 0)


def status_in(text: str) -> str:
    """The enhanced code in *text*, or ""; one that is no filler before one that is."""
    first = ""
    for found in STATUS.finditer(text):
        if found[2] != "0" or found[3] != "0":
            return found[0]
        first = first or found[0]
    return first


def code_in(text: str) -> int:
    """The SMTP reply code in *text*, or 0."""
    found = CODE.search(text)
    return int(found[1]) if found else 0


def group_in(text: str, host: str = "") -> str:
    """Whose answer it is: gmail, outlook, yahoo, apple or ""."""
    for group, tell in _GROUPS:
        if (host and tell.search(host)) or tell.search(text):
            return group
    return ""


def _of_provider(text: str, host: str) -> str:
    group = group_in(text, host)
    if not group:
        return ""
    if group == "yahoo" and "5.7.9" in text:
        return "authfailure"
    if group == "outlook" and "4.7.500" in text:
        return "ratelimited"
    once = said_once(" ".join(text.split()))
    for pattern, klass in PROVIDERS[group]:
        if pattern.search(once):
            return _PROVIDER_REASONS.get(klass, "")
    return ""


def _first(order: tuple[str, ...], named: set[str]) -> str:
    for name in order:
        if name in named:
            return _NAMED_OTHERWISE.get(name, name)
    return ""


@lru_cache(maxsize=4_096)
def plain_words(text: str) -> str:
    """*text* as words, without what is a name: addresses, hosts, links and codes say nothing by their letters."""
    text = _STAGE.sub(" ", text)
    if "@" in text:
        text = _ADDRESS.sub(" addr ", text)
    if "http" in text or "www." in text:
        text = _URL.sub(_told_by_link, text)
    text = STATUS.sub(" ", text)
    text = CODE.sub(" ", text)
    if "." in text:
        text = _HOST.sub(_named_list, text)
    words = words_of(text)
    if " addr unknown " in words:
        words = _ODD_ERROR.sub("", words)
    return _NOT_MEANT.sub("", words)


def _told_by_link(found: re.Match[str]) -> str:
    """A list, or the page that explains why SPF failed; any other link says nothing."""
    return " spf " if "openspf" in found[0].lower() else _named_list(found)


def _named_list(found: re.Match[str]) -> str:
    return " dnsblname " if _LISTS.search(found[0]) else " "
