"""Sealing: a fixed audience that reads back the same, however often it is asked for."""

from pathlib import Path

import pytest

from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.clickhouse.seal import SealError, read_range, seal
from app.records import SealTask
from app.settings import Settings

DAY = 20_000


def task(*lists: str, name: str = "c-1") -> SealTask:
    """A task for campaign c."""
    return SealTask("default", "c", name, "email", list(lists))


async def people(settings: Settings, tmp_path: Path, n: int, list_name: str = "all", seed: int = 1) -> None:
    """Import *n* demo people."""
    write_csv(tmp_path / "people.csv", n, seed)
    await import_people(settings, tmp_path / "people.csv", list_name)


async def test_every_person_has_one_row_and_groups_are_side_by_side(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Pacing expands a group by its row numbers: a hole loses people, an overlap doubles them.
    """
    await people(settings, tmp_path, 3_000)
    made = await seal(client, task("all"), DAY)
    assert (made.count, sum(size for _, size, *_ in made.groups), made.day) == (3_000, 3_000, DAY)
    rows = await read_range(client, made.id, 0, 3_000)
    assert len({recipient for recipient, _, _, _ in rows}) == 3_000
    assert [group for _, _, group, _ in rows] == [group for group, size, *_ in made.groups for _ in range(size)]


async def test_someone_on_two_lists_is_sealed_once(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    Lists overlap, inboxes do not.
    """
    await people(settings, tmp_path, 100, "one")
    await people(settings, tmp_path, 150, "two")
    made = await seal(client, task("one", "two"), DAY)
    emails = [row[1] for row in await read_range(client, made.id, 0, made.count)]
    assert len(emails) == len(set(emails))
    assert made.count == (await client.rows("SELECT uniqExact(recipient_id) FROM list_members"))[0][0]


async def test_asking_again_gets_the_same_seal_although_the_list_has_grown(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    A replayed task must not change an audience that is being sent to, nor the day in its message ids.
    """
    await people(settings, tmp_path, 100)
    first = await seal(client, task("all"), DAY)
    await people(settings, tmp_path, 200, seed=2)
    assert await seal(client, task("all"), DAY + 1) == first
    assert (await seal(client, task("all", name="c-2"), DAY)).count > first.count


async def test_an_attempt_that_was_cut_short_leaves_nothing_in_the_seal(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    kill -9 in the middle of sealing: half an audience lies around, and must never be mixed in.
    """
    await people(settings, tmp_path, 100)
    await client.execute(
        "INSERT INTO audience (build, row, recipient_id, address, mx_group, attributes) "
        "SELECT 'c-1.dead', number, toFixedString(toString(number), 16), 'x', 'other', '{}' FROM numbers(50)"
    )
    made = await seal(client, task("all"), DAY)
    assert made.count == 100
    assert "x" not in {address for _, address, _, _ in await read_range(client, made.id, 0, 100)}


async def test_an_empty_audience_is_refused(client: ClickHouse) -> None:
    """
    A misspelt list fails the campaign with its name, instead of completing it with nobody.
    """
    with pytest.raises(SealError, match="nobody is on custmers"):
        await seal(client, task("custmers"), DAY)


async def test_rows_that_are_missing_are_noticed(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    An audience that went away must stop the campaign's expansion, not shrink it silently.
    """
    await people(settings, tmp_path, 10)
    made = await seal(client, task("all"), DAY)
    with pytest.raises(SealError, match="has 2 of the 5 rows from 8"):
        await read_range(client, made.id, 8, 5)
