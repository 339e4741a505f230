"""Names in a campaign that nothing has: the note says so, what comes of it, and what may be meant."""

from typing import Any

import pytest

from app.delivery.routes.named import notes_on_names
from app.routes import Route
from app.specs import CampaignSpec

ROUTES = {
    name: Route.model_validate({"name": name, "smtp": {"host": "mx.example"}, "tags": tags})
    for name, tags in (("sim-ses", ["ses"]), ("sim-mailgun", ["mailgun"]))
}


def notes(routes: dict[str, Route] = ROUTES, **said: Any) -> list[str]:
    """What is said of a campaign."""
    spec = {"name": "Spring", "from_email": "a@example.com", "lists": ["all"]} | said
    return notes_on_names(CampaignSpec.model_validate(spec), routes)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"route_tags": ["sess"]}, ["the tag 'sess'", "nothing leaves until one has it", "is 'ses' meant?"]),
        ({"route_tags": ["ses", "sess"]}, ["the tag 'sess'", "it leaves over sim-ses"]),
        ({"throttle": {"per_group": {"gmial": 5}}}, ["the group 'gmial'", "is 'gmail' meant?"]),
        ({"throttle": {"per_group": {"gmail.com": 5}}}, ["the MX group 'gmail'"]),
        ({"throttle": {"per_route": {"sim-sess": 5}}}, ["no route 'sim-sess'", "is 'sim-ses' meant?"]),
    ],
)
def test_a_name_that_nothing_has_is_told(said: dict[str, Any], words: list[str]) -> None:
    """Else the campaign waits, or runs faster than it should, and nobody knows why."""
    (note,) = notes(**said)
    assert all(each in note for each in words), note


def test_names_that_there_are_need_no_note() -> None:
    """Groups, domains, countries and carriers; stars; the route that there is while none is stored."""
    groups = {"gmail": 5, "other": 1, "*": 2, "example.com": 1, "IN": 1, "IN/airtel": 1}
    assert notes(route_tags=["ses"], throttle={"per_group": groups, "per_route": {"sim-ses": 1, "*": 2}}) == []
    assert notes({}, throttle={"per_route": {"smtp": 1}}) == []
    (note,) = notes({}, route_tags=["ses"])
    assert "none has a tag" in note and "nothing leaves" in note
