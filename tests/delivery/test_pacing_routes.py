"""Pacing over several routes: steps, overflow, breakers, senders that are held back, and what is told of it."""

from collections import Counter

import pytest

from app.commands import CampaignEntry
from app.delivery.limits.rates import LONGEST_VALIDITY
from app.delivery.pacing.pacer import Pacer
from app.delivery.pacing.seen import meters_in_use, queue
from app.delivery.pacing.standing import StandingCredit
from app.delivery.routes.health import Shaping
from app.records import ClassDemand, Demand, Slip
from app.routes import LimitSet, Route
from app.specs import CampaignSpec
from app.topics import BULK, TRANSACTIONAL
from tests.delivery.pacers import Ward, a_pacer, a_route

START = 1_700_000_000.0
A, B, SPARE = a_route("a", weight=2), a_route("b"), a_route("spare", cost=1.0)


def runs(pacer: Pacer, name: str = "c", account: str = "acme", **spec: object) -> None:
    """A campaign runs."""
    fields = {"from_email": "a@b.c", "lists": ["l"]} | spec
    if spec.get("kind") == "transactional":
        del fields["lists"]
    entry = CampaignEntry(
        id=name, account=account, state="RUNNING", spec=CampaignSpec.model_validate(fields), created_at=1.0
    )
    pacer.campaign(entry)


class Plane:
    """One partition, which answers nothing, or each time all that it was given."""

    def __init__(self, pacer: Pacer, *, answers: bool = True) -> None:
        self.pacer, self.now, self.answers = pacer, START, answers
        self.slips: list[Slip] = []
        self._open: Counter[tuple[str, str]] = Counter()  # (group, route)
        self._answered: Counter[str] = Counter()
        self._version = 0

    def look(self, due: dict[str, int], seconds: float = 0.1, campaign: str = "c") -> Counter[str]:
        """Report so many messages due by group; messages granted by route."""
        self._version += 1
        if self.answers:
            for (_, route), count in self._open.items():
                self._answered[route] += count
            self._open.clear()
        classes = []
        for group, count in due.items():
            on = {route: n for (g, route), n in self._open.items() if g == group}
            classes.append(ClassDemand(campaign, BULK, group, count, 0.0, sum(on.values()), open_on=on))
        slip = self.slips[-1].number if self.slips else 0
        self.pacer.hear(Demand(0, self._version, 0, self.now, True, slip, classes, {}, dict(self._answered)))
        slips = self.pacer.tick(self.now)
        self.slips += slips
        self.now += seconds
        granted: Counter[str] = Counter()
        for grant in (grant for each in slips for grant in each.grants):
            granted[grant.route] += grant.count
            self._open[grant.group, grant.route] += grant.count
        return granted

    def why(self) -> list[str]:
        """What was told with the grants so far, each text once, in order."""
        return list(dict.fromkeys(grant.why for slip in self.slips for grant in slip.grants))


def test_what_finds_a_breaker_open_takes_the_next_step_and_comes_back() -> None:
    """An outage needs nobody: the fallback carries on, and the route has its traffic again when it is back."""
    ward = Ward()
    pacer = a_pacer(1, A, SPARE, health=ward)
    runs(pacer)
    plane = Plane(pacer)
    assert set(plane.look({"gmail": 300})) == {"a"}
    ward.open["a"] = 0
    assert set(plane.look({"gmail": 300})) == {"spare"}
    del ward.open["a"]
    assert set(plane.look({"gmail": 300})) == {"a"}
    assert plane.why() == ["a: 1st of 2", "spare: a is out of service: 52 % of 40 answers failed"]


def test_who_waits_for_a_full_route_moves_on_when_its_breaker_opens() -> None:
    """A cap that is full until midnight must not keep messages from the route that takes over."""
    ward = Ward()
    pacer = a_pacer(1, A, SPARE, health=ward)
    pacer.limit(LimitSet(scope="route", name="a", daily=50))
    runs(pacer)
    plane = Plane(pacer)
    assert plane.look({"gmail": 300}) == {"a": 50}
    assert not plane.look({"gmail": 250})
    ward.open["a"] = 0
    assert plane.look({"gmail": 250}) == {"spare": 250}


