"""Which module is the adapter of a route. docs/providers.md says how to write one."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

# (adapter, channel) -> its module; channel "": whichever
MODULES = {
    ("smtp", ""): "smtp_mail",
    ("ses", ""): "ses",
    ("sendgrid", ""): "sendgrid",
    ("mailgun", ""): "mailgun",
    ("twilio", "sms"): "twilio",
    ("twilio", "voice"): "twilio_voice",
    ("msg91", ""): "msg91",
    ("vonage", ""): "vonage",
    ("smpp", ""): "smpp",
    ("whatsapp", ""): "whatsapp",
}


@cache
def adapter_of(adapter: str, channel: str = "") -> ModuleType | None:
    """The functions of app/providers/contract.py for routes with *adapter* on *channel*; None where there are none."""
    name = MODULES.get((adapter, channel)) or MODULES.get((adapter, ""))
    path = f"app.providers.{name}"
    return import_module(path) if name and find_spec(path) else None
