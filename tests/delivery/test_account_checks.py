"""Accounts of providers that cannot work are refused when they are set, not when 100,000 messages wait."""

from typing import Any

import pytest

from app.delivery.routes.account_checks import notes_on_account, wrong_sender_id
from app.delivery.routes.checks import wrong_route
from app.routes import Route

TWILIO = {"account_sid": "AC" + "a" * 32, "auth_token": "env:T"}
VONAGE = {"api_key": "k", "api_secret": "env:S"}
SERVICE = "MG" + "b" * 32
WHATSAPP = {"number_id": "106540352242922", "token": "env:T"}


def a_route(adapter: str, channel: str = "sms", countries: tuple[str, ...] = (), **account: Any) -> Route:
    """A route with one account."""
    return Route.model_validate({"name": "r", "channel": channel, "countries": countries, adapter: account})


@pytest.mark.parametrize(
    ("route", "field"),
    [
        (a_route("twilio", **TWILIO, sender="Acme", countries=("FR", "US")), "twilio.sender"),
        (a_route("vonage", **VONAGE, sender="Acme", countries=("CN",)), "vonage.sender"),
        (a_route("vonage", **VONAGE, sender="Acme and Sons"), "vonage.sender"),
        (a_route("vonage", **VONAGE, sender="Ácme"), "vonage.sender"),
        (a_route("twilio", **TWILIO, api_key="SK1"), "twilio.api_secret"),
        (a_route("twilio", **TWILIO, api_secret="env:X"), "twilio.api_key"),
        (a_route("twilio", **TWILIO, messaging_service="news"), "twilio.messaging_service"),
        (a_route("twilio", "voice", **TWILIO, messaging_service=SERVICE), "twilio.messaging_service"),
        (a_route("twilio", "voice", **TWILIO, sender="Acme"), "twilio.sender"),
        (a_route("twilio", **TWILIO, test=True), "twilio.test"),
        (a_route("whatsapp", "whatsapp", **WHATSAPP, test=True), "whatsapp.test"),
        (a_route("vonage", **VONAGE, url="http://api.example.com"), "vonage.url"),
    ],
)
def test_an_account_that_cannot_work_is_refused(route: Route, field: str) -> None:
    """And the field at fault is named."""
    wrong = wrong_route(route, {})
    assert wrong is not None and wrong[0] == field


@pytest.mark.parametrize(
    "route",
    [
        a_route("twilio", **TWILIO, sender="Acme", countries=("FR",)),
        a_route("twilio", **TWILIO, sender="Acme", messaging_service=SERVICE, countries=("US",)),
        a_route("twilio", **TWILIO, sender="+15005550006", countries=("US",)),
        a_route("twilio", **TWILIO, sender="12345", countries=("US",)),
        a_route("twilio", "voice", **TWILIO, sender="+15005550006"),
        a_route("vonage", **VONAGE, sender="447700900000", url="http://127.0.0.1:26001"),
        a_route("msg91", auth_key="env:K", sender="ACMEIN", countries=("IN",)),
    ],
)
def test_an_account_that_may_work_is_taken(route: Route) -> None:
    """What only the provider knows is left to it."""
    assert wrong_route(route, {}) is None


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (a_route("twilio", **TWILIO), ["no sender"]),
        (a_route("twilio", **TWILIO, messaging_service=SERVICE), []),
        (a_route("vonage", **VONAGE, sender="A"), ["signature_secret"]),
        (a_route("msg91", auth_key="env:K", sender="A"), ["from_addresses"]),
        (a_route("whatsapp", "whatsapp", **WHATSAPP), ["app_secret and verify_token"]),
        (a_route("whatsapp", "whatsapp", **WHATSAPP, app_secret="env:A", verify_token="env:V"), []),
    ],
)
def test_what_may_surprise_is_said(route: Route, words: list[str]) -> None:
    """Whoever sets the route reads it, and nobody who sends."""
    notes = notes_on_account(route)
    assert len(notes) == len(words) and all(word in note for word, note in zip(words, notes, strict=True))


def test_a_sender_is_a_number_or_a_short_name() -> None:
    """The same for what a campaign names."""
    assert [wrong_sender_id(each) for each in ("", "+15005550006", "40404", "Acme", "A&B 24", SERVICE)] == [""] * 6
    assert all(wrong_sender_id(each) for each in ("12", "Acme International", "Ä", "a|b"))
