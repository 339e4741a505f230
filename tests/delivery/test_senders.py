"""Sticky senders: the same person hears from the same number for as long as it is in the pool."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.people.senders import chosen, known_sender, no_sender, notes_on_sender, sender_of
from app.things import NumberPool

PEOPLE = [number.to_bytes(2, "big") * 2 + (number * 2**40 + 17).to_bytes(12, "big") for number in range(2_000)]
NUMBERS = [f"+1500555{number:04d}" for number in range(60)]
senders = st.lists(st.sampled_from(NUMBERS), min_size=2, max_size=12, unique=True)


@given(senders)
def test_the_order_of_a_pool_does_not_matter(pool: list[str]) -> None:
    """
    Whoever edits a pool may sort it.
    """
    assert [chosen(tuple(pool), who) for who in PEOPLE[:50]] == [
        chosen(tuple(reversed(pool)), who) for who in PEOPLE[:50]
    ]


@given(senders, st.integers(0, 11))
def test_a_number_that_leaves_moves_only_its_people(pool: list[str], which: int) -> None:
    """
    Everybody else answers to the number that they know.
    """
    gone = pool[which % len(pool)]
    left = tuple(each for each in pool if each != gone)
    for who in PEOPLE[:200]:
        before, after = chosen(tuple(pool), who), chosen(left, who)
        assert after == before or before == gone


def test_the_numbers_of_a_pool_share_evenly() -> None:
    """
    A limit of parts a second holds for each number: one with twice the people makes the campaign twice as long.
    """
    counts = Counter(chosen(tuple(NUMBERS[:20]), who) for who in PEOPLE)
    assert len(counts) == 20 and all(60 <= count <= 140 for count in counts.values())


def test_a_pool_has_numbers_for_countries_and_others() -> None:
    """
    A number of the country is delivered where a foreign one is blocked; a name that is no pool is the sender itself.
    """
    pools = [NumberPool(name="us", senders=NUMBERS[:9], countries={"DE": ["ACME", "+4930123456"]})]
    german = {sender_of("sms", "us", pools, who, "DE/t-mobile") for who in PEOPLE[:100]}
    assert german == {"ACME", "+4930123456"}
    assert {sender_of("sms", "us", pools, who, "FR") for who in PEOPLE} == set(NUMBERS[:9])
    assert (
        sender_of("sms", "ACME", pools, PEOPLE[0], "FR") == "ACME"
        and sender_of("sms", "", pools, PEOPLE[0], "FR") == ""
    )


POOLS = [NumberPool(name="marketing", senders=["+15005550006"]), NumberPool(name="us_east", senders=["ACME"])]


@pytest.mark.parametrize("sender", ["", "marketing", "us_east", "+15005550006", "12345", "ACME", "My Shop 24"])
def test_who_a_message_may_come_from(sender: str) -> None:
    assert known_sender(sender, POOLS)


@pytest.mark.parametrize("sender", ["us-east", "x!", "12", " ACME", "ACME ", "A name that is long", "   ", "Ünïcode"])
def test_what_is_no_sender_is_refused_with_what_there_is(sender: str) -> None:
    """A pool that is misspelt would be shown to thousands of people as a name."""
    assert not known_sender(sender, POOLS)
    assert "marketing, us_east" in no_sender(sender, POOLS) and "it has none" in no_sender(sender, [])


def test_a_name_that_may_be_a_pool_misspelt_is_told() -> None:
    assert "is the pool 'us_east' meant?" in no_sender("us-east", POOLS)
    (note,) = notes_on_sender("Marketng", POOLS)
    assert note.endswith("is the pool 'marketing' meant?")
    (note,) = notes_on_sender("ACME", POOLS)
    assert "shown to people" in note and "meant" not in note
    for sender in ("", "marketing", "+15005550006", "12345"):
        assert not notes_on_sender(sender, POOLS)
    assert not notes_on_sender("Marketng", [])
