"""Limits of phones on a virtual clock: parts of SMS, numbers that they come from, and any 24 hours."""

import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.delivery.limits.book import TOO_LONG
from app.delivery.limits.moving_caps import SLOT, SPAN, MovingCap
from app.delivery.limits.rates import Bucket, burst_of
from app.delivery.limits.usage import in_force
from app.delivery.partition_records import ClassKey
from app.routes import LimitSet, Route
from tests.delivery.simulator import Simulator
from tests.delivery.test_simulator import FATES, START, TICK

TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token": "env:TOKEN"}
NUMBERS = ("", "+15005550006", "+15005550007")  # "": that of the route
MOST_PARTS = 5


def an_sms_route(name: str = "sms", sender: str = "+15005550001", **fields: object) -> Route:
    said = {"name": name, "channel": "sms", "twilio": TWILIO | {"sender": sender}, "provider": "twilio"}
    return Route.model_validate(said | fields)


def classes() -> list[ClassKey]:
    """What a campaign has to send: short and long messages, from numbers of their own and from that of the route."""
    return [
        ClassKey("c", "bulk", group, channel="sms", parts=parts, sender=number)
        for group in ("IN/airtel", "PT")
        for parts in (1, MOST_PARTS)
        for number in NUMBERS[:2]
    ]


def a_world(limits: list[dict[str, Any]], partitions: int = 1, **more: Any) -> Simulator:
    """A campaign of SMS, and an email route and an email campaign that none of this is about."""
    world = Simulator(partitions, START, routes=[an_sms_route()], **more)
    world.campaign("c", channel="sms", throttle={"rate": 500.0})
    for limit in limits:
        world.limit(**limit)
    return world


def number_of(world: Simulator, key: ClassKey, route: str) -> str:
    return key.sender or world.routes[route].twilio.sender  # type: ignore[union-attr]


# What a limit of each scope counts together.
ABOUT: dict[str, Callable[[Simulator, ClassKey, str], str]] = {
    "sender": number_of,
    "route": lambda _, __, route: route,
    "country": lambda _, key, __: key.group[:2],
    "carrier": lambda _, key, __: key.group,
    "account": lambda *_: "acme",
}


