"""What explain reads: of this account and this person alone, what held then, and what was decided in the end."""

from app.clickhouse import explain_queries as asks
from app.clickhouse.client import ClickHouse
from app.clickhouse.message_queries import message
from app.delivery.explain.absence import Membership
from app.delivery.explain.story import Seat, StateAt, Suppressed
from tests.clickhouse.mirrored import NOW, changed, entry, suppression
from tests.clickhouse.mirrored import store as mirrored
from tests.clickhouse.test_message_queries import person, sent_to, store


async def test_a_message_is_found_by_its_id_and_by_its_person(client: ClickHouse) -> None:
    """The operator has an id alone; support has an address; and nobody sees what another account sent."""
    await store(client, "queued", range(3), NOW, attempt=0, why="engaged recipient")
    await store(client, "sent", range(3), NOW + 5, why="route a")
    await store(client, "sent", range(1), NOW, account="other", campaign="theirs")
    assert await asks.owner_of(client, sent_to(1)) == "acme"
    assert await asks.owner_of(client, sent_to(77)) is None
    assert await asks.first_of(client, "acme", sent_to(1)) == ("c", NOW)
    assert await asks.first_of(client, "other", sent_to(1)) is None
    assert await asks.latest_message(client, "acme", "c", person(1).hex()) == sent_to(1)
    assert await asks.latest_message(client, "other", "c", person(1).hex()) is None
    told = await message(client, "acme", sent_to(1))
    assert told is not None and [each["why"] for each in told["events"]] == ["engaged recipient", "route a"]


async def test_a_decision_on_a_lost_outcome_is_an_event_of_its_own(client: ClickHouse) -> None:
    """Before and after ClickHouse has merged: what happened first must not vanish, nor what was decided last."""
    await store(client, "unknown", range(1), NOW, details=["connection lost"], why="route a")
    await store(client, "unknown", range(1), NOW + 30, classes=["not_sent"], details=["operator"])
    await store(client, "unknown", range(1), NOW + 60, classes=["decided"], details=["no news"])
    for _ in range(2):
        told = await message(client, "acme", sent_to(0))
        assert told is not None
        assert [(each["class"], each["detail"]) for each in told["events"]] == [
            ("", "connection lost"), ("not_sent", "operator"), ("decided", "no news"),
        ]  # fmt: skip
        await client.execute("OPTIMIZE TABLE events FINAL")


async def test_states_suppressions_and_lists_are_those_of_the_account(client: ClickHouse) -> None:
    """What another account knows of a person is no part of the answer."""
    who, partition = person(1), int.from_bytes(person(1)[:2], "big") % 4
    await mirrored(
        client,
        changed(entry("c", 1, state="RUNNING")), changed(entry("c", 2, state="PAUSED", reason="by ann")),
        changed(entry("c", 9, state="FAILED", account="other")),
        suppression(1, partition, op="add", scope="list", scope_id="all", account="acme", recipients=[who.hex()],
                    reason="unsubscribed", source="link", at=NOW),
        suppression(3, partition, op="add", scope="account", scope_id="other", account="other",
                    recipients=[who.hex()]),
    )  # fmt: skip
    assert await asks.states_of(client, "acme", "c") == [StateAt("RUNNING", NOW), StateAt("PAUSED", NOW, "by ann")]
    (found,) = await asks.suppressions_of(client, "acme", who.hex())
    assert found == Suppressed("list", "all", "unsubscribed", "link", NOW)
    await client.execute(
        "INSERT INTO members (account, list, recipient_id, added_at, removed_at) SELECT 'acme', name, "
        "toFixedString(unhex({who:String}), 16), fromUnixTimestamp64Milli({at:Int64}), "
        "fromUnixTimestamp64Milli(if(name = 'left', {at:Int64} + 5, 0)) "
        "FROM (SELECT arrayJoin(['all', 'left']) AS name)",
        {"who": who.hex(), "at": int(NOW * 1000)},
    )
    assert await asks.memberships_of(client, "acme", ["all", "left", "none"], who.hex()) == [
        Membership("all", NOW), Membership("left", 0.0, NOW + 0.005),
    ]  # fmt: skip
    assert await asks.memberships_of(client, "acme", [], who.hex()) == []
    assert not await asks.is_contact(client, "acme", who.hex())


async def test_the_place_in_an_audience_is_that_of_the_build_that_counts(client: ClickHouse) -> None:
    """Two builds of one seal may stand side by side; a person who was left out has the reason."""
    who, at = person(1).hex(), int(NOW)
    for build, row, reason in (("s.1", 4, ""), ("s.2", 9, "removed")):
        await client.execute(
            "INSERT INTO audience (build, row, recipient_id, reason, sealed_at) SELECT {build:String}, {row:UInt32}, "
            "toFixedString(unhex({who:String}), 16), {reason:String}, toDateTime({at:UInt32}, 'UTC')",
            {"build": build, "row": row, "who": who, "reason": reason, "at": at},
        )
    assert await asks.seat_of(client, "acme", "c", who) is None
    for build, later in (("s.1", 0), ("s.2", 5)):
        await client.execute(
            "INSERT INTO seals (seal_id, build, account, campaign, sealed_at) SELECT 's', {build:String}, 'acme', 'c', "
            "toDateTime64({at:UInt32}, 6, 'UTC')",
            {"build": build, "at": at + later},
        )
    assert await asks.seat_of(client, "acme", "c", who) == Seat(float(at), 4)
    assert await asks.seat_of(client, "other", "c", who) is None
    assert await asks.seat_of(client, "acme", "c", person(2).hex()) is None
