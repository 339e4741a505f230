"""An SMSC over SMPP 3.4: what is submitted, what its answers mean, what receipts tell.

There is no HTTP here: `submits_for` gives the bodies that app/transport/smpp_pool.py submits one after the other, and
`outcome_of` what the answer to one means. SMPP 3.4 issue 1.2: 5.1.3 (status), appendix B (receipts). What the standard
leaves open (ids, err) is as the route says: every carrier has its own.
"""

import re
from datetime import UTC, datetime

from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Smpp
from app.providers.contract import Message, Unreadable, Wish
from app.providers.keywords import wish_in
from app.providers.smpp_pdu import (
    HEADER,
    MESSAGE_STATE,
    NETWORK_ERROR,
    RECEIPTED_MESSAGE_ID,
    Delivered,
    Pdu,
    delivered_in,
    submit_sm,
)
from app.providers.smpp_query import FROM, WRITTEN, looked_up
from app.providers.smpp_states import STATES, WORD_OF, source_of
from app.providers.smpp_text import parts_of, text_of, without_header
from app.records import Outcome, ReceivedReport, Told

FINAL, FAILURES = 1, 2  # registered_delivery: a receipt for what becomes of it, or only when it fails
MOST_WORDS = 500

# status of an answer -> (what became of the message, its class, words); 5.1.3 and what carriers make of them
ANSWERS: dict[int, tuple[Kind, str, str]] = {
    0x00: (Kind.ACCEPTED, "", "accepted"),
    0x14: (Kind.THROTTLED, "throttle", "the queue of the SMSC is full"),
    0x58: (Kind.THROTTLED, "throttle", "throttled"),
    0x08: (Kind.DEFERRED, "soft", "system error"),
    0x45: (Kind.DEFERRED, "soft", "submit failed"),
    0x64: (Kind.DEFERRED, "soft", "temporary application error"),
    0xFE: (Kind.DEFERRED, "soft", "delivery failure"),
    0xFF: (Kind.DEFERRED, "soft", "unknown error"),
    0x0B: (Kind.REFUSED, "hard", "invalid destination address"),
    0x50: (Kind.BLOCKED, "technical", "invalid type of number of the destination"),
    0x51: (Kind.BLOCKED, "technical", "invalid numbering plan of the destination"),
    0x0A: (Kind.BLOCKED, "account", "invalid source address"),
    0x48: (Kind.BLOCKED, "account", "invalid type of number of the source"),
    0x49: (Kind.BLOCKED, "account", "invalid numbering plan of the source"),
    0x01: (Kind.BLOCKED, "content", "invalid message length"),
    0x43: (Kind.BLOCKED, "content", "invalid esm_class"),
    0x61: (Kind.BLOCKED, "content", "invalid scheduled time"),
    0x62: (Kind.BLOCKED, "content", "invalid validity period"),
    0x65: (Kind.BLOCKED, "block", "permanent application error"),
    0x66: (Kind.BLOCKED, "block", "rejected by the application"),
    0x02: (Kind.BLOCKED, "technical", "invalid command length"),
    0x03: (Kind.BLOCKED, "technical", "invalid command"),
    0x04: (Kind.UNAVAILABLE, "account", "the session is not bound for this"),
    0x05: (Kind.UNAVAILABLE, "account", "already bound"),
    0x0D: (Kind.UNAVAILABLE, "account", "bind failed"),
    0x0E: (Kind.UNAVAILABLE, "account", "wrong password"),
    0x0F: (Kind.UNAVAILABLE, "account", "wrong system id"),
    0x53: (Kind.UNAVAILABLE, "account", "invalid system type"),
} | dict.fromkeys(range(0xC0, 0xC5), (Kind.BLOCKED, "content", "an optional parameter is wrong"))
VENDOR = range(0x400, 0x500)
LOGIN = frozenset({0x0D, 0x0E, 0x0F, 0x53})  # who binds again and again with these is locked out

# err of a receipt -> (class, reason): GSM-style figures as a large aggregator publishes them; a route may have its own
ERRORS: dict[str, tuple[str, str]] = {
    "001": ("soft", "absent"),
    "002": ("soft", "mailboxfull"),
    "003": ("soft", "systemerror"),
    "004": ("hard", "userunknown"),
    "005": ("hard", "userunknown"),
    "006": ("hard", "userunknown"),
    "007": ("hard", "userunknown"),
    "008": ("hard", "userunknown"),
    "009": ("block", "blocked"),
    "010": ("hard", "userunknown"),
    "011": ("soft", "busy"),
    "012": ("soft", "systemerror"),
}
_FIELDS = {name: re.compile(rf"\b{pattern}\s*:\s*([^\s:]+)", re.IGNORECASE) for name, pattern in (
    ("id", "id"), ("stat", "stat"), ("err", "err"), ("done", "done date"),
)}  # fmt: skip
_HEX = re.compile(r"[0-9a-f]{1,64}")
_DECIMAL = re.compile(r"[0-9]{1,80}")
_DATE = re.compile(r"\d{10}(\d\d)?")


def submits_for(config: Smpp, message: Message) -> list[bytes] | str:
    """The bodies of the submit_sm of *message*, in order; or why there are none. Never raises.

    Every part asks to be told of its failure, the last one also of its delivery: so a message has one final receipt.
    """
    try:
        joined_by = message.message_id[-1] ^ message.attempt
        coding, parts = parts_of(message.content.text, joined_by, config.default_alphabet)
        return [
            submit_sm(
                source_of(message.sender or config.sender), message.address.lstrip("+"), part,
                data_coding=coding, valid_for=config.valid_for, joined=len(parts) > 1,
                receipts=FINAL if number == len(parts) else FAILURES,
            )
            for number, part in enumerate(parts, 1)
        ]  # fmt: skip
    except ValueError as error:
        return str(error)


