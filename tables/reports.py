"""The recipients table: what reports need to know besides the state of their messages.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| refs | i hash of route, provider's id | Learned | refs | swept after 30 days |
| waiting reports | a hash of route, provider's id | list of Waiting | refs | once the id is known, or after an hour |
| early | y message_id | list of Waiting | report | once its attempt is settled, or after an hour |
| brakes | q route | Kept of the brake on hard bounces | report, settle | when its windows are past |
| softs | h recipient_id, hash of account | days with soft bounces | report | with a delivery; swept after 30 days |
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from app.delivery.partition_records import MessageState
from app.delivery.reports.brake import Kept
from app.delivery.reports.refs import Learned, Waiting
from tables.recipients import MESSAGE, Store

REF, AWAITING, EARLY, SOFT, BRAKE = b"i", b"a", b"y", b"h", b"q"

Items = list[tuple[bytes, bytes | None]]

_ENCODE = msgspec.msgpack.Encoder().encode
_STATE = msgspec.msgpack.Decoder(MessageState)
_LEARNED = msgspec.msgpack.Decoder(Learned)
_WAITING = msgspec.msgpack.Decoder(list[Waiting])
_BRAKE = msgspec.msgpack.Decoder(Kept)
_DAYS = msgspec.msgpack.Decoder(list[int])


def states_of(store: Store, partition: int, messages: Sequence[bytes]) -> dict[bytes, MessageState]:
    """Where messages stand, as far as that is known."""
    found = store.get_many(partition, [MESSAGE + each for each in messages])
    return {each: _STATE.decode(raw) for each, raw in zip(messages, found, strict=True) if raw is not None}


def states_and_size(store: Store, partition: int, messages: Sequence[bytes]) -> tuple[dict[bytes, MessageState], int]:
    """Where messages stand, as far as that is known, and how many bytes those states have in all."""
    found = store.get_many(partition, [MESSAGE + each for each in messages])
    decode, states, size = _STATE.decode, dict[bytes, MessageState](), 0
    for each, raw in zip(messages, found, strict=True):
        if raw is not None:
            states[each] = decode(raw)
            size += len(raw)
    return states, size


def learned_of(store: Store, partition: int, keys: Sequence[bytes]) -> dict[bytes, Learned]:
    """The messages behind ids, by their keys."""
    found = store.get_many(partition, [REF + key for key in keys])
    return {key: _LEARNED.decode(raw) for key, raw in zip(keys, found, strict=True) if raw is not None}


def learned_in(raw: bytes) -> Learned:
    """What *raw* is the value of."""
    return _LEARNED.decode(raw)


def learned_item(key: bytes, learned: Learned) -> tuple[bytes, bytes]:
    """Store the message behind an id."""
    return REF + key, _ENCODE(learned)


def waiting_of(store: Store, partition: int, section: bytes, keys: Sequence[bytes]) -> dict[bytes, list[Waiting]]:
    """Reports that wait in *section*, by their keys."""
    found = store.get_many(partition, [section + key for key in keys])
    return {key: _WAITING.decode(raw) for key, raw in zip(keys, found, strict=True) if raw is not None}


def waiting_item(section: bytes, key: bytes, waiting: Sequence[Waiting]) -> tuple[bytes, bytes | None]:
    """Store what waits under *key*, or nothing."""
    return section + key, (_ENCODE(list(waiting)) if waiting else None)


def waiting_under(store: Store, partition: int, prefix: bytes) -> Iterator[tuple[bytes, list[Waiting]]]:
    """(key, reports) of everything whose key, with its section, begins with *prefix*."""
    for key, value in store.scan(partition, prefix):
        yield key[1:], _WAITING.decode(value)


def early_ones(store: Store, partition: int) -> Iterator[bytes]:
    """The messages of which early reports wait."""
    for key, _ in store.scan(partition, EARLY):
        yield key[1:]


def softs_of(store: Store, partition: int, keys: Iterable[bytes]) -> dict[bytes, list[int]]:
    """Days with soft bounces, where there are any."""
    if next(store.scan(partition, SOFT), None) is None:
        return {}
    wanted = list(dict.fromkeys(keys))
    found = store.get_many(partition, [SOFT + key for key in wanted])
    return {key: _DAYS.decode(raw) for key, raw in zip(wanted, found, strict=True) if raw is not None}


def soft_item(key: bytes, days: Sequence[int]) -> tuple[bytes, bytes | None]:
    """Store days with soft bounces, or none."""
    return SOFT + key, (_ENCODE(list(days)) if days else None)


def days_in(raw: bytes) -> list[int]:
    """The days that *raw* is the value of."""
    return _DAYS.decode(raw)


def brakes_of(store: Store, partition: int) -> dict[str, Kept]:
    """What was told of hard bounces of late, by route."""
    return {key[1:].decode(): _BRAKE.decode(value) for key, value in store.scan(partition, BRAKE)}


def brake_item(route: str, kept: Kept | None) -> tuple[bytes, bytes | None]:
    """Store what was told of hard bounces of *route*, or nothing."""
    return BRAKE + route.encode(), (None if kept is None else _ENCODE(kept))
