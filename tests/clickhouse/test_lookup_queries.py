"""Messages without a report: found by route and time, in order, and no others."""

from app.clickhouse.client import ClickHouse
from app.clickhouse.event_rows import SourcedPack, block_of
from app.clickhouse.lookup_queries import keep_places, missing_of, places_of
from app.delivery.reports.lookups import Place, Window
from app.records import EventPack

AT = 1_800_000_000.0


def event(kind: str, message: int, at: float, attempt: int = 1, *, route: str = "ses", campaign: str = "c_1",
          klass: str = "", ref: str = "") -> EventPack:  # fmt: skip
    number = message.to_bytes(16, "big")
    return EventPack("acme", campaign, "email", "bulk", kind, "gmail", route, attempt, AT + at, number, b"r" * 16,
                     classes=[klass], refs=[ref])  # fmt: skip


async def record(client: ClickHouse, *packs: EventPack) -> None:
    """As the recorder does."""
    block = block_of([SourcedPack(pack, 0, at) for at, pack in enumerate(packs)])
    await client.insert(f"INSERT INTO events ({block.names}) FORMAT Native", block.encode())


async def found(client: ClickHouse, after: Place, until: float, most: int = 10) -> list[tuple[int, int, str]]:
    rows = await missing_of(client, "ses", Window(after, AT + until), most)
    return [(int(each.message, 16), each.attempt, each.ref) for each in rows]


async def test_only_what_nobody_has_reported_on_is_missing(client: ClickHouse) -> None:
    """Each of the others would cost a request, and answers tell nothing new."""
    await record(
        client,
        event("sent", 1, 10, ref="a"), event("delivered", 1, 12),
        event("sent", 2, 11, ref="b"), event("deferred", 2, 20),  # a deferral is no end
        event("unknown", 3, 12), event("unknown", 4, 13), event("unknown", 4, 20, klass="resent"),
        event("unknown", 5, 14), event("sent", 5, 30, ref="c"),  # told since that it went out: sent later
        event("deferred", 6, 10), event("sent", 6, 15, 2, ref="d"),
        event("sent", 7, 16, route="other"), event("sent", 8, 17, campaign="c_2", ref="e"),
        event("unknown", 12, 18), event("unknown", 12, 35, klass="decided"),  # given up: who can be asked may know
        event("sent", 9, 90), event("queued", 10, 5), event("sent", 11, 16, ref="f"), event("bounced", 11, 400),
    )  # fmt: skip
    behind = [(6, 2, "d"), (8, 1, "e"), (5, 1, "c"), (12, 1, "")]
    assert await found(client, Place(AT), 80) == [(2, 1, "b"), (3, 1, ""), *behind]
    assert await found(client, Place(AT), 80, 2) == [(2, 1, "b"), (3, 1, "")]
    assert await found(client, Place(AT + 12, f"{3:032x}"), 80) == behind
    assert await found(client, Place(AT + 12, f"{2:032x}"), 15) == [(3, 1, "")]
    assert await found(client, Place(AT + 12), 12) == []


async def test_where_it_was_asked_up_to_outlives_a_restart(client: ClickHouse) -> None:
    """Of each route and step the last place counts."""
    await keep_places(client, "ses", {0: Place(AT, "ab"), 1: Place(AT - 100)}, AT)
    await keep_places(client, "ses", {0: Place(AT + 50.125, "cd")}, AT + 1)
    await keep_places(client, "other", {0: Place(AT)}, AT)
    assert await places_of(client, "ses") == {0: Place(AT + 50.125, "cd"), 1: Place(AT - 100, "")}
    assert await places_of(client, "nobody") == {}