def test_a_route_on_trial_has_as_many_messages_on_the_way_as_it_is_probed_with() -> None:
    """The others go on over the next step."""
    ward = Ward()
    pacer = a_pacer(1, A, SPARE, health=ward)
    runs(pacer)
    plane = Plane(pacer, answers=False)
    ward.open["a"] = 3
    assert plane.look({"gmail": 200}) == {"a": 3, "spare": 197}
    assert plane.look({"gmail": 100}) == {"spare": 100}


@pytest.mark.parametrize("full", ["wait", "overflow"])
@pytest.mark.parametrize("limit", [{"rate": 20}, {"daily": 10}, {"concurrency": 10}, {"rate": 20, "group": "gmail"}])
def test_what_finds_a_route_full_waits_or_overflows_as_its_limit_says(full: str, limit: dict[str, object]) -> None:
    """Warm-up: the excess goes to warm senders, or waits."""
    pacer = a_pacer(1, A, SPARE)
    pacer.limit(LimitSet.model_validate({"scope": "pool", "name": "a", "full": full} | limit))
    runs(pacer)
    plane = Plane(pacer, answers=False)
    granted = plane.look({"gmail": 200})
    assert granted["a"] == 10
    assert granted["spare"] == (190 if full == "overflow" else 0)
    if full == "overflow":
        assert any("full: overflow" in why for why in plane.why())


def test_a_full_route_of_a_step_leaves_its_share_to_the_others_of_the_step() -> None:
    """Equals are there for each other, whatever the limit says."""
    pacer = a_pacer(1, A, B)
    pacer.limit(LimitSet(scope="route", name="a", daily=10))
    runs(pacer)
    assert Plane(pacer).look({"gmail": 200}) == {"a": 10, "b": 190}


def test_a_route_that_does_not_answer_takes_no_room_from_the_others() -> None:
    """Each route has room of its own in a partition; its classes wait, those of others do not."""
    pacer = a_pacer(1, a_route("dead", groups=["gmail"], fallbacks=[]), a_route("fine"))
    runs(pacer)
    plane = Plane(pacer, answers=False)
    assert plane.look({"gmail": 5_000, "yahoo": 100}) == {"dead": 400, "fine": 100}
    assert plane.look({"gmail": 4_600, "yahoo": 100}) == {"fine": 100}
    assert pacer.held() == {"c": {"gmail": (4_600, "speed|dead")}}


def test_a_limit_of_a_number_holds_for_whom_comes_from_it_and_not_for_whatsapp() -> None:
    """A chain names the number of its SMS: what it sends by WhatsApp comes from that of the route."""
    twilio = {"account_sid": "AC" + "0" * 32, "auth_token": "env:TOKEN"}
    phone = {"number_id": "12345", "token": "env:TOKEN"}
    routes = [
        Route.model_validate({"name": "wa", "channel": "whatsapp", "whatsapp": phone}),
        Route.model_validate({"name": "sms", "channel": "sms", "twilio": twilio}),
    ]
    pacer = a_pacer(1, *routes)
    pacer.limit(LimitSet(scope="sender", name="*", daily=5))
    for route in routes:
        names = [bound.name for bound in pacer.book.option("c", "US", "+15005550006", route.name, START).bounds]
        assert ("day|sender|+15005550006" in names) is (route.channel == "sms"), names


def test_a_sender_that_is_held_back_is_full() -> None:
    """Suspended towards one group, it sends to the others; slowed down, it sends at that rate and without a gift."""
    ward = Ward()
    pacer = a_pacer(1, A, SPARE, health=ward)
    runs(pacer)
    plane = Plane(pacer)
    ward.shaped["a", "gmail"] = Shaping(suspended_until=START + 10.05)
    assert plane.look({"gmail": 100, "yahoo": 100}) == {"a": 100}
    assert pacer.held() == {"c": {"gmail": (100, "shaped|a|gmail")}}
    plane.now = START + 10.1
    assert plane.look({"gmail": 50}) == {"a": 50}
    ward.shaped["a", "gmail"] = Shaping(rate=10.0)
    granted = sum((plane.look({"gmail": 500}) for _ in range(41)), Counter())
    assert granted["spare"] == 0 and 35 <= granted["a"] <= 41
    pacer.limit(LimitSet(scope="pool", name="a", rate=100_000, full="overflow"))
    assert plane.look({"gmail": 500})["spare"] > 0


