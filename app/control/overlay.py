"""What thing.recorded brought and ClickHouse may not have yet: laid over what is read there, writes show at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.things import ThingKind, ThingRecord

MOST_THINGS = 20_000  # then the oldest go: while ClickHouse is away for long, lists may lack what is new
MOST_VERSIONS = 100  # of one thing


@dataclass(frozen=True, slots=True)
class _Placed:
    partition: int
    offset: int
    record: ThingRecord


class Overlay:
    """Versions of things, from those that record has not committed yet to the newest."""

    def __init__(self, most: int = MOST_THINGS) -> None:
        # (kind, account, id) -> version -> record; the thing that was heard of longest ago first.
        self._things: dict[tuple[str, str, str], dict[int, _Placed]] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._things)

    def take(self, partition: int, offset: int, record: ThingRecord) -> None:
        """Lay *record* over what is below."""
        thing = (record.kind, record.account, record.id)
        versions = self._things.pop(thing, {})
        versions[record.version] = _Placed(partition, offset, record)
        if len(versions) > MOST_VERSIONS:
            del versions[min(versions)]
        self._things[thing] = versions
        if len(self._things) > self._most:
            del self._things[next(iter(self._things))]

    def passed(self, committed: Mapping[int, int]) -> None:
        """Drop what lies before the offsets that record has committed: partition -> next offset."""
        for thing, versions in list(self._things.items()):
            for version, placed in list(versions.items()):
                if placed.offset < committed.get(placed.partition, 0):
                    del versions[version]
            if not versions:
                del self._things[thing]

    def newest(self, kind: ThingKind, account: str, ident: str) -> ThingRecord | None:
        """The newest version of one thing; it may say that the thing is deleted."""
        versions = self._things.get((kind, account, ident))
        return versions[max(versions)].record if versions else None

    def versions(self, kind: ThingKind, account: str, ident: str) -> dict[int, ThingRecord]:
        """All versions of one thing that lie here."""
        placed = self._things.get((kind, account, ident), {})
        return {version: each.record for version, each in placed.items()}

    def of(self, kind: ThingKind, account: str) -> list[ThingRecord]:
        """The newest version of everything of *kind* that *account* has here."""
        return [
            versions[max(versions)].record
            for (its_kind, its_account, _), versions in self._things.items()
            if (its_kind, its_account) == (kind, account)
        ]
