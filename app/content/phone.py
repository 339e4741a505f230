"""Phone numbers as people write them: the number in E.164, its destination group, and what kind of line it is.

Country, carrier and kind come from the numbering plans that `phonenumbers` holds. A carrier is the one that the block
of numbers was given to: who has taken the number along to another carrier is still under the first one.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, ValidationResult, carrier

from app.content.address import AddressError

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
LONGEST = 60  # characters of what people write
NOWHERE = "other"  # the group of a number that is of no country: +800, satellites
LONGEST_CARRIER = 60

# Kinds of lines, as far as a channel asks. INVALID: the plan of the country has no such number, or not yet.
MOBILE, LANDLINE, EITHER, SPECIAL, INVALID = "mobile", "landline", "either", "special", "invalid"
_KINDS = {
    PhoneNumberType.MOBILE: MOBILE,
    PhoneNumberType.FIXED_LINE: LANDLINE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: EITHER,
    PhoneNumberType.UNKNOWN: INVALID,
}
_CODES = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
_SHORTENED = re.compile(r"\+?\d+([.,]\d+)?[eE]\+?\d+")
_REASONS = {
    ValidationResult.INVALID_COUNTRY_CODE: "no country has this code",
    ValidationResult.TOO_SHORT: "too short for a number of its country",
    ValidationResult.TOO_LONG: "too long for a number of its country",
    ValidationResult.INVALID_LENGTH: "a number of its country has more digits, or fewer",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
}
WRITE = "write it with + and country code, such as +351912345678"


class PhoneError(AddressError):
    """Raised for what is no phone number that a message can be sent to."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone number in E.164, its group ("IN", "IN/airtel") and the kind of its line."""

    number: str
    group: str
    kind: str


def phone_of(text: str, region: str = "") -> Phone:
    """The phone number in *text*. *region* (DE) is where a number without + is from. Raises PhoneError.

    A number with + is taken as long as its country could have it: plans change before libraries know. One without is
    taken when the plan of *region* has it, which tells the wrong region apart.
    """
    text = text.strip()
    if E164.fullmatch(text):
        found = _written_out(text)
        if found is not None:
            return found
    return _parsed(text, region)


def _written_out(text: str) -> Phone | None:
    """A number in E.164 that its plan has; None where it has to be looked at more closely."""
    for width in (1, 2, 3):
        code = int(text[1 : 1 + width])
        if code in _CODES:
            national = text[1 + width :]
            number = PhoneNumber(code, int(national))
            zeros = len(national) - len(national.lstrip("0"))
            if zeros:
                number.italian_leading_zero, number.number_of_leading_zeros = True, zeros
            found = _looked_up(text, number)
            return found if found.kind != INVALID else None
    return None


def _parsed(text: str, region: str) -> Phone:
    if _SHORTENED.fullmatch(text):
        raise PhoneError("a spreadsheet has shortened this number: make its column text, and export it again")
    if len(text) > LONGEST:
        raise PhoneError(f"not a phone number: longer than {LONGEST} characters")
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException as error:
        raise PhoneError(_not_read(text, region, error)) from error
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != ValidationResult.IS_POSSIBLE:
        if not text.startswith("+"):
            raise PhoneError(f"no number of {region}: {WRITE}")
        raise PhoneError(f"not a phone number: {_REASONS.get(possible, 'its country has none like it')}")
    number = PhoneNumber(
        number.country_code, number.national_number, None, number.italian_leading_zero, number.number_of_leading_zeros
    )
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not E164.fullmatch(written):
        raise PhoneError("not a phone number: E.164 has 7 to 15 digits")
    found = _looked_up(written, number)
    if found.kind == INVALID and not text.startswith("+"):
        raise PhoneError(f"no number of {region}: {WRITE}")
    return found


def _not_read(text: str, region: str, error: phonenumbers.NumberParseException) -> str:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
        if text.startswith("+"):
            return "not a phone number: no country has this code"
        if not region:
            return f"without + nobody knows its country: {WRITE}, or say the region of such numbers"
        return f"{region} is no region of phone numbers: DE is one"
    return f"not a phone number: {WRITE}"


def _looked_up(written: str, number: PhoneNumber) -> Phone:
    country = phonenumbers.region_code_for_number(number)
    kind = INVALID if country is None else _KINDS.get(phonenumbers.number_type(number), SPECIAL)
    country = country or phonenumbers.region_code_for_country_code(number.country_code or 0)
    if len(country) != 2 or country == "ZZ" or not country.isalpha():
        return Phone(written, NOWHERE, kind)
    name = carrier.name_for_number(number, "en") if kind in (MOBILE, EITHER) else ""
    return Phone(written, f"{country}/{name_of(name)}" if name_of(name) else country, kind)


@lru_cache(maxsize=8_192)
def name_of(carrier_name: str) -> str:
    """*carrier_name* as groups have it: T-Mobile US is t-mobile-us."""
    return re.sub(r"[^a-z0-9._-]+", "-", carrier_name.lower()).strip("-")[:LONGEST_CARRIER]