def outcome_of(pdu: Pdu, at: float, sender: str = "") -> Outcome:
    """What the answer to a submit_sm says of it. An id of the SMSC comes as receipts of it are looked up.

    How it was written stands in the detail where that differs, and so does *sender*, where it is not that of the route:
    app/providers/smpp_query.py asks with them.
    """
    kind, klass, words = ANSWERS.get(pdu.status, (Kind.BLOCKED, "undetermined", "refused"))
    if pdu.status in VENDOR:
        kind, klass, words = Kind.DEFERRED, "technical", "an error of its own"
    if kind is Kind.ACCEPTED:
        ref = pdu.body.partition(b"\0")[0][:64].decode("latin-1")
        words += f"{WRITTEN}{ref}" if ref != reference(ref) else ""
        words += f"{FROM}{sender}" if sender else ""
        return Outcome(Kind.ACCEPTED, at, detail=words, ref=reference(ref))
    return Outcome(kind, at, pdu.status, klass, f"{words} (status 0x{pdu.status:02X})")


def reference(identity: str) -> str:
    """An id of the SMSC in the form in which it is compared: without zeros in front, in small letters."""
    return identity.strip().lower().lstrip("0") or identity.strip()


def receipt_reference(config: Smpp, identity: str) -> str:
    """The same of an id as the text of a receipt has it: some write there in another base than in the answer."""
    told = identity.strip().lower()
    if config.ids == "decimal" and _DECIMAL.fullmatch(told):
        return f"{int(told):x}"
    if config.ids == "hex" and _HEX.fullmatch(told):
        return str(int(told, 16))
    return reference(told)


def events_in(config: Smpp, received: ReceivedReport) -> list[Told | Wish | Unreadable]:
    """What a deliver_sm tells, as it came, with its header: a receipt, or a message from a phone. Never raises."""
    raw = received.body
    if len(raw) < HEADER.size:
        return [Unreadable("shorter than the header of a PDU", raw)]
    _, command, status, sequence = HEADER.unpack_from(raw)
    pdu = Pdu(command, status, sequence, raw[HEADER.size :])
    if received.source == "lookup":
        return [*looked_up(config, received, pdu)]
    delivered = delivered_in(pdu)
    if isinstance(delivered, str):
        return [Unreadable(delivered, raw)]
    if delivered.is_receipt:
        told = _receipt(config, delivered, received.at)
        return [told if isinstance(told, Told) else Unreadable(told, raw)]
    return [_wish(config, delivered, received)]


def _receipt(config: Smpp, delivered: Delivered, at: float) -> Told | str:
    text = text_of(delivered.text, delivered.data_coding if delivered.data_coding == 8 else 3)[:2_000]
    fields = {name: found[1] for name, pattern in _FIELDS.items() if (found := pattern.search(text))}
    option = delivered.options.get(RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1")
    ref = reference(option) if option else receipt_reference(config, fields["id"]) if "id" in fields else ""
    if not ref or len(ref) > 100:
        return "a receipt without the id of its message"
    word = _state_of(delivered, fields.get("stat", ""))
    _, kind, klass = STATES.get(word, (-1, ReportKind.UNRECOGNISED, ""))
    err = _error_of(delivered, fields.get("err", ""))
    reason = ""
    if kind is ReportKind.BOUNCED:
        klass, reason = ERRORS.get(err.zfill(3), (klass, ""))
        klass = config.errors.get(err, config.errors.get(err.zfill(3), klass))
        kind = ReportKind.BLOCKED if klass == "block" else kind
    elif kind is ReportKind.EXPIRED:
        reason = "expired"
    return Told(
        b"", kind, _done_at(fields.get("done", ""), at), ref=ref, klass=klass, reason=reason,
        detail=f"{word} err {err or 'none'}"[:MOST_WORDS], action="suppress" if klass == "hard" else "none",
        event=f"{ref}|{word}", said=word,
    )  # fmt: skip


def _state_of(delivered: Delivered, word: str) -> str:
    """The word for the state of the message: that of the option where there is one."""
    state = delivered.options.get(MESSAGE_STATE, b"")
    if len(state) == 1 and state[0] in WORD_OF:
        return WORD_OF[state[0]]
    word = word.upper()[:20]
    return next((each for each in STATES if word and each.startswith(word[:7])), word)


def _error_of(delivered: Delivered, err: str) -> str:
    """The carrier's error: of the text, or the figure in the option."""
    if err and err.strip("0"):
        return err.upper()[:10]
    network = delivered.options.get(NETWORK_ERROR, b"")
    code = int.from_bytes(network[1:3], "big") if len(network) == 3 else 0
    return str(code) if code else ""


def _done_at(date: str, at: float) -> float:
    """The moment of a YYMMDDhhmm or YYMMDDhhmmss, which names no zone; when it came where that is far off."""
    if not _DATE.fullmatch(date):
        return at
    try:
        done = datetime.strptime(date.ljust(12, "0"), "%y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return at
    return done if abs(done - at) < 3_600 else at


def _wish(config: Smpp, delivered: Delivered, received: ReceivedReport) -> Wish:
    raw = without_header(delivered.text) if delivered.esm_class & 0x40 else delivered.text
    text = text_of(raw, delivered.data_coding, config.default_alphabet)[:MOST_WORDS]
    source = f"+{delivered.source}" if delivered.source.isdigit() else delivered.source
    return Wish(wish_in(text, source), "sms", source, received.at, text, delivered.destination, received.id)
