"""Reports as records: by the partition of their message, or of the id that is all they know."""

from collections.abc import Iterable, Iterator, Sequence

from app import ids
from app.delivery.reports.refs import key_of, partition_of
from app.records import DeliveryReport, Reference, References, Told

MOST_ROWS = 1_000  # reports in a record
MOST_SIZE = 200_000  # characters in a record: as UTF-8 they fit into one of Kafka, whatever they are


def reports_of(
    rows: Iterable[Told], route: str, source: str, at: float, partitions: int
) -> Iterator[tuple[int, DeliveryReport]]:
    """(partition, record) of *rows*, each of a message: some hundred in each."""
    apart: dict[int, list[Told]] = {}
    for told in rows:
        apart.setdefault(ids.partition_of_message(told.message_id, partitions), []).append(told)
    for owner, own in apart.items():
        for part in _cut(own):
            yield owner, DeliveryReport(b"", "told", at, source, told=part, route=route)


def references_of(
    rows: Iterable[Told], route: str, source: str, at: float, partitions: int
) -> Iterator[tuple[int, References]]:
    """(partition, record) of *rows*, which know the provider's id alone."""
    apart: dict[int, list[Told]] = {}
    for told in rows:
        apart.setdefault(partition_of(key_of(route, told.ref), partitions), []).append(told)
    for owner, own in apart.items():
        for part in _cut(own):
            found = [Reference(told.ref, told=told) for told in part]
            yield owner, References(route, at, found, source)


def size_of(told: Told) -> int:
    """About how many characters *told* takes in a record."""
    return 100 + len(told.detail) + len(told.url) + len(told.event) + len(told.ref)


def _cut(rows: Sequence[Told]) -> Iterator[list[Told]]:
    part: list[Told] = []
    size = 0
    for told in rows:
        weight = size_of(told)
        if part and (len(part) == MOST_ROWS or size + weight > MOST_SIZE):
            yield part
            part, size = [], 0
        part.append(told)
        size += weight
    if part:
        yield part


def learned_by(rows: Iterable[Reference], route: str, at: float, partitions: int) -> Iterator[tuple[int, References]]:
    """(partition, record) of the messages behind ids."""
    apart: dict[int, list[Reference]] = {}
    for each in rows:
        apart.setdefault(partition_of(key_of(route, each.ref), partitions), []).append(each)
    for owner, own in apart.items():
        yield owner, References(route, at, own)
