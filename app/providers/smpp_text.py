"""The text of an SMS as octets, cut into parts: GSM 03.38 (unpacked), or UCS-2 where that has no sign for it.

How many parts it makes is told by app/content/sms.py, by the same rules: 160 septets or 70 units alone, 153 or 67 where
a user data header of six octets joins them (3GPP TS 23.040, 9.2.3.24.1).
"""

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = dict(zip("\f^{}\\[~]|€", (0x0A, 0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40, 0x65), strict=True))
ESCAPE = 0x1B
DEFAULT, LATIN_1, UCS_2 = 0, 3, 8  # data_coding, SMPP 3.4 5.2.19
MOST_PARTS = 255

_OCTETS = {sign: bytes((code,)) for code, sign in enumerate(GSM) if code != ESCAPE} | {
    sign: bytes((ESCAPE, code)) for sign, code in EXTENDED.items()
}
_EXTENDED_SIGNS = {code: sign for sign, code in EXTENDED.items()}


def parts_of(text: str, reference: int, alphabet: str = "gsm") -> tuple[int, list[bytes]]:
    """(data_coding, the octets of each part) of *text*; more than one begin with the header that joins them.

    *reference* (0 to 255) tells the parts of one message from those of another. *alphabet* is what data coding 0 means
    to the SMSC: what it cannot say goes as UCS-2. Raises ValueError for a text of more than 255 parts.
    """
    coding, signs = _signs(text, alphabet)
    single, joined = (140, 134) if coding == UCS_2 else (160, 153)
    if sum(map(len, _septets(signs, alphabet, coding))) <= single:
        return coding, [b"".join(signs)]
    parts = _cut(signs, _septets(signs, alphabet, coding), joined)
    if len(parts) > MOST_PARTS:
        raise ValueError(f"a text of {len(parts)} parts: {MOST_PARTS} can be joined")
    return coding, [bytes((5, 0, 3, reference & 0xFF, len(parts), n)) + part for n, part in enumerate(parts, 1)]


def text_of(raw: bytes, data_coding: int, alphabet: str = "gsm") -> str:
    """The text in *raw*, without a header; what cannot be read is replaced. Never raises."""
    if data_coding == UCS_2:
        return raw.decode("utf-16-be", "replace")
    if data_coding == DEFAULT and alphabet == "gsm":
        return _gsm_text(raw)
    return raw.decode("latin-1")


def without_header(raw: bytes) -> bytes:
    """*raw* without the user data header at its beginning."""
    return raw[raw[0] + 1 :] if raw else raw


def _signs(text: str, alphabet: str) -> tuple[int, list[bytes]]:
    """(data_coding, the octets of each sign that must stay in one part)."""
    if all(sign in _OCTETS for sign in text):
        if alphabet == "gsm":
            return DEFAULT, [_OCTETS[sign] for sign in text]
        try:
            return DEFAULT, [sign.encode("ascii" if alphabet == "ascii" else "latin-1") for sign in text]
        except UnicodeEncodeError:
            pass
    return UCS_2, [sign.encode("utf-16-be", "replace") for sign in text]


def _septets(signs: list[bytes], alphabet: str, coding: int) -> list[bytes]:
    """What counts for the room in a part: an SMSC that takes Latin-1 makes septets of it, two of what is extended."""
    if coding == UCS_2 or alphabet == "gsm":
        return signs
    return [_OCTETS.get(sign.decode("latin-1"), sign) for sign in signs]


def _cut(signs: list[bytes], sizes: list[bytes], room: int) -> list[bytes]:
    parts, part, used = [], list[bytes](), 0
    for sign, size in zip(signs, sizes, strict=True):
        if used + len(size) > room:
            parts.append(b"".join(part))
            part, used = [], 0
        part.append(sign)
        used += len(size)
    return [*parts, b"".join(part)]


def _gsm_text(raw: bytes) -> str:
    signs: list[str] = []
    escaped = False
    for code in raw:
        if escaped:
            signs.append(_EXTENDED_SIGNS.get(code, " "))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            signs.append(GSM[code] if code < len(GSM) else "\ufffd")
    return "".join(signs)
