"""Mail to our bounce domain: which addresses there are, and what a message to them is about, as far as we signed it.

| address | for |
|---|---|
| bounce+TOKEN@ | what comes back of one attempt; a token that is not ours is no address |
| unsub@ | unsubscribe mail: the subject holds the token of a List-Unsubscribe header |
| fbl@, abuse@, postmaster@ | complaints: the token is in the original that they return |
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from app import ids
from app.bounces.classify import verdicts_of
from app.bounces.message import taken_apart
from app.bounces.origin import origin_of
from app.bounces.verdict import Verdict
from app.bounces.verp import PREFIX, Attempt, attempt_in
from app.content.links import MessageRef, verify_token

UNSUBSCRIBE = "unsub"
COMPLAINTS = frozenset({"fbl", "abuse", "postmaster", "complaints", "feedback"})
MOST_WORDS = 20  # of a subject, that may be a token

_WORD = re.compile(r"[A-Za-z0-9_.-]{60,4000}")


@dataclass(frozen=True, slots=True)
class Keys:
    """What tells ours from forged: *secret* of the ids, keys of VERP addresses and of links."""

    secret: bytes
    verp: bytes
    links: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What a message is about, and that we signed it: as the query of its record (app/records.py: ReceivedReport)."""

    attempt: Attempt
    at: int = 0  # which of its verdicts is about the message
    own: bool = True  # that verdict is about the address that the message went to, not about another behind it

    def query(self) -> str:
        """As the query of a record."""
        said = {"m": self.attempt.message_id.hex(), "a": self.attempt.attempt, "i": self.at, "own": int(self.own)}
        return urlencode(said)


def signed(local: str, key: bytes) -> bool:
    """Whether *local*, what stands before the @, is the address of an attempt, made with our *key*."""
    local = local.lower()
    return local.startswith(PREFIX) and attempt_in(key, local.removeprefix(PREFIX)) is not None


def takes(local: str) -> bool:
    """Whether there is such a mailbox on each of our domains."""
    return local.lower() in COMPLAINTS | {UNSUBSCRIBE}


def found_in(local: str, raw: bytes, keys: Keys) -> Found | None:
    """What the message *raw* to the address *local* is about; None if nothing in it is signed by us."""
    parts = taken_apart(raw)
    attempt = None
    if local.lower().startswith(PREFIX):
        attempt = attempt_in(keys.verp, local.lower().removeprefix(PREFIX))
    if attempt is None:
        tokens = origin_of(parts).tokens
        attempt = next((found for token in tokens if (found := attempt_in(keys.verp, token))), None)
    if attempt is None:
        return None
    verdicts = verdicts_of(parts)
    own = next((at for at, each in enumerate(verdicts) if _is_of(each, attempt, keys.secret)), None)
    return Found(attempt, own or 0, own is not None)


def unsubscribed_in(raw: bytes, keys: Keys) -> MessageRef | None:
    """Whose unsubscribe mail *raw* is: the token of its subject, or of its text."""
    parts = taken_apart(raw)
    for text in (parts.header.get("subject"), parts.words()[:8_000]):
        for word in _WORD.findall(text)[:MOST_WORDS]:
            found = verify_token(word, keys.links)
            if found is not None:
                return found
    return None


def _is_of(verdict: Verdict, attempt: Attempt, secret: bytes) -> bool:
    """Whether *verdict* names the recipient of the message, or nobody. The slot of who it went to is in its id."""
    named = [each for each in (verdict.recipient, verdict.original_recipient) if each]
    return not named or any(_slot(each, secret) == attempt.message_id[2:4] for each in named)


def _slot(address: str, secret: bytes) -> bytes:
    try:
        return ids.recipient_id(secret, "email", ids.normalise_email(address))[: ids.SLOT_BYTES]
    except UnicodeError:
        return b""


def said_in(query: str) -> Mapping[str, str]:
    """The fields of Found.query."""
    return {name: values[0] for name, values in parse_qs(query[:2_000]).items()}
