"""Filters of segments as JSON."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.commands import Command
from app.things import SegmentDraft

TREE = {"all": [{"not": {"list": "left"}}, {"any": [{"engaged": "opened"}, {"attribute": "vip", "op": "exists"}]}]}


def test_a_filter_comes_through_kafka_as_it_was_written() -> None:
    """A command is JSON: what its sender wrote and what the owner reads must be one filter."""
    command = Command.model_validate(
        {"id": "s-1", "kind": "segment.create", "segment": {"name": "Keen", "filter": TREE}}
    )
    raw = command.model_dump_json()
    assert '"not":' in raw
    assert Command.model_validate_json(raw) == command


@pytest.mark.parametrize(
    ("tree", "field", "told"),
    [
        ({"lst": "a"}, "filter", "one of the fields all, any, not"),
        ({"all": [{"list": "a"}, 5]}, "filter.(all).all.1", "one of the fields"),
        ({"not": {"attribute": "a", "op": "like"}}, "filter.(not).not.(attribute).op", "'contains'"),
        ({"list": "a", "lists": "b"}, "filter.(list).lists", "not permitted"),
    ],
)
def test_a_mistake_is_told_once_and_where_it_is(tree: Any, field: str, told: str) -> None:
    """Six kinds of filter must not answer a misspelt word with thirteen complaints."""
    with pytest.raises(ValidationError) as caught:
        SegmentDraft.model_validate({"name": "x", "filter": tree})
    (error,) = caught.value.errors()
    assert ".".join(map(str, error["loc"])) == field
    assert told in error["msg"]


@pytest.mark.parametrize("depth", [13, 300, 900])
def test_a_filter_that_is_too_deep_is_refused(depth: int) -> None:
    """It is compiled to SQL by recursion."""
    tree: Any = {"list": "a"}
    for _ in range(depth):
        tree = {"not": tree}
    with pytest.raises(ValidationError):
        SegmentDraft.model_validate({"name": "x", "filter": tree})