def test_a_class_without_a_route_waits_until_there_is_one() -> None:
    """Nothing is sent somewhere because there is nowhere else."""
    pacer = a_pacer(1, a_route("a", groups=["yahoo"]))
    runs(pacer)
    plane = Plane(pacer)
    assert not plane.look({"gmail": 10})
    assert pacer.held() == {"c": {"gmail": (10, "no route|c")}}
    pacer.route("b", B)
    assert plane.look({"gmail": 10}) == {"b": 10}


def test_a_pinned_class_takes_its_route_and_no_other() -> None:
    """Whatever its breaker says."""
    ward = Ward()
    pacer = a_pacer(1, A, B, health=ward)
    runs(pacer)
    ward.open["b"] = 0
    pinned = ClassDemand("c", BULK, "gmail", 10, 0.0, 0, pin="b")
    pacer.hear(Demand(0, 1, 0, START, True, 0, [pinned], {}))
    assert not pacer.tick(START)
    del ward.open["b"]
    (slip,) = pacer.tick(START + 0.1)
    assert [(grant.route, grant.pin, grant.count) for grant in slip.grants] == [("b", "b", 10)]


def test_messages_that_were_paid_for_and_not_taken_count_in_no_cap() -> None:
    """Once a grant; a rate gets nothing back."""
    pacer = a_pacer(1, A)
    pacer.limit(LimitSet(scope="route", name="a", daily=100, rate=1_000))
    runs(pacer)
    due = ClassDemand("c", BULK, "gmail", 1_000, 0.0, 0)
    pacer.hear(Demand(0, 1, 0, START, True, 0, [due], {}))
    (slip,) = pacer.tick(START)
    assert [grant.count for grant in slip.grants] == [100] and not pacer.tick(START + 0.1)
    tokens = pacer.buckets["route|a"].tokens
    wasted = [(slip.number, 0, 30), (slip.number, 7, 5), (99, 0, 50)]
    for version in (2, 3):
        pacer.hear(Demand(0, version, 0, START + 0.1, True, slip.number, [due], {}, wasted=wasted))
    assert pacer.buckets["route|a"].tokens == tokens and "day|route|a" in pacer.touched
    assert sum(grant.count for slip in pacer.tick(START + 0.1) for grant in slip.grants) == 30


def test_no_slip_and_no_message_outlives_the_hour_or_day_that_paid_for_it() -> None:
    """A margin of a second before the end, and nothing that could not be spent before it."""
    pacer = a_pacer(1, A)
    pacer.limit(LimitSet(scope="route", name="a", hourly=1_000))
    runs(pacer)
    plane = Plane(pacer)
    end = START - START % 3_600 + 3_600
    plane.now = end - 3.0
    while plane.now < end + 1.0:
        plane.look({"gmail": 10})
    for slip in plane.slips:
        assert slip.not_after <= end - 1.0 or slip.issued_at >= end
        assert slip.valid_until <= slip.not_after <= slip.issued_at + LONGEST_VALIDITY
    assert any(slip.issued_at >= end for slip in plane.slips)


