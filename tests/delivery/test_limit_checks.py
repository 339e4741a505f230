"""Limits that contradict themselves, cannot be kept or mean nothing are refused, with the field and what to do."""

from datetime import UTC, date, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.delivery.limits.caps import caps_of
from app.delivery.limits.checks import Known, Wrong, countries, listed, wrong_limit
from app.delivery.limits.rates import bucket
from app.routes import SECONDS, LimitScope, LimitSet, Route

NOW = datetime(2027, 5, 5, 12, tzinfo=UTC).timestamp()


def route(name: str, **more: Any) -> Route:
    return Route.model_validate({"name": name, "smtp": {"host": "mx.example"}} | more)


KNOWN = Known(
    {each.name: each for each in (route("a", provider="p1", pool="warm"), route("b", provider="p2"))},
    ["acme", "default"],
)


def found(limit: dict[str, Any], known: Known = KNOWN, before: LimitSet | None = None) -> Wrong | None:
    asked = {"scope": "group", "name": "gmail"} | ({} if "warm_up" in limit or len(limit) > 3 else {"rate": 50}) | limit
    return wrong_limit(LimitSet.model_validate(asked), known, NOW, before)


PLAN = {"begins": "2027-05-05", "first": 50, "last": 400}


@pytest.mark.parametrize(
    "limit",
    [
        {"name": "*"},
        {"name": "other"},
        {"name": "example.com"},
        {"name": "mail.xn--bcher-kva.example"},
        {"scope": "account", "name": "acme", "group": "yahoo"},
        {"scope": "account", "name": "*", "group": "*"},
        {"scope": "route", "name": "a", "full": "overflow"},
        {"scope": "pool", "name": "warm", "group": "example.org", "warm_up": PLAN},
        {"scope": "pool", "name": "b"},
        {"scope": "sender", "name": "*", "rate": 1, "burst": 10, "unit": "parts"},
        {"scope": "sender", "name": "ACME", "moving_daily": 250},
        {"scope": "provider", "name": "p2"},
        {"scope": "country", "name": "PT"},
        {"scope": "country", "name": "XK"},
        {"scope": "carrier", "name": "FR/Orange"},
        {"rate": 5_000, "per": "hour", "burst": 100, "hourly": 5_000, "daily": 60_000, "concurrency": 10},
        {"rate": 1, "per": "day"},
        {"rate": 1, "per": "day", "burst": 2},
        {"rate": None, "daily": 5, "time_zone": "Europe/Lisbon"},
        {"scope": "route", "name": "a", "daily": 100, "warm_up": PLAN},
    ],
)
def test_limits_that_make_sense(limit: dict[str, Any]) -> None:
    """Each scope, its stars, and every kind of limit."""
    assert found(limit) is None


def test_a_unit_is_one_that_its_route_counts() -> None:
    """A limit in parts of a route for mail would never be counted in anything but messages."""
    twilio = {"account_sid": "AC" + "0" * 32, "auth_token": "env:TOKEN", "sender": "+15005550006"}
    sms = Route.model_validate({"name": "text", "channel": "sms", "provider": "p1", "twilio": twilio})
    known = Known({**KNOWN.routes, "text": sms}, KNOWN.accounts)
    parts = {"rate": 1, "burst": 10, "unit": "parts"}
    wrong = found({"scope": "route", "name": "a", **parts}, known)
    assert wrong is not None and wrong[0] == "unit" and "email" in wrong[1]
    assert found({"scope": "pool", "name": "warm", **parts}, known) is not None
    assert found({"scope": "route", "name": "text", **parts}, known) is None
    assert found({"scope": "provider", "name": "p1", **parts}, known) is None
    assert found({"scope": "route", "name": "*", **parts}, known) is None


