"""The ways in which one phone number is written, where WhatsApp writes it otherwise than the person's carrier.

In Mexico a 1 used to stand before mobile numbers, in Argentina a 9 stands there, and in Brazil mobile numbers have been
given a 9 in front. WhatsApp knows many people by the older or longer form (`wa_id`), whatever they were written to
with. The subscriber is the same: in none of the three countries has anybody else the other form.
"""

import re

# What a number may look like -> what it may also be. Digits with "+".
_WRITTEN = tuple(
    (re.compile(pattern, re.ASCII), other)
    for pattern, other in (
        (r"\+521(\d{10})", r"+52\1"),
        (r"\+52([2-9]\d{9})", r"+521\1"),
        (r"\+549(\d{10})", r"+54\1"),
        (r"\+54([1-8]\d{9})", r"+549\1"),
        (r"\+55([1-9]{2})9([6-9]\d{7})", r"+55\1\2"),
        (r"\+55([1-9]{2})([6-9]\d{7})", r"+55\g<1>9\2"),
    )
)


def writings_of(number: str) -> list[str]:
    """*number* (E.164), and the other way to write it where there is one."""
    for pattern, other in _WRITTEN:
        found = pattern.fullmatch(number)
        if found is not None:
            return [number, found.expand(other)]
    return [number]