def test_limits_fall_back_to_those_for_all_and_to_the_scopes_above() -> None:
    """An exact one goes before '*'; removed, '*' holds; removed too, the account's. '*' does not mean the long tail."""
    pacer = a_pacer(1, A)
    runs(pacer)
    pacer.limit(LimitSet(scope="account", name="acme", rate=400))
    pacer.limit(LimitSet(scope="group", name="*", rate=40))
    pacer.limit(LimitSet(scope="group", name="gmail", rate=20))
    plane = Plane(pacer)

    def of_a_second(group: str) -> int:
        plane.look({group: 10_000}, seconds=10.0)
        return sum(sum(plane.look({group: 10_000}).values()) for _ in range(10))

    assert of_a_second("gmail") <= 30 < of_a_second("yahoo") <= 60
    assert of_a_second("other") > 350
    pacer.limit(LimitSet(scope="group", name="gmail"))
    assert 35 <= of_a_second("gmail") <= 60
    pacer.limit(LimitSet(scope="group", name="*"))
    assert 350 <= of_a_second("gmail") <= 600


def test_caps_survive_a_restart() -> None:
    """What was used stays used."""
    pacer = a_pacer(1, A)
    pacer.limit(LimitSet(scope="route", name="a", daily=50))
    runs(pacer)
    assert Plane(pacer).look({"gmail": 80}) == {"a": 50}
    after = a_pacer(1, A)
    after.limit(LimitSet(scope="route", name="a", daily=50))
    runs(after)
    after.restore({}, dict(enumerate(pacer.numbers)), START + 5, {name: cap.stored for name, cap in pacer.caps.items()})
    plane = Plane(after)
    plane.now = START + 5
    assert not plane.look({"gmail": 80})
    shown = {each.name: (each.used, each.most) for each in meters_in_use(after)}
    assert shown == {"day|route|a": (50, 50.0)}


def test_numbers_on_the_way_are_counted_anew_when_limits_change() -> None:
    """A limit that is set while messages are on the way counts those; one on a pool counts all its routes."""
    pacer = a_pacer(1, a_route("a", pool="x"), a_route("b", pool="x"))
    runs(pacer)
    plane = Plane(pacer, answers=False)
    assert sum(plane.look({"gmail": 60}).values()) == 60
    pacer.limit(LimitSet(scope="pool", name="x", concurrency=100))
    assert sum(plane.look({"gmail": 60}).values()) == 40
    assert [(each.name, each.on_the_way) for each in meters_in_use(pacer)] == [("on the way|pool|x", 100)]
    assert queue(pacer)[0]["granted"] == 40


def test_retries_of_the_transactional_lane_come_after_its_first_attempts() -> None:
    """Both before any campaign."""
    pacer = a_pacer(1, A)
    pacer.limit(LimitSet(scope="account", name="acme", rate=20))
    runs(pacer, "t", kind="transactional")
    runs(pacer)
    classes = [
        ClassDemand("c", BULK, "gmail", 100, 0.0, 0),
        ClassDemand("t", TRANSACTIONAL, "gmail", 6, 0.0, 0, retry=True),
        ClassDemand("t", TRANSACTIONAL, "yahoo", 6, 0.0, 0),
    ]
    pacer.hear(Demand(0, 1, 0, START, True, 0, classes, {}))
    granted = [(grant.lane, grant.retry, grant.count) for slip in pacer.tick(START) for grant in slip.grants]
    assert granted == [(TRANSACTIONAL, False, 6), (TRANSACTIONAL, True, 4)]


def test_what_held_a_class_back_is_told_with_what_it_gets() -> None:
    """Explain shows it: which bound, and for how long."""
    pacer = a_pacer(1, A, B)
    pacer.limit(LimitSet(scope="group", name="gmail", rate=2))
    runs(pacer)
    plane = Plane(pacer)
    for _ in range(20):
        plane.look({"gmail": 100})
    assert plane.why()[0] == "a: 1st of 1, weight 2 of 3"
    assert "; held 0." in plane.why()[2] and plane.why()[2].endswith(" s by group|gmail")


