"""Event packs become exactly the rows they describe."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.clickhouse.client import ClickHouse
from app.clickhouse.event_insert import insert_events
from app.clickhouse.event_rows import SourcedPack, mistakes_in
from app.records import EventPack

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=200)
TIMES = st.integers(0, 9_000_000_000_000).map(lambda ms: ms / 1000)

COLUMNS = (
    "account, campaign, channel, lane, kind, mx_group, route, attempt, hex(message_id), hex(recipient_id), "
    "toUnixTimestamp64Milli(time), code, class, detail, ref, why, source_partition, source_offset, "
    "report, reason, action, enhanced"
)


@st.composite
def packs(draw: st.DrawFn) -> EventPack:
    """Any pack without mistakes, of 0 to 5 messages, each column there or left to its default."""
    rows = draw(st.integers(0, 5))
    ids = st.binary(min_size=rows * 16, max_size=rows * 16)

    def column(values: "st.SearchStrategy[Any]") -> list[Any]:
        return draw(st.one_of(st.just([]), st.lists(values, min_size=rows, max_size=rows)))

    return EventPack(
        *[draw(TEXTS) for _ in range(7)], draw(st.integers(0, 0xFFFF)), draw(TIMES),
        draw(ids), draw(ids),
        column(TIMES), column(st.integers(0, 0xFFFF_FFFF)), column(TEXTS), column(TEXTS), column(TEXTS),
        draw(TEXTS), column(TEXTS), column(TEXTS), column(TEXTS), column(TEXTS), column(TEXTS),
    )  # fmt: skip


def rows_of(source: SourcedPack) -> list[list[object]]:
    """The rows of a pack, written the slow and obvious way."""
    pack = source.pack
    return [
        [
            pack.account, pack.campaign, pack.channel, pack.lane, pack.kind,
            pack.groups[i] if pack.groups else pack.group, pack.route, pack.attempt,
            pack.message_ids[i * 16 : i * 16 + 16].hex().upper(),
            pack.recipient_ids[i * 16 : i * 16 + 16].hex().upper(),
            int((pack.times[i] if pack.times else pack.at) * 1000), pack.codes[i] if pack.codes else 0,
            pack.classes[i] if pack.classes else "", pack.details[i] if pack.details else "",
            pack.refs[i] if pack.refs else "", pack.why, source.partition, source.offset,
            *[each[i] if each else "" for each in (pack.reports, pack.reasons, pack.actions, pack.enhanced)],
        ]
        for i in range(len(pack.message_ids) // 16)
    ]  # fmt: skip


async def never(pack: SourcedPack, reason: str) -> None:
    """Nothing here is refused."""
    raise AssertionError(reason)


@pytest.fixture
async def client(client: ClickHouse) -> ClickHouse:
    """A client of a database whose events never expire: these have times of any age."""
    await client.execute("ALTER TABLE events REMOVE TTL")
    return client


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(packs(), min_size=1, max_size=4))
async def test_every_pack_without_mistakes_is_recorded_value_by_value(
    client: ClickHouse, found: list[EventPack]
) -> None:
    """
    The block is made without a loop over rows: one byte too many would shift every value after it.
    """
    assert [mistakes_in(pack) for pack in found] == [""] * len(found)
    await client.execute("TRUNCATE TABLE events")
    # A replay collapses rows with one identity: here each pack is of a campaign of its own.
    sources = [SourcedPack(pack, 3, 1 << 40 | number) for number, pack in enumerate(found)]
    await insert_events(client, sources, never)
    stored = await client.rows(f"SELECT {COLUMNS} FROM events")
    expected = [row for source in sources for row in rows_of(source)]
    assert len(stored) <= len(expected)
    assert {tuple(row) for row in stored} <= {tuple(row) for row in expected}
    assert {(row[1], row[8]) for row in stored} == {(row[1], row[8]) for row in expected}


async def test_codes_of_any_size_are_recorded_and_shown(client: ClickHouse) -> None:
    """
    Meta's have six digits. An event must not be lost for a code that nobody has thought of.
    """
    codes = [131026, -1, 1 << 40]
    ids = b"".join(bytes([n] * 16) for n in range(3))
    told = EventPack("a", "c", "whatsapp", "bulk", "blocked", "US", "r", 1, 1e9, ids, bytes(48), codes=codes)
    await insert_events(client, [SourcedPack(told, 0, 0)], never)
    found = await client.rows("SELECT code FROM messages WHERE campaign = 'c' ORDER BY message_id")
    assert found == [[131026], [0], [0xFFFF_FFFF]]


async def test_a_pack_that_clickhouse_never_takes_is_set_apart_and_the_others_are_stored(client: ClickHouse) -> None:
    """
    A column that an operator made narrower, or a version that is stricter, must not stop all recording.
    """
    await client.execute("ALTER TABLE events MODIFY COLUMN detail FixedString(10)")
    made = [
        EventPack("a", "c", "email", "bulk", "sent", "g", "r", 1, 1e9, bytes([n] * 16), bytes(16), details=[detail])
        for n, detail in enumerate(["ok"] * 5 + ["much too long"] + ["ok"] * 2)
    ]
    apart: list[int] = []

    async def refused(source: SourcedPack, reason: str) -> None:
        assert "TOO_LARGE_STRING_SIZE" in reason
        apart.append(source.offset)

    await insert_events(client, [SourcedPack(pack, 0, offset) for offset, pack in enumerate(made)], refused)
    assert apart == [5]
    assert await client.rows("SELECT count() FROM events") == [[7]]


async def test_the_channel_of_a_message_is_that_of_its_last_attempt(client: ClickHouse) -> None:
    """
    Over WhatsApp, then SMS, and a late report of WhatsApp: people filter messages by how they went out at last.
    """
    tries = (("queued", "whatsapp", 0, 1.0), ("deferred", "whatsapp", 1, 2.0), ("sent", "sms", 2, 3.0),
             ("failed", "whatsapp", 1, 4.0))  # fmt: skip
    packs = [
        EventPack("a", "c", channel, "bulk", kind, "US", "r", attempt, 1e9 + at, b"m" * 16, bytes(16))
        for kind, channel, attempt, at in tries
    ]
    await insert_events(client, [SourcedPack(pack, 0, number) for number, pack in enumerate(packs)], never)
    assert await client.rows("SELECT channel FROM messages WHERE campaign = 'c'") == [["sms"]]
