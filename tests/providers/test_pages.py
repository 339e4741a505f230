"""What docs/providers.md shows is taken as it stands."""

import json
import re
from pathlib import Path

from app.delivery.routes.checks import wrong_route
from app.providers.registry import adapter_of
from app.routes import Route

PAGE = Path(__file__).parent.parent.parent / "docs" / "providers.md"


def test_the_routes_of_the_page_can_be_stored() -> None:
    """Who starts begins by copying them."""
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    stored: dict[str, Route] = {}
    for each in json.loads(found[1])["routes"]:
        route = Route.model_validate(each)
        assert wrong_route(route, stored) is None
        assert adapter_of(route.adapter, route.channel) is not None
        stored[route.name] = route
    assert len(stored) == 5
