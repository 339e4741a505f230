"""The pacing table: what an account has besides campaigns, the contents of campaigns, and what is still to be told.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| templates | tt id | TemplateHead of the newest version, JSON | command | when deleted |
| versions | tv id, version | TemplateHead, JSON | command | with the template |
| contents | tc owner | Stored: content id, chunks | command, pace | with its owner |
| chunks | tk owner, content id, number | part of a Content: JSON, lz4 | command, pace | with its owner |
| segments | ts id | Segment, JSON | command | when deleted |
| keys | ta id | ApiKey, JSON | command | 30 days after its end |
| accounts | tn name | Account, JSON | command | never |
| plans | tp campaign | AudiencePlan, JSON | command, pace | with the end of the campaign |
| untold | tu kind, id, version | Told | command, pace | once Kafka has it |

A plan is written before the entry that starts with it, and means nothing without that.
The owner of a content is a draft (its campaign id), a version of a template (id, "@", version), or what is
frozen ("=", content id). Its chunks are written first and its head last: without a head they are nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import lz4.frame
import msgspec

from app.specs import Content
from app.things import Account, ApiKey, AudiencePlan, Segment, TemplateHead
from tables.pacing import LIMIT, ROUTE
from tables.recipients import Store

TEMPLATE, VERSION, CONTENT, CHUNK = b"tt", b"tv", b"tc", b"tk"
SEGMENT, KEY, ACCOUNT, PLAN, UNTOLD = b"ts", b"ta", b"tn", b"tp", b"tu"
CHUNK_BYTES = 200_000

Items = list[tuple[bytes, bytes | None]]

_ENCODE = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Writes:
    """What one step writes. *first* goes ahead in as many batches as it takes; *items*, one batch, make it count."""

    first: Items = field(default_factory=list)
    items: Items = field(default_factory=list)

    def add(self, other: "Writes") -> None:
        """Write *other* in the same step."""
        self.first += other.first
        self.items += other.items


class Stored(msgspec.Struct, array_like=True):
    """The head of a stored content."""

    content: str
    chunks: int


class Told(msgspec.Struct, array_like=True):
    """Of whom a directory or mirror still has to hear; what there is to tell is read when it is told, or *body*."""

    account: str
    version: int
    at: float
    body: bytes = b""


_STORED = msgspec.msgpack.Decoder(Stored)
_TOLD = msgspec.msgpack.Decoder(Told)


# -- contents


def version_owner(template: str, version: int) -> str:
    """Whose the content of a version of a template is."""
    return f"{template}@{version}"


def frozen_owner(content_id: str) -> str:
    """Whose a frozen content is."""
    return f"={content_id}"


def stored_content(store: Store, group: int, owner: str) -> Stored | None:
    """The head of the content of *owner*."""
    (raw,) = store.get_many(group, [CONTENT + owner.encode()])
    return None if raw is None else _STORED.decode(raw)


def content_json(store: Store, group: int, owner: str) -> bytes | None:
    """The content of *owner*, JSON."""
    head = stored_content(store, group, owner)
    if head is None:
        return None
    chunks = store.get_many(group, _chunk_keys(owner, head))
    return bytes(lz4.frame.decompress(b"".join(chunk for chunk in chunks if chunk is not None)))


def content(store: Store, group: int, owner: str) -> Content | None:
    """The content of *owner*."""
    raw = content_json(store, group, owner)
    return None if raw is None else Content.model_validate_json(raw)


def content_writes(store: Store, group: int, owner: str, new: Content) -> Writes:
    """Make *new* the content of *owner*, in place of another one."""
    ident, raw = new.id, lz4.frame.compress(new.model_dump_json().encode())
    parts = [raw[at : at + CHUNK_BYTES] for at in range(0, len(raw), CHUNK_BYTES)]
    head = Stored(ident, len(parts))
    before = stored_content(store, group, owner)
    if before == head:
        return Writes()
    first: Items = list(zip(_chunk_keys(owner, head), parts, strict=True))
    kept = {key for key, _ in first}
    old: Items = [(key, None) for key in _chunk_keys(owner, before) if key not in kept] if before else []
    return Writes(first, [(CONTENT + owner.encode(), _ENCODE(head)), *old])


def forget_content(store: Store, group: int, owner: str) -> Items:
    """Tombstones for the content of *owner*, also for chunks that never got a head."""
    chunks: Items = [(key, None) for key, _ in store.scan(group, CHUNK + owner.encode() + b"|")]
    known = stored_content(store, group, owner) is not None
    return [(CONTENT + owner.encode(), None), *chunks] if chunks or known else []


def _chunk_keys(owner: str, head: Stored) -> list[bytes]:
    return [CHUNK + f"{owner}|{head.content}|{number:03d}".encode() for number in range(head.chunks)]


# -- templates


def template(store: Store, group: int, ident: str, version: int | None = None) -> TemplateHead | None:
    """A version of a template, the newest one for None."""
    key = TEMPLATE + ident.encode() if version is None else _version_key(ident, version)
    (raw,) = store.get_many(group, [key])
    return None if raw is None else TemplateHead.model_validate_json(raw)


def template_writes(store: Store, group: int, head: TemplateHead, new: Content) -> Writes:
    """Store a version with its content; it is the newest."""
    writes = content_writes(store, group, version_owner(head.id, head.version), new)
    raw = head.model_dump_json().encode()
    writes.items += [(TEMPLATE + head.id.encode(), raw), (_version_key(head.id, head.version), raw)]
    return writes


def forget_template(store: Store, group: int, ident: str) -> Items:
    """Tombstones for a template with all its versions."""
    versions: Items = [(key, None) for key, _ in store.scan(group, VERSION + f"{ident}|".encode())]
    contents: Items = [(key, None) for key, _ in store.scan(group, CONTENT + f"{ident}@".encode())]
    chunks: Items = [(key, None) for key, _ in store.scan(group, CHUNK + f"{ident}@".encode())]
    return [(TEMPLATE + ident.encode(), None), *versions, *contents, *chunks]


def _version_key(ident: str, version: int) -> bytes:
    return VERSION + f"{ident}|{version:08d}".encode()


# -- segments, keys, accounts, plans


def segment(store: Store, group: int, ident: str) -> Segment | None:
    """A segment."""
    (raw,) = store.get_many(group, [SEGMENT + ident.encode()])
    return None if raw is None else Segment.model_validate_json(raw)


def segment_item(ident: str, new: Segment | None) -> tuple[bytes, bytes | None]:
    """Store a segment, or remove it."""
    return SEGMENT + ident.encode(), None if new is None else new.model_dump_json().encode()


def key_item(ident: str, key: ApiKey | None) -> tuple[bytes, bytes | None]:
    """Store an API key, or remove it."""
    return KEY + ident.encode(), None if key is None else key.model_dump_json().encode()


def keys(store: Store, group: int) -> Iterator[ApiKey]:
    """Every stored API key."""
    for _, value in store.scan(group, KEY):
        yield ApiKey.model_validate_json(value)


def account_item(account: Account) -> tuple[bytes, bytes]:
    """Store the settings of an account."""
    return ACCOUNT + account.name.encode(), account.model_dump_json().encode()


def accounts(store: Store, group: int) -> Iterator[Account]:
    """The settings of every account that has some."""
    for _, value in store.scan(group, ACCOUNT):
        yield Account.model_validate_json(value)


def plan_item(campaign: str, plan: AudiencePlan | None) -> tuple[bytes, bytes | None]:
    """Store whom a campaign goes to, or forget it."""
    return PLAN + campaign.encode(), None if plan is None else plan.model_dump_json().encode()


def plan_json(store: Store, group: int, campaign: str) -> bytes | None:
    """Whom a campaign goes to: AudiencePlan, JSON."""
    return store.get_many(group, [PLAN + campaign.encode()])[0]


def stored_json(store: Store, group: int, kind: str, ident: str) -> bytes | None:
    """A key, an account, a route ("key", "account", "route") or a limit by its scope and name, JSON."""
    prefix = {"key": KEY, "account": ACCOUNT, "limit": LIMIT, "route": ROUTE}[kind]
    return store.get_many(group, [prefix + ident.encode()])[0]


# -- what is still to be told


def untold_item(kind: str, ident: str, told: Told) -> tuple[bytes, bytes]:
    """Note that the change of a thing is to be told."""
    return UNTOLD + f"{kind}|{ident}|{told.version}".encode(), _ENCODE(told)


def read_untold(key: bytes, value: bytes) -> tuple[str, str, Told]:
    """(kind, id, Told) of a note."""
    kind, _, rest = key[len(UNTOLD) :].decode().partition("|")
    return kind, rest.rpartition("|")[0], _TOLD.decode(value)
