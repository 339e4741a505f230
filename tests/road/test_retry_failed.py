"""Retry only the failed: those whom nobody would take in time get their message from a second campaign."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import orjson
import pytest

from app import ids
from app.local.parts import sink_orders
from tests.road.conftest import Installation
from tests.road.rest_client import rest

pytestmark = pytest.mark.integration

PEOPLE = 10
ORDERS = count(1)


@pytest.fixture
def order(installation: Installation) -> Iterator[Callable[..., None]]:
    """Tells the sink how to behave."""
    path = sink_orders(installation.settings.state_dir, "sink")

    def told(**orders: Any) -> None:
        path.write_text(json.dumps(orders | {"latency_ms": next(ORDERS)}))

    yield told
    path.unlink(missing_ok=True)


def test_only_the_failed_are_tried_again_and_everybody_has_one_message(
    installation: Installation, order: Callable[..., None]
) -> None:
    """
    A provider was ill for an afternoon. Who was reached gets no second copy, and who has left none.
    """
    address = [f"p{number}@{'good' if number < 4 else 'ill'}{number}.example" for number in range(PEOPLE)]
    api = rest(installation, "campaigns")
    installation.people("retry", [{"email": each, "first_name": "P", "city": "X"} for each in address])
    installation.people("reached", [{"email": each, "first_name": "P", "city": "X"} for each in address[:4]])
    before = installation.start("reached", dedup={"key": "letter"})
    installation.wait_for(before, "COMPLETED")
    order(answers={"RCPT": "451 4.3.0 try again"})
    campaign = installation.start("retry", dedup={"key": "letter"}, retry_delays=[3.0])  # time for a pause
    path = f"/v1/campaigns/{campaign}"
    installation.command(kind="campaign.pause", campaign=campaign)
    api.until(path, lambda said: said.status == 200 and said.body["state"] == "PAUSED")
    not_yet = api.ask("POST", f"{path}/retry")
    assert not_yet.status == 409 and "wait until it has ended" in not_yet.body["detail"]
    installation.command(kind="campaign.resume", campaign=campaign)
    installation.wait_for(campaign, "COMPLETED")
    order()
    api.until(path, lambda said: said.body["state"] == "COMPLETED")
    entry = installation.entry(campaign)
    assert (entry.counters["given_up"], entry.counters["dropped.duplicate"]) == (PEOPLE - 4, 4)
    assert "blocked" in api.ask("POST", f"{path}/retry", {"outcomes": ["blocked"]}).body["detail"]

    secret = installation.settings.secret_path.read_bytes()
    gone = ids.recipient_id(secret, "email", address[4]).hex()
    left = {"op": "add", "recipient_id": gone, "scope": "account", "scope_id": "default", "reason": "unsubscribed"}
    installation.console_produce("suppression.commanded", orjson.dumps(left).decode())
    installation.taken("suppression.commanded")
    made = api.ask("POST", f"{path}/retry", {"start": True}, idempotency_key="once")
    assert made.status == 201 and made.body["name"] == f"{entry.spec.name} (retry)"
    again = api.ask("POST", f"{path}/retry", {"start": True}, idempotency_key="once")
    assert again.body["id"] == made.body["id"] != campaign
    installation.wait_for(made.body["id"], "COMPLETED")
    second = installation.entry(made.body["id"])
    assert second.seal is not None and second.seal.count == PEOPLE - 4
    assert (second.counters["sent"], second.counters["dropped.suppressed"]) == (PEOPLE - 5, 1)
    sunk = sorted(each.address for each in installation.sunk() if each.address in address)
    assert sunk == sorted(address[:4] + address[5:])
