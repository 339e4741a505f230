"""Provider routes over REST and from the terminal: set, refused with the reason, taken from a file, tried out."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.local.ports import free_ports
from tests.resources.conftest import Installation, Program


@pytest.fixture
def operator(installation: Installation) -> Iterator[Program]:
    """A program of the operator; whatever routes it leaves are removed."""
    program = installation.program("operations", "operator")
    yield program
    shown = program("GET", "/v1/routes").body["routes"]
    for each in shown:  # none of them is a fallback any more
        program("PUT", f"/v1/routes/{each['name']}", each | {"fallbacks": []})
    for each in shown:
        assert program("DELETE", f"/v1/routes/{each['name']}").status == 204


def server(port: int, **more: object) -> dict[str, object]:
    """A mail server on this machine."""
    return {"host": "127.0.0.1", "port": port, "tls": "never"} | more


def test_a_route_is_set_shown_changed_and_removed(operator: Program, installation: Installation) -> None:
    """What one edge writes every edge shows; two who change it at once do not undo each other."""
    made = operator("PUT", "/v1/routes/relay-1", {"smtp": server(installation.settings.sink_port), "weight": 2})
    assert (made.status, made.headers["etag"], made.body["weight"]) == (201, '"1"', 2)
    assert "FANFARE_SMTP_HOST no longer" in made.body["notes"][0]
    shown = operator("GET", "/v1/routes/relay-1")
    assert (shown.status, shown.body["smtp"]["port"]) == (200, installation.settings.sink_port)
    changed = operator("PUT", "/v1/routes/relay-1", shown.body | {"weight": 3}, If_Match='"1"')
    assert (changed.status, changed.body["revision"], changed.body["weight"]) == (200, 2, 3)
    stale = operator("PUT", "/v1/routes/relay-1", shown.body, If_Match='"1"')
    assert (stale.status, stale.body["field"]) == (412, "If-Match")
    assert [each["name"] for each in installation.terminal("routes", "list")["routes"]] == ["relay-1"]
    assert operator("DELETE", "/v1/routes/relay-1", If_Match='"2"').status == 204
    gone = operator("GET", "/v1/routes/relay-1")
    assert gone.status == 404 and "GET /v1/routes" in gone.body["detail"]


def test_what_is_wrong_is_named(operator: Program, installation: Installation) -> None:
    """The field as it was sent, and what to do."""
    port = installation.settings.sink_port
    for body, field, words in (
        ({"smtp": server(port), "fallbacks": ["nowhere"]}, "fallbacks.0", "set it first"),
        ({"smtp": server(port), "groups": ["gmail.com"]}, "groups.0", "'gmail'"),
        ({"smtp": server(port), "wieght": 1}, "wieght", ""),
        ({"smtp": server(port) | {"password": "secret"}}, "smtp.password", ""),
        ({"name": "other", "smtp": server(port)}, "name", "path"),
    ):
        refused = operator("PUT", "/v1/routes/relay-1", body)
        assert (refused.status, refused.body["field"]) == (422, field) and words in refused.body["detail"], refused
    operator("PUT", "/v1/routes/last", {"smtp": server(port)})
    operator("PUT", "/v1/routes/first", {"smtp": server(port), "fallbacks": ["last"]})
    circle = operator("PUT", "/v1/routes/last", {"smtp": server(port), "fallbacks": ["first"]})
    assert circle.status == 422 and "last -> first -> last" in circle.body["detail"]
    used = operator("DELETE", "/v1/routes/last")
    assert used.status == 409 and "first" in used.body["detail"]


def test_routes_are_the_operators(installation: Installation, rest: Program) -> None:
    """They are what all accounts send over, with the names of servers and users."""
    assert rest("GET", "/v1/routes").status == 403
    assert rest("PUT", "/v1/routes/x", {"smtp": server(25)}).status == 403


def test_a_route_is_taken_out_of_service_and_put_back(operator: Program, installation: Installation) -> None:
    """Before the provider's maintenance, not after its first errors."""
    operator("PUT", "/v1/routes/relay-1", {"smtp": server(installation.settings.sink_port)})
    opened = operator("POST", "/v1/routes/relay-1/open", {"reason": "maintenance"})
    assert (opened.status, opened.body) == (200, {"name": "relay-1", "in_service": False})
    closed = installation.terminal("routes", "close", "relay-1")
    assert closed["status"] == 200
    assert operator("POST", "/v1/routes/nowhere/open").status == 404


