"""What the words of a mail server mean when a provider passes them on, and what follows from a class of bounce."""

import re

from app.delivery.smtp_replies import classify, enhanced_code

# class of a reply (app/delivery/smtp_replies.py) -> class of a bounce
CLASSES: dict[str, str] = {
    "unknown_user": "hard", "bad_domain": "hard", "bad_syntax": "hard",
    "mailbox_full": "mailbox_full", "mailbox_busy": "soft", "greylisted": "soft", "throttle": "soft", "expired": "soft",
    "reputation": "block", "policy": "block", "content": "content", "too_large": "content",
    "authentication": "auth", "credentials": "auth",
    "sender": "technical", "technical": "technical", "relay_denied": "technical",
}  # fmt: skip

# class of a bounce -> what follows: suppress, retry, slow, alert, none
ACTIONS: dict[str, str] = {
    "hard": "suppress", "suppressed": "suppress", "block": "slow", "auth": "alert", "technical": "alert",
    "content": "alert", "account": "alert", "mailbox_full": "none", "soft": "none", "undetermined": "none", "": "none",
}  # fmt: skip

_CODE = re.compile(r"\b([45]\d\d)\b")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)


def class_of(code: int, status: str, words: str) -> str:
    """The class of a bounce by reply code, enhanced code and words; "" where they tell nothing.

    *code* 0: the one in the words. A 4xx that says who is unknown is no proof of it.
    """
    code = code or code_in(words) or (500 if status.startswith("5") else 450 if status.startswith("4") else 0)
    if not 400 <= code < 600:
        return ""
    said = words if not status or status in words else f"{status} {words}"
    klass = CLASSES.get(classify(code, said).klass, "")
    return "soft" if klass == "hard" and code < 500 else klass


def code_in(words: str) -> int:
    """The reply code in *words*, 0 for none."""
    found = _CODE.search(words)
    return int(found[1]) if found else 0


def status_in(status: str, words: str) -> str:
    """The enhanced status code: *status* where it is one, else the one in *words*, "" for none."""
    if _STATUS.fullmatch(status):
        return status
    found = enhanced_code(words)
    return ".".join(map(str, found)) if found else ""


# classes of a reply that nobody falls back on: they stand in its words, or in its enhanced code
_SAID = frozenset({
    "reputation", "content", "too_large", "authentication", "credentials", "relay_denied", "sender", "mailbox_full",
})  # fmt: skip


# Words about who sends, or about them for now: no address is wrong for it.
_ABOUT_US = re.compile(
    r"\bsend(er|ing)\b|\bmail from\b|\bfrom (address|header|domain)\b|administrative(ly)? prohibi|"
    r"temporar(y|ily)|try again|too many|verify your|\byour (ip|server|domain|host|account)\b",
    re.IGNORECASE,
)


def excuse_in(code: int, status: str, words: str) -> str:
    """The class of a permanent refusal that says it is not the address that is wrong; "" where it may be."""
    said = words if not status or status in words else f"{status} {words}"
    klass = classify(code or code_in(words) or 550, said).klass
    if klass in _SAID:
        return CLASSES[klass]
    if CLASSES.get(klass) != "hard" and _ABOUT_US.search(words):
        return "block"
    found = enhanced_code(said)
    return "block" if found is not None and found[1] == 7 and klass != "unknown_user" else ""
