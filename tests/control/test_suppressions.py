"""Suppressions by the thousand: the records that carry them, and which ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.control.suppressions import packs_of
from app.records import Undecodable
from app.suppressions import MOST_RECIPIENTS, SuppressionCommand, decode_suppression

people = st.lists(st.binary(min_size=16, max_size=16), max_size=1_200)


@given(people, st.integers(1, 48))
def test_everybody_is_in_a_pack_of_the_own_partition_once(recipients: list[bytes], partitions: int) -> None:
    """Who is missing gets mail after all; a pack in the wrong partition costs a hop."""
    packed: list[bytes] = []
    for owner, raw in packs_of(recipients, partitions, op="add", scope="account", scope_id="acme", reason="import"):
        command = decode_suppression(raw)
        assert isinstance(command, SuppressionCommand)
        assert len(command.people) <= MOST_RECIPIENTS
        assert {ids.partition_of(each, partitions) for each in command.people} == {owner}
        assert (command.op, command.scope, command.scope_id, command.reason) == ("add", "account", "acme", "import")
        packed += command.people
    assert sorted(packed) == sorted(set(recipients))


def test_the_single_form_is_a_pack_of_one() -> None:
    """Programs that publish one person a record go on working."""
    raw = b'{"op": "remove", "recipient_id": "%s", "scope": "global"}' % (b"ab" * 16)
    command = decode_suppression(raw)
    assert isinstance(command, SuppressionCommand)
    assert command.people == [b"\xab" * 16]


ONE = "ab" * 16


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (SuppressionCommand("ad", "global", recipient_id=ONE), "unknown op"),
        (SuppressionCommand("add", "person", recipient_id=ONE), "unknown op or scope"),
        (SuppressionCommand("add", "global", recipient_id="ab"), "not 16 bytes"),
        (SuppressionCommand("add", "global"), "not 16 bytes"),
        (SuppressionCommand("add", "global", recipient_id=ONE, recipients=[ONE]), "either"),
        (SuppressionCommand("add", "global", recipients=[f"{i:032x}" for i in range(501)]), "501 recipients"),
        (SuppressionCommand("add", "global", recipient_id=ONE, reason="x" * 201), "at most 200"),
    ],
)
def test_a_record_that_says_too_little_or_too_much_is_refused(record: SuppressionCommand, why: str) -> None:
    """It ends in dead.lettered with this reason, and nothing stops."""
    refused = decode_suppression(record.encoded())
    assert isinstance(refused, Undecodable) and why in refused.reason
