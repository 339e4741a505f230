"""What sealing is told: domains that are groups by themselves, and whether a route asks how people have reacted."""

from typing import Any

import pytest

from app.commands import CampaignEntry
from app.delivery.campaigns.audience import MOST_DOMAINS, asks_for_tiers, groups_named, plan_of
from app.provider_accounts import SmtpServer
from app.routes import LimitSet, Route
from app.specs import CampaignSpec


def entry(**spec: Any) -> CampaignEntry:
    """A campaign of account acme."""
    made = CampaignSpec.model_validate({"name": "n", "from_email": "a@b.example", "lists": ["l"], **spec})
    return CampaignEntry(id="c", account="acme", state="SEALING", spec=made, created_at=0.0)


def route(**fields: Any) -> Route:
    """A route."""
    return Route(name="r", smtp=SmtpServer(host="h"), **fields)


def test_domains_that_limits_routes_and_the_campaign_name_are_groups() -> None:
    """A limit for a domain that had no group of its own would hold for nobody, or for everybody else's mail too."""
    limits = [
        LimitSet(scope="group", name="firm.de", rate=1), LimitSet(scope="pool", name="p", group="other.de", rate=1),
        LimitSet(scope="group", name="gmail", rate=1), LimitSet(scope="account", name="account.de", rate=1),
        LimitSet(scope="route", name="r", group="*", rate=1),
    ]  # fmt: skip
    assert groups_named(limits) == {"firm.de", "other.de", "gmail", "", "*"}
    campaign = entry(throttle={"per_group": {"mine.de": 1, "yahoo": 2, "gmx.de": 3}})
    assert plan_of(campaign, [], [], groups=groups_named(limits)).domains == ["firm.de", "mine.de", "other.de"]
    assert plan_of(campaign, [], []).domains == ["mine.de"]
    many = [f"d{number}.de" for number in range(2 * MOST_DOMAINS)]
    assert len(plan_of(campaign, [], [], groups=many).domains) == MOST_DOMAINS


@pytest.mark.parametrize(
    ("routes", "asked"),
    [
        ([], False), ([route()], False), ([route(), route(tiers=["engaged"])], True),
        ([route(tiers=["dormant"], enabled=False)], True),  # it may be enabled while the campaign runs
        ([route(tiers=["engaged"], accounts=["acme", "b"])], True), ([route(tiers=["engaged"], accounts=["b"])], False),
    ],
)  # fmt: skip
def test_tiers_are_found_out_only_where_a_route_of_the_account_asks_for_them(routes: list[Route], asked: bool) -> None:
    """It costs a look at the events of three months."""
    assert asks_for_tiers(entry(), routes) is asked
    assert plan_of(entry(), [], [], tiers=asks_for_tiers(entry(), routes)).tiers is asked
