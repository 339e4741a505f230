"""Phone numbers: one form for one number, a group for routes and limits, and words for what is none."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.content.phone import E164, PhoneError, phone_of
from app.delivery.mx_groups import GROUP_NAME
from app.delivery.routes.plan import place_of


@pytest.mark.parametrize(
    ("text", "region", "told"),
    [
        ("+351 912 345 678", "", ("+351912345678", "PT/vodafone", "mobile")),
        ("0151 23456789", "DE", ("+4915123456789", "DE/t-mobile", "mobile")),
        ("+49 (0)30 123456", "", ("+4930123456", "DE", "landline")),
        ("+390612345678", "", ("+390612345678", "IT", "landline")),  # the zero belongs to the number
        ("+1 (415) 555-2671", "", ("+14155552671", "US", "either")),
        ("+919876543210", "", ("+919876543210", "IN/airtel", "mobile")),
        ("+80012345678", "", ("+80012345678", "other", "special")),
        ("+15551234567", "", ("+15551234567", "US", "invalid")),
    ],
)
def test_a_number_is_written_in_one_form_with_its_place(text: str, region: str, told: tuple[str, str, str]) -> None:
    """
    One person has one number, however it was typed, and the carrier decides on the route.
    """
    found = phone_of(text, region)
    assert (found.number, found.group, found.kind) == told
    assert phone_of(found.number) == found


@pytest.mark.parametrize(
    ("text", "region", "words"),
    [
        ("0151 23456789", "", "without +"), ("0151 23456789", "FR", "no number of FR"), ("4.9E+11", "", "spreadsheet"),
        ("4,91512E+12", "DE", "spreadsheet"), ("+99912345678", "", "no country"), ("+1", "", "+ and country code"),
        ("call me", "DE", "+ and country code"), ("", "DE", "+ and country code"), ("12345", "XX", "no region"),
        ("+4915123456789012345", "", "too long"), ("9" * 1_000_000, "", "longer than"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_told_with_what_to_do(text: str, region: str, words: str) -> None:
    """
    A wrong number costs money, and the person who imported it can repair the column.
    """
    with pytest.raises(PhoneError, match=re.escape(words)) as told:
        phone_of(text, region)
    assert len(str(told.value)) < 200


@given(
    st.text(max_size=80) | st.from_regex(r"\+?[0-9 ()./-]{1,20}", fullmatch=True) | st.integers().map(str),
    st.sampled_from(["", "DE", "US", "IN", "XX", "001"]),
)
@example("+0", "")
@example("+٠١٥١", "DE")
@example("+4920100000000000", "")
def test_whatever_is_typed_is_a_number_or_an_error(text: str, region: str) -> None:
    """
    Files of strangers hold anything; a number that comes out can be sent to, and its group can be a class.
    """
    try:
        found = phone_of(text, region)
    except PhoneError:
        return
    assert E164.fullmatch(found.number) and GROUP_NAME.fullmatch(found.group)
    assert place_of(found.group)[0] or found.group == "other"
    assert phone_of(found.number) == found
