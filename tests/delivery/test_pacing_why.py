"""What is told of why a route was chosen."""

from types import SimpleNamespace
from typing import Any

from app.delivery.health import AllWell
from app.delivery.pacing_why import Reasons
from app.delivery.routing import Plan
from app.routes import Route


def test_a_weight_that_was_changed_is_told_as_it_is() -> None:
    """The steps of a plan stay as they were when a weight changes: what was told before must not be told again."""
    routes = {name: Route.model_validate({"name": name, "smtp": {"host": "h"}, "weight": 3}) for name in "ab"}
    way: Any = SimpleNamespace(plan=Plan("p", (("a", "b"),)))
    reasons = Reasons(routes, AllWell())
    assert reasons.why(way, 0, "a", "", ()) == "a: 1st of 1, weight 3 of 6"
    routes["a"] = routes["a"].model_copy(update={"weight": 1})
    assert reasons.why(way, 0, "a", "", ()) == "a: 1st of 1, weight 1 of 4"
