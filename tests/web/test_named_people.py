"""People as requests name them."""

from app import ids
from app.web.named_people import named_people

SECRET = b"s" * 32
ANA = ids.recipient_id(SECRET, "email", "ana@example.com")


def test_an_address_and_its_id_name_the_same_person_once() -> None:
    """Suppression lists are put together from several systems."""
    found = named_people(["Ana@Example.com ", ANA.hex(), ANA.hex().upper(), "ana@EXAMPLE.com"], SECRET)
    assert found.people == {ANA: "Ana@Example.com"}
    assert found.problems == []


def test_what_names_nobody_is_told_with_its_place() -> None:
    """One bad line among ten thousand must not stop the others, nor get lost."""
    found = named_people(["ana@example.com", "ana at example.com", "", "f" * 31], SECRET)
    assert list(found.people) == [ANA]
    assert [(each.index, each.value) for each in found.problems] == [(1, "ana at example.com"), (2, ""), (3, "f" * 31)]
    assert all(each.reason for each in found.problems)


def test_a_channel_takes_whom_it_may_reach() -> None:
    """Somebody thought to be safe from SMS would go on getting them."""
    people = ["ana@example.com", "+4915123456789", ANA.hex()]
    found = named_people(people, SECRET, "sms")
    assert [each.value for each in found.problems] == ["ana@example.com"] and len(found.people) == 2
    found = named_people(people, SECRET, "email")
    assert [each.value for each in found.problems] == ["+4915123456789"] and len(found.people) == 1
    assert not named_people(people, SECRET).problems
