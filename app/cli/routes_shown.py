"""How routes are shown on a terminal: one a line, or all of one. Pure."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.delivery.reports.words import STATES, told_of
from app.ids import hook_token
from app.routes import Route, RouteStatus

COLUMNS = ("route", "state", "messages/s", "on the way", "share", "provider", "pool", "takes", "falls back to", "why")
RIGHT = (2, 3, 4)
# adapter -> fields that say which account it is
IDENTITIES = {
    "ses": ("region",), "mailgun": ("domain", "region"), "twilio": ("account_sid",), "vonage": ("api_key",),
    "smpp": ("host", "port", "system_id"), "whatsapp": ("number_id",),
}  # fmt: skip
ALWAYS = ("url", "connections", "timeout", "sender")  # shown in any case, where there are such
WITHOUT_WEBHOOKS = ("smtp", "smpp")
CONDITIONS = ("accounts", "groups", "countries", "carriers", "tags", "tiers")


def rows_of(routes: Sequence[Route], statuses: Mapping[str, RouteStatus]) -> list[tuple[object, ...]]:
    """One row a route. The share is of the messages that all routes answer just now."""
    total = sum(status.speed for status in statuses.values())
    rows: list[tuple[object, ...]] = []
    for route in routes:
        status = statuses.get(route.name)
        speed = status.speed if status is not None else 0.0
        rows.append((
            route.name, _state(route, status), f"{speed:,.0f}", status.on_the_way if status is not None else "",
            f"{speed / total:.0%}" if total else "", route.provider, route.sender, conditions(route) or "all",
            _fallbacks(route), "" if status is None else status.reason or STATES.get(status.reports, ""),
        ))  # fmt: skip
    return rows


def _server(route: Route) -> list[tuple[str, object]]:
    """Where messages go; of secrets, only where they stand."""
    server = route.smtp
    if server is None:
        return _account(route)
    return [
        ("server", f"{server.host}:{server.port}, tls {server.tls}"),
        ("login", f"{server.user}, password in {server.password}" if server.user else "none"),
        ("connections", f"{server.connections} of each sender, {server.messages_per_connection} messages each"),
        ("timeout", f"{server.timeout:g} s"),
    ]


def _account(route: Route) -> list[tuple[str, object]]:
    """The account of a provider, in its own words: who it is, where its secrets stand, what was set."""
    told = route.config.model_dump(exclude_defaults=True)
    secrets = {name: value for name, value in told.items() if str(value).startswith(("env:", "file:"))}
    named = {name: told[name] for name in IDENTITIES.get(route.adapter, ()) if name in told}
    kept = {name: value for name, value in told.items() if name not in (*secrets, *named, *ALWAYS)}
    config = route.config.model_dump()
    lines: list[tuple[str, object]] = [
        ("channel", route.channel),
        ("account", f"{route.adapter} {', '.join(str(each) for each in named.values())}".strip()),
        ("secrets", ", ".join(f"{name} in {place}" for name, place in secrets.items()) or "none"),
    ]
    if "url" in config:
        lines += [
            ("API", config["url"] or "where the provider has it"),
            (
                "requests",
                f"{config['connections']} at once of each sender, {config['timeout']:g} s until one is given up",
            ),
        ]
    if "sender" in config:
        lines.append(("sender", config["sender"] or config.get("messaging_service") or "that of the campaign"))
    lines += [(name.replace("_", " "), _words(value)) for name, value in kept.items()]
    return lines


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def details(route: Route, status: RouteStatus | None, webhook: str = "") -> list[tuple[str, object]]:
    """Everything of a route, line by line. *webhook* is the address that its provider reports to, "" for none."""
    rules = route.breaker
    lines: list[tuple[str, object]] = [
        ("state", _state(route, status)),
        *_server(route),
        ("provider, pool", f"{route.provider}, {route.sender}"),
        ("takes", conditions(route) or "all"),
        ("weight, cost", f"{route.weight}, {route.cost:g}"),
        ("falls back to", _fallbacks(route)),
        (
            "breaker",
            f"opens when {rules.errors:.0%} of {rules.least} answers or more in {rules.window:g} s are errors, or "
            f"{rules.bounces:.0%} refused for good, or after {rules.silence:g} s of silence; tried again after "
            f"{rules.open_for:g} to {rules.longest:g} s",
        ),
        *([("webhooks to", webhook)] if webhook else []),
        ("revision", route.revision),
    ]
    if status is not None:
        lines[1:1] = [
            ("why", status.reason or "-"),
            ("messages/s", f"{status.speed:,.1f}"),
            ("on the way", status.on_the_way),
            ("reports", told_of(status) or "-"),
            *((f"towards {each.group}", each.reason or f"at {each.factor:.0%} of its rate") for each in status.senders),
        ]
    return lines


def as_json_of(route: Route, status: RouteStatus | None) -> dict[str, Any]:
    """A route for programs."""
    return route.model_dump(mode="json") | {"status": status.model_dump(mode="json") if status is not None else None}


def conditions(route: Route) -> str:
    """Whose messages it takes, "" for everybody's."""
    named = {field: getattr(route, field) for field in CONDITIONS}
    return "; ".join(f"{field} {', '.join(values)}" for field, values in named.items() if values)


def _state(route: Route, status: RouteStatus | None) -> str:
    if not route.enabled:
        return "disabled"
    if status is None:
        return "not heard of"
    match status.state:
        case "closed":
            return "in service"
        case "open":
            left = max(0, round(status.until - time.time())) if status.until else 0
            return f"out of service{f', tried again in {left} s' if left else ''}"
        case "half_open":
            return "being tried"
    return status.state


def _fallbacks(route: Route) -> str:
    if route.fallbacks is None:
        return "any"
    return ", ".join(route.fallbacks) or "nobody"


def webhook_of(route: Route, public_url: str, secret: bytes) -> str:
    """The address for the webhooks of *route*; "" where its provider has none."""
    if route.adapter in WITHOUT_WEBHOOKS:
        return ""
    return f"{public_url.rstrip('/')}/hooks/{route.adapter}/{hook_token(secret, route.name)}"
