"""Which message of ours came back: what a report says of the envelope and of the original."""

import re
from dataclasses import dataclass

from app.bounces.message import Header, Parts
from app.bounces.report_fields import report_in
from app.bounces.verp import TOKEN

_MESSAGE_ID = re.compile(r"<([^<>\s]{1,300})>")
_IN_TEXT = re.compile(r"^[ \t>]{0,8}Message-ID[ \t]{0,3}:[ \t]{0,3}<([^<>\s]{1,300})>", re.IGNORECASE | re.MULTILINE)
_ENVELOPE = ("to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "apparently-to", "cc")
_ORIGINAL = ("return-path", "x-original-mail-from", "sender", "errors-to", "x-envelope-from")
MOST_TOKENS = 20


@dataclass(frozen=True, slots=True)
class Origin:
    """What leads to the original. Texts are bounded; empty where nothing is told."""

    message_id: str = ""  # its Message-ID
    envelope_id: str = ""  # RFC 3461
    tokens: tuple[str, ...] = ()  # of VERP addresses, verified by nobody yet


def origin_of(parts: Parts) -> Origin:
    """What *parts* tell of the original."""
    originals = [Header(raw) for raw in parts.returned[:3]]
    said = [parts.header.get(name) for name in _ENVELOPE]
    said += [header.get(name) for header in originals for name in _ORIGINAL]
    said += [text[:20_000] for text in parts.feedback]
    words = parts.words() if not originals else ""
    if words:
        said.append(words[:20_000])
    tokens = [token.lower() for text in said if text for token in TOKEN.findall(text)]
    envelope = ""
    for text in parts.status[:3]:
        envelope = envelope or report_in(text[:20_000]).message.get("original-envelope-id", "")
    return Origin(_message_id(originals, words), envelope.strip()[:100], tuple(dict.fromkeys(tokens))[:MOST_TOKENS])


def _message_id(originals: list[Header], words: str) -> str:
    for header in originals:
        found = _MESSAGE_ID.search(header.get("message-id"))
        if found:
            return found[1]
    found = _IN_TEXT.search(words)
    return found[1] if found else ""
