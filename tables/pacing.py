"""The pacing table: its sections, their keys and codecs.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| campaigns | c id | CampaignEntry, JSON | command, pace | a day after the end |
| limits | l scope, name | LimitSet, JSON | command | when removed |
| routes | r name | Route, JSON | command | when deleted |
| rate_buckets | b name | rate, burst, tokens | pace | with the campaign; those of limits once full and unused |
| caps | w name | StoredCap | pace | a day after its window, unless it is used again |
| slips | s partition | last number given out | pace | never |
| shards | h campaign, first row | Shard asked for, not in Kafka yet | pace | when produced |
| progress | p campaign | group -> rows asked for | pace | with the campaign |

Keys with a, d, t or u are those of tables/pacing_answers.py, tables/pacing_dormant.py and tables/pacing_things.py.
"""

from collections.abc import Iterator

import msgspec
from pydantic import ValidationError

from app.commands import CampaignEntry
from app.delivery.limits.book import StoredCap
from app.delivery.limits.caps import Cap
from app.delivery.limits.moving_caps import MovingCap
from app.delivery.limits.rates import Bucket
from app.records import Shard
from app.routes import MOST, MOST_ON_THE_WAY, LimitSet, Route
from tables.recipients import Store

CAMPAIGN, LIMIT, ROUTE, BUCKET, CAP, SLIP, SHARD, PROGRESS = b"c", b"l", b"r", b"b", b"w", b"s", b"h", b"p"

Items = list[tuple[bytes, bytes | None]]

_ENCODE = msgspec.msgpack.Encoder().encode
_BUCKET = msgspec.msgpack.Decoder(tuple[float, float, float])
_CAP = msgspec.msgpack.Decoder(StoredCap)
_PROGRESS = msgspec.msgpack.Decoder(dict[str, int])
_SHARD = msgspec.msgpack.Decoder(Shard)


def campaign_item(entry: CampaignEntry) -> tuple[bytes, bytes]:
    """Store a campaign."""
    return CAMPAIGN + entry.id.encode(), entry.model_dump_json().encode()


def campaigns(store: Store, group: int) -> Iterator[CampaignEntry]:
    """Every stored campaign."""
    for _, value in store.scan(group, CAMPAIGN):
        yield CampaignEntry.model_validate_json(value)


def forget_campaign(store: Store, group: int, campaign: str) -> Items:
    """Tombstones for all that is kept of a campaign."""
    name = campaign.encode()
    shards = [(key, None) for key, _ in store.scan(group, SHARD + name + b"|")]
    buckets = [(key, None) for key, _ in store.scan(group, BUCKET + b"campaign|" + name + b"|")]
    return [(CAMPAIGN + name, None), (PROGRESS + name, None), *shards, *buckets]


def limit_item(limit: LimitSet) -> tuple[bytes, bytes | None]:
    """Store a limit, or remove one that limits nothing."""
    return LIMIT + limit_id(limit).encode(), None if limit.limits_nothing else limit.model_dump_json().encode()


def limit_id(limit: LimitSet) -> str:
    """The key of a limit in the table and in its directory."""
    return "|".join(filter(None, limit.key))


def limits(store: Store, group: int) -> Iterator[LimitSet]:
    """Every stored limit."""
    for _, value in store.scan(group, LIMIT):
        try:
            yield LimitSet.model_validate_json(value)
        except ValidationError:
            yield _of_before(value)


def _of_before(value: bytes) -> LimitSet:
    """A limit of the version before, which took any burst and any number on the way. Raises ValidationError."""
    fields = msgspec.json.decode(value)
    for name, most in (("burst", MOST), ("concurrency", MOST_ON_THE_WAY)):
        fields[name] = None if fields.get(name) is None else min(fields[name], most)
    return LimitSet.model_validate_json(msgspec.json.encode(fields))


def route_item(name: str, route: Route | None) -> tuple[bytes, bytes | None]:
    """Store a provider route, or remove it."""
    return ROUTE + name.encode(), None if route is None else route.model_dump_json().encode()


def routes(store: Store, group: int) -> dict[str, Route]:
    """Every stored provider route, by name."""
    found = (Route.model_validate_json(value) for _, value in store.scan(group, ROUTE))
    return {route.name: route for route in found}


def bucket_item(name: str, bucket: Bucket | None) -> tuple[bytes, bytes | None]:
    """Store a bucket."""
    return BUCKET + name.encode(), None if bucket is None else _ENCODE((bucket.rate, bucket.burst, bucket.tokens))


def buckets(store: Store, group: int) -> dict[str, tuple[float, float, float]]:
    """Every stored bucket: rate, burst, tokens."""
    return {key[1:].decode(): _BUCKET.decode(value) for key, value in store.scan(group, BUCKET)}


def cap_item(name: str, cap: Cap | MovingCap | None) -> tuple[bytes, bytes | None]:
    """Store what is used of a cap."""
    return CAP + name.encode(), None if cap is None else _ENCODE(cap.stored)


def caps(store: Store, group: int) -> dict[str, StoredCap]:
    """Every stored cap."""
    return {key[1:].decode(): _CAP.decode(value) for key, value in store.scan(group, CAP)}


def slip_item(partition: int, number: int) -> tuple[bytes, bytes]:
    """Store the last slip number of a partition."""
    return SLIP + b"%d" % partition, b"%d" % number


def slip_numbers(store: Store, group: int) -> dict[int, int]:
    """The last slip number of every partition."""
    return {int(key[1:]): int(value) for key, value in store.scan(group, SLIP)}


def shard_item(shard: Shard) -> tuple[bytes, bytes]:
    """Store a range that was asked for."""
    return SHARD + f"{shard.campaign}|{shard.first:012d}".encode(), _ENCODE(shard)


def shards(store: Store, group: int, campaign: str = "") -> Iterator[tuple[bytes, Shard]]:
    """The ranges that Kafka may not have yet, with their keys."""
    prefix = SHARD + (f"{campaign}|".encode() if campaign else b"")
    for key, value in store.scan(group, prefix):
        yield key, _SHARD.decode(value)


def progress_item(campaign: str, asked: dict[str, int]) -> tuple[bytes, bytes]:
    """Store how far an audience has been expanded."""
    return PROGRESS + campaign.encode(), _ENCODE(asked)


def progress(store: Store, group: int) -> dict[str, dict[str, int]]:
    """How far every audience has been expanded."""
    return {key[1:].decode(): _PROGRESS.decode(value) for key, value in store.scan(group, PROGRESS)}
