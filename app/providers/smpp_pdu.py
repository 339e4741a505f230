"""SMPP 3.4 on the wire: protocol data units to bytes and back. SMPP 3.4 issue 1.2, sections 3 to 5.

A PDU is 16 bytes of header (length, command, status, sequence; big-endian) and a body of strings that end in NUL,
bytes, counted text and optional parameters (tag, length, value).
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

HEADER = struct.Struct(">IIII")
_OPTION = struct.Struct(">HH")
MOST_PDU = 100_000  # bytes: message_payload may have 64 KiB
MOST_SEQUENCE = 0x7FFFFFFF
RESPONSE = 0x80000000

GENERIC_NACK = 0x80000000
BIND_TRANSCEIVER = 0x00000009
QUERY_SM = 0x00000003
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
ENQUIRE_LINK = 0x00000015
DATA_SM = 0x00000103

INTERFACE_3_4 = b"\x34"
INVALID_COMMAND = 0x03  # ESME_RINVCMDID

RECEIPTED_MESSAGE_ID, MESSAGE_STATE, NETWORK_ERROR, PAYLOAD = 0x001E, 0x0427, 0x0423, 0x0424


class Pdu(NamedTuple):
    """One PDU. *body* is what follows the header."""

    command: int
    status: int
    sequence: int
    body: bytes = b""


class BrokenStreamError(ValueError):
    """Bytes that are no PDU. A stream that has them cannot be read on."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A deliver_sm or data_sm: a receipt, or a message from a phone. *text* is that of either place for it."""

    source: str
    destination: str
    esm_class: int
    data_coding: int
    text: bytes
    options: dict[int, bytes] = field(default_factory=dict)

    @property
    def is_receipt(self) -> bool:
        """Whether it tells of a message that was submitted (final, or on the way)."""
        return self.esm_class & 0x3C in (0x04, 0x20) or RECEIPTED_MESSAGE_ID in self.options


class Queried(NamedTuple):
    """What a query_sm_resp tells of a message."""

    at: str  # when it came to its final state, as 7.1.1 writes it; "" while it has not
    state: int
    error: int


def packed(pdu: Pdu) -> bytes:
    """*pdu* as it goes over the wire."""
    return HEADER.pack(HEADER.size + len(pdu.body), pdu.command, pdu.status, pdu.sequence) + pdu.body


def pdus_in(buffer: bytearray) -> list[Pdu]:
    """The complete PDUs at the beginning of *buffer*, which loses them. BrokenStreamError: a length is impossible."""
    found: list[Pdu] = []
    at = 0
    while len(buffer) - at >= HEADER.size:
        length, command, status, sequence = HEADER.unpack_from(buffer, at)
        if not HEADER.size <= length <= MOST_PDU:
            raise BrokenStreamError(f"a PDU of {length} bytes: there are {HEADER.size} to {MOST_PDU:,}")
        if len(buffer) - at < length:
            break
        found.append(Pdu(command, status, sequence, bytes(buffer[at + HEADER.size : at + length])))
        at += length
    del buffer[:at]
    return found


def bind_transceiver(system_id: str, password: str, system_type: str = "") -> bytes:
    """The body of a bind_transceiver (4.1.5), for all numbers."""
    return b"".join((_text(system_id, 15), _text(password, 8), _text(system_type, 12), INTERFACE_3_4, b"\0\0\0"))


def submit_sm(
    source: tuple[int, int, str],
    destination: str,
    text: bytes,
    *,
    data_coding: int,
    valid_for: int,
    receipts: int,
    joined: bool = False,
) -> bytes:
    """The body of a submit_sm (4.4.1) to the international number *destination* (digits).

    *source* is type of number, numbering plan, address; *receipts* 1 asks for every final one, 2 for failures. *text*
    is at most 254 octets, with its user data header where it is one of several parts (*joined*).
    """
    return b"".join((
        b"\0", bytes(source[:2]), _text(source[2], 20), b"\x01\x01", _text(destination, 20),
        bytes((0x40 if joined else 0, 0, 0)), b"\0", _text(relative_time(valid_for), 16),
        bytes((receipts, 0, data_coding, 0, len(text))), text,
    ))  # fmt: skip


def query_sm(identity: str, source: tuple[int, int, str]) -> bytes:
    """The body of a query_sm (4.8.1) about the message that the SMSC has by this id, and that came from *source*."""
    return _text(identity, 64) + bytes(source[:2]) + _text(source[2], 20)


def queried_in(pdu: Pdu) -> Queried | str:
    """What a query_sm_resp (4.8.2) tells, or why it cannot be read. Never raises."""
    try:
        _, at = string_at(pdu.body, 0)
        done, at = string_at(pdu.body, at)
        return Queried(done, pdu.body[at], pdu.body[at + 1])
    except (ValueError, IndexError) as error:
        return f"no query_sm_resp: {error}"


def relative_time(seconds: int) -> str:
    """A time from now (7.1.1): YYMMDDhhmmss000R, at most 63 weeks. "" for none: as the SMSC is set."""
    if not seconds:
        return ""
    days, rest = divmod(min(seconds, 63 * 7 * 86_400), 86_400)
    months, days = divmod(days, 30)
    return f"{months // 12:02}{months % 12:02}{days:02}{rest // 3600:02}{rest % 3600 // 60:02}{rest % 60:02}000R"


def delivered_in(pdu: Pdu) -> Delivered | str:
    """What a deliver_sm (4.6.1) or data_sm (4.7.1) brings, or why it cannot be read. Never raises."""
    try:
        return _delivered(pdu)
    except (ValueError, IndexError, struct.error) as error:
        return f"no deliver_sm: {error}"


def string_at(body: bytes, at: int) -> tuple[str, int]:
    """The string that begins at *at*, and where the next field does. Raises ValueError where no NUL ends it."""
    end = body.index(b"\0", at)
    return body[at:end].decode("latin-1"), end + 1


def options_in(body: bytes, at: int) -> dict[int, bytes]:
    """The optional parameters from *at* on; of one that comes twice the first. What is cut off is left out."""
    found: dict[int, bytes] = {}
    while at + _OPTION.size <= len(body):
        tag, length = _OPTION.unpack_from(body, at)
        at += _OPTION.size
        if at + length > len(body):
            break
        found.setdefault(tag, body[at : at + length])
        at += length
    return found


def option(tag: int, value: bytes) -> bytes:
    """An optional parameter."""
    return _OPTION.pack(tag, len(value)) + value


def _delivered(pdu: Pdu) -> Delivered:
    body = pdu.body
    _, at = string_at(body, 0)
    source, at = string_at(body, at + 2)
    destination, at = string_at(body, at + 2)
    esm_class = body[at]
    if pdu.command == DATA_SM:
        options = options_in(body, at + 3)
        return Delivered(source, destination, esm_class, body[at + 2], options.get(PAYLOAD, b""), options)
    _, after = string_at(body, at + 3)
    _, after = string_at(body, after)
    data_coding, length = body[after + 2], body[after + 4]
    text = body[after + 5 : after + 5 + length]
    options = options_in(body, after + 5 + length)
    return Delivered(source, destination, esm_class, data_coding, text or options.get(PAYLOAD, b""), options)


def _text(text: str, most: int) -> bytes:
    """*text* as octets that end in NUL. Raises ValueError where it does not fit: nothing may be cut in silence."""
    raw = text.encode("latin-1", "strict")
    if len(raw) > most or b"\0" in raw:
        raise ValueError(f"{len(raw)} octets, or a NUL in them: at most {most} fit")
    return raw + b"\0"
