"""Routes in a file: what `fanfare routes apply` tells of the changes before it makes them."""

from app.cli.routes_file import planned
from app.routes import Route


def test_a_change_of_a_provider_account_is_told_field_by_field() -> None:
    """Only what differs, by its place; an account that a route does not have is none."""
    before = Route.model_validate({"name": "grid", "sendgrid": {"api_key": "env:KEY"}})
    after = before.model_copy(deep=True, update={"report_after": 60})
    assert after.sendgrid is not None
    after.sendgrid.timeout = 5
    assert planned([after], {"grid": before}, prune=False).lines() == [
        "~ grid: sendgrid.timeout 30.0 -> 5.0, report_after None -> 60.0"
    ]


def test_a_route_that_changes_from_a_mail_server_to_a_provider_is_told() -> None:
    """Fields that are gone with the server as well as those of the account."""
    before = Route.model_validate({"name": "mail", "smtp": {"host": "mta.example"}})
    after = Route.model_validate({"name": "mail", "sendgrid": {"api_key": "env:KEY"}})
    (line,) = planned([after], {"mail": before}, prune=False).lines()
    assert "smtp.host 'mta.example' -> None" in line
    assert "sendgrid.api_key None -> 'env:KEY'" in line
