"""The recipients table: what people have written to us.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| written | b recipient_id | Written | inbound | swept after 60 days, unless a STOP stands in it |
"""

from itertools import islice

import msgspec

from app.delivery.outcomes import Status
from app.delivery.people.wishes import Written
from tables.recipients import SIGHTING, Store, sighting_in
from tables.reports import states_of

WRITTEN = b"b"
MOST_LOOKED_AT = 300  # messages of one person
MOST_BYTES = 150_000  # of what one person has written: suppressions go into the same batch
_ENCODE = msgspec.msgpack.Encoder().encode
_HEARD = msgspec.msgpack.Decoder(Written)
NEVER_WENT = frozenset({Status.QUEUED, Status.DROPPED})


def written_of(store: Store, partition: int, recipient: bytes) -> Written:
    """What *recipient* has written to us."""
    (raw,) = store.get_many(partition, [WRITTEN + recipient])
    return Written() if raw is None else _HEARD.decode(raw)


def written_in(raw: bytes) -> Written:
    """What *raw* is the value of."""
    return _HEARD.decode(raw)


def written_item(recipient: bytes, written: Written) -> tuple[bytes, bytes]:
    """Store it. Of what names very many accounts, fewer are known as repeats."""
    value = _ENCODE(written)
    while len(value) > MOST_BYTES and len(written.seen) > 1:
        written = msgspec.structs.replace(written, seen=written.seen[len(written.seen) // 2 :])
        value = _ENCODE(written)
    return WRITTEN + recipient, value


def last_sender(store: Store, partition: int, recipient: bytes, channel: str) -> str:
    """The account whose message went last to *recipient* on *channel*; "" where none is known, which is after 30 days.

    Each sighting of a person names the last message of a campaign, or of a deduplication key.
    """
    rows = islice(store.scan(partition, SIGHTING + recipient), MOST_LOOKED_AT)
    states = states_of(store, partition, list({sighting_in(value).message for _, value in rows}))
    sent = [each for each in states.values() if each.channel == channel and each.account and each.attempt]
    gone = [each for each in sent if each.status not in NEVER_WENT]
    return max(gone, key=lambda each: each.at).account if gone else ""
