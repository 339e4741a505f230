"""What the fields of an imported person must be, and what is worth a second look: pure checks."""

import re
from functools import cache, lru_cache

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from app.content.address import AddressError, wire_address
from app.delivery.mx_groups import GROUPS, group_of

# Ordinary addresses, which need no second look: most by far. Quotes, umlauts and the like are for email-validator.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ORDINARY = re.compile(
    r"(?=[^@]{1,64}@.{1,120}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@" + rf"(?:{_LABEL}\.){{1,4}}[A-Za-z]{{2,24}}",
    re.ASCII,
)
_RESERVED = (".local", ".localhost", ".invalid", ".onion", ".arpa")  # names that no mail reaches

# RFC 2142 and what else stands for a desk instead of a person.
ROLES = frozenset({
    "abuse", "accounting", "accounts", "admin", "administrator", "billing", "careers", "contact", "customerservice",
    "enquiries", "finance", "help", "helpdesk", "hostmaster", "hr", "info", "inquiries", "it", "jobs", "legal",
    "mail", "mailer-daemon", "marketing", "newsletter", "no-reply", "noc", "noreply", "office", "orders",
    "postmaster", "press", "privacy", "root", "sales", "security", "service", "support", "sysadmin", "team",
    "webmaster",
})  # fmt: skip
BIG = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "yahoo.com", "icloud.com", "aol.com", "live.com",
    "gmx.de", "web.de", "gmx.net", "t-online.de", "orange.fr", "hotmail.fr", "hotmail.co.uk", "yahoo.co.uk", "yahoo.fr",
    "comcast.net", "libero.it", "mail.ru", "yandex.ru", "protonmail.com",
)  # fmt: skip
_REAL = frozenset({"email.com", "mail.com", "mail.de", "gmx.com", "gmx.at", "gmx.ch", "mail.fr", "bol.com", "web.com"})

LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", re.ASCII)


def checked_address(text: str) -> str:
    """*text* as it goes on the wire. Only its syntax is looked at. Raises AddressError."""
    if _ORDINARY.fullmatch(text) and not text.lower().endswith(_RESERVED):
        return text
    address = wire_address(text)
    try:
        validate_email(address, check_deliverability=False, allow_quoted_local=True, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise AddressError(f"not an email address: {error}") from error
    return address


@lru_cache(maxsize=65_536)
def domain_of(domain: str) -> tuple[bytes, str, str]:
    """(MX group, kind of hint, hint) of a domain; "" where there is nothing to say."""
    lowered = domain.lower()
    group = group_of(lowered).encode()
    meant = _misspelt().get(lowered)
    if meant:
        return group, "typo", f"{lowered} looks like {meant}"
    if lowered in blocklist:
        return group, "disposable", f"{lowered} gives away addresses that soon end"
    return group, "", ""


def is_role(local: str) -> bool:
    """Whether the part before the @ stands for a desk instead of a person."""
    return local.lower() in ROLES


@cache
def _misspelt() -> dict[str, str]:
    """Every domain that is one slip of the fingers away from a big one -> that one."""
    found: dict[str, str] = {}
    letters = "abcdefghijklmnopqrstuvwxyz.-"
    for domain in BIG:
        for at in range(len(domain) + 1):
            left, right = domain[:at], domain[at:]
            slips = {left + letter + right for letter in letters}
            if right:
                slips |= {left + right[1:]} | {left + letter + right[1:] for letter in letters}
            if len(right) > 1:
                slips.add(left + right[1] + right[0] + right[2:])
            for slip in slips:
                found.setdefault(slip, domain)
    return {slip: domain for slip, domain in found.items() if slip not in GROUPS and slip not in _REAL}


def locale_of(text: str) -> str | None:
    """*text* as a locale with hyphens, None when it is none."""
    return text.replace("_", "-") if LOCALE.fullmatch(text) else None
