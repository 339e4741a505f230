"""What is wrong with a request for a message or call, as Twilio tells it: status, code, text.

Error codes: https://www.twilio.com/docs/api/errors
"""

import re
from urllib.parse import urlsplit

from app.local.simulators.call import Form, one

MOST_TEXT = 1_600
MOST_TWIML = 4_000
MOST_VALID = 36_000  # seconds
LONGEST_RING = 600
NUMBER = re.compile(r"\+[1-9]\d{6,14}")
SENDER = re.compile(r"\+?[1-9]\d{2,14}|(?=.*[A-Za-z])[A-Za-z0-9 ._&+-]{1,11}")  # number, short code, sender id
SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")

Wrong = tuple[int, int, str]


def wrong_with_message(form: Form) -> Wrong | None:
    """Of a message."""
    to, sender, service = one(form, "To"), one(form, "From"), one(form, "MessagingServiceSid")
    text, media = one(form, "Body"), form.get("MediaUrl")
    if not to:
        return 400, 21604, "A 'To' phone number is required."
    if not NUMBER.fullmatch(to):
        return 400, 21211, f"The 'To' number {to} is not a valid phone number."
    if not sender and not service:
        return 400, 21603, "A 'From' phone number is required."
    if sender and not SENDER.fullmatch(sender):
        return (
            400,
            21212,
            f"The 'From' number {sender} is not a valid phone number, shortcode, or alphanumeric sender ID.",
        )
    if service and not SERVICE.fullmatch(service):
        return 400, 21701, f"The Messaging Service {service} does not exist."
    if sender == to:
        return 400, 21266, "'To' and 'From' number cannot be the same"
    if not text and not media and not one(form, "ContentSid"):
        return 400, 21602, "Message body is required."
    if len(text) > MOST_TEXT:
        return 400, 21617, "The concatenated message body exceeds the 1600 character limit."
    return _wrong_with_callback(form) or _wrong_with_number(form, "ValidityPeriod", 1, MOST_VALID)


def wrong_with_call(form: Form) -> Wrong | None:
    """Of a call."""
    to, sender, twiml = one(form, "To"), one(form, "From"), one(form, "Twiml")
    if not to:
        return 400, 21201, "No 'To' number is specified"
    if not sender:
        return 400, 21213, "'From' phone number is required"
    if not (one(form, "Url") or twiml or one(form, "ApplicationSid")):
        return 400, 21205, "Url parameter is required"
    if not NUMBER.fullmatch(to):
        return 400, 21211, f"The phone number you are attempting to call, {to}, is not valid."
    if not NUMBER.fullmatch(sender):
        return 400, 21212, f"The source phone number provided, {sender}, is not valid."
    if len(twiml) > MOST_TWIML:
        return 400, 21218, "Twiml is longer than 4000 characters"
    known = {"initiated", "ringing", "answered", "completed"}
    if any(event not in known for each in form.get("StatusCallbackEvent", ()) for event in each.split()):
        return 400, 21626, "Invalid StatusCallbackEvents"
    if one(form, "MachineDetection") not in ("", "Enable", "DetectMessageEnd"):
        return 400, 20422, "Invalid MachineDetection"
    return _wrong_with_callback(form) or _wrong_with_number(form, "Timeout", 1, LONGEST_RING)


def _wrong_with_callback(form: Form) -> Wrong | None:
    callback = one(form, "StatusCallback")
    try:
        parts = urlsplit(callback)
        good = not callback or (parts.scheme in ("http", "https") and parts.hostname and "_" not in parts.hostname)
    except ValueError:
        good = False
    return None if good else (400, 21609, f"The StatusCallback URL {callback} is not a valid URL.")


def _wrong_with_number(form: Form, name: str, least: int, most: int) -> Wrong | None:
    said = one(form, name)
    if not said or (said.isascii() and said.isdigit() and least <= int(said) <= most):
        return None
    return 400, 20422, f"{name} must be a number from {least} to {most}"
