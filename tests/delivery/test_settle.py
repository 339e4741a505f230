"""Settling results, without a broker."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from app.delivery.clearing import clear
from app.delivery.outcomes import DropReason, EventKind, Kind
from app.delivery.partition import Partition
from app.delivery.partition_records import ClassKey, WaitingPack
from app.delivery.release import Permits, record_of, spend
from app.delivery.retries import RetryRules
from app.delivery.settle import settle
from app.records import Grant, Outcome, Outgoing, Result, Slip
from tables.recipients import Batch, restore

NOW = 1_000_000.0
KEY = ClassKey("c_1", "bulk", "gmail")
AGAIN = KEY._replace(retry=True)
RULES = RetryRules((60.0, 300.0), (600.0,), 30.0, jitter=0.0)


class Rows:
    """A table of one partition in a dict."""

    def __init__(self) -> None:
        self.items: dict[bytes, bytes] = {}

    def get_many(self, _partition: int, keys: list[bytes]) -> list[bytes | None]:
        return [self.items.get(key) for key in keys]

    def scan(self, _partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((k, v) for k, v in self.items.items() if k.startswith(prefix)))

    def apply(self, batch: Batch) -> None:
        for key, value in batch.items:
            if value is None:
                self.items.pop(key, None)
            else:
                self.items[key] = value


def waiting(people: int, attempt: int = 1) -> tuple[Partition, Rows]:
    table = Rows()
    state = restore(table, 0)
    batch = Batch()
    rows = [Outgoing(b"%016d" % i, b"%016d" % i, f"p{i}@x.org", b"{}") for i in range(people)]
    state.add(batch, WaitingPack("acme", "c_1", "bulk", "gmail", attempt, NOW, NOW, people), rows)
    table.apply(batch)
    return state, table


def released(people: int, count: int, attempt: int = 1) -> tuple[Partition, Rows, list[int]]:
    state, table = waiting(people, attempt)
    batch = Batch()
    slip = Slip(0, 1, NOW, NOW + 1, NOW + 1, [Grant("c_1", "bulk", "gmail", "smtp", count)])
    spent = spend(state, batch, slip, Permits(lambda _: 1, lambda *_: []), NOW)
    assert spent is not None
    table.apply(batch)
    return state, table, spent.releases


def spent_on(state: Partition, key: ClassKey, count: int, slip: int, now: float = NOW) -> int:
    """Release *count* messages of the class; the number of their release."""
    grant = Grant(route="smtp", count=count, **key._asdict())
    spent = spend(
        state, Batch(), Slip(0, slip, now, now + 1, now + 1, [grant]), Permits(lambda _: 1, lambda *_: []), now
    )
    assert spent is not None
    (number,) = spent.releases
    return number


def answered(state: Partition, number: int, kind: Kind, returned: str = "", klass: str = "") -> Result:
    size = state.releases[number].size
    outcomes = [] if returned else [Outcome(kind, NOW, klass=klass)] * size
    return Result(b"", "c_1", "smtp", NOW, outcomes, returned)


@given(st.integers(1, 900), st.integers(1, 1000))
def test_a_slip_buys_exactly_what_it_says(people: int, count: int) -> None:
    """Credit is what keeps limits: one message more than granted breaks one."""
    state, _, releases = released(people, count)
    assert sum(state.releases[n].size for n in releases) == min(people, count)
    assert all(state.releases[n].size <= 100 for n in releases)
    assert state.demand_of(KEY).due == people - min(people, count)


def test_a_slip_is_spent_once_and_not_after_its_time() -> None:
    """Slips come twice and late; a repeat must buy nothing."""
    state, _, _ = released(10, 5)
    slip = Slip(0, 1, NOW, NOW + 1, NOW + 1, [Grant("c_1", "bulk", "gmail", "smtp", 5)])
    assert spend(state, Batch(), slip, Permits(lambda _: 1, lambda *_: []), NOW) is None
    late = Slip(0, 2, NOW, NOW + 1, NOW + 1, slip.grants)
    assert spend(state, Batch(), late, Permits(lambda _: 1, lambda *_: []), NOW + 1.01) is None
    assert [each[:3] for each in state.wasted] == [(2, 0, 5)]  # a cap gets it back
    assert spend(state, Batch(), late, Permits(lambda _: 1, lambda *_: []), NOW) is None  # not even by an older clock


def test_nothing_leaves_a_campaign_that_is_not_running() -> None:
    """Pause means pause, also for credit that was already on its way."""
    state, _ = waiting(10)
    slip = Slip(0, 1, NOW, NOW + 1, NOW + 1, [Grant("c_1", "bulk", "gmail", "smtp", 5)])
    spent = spend(state, Batch(), slip, Permits(lambda _: None, lambda *_: []), NOW)
    assert spent is not None and not spent.releases and state.demand_of(KEY).due == 10


def test_a_suppression_that_came_after_the_gate_still_holds() -> None:
    """Who unsubscribes while they wait for credit is not mailed."""
    state, table = waiting(3)
    state.suppressions += 1
    batch = Batch()
    slip = Slip(0, 1, NOW, NOW + 1, NOW + 1, [Grant("c_1", "bulk", "gmail", "smtp", 3)])
    spent = spend(
        state, batch, slip, Permits(lambda _: 1, lambda *_: [(1, DropReason.SUPPRESSED, "unsubscribed")]), NOW
    )
    table.apply(batch)
    assert spent is not None and len(spent.dropped) == 1
    assert [row.address for row in record_of(state, spent.releases[0]).rows] == ["p0@x.org", "p2@x.org"]
    assert state.counters["c_1"]["dropped.suppressed"] == 1


@given(st.sampled_from([Kind.DEFERRED, Kind.RETURNED]))
def test_a_suppression_that_came_while_a_release_was_open_holds_for_what_comes_back(kind: Kind) -> None:
    """Who unsubscribes between two tries gets no second one."""
    state, table, (number,) = released(3, 3)
    state.suppressions += 1
    batch = Batch()
    settle(state, batch, number, answered(state, number, kind), RULES, NOW + 1, 0.5)
    table.apply(batch)
    later, retry = NOW + 500, kind is Kind.DEFERRED
    slip = Slip(0, 2, later, later + 1, later + 1, [Grant("c_1", "bulk", "gmail", "smtp", 3, retry=retry)])
    spent = spend(
        state, Batch(), slip, Permits(lambda _: 1, lambda *_: [(0, DropReason.SUPPRESSED, "unsubscribed")]), later
    )
    assert spent is not None and len(spent.dropped) == 1


def test_a_release_is_the_same_bytes_after_a_recovery() -> None:
    """The sender knows a release by its id; other people under the same id would be mailed never or twice."""
    state, table, (number,) = released(50, 30)
    assert record_of(restore(table, 0), number) == record_of(state, number)


def test_a_result_acts_once() -> None:
    """Results come twice; each message is counted once."""
    state, table, (number,) = released(10, 10)
    batch, result = Batch(), answered(state, number, Kind.ACCEPTED)
    assert settle(state, batch, number, result, RULES, NOW, 0.5) is not None
    assert settle(state, Batch(), number, result, RULES, NOW, 0.5) is None
    table.apply(batch)
    assert state.counters["c_1"] == {"sent": 10}
    assert restore(table, 0).counters["c_1"] == {"sent": 10}
    assert not restore(table, 0).packs  # used up, with its last release


def test_deferred_waits_longer_each_time_and_is_given_up_at_last() -> None:
    """1 m, 5 m, then no more: a bounced status with its own class, never silence."""
    for attempt, delay in ((1, 60.0), (2, 300.0)):
        state, _, (number,) = released(2, 2, attempt)
        settle(state, Batch(), number, answered(state, number, Kind.DEFERRED), RULES, NOW, 0.5)
        (pack,) = [p for p in state.packs.values() if p.cursor < p.count]
        assert (pack.attempt, pack.due) == (attempt + 1, NOW + delay)
    state, _, (number,) = released(2, 2, attempt=3)
    settlement = settle(state, Batch(), number, answered(state, number, Kind.DEFERRED), RULES, NOW, 0.5)
    assert settlement is not None and {m.kind for m in settlement.messages} == {EventKind.BOUNCED}
    assert state.counters["c_1"] == {"given_up": 2}


def test_what_was_returned_keeps_its_attempt_and_is_due_at_once() -> None:
    """Nothing was sent, so nothing was tried."""
    state, _, (number,) = released(5, 5)
    settle(state, Batch(), number, answered(state, number, Kind.RETURNED, "late"), RULES, NOW, 0.5)
    state.advance(NOW)
    assert state.demand_of(KEY).due == 5
    assert {p.attempt for p in state.packs.values() if p.cursor < p.count} == {1}


def test_throttled_does_not_count_as_an_attempt_but_ends() -> None:
    """ "Slow down" is not the recipient's fault; three days of it are an end all the same."""
    state, _, (number,) = released(1, 1, attempt=2)
    settle(state, Batch(), number, answered(state, number, Kind.THROTTLED), RULES, NOW, 0.5)
    assert [p.attempt for p in state.packs.values() if p.cursor < p.count] == [2]
    state, _, (number,) = released(1, 1)
    settle(state, Batch(), number, answered(state, number, Kind.THROTTLED), RULES, NOW + 300_000, 0.5)
    assert state.counters["c_1"]["given_up"] == 1


