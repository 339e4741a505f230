"""Messages whose outcome was lost: open, waiting again, or decided."""

from app.clickhouse.client import ClickHouse
from app.clickhouse.unknown_queries import Standing, unknown_page
from tests.clickhouse.mirrored import NOW
from tests.clickhouse.test_message_queries import sent_to, store


async def test_the_latest_that_is_known_of_each_tells_where_it_stands(client: ClickHouse) -> None:
    """
    Who works through the list must not ask a provider about messages that are long decided or sent.
    """
    await store(client, "queued", range(40), NOW, attempt=0)
    await store(client, "unknown", range(30), NOW + 1, classes=["lost_reply"] * 30, details=["it broke"] * 30)
    await store(client, "unknown", range(10), NOW + 2, classes=["decided"] * 10, details=["no news"] * 10)
    await store(client, "unknown", range(10, 14), NOW + 2, classes=["resent"] * 4)
    await store(client, "unknown", range(14, 16), NOW + 2, classes=["not_sent"] * 2)
    await store(client, "sent", range(16, 20), NOW + 3, attempt=1)
    await store(client, "deferred", range(12, 13), NOW + 4, attempt=2)
    await store(client, "unknown", range(13, 14), NOW + 5, attempt=2, classes=["lost_reply"])
    await store(client, "unknown", range(3), NOW + 1, account="other", campaign="o")

    async def listed(wanted: Standing) -> list[str]:
        seen, before = [], None
        while True:
            rows, before = await unknown_page(client, "acme", "c", wanted=wanted, before=before, limit=3)
            assert {row["standing"] for row in rows} <= {wanted}
            seen += [row["message"] for row in rows]
            if before is None:
                return sorted(seen)

    def of(*numbers: int) -> list[str]:
        return sorted(sent_to(number).hex() for number in numbers)

    assert await listed("decided") == of(*range(10))
    assert await listed("waiting") == of(10, 11, 12, 14, 15)
    assert await listed("open") == of(13, *range(20, 30))
    every, following = await unknown_page(client, "acme", "c")
    assert len(every) == 26 and following is None
    assert (await unknown_page(client, "other", "c"))[0] == []
