"""Whether a route is gone, as the recipients plane hears of routes."""

import pytest

from agents.stored_routes import StoredRoutes
from app import topics
from app.routes import Route, SmtpServer
from app.stream.directory import Directory

RELAY = Route(name="relay", smtp=SmtpServer(host="localhost")).model_dump_json().encode()


@pytest.fixture
def directory() -> Directory:
    """Nobody has stored a route."""
    return Directory("", topics.ROUTE_CHANGED)


def test_the_implicit_route_is_there_as_long_as_no_other_is(directory: Directory) -> None:
    """
    Who waits to be sent again on a route that is gone would wait for ever.
    """
    routes = StoredRoutes(directory)
    assert (routes.is_gone("smtp"), routes.is_gone("relay")) == (False, True)
    directory._take(b"relay", RELAY)
    assert (routes.is_gone("smtp"), routes.is_gone("relay")) == (True, False)
    directory._take(b"relay", None)
    assert (routes.is_gone("smtp"), routes.is_gone("relay")) == (False, True)


@pytest.mark.parametrize("garbage", [b"", b"{this is not json", b"null", b"\xff" * 10, b"{}"])
def test_what_is_no_route_takes_no_route_away(directory: Directory, garbage: bytes) -> None:
    """
    Pacing goes on over the implicit route: lost outcomes must not be given up meanwhile, as if it were gone.
    """
    routes = StoredRoutes(directory)
    directory._take(b"origin", garbage)
    assert (routes.is_gone("smtp"), routes.is_gone("origin")) == (False, True)
    directory._take(b"relay", RELAY)
    directory._take(b"relay", garbage)
    assert (routes.is_gone("smtp"), routes.is_gone("relay")) == (False, True)


def test_a_route_of_one_account_is_there_for_that_one_alone(directory: Directory) -> None:
    """
    Who signs for it may tell nothing of the messages of others.
    """
    routes = StoredRoutes(directory)
    own = Route(name="own", smtp=SmtpServer(host="localhost"), accounts=["acme"]).model_dump_json().encode()
    directory._take(b"own", own)
    directory._take(b"relay", RELAY)
    assert routes.serves("own", "acme") and not routes.serves("own", "other")
    assert routes.serves("relay", "other") and routes.serves("gone", "other")
