"""What people have written, in ClickHouse: each once, in pages, and only to whom it was written."""

from typing import Any

from app.clickhouse.client import ClickHouse
from app.clickhouse.inbound import inbound_page
from app.things import ThingRecord
from tests.clickhouse.mirrored import NOW, recorded, store


def written(number: int, account: str = "acme", **fields: Any) -> ThingRecord:
    body = {
        "channel": "sms", "recipient_id": f"{number + 240:032x}", "number": "+15005550006",
        "text": f"Hello {number} 🎉", "wish": "", "route": "us", "known_by": "number",
    } | fields  # fmt: skip
    return ThingRecord(kind="inbound", account=account, id=f"{number:016x}", version=1, at=NOW + number // 2, body=body)


async def test_what_was_written_is_there_once_and_as_it_was(client: ClickHouse) -> None:
    """
    After a kill it is told again; ids are of any bytes.
    """
    assert await store(client, recorded(written(1)), recorded(written(1))) == []
    found, place = await inbound_page(client, "acme")
    assert place is None and found == [{
        "id": f"{1:016x}", "at": NOW, "channel": "sms", "recipient_id": f"{241:032x}", "address": "",
        "number": "+15005550006", "text": "Hello 1 🎉", "wish": "", "route": "us", "known_by": "number",
    }]  # fmt: skip


async def test_pages_go_from_the_newest_back_and_filters_hold(client: ClickHouse) -> None:
    """
    Nothing twice, nothing left out, also where several were written at the same moment; nothing of another account.
    """
    made = [written(n, wish="help" if n % 3 else "") for n in range(9)]
    await store(client, *map(recorded, made), recorded(written(50, "other")), recorded(written(60, "")))
    seen, place = list[str](), None
    while True:
        page, place = await inbound_page(client, "acme", before=place, limit=2)
        seen += [each["id"] for each in page]
        if place is None:
            break
    assert sorted(seen) == [each.id for each in made]
    assert len((await inbound_page(client, "acme", wish="help"))[0]) == 6
    assert len((await inbound_page(client, "acme", since=NOW + 4))[0]) == 1
    assert len((await inbound_page(client, "acme", recipient=f"{242:032x}"))[0]) == 1
    assert (await inbound_page(client, "acme", channel="whatsapp"))[0] == []
    assert (await inbound_page(client, "acme", number="+1"))[0] == []
    assert [each["id"] for each in (await inbound_page(client, ""))[0]] == [f"{60:016x}"]


async def test_what_is_nothing_written_is_set_apart(client: ClickHouse) -> None:
    """
    Whoever can write to Kafka can write such a record; the others are stored.
    """
    bad = written(1, recipient_id="x")
    assert len(await store(client, recorded(bad), recorded(written(2)))) == 1
    assert len((await inbound_page(client, "acme"))[0]) == 1
