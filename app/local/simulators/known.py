"""The simulators that there are, and the ports that each has for itself."""

from collections.abc import Sequence

from app import ids

# name -> class, as module.Class: what is not wanted is not imported
MODULES = {
    "ses": "ses.SesSimulator",
    "sendgrid": "sendgrid.SendGridSimulator",
    "mailgun": "mailgun.MailgunSimulator",
    "twilio": "twilio.TwilioSimulator",
    "msg91": "msg91.Msg91Simulator",
    "vonage": "vonage.VonageSimulator",
    "whatsapp": "whatsapp.WhatsAppSimulator",
    "smpp": "smpp.SmppSimulator",
}
NAMES = tuple(MODULES)
ALL = "all"


def names_in(text: str) -> list[str]:
    """The simulators in a list such as "ses,twilio", or "all". Raises ValueError in words."""
    wanted = [each.strip() for each in text.split(",") if each.strip()]
    if ALL in wanted:
        return list(NAMES)
    unknown = next((each for each in wanted if each not in MODULES), None)
    if unknown is not None:
        raise ValueError(f"there is no simulator {unknown!r}: one of {', '.join(NAMES)}, or {ALL}")
    return [each for each in NAMES if each in wanted]


def ports_of(names: Sequence[str], first: int) -> dict[str, int]:
    """The port of each simulator alone, behind the *first*, which is of all."""
    return {name: first + 1 + NAMES.index(name) for name in names}


def hooks_of(names: Sequence[str], public_url: str, secret: bytes) -> dict[str, str]:
    """Where each simulator posts its reports: the webhook of the route that `fanfare simulators routes` makes of it."""
    return {name: f"{public_url.rstrip('/')}/hooks/{name}/{ids.hook_token(secret, route_name(name))}" for name in names}


def route_name(name: str) -> str:
    """The route to the simulator *name*."""
    return f"sim-{name}"
