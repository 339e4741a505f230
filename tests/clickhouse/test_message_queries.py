"""Messages of an account: complete pages by status, and the story of one message."""

from typing import Any, cast

from app import ids
from app.clickhouse.client import ClickHouse
from app.clickhouse.event_insert import insert_events
from app.clickhouse.event_rows import SourcedPack
from app.clickhouse.message_queries import dropped_page, message, message_page
from app.records import EventPack
from tests.clickhouse.mirrored import NOW

DAY = int(NOW // 86_400)


def person(number: int) -> bytes:
    """A recipient."""
    return ids.recipient_id(b"test", "email", f"{number}@gmail.com")


def sent_to(number: int, campaign: str = "c") -> bytes:
    """The message of *campaign* to them."""
    return ids.message_id(DAY, campaign, 1, person(number), "email")


async def store(
    client: ClickHouse, kind: str, numbers: range, at: float, *, account: str = "acme", campaign: str = "c", **more: Any
) -> None:
    """Events of one kind."""
    messages = b"".join(sent_to(number, campaign) for number in numbers)
    people = b"".join(map(person, numbers))
    attempt = more.pop("attempt", 1)
    pack = EventPack(
        account, campaign, "email", "bulk", kind, "gmail", "smtp", attempt, at, messages, people, **more
    )  # fmt: skip

    await insert(client, pack)


async def insert(client: ClickHouse, pack: EventPack) -> None:
    """The events of *pack*."""

    async def never(_: SourcedPack, reason: str) -> None:
        raise AssertionError(reason)

    await insert_events(client, [SourcedPack(pack, 0, int(pack.at))], never)


async def test_pages_by_status_hold_every_message_once(client: ClickHouse) -> None:
    """
    Who exports the bounced must get all of them; thousands change within the same millisecond.
    """
    await store(client, "queued", range(60), NOW, attempt=0)
    await store(client, "sent", range(20), NOW + 1)
    await store(client, "bounced", range(20, 50), NOW + 2, codes=[550] * 30)
    await store(client, "bounced", range(50, 55), NOW + 3.25)
    seen, before = [], None
    while True:
        rows, before = await message_page(client, "acme", "c", statuses=["BOUNCED"], before=before, limit=8)
        seen += rows
        if before is None:
            break
    assert sorted(row["message"] for row in seen) == sorted(sent_to(number).hex() for number in range(20, 55))
    assert [row["changed_at"] for row in seen] == [NOW + 3.25] * 5 + [NOW + 2] * 30
    assert (seen[-1]["code"], seen[0]["provider"]) == (550, "gmail")
    everything, _ = await message_page(client, "acme", "c", limit=1_000)
    assert len(everything) == 60


async def test_people_whose_messages_were_dropped_are_found_by_the_reason(client: ClickHouse) -> None:
    """
    "Why did she get nothing" is asked by the hundred: all who are suppressed, and nobody else.
    """
    await store(client, "dropped", range(20), NOW, attempt=0, classes=["suppressed"] * 20)
    await store(client, "dropped", range(20, 25), NOW, attempt=0, classes=["duplicate"] * 5)
    await store(client, "sent", range(25, 30), NOW)
    await store(client, "dropped", range(30, 33), NOW, attempt=0, account="other", classes=["suppressed"] * 3)
    seen, before = [], None
    while True:
        rows, before = await dropped_page(client, "acme", "c", reason="suppressed", before=before, limit=8)
        seen += [row.id for row in rows]
        if before is None:
            break
    assert sorted(seen) == sorted(person(number).hex() for number in range(20))
    assert len((await dropped_page(client, "acme", "c", reason="duplicate"))[0]) == 5


async def test_nothing_of_another_account_is_shown(client: ClickHouse) -> None:
    """
    Accounts are strictly apart, whatever id somebody guesses.
    """
    await store(client, "sent", range(3), NOW, account="other", campaign="theirs")
    assert await message_page(client, "acme", "theirs") == ([], None)
    assert await message(client, "acme", sent_to(1, "theirs")) is None
    assert await message(client, "other", sent_to(1, "theirs")) is not None


async def test_a_message_tells_what_happened_to_it_in_order(client: ClickHouse) -> None:
    """
    "I did not get it" is answered with this.
    """
    await store(client, "deferred", range(1, 2), NOW + 5, codes=[451], details=["try later"])
    await store(client, "queued", range(3), NOW, attempt=0)
    await store(client, "sent", range(1, 2), NOW + 9, attempt=2, codes=[250], refs=["r1"])
    await store(client, "sent", range(1, 2), NOW + 9, attempt=2, codes=[250], refs=["r1"])  # once more: a replay
    await store(client, "sent", range(1, 2), NOW + 9, campaign="another")
    found = await message(client, "acme", sent_to(1))
    assert found is not None
    assert (found["status"], found["attempts"], found["campaign"], found["changed_at"]) == ("SENT", 2, "c", NOW + 9)
    assert [(each["kind"], each["at"], each["code"], each["detail"], each["ref"]) for each in found["events"]] == [
        ("queued", NOW, 0, "", ""), ("deferred", NOW + 5, 451, "try later", ""), ("sent", NOW + 9, 250, "", "r1"),
    ]  # fmt: skip
    assert await message(client, "acme", sent_to(77)) is None


async def test_what_comes_while_a_message_is_read_is_in_both_its_state_and_its_story(client: ClickHouse) -> None:
    """
    It was "sent", and its story ended before that.
    """
    await store(client, "queued", range(1), NOW, attempt=0)

    class Interrupted:
        """Something is stored after the first question."""

        asked = 0

        async def named(self, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
            rows, self.asked = await client.named(sql, params), self.asked + 1
            if self.asked == 1:
                await store(client, "sent", range(1), NOW + 1)
            return rows

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

    told = await message(cast(Any, Interrupted()), "acme", sent_to(0))
    assert told is not None and told["status"] == "SENT"
    assert [each["kind"] for each in told["events"]] == ["queued", "sent"]


async def test_a_hit_that_turns_out_to_be_of_a_machine_is_no_longer_a_persons(client: ClickHouse) -> None:
    """
    Both numbers exist, and neither depends on whether ClickHouse has merged yet.
    """
    await store(client, "sent", range(1), NOW)
    for at, name in (
        (NOW + 1, "human"),
        (NOW + 1.25, "automated.burst"),
        (NOW + 1, "automated.burst"),
        (NOW + 9, "human"),
    ):
        await store(client, "clicked", range(1), at, attempt=0, classes=[name], details=["0 https://example.com"])
    await store(client, "opened", range(1), NOW + 2, attempt=0, classes=["automated.prefetch"])
    wanted = [[3, 1, 1, 0]]
    counts = "SELECT clicks, human_clicks, opens, human_opens FROM messages WHERE campaign = 'c'"
    assert await client.rows(counts) == wanted
    await client.execute("OPTIMIZE TABLE events FINAL")
    assert await client.rows(counts) == wanted
    found = await message(client, "acme", sent_to(0))
    assert found is not None
    assert [each["class"] for each in found["events"]] == ["", *["automated.burst"] * 2, "automated.prefetch", "human"]
