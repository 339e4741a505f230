"""What is old in the recipients table, slice by slice: each a stretch of keys that is read in one go.

Slices are cut by the first two bytes of what a key names: a slot for people and their messages, a hash for
packs. With ten million rows in a partition a slice has about a thousand.
"""

from collections.abc import Iterator

import msgspec

from app.delivery.partition_records import Verdict
from app.delivery.people.wishes import is_forgotten
from app.delivery.reports.refs import KEPT_FOR
from app.delivery.reports.suppress import is_old_soft
from app.delivery.sweep import Horizon, is_old_message, is_old_record, is_old_sighting, is_old_verdict
from tables.recipients import COUNTERS, MESSAGE, SIGHTING, TOUCHES, VERDICT, Store, sighting_in, touches_in
from tables.reports import REF, SOFT, days_in, learned_in
from tables.wishes import WRITTEN, written_in

_VERDICT = msgspec.msgpack.Decoder(Verdict)
SLOTS = 1 << 16


def slices(store: Store, partition: int, partitions: int, old: Horizon) -> Iterator[bytes]:
    """The prefixes of one round over everything in *partition* that grows old."""
    slots = range(partition, SLOTS, partitions)
    for section in (SIGHTING, TOUCHES):
        if next(store.scan(partition, section), None) is not None:
            yield from (section + slot.to_bytes(2, "big") for slot in slots)
    if next(store.scan(partition, SOFT), None) is not None:
        yield from (SOFT + slot.to_bytes(2, "big") for slot in slots)
    if next(store.scan(partition, WRITTEN), None) is not None:
        yield from (WRITTEN + slot.to_bytes(2, "big") for slot in slots)
    if next(store.scan(partition, REF), None) is not None:
        yield from (REF + slot.to_bytes(2, "big") for slot in slots)
    yield from (VERDICT + number.to_bytes(2, "big") for number in range(SLOTS))
    first = next((key for key, _ in store.scan(partition, MESSAGE)), None)
    if first is not None:
        for day in range(int.from_bytes(first[1:3], "big"), old.first_day):
            if next(store.scan(partition, MESSAGE + day.to_bytes(2, "big")), None) is None:
                continue
            yield from (MESSAGE + day.to_bytes(2, "big") + slot.to_bytes(2, "big") for slot in slots)


def rows_of_slice(store: Store, partition: int, prefix: bytes, old: Horizon) -> Iterator[tuple[bytes, bool]]:
    """(key, whether it is old) of every row of the slice *prefix*."""
    for key, value in store.scan(partition, prefix):
        yield key, _is_old(key, value, old)


def counters_key(campaign: str) -> bytes:
    """The key of the counters of *campaign*."""
    return COUNTERS + campaign.encode()


def _is_old(key: bytes, value: bytes, old: Horizon) -> bool:
    match key[:1]:
        case b"d":
            seen = sighting_in(value)
            return is_old_sighting(key[1:], seen.message, seen.at, old)
        case b"v":
            return is_old_verdict(_VERDICT.decode(value).at, old)
        case b"f":
            return is_old_record(touches_in(value), old)
        case b"h":
            return is_old_soft(days_in(value), old)
        case b"b":
            return is_forgotten(written_in(value), old.now)
        case b"i":
            return learned_in(value).at < old.now - KEPT_FOR
    return is_old_message(key[1:], old)
