"""SMS are paid for by the part: what is counted here is what the carrier counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.sms import BASIC, EXTENSION, GSM_7, UCS_2, size_of

# GSM 03.38 as its table is printed, column by column: https://www.unicode.org/Public/MAPPINGS/ETSI/GSM0338.TXT
CODES = {
    0x00: "@", 0x01: "£", 0x05: "é", 0x09: "Ç", 0x0B: "Ø", 0x10: "Δ", 0x1E: "ß", 0x24: "¤", 0x40: "¡", 0x5F: "§",
    0x60: "¿", 0x7F: "à",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "encoding", "parts", "units"),
    [
        ("", GSM_7, 0, 0),
        ("a" * 160, GSM_7, 1, 160),
        ("a" * 161, GSM_7, 2, 161),
        ("a" * 306, GSM_7, 2, 306),
        ("a" * 307, GSM_7, 3, 307),
        ("€" * 80, GSM_7, 1, 160),
        ("€" * 81, GSM_7, 2, 162),
        ("a" * 152 + "€" + "a" * 152, GSM_7, 3, 306),  # the escape does not stand at the end of a part
        ("Grüße für 5 €\n[x]", GSM_7, 1, 20),
        ("ç" * 70, UCS_2, 1, 70),
        ("ç" + "a" * 70, UCS_2, 2, 71),
        ("😀" * 35, UCS_2, 1, 70),
        ("😀" * 36, UCS_2, 2, 72),
        ("a" * 66 + "😀" + "a" * 66, UCS_2, 3, 134),  # nor is a pair cut
        ("’", UCS_2, 1, 1),
        ("`", UCS_2, 1, 1),
        ("\t", UCS_2, 1, 1),
    ],
)
def test_parts_are_counted_as_carriers_do(text: str, encoding: str, parts: int, units: int) -> None:
    """
    One typographic apostrophe makes a text of 160 characters three parts long.
    """
    size = size_of(text)
    assert (size.encoding, size.parts, size.units, size.characters) == (encoding, parts, units, len(text))


def test_the_alphabet_is_that_of_the_standard() -> None:
    """
    127 characters and the escape, 10 more behind it.
    """
    assert len(BASIC) == 127 and len(EXTENSION) == 10 and not BASIC & EXTENSION
    assert set(CODES.values()) <= BASIC


@given(st.text(max_size=400))
def test_what_forces_ucs_2_is_named_and_without_it_gsm_is_enough(text: str) -> None:
    """
    Who is told which character it is can replace it.
    """
    size = size_of(text)
    assert (size.encoding == UCS_2) == bool(size.foreign)
    assert size_of("".join(each for each in text if each in BASIC | EXTENSION)).encoding == GSM_7
    if size.encoding == UCS_2:
        assert size.units == len(text.encode("utf-16-be", "surrogatepass")) // 2


@given(st.text(BASIC | EXTENSION | {"😀", "ç"}, max_size=600), st.text("a€😀", max_size=5))
def test_a_longer_text_never_takes_fewer_parts(text: str, more: str) -> None:
    """
    A count that jumps back is one that was wrong.
    """
    assert size_of(text + more).parts >= size_of(text).parts