@pytest.mark.parametrize(
    ("limit", "field", "words"),
    [
        # Naming nothing
        # Parts, and any 24 hours
        ({"name": "gmail", "unit": "parts"}, "unit", "parts are those of phones, which have no MX group"),
        ({"scope": "pool", "name": "b", "rate": 5, "group": "gmail", "unit": "parts"}, "unit", "no MX group"),
        (
            {"scope": "route", "name": "a", "rate": 5, "unit": "people"},
            "unit",
            "set moving_daily, or leave out the unit",
        ),
        (
            {"scope": "route", "name": "a", "rate": None, "concurrency": 5, "unit": "parts"},
            "unit",
            "counted in messages",
        ),
        ({"scope": "route", "name": "a", "hourly": 60, "moving_daily": 50}, "hourly", "of any 24 hours: lower it"),
        (
            {"scope": "route", "name": "a", "rate": 5, "burst": 60, "moving_daily": 50},
            "burst",
            "moving daily cap of 50",
        ),
        ({"scope": "sender", "name": "*", "full": "overflow"}, "full", "no other route is free of this sender"),
        ({"scope": "route", "name": "x"}, "name", "there is no route 'x': routes are a, b"),
        ({"scope": "pool", "name": "a"}, "name", "there is no pool 'a': pools are b, warm"),
        ({"scope": "provider", "name": "smtp"}, "name", "there is no provider 'smtp': providers are p1, p2"),
        ({"scope": "account", "name": "acne"}, "name", "there is no account 'acne': accounts are acme, default"),
        ({"scope": "sender", "name": "x!"}, "name", "neither a number nor a sender id"),
        ({"scope": "sender", "name": "A name that is long"}, "name", "such as +15005550006, 12345 or ACME"),
        ({"scope": "sender", "name": "12"}, "name", "neither a number nor a sender id"),
        ({"name": "gmial"}, "name", "there is no MX group 'gmial': groups are aliyun, all-inkl, apple"),
        ({"name": "Gmail"}, "name", "small letters: 'gmail'"),
        ({"name": "gmail.com"}, "name", "belongs to the MX group 'gmail'"),
        ({"name": "exa mple.com"}, "name", "no MX group"),
        ({"name": "example..com"}, "name", "no MX group"),
        ({"scope": "country", "name": "pt"}, "name", "write 'PT'"),
        ({"scope": "country", "name": "EU"}, "name", "no country code"),
        ({"scope": "country", "name": "Portugal"}, "name", "one such as PT"),
        ({"scope": "carrier", "name": "Meo"}, "name", "such as IN/airtel"),
        ({"scope": "carrier", "name": "PT/"}, "name", "such as IN/airtel"),
        ({"scope": "carrier", "name": "PT/ Meo"}, "name", "such as IN/airtel"),
        ({"scope": "carrier", "name": "PX/Meo"}, "name", "no country code"),
        ({"scope": "pool", "name": "warm", "group": "gmial"}, "group", "no MX group 'gmial'"),
        # A group where none belongs
        ({"group": "yahoo"}, "group", "leave it out"),
        ({"scope": "country", "name": "PT", "group": "gmail"}, "group", "phones have no MX group"),
        # What cannot be kept
        ({"rate": 100, "burst": 5}, "burst", "1 + 0.3 x rate = 31"),
        ({"rate": 6_000, "per": "minute", "burst": 5}, "burst", "1 + 0.3 x rate = 31"),
        ({"rate": None, "daily": 5, "burst": 5}, "burst", "a burst needs a rate"),
        # Contradictions
        ({"rate": 100, "burst": 500, "hourly": 400, "daily": 9_000}, "burst", "above the hourly cap of 400"),
        ({"rate": 100, "burst": 500, "daily": 400}, "burst", "above the daily cap of 400"),
        ({"hourly": 500, "daily": 400}, "hourly", "above the daily cap of 400"),
        ({"scope": "pool", "name": "warm", "warm_up": PLAN, "daily": 49}, "warm_up", "would change nothing"),
        # Absurd ones
        ({"rate": 0.5, "per": "day"}, "rate", "less than one message a day"),
        ({"rate": 10, "per": "day", "burst": 11}, "burst", "more than the rate allows in a day (10)"),
        ({"full": "overflow"}, "full", "provider, pool, route"),
        ({"warm_up": PLAN}, "warm_up", "not of a group"),
        ({"scope": "provider", "name": "p1", "warm_up": PLAN}, "warm_up", "pool or route"),
        ({"scope": "pool", "name": "b", "warm_up": PLAN | {"factor": 1.001}}, "warm_up.factor", "366 days"),
        ({"scope": "pool", "name": "b", "warm_up": PLAN | {"begins": "2027-04-01"}}, "warm_up.begins", "2027-04-04"),
        ({"scope": "pool", "name": "b", "warm_up": PLAN | {"begins": "2029-01-01"}}, "warm_up.begins", "366 days"),
        ({"scope": "pool", "name": "b", "warm_up": PLAN | {"begins": "9999-12-31"}}, "warm_up.begins", "366 days"),
        ({"time_zone": "Europe/Lisbonne", "daily": 5}, "time_zone", "no time zone"),
    ],
)
def test_limits_that_are_refused(limit: dict[str, Any], field: str, words: str) -> None:
    """An operator reads the sentence and knows what to write instead."""
    wrong = found(limit)
    assert wrong is not None and wrong[0] == field
    assert words in wrong[1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0}, {"rate": -1}, {"rate": float("nan")}, {"rate": float("inf")}, {"rate": 1e7}, {"per": "week"},
        {"hourly": 0}, {"daily": -5}, {"daily": 2.5}, {"concurrency": 0}, {"burst": 0}, {"daily": 10**12},
        {"name": ""}, {"name": "a|b"}, {"group": "a|b"}, {"group": "a\n"}, {"scope": "planet"}, {"rates": 5},
        {"warm_up": {"begins": "2027-05-05"}}, {"warm_up": {"begins": "2027-05-05", "caps": [0]}},
        {"warm_up": {"begins": "yesterday", "caps": [5]}}, {"warm_up": PLAN | {"caps": [5]}},
        {"warm_up": PLAN | {"factor": 1}}, {"warm_up": PLAN | {"last": 49}}, {"full": "drop"},
    ],
)  # fmt: skip
def test_zero_and_absurd_values_are_no_limits_at_all(wrong: dict[str, Any]) -> None:
    """Nothing of the kind is ever stored, whichever door it comes through."""
    with pytest.raises(ValidationError):
        LimitSet.model_validate({"scope": "group", "name": "gmail"} | wrong)


