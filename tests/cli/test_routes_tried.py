"""Whether a route works, does not, or cannot be tried from here."""

import pytest

from app.cli.routes_test import Untried, tried
from app.routes import Route


def test_a_provider_without_a_harmless_request_cannot_be_tried() -> None:
    """Nobody knows whether its route works: "it does not work" would have somebody look for a fault."""
    account = {"auth_key": "env:KEY", "sender": "ACMEIN"}
    route = Route.model_validate({"name": "in", "channel": "sms", "msg91": account})
    with pytest.raises(Untried, match="msg91 has no request that sends nothing"):
        tried(route)
