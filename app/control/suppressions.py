"""Suppressions on their way: from recipients to the records of suppression.commanded, by partition."""

import asyncio
from collections.abc import Iterator, Sequence

from app.control.client import Control
from app.suppressions import SuppressionCommand
from app.topics import SUPPRESSION_COMMANDED


def packs_of(
    recipients: Sequence[bytes],
    partitions: int,
    *,
    op: str,
    scope: str,
    scope_id: str = "",
    reason: str = "",
    source: str = "",
    at: float = 0.0,
    until: float = 0.0,
    account: str = "",
    channel: str = "",
) -> Iterator[tuple[int, bytes]]:
    """(partition, record) for all of *recipients*: up to 500 of them in each."""
    people = [each.hex() for each in recipients]
    whole = SuppressionCommand(op, scope, scope_id, "", people, reason, source, at, until, account, channel)
    for owner, commands in whole.apart(partitions).items() if people else ():
        for command in commands:
            yield owner, command.encoded()


async def publish(control: Control, packs: Sequence[tuple[int, bytes]]) -> None:
    """Hand *packs* to Kafka; returns when it has all of them. Raises UnreachableError: then send them again."""
    await asyncio.gather(*(control.produce(SUPPRESSION_COMMANDED, pack, partition=owner) for owner, pack in packs))