def test_without_stored_routes_there_is_the_one_of_the_settings() -> None:
    """It has a name to set limits for, until the first route is stored."""
    bare = Known(accounts=["default"])
    for scope in ("route", "pool", "provider"):
        assert found({"scope": scope, "name": "smtp"}, bare) is None
        assert found({"scope": scope, "name": "smtp"}) is not None


def test_a_warm_up_that_is_over_may_stay_as_it_is() -> None:
    """Whoever raises the rate next year sends the plan along as it was read."""
    over = {"scope": "pool", "name": "warm", "warm_up": PLAN | {"begins": "2026-01-01"}}
    before = LimitSet.model_validate(over)
    assert before.warm_up is not None and before.warm_up.begins == date(2026, 1, 1)
    assert found(over) is not None
    assert found(over | {"rate": 70}, before=before) is None


def test_what_is_gone_can_still_lose_its_limit() -> None:
    """A route was deleted, its limit stayed: removing it must not be refused."""
    assert wrong_limit(LimitSet(scope="route", name="gone"), KNOWN, NOW) is None


def test_countries_are_those_of_the_standard() -> None:
    """249 of ISO 3166-1, and Kosovo."""
    assert len(countries()) == 250
    assert {"PT", "DE", "US", "XK", "AX", "GG"} <= countries()
    assert not {"EU", "UN", "ZZ", "XA", "AC", "IC"} & countries()


def test_long_lists_are_cut() -> None:
    """Ten thousand accounts do not fit into a sentence."""
    assert listed(f"a{number:02}" for number in range(15)).endswith("a11 and 3 more")
    assert listed([]) == "none"


@given(
    st.floats(0.0001, 1_000_000), st.sampled_from(["second", "minute", "hour", "day"]),
    st.none() | st.floats(0.01, 1e9), st.none() | st.integers(1, 10**9), st.none() | st.integers(1, 10**9),
)  # fmt: skip
def test_whatever_is_accepted_can_be_kept(
    rate: float, per: str, burst: float | None, hourly: int | None, daily: int | None
) -> None:
    """A bucket of an accepted limit gives slips that last, and lets at least one message through."""
    limit = LimitSet.model_validate(
        {"scope": "group", "name": "gmail", "rate": rate, "per": per, "burst": burst, "hourly": hourly, "daily": daily}
    )
    if wrong_limit(limit, KNOWN, NOW) is not None:
        return
    assert limit.per_second is not None and limit.per_second == rate / SECONDS[per]
    made = bucket(limit.per_second, limit.burst, NOW)
    assert made.validity > 0.0999 and made.capacity >= 0.9999
    assert (hourly or 1) <= (daily or 10**9)


plans = st.builds(
    dict, begins=st.dates(), caps=st.lists(st.integers(1, 10**9), max_size=5), factor=st.floats(1.000_1, 10),
    first=st.none() | st.integers(1, 10**9), last=st.none() | st.integers(1, 10**9),
)  # fmt: skip


@given(
    st.sampled_from(get_args(LimitScope)),
    st.sampled_from(["*", "gmail", "PT", "PT/Meo", "a", "warm", "acme"]) | st.text(max_size=20),
    st.sampled_from(["", "*", "gmail", "example.com"]) | st.text(max_size=20),
    st.none() | plans, st.none() | st.integers(1, 10**9), st.sampled_from(["UTC", "Asia/Kathmandu", "Mars/Base"]),
)  # fmt: skip
def test_whatever_is_asked_is_accepted_or_refused_in_words(
    scope: str, name: str, group: str, plan: dict[str, Any] | None, daily: int | None, zone: str
) -> None:
    """Nothing makes the owner stumble; what it accepts, it can count."""
    asked = {"scope": scope, "name": name, "group": group, "warm_up": plan, "daily": daily, "time_zone": zone}
    try:
        limit = LimitSet.model_validate(asked)
    except ValidationError:
        return
    wrong = wrong_limit(limit, KNOWN, NOW)
    if wrong is not None:
        assert wrong[0].partition(".")[0] in LimitSet.model_fields and wrong[1]
        return
    for _, cap in caps_of(limit, "x", NOW, ZoneInfo):
        assert cap.room(NOW) >= 0 and cap.room(NOW + 400 * 86_400) > 0
