"""The broker's topics against those that are declared."""

import pytest

from app.settings import Settings
from app.stream.topics_apply import TopicsMismatch, _compare
from app.topics import Topic

SETTINGS = Settings(partitions=8)


def test_a_missing_topic_and_another_number_of_partitions_are_both_named() -> None:
    """
    The number of partitions says who owns which key: going on with another one would split people's history.
    """
    with pytest.raises(TopicsMismatch, match="fanfare topics apply") as raised:
        _compare(
            SETTINGS, [Topic("here"), Topic("wide"), Topic("gone"), Topic("one", 1)], {"here": 8, "wide": 9, "one": 1}
        )
    assert raised.value.problems == ["topic wide has 9 partitions instead of 8", "topic gone is missing"]


def test_what_agrees_passes() -> None:
    """
    A topic may have its own number, all others have the installation's.
    """
    _compare(SETTINGS, [Topic("many"), Topic("one", 1)], {"many": 8, "one": 1})
