"""Email addresses as they may stand in a header and an SMTP command."""

import re
from functools import lru_cache

import idna

LONGEST = 320
_LOCAL = re.compile(
    r"""[^\x00-\x20\x7f-\xa0"(),.:;<>@\[\\\]\u2028\u2029\ud800-\udfff]+"""
    r"""(?:\.[^\x00-\x20\x7f-\xa0"(),.:;<>@\[\\\]\u2028\u2029\ud800-\udfff]+)*"""
)
_QUOTED = re.compile(r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"')
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class AddressError(ValueError):
    """Raised for what is no address that a message can be sent to."""


def wire_address(address: str) -> str:
    """*address* with its domain in A-labels, ready for RCPT TO and for a header.

    The local part stays as it is; see `needs_smtputf8`. Raises AddressError.
    """
    if len(address) > LONGEST:
        raise AddressError(f"address is longer than {LONGEST} characters")
    local, at, domain = address.rpartition("@")
    if not at or not local or not (_LOCAL.fullmatch(local) or _QUOTED.fullmatch(local)):
        raise AddressError("not an email address")
    return f"{local}@{domain_in_a_labels(domain)}"


def needs_smtputf8(address: str) -> bool:
    """Whether only a server with SMTPUTF8 (RFC 6531) can take mail for *address*."""
    return not address.rpartition("@")[0].isascii()


@lru_cache(maxsize=4096)
def domain_in_a_labels(domain: str) -> str:
    """*domain* as DNS knows it: IDNA 2008 with the mapping of UTS 46. Raises AddressError."""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise AddressError(f"not a domain: {error}") from error
    if not _DOMAIN.fullmatch(domain) or ".." in domain or len(domain) > 253:
        raise AddressError("not a domain")
    return domain
