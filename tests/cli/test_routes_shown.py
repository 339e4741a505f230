"""Routes on a terminal: the account of a provider is told in words, and its secrets only by their places."""

from app.cli.routes_shown import details, rows_of
from app.routes import Route, RouteStatus


def test_the_account_of_a_provider_is_told_in_words() -> None:
    """Who looks at a route wants to know whose account it is, and what was set otherwise than usual."""
    route = Route.model_validate({
        "name": "sms-us", "channel": "sms",
        "twilio": {
            "account_sid": "AC" + "a" * 32, "auth_token": "env:TWILIO_AUTH_TOKEN", "sender": "+15005550006",
            "valid_for": 600, "url": "http://127.0.0.1:26001", "timeout": 5,
        },
    })  # fmt: skip
    told = dict(details(route, None))
    assert told["channel"] == "sms"
    assert told["account"] == "twilio AC" + "a" * 32
    assert told["secrets"] == "auth_token in env:TWILIO_AUTH_TOKEN"
    assert (told["API"], told["sender"], told["valid for"]) == ("http://127.0.0.1:26001", "+15005550006", "600")
    assert told["requests"] == "64 at once of each sender, 5 s until one is given up"
    assert "timeout" not in told and "api key" not in told


def test_a_route_whose_webhooks_do_not_come_says_so() -> None:
    """In the list, too, where it is seen by who looks for something else."""
    route = Route.model_validate({"name": "sg", "sendgrid": {"api_key": "env:KEY"}})
    status = RouteStatus(route="sg", at=1.0, lag=2.0, lag_most=600.0, bounced=0.0612, complained=0.0011)
    told = dict(details(route, status))
    assert told["reports"] == (
        "half came within 2 s of late, 95 % within 10 min; 6.12% bounced within a day; 0.110% complained"
    )
    missing = RouteStatus(route="sg", at=1.0, reports="missing")
    assert dict(details(route, missing))["reports"] == "webhooks are missing"
    assert rows_of([route], {"sg": missing})[0][-1] == "webhooks are missing"
    assert dict(details(route, RouteStatus(route="sg", at=1.0)))["reports"] == "-"


def test_what_is_set_to_the_usual_is_not_shown() -> None:
    """And what has no sender says where it comes from."""
    route = Route.model_validate(
        {"name": "in", "channel": "sms", "msg91": {"auth_key": "file:/k", "transactional": True}}
    )
    told = dict(details(route, None))
    assert (told["account"], told["secrets"], told["transactional"]) == ("msg91", "auth_key in file:/k", "yes")
    assert told["sender"] == "that of the campaign" and told["API"] == "where the provider has it"
    smpp = Route.model_validate(
        {"name": "c", "channel": "sms", "smpp": {"host": "smsc.example.com", "system_id": "me"}}
    )
    assert dict(details(smpp, None))["account"] == "smpp smsc.example.com, me"
