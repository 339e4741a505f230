"""Contacts and lists one by one: written, merged, paged, each account for itself."""

import asyncio

from app.clickhouse.client import ClickHouse
from app.clickhouse.list_columns import attributes_of, columns_of
from app.clickhouse.lists import (
    Consent,
    create_list,
    list_of,
    lists_known,
    lists_page,
    members_page,
    missing_list,
    remove_members,
)
from app.clickhouse.migrate import migrations, statements
from app.clickhouse.people import MOST_PEOPLE, Person, contact, contacts_page, id_of, memberships, upsert_contacts
from app.settings import Settings
from app.specs import CampaignSpec
from tests.clickhouse.conftest import SECRET


async def write(client: ClickHouse, *people: Person, lists: tuple[str, ...] = (), merge: bool = True) -> list[str]:
    """Write *people*; the reasons of those that are refused."""
    return [each.reason for each in (await upsert_contacts(client, SECRET, "default", people, lists, merge=merge))[1]]


async def attributes(client: ClickHouse, address: str) -> dict[str, object]:
    """Of whoever has *address*."""
    found = await contact(client, "default", id_of(SECRET, address))
    assert found is not None
    return found.attributes


async def test_attributes_go_over_those_that_are_stored_and_null_takes_one_away(client: ClickHouse) -> None:
    """
    A shop that knows the last order must not wipe out the first name.
    """
    await write(client, Person("ann@example.com", {"name": "Ann", "age": 30, "vip": True}))
    await asyncio.sleep(0.002)  # times are milliseconds
    await write(client, Person("Ann@Example.com", {"age": 31, "vip": None, "tags": [1]}))
    assert await attributes(client, "ann@example.com") == {"name": "Ann", "age": 31, "tags": [1]}
    await asyncio.sleep(0.002)
    await write(client, Person("ann@example.com", {"age": 32}), merge=False)
    assert await attributes(client, "ann@example.com") == {"age": 32}
    assert len(await contacts_page(client, "default")) == 1


async def test_whoever_cannot_be_stored_is_told_and_keeps_nobody_else_out(client: ClickHouse) -> None:
    """
    One wrong row of a thousand costs that row.
    """
    refused = await write(
        client, Person("nobody"), Person("a@example.com", {"a": "x" * 70_000}), Person("b@example.com", {"n": 1 << 70}),
        Person("c@example.com"),
    )  # fmt: skip
    assert len(refused) == 3
    assert [each.address for each in await contacts_page(client, "default")] == ["c@example.com"]


async def test_a_person_twice_in_one_call_is_written_once_with_both(client: ClickHouse) -> None:
    """
    Events of a shop come in batches, and one person may be in a batch twice.
    """
    await write(client, Person("a@example.com", {"x": 1}), Person("A@example.com", {"y": 2}), lists=("l",))
    assert await attributes(client, "a@example.com") == {"x": 1, "y": 2}
    assert len(await members_page(client, "default", "l")) == 1


async def test_pages_go_on_where_the_last_one_ended(client: ClickHouse) -> None:
    """
    Everybody is on exactly one page.
    """
    await write(client, *(Person(f"p{n}@example.com") for n in range(25)), lists=("l",))
    seen: list[str] = []
    while page := await contacts_page(client, "default", seen[-1] if seen else "", 10):
        seen += [each.id for each in page]
    assert len(seen) == len(set(seen)) == 25
    members: list[str] = []
    while part := await members_page(client, "default", "l", members[-1] if members else "", 10):
        members += [each.id for each in part]
        assert all(each.address.endswith("@example.com") for each in part)
    assert members == seen
    assert [each.address for each in await contacts_page(client, "default", address_part="P7@")] == ["p7@example.com"]
    assert await contacts_page(client, "foreign") == []


async def test_lists_are_known_counted_and_left(client: ClickHouse) -> None:
    """
    A list exists from its making on, with nobody on it; who left it is known, with both moments.
    """
    assert await create_list(client, "default", "empty") and not await create_list(client, "default", "empty")
    await write(client, Person("a@example.com", {"x": 1}, Consent(5.0, "form")), Person("b@example.com"), lists=("l",))
    gone = id_of(SECRET, "a@example.com")
    await asyncio.sleep(0.002)
    await remove_members(client, "default", "l", [bytes.fromhex(gone)])
    assert [(each.name, each.people) for each in await lists_page(client, "default")] == [("empty", 0), ("l", 1)]
    assert [each.name for each in await lists_page(client, "default", "empty")] == ["l"]
    assert await lists_known(client, "default", ["l", "empty", "x"]) == {"l", "empty"}
    assert await lists_known(client, "foreign", ["l"]) == set()
    found = await list_of(client, "default", "l")
    assert found is not None and found.people == 1 and found.last_added_at > 0
    assert await list_of(client, "default", "x") is None
    (was,) = await memberships(client, "default", gone)
    assert (was.list, was.active, was.consent_at, was.consent_source) == ("l", False, 5.0, "form")


async def test_a_campaign_for_a_list_that_there_is_not_is_noticed(client: ClickHouse, settings: Settings) -> None:
    """
    A misspelt list is told before the start; without ClickHouse nobody knows, and nothing is in the way.
    """
    await create_list(client, "typo", "customers")

    def spec(*lists: str, without: tuple[str, ...] = ()) -> CampaignSpec:
        return CampaignSpec(from_email="a@b.c", lists=list(lists), exclude_lists=list(without))

    assert await missing_list(client, "typo", spec("customers")) is None
    assert await missing_list(client, "typo", spec("customers", "costumers")) == ("spec.lists.1", "costumers")
    assert await missing_list(client, "typo", spec("customers", without=("x",))) == ("spec.exclude_lists.0", "x")
    async with ClickHouse(settings.model_copy(update={"clickhouse": "http://127.0.0.1:9"})) as away:
        assert await missing_list(away, "typo", spec("costumers")) is None


async def test_what_people_have_is_known_with_its_types(client: ClickHouse) -> None:
    """
    Templates and segments are checked against it, also for people who are on no list.
    """
    await write(client, Person("a@example.com", {"age": 5, "born": "2020-01-01"}))
    await write(client, Person("b@example.com", {"age": "old"}), lists=("l",))
    assert await attributes_of(client, "default") == {"age": ["number", "text"], "born": ["date"]}
    assert await columns_of(client, "default", ["l"]) == {"age"}


async def test_the_most_people_of_one_call_can_be_written(client: ClickHouse) -> None:
    """
    The bound that is promised is one that works, with every id in one statement.
    """
    assert await write(client, *(Person(f"p{n}@example.com") for n in range(MOST_PEOPLE))) == []
    assert len(await contacts_page(client, "default", limit=MOST_PEOPLE)) == MOST_PEOPLE


async def test_people_of_lists_from_before_consents_are_on_them_still(client: ClickHouse) -> None:
    """
    An upgrade that is cut short anywhere, and applied again, forgets nobody.
    """
    text = next(text for _, name, text in migrations() if name == "0008_members.sql")
    who = "toFixedString(toString(number), 16), now64(3) FROM numbers(5)"
    old = f"INSERT INTO list_members SELECT 'default', 'old', {who}"
    for last in range(1, len(statements(text)) + 1):
        for number, statement in enumerate(statements(text)[:last]):
            await client.execute(statement)
            if number == 1 and last == 2:  # the old table as it was before the upgrade
                await client.execute(old)
    assert await client.rows("SELECT count() FROM members FINAL WHERE added_at > removed_at") == [[5]]
    assert await lists_known(client, "default", ["old"]) == {"old"}
    assert await client.rows("EXISTS TABLE list_members") == [[0]]
