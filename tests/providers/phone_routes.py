"""Accounts, messages and samples that the tests of the providers of phones share."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from app.content.sms_message import SmsText
from app.content.voice_message import VoiceText
from app.content.whatsapp_message import WhatsAppTemplate
from app.provider_accounts import Msg91, Twilio, Vonage, WhatsAppNumber
from app.providers.contract import Answer, Hook, Message
from app.records import ReceivedReport

SAMPLES = Path(__file__).parent.parent / "samples"
AT = 1_786_000_000.0
ID = bytes(range(16))
CALLBACK = "https://f.test/hooks/x/token"

TWILIO = Twilio(account_sid="AC" + "a" * 32, auth_token="env:T", sender="+15005550006")
MSG91 = Msg91(auth_key="env:K", sender="ACMEIN")
VONAGE = Vonage(api_key="abcd1234", api_secret="env:S", signature_secret="env:G", sender="AcmeInc")
WHATSAPP = WhatsAppNumber(number_id="106540352242922", token="env:T", app_secret="env:A", verify_token="env:V")
SECRETS = {
    "auth_token": "test_auth_token_0123456789abcdef", "auth_key": "key", "api_secret": "secret", "token": "EAAG",
    "signature_secret": "signature_secret", "app_secret": "wa_app_secret_for_tests", "verify_token": "meatyhamhock",
}  # fmt: skip


def sample(name: str) -> Any:
    """The sample *name* as it is stored."""
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def received(name: str, provider: str, query: str = "") -> ReceivedReport:
    """The sample *name* as a webhook."""
    stored = sample(name)
    if isinstance(stored, dict) and "form" in stored:
        kind = stored["content_type"]
        return ReceivedReport(provider, "r", "webhook", AT, urlencode(stored["form"]).encode(), kind, query)
    return ReceivedReport(provider, "r", "webhook", AT, json.dumps(stored).encode(), "application/json", query)


def reported(provider: str, body: bytes, query: str = "", source: str = "webhook") -> ReceivedReport:
    """A webhook, or the answer to a look-up, with *body*."""
    return ReceivedReport(provider, "r", source, AT, body, "", query)


def sms(text: str = "Hello", number: str = "+14155550100", **fields: Any) -> Message:
    """An SMS on its way."""
    content = SmsText(text, fields.pop("dlt_template", ""), fields.pop("variables", {}))
    return Message(ID, 1, "acme", "c", number, content, **{"callback": CALLBACK, **fields})


def call(text: str = "Hello", **fields: Any) -> Message:
    """A call on its way."""
    content = VoiceText(text, **fields.pop("content", {}))
    return Message(ID, 1, "acme", "c", "+14155550100", content, **{"callback": CALLBACK, **fields})


def template(**fields: Any) -> Message:
    """A WhatsApp message on its way."""
    return Message(ID, 2, "acme", "c", "+16505551234", WhatsAppTemplate("spring_sale", "en_US", **fields))


def answer(status: int, document: Any) -> Answer:
    """An answer with a JSON document, or with bytes as they are."""
    return Answer(status, {}, document if isinstance(document, bytes) else json.dumps(document).encode())


def hook(url: str, body: bytes = b"", method: str = "POST", **headers: str) -> Hook:
    """A webhook request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Hook(method, url, url.partition("?")[2], named, body, "203.0.113.7")
