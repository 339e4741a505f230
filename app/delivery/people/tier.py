"""WhatsApp's tier counts people: who was paid for within a day, under the same limits, takes no place again.

A limit with the unit `people` holds places. Whoever gets a message takes one, and it is noted with the person, as a
sighting, under which limits (their *stamp*) and when. Who waits with such a note waits in a class of its own (`AGAIN`),
which these limits do not hold back: for each of its messages the oldest place that is taken becomes one that was taken
just now. So each person of whom that is noted keeps a place that is as young as their last message, whichever it is:
who had the oldest has the one that this person had before, which is younger. Nothing has to be told, returned or
undone for that: a slip that is lost has made places younger, which costs time and breaks nothing.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from app.delivery.partition_records import Sighting

AGAIN = 0  # the parts of a class whose people were paid for: each is looked at again when it leaves
FREE_FOR = 86_100.0  # seconds: five minutes less than a place is taken at the least
STAMP = 16  # bytes
_TAIL = blake2b(b"people", digest_size=8).digest()
_KEY_TAIL = _TAIL[:-1] + bytes([_TAIL[-1] & 0xFE])  # the last bit is 0, as of what no campaign shares


def paid_keys(recipients: Iterable[bytes]) -> list[bytes]:
    """The keys (24 bytes) of the sightings that tell under which limits somebody was paid for last."""
    return [recipient + _KEY_TAIL for recipient in recipients]


def stamp_of(names: Sequence[str]) -> bytes:
    """What stands for these limits, all of which a message takes a place of; empty for none.

    It lies where the message of a sighting does, and begins with a day long ago: the sweeper goes by its time alone.
    """
    if not names:
        return b""
    return b"\0\0" + blake2b("|".join(sorted(names)).encode(), digest_size=STAMP - 2, person=b"fanfare.people").digest()


def is_paid(seen: Sighting | None, stamp: bytes, now: float) -> bool:
    """Whether who was *seen* so has a place under the limits of *stamp*; an empty one asks about any limits."""
    if seen is None or not seen.at - FREE_FOR < now < seen.at + FREE_FOR:
        return False
    return not stamp or seen.message == stamp
