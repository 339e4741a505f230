"""What is swept is what nobody can need any more, and in the end it is all gone."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.sweep import MOST_KEYS, Sweeper
from app import ids
from app.commands import CampaignEntry, Seal
from app.delivery.gate import GateRules, is_shared, sighting_key, sighting_keys
from app.delivery.outcomes import Status
from app.delivery.partition import Partition
from app.delivery.partition_records import MessageState, Verdict, WaitingPack
from app.delivery.people.frequency import Stage, Touch, touch_key
from app.delivery.sweep import (
    DAY,
    KEEP_DAYS,
    KEEP_SHARED,
    KEEP_VERDICTS,
    SETTLING,
    forgotten,
    horizon,
    is_old_sighting,
    is_old_verdict,
)
from app.records import Outgoing, Recipient
from app.specs import CampaignSpec
from tables.recipients import Batch

NOW = 21_000 * DAY
TODAY = 21_000
PARTITIONS = 4


def recipient(number: int, partition: int = 0) -> bytes:
    """One of the people of *partition*."""
    return (number * PARTITIONS + partition).to_bytes(2, "big") + number.to_bytes(14, "big")


def message(day: int, number: int = 1) -> bytes:
    """A message of a campaign sealed on *day*."""
    return ids.message_id(day, "c", 1, recipient(number), "email")


def rules(dedup_key: str) -> GateRules:
    return GateRules("a", "c", "email", (), dedup_key, DAY)


@given(st.integers(0, 40_000), st.floats(0, 500 * DAY), st.booleans(), st.lists(st.integers(20_000, TODAY), max_size=3))
def test_a_sighting_is_kept_for_as_long_as_anybody_may_ask_for_it(
    age_of_day: int, age: float, shared: bool, live: list[int]
) -> None:
    """
    One that is swept too early is a person who is written to twice.
    """
    key = sighting_key(rules("spring" if shared else ""), recipient(1))
    assert is_shared(key) == shared == is_shared(sighting_keys(rules("spring" if shared else ""), [_row()])[0])
    day = max(0, TODAY - age_of_day)
    if is_old_sighting(key, message(day), NOW - age, horizon(NOW, live)):
        if shared:
            assert age > KEEP_SHARED - 1
        else:
            assert age > KEEP_DAYS * DAY - 1 and day < TODAY - KEEP_DAYS and day < min([TODAY, *live])


def _row() -> Recipient:
    return Recipient(recipient(1), "a@b.c", "other")


def test_a_verdict_is_kept_for_two_weeks() -> None:
    """
    A pack that comes again within them is known; packs come again within seconds.
    """
    old = horizon(NOW, [])
    assert is_old_verdict(NOW - KEEP_VERDICTS - 1, old)
    assert not is_old_verdict(NOW - KEEP_VERDICTS + 1, old)


def test_counters_go_when_the_campaign_has_left_the_directory_and_nothing_of_it_waits() -> None:
    """
    They are what completes a campaign: those of one that lives, paused for months, must stay.
    """
    state, batch = Partition(0, lambda _: []), Batch()
    for campaign in ("gone", "gone but waiting", "live"):
        state.count(batch, campaign, {"listed": 1})
    state.add(batch, WaitingPack("a", "gone but waiting", "bulk", "g", 1, NOW, NOW, 1), [Outgoing(b"", b"", "", b"")])
    assert forgotten(state, lambda campaign: campaign == "live") == ["gone"]


@dataclass
class Table:
    """A pack table as a dictionary."""

    items: dict[bytes, bytes] = field(default_factory=dict)
    _keys: list[bytes] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        """Write *batch*."""
        for part in (*batch.ahead, batch.items):
            self.items |= {key: value for key, value in part if value is not None}
        self._keys = sorted(self.items)

    def delete(self, keys: list[bytes]) -> None:
        """Write tombstones."""
        for key in keys:
            del self.items[key]
        self._keys = sorted(self.items)

    def scan(self, _: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in islice(self._keys, bisect_left(self._keys, prefix), None):
            if not key.startswith(prefix):
                return
            yield key, self.items[key]


class Plane:
    """The recipients plane with one partition."""

    def __init__(self, table: Table) -> None:
        self.table, self.generation = table, 1
        self.partitions = {0: Partition(0, lambda _: [])}


class Directory:
    """One campaign that lives, sealed *age* days ago."""

    def __init__(self, age: int) -> None:
        spec = CampaignSpec(from_email="a@b.c", lists=["l"])
        seal = Seal(id="s", count=1, digest="", day=TODAY - age, groups=[])
        self.entry = CampaignEntry(id="c", account="a", state="PAUSED", spec=spec, seal=seal, created_at=0.0)

    def all(self) -> list[CampaignEntry]:
        return [self.entry]

    def is_announced(self, campaign: str) -> bool:
        return campaign == "c"


def filled(ages: list[int]) -> Table:
    """For each age in days: a message, its sighting, a shared sighting, a verdict, and it in a frequency record."""
    table, batch = Table(), Batch()
    for number, age in enumerate(ages, 1):
        day, at = TODAY - age, NOW - age * DAY
        batch.message(message(day, number), MessageState(Status.SENT, 1, at))
        batch.sighting(sighting_key(rules(""), recipient(number)), message(day, number), at)
        batch.sighting(sighting_key(rules("spring"), recipient(number)), message(day, number), at)
        touch = Touch(message(day, number), "c", "email", 50, Stage.SENT, at, at)
        batch.touches(touch_key("a", recipient(number)), [touch])
        batch.verdict(ids.pack_id("s", number, 0, 0, 500), Verdict(at))
    table.take(batch)
    return table


def swept(sweeper: Sweeper, table: Table, ticks: int, now: float = NOW) -> list[int]:
    """Tombstones of each tick."""
    counts = []
    for tick in range(ticks):
        deleted = [key for _, keys in sweeper.tick(now + tick) for key in keys]
        counts.append(len(deleted))
        if deleted:
            table.delete(deleted)
    return counts


def kinds(table: Table) -> dict[str, int]:
    """Rows by section."""
    return {kind: sum(key.startswith(kind.encode()) for key in table.items) for kind in "dfmv"}


@pytest.mark.parametrize(("live", "messages", "sightings"), [(5, 2, 5), (60, 3, 6)], ids=["young", "two months old"])
def test_a_round_leaves_what_is_young_shared_or_of_a_campaign_that_lives(
    live: int, messages: int, sightings: int
) -> None:
    """
    Four messages: of today, 20, 45 and 400 days ago.
    """
    table = filled([0, 20, 45, 400])
    sweeper = Sweeper(Plane(table), Directory(live), PARTITIONS)  # type: ignore[arg-type]
    assert swept(sweeper, table, 3) == [0, 0, 0], "a restart first repeats what it may have interrupted"
    swept(sweeper, table, 3_000, NOW + SETTLING)
    assert kinds(table) == {"d": sightings, "f": 2, "m": messages, "v": 1}


def test_a_sweep_is_a_few_hundred_rows_a_second_however_many_are_old() -> None:
    """
    Tombstones are written to the changelog that sending waits for.
    """
    table = filled([400] * 2_000)
    sweeper = Sweeper(Plane(table), Directory(1), PARTITIONS)  # type: ignore[arg-type]
    swept(sweeper, table, 1)
    counts = swept(sweeper, table, 4_000, NOW + SETTLING)
    assert max(counts) <= MOST_KEYS
    assert table.items == {}