def test_a_file_of_routes_is_applied_whole_or_not_at_all(operator: Program, installation: Installation) -> None:
    """Each after its fallbacks, whatever their order in the file."""
    port = installation.settings.sink_port
    path = installation.folder / "routes.json"

    def apply(*routes: dict[str, Any], code: int = 0, options: tuple[str, ...] = ()) -> Any:
        path.write_text(json.dumps({"routes": list(routes)}))
        return installation.terminal("routes", "apply", str(path), *options, code=code)

    first, last = {"name": "a", "smtp": server(port), "fallbacks": ["z"]}, {"name": "z", "smtp": server(port)}
    assert apply(first, last)["set"] == ["z", "a"]
    assert apply(*installation.terminal("routes", "list")["routes"])["set"] == [], "what is listed is what there is"
    turned = apply({"name": "a", "smtp": server(port)}, last | {"fallbacks": ["a"]})
    assert turned["set"] == ["a", "z"]
    broken = apply(first, last | {"fallbacks": ["a"]}, {"name": "b", "smtp": server(port)}, code=2)
    assert "a -> z -> a" in broken["error"]
    assert [each["name"] for each in installation.terminal("routes", "list")["routes"]] == ["a", "z"]
    assert apply({"name": "a", "smtp": server(port)}, options=("--prune", "--dry-run"))["removed"] == ["z"]
    assert apply({"name": "a", "smtp": server(port)}, options=("--prune",))["removed"] == ["z"]


def test_a_route_is_tried_out(operator: Program, installation: Installation) -> None:
    """Before the first campaign finds out."""
    installation.terminal("routes", "set", "good", "--host", "127.0.0.1", "--port",
                          str(installation.settings.sink_port), "--tls", "never")  # fmt: skip
    tried = installation.terminal("routes", "test", "good", "--to", "me@example.com", "--from", "news@example.com")
    assert tried["works"] and any(step.startswith("greeted") for step in tried["steps"])
    installation.terminal("routes", "set", "bad", "--host", "127.0.0.1", "--port", str(free_ports()))
    refused = installation.terminal("routes", "test", "bad", code=1)
    assert not refused["works"] and "Connection refused" in refused["wrong"]
    installation.terminal("routes", "set", "secret", "--host", "127.0.0.1", "--port",
                          str(installation.settings.sink_port), "--tls", "never", "--user", "me",
                          "--password", "env:NO_SUCH_SECRET")  # fmt: skip
    missing = installation.terminal("routes", "test", "secret", code=1)
    assert "NO_SUCH_SECRET is not set" in missing["wrong"]


def test_a_sink_is_broken_and_mended(operator: Program, installation: Installation) -> None:
    """Whoever reads how failover works wants to see it."""
    port = installation.settings.sink_port
    assert installation.terminal("sinks", "list")["sinks"] == [{"name": "sink", "port": port, "trouble": ""}]
    installation.terminal("routes", "demo")
    installation.terminal("sinks", "break", "sink", "closed")
    for _ in range(50):
        tried = installation.terminal("routes", "list")  # takes a moment: the sink has looked at its orders by then
        assert tried["routes"][0]["name"] == "sink"
        if not _works(installation):
            break
    else:
        pytest.fail("it never broke")
    installation.terminal("sinks", "mend", "sink")
    assert any(_works(installation) for _ in range(50))


def _works(installation: Installation) -> bool:
    from typer.testing import CliRunner

    from app.cli.main import app

    return CliRunner(env=installation.environment).invoke(app, ["routes", "test", "sink"]).exit_code == 0
