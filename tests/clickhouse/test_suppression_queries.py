"""Suppressions from their mirror: the latest command counts, in the order of the partition that owns the recipient."""

import pytest

from app import ids
from app.clickhouse.client import ClickHouse
from app.clickhouse.suppression_queries import suppressed, suppression_page
from tests.clickhouse.mirrored import NOW, PARTITIONS, record, store, suppression


def person(number: int, partition: int | None = None) -> bytes:
    """A recipient; one of *partition* if it is given."""
    found = ids.recipient_id(b"test", "email", f"{number}@gmail.com")
    return found if partition is None else partition.to_bytes(2, "big") + found[2:]


ACCOUNT = {"scope": "account", "scope_id": "acme", "reason": "unsubscribed", "source": "page"}


async def test_of_several_commands_the_last_one_of_the_owning_partition_counts(client: ClickHouse) -> None:
    """
    Who came back must not be shown as gone because an older record was stored later, or lay in a foreign partition.
    """
    ann = person(1, partition=2)
    add = suppression(7, 2, op="add", recipient_id=ann.hex(), **ACCOUNT)
    remove = suppression(8, 2, op="remove", recipient_id=ann.hex(), **ACCOUNT)
    elsewhere = suppression(99, 1, op="add", recipient_id=ann.hex(), **ACCOUNT)  # its owner reads it again
    await store(client, remove, elsewhere)
    await store(client, add)
    assert await suppressed(client, "acme", [ann]) == {}
    await store(client, suppression(9, 2, op="add", recipient_id=ann.hex(), until=NOW + 9e6, **ACCOUNT))
    shown = {
        "scope": "account",
        "scope_id": "acme",
        "channel": "",
        "reason": "unsubscribed",
        "source": "page",
        "since": NOW,
    }
    assert await suppressed(client, "acme", [ann]) == {ann: [{**shown, "until": NOW + 9e6}]}


async def test_a_pack_suppresses_everybody_in_it_and_ten_thousand_are_checked_at_once(client: ClickHouse) -> None:
    """
    A list of complaints comes as one file, and is looked up as one.
    """
    people = [person(number, partition=number % PARTITIONS) for number in range(12_000)]
    by_owner = [[each.hex() for each in people[owner::PARTITIONS]] for owner in range(PARTITIONS)]
    packs = [
        suppression(start, owner, op="add", recipients=owned[start : start + 500], **ACCOUNT)
        for owner, owned in enumerate(by_owner)
        for start in range(0, 2_000, 500)  # the first 8,000 of them
    ]
    assert await store(client, *packs) == []
    found = await suppressed(client, "acme", people[:10_000])
    assert set(found) == set(people[:8_000])
    with pytest.raises(ValueError, match="10001 recipients"):
        await suppressed(client, "acme", people[:10_001])


async def test_pages_show_each_that_holds_once_latest_first(client: ClickHouse) -> None:
    """
    What has ended or was taken back is no suppression.
    """
    await client.execute(
        "INSERT INTO contacts (account, recipient_id, address) SELECT 'acme', unhex({id:String}), 'one@gmail.com'",
        {"id": person(1, 0).hex()},
    )
    commands = [
        suppression(n, 0, op="add", recipient_id=person(n, 0).hex(), at=NOW + n // 3, **ACCOUNT) for n in range(20)
    ]
    over = suppression(50, 0, op="add", recipient_id=person(50, 0).hex(), until=NOW, **ACCOUNT)
    await store(client, *commands, over, suppression(51, 0, op="remove", recipient_id=person(4, 0).hex(), **ACCOUNT))
    seen, before = [], None
    while True:
        rows, before = await suppression_page(client, "acme", before=before, limit=6)
        seen += rows
        if before is None:
            break
    assert [row["since"] for row in seen] == sorted((row["since"] for row in seen), reverse=True)
    assert {row["recipient"] for row in seen} == {person(n, 0).hex() for n in range(20) if n != 4}
    assert len(seen) == 19
    assert [row["address"] for row in seen if row["recipient"] == person(1, 0).hex()] == ["one@gmail.com"]
    assert (await suppression_page(client, "acme", scope="list"))[0] == []


async def test_an_account_sees_its_own_and_what_holds_for_everybody(client: ClickHouse) -> None:
    """
    Lists of two accounts may have the same name; who asked one of them to stop is no business of the other.
    """
    ann, bob, eve = (person(number, partition=0) for number in range(3))
    await store(
        client,
        suppression(1, 0, op="add", recipient_id=ann.hex(), scope="list", scope_id="news", account="other"),
        suppression(2, 0, op="add", recipient_id=bob.hex(), scope="global", reason="complained"),
        suppression(3, 0, op="add", recipient_id=eve.hex(), scope="list", scope_id="news", account="acme"),
    )
    assert set(await suppressed(client, "acme", [ann, bob, eve])) == {bob, eve}
    assert [row["recipient"] for row in (await suppression_page(client, "acme"))[0]] == [eve.hex()]


async def test_what_is_no_command_is_left_to_the_plane_that_obeys_it(client: ClickHouse) -> None:
    """
    It puts the record to the dead letters, once; a time that is no date must not stop the mirror.
    """
    ann = person(1, partition=0)
    strange = suppression(2, 0, op="add", recipient_id=ann.hex(), at=1e300, until=1e300, **ACCOUNT)
    assert await store(client, record("suppression.commanded", b"{}"), strange) == []
    assert set(await suppressed(client, "acme", [ann])) == {ann}


async def test_suppressions_of_one_channel_and_of_all_stand_beside_each_other(client: ClickHouse) -> None:
    """
    Who wants no SMS may be called; lifting one does not lift the other.
    """
    ann = person(1, partition=2)
    for offset, channel in enumerate(("", "sms", "voice")):
        await store(client, suppression(offset, 2, op="add", recipient_id=ann.hex(), channel=channel, **ACCOUNT))
    await store(client, suppression(9, 2, op="remove", recipient_id=ann.hex(), channel="sms", **ACCOUNT))
    (held,) = (await suppressed(client, "acme", [ann])).values()
    assert sorted(each["channel"] for each in held) == ["", "voice"]
    seen, place = list[str](), None
    while True:
        page, place = await suppression_page(client, "acme", before=place, limit=1)
        seen += [each["channel"] for each in page]
        if place is None:
            break
    assert sorted(seen) == ["", "voice"]
    assert len((await suppression_page(client, "acme", channel="voice"))[0]) == 1
