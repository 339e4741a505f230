"""Calls in progress take up the places of limits on how many may be at once, and nothing else."""

from app.commands import CampaignEntry
from app.delivery.pacing.pacer import Pacer
from app.delivery.partition_records import ClassKey
from app.provider_accounts import Twilio
from app.records import ClassDemand, Demand, Slip
from app.routes import LimitSet, Route
from app.specs import CampaignSpec
from app.stream.zones import zone_named

NOW = 1_800_000_000.0
KEY = ClassKey("c_1", "bulk", "PT", channel="voice")
TWILIO = Twilio(account_sid=f"AC{'0' * 32}", auth_token="env:TOKEN", sender="+351912000000")


def told(pacer: Pacer, number: int, due: int, calls: int, applied: int) -> list[Slip]:
    """What is granted once the only partition has told this."""
    demand = ClassDemand(
        KEY.campaign, KEY.lane, KEY.group, due, 0.0, 0, channel="voice", calls={"calls": calls} if calls else {}
    )
    at = NOW + number
    pacer.hear(Demand(0, number, 0, at, True, applied, [demand], {}))
    return pacer.tick(at)


def granted(slips: list[Slip]) -> int:
    return sum(grant.count for slip in slips for grant in slip.grants)


def test_no_more_calls_are_in_progress_than_there_are_lines() -> None:
    """A call takes its line until it ends, long after the provider has taken it."""
    pacer = Pacer(1, None, 0.0, zone_named)
    pacer.route("calls", Route(name="calls", channel="voice", twilio=TWILIO))
    pacer.limit(LimitSet.model_validate({"scope": "route", "name": "calls", "concurrency": 5}))
    spec = CampaignSpec.model_validate({"channel": "voice", "lists": ["l"]})
    pacer.campaign(CampaignEntry(id="c_1", account="a", state="RUNNING", spec=spec, created_at=NOW))
    assert granted(told(pacer, 1, 100, 0, -1)) == 5
    last = pacer.numbers[0]
    assert granted(told(pacer, 2, 95, 5, last)) == 0
    assert granted(told(pacer, 3, 95, 3, last)) == 2
    last = pacer.numbers[0]
    assert pacer.awaited("calls", NOW + 4) == 2  # on the way: a call that was answered keeps no route silent
    assert granted(told(pacer, 4, 0, 5, last)) == 0
    assert pacer.awaited("calls", NOW + 4) == 0
    pacer.limit(LimitSet.model_validate({"scope": "route", "name": "calls", "concurrency": 7}))
    assert granted(told(pacer, 5, 10, 5, last)) == 2  # who is in progress is counted anew
