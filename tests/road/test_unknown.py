"""Outcomes that are lost on the way back: listed, told by a person, and counted once."""

import json
from collections.abc import Iterator
from itertools import count

import pytest

from app.local.parts import sink_orders
from tests.road.conftest import Installation
from tests.road.rest_client import rest

pytestmark = pytest.mark.integration

PEOPLE = 12
LOST = 6
ORDERS = count(1)


@pytest.fixture
def losing(installation: Installation) -> Iterator[None]:
    """The sink takes some messages and cuts the connection before it says so."""
    orders = sink_orders(installation.settings.state_dir, "sink")
    orders.write_text(json.dumps({"drop_replies": LOST, "latency_ms": next(ORDERS)}))  # another order each time
    yield
    orders.unlink()


@pytest.mark.usefixtures("losing")
def test_who_knows_what_became_of_a_message_tells_and_the_books_agree(installation: Installation) -> None:
    """
    The relay took messages and died before it said so. Its log tells which: nobody is left out, and nobody is doubled
    but where the one who told was wrong.
    """
    rows = [{"email": f"p{number}@fine{number}.example", "first_name": "P", "city": "X"} for number in range(PEOPLE)]
    installation.people("unknown", rows)
    campaign = installation.start("unknown", unknown_after=3_600.0)
    path = f"/v1/campaigns/{campaign}"
    api = rest(installation, "campaigns")
    status = api.until(f"{path}/status", lambda said: said.body["done"] == PEOPLE - LOST)
    assert status.body["counts"]["unknown"] == LOST and status.body["state"] == "RUNNING"
    listed = api.until(f"{path}/unknown", lambda said: len(said.body["messages"]) == LOST).body["messages"]
    assert {each["standing"] for each in listed} == {"open"} and all(each["address"] for each in listed)

    lost = [each["message"] for each in listed]
    for body in (
        {"outcome": "sent"},
        {"outcome": "sent", "all": True, "messages": lost},
        {"outcome": "lost", "all": True},
    ):
        assert api.ask("POST", f"{path}/unknown:resolve", body).status == 422
    said = api.ask("POST", f"{path}/unknown:resolve", {"outcome": "sent", "messages": lost[:3]})
    assert said.status == 200 and said.body["state"] == "RUNNING"
    resolved = installation.command(
        kind="campaign.resolve", campaign=campaign, resolution={"outcome": "not_sent", "messages": lost[3:4]}
    )
    assert resolved.answer.status == 200
    api.until(f"{path}/status", lambda said: said.body["done"] == PEOPLE - 2)
    for _ in range(2):  # the second one finds nothing
        assert api.ask("POST", f"{path}/unknown:resolve", {"outcome": "give_up", "all": True}).status in (200, 409)
    installation.wait_for(campaign, "COMPLETED")
    counts = installation.entry(campaign).counters
    assert counts["sent"] + counts.get("delivered", 0) == PEOPLE - 2
    assert (counts["unknown"], counts["unknown.resolved"], counts["unknown.resent"], counts["unknown.decided"]) == (
        LOST, 3, 1, 2,
    )  # fmt: skip
    sunk = [each.message for each in installation.sunk() if "@fine" in each.address]
    assert len(set(sunk)) == PEOPLE and sorted(lost[3:4]) == sorted({each for each in sunk if sunk.count(each) > 1})
    left = api.until(f"{path}/unknown?standing=decided", lambda said: len(said.body["messages"]) == 2).body["messages"]
    assert {each["message"] for each in left} == set(lost[4:])
    assert len(api.until(f"{path}/unknown", lambda said: len(said.body["messages"]) == 2).body["messages"]) == 2
    late = api.ask("POST", f"{path}/unknown:resolve", {"outcome": "sent", "all": True})
    assert late.status == 409 and "decided" in late.body["detail"]


@pytest.mark.usefixtures("losing")
def test_by_age_it_is_sent_again_where_the_campaign_says_so(installation: Installation) -> None:
    """
    A receipt is worth a second copy: nobody is left out, and the campaign ends by itself.
    """
    rows = [{"email": f"q{number}@again{number}.example", "first_name": "Q", "city": "X"} for number in range(PEOPLE)]
    installation.people("again", rows)
    campaign = installation.start("again", unknown_after=1.0, unknown_then="resend")
    installation.wait_for(campaign, "COMPLETED")
    counts = installation.entry(campaign).counters
    assert counts["sent"] == PEOPLE and counts["unknown"] == counts["unknown.resent"] == LOST
    sunk = [each.message for each in installation.sunk() if "@again" in each.address]
    assert len(set(sunk)) == PEOPLE and len(sunk) == PEOPLE + LOST
