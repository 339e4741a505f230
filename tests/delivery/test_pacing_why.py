"""What is told of why a route was chosen."""

from types import SimpleNamespace
from typing import Any

from app.delivery.pacing.why import Reasons
from app.delivery.routes.health import AllWell
from app.delivery.routes.plan import Balance, Plan


def test_a_weight_that_was_changed_is_told_as_it_is() -> None:
    """The steps of a plan stay as they were when a weight changes: what was told before must not be told again."""
    way: Any = SimpleNamespace(plan=Plan("p", (("a", "b"),)), balances=[Balance({"a": 3, "b": 3})])
    reasons = Reasons(AllWell())
    assert reasons.why(way, 0, "a", "", ()) == "a: 1st of 1, weight 3 of 6"
    way.balances = [Balance({"a": 1, "b": 3})]
    assert reasons.why(way, 0, "a", "", ()) == "a: 1st of 1, weight 1 of 4"
