"""The pacing table: what outlives a restart of breakers, adaptive pacing and the notices about them.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| breakers | kr route | Kept: state, since, until, reason | pace, command | when it closes |
| senders | ks pool, NUL, group | KeptSender: factor, suspension, reason | pace, command | when it is restored |
| notices | kn id | Notice, JSON | pace, command | the newest 200 stay, and those that hold on |
| alerts | ka id | nothing: the notice is to be posted | pace, command | when it is posted, or given up |
"""

from collections.abc import Iterator

import msgspec

from app.delivery.routes.adaptive import KeptSender
from app.delivery.routes.breaker import Kept
from app.delivery.routes.learned import SenderKey
from app.routes import Notice
from tables.recipients import Store

BREAKER, SENDER, NOTICE, ALERT = b"kr", b"ks", b"kn", b"ka"

_ENCODE = msgspec.msgpack.Encoder().encode
_BREAKER = msgspec.msgpack.Decoder(Kept)
_SENDER = msgspec.msgpack.Decoder(KeptSender)


def breaker_item(route: str, kept: Kept | None) -> tuple[bytes, bytes | None]:
    """Store a breaker, or forget one that is closed."""
    return BREAKER + route.encode(), None if kept is None else _ENCODE(kept)


def breakers(store: Store, group: int) -> dict[str, Kept]:
    """Every breaker that is not closed, by route."""
    return {key[len(BREAKER) :].decode(): _BREAKER.decode(value) for key, value in store.scan(group, BREAKER)}


def sender_item(sender: SenderKey, kept: KeptSender | None) -> tuple[bytes, bytes | None]:
    """Store how a sender is held back, or forget one that is not."""
    return SENDER + "\0".join(sender).encode(), None if kept is None else _ENCODE(kept)


def senders(store: Store, group: int) -> dict[SenderKey, KeptSender]:
    """Every sender that is held back."""
    found = {}
    for key, value in store.scan(group, SENDER):
        pool, _, mx_group = key[len(SENDER) :].decode().partition("\0")
        found[SenderKey(pool, mx_group)] = _SENDER.decode(value)
    return found


def notice_item(ident: str, notice: Notice | None) -> tuple[bytes, bytes | None]:
    """Store a notice, or forget it."""
    return NOTICE + ident.encode(), None if notice is None else notice.model_dump_json().encode()


def notices(store: Store, group: int) -> Iterator[Notice]:
    """The stored notices, the oldest first."""
    for _, value in store.scan(group, NOTICE):
        yield Notice.model_validate_json(value)


def notice(store: Store, group: int, ident: str) -> Notice | None:
    """A stored notice."""
    (raw,) = store.get_many(group, [NOTICE + ident.encode()])
    return None if raw is None else Notice.model_validate_json(raw)


def alert_item(ident: str, waits: bool) -> tuple[bytes, bytes | None]:
    """Note that a notice is to be posted, or that it is not any more."""
    return ALERT + ident.encode(), b"1" if waits else None


def alerts(store: Store, group: int) -> list[str]:
    """The ids of notices that are to be posted, the oldest first."""
    return [key[len(ALERT) :].decode() for key, _ in store.scan(group, ALERT)]