def counted(world: Simulator, limit: LimitSet) -> dict[str, list[tuple[float, int]]]:
    """(moment, how much) of everything on the wire that *limit* is about, by thing."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for sent in world.sent:
        thing = ABOUT[limit.scope](world, sent.key, sent.route)
        if in_force((limit.scope, thing, ""), world.limits) == limit.key and (limit.scope != "carrier" or "/" in thing):
            found[thing].append((sent.at, sent.count * (sent.key.parts if limit.unit == "parts" else 1)))
    return found


def fullest(times: list[tuple[float, int]], window: float) -> int:
    """The most in any *window* seconds."""
    times = sorted(times)
    moments = [at for at, _ in times]
    sums = [0]
    for _, count in times:
        sums.append(sums[-1] + count)
    return max((sums[bisect_right(moments, at + window)] - sums[i] for i, at in enumerate(moments)), default=0)


def check(world: Simulator, limit: LimitSet) -> None:
    """No window of the wire holds more than was promised."""
    for thing, times in counted(world, limit).items():
        if limit.per_second is not None:
            burst = burst_of(limit.per_second, limit.burst)
            if limit.unit == "parts":  # a single message may take more than that
                valid = Bucket(limit.per_second, burst, 0.0, 0.0).validity
                burst = max(burst, MOST_PARTS + limit.per_second * valid)
            for window in (0.0, 1.0, 2.5, 6.0):
                assert fullest(times, window) <= limit.per_second * window + burst + 1e-6, (limit, thing, window)
        if limit.moving_daily is not None:
            assert fullest(times, SPAN) <= limit.moving_daily, (limit, thing)


@st.composite
def limits(draw: st.DrawFn) -> dict[str, Any]:
    """A limit that phones may have."""
    scope = draw(st.sampled_from(list(ABOUT)))
    names = {
        "sender": ("*", *NUMBERS[1:], "+15005550001"), "route": ("*", "sms"), "country": ("*", "IN"),
        "carrier": ("*", "IN/airtel"), "account": ("*", "acme"),
    }  # fmt: skip
    said: dict[str, Any] = {"scope": scope, "name": draw(st.sampled_from(names[scope]))}
    said["unit"] = draw(st.sampled_from(("messages", "parts", "parts")))
    if draw(st.booleans()):
        said["rate"] = draw(st.floats(1, 60))
    if "rate" not in said or draw(st.booleans()):
        said["moving_daily"] = draw(st.integers(1, 300))
    return said


@given(
    st.lists(limits(), min_size=1, max_size=5), st.integers(1, 3), st.booleans(),
    st.integers(0, 2**32).map(random.Random),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_no_limit_of_parts_or_numbers_is_exceeded_whatever_happens_to_slips(
    set_: list[dict[str, Any]], partitions: int, restart: bool, dice: random.Random
) -> None:
    """Carriers count parts, and block a number that is too fast: slips lost, late and doubled, pacing killed."""
    world = a_world(
        set_, partitions, fate=lambda: dice.choice(FATES), delay=lambda: dice.uniform(0, 1.2),
        latency=lambda _: dice.uniform(0, 0.5),
    )  # fmt: skip
    for key in classes():
        world.demand(key, 200)
    world.run(START + 4, TICK)
    if restart:
        world.restart(dice.uniform(0, 2))
    world.run(START + 8, TICK)
    for limit in world.limits.values():
        check(world, limit)


def test_long_messages_have_their_share_of_a_slow_number() -> None:
    """
    A number that gains one part a look always had one for a short message: a long one never came to its turn.
    """
    world = a_world([{"scope": "sender", "name": "*", "rate": 10, "burst": 20, "unit": "parts"}])
    short = ClassKey("c", "bulk", "PT", channel="sms", parts=1)
    long = short._replace(parts=5)
    world.campaign("d", channel="sms")
    world.demand(short)
    world.demand(long._replace(campaign="d"))
    world.run(START + 60, TICK)
    shares = {
        name: sum(each.count * each.key.parts for each in world.sent if each.key.campaign == name) for name in "cd"
    }
    assert sum(shares.values()) >= 10 * 60 * 0.95
    assert min(shares.values()) >= 0.4 * sum(shares.values()), shares


def test_a_message_of_more_parts_than_the_burst_leaves_and_is_paid_for() -> None:
    """A number of one part a second sends a message of five, and then nothing for the four seconds that it takes."""
    world = a_world([{"scope": "sender", "name": "*", "rate": 1, "unit": "parts"}])
    world.demand(ClassKey("c", "bulk", "PT", channel="sms", parts=5))
    world.run(START + 101, TICK)
    assert 19 <= sum(each.count for each in world.sent) <= 21


def test_each_number_has_its_own_rate() -> None:
    """Ten numbers are ten times as fast as one: that is what people buy them for."""
    world = a_world([{"scope": "sender", "name": "*", "rate": 5}])
    for number in NUMBERS:
        world.demand(ClassKey("c", "bulk", "PT", channel="sms", sender=number))
    world.run(START + 20, TICK)
    sent = Counter({number_of(world, each.key, each.route): 0 for each in world.sent})
    for each in world.sent:
        sent[number_of(world, each.key, each.route)] += each.count
    assert set(sent) == {"+15005550001", *NUMBERS[1:]} and min(sent.values()) >= 95


def test_a_message_that_no_cap_can_ever_take_waits_with_the_reason_and_holds_up_nobody() -> None:
    """A cap of four parts and a message of five: the short ones go on, and people are told what is wrong."""
    world = a_world([{"scope": "route", "name": "sms", "moving_daily": 4, "unit": "parts"}])
    world.demand(ClassKey("c", "bulk", "PT", channel="sms", parts=5), 3)
    world.demand(ClassKey("c", "bulk", "IN", channel="sms", parts=2), 3)
    world.run(START + 5, TICK)
    assert sum(each.count * each.key.parts for each in world.sent) == 4
    held = world.pacer.held()["c"]
    assert held["PT"] == (3, f"{TOO_LONG}24 h|route|sms") and held["IN"][1] == "24 h|route|sms"
    world.limit(scope="route", name="sms", moving_daily=40, unit="parts")
    world.run(START + 10, TICK)
    assert sum(each.count for each in world.sent) == 6


def test_mail_has_no_countries_and_phones_no_mail_groups() -> None:
    """A rate for each mailbox provider must not slow down SMS, nor one for each country mail."""
    world = a_world([{"scope": "group", "name": "*", "rate": 2}, {"scope": "country", "name": "*", "rate": 2}])
    mail = ClassKey("m", "bulk", "gmail")
    world.routes["mail"] = Route.model_validate({"name": "mail", "smtp": {"host": "relay.example"}})
    world.pacer.route("mail", world.routes["mail"])
    world.campaign("m")
    names = {
        each.name for key in (mail, ClassKey("c", "bulk", "IN/airtel", channel="sms"))
        for each in world.pacer.book.way(key, START).common
    }  # fmt: skip
    assert {"group|gmail", "country|IN"} <= names and not {"group|IN/airtel", "country|gm"} & names


def test_a_cap_of_any_24_hours_is_used_in_full_and_never_exceeded_across_midnights_and_restarts() -> None:
    """
    A WhatsApp number that may write to 250 people in 24 hours: whoever sees 251 in any 24 hours blocks it.
    """
    world = a_world([{"scope": "route", "name": "sms", "moving_daily": 250}])
    world.demand(ClassKey("c", "bulk", "PT", channel="sms"))
    for hours in (7, 26, 40, 75):
        world.run(START + hours * 3_600, 120.0)
        if hours == 26:
            world.restart(30.0)
    (limit,) = world.limits.values()
    check(world, limit)
    assert sum(each.count for each in world.sent) == 1_000  # a day's worth at 0, 24, 48 and 72 hours


@given(
    st.integers(1, 50),
    st.lists(
        st.tuples(st.floats(0, 20_000), st.integers(1, 20), st.sampled_from(("send", "waste", "restart", "back"))),
        max_size=60,
    ),
)
@settings(max_examples=100, deadline=None)
def test_no_24_hours_hold_more_than_the_cap(most: int, steps: list[tuple[float, int, str]]) -> None:
    """Whatever is sent, given back, stored and restored: what was on the wire is judged by itself."""
    now, meter, wire = START, MovingCap(most), []
    for seconds, count, what in steps:
        now += -seconds / 100 if what == "back" else seconds
        if what == "restart":
            stored, meter = meter.stored, MovingCap(most)
            meter.restore(*stored)
        taken = min(count, meter.room(now))
        if taken:
            meter.take(taken)
            if what == "waste":
                meter.give_back(taken, now)
            else:
                wire.append((now + meter.lasts(now), taken))
        assert meter.used == sum(used for _, used in meter.slots) <= most
    assert fullest(wire, SPAN) <= most
    assert meter.room(max(now, meter.now) + SPAN + 2 * SLOT) == most  # counted by the clock before it stepped back


@pytest.mark.parametrize("edit", [300, 100])
def test_an_edited_cap_of_any_24_hours_keeps_what_is_used(edit: int) -> None:
    """Raising a tier gives the difference; lowering it gives nothing until enough has come back."""
    world = a_world([{"scope": "route", "name": "sms", "moving_daily": 200}])
    world.demand(ClassKey("c", "bulk", "PT", channel="sms"))
    world.run(START + 5, TICK)
    world.limit(scope="route", name="sms", moving_daily=edit)
    world.run(START + 10, TICK)
    assert sum(each.count for each in world.sent) == max(200, edit)
