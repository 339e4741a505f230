"""WhatsApp: one message in six seconds to one person from one number, and what its categories are allowed."""

import pytest

from app.delivery.gate import GateRules, Suppression, applies
from app.delivery.outcomes import Kind, Status
from app.delivery.partition_records import ClassKey, MessageState, WaitingPack
from app.delivery.release import Permits, spend
from app.delivery.reports.kinds import ReportKind
from app.delivery.reports.suppress import DAY, suppression_of
from app.delivery.retries import GAVE_UP, Again, RetryRules, next_try
from app.records import Grant, Outcome, Outgoing, Slip, Told
from tables.recipients import Batch, restore, sightings_of
from tests.delivery.test_settle import NOW, Rows

WA = ClassKey("c_1", "bulk", "PT", channel="whatsapp")


def test_who_has_just_had_a_message_from_the_number_waits_for_the_rest_of_six_seconds() -> None:
    """Meta answers 131056 to whoever does not wait; another number, and another person, need not."""
    table = Rows()
    partition = restore(table, 0)
    person, other = b"p" * 16, b"o" * 16

    def come(message: bytes, who: bytes) -> None:
        batch = Batch()
        pack = WaitingPack("acme", "c_1", "bulk", "PT", 1, NOW, NOW, 1, channel="whatsapp")
        partition.add(batch, pack, [Outgoing(message, who, "+351912000000", b"{}")])
        partition.tell(batch, [])
        table.apply(batch)

    def leave(slip: int, now: float, route: str = "wa") -> list[int]:
        batch = Batch()
        permits = Permits(lambda _: 1, lambda *_: [], seen=lambda keys: sightings_of(table, 0, list(keys)))
        grant = Grant(route=route, count=10, **WA._asdict())
        spent = spend(partition, batch, Slip(0, slip, now, now + 1, now + 1, [grant]), permits, now)
        partition.tell(batch, [])
        table.apply(batch)
        return [partition.releases[number].size for number in spent.releases] if spent is not None else []

    come(b"1" * 16, person)
    assert leave(1, NOW) == [1]
    come(b"2" * 16, person)
    come(b"3" * 16, other)
    assert leave(2, NOW + 2) == [1]
    assert partition.demand_of(WA).next_due == NOW + 6 and partition.counters["c_1"]["deferred.pair"] == 1
    assert leave(3, NOW + 5.9) == []
    assert leave(4, NOW + 6) == [1]
    come(b"4" * 16, person)
    assert leave(5, NOW + 7, "another number") == [1]


def test_too_fast_for_one_person_is_tried_again_later_and_later() -> None:
    """6 x 4^n seconds, whatever the campaign says of other refusals, and not without end."""
    outcome = Outcome(Kind.DEFERRED, NOW, 131056, "pair")
    rules = RetryRules((), ())
    delays = [
        again.due - NOW
        for attempt in range(1, 6)
        if isinstance(again := next_try(outcome, attempt, NOW, "", rules, NOW, 0.5), Again)
    ]
    assert delays == [6, 24, 96, 384, 1536]
    assert next_try(outcome, 6, NOW, "", rules, NOW, 0.5) == GAVE_UP


@pytest.mark.parametrize("reason", ["unsubscribed", "provider_suppressed", "held_back"])
def test_an_opt_out_of_marketing_lets_other_categories_through(reason: str) -> None:
    """Who wants no offers still gets the code to log in; a complaint stops both, and so does leaving for good."""
    marketing = GateRules("acme", "c_1", "whatsapp", (), "", 0.0)
    utility = GateRules("acme", "c_1", "whatsapp", (), "", 0.0, marketing=False)
    left = Suppression("account", "acme", reason, "x", 1.0, channel="whatsapp")
    assert applies([left], marketing, NOW) and not applies([left], utility, NOW)
    for other in (
        Suppression("account", "acme", "complaint", "x", 1.0, channel="whatsapp"),
        Suppression("account", "acme", reason, "x", 1.0),
        Suppression("global", "", reason, "x", 1.0, channel="whatsapp"),
    ):
        assert applies([other], utility, NOW)


def test_who_whatsapp_holds_back_rests_for_a_day() -> None:
    """131049 and 130472: trying again at once makes it worse; 131050 is an opt-out."""
    wa = MessageState(Status.SENT, 1, NOW, "wa", b"p" * 16, "acme", "c_1", "whatsapp")

    def suppressed(**said: str) -> tuple[str, float]:
        told = Told(b"m" * 16, "blocked", NOW, 1, **said)
        found = suppression_of(wa, told, ReportKind.BLOCKED, first=True, everywhere=False)
        return (found.reason, found.until) if found is not None else ("", 0.0)

    assert suppressed(klass="block", reason="frequency") == ("held_back", NOW + DAY)
    assert suppressed(klass="block", reason="experiment") == ("held_back", NOW + DAY)
    assert suppressed(klass="suppressed", reason="unsubscribed") == ("provider_suppressed", 0.0)
    assert suppressed(klass="block", reason="spamdetected") == ("", 0.0)
