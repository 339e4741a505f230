"""Suppression commands as rows of the suppressions table.

A recipient's commands count in the order of the partition that owns them. A command that lies in another partition
is handed on to the owner and is read there: here it has no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app import ids
from app.clickhouse.moments import milliseconds
from app.clickhouse.native import Block, fixed_strings, repeated
from app.suppressions import SuppressionCommand


@dataclass(frozen=True, slots=True)
class SourcedSuppression:
    """A command for *people* whom its partition owns, at *offset*; it came at *at*."""

    command: SuppressionCommand
    people: list[bytes]
    partition: int
    offset: int
    at: float


def owned(
    command: SuppressionCommand, partition: int, offset: int, at: float, partitions: int
) -> SourcedSuppression | None:
    """*command* for those of its people whom *partition* owns, or None when there are none."""
    people = [each for each in command.people if ids.partition_of(each, partitions) == partition]
    return SourcedSuppression(command, people, partition, offset, command.at or at) if people else None


def suppressions_block(commands: Sequence[SourcedSuppression]) -> Block:
    """A row for each person of *commands*, as one block for `INSERT INTO suppressions`."""
    sizes = [len(each.people) for each in commands]
    both = list(zip(commands, sizes, strict=True))
    block = Block(sum(sizes))

    def texts(name: str, values: list[str]) -> None:
        joined = b"".join([repeated(value.encode(), n) for value, n in zip(values, sizes, strict=True)])
        block.add(name, "String", joined)

    def numbers(name: str, kind: str, width: int, values: list[int]) -> None:
        joined = b"".join([value.to_bytes(width, "little") * n for value, n in zip(values, sizes, strict=True)])
        block.add(name, kind, joined)

    texts("account", [each.command.owner for each in commands])
    people = b"".join([b"".join(each.people) for each in commands])
    block.add("recipient_id", "FixedString(16)", fixed_strings(people, ids.ID_BYTES, block.rows))
    texts("scope", [each.command.scope for each in commands])
    texts("scope_id", [each.command.scope_id for each in commands])
    texts("channel", [each.command.channel for each in commands])
    numbers("removed", "UInt8", 1, [int(each.command.op == "remove") for each in commands])
    texts("reason", [each.command.reason for each in commands])
    texts("source", [each.command.source for each in commands])
    numbers("since", "DateTime64(3, 'UTC')", 8, [milliseconds(each.at) for each in commands])
    until = b"".join([_until(each.command.until, n) for each, n in both])
    missing = b"".join([bytes([not each.command.until]) * n for each, n in both])
    block.add("until", "Nullable(DateTime64(3, 'UTC'))", missing + until)
    numbers("version", "UInt64", 8, [each.offset for each in commands])
    return block


def _until(at: float, count: int) -> bytes:
    return milliseconds(at).to_bytes(8, "little") * count
