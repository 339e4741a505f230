"""Templates and segments from their mirror: every version stays, a deleted one is gone, accounts are apart."""

from typing import Any

from app.clickhouse.client import ClickHouse
from app.clickhouse.thing_queries import template_versions, thing, thing_page
from app.things import ThingRecord
from tests.clickhouse.mirrored import NOW, recorded, store


def template(ident: str, version: int = 1, account: str = "acme", **more: Any) -> ThingRecord:
    """A version of a template as its owner records it."""
    body = {"id": ident, "name": f"{ident} {version}", "created_at": NOW, "content": {"subject": f"Hi {version}"}}
    return ThingRecord(kind="template", account=account, id=ident, version=version, at=NOW + version, body=body, **more)


async def test_every_version_of_a_template_can_be_read(client: ClickHouse) -> None:
    """
    A campaign that was sent with version 1 must be explainable when version 3 is there.
    """
    await store(client, *[recorded(template("t_1", version)) for version in (2, 1, 3, 3)])
    assert await thing(client, "acme", "template", "t_1") == template("t_1", 3)
    assert await thing(client, "acme", "template", "t_1", 1) == template("t_1", 1)
    assert await thing(client, "acme", "template", "t_1", 9) is None
    versions = await template_versions(client, "acme", "t_1", limit=2)
    assert [(each.version, each.body["name"]) for each in versions] == [(3, "t_1 3"), (2, "t_1 2")]
    assert "content" not in versions[0].body
    assert [each.version for each in await template_versions(client, "acme", "t_1", before=2)] == [1]


async def test_what_is_deleted_is_gone_with_all_its_versions(client: ClickHouse) -> None:
    """
    A deleted template must not be found by its number.
    """
    await store(client, recorded(template("t_1")), recorded(template("t_1", 2, deleted=True)))
    assert await thing(client, "acme", "template", "t_1") is None
    assert await thing(client, "acme", "template", "t_1", 1) is None
    assert await template_versions(client, "acme", "t_1") == []
    assert await thing_page(client, "acme", "template") == []


async def test_pages_hold_the_newest_version_of_each_once(client: ClickHouse) -> None:
    """
    The list of templates is what people choose from.
    """
    await store(client, *[recorded(template(f"t_{n}", version)) for n in range(9) for version in (1, 2)])
    first = await thing_page(client, "acme", "template", limit=5)
    rest = await thing_page(client, "acme", "template", (int(NOW * 1000), first[-1].id), limit=5)
    assert [(each.id, each.version) for each in first + rest] == [(f"t_{n}", 2) for n in range(8, -1, -1)]
    assert "content" not in first[0].body


async def test_kinds_and_accounts_are_apart(client: ClickHouse) -> None:
    """
    An id of another account must look like one that does not exist.
    """
    await store(client, recorded(template("t_1", account="other")))
    assert await thing(client, "acme", "template", "t_1") is None
    assert await thing(client, "other", "segment", "t_1") is None
    assert await thing_page(client, "acme", "template") == []
