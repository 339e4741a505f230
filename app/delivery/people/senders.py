"""Which number a message to a phone comes from: the one that is named, or for each recipient the same one of a pool.

Rendezvous hashing: every number of the pool has a score with every recipient, and the highest has the recipient. A
number that leaves gives its people to all others, and nobody else moves; one that comes takes its share from all.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from hashlib import blake2b

from app.delivery.routes.plan import OF_THE_ROUTE, place_of
from app.things import NumberPool

_MIX, _MIX_AGAIN, _ALL = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, (1 << 64) - 1  # of splitmix64
_NUMBER = re.compile(r"\+?\d{3,15}", re.ASCII)  # also a short code
_NAME = re.compile(r"(?=.*[A-Za-z])(?! )[A-Za-z0-9 ]{1,11}(?<! )", re.ASCII)
ALIKE = 0.7  # of two names, from 0 to 1, from which on one may be the other misspelt
NAMELESS = "the US, Canada, Puerto Rico and China"  # account_checks.NUMBERS_ONLY
MOST_LISTED = 5
POOLS_KEPT = 1_000


def pool_named(name: str, pools: Iterable[NumberPool]) -> NumberPool | None:
    """The pool of that name; None where *name* is a number or a sender id."""
    return next((pool for pool in pools if pool.name == name), None)


def known_sender(sender_id: str, pools: Iterable[NumberPool]) -> bool:
    """Whether a message can come from *sender_id*: "" (that of the route), a number, a sender id, or one of *pools*."""
    if not sender_id or _NUMBER.fullmatch(sender_id) or _NAME.fullmatch(sender_id):
        return True
    return pool_named(sender_id, pools) is not None


def no_sender(sender_id: str, pools: Sequence[NumberPool]) -> str:
    """What to say of a *sender_id* from which no message can come."""
    names = [pool.name for pool in pools]
    there = f"its pools are {_listed(names)}" if names else "it has none"
    return (
        f"{sender_id!r} is no number pool of this account ({there}), no number and no sender id: those have 1 to 11 "
        f"letters (A to Z), digits and blanks, one letter at least{_meant(sender_id, names)}"
    )


def notes_on_sender(sender_id: str, pools: Sequence[NumberPool]) -> list[str]:
    """What whoever names *sender_id* should know, where the account has *pools*: a name is shown to people as it is."""
    names = [pool.name for pool in pools]
    if not names or not _NAME.fullmatch(sender_id) or sender_id in names:
        return []
    return [
        f"{sender_id!r} is no number pool of this account (its pools are {_listed(names)}): it is shown to people as "
        f"the name of the sender, which {NAMELESS} do not allow{_meant(sender_id, names)}"
    ]


def _meant(sender_id: str, names: Sequence[str]) -> str:
    """The pool that may be meant, as a question."""
    by_small = {name.casefold(): name for name in names}
    close = get_close_matches(sender_id.casefold(), by_small, n=1, cutoff=ALIKE)
    return f"; is the pool {by_small[close[0]]!r} meant?" if close else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join([*names[:MOST_LISTED], *(["..."] if len(names) > MOST_LISTED else [])])


def sender_of(channel: str, sender_id: str, pools: Iterable[NumberPool], recipient: bytes, group: str) -> str:
    """Whom the message to *recipient* in *group* comes from on *channel*; "" is the sender of the route.

    A WhatsApp message comes from the number of its route, whatever its campaign names for others.
    """
    if channel in OF_THE_ROUTE:
        return ""
    pool = pool_named(sender_id, pools) if sender_id else None
    if pool is None:
        return sender_id
    return chosen(tuple(pool.countries.get(place_of(group)[0]) or pool.senders), recipient)


def chosen(senders: tuple[str, ...], recipient: bytes) -> str:
    """The one of *senders* that *recipient* hears from. The order of them does not matter."""
    if len(senders) == 1:
        return senders[0]
    who = int.from_bytes(recipient[-8:], "big")
    best, found = -1, ""
    for seed, sender in _seeded(senders):
        score = (who ^ seed) * _MIX & _ALL
        score = (score ^ score >> 29) * _MIX_AGAIN & _ALL
        if score > best:
            best, found = score, sender
    return found


@lru_cache(maxsize=POOLS_KEPT)
def _seeded(senders: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    return tuple(
        (int.from_bytes(blake2b(each.encode(), digest_size=8, person=b"fanfare.from").digest(), "big"), each)
        for each in sorted(set(senders))
    )
