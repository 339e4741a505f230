"""How often a key may ask, cursors, ETags and positions: what clients send back to us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import cursors, etags
from app.web.problems import RefusedError
from app.web.rate import KeyRates
from tests.web.conftest import api_key


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_no_key_gets_more_than_its_rate(limit: float, pauses: list[float]) -> None:
    """
    One client in a loop must not take the edge from all others.
    """
    rates, key, now, passed = KeyRates(), api_key(rate=limit), 100.0, 0
    for pause in pauses:
        now += pause
        allowance = rates.take(key, now)
        passed += not allowance.wait
        assert allowance.left >= 0
        assert bool(allowance.wait) == ("Retry-After" in allowance.headers)
    assert passed <= max(1.0, limit) + limit * (now - 100.0) + 1e-6


def test_who_waits_as_told_gets_through() -> None:
    """
    Retry-After that is too short makes a client that obeys fail again.
    """
    rates, key = KeyRates(), api_key(rate=0.25)
    assert not rates.take(key, 10.0).wait
    told = rates.take(key, 10.1).wait
    assert told == 4
    assert not rates.take(key, 10.1 + told).wait


def test_buckets_are_bounded() -> None:
    """
    Keys come and go for years.
    """
    rates = KeyRates(most=10)
    for number in range(30):
        rates.take(api_key(f"key{number:05}"), 1.0)
    assert len(rates) == 10


@given(st.integers(0, 2**40), st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=50))
def test_a_cursor_comes_back_as_it_was(number: int, text: str) -> None:
    """
    Else a page is skipped, or comes twice.
    """
    assert cursors.decode(cursors.encode(number, text), int, str) == (number, text)


@given(st.text(max_size=100))
def test_what_is_no_cursor_is_refused_and_never_breaks(text: str) -> None:
    """
    Clients cut, escape and invent them.
    """
    try:
        found = cursors.decode(text, int, str)
    except RefusedError as refused:
        assert refused.status == 400
    else:
        assert found is None or len(found) == 2


@pytest.mark.parametrize(("header", "revision"), [(None, None), ("*", None), ('"7"', 7), ('W/"7"', 7), (' "12" ', 12)])
def test_if_match_names_a_revision(header: str | None, revision: int | None) -> None:
    """
    What GET said in ETag comes back as it was.
    """
    assert etags.revision_in(header) == revision


@pytest.mark.parametrize("header", ["7", '"a"', '"0"', '"7", "8"', '"99999999999999"', ""])
def test_an_if_match_of_another_kind_matches_nothing(header: str) -> None:
    """
    To ignore it would overwrite what somebody else wrote.
    """
    with pytest.raises(RefusedError) as caught:
        etags.revision_in(header)
    assert caught.value.status == 412