def test_unknown_is_held_or_sent_again_as_the_campaign_says() -> None:
    """The one doubt a kill leaves is the customer's to decide."""
    state, _, (number,) = released(1, 1)
    settle(state, Batch(), number, answered(state, number, Kind.UNCERTAIN), RULES, NOW, 0.5)
    assert state.counters["c_1"] == {"unknown": 1} and len(state.unknowns) == 1
    state, _, (number,) = released(1, 1)
    resend = RetryRules((60.0,), resend_unknown=True)
    settle(state, Batch(), number, answered(state, number, Kind.UNCERTAIN), resend, NOW, 0.5)
    state.advance(NOW)
    assert state.demand_of(AGAIN._replace(pin="smtp")).due == 1


def test_cancel_drops_what_waits_and_leaves_what_is_open() -> None:
    """What is with a sender may still leave; the rest never does, and is counted."""
    state, table, (number,) = released(50, 30)
    batch = Batch()
    gone = clear(state, batch, state.releases[number].pack, DropReason.CANCELLED, NOW)
    table.apply(batch)
    assert len(gone) == 20 and state.counters["c_1"]["dropped.cancelled"] == 20
    assert state.demand_of(KEY).due == 0 and state.demand_of(KEY).open == 30
    settle(state, batch, number, answered(state, number, Kind.ACCEPTED), RULES, NOW, 0.5)
    table.apply(batch)
    assert not restore(table, 0).packs
