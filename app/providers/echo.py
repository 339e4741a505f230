"""Our own id of a message, as providers carry it there and back: in the query of a webhook address, or as a word."""

import re
from urllib.parse import parse_qsl, urlencode

from app.providers.contract import Message, Sought

_WORD = re.compile(r"([0-9a-f]{32})-([0-9]{1,4})", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,4}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?", re.ASCII)
_MOST_FIELDS = 50


def word_of(message: Message) -> str:
    """<message id>-<attempt>: for the field of a provider that comes back with its reports."""
    return f"{message.message_id.hex()}-{message.attempt}"


def message_in(word: object) -> tuple[bytes, int]:
    """(message id, attempt) of a word of `word_of`; (b"", 0) of any other."""
    found = _WORD.fullmatch(word) if isinstance(word, str) else None
    return (b"", 0) if found is None else (bytes.fromhex(found[1]), int(found[2]))


def address_of(message: Message, **more: str) -> str:
    """The address of the webhook with the message in its query; "" where the route has none."""
    if not message.callback:
        return ""
    query = urlencode({"m": message.message_id.hex(), "a": message.attempt, **more})
    return f"{message.callback}{'&' if '?' in message.callback else '?'}{query}"


def queried(query: str) -> dict[str, str]:
    """The fields of a raw query, the first of each name; none of one that cannot be read."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except ValueError:
        return {}
    return dict(reversed(pairs))


def message_of(query: str) -> tuple[bytes, int]:
    """(message id, attempt) that `address_of` or `query_of` wrote; (b"", 0) where they are not there."""
    fields = queried(query)
    message, attempt = fields.get("m", ""), fields.get("a", "")
    if not _ID.fullmatch(message):
        return b"", 0
    return bytes.fromhex(message), int(attempt) if _COUNT.fullmatch(attempt) else 0


def query_of(sought: Sought) -> str:
    """What the answer to a look-up is read with: as the query of its ReceivedReport."""
    return urlencode({
        "m": sought.message_id.hex(), "a": sought.attempt, "ref": sought.ref, "at": f"{sought.sent_at:.3f}",
        "to": sought.address, **{f"f.{name}": value for name, value in sought.facts.items()},
    })  # fmt: skip


def sought_in(query: str) -> Sought:
    """What `query_of` wrote; without an id where it cannot be read."""
    fields = queried(query)
    message, attempt = message_of(query)
    at = fields.get("at", "")
    facts = {name[2:]: value for name, value in fields.items() if name.startswith("f.")}
    return Sought(
        message, attempt, fields.get("ref", ""), float(at) if _SECONDS.fullmatch(at) else 0.0,
        fields.get("to", ""), facts,
    )  # fmt: skip
