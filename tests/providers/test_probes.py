"""A request that sends nothing shows whether an account works, and says so in words."""

from types import ModuleType
from typing import Any

import pytest

from app.provider_accounts import Mailgun, SendGrid, Ses
from app.providers import mailgun, sendgrid, ses, twilio, twilio_voice, vonage, whatsapp
from tests.providers.phone_routes import AT, SECRETS, TWILIO, VONAGE, WHATSAPP, answer

SENDGRID = SendGrid(api_key="env:K")
MAILGUN = Mailgun(domain="mg.acme.example", region="eu", api_key="env:K")
SES = Ses(region="eu-west-1", access_key="env:A", secret_key="env:S")
QUOTA = {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 3.0}
ACCOUNT = {"friendly_name": "Acme", "status": "active", "type": "Full"}
NUMBER = {"display_phone_number": "+1 555-078-3881", "verified_name": "Acme", "quality_rating": "GREEN",
          "throughput": {"level": "STANDARD"}}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "config", "url"),
    [
        (twilio, TWILIO, "https://api.twilio.com/2010-04-01/Accounts/AC" + "a" * 32 + ".json"),
        (twilio_voice, TWILIO, "https://api.twilio.com/2010-04-01/Accounts/AC" + "a" * 32 + ".json"),
        (vonage, VONAGE, "https://rest.nexmo.com/account/get-balance?api_key=abcd1234&api_secret=secret"),
        (
            whatsapp, WHATSAPP,
            "https://graph.facebook.com/v23.0/106540352242922"
            "?fields=display_phone_number,verified_name,quality_rating,throughput",
        ),
        (sendgrid, SENDGRID, "https://api.sendgrid.com/v3/scopes"),
        (mailgun, MAILGUN, "https://api.eu.mailgun.net/v3/domains/mg.acme.example"),
        (ses, SES, "https://email.eu-west-1.amazonaws.com/v2/email/account"),
    ],
)  # fmt: skip
def test_a_probe_sends_nothing(module: ModuleType, config: Any, url: str) -> None:
    """It only reads."""
    request = module.probe_for(config, SECRETS | {"api_key": "k", "access_key": "a", "secret_key": "s"}, AT)
    assert (request.method, request.url, request.body) == ("GET", url, b"")


@pytest.mark.parametrize(
    ("module", "config", "status", "document", "wrong"),
    [
        (twilio, TWILIO, 200, ACCOUNT, ""),
        (twilio, TWILIO, 200, {**ACCOUNT, "status": "suspended"}, "the account is suspended"),
        (
            twilio,
            TWILIO,
            401,
            {"code": 20003, "message": "Authenticate"},
            "the credentials were not taken: Authenticate",
        ),
        (twilio, TWILIO, 200, b"<html>", "this is no account"),
        (vonage, VONAGE, 200, {"value": 10.5}, ""),
        (vonage, VONAGE, 200, {"value": 0}, "there is no balance"),
        (vonage, VONAGE, 200, {"value": "x"}, "this is no balance"),
        (
            vonage,
            VONAGE,
            401,
            {"error-code": "401", "error-code-label": "authentication failed"},
            "authentication failed",
        ),
        (whatsapp, WHATSAPP, 200, NUMBER, ""),
        (whatsapp, WHATSAPP, 400, {"error": {"code": 190, "message": "expired"}}, "expired"),
        (whatsapp, WHATSAPP, 404, {}, "no such account"),
        (sendgrid, SENDGRID, 200, {"scopes": ["mail.send"]}, ""),
        (sendgrid, SENDGRID, 200, {"scopes": []}, "may not send"),
        (sendgrid, SENDGRID, 403, {"errors": [{"message": "access forbidden"}]}, "access forbidden"),
        (mailgun, MAILGUN, 200, {"domain": {"state": "active"}}, ""),
        (mailgun, MAILGUN, 200, {"domain": {"state": "unverified"}}, "the domain is unverified"),
        (mailgun, MAILGUN, 401, b"Forbidden", "credentials were not taken: HTTP 401 Forbidden"),
        (ses, SES, 200, {"SendingEnabled": True, "ProductionAccessEnabled": True, "SendQuota": QUOTA}, ""),
        (ses, SES, 200, {"SendingEnabled": False, "SendQuota": QUOTA}, "sending is disabled"),
        (ses, SES, 403, {"message": "The security token is invalid"}, "security token is invalid"),
        (sendgrid, SENDGRID, 503, b"", "it answered 503"),
        (sendgrid, SENDGRID, 429, b"", "try again"),
    ],
)
def test_its_answer_says_whether_the_account_works(
    module: ModuleType, config: Any, status: int, document: object, wrong: str
) -> None:
    """And what is wrong with it, in the provider's words."""
    told = module.probe_told(config, answer(status, document))
    assert (wrong in told.wrong) if wrong else (told.wrong == "" and told.steps)


def test_a_trial_account_is_told_of() -> None:
    """It sends to nobody but who was verified."""
    assert len(twilio.probe_told(TWILIO, answer(200, {**ACCOUNT, "type": "Trial"})).steps) == 2
