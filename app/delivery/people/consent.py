"""What people have said about being written to on a phone channel: yes, no, yes since a moment, or nothing."""

from datetime import UTC, datetime
from typing import Any

from app.topics import PHONES

GIVEN, NOT_REFUSED = "given", "not_refused"  # CampaignSpec.consent
YES = frozenset({"true", "yes", "y", "1", "on"})
NO = frozenset({"false", "no", "n", "0", "off"})
SINCE = r"^\d{4}-\d\d-\d\d"  # what a moment begins with
FIRST_MOMENT = 1_000_000_000  # a number from here on is seconds since 1970


def attribute_of(channel: str) -> str:
    """The attribute of a contact that tells of *channel*."""
    return f"consent_{channel}"


CONSENTS = frozenset(attribute_of(channel) for channel in PHONES)


def consent_in(value: Any) -> bool | str:
    """*value* as contacts keep it: True, False, or the moment of a yes in ISO 8601. Raises ValueError."""
    if isinstance(value, bool):
        return value
    text = str(value).strip()
    if text.lower() in YES | NO:
        return text.lower() in YES
    try:
        if isinstance(value, int | float) and value >= FIRST_MOMENT:
            return datetime.fromtimestamp(value, UTC).isoformat()
        datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:100]!r} is neither true nor false, nor the time of a yes") from None
    return text


def said(value: Any) -> bool | None:
    """Whether *value*, as a contact has it, is a yes; None where it says nothing."""
    try:
        return consent_in(value) is not False if value is not None else None
    except ValueError:
        return None


def agrees(rule: str, value: Any) -> bool:
    """Whether somebody of whom contacts say *value* may be written to under the *rule* of a campaign."""
    yes = said(value)
    return yes is True if rule == GIVEN else yes is not False
