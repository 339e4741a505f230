"""WhatsApp takes one message in six seconds from one number to one person: who has just had one waits for the rest.

The last one is remembered as a sighting, which the sweeper knows. Meta: "pair rate limit", error 131056.
"""

from collections.abc import Sequence
from hashlib import blake2b

from app.delivery.partition_records import OpenRelease, Sighting, WaitingPack
from app.records import Outgoing

PAIR_SECONDS = 6.0
SIGHTING_BYTES = 100  # in a batch


def is_paired(pack: WaitingPack) -> bool:
    """Whether messages of *pack* have to keep that distance."""
    return pack.channel == "whatsapp"


def pair_keys(release: OpenRelease, rows: Sequence[Outgoing]) -> list[bytes]:
    """The keys of the sightings of each pair: 24 bytes, of which the last bit is 0, as of what no campaign shares."""
    scope = f"pair|{release.sender or release.route}"
    digest = blake2b(scope.encode(), digest_size=8).digest()
    tail = digest[:-1] + bytes([digest[-1] & 0xFE])
    return [row.recipient_id + tail for row in rows]


def waits_until(seen: Sighting | None, message: bytes, now: float) -> float:
    """When *message* may leave to somebody who was *seen* last then; 0: at once. It does not wait for itself."""
    if seen is None or seen.message == message or not seen.at <= now < seen.at + PAIR_SECONDS:
        return 0.0
    return float(-(-(seen.at + PAIR_SECONDS) // 1))  # who waits together leaves together: whole seconds