def test_credit_ahead_of_demand_takes_a_healthy_route_that_treats_all_alike() -> None:
    """Not one that is out of service or slowed down; none at all where routes tell groups apart."""
    ward = Ward()
    pacer = a_pacer(1, A, B, health=ward)
    runs(pacer, "t", kind="transactional")
    standing = StandingCredit()
    demand = Demand(0, 1, 0, START, True, 0, [ClassDemand("t", TRANSACTIONAL, "gmail", 1, 0.0, 0)], {})
    pacer.hear(demand)
    standing.hear(demand, START)
    pacer.tick(START)

    def over(seconds: float) -> set[str]:
        slips = [slip for step in range(6) for slip in standing.slips(pacer, START + seconds + step)]
        return {grant.route for slip in slips for grant in slip.standing}

    assert over(10) == {"a", "b"}
    ward.open["a"] = 2
    assert over(20) == {"b"}
    ward.shaped["b", "gmail"] = Shaping(rate=1.0)
    assert over(30) == set()
    ward.open.clear()
    ward.shaped.clear()
    pacer.route("g", a_route("g", groups=["gmail"]))
    assert over(40) == set()


def test_a_campaign_that_ended_leaves_nothing_behind() -> None:
    """A year of campaigns must not stay in memory: no class, no line, no bucket of its own."""
    pacer = a_pacer(1, A)
    for number in range(20):
        runs(pacer, f"c{number}", throttle={"rate": 2.0, "concurrency": 5, "per_group": {"*": 3.0}})
        plane = Plane(pacer)
        plane._version = number * 100
        plane.look({"gmail": 100}, campaign=f"c{number}")
        plane.look({"gmail": 100}, campaign=f"c{number}")
        pacer.forget_campaign(f"c{number}")
        plane.look({})
        pacer.tick(START + 100)
    assert not pacer.heard[0].cells and not pacer.flow.of_campaign and not pacer.held()
    assert not [name for name in (*pacer.buckets, *pacer.book.bounds) if name.startswith(("campaign|", "state|"))]


def test_a_class_takes_all_routes_that_have_room_also_when_it_was_called_by_one_of_them() -> None:
    """The first route is full time and again, and what overflows has the next one in full."""
    pacer = a_pacer(1, A, SPARE)
    pacer.limit(LimitSet(scope="route", name="a", rate=20, full="overflow"))
    pacer.limit(LimitSet(scope="route", name="spare", rate=40))
    runs(pacer)
    plane = Plane(pacer)
    granted = sum((plane.look({"gmail": 10_000}) for _ in range(200)), Counter())
    assert 0.98 * 400 <= granted["a"] <= 420 and 0.98 * 800 <= granted["spare"] <= 840


def test_who_comes_with_something_new_all_the_time_gets_no_more_than_its_share() -> None:
    """A class that has just come does not go before those that wait for the same."""
    pacer = a_pacer(1, A)
    pacer.limit(LimitSet(scope="account", name="acme", rate=100))
    runs(pacer, "steady")
    runs(pacer, "pushy")
    plane, got = Plane(pacer), Counter[str]()
    for look in range(300):
        plane._version += 1
        classes = [ClassDemand("steady", BULK, "gmail", 10_000, 0.0, 0)]
        classes += [ClassDemand("pushy", BULK, f"g{look + n}", 10_000, 0.0, 0) for n in range(3)]
        slip = plane.slips[-1].number if plane.slips else 0
        pacer.hear(Demand(0, plane._version, 0, plane.now, True, slip, classes, {}))
        plane.slips += pacer.tick(plane.now)
        plane.now += 0.1
    for grant in (grant for slip in plane.slips for grant in slip.grants):
        got[grant.campaign] += grant.count
    assert abs(got["steady"] - got["pushy"]) <= 0.05 * got["steady"]


def test_a_rate_that_is_raised_brings_nothing_for_the_time_before() -> None:
    """Nor does one that nobody has asked about for a while."""
    pacer = a_pacer(1, A)
    pacer.limit(LimitSet(scope="route", name="a", rate=10))
    runs(pacer)
    plane = Plane(pacer)
    assert sum(plane.look({"gmail": 100}).values()) == 5
    plane.now += 60.0
    pacer.limit(LimitSet(scope="route", name="a", rate=1_000))
    assert sum(plane.look({"gmail": 5_000}).values()) == 5
    assert 90 <= sum(plane.look({"gmail": 5_000}).values()) <= 100
