"""How many SMS a text takes: GSM 03.38 with its extension table, or UCS-2 when one character is in neither.

A single SMS holds 160 septets or 70 UTF-16 units. In a longer text six octets of each part say which part it is: 153
or 67 are left. An escape and its character, and the two halves of a surrogate pair, stay in one part.
"""

from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape before them: two septets
GSM_7, UCS_2 = "GSM-7", "UCS-2"
SINGLE = {GSM_7: 160, UCS_2: 70}
JOINED = {GSM_7: 153, UCS_2: 67}
MOST_FOREIGN = 10  # characters that are named


@dataclass(frozen=True, slots=True)
class SmsSize:
    """What a text takes: *units* are septets or UTF-16 units, *foreign* the characters that force UCS-2."""

    encoding: str
    parts: int
    units: int
    characters: int
    foreign: str = ""


def as_sms(text: str) -> str:
    """*text* as it is sent: numbers are written with blanks that do not break, and one of those would force UCS-2."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def parts_of(text: str) -> int:
    """The parts that *text* takes, as `size_of` counts them; the short way for letters that take a septet each."""
    if BASIC.issuperset(text):
        return int(len(text) > 0) if len(text) <= SINGLE[GSM_7] else -(-len(text) // JOINED[GSM_7])
    return size_of(text).parts


def size_of(text: str) -> SmsSize:
    """The parts that *text* takes; 0 for no text."""
    foreign = dict.fromkeys(character for character in text if character not in BASIC and character not in EXTENSION)
    encoding = UCS_2 if foreign else GSM_7
    widths = [_ucs2_units(each) if foreign else _septets(each) for each in text]
    units = sum(widths)
    parts = _parts(widths, encoding) if units > SINGLE[encoding] else int(units > 0)
    return SmsSize(encoding, parts, units, len(text), "".join(list(foreign)[:MOST_FOREIGN]))


def _parts(widths: list[int], encoding: str) -> int:
    """How many parts of a joined text are filled when no character is cut."""
    room = JOINED[encoding]
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts


def _septets(character: str) -> int:
    return 2 if character in EXTENSION else 1


def _ucs2_units(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1
