"""The demo's verdict is only worth something when it can be bad."""

from app.cli.demo_result import judge
from app.local.sink_read import Accepted

PEOPLE = [f"{number:032x}" for number in range(10)]


def taken(*people: str) -> list[Accepted]:
    """What the sink wrote: one a second."""
    return [Accepted(message, 100.0 + second, "x@example.com") for second, message in enumerate(people)]


def test_a_person_whom_nobody_tells_of_is_lost() -> None:
    """
    This is the figure that people look at first.
    """
    result = judge("c", PEOPLE, taken(*PEOPLE[:7]), PEOPLE[7:8], {"sent": 7, "bounced": 1, "dropped": 1})
    assert (result.accepted, result.refused, result.lost) == (7, 1, 1)


def test_fanfares_own_count_of_sent_hides_nobody() -> None:
    """
    Loss is judged by the sink: a count that says "sent" proves nothing.
    """
    assert judge("c", PEOPLE, taken(*PEOPLE[:9]), [], {"sent": 10}).lost == 1


def test_each_message_beyond_the_first_is_a_duplicate() -> None:
    """
    Three to one person are two too many.
    """
    result = judge("c", PEOPLE, taken(*PEOPLE, PEOPLE[0], PEOPLE[0], PEOPLE[1]), [], {"sent": 10})
    assert (result.accepted, result.duplicated, result.lost) == (10, 3, 0)


def test_messages_of_other_campaigns_do_not_count() -> None:
    """
    The sink's record is kept over many demos.
    """
    other = "f" * 32
    result = judge("c", PEOPLE, taken(*PEOPLE, other, other), [other], {"sent": 10})
    assert (result.accepted, result.duplicated, result.refused, result.seconds) == (10, 0, 0, 9.0)


def test_an_empty_record_is_no_division_by_zero() -> None:
    """
    A campaign of which nothing arrived is reported, not crashed on.
    """
    result = judge("c", PEOPLE, [], [], {"unknown": 4})
    assert (result.lost, result.unknown, result.messages_per_second, result.bulk_seconds) == (6, 4, 0.0, 0.0)
