"""Credit ahead of demand: for whom no limit lies on the way, and for nobody else."""

import pytest

from app.commands import CampaignEntry
from app.delivery.pacing.pacer import Pacer
from app.delivery.pacing.standing import EVERY, MOST, StandingCredit
from app.delivery.partition import Partition
from app.delivery.partition_records import ClassKey, WaitingPack
from app.delivery.release import Permits, spend, spend_standing, stand
from app.delivery.routes.health import Shaping
from app.records import ClassDemand, Demand, Outgoing, Slip
from app.routes import LimitSet
from app.specs import CampaignSpec, Throttle
from app.topics import TRANSACTIONAL
from tables.recipients import Batch
from tests.delivery import pacers

NOW = 1_000.0
KEY = ClassKey("c_1", TRANSACTIONAL, "gmail")


def a_pacer(throttle: Throttle | None = None, state: str = "RUNNING") -> tuple[Pacer, StandingCredit]:
    """Two partitions, heard in full; one transactional campaign has just had a message."""
    spec = CampaignSpec(from_email="a@x.org", kind="transactional", throttle=throttle or Throttle())
    pacer, standing = pacers.a_pacer(2), StandingCredit()
    pacer.campaign(
        CampaignEntry.model_validate(
            {"id": "c_1", "account": "a", "state": state, "spec": spec.model_dump(), "created_at": 1.0}
        )
    )
    for partition in range(2):
        classes = [ClassDemand("c_1", TRANSACTIONAL, "gmail", 0, 0.0, 1)]
        demand = Demand(partition, 1, 1, NOW, True, -1, classes, {})
        pacer.hear(demand)
        standing.hear(demand, NOW)
    return pacer, standing


def test_every_partition_gets_it_and_not_all_the_time() -> None:
    """A message may come up in any of them; a slip for each campaign at each tick would cost more than it saves."""
    pacer, standing = a_pacer()
    slips = standing.slips(pacer, NOW)
    assert [slip.partition for slip in slips] == [0, 1]
    assert all(grant.count == MOST for slip in slips for grant in slip.standing)
    assert standing.slips(pacer, NOW + EVERY / 2) == []
    assert len(standing.slips(pacer, NOW + EVERY)) == 2


@pytest.mark.parametrize(
    "throttle",
    [Throttle(rate=5), Throttle(per_group={"gmail": 5}), Throttle(per_route={"smtp": 5}), Throttle(concurrency=3)],
)
def test_a_limit_of_the_campaign_is_paid_for_message_by_message(throttle: Throttle) -> None:
    """Credit that is not asked for cannot be counted against a limit."""
    pacer, standing = a_pacer(throttle)
    assert standing.slips(pacer, NOW) == []


@pytest.mark.parametrize(
    ("limit", "given"),
    [
        (LimitSet(scope="account", name="a", rate=5), 0),
        (LimitSet(scope="account", name="b", rate=5), 2),
        (LimitSet(scope="route", name="smtp", concurrency=5), 0),
        (LimitSet(scope="group", name="gmail", rate=5), 0),
        (LimitSet(scope="group", name="gmail", rate=None), 2),
    ],
)
def test_so_is_a_limit_above_it(limit: LimitSet, given: int) -> None:
    """Of its account, its route, or any group that it may write to."""
    pacer, standing = a_pacer()
    pacer.limit(limit)
    assert len(standing.slips(pacer, NOW)) == given


def test_while_a_sender_is_suspended_there_is_none() -> None:
    """Credit is for every group of a campaign. Nothing may have gone to that one since pacing started."""
    pacer, standing = a_pacer()
    pacer.health = ward = pacers.Ward()
    ward.shaped["smtp", "yahoo"] = Shaping(suspended_until=NOW + 3_600)
    assert standing.slips(pacer, NOW) == []
    ward.shaped.clear()
    assert len(standing.slips(pacer, NOW + EVERY)) == 2


def test_a_campaign_that_does_not_run_gets_none() -> None:
    """Its messages wait for it."""
    pacer, standing = a_pacer(state="PAUSED")
    assert standing.slips(pacer, NOW) == []


def a_partition(people: int) -> Partition:
    """One in which so many messages have just passed the gate."""
    rows = [Outgoing(bytes([i]) * 16, bytes(16), "a@x.org", b"{}") for i in range(people)]
    state = Partition(0, lambda _: rows)
    state.add(Batch(), WaitingPack("a", "c_1", TRANSACTIONAL, "gmail", 1, NOW, NOW, people), rows, checked=True)
    return state


PERMITS = Permits(lambda _: 1, lambda *_: [])


def test_it_is_spent_up_to_its_count_and_then_messages_wait_for_demand() -> None:
    """A burst beyond it takes the other road: it is late by a moment, and not lost."""
    pacer, standing = a_pacer()
    (slip, _) = standing.slips(pacer, NOW)
    slip.standing[0].count = 3
    state = a_partition(5)
    assert spend(state, Batch(), slip, PERMITS, NOW) is None  # it has no number that could be taken for spent
    stand(state, slip)
    spent = spend_standing(state, Batch(), [KEY], PERMITS, NOW)
    assert spent is not None and [state.releases[number].size for number in spent.releases] == [3]
    assert spend_standing(state, Batch(), [KEY], PERMITS, NOW) is None
    assert state.demand_of(KEY).due == 2


def test_it_ends_with_its_time_and_a_new_one_takes_its_place() -> None:
    """Nobody pays back what was not used: two that came close together are not twice the credit."""
    state = a_partition(5)
    pacer, standing = a_pacer()
    (slip, _) = standing.slips(pacer, NOW)
    slip.standing[0].count = 2
    stand(state, slip)
    stand(state, slip)
    assert spend_standing(state, Batch(), [KEY], PERMITS, slip.valid_until + 0.01) is None
    spent = spend_standing(state, Batch(), [KEY], PERMITS, NOW)
    assert spent is not None and sum(state.releases[number].size for number in spent.releases) == 2
    newer = Slip(0, -1, NOW + 60, NOW + 61, NOW + 61, [], [])
    stand(state, newer)
    assert state.standing["c_1"].count == 0
