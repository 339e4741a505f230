"""Pacers for tests: with the one route that there is as long as none is set, or with others."""

from app.delivery.pacing.pacer import Pacer
from app.delivery.routes.health import Health, Shaping
from app.provider_accounts import SmtpServer
from app.routes import Route

SERVER = SmtpServer(host="relay.example")


def a_route(name: str, **fields: object) -> Route:
    """A route over *name*."""
    return Route.model_validate({"name": name, "smtp": SERVER, "provider": f"p-{name}"} | fields)


def a_pacer(partitions: int, *routes: Route, health: Health | None = None) -> Pacer:
    """A pacer with *routes*, or the implied one."""
    pacer = Pacer(partitions, health)
    pacer.implied(Route(name="smtp", pool="smtp", smtp=SERVER))
    for route in routes:
        pacer.route(route.name, route)
    return pacer


class Ward:
    """The health of routes as a test says it is."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}  # route -> places, where its breaker is not closed
        self.shaped: dict[tuple[str, str], Shaping] = {}

    def places(self, route: str, _now: float) -> int | None:
        """As it was said."""
        return self.open.get(route)

    def shaping(self, pool: str, group: str) -> Shaping | None:
        """As it was said."""
        return self.shaped.get((pool, group))

    def is_shaped(self, pool: str) -> bool:
        """As it was said of any group."""
        return any(each == pool for each, _ in self.shaped)

    def why_not(self, route: str) -> str:
        """Some reason."""
        return "52 % of 40 answers failed" if route in self.open else ""
