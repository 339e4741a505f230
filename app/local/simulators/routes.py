"""Routes to the simulators, with accounts that those know."""

from collections.abc import Sequence
from typing import Any

from app.local.ports import LOOPBACK
from app.local.simulators.keys import Keys
from app.local.simulators.known import ports_of, route_name
from app.local.simulators.smpp import SYSTEM_ID
from app.routes import Route

REGION = "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:fanfare-simulated"
MAIL_DOMAIN = "mg.example.org"  # at Mailgun
NUMBER = "+15005550006"
SENDER_ID = "FANFAR"
EMAIL = ("ses", "sendgrid", "mailgun")
SMS = ("twilio", "msg91", "vonage", "smpp")
VOICE = "twilio-voice"


def routes_of(names: Sequence[str], first_port: int, keys: Keys) -> list[Route]:
    """A route for each of the simulators *names*, which listen on *first_port* and those behind it.

    Of a channel other than email the first one takes campaigns without route tags, the others those with their name
    as a tag. Those of email all do: mail without a tag goes where it went before.
    """
    ports = ports_of(names, first_port)
    made = [
        _route(name, "email" if name in EMAIL else "sms" if name in SMS else name, name, ports[name], keys)
        for name in names
    ]
    if "twilio" in names:
        made.append(_route(VOICE, "voice", "twilio", ports["twilio"], keys))
    first_sms = next((name for name in names if name in SMS), None)
    routes = []
    for name, fields in made:
        alone = name not in (*EMAIL, *SMS) or name == first_sms
        routes.append(Route.model_validate(fields | {"tags": [] if alone else [name]}))
    return routes


def _route(name: str, channel: str, simulator: str, port: int, keys: Keys) -> tuple[str, dict[str, Any]]:
    where = (
        {"host": LOOPBACK, "port": port} if simulator == "smpp" else {"url": f"http://{LOOPBACK}:{port}/{simulator}"}
    )
    account = where | {"timeout": 10} | _account(simulator, keys)
    return name, {
        "name": route_name(name), "channel": channel, "provider": route_name(simulator), simulator: account,
        "breaker": {"open_for": 5, "longest": 20},
    }  # fmt: skip


def _account(simulator: str, keys: Keys) -> dict[str, Any]:
    """What the account at the provider is made of."""
    match simulator:
        case "ses":
            return {
                "region": REGION, "access_key": keys.place("ses-access-key"),
                "secret_key": keys.place("ses-secret-key"), "topics": [TOPIC],
                "certificate": keys.place("sns-certificate"), "configuration_set": "fanfare",
            }  # fmt: skip
        case "sendgrid":
            return {"api_key": keys.place("sendgrid-api-key"), "webhook_keys": [keys.sendgrid_public()]}
        case "mailgun":
            return {
                "domain": MAIL_DOMAIN, "api_key": keys.place("mailgun-api-key"),
                "signing_key": keys.place("mailgun-signing-key"),
            }  # fmt: skip
        case "twilio":
            return {
                "account_sid": keys.text("twilio-account-sid"), "auth_token": keys.place("twilio-auth-token"),
                "sender": NUMBER,
            }  # fmt: skip
        case "msg91":
            return {"auth_key": keys.place("msg91-auth-key"), "sender": SENDER_ID}
        case "vonage":
            return {
                "api_key": keys.text("vonage-api-key"), "api_secret": keys.place("vonage-api-secret"),
                "signature_secret": keys.place("vonage-signature-secret"), "sender": SENDER_ID,
            }  # fmt: skip
        case "smpp":
            return {"system_id": SYSTEM_ID, "password": keys.place("smpp-password"), "sender": SENDER_ID}
        case _:
            return {
                "number_id": keys.text("whatsapp-number-id"), "token": keys.place("whatsapp-token"),
                "app_secret": keys.place("whatsapp-app-secret"), "verify_token": keys.place("whatsapp-verify-token"),
            }  # fmt: skip
