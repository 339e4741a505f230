"""Decides whether the account of a provider in a route can work: senders by country, credentials, test mode.

Names as senders: www.twilio.com/docs/glossary/what-alphanumeric-sender-id (at most 11 letters, digits and blanks, one
letter at least), and the country lists of providers, of which only countries stand here that take none from anybody.
"""

import re
from urllib.parse import urlsplit

from app.provider_accounts import HttpAccount, Msg91, Smpp, Twilio, Vonage, WhatsAppNumber
from app.routes import Route

Wrong = tuple[str, str]  # the field of the route at fault, and what is wrong with it

NUMBERS_ONLY = frozenset({"US", "CA", "PR", "CN"})  # countries in which no name can be a sender
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_DIGITS = re.compile(r"\+?[0-9]{3,15}", re.ASCII)  # also a short code
_NAMED = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &_.+-]{1,11}", re.ASCII)
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}", re.ASCII)


def wrong_account(route: Route) -> Wrong | None:
    """Why the account in *route* can never work; None where it may."""
    config, wrong = route.config, None
    if isinstance(config, HttpAccount):
        wrong = _wrong_address(config) or _wrong_test(config, route.adapter)
    if isinstance(config, Twilio):
        wrong = wrong or _wrong_twilio(config, route.channel)
    if isinstance(config, Twilio | Vonage | Msg91 | Smpp):
        wrong = wrong or _wrong_sender(config.sender, route)
    return None if wrong is None else (f"{route.adapter}.{wrong[0]}", wrong[1])


def notes_on_account(route: Route) -> list[str]:
    """What to say of an account that can work, and may surprise."""
    config = route.config
    notes: list[str] = []
    if isinstance(config, Twilio | Vonage | Msg91 | Smpp) and not config.sender and not _has_service(config):
        notes.append("the route names no sender: messages of campaigns without a sender_id will be refused")
    if isinstance(config, Vonage) and not config.signature_secret:
        notes.append("without signature_secret, reports are believed from whoever knows the address of the webhook")
    if isinstance(config, Msg91) and not config.from_addresses:
        notes.append("MSG91 signs no reports: without from_addresses, whoever knows the webhook is believed")
    if isinstance(config, WhatsAppNumber):
        lacking = [field for field in ("app_secret", "verify_token") if not getattr(config, field)]
        if lacking:
            notes.append(f"without {' and '.join(lacking)} no webhook of Meta is believed: there will be no reports")
    return notes


def is_a_name(sender: str) -> bool:
    """Whether *sender* is a name, and no number, short code or messaging service."""
    return bool(sender) and not _DIGITS.fullmatch(sender) and not _SERVICE.fullmatch(sender)


def wrong_sender_id(sender: str) -> str:
    """Why no phone could show *sender*; "" where one may."""
    if not sender or _DIGITS.fullmatch(sender) or _NAMED.fullmatch(sender) or _SERVICE.fullmatch(sender):
        return ""
    return (
        f"{sender!r} is neither a number nor a sender id: those have at most 11 letters (A to Z), digits and blanks, "
        "one letter at least"
    )


def _has_service(config: object) -> bool:
    return isinstance(config, Twilio) and bool(config.messaging_service)


def _wrong_address(config: HttpAccount) -> Wrong | None:
    split = urlsplit(config.url)
    if split.scheme != "http" or (split.hostname or "") in LOOPBACK:
        return None
    return "url", "credentials are not sent in the clear: use https"


def _wrong_test(config: HttpAccount, adapter: str) -> Wrong | None:
    """A route that is set to test must not send."""
    if not config.test or not isinstance(config, Twilio | Msg91 | Vonage | WhatsAppNumber):
        return None
    way = "use its test credentials" if isinstance(config, Twilio) else "try with --simulate, or a number of your own"
    return "test", f"{adapter} has no test mode: everything would be sent. Leave it out; {way}"


def _wrong_twilio(config: Twilio, channel: str) -> Wrong | None:
    if bool(config.api_key) != bool(config.api_secret):
        return ("api_secret" if config.api_key else "api_key"), "api_key and api_secret go together"
    if config.messaging_service and not _SERVICE.fullmatch(config.messaging_service):
        return "messaging_service", f"{config.messaging_service!r} is no messaging service: they are MG and 32 digits"
    if channel != "voice":
        return None
    if config.messaging_service:
        return "messaging_service", "a call has no messaging service: name the number that calls as sender"
    if config.sender and not _NUMBER.fullmatch(config.sender):
        return "sender", f"{config.sender!r} cannot call: write a number with its country, such as +15005550006"
    return None


def _wrong_sender(sender: str, route: Route) -> Wrong | None:
    why = wrong_sender_id(sender)
    if why:
        return "sender", why
    refused = sorted(NUMBERS_ONLY.intersection(route.countries)) if is_a_name(sender) else []
    if refused and not _has_service(route.config):
        return "sender", f"no name can be a sender in {', '.join(refused)}: use a number or short code there"
    return None
