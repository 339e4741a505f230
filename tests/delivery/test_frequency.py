"""Frequency caps without a broker: who has room, who yields, what is told, and that a step fits into its batches."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.frequency import AccountsCaps, Frequency
from app import ids
from app.cli.account import _cap, _cap_shown
from app.delivery.events import of_admission, of_put_off
from app.delivery.gate import MOST_ROWS, GateRules, Known, admit, message_ids
from app.delivery.partition import Partition
from app.delivery.partition_records import WaitingPack
from app.delivery.people.frequency import (
    MARGIN,
    MOST_WAITING,
    NEVER,
    SENDING,
    AccountCaps,
    Book,
    Cap,
    CapRules,
    Desk,
    Room,
    Stage,
    Touch,
    arbitrate,
    is_spent,
    span,
)
from app.delivery.people.windows import Hours
from app.delivery.release import Permits, ask_again, spend
from app.delivery.sweep import KEEP_TOUCHES, horizon, is_old_record
from app.records import Grant, Outgoing, Recipient, RecipientPack, Slip
from app.stream.pack_table import FRAMING, MAX_WRITE
from app.stream.zones import zone_named
from app.things import Account, FrequencyCap
from tables.recipients import Batch, touches_in

NOW = 1_800_000_000.0
HOUR, DAY = 3_600.0, 86_400.0
WHO = ids.recipient_id(b"k", "email", "ann@x.org")


def message(number: int, day: int = 20_833) -> bytes:
    """A message to WHO, sealed about NOW."""
    return ids.message_id(day, f"c_{number}", 1, WHO, "email")


class Table:
    """Records in memory, one person at most."""

    def __init__(self) -> None:
        self.rows: dict[bytes, list[Touch]] = {}

    def touches(self, key: bytes, touches: list[Touch] | None) -> None:
        if touches is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = touches

    @property
    def stages(self) -> dict[str, Stage]:
        return {touch.campaign: touch.stage for touches in self.rows.values() for touch in touches}


class Here:
    """Messages of one person, each of a campaign of its own."""

    def __init__(self, *caps: Cap, defers: bool = False, end: float = NEVER) -> None:
        self.table, self.caps, self.defers, self.end = Table(), AccountCaps(caps), defers, end

    def desk(self, number: int, priority: int = 50, now: float = NOW) -> Desk:
        book = Book(lambda keys: [self.table.rows.get(key, []) for key in keys], self.table, now)
        rules = CapRules("acme", f"c_{number}", "email", self.caps, priority, self.defers, self.end)
        return Desk(book, rules)

    def gate(self, number: int, priority: int = 50, now: float = NOW, due: float | None = None) -> Room:
        return self.desk(number, priority, now).ask(WHO, message(number), now if due is None else due)

    def leave(self, number: int, priority: int = 50, now: float = NOW) -> Room:
        return self.desk(number, priority, now).ask(WHO, message(number), now, leaving=True)

    def sent(self, number: int, at: float = NOW) -> None:
        self.desk(number, now=at).sent(WHO, message(number), at)


def test_the_loser_is_told_the_cap_and_who_fills_it() -> None:
    """ "Capped" alone sends people to support: by what, and by whom?"""
    here = Here(Cap(2, DAY))
    for number in (1, 2):
        assert here.gate(number) == here.leave(number) == Room(NOW)
        here.sent(number)
    assert here.gate(3) == Room(NEVER, "2 of 2 messages in 24 h: c_1, c_2")
    assert "c_3" not in here.table.stages


def test_room_comes_back_a_window_after_the_acceptance() -> None:
    """Not at midnight, and not a window after the start of the campaign: what counts is when it arrived."""
    here = Here(Cap(1, HOUR))
    here.gate(1), here.leave(1)
    here.sent(1, NOW + 600)
    end = NOW + 600 + HOUR + MARGIN
    assert here.gate(2, now=end - 1).due == NEVER
    assert here.gate(2, now=end) == here.leave(2, now=end) == Room(end)


def test_a_higher_priority_takes_the_place_of_one_that_waits_and_of_none_that_left() -> None:
    """An order goes before a newsletter, as long as the newsletter is here; the least important of them goes first."""
    here = Here(Cap(3, DAY))
    here.gate(1, 30), here.gate(2, 10), here.gate(3, 20)
    here.leave(2, 10)
    assert here.gate(4, 20).due == NEVER  # its equal was first
    assert here.gate(5, 90) == Room(NOW)
    assert here.table.stages == {"c_1": Stage.WAITING, "c_2": Stage.LEAVING, "c_5": Stage.WAITING}
    assert here.leave(3, 20) == Room(NEVER, "3 of 3 messages in 24 h: c_1, c_2 and 1 more")


def test_who_is_put_off_waits_until_there_is_room_and_has_it_then() -> None:
    """A message that is deferred and then dropped all the same would have been better dropped at once."""
    here = Here(Cap(1, HOUR), defers=True)
    here.gate(1), here.leave(1)
    here.sent(1)
    room = here.gate(2)
    assert NOW + HOUR < room.due <= NOW + HOUR + HOUR / 50 and room.detail == "1 of 1 message in 1 h: c_1"
    assert room.due + HOUR < here.gate(3).due <= room.due + HOUR + HOUR / 50  # the place after it
    assert here.leave(2, now=room.due) == Room(room.due)


def test_who_cannot_be_put_off_to_before_the_end_is_dropped_and_told_so() -> None:
    """Waiting beyond the end of an offer is a slow way of dropping."""
    here = Here(Cap(1, DAY), defers=True, end=NOW + HOUR)
    here.gate(1), here.leave(1)
    assert here.gate(2) == Room(NEVER, "1 of 1 message in 24 h: c_1; no room before the campaign ends")
    endless = Here(Cap(1, 31 * DAY), defers=True)
    endless.gate(1), endless.leave(1)
    endless.sent(1)
    assert endless.gate(2).due < NEVER
    old = ids.message_id(20_833 - 40, "c_9", 1, WHO, "email")
    assert endless.desk(9).ask(WHO, old, NOW).due == NEVER  # a campaign of 40 days ago must end some time


def test_what_never_arrived_gives_its_place_back() -> None:
    """A hard bounce is not a message that anybody has read."""
    here = Here(Cap(1, DAY))
    here.gate(1), here.leave(1)
    here.desk(1).free(WHO, message(1))
    assert here.gate(2) == here.leave(2) == Room(NOW)
    here.desk(2).back(WHO, message(2), NOW + 60)  # tried again: its place is kept, and can be taken
    assert here.gate(3).due == NEVER and here.gate(4, 51) == Room(NOW)
    here.desk(9).free(WHO, message(9))  # never asked


def test_what_may_have_arrived_counts_although_its_repeat_was_refused() -> None:
    """Policy resend: the first attempt may lie in the mailbox, whatever the second came to."""
    here = Here(Cap(1, DAY))
    here.gate(1), here.leave(1)
    here.sent(1)  # unknown
    assert here.leave(1, now=NOW + 60) == Room(NOW + 60)  # the same message is no second one
    here.desk(1, now=NOW + 61).free(WHO, message(1))
    assert here.table.stages == {"c_1": Stage.SENT}
    assert here.gate(2, now=NOW + DAY).due == NEVER
    assert here.gate(2, now=NOW + DAY + MARGIN).due == NOW + DAY + MARGIN


def test_what_was_certainly_not_sent_gives_its_place_back() -> None:
    """The provider never saw it: then it must neither count nor keep the next try from leaving."""
    here = Here(Cap(1, DAY))
    here.gate(1), here.leave(1)
    here.sent(1)  # unknown
    here.desk(1).not_sent(WHO, message(1))
    assert here.gate(2).due == NEVER  # it waits, and has its place
    assert here.leave(1, now=NOW + 60) == Room(NOW + 60)
    here.desk(1, now=NOW + 61).free(WHO, message(1))
    assert not here.table.rows
    here.desk(2).not_sent(WHO, message(2))  # never asked


def test_a_reservation_for_another_day_does_not_stand_in_the_way() -> None:
    """A letter that is scheduled for Thursday must not keep Monday's from leaving, nor the other way round."""
    here = Here(Cap(1, DAY))
    assert here.gate(1, due=NOW + 3 * DAY).due == NOW + 3 * DAY
    assert here.gate(2) == here.leave(2) == Room(NOW)
    here.sent(2)
    assert here.gate(3, due=NOW + 3 * DAY - HOUR).due == NEVER
    assert here.leave(1, now=NOW + 3 * DAY).due == NOW + 3 * DAY


def test_a_place_that_is_overdue_by_a_window_has_lapsed() -> None:
    """A campaign that was paused and forgotten must not keep everybody else from writing."""
    here = Here(Cap(1, HOUR))
    here.gate(1, 90)
    assert here.gate(2, now=NOW + HOUR - 1).due == NEVER
    assert here.gate(2, now=NOW + HOUR).due == NOW + HOUR
    assert here.leave(1, 90, now=NOW + HOUR).due == NOW + HOUR  # it asks again, like anybody


def test_only_the_channels_of_a_cap_count() -> None:
    """Two text messages a week says nothing about mail."""
    here = Here(Cap(1, DAY, frozenset({"sms"})))
    assert all(here.leave(number) == Room(NOW) for number in range(3)) and not here.table.rows
    touch = Touch(b"m" * 16, "c_s", "sms", 50, Stage.SENT, NOW, NOW)
    assert arbitrate([touch], [Cap(1, DAY, frozenset({"email"}))], 50, NOW, NOW, held=False) == ([], None)
    assert arbitrate([touch], [Cap(1, DAY)], 50, NOW, NOW, held=False)[1] is not None


def test_caps_that_are_gone_hold_nobody_back_and_leave_nothing() -> None:
    """What was reserved under caps that somebody took away must not haunt those that come later."""
    here = Here(Cap(1, DAY))
    here.gate(1), here.gate(2, 51)
    here.caps = AccountCaps()
    assert here.leave(1) == here.leave(2) == Room(NOW)
    assert not here.table.rows


def test_a_record_is_bounded() -> None:
    """A person with a thousand reservations must not make every step that meets them a large one."""
    here = Here(Cap(1, 60.0))
    for number in range(MOST_WAITING + 20):
        assert here.gate(number, due=NOW + 100 * number).due == NOW + 100 * number
    assert len(here.table.stages) == MOST_WAITING
    late = NOW + 100 * (MOST_WAITING + 5)
    assert here.leave(MOST_WAITING + 5, now=late) == Room(late)


@given(st.sampled_from(Stage), st.floats(0, 60 * DAY), st.floats(60, 31 * DAY))
def test_what_still_counts_is_neither_forgotten_nor_swept(stage: Stage, age: float, window: float) -> None:
    """A touch that is swept too early is a message too many."""
    at = NOW - age
    touch = Touch(message(1), "c_1", "email", 50, stage, at, at if stage is Stage.SENT else 0.0)
    longest = AccountCaps((Cap(1, window),)).longest("email")
    counts = arbitrate([touch], [Cap(1, window)], 50, NOW, NOW, held=False)[1] is not None
    if is_spent(touch, longest, NOW):
        assert not counts or (stage is Stage.LEAVING and age >= window + SENDING)
    if is_old_record([touch], horizon(NOW, [])):
        assert is_spent(touch, longest, NOW) and age > KEEP_TOUCHES


def test_spans_are_told_in_the_words_of_people() -> None:
    """86400 s is no word for a day."""
    assert [span(s) for s in (60, 90, 5_400, 7_200, DAY, 2 * DAY, 7 * DAY)] == [
        "1 min", "90 s", "90 min", "2 h", "24 h", "2 d", "7 d",
    ]  # fmt: skip


def test_a_cap_that_never_decides_is_refused() -> None:
    """Whoever states 5 an hour beside 3 a day means something else."""
    for idle in (
        [{"messages": 5, "window": 3600}, {"messages": 3, "window": 86400}],
        [{"messages": 2, "window": 3600}, {"messages": 2, "window": 3600}],
        [{"messages": 2, "window": 3600, "channels": ["email"]}, {"messages": 2, "window": 3600}],
    ):
        with pytest.raises(ValidationError, match="never decides"):
            Account.model_validate({"name": "a", "frequency_caps": idle})
    for fine in (
        [{"messages": 2, "window": 86400}, {"messages": 5, "window": 604800}],
        [{"messages": 2, "window": 3600, "channels": ["sms"]}, {"messages": 2, "window": 3600, "channels": ["email"]}],
    ):
        assert Account.model_validate({"name": "a", "frequency_caps": fine})


def test_caps_are_written_and_shown_in_the_words_of_the_command_line() -> None:
    """What `account show` prints must be what `account set` was told."""
    written = {"2/24h": "2 in 24 h", "5/7d:email": "5 in 7 d by email", "9/90s:sms,voice": "9 in 90 s by sms, voice"}
    for text, shown in written.items():
        assert _cap_shown(FrequencyCap.model_validate(_cap(text))) == shown


def test_an_edit_of_the_account_is_read_and_nonsense_changes_nothing() -> None:
    """A record that nobody can read must not lift the caps."""
    heard: list[Any] = []
    caps = AccountsCaps(cast(Any, SimpleNamespace(on_change=heard.append)))
    said = Account.model_validate({"name": "acme", "frequency_caps": [{"messages": 2, "window": 86400}]})
    heard[0]("acme", said.model_dump_json().encode())
    assert caps.of("acme") == AccountCaps((Cap(2, DAY),)) and caps.edits == 1
    heard[0]("acme", b"{")
    heard[0]("acme", said.model_copy(update={"running": 3}).model_dump_json().encode())
    assert caps.of("acme").caps and caps.edits == 1
    heard[0]("acme", None)
    assert not caps.of("acme").caps and caps.edits == 2 and caps.of("other").stamp == caps.of("acme").stamp != 0


async def test_who_was_put_off_asks_again_once_the_caps_are_others() -> None:
    """Whoever lifts a cap of a month does not mean to wait for that month."""
    state, committed = Partition(0, lambda _: []), []

    async def commit(partition: int, batch: Batch, *_: object) -> None:
        state.tell(batch, [])
        committed.append(batch.items)

    row = Outgoing(message(1), WHO, "ann@x.org", b"{}")
    old = AccountCaps((Cap(1, DAY),))
    for stamp in (old.stamp, 0):
        state.add(Batch(), WaitingPack("a", "c", "bulk", "g", 1, NOW, NOW + DAY, 1, counted=True, put_off=stamp), [row])
    app = SimpleNamespace(now=lambda: NOW)
    recipients = SimpleNamespace(app=app, partitions={0: state}, generation=1, commit=commit)
    caps = SimpleNamespace(edits=0, of=lambda _: old)
    frequency = Frequency(cast(Any, recipients), cast(Any, None), cast(Any, caps), Hours(zone_named))
    await frequency._ask_again()
    assert not committed
    caps.edits, caps.of = 1, lambda _: AccountCaps()
    await frequency._ask_again()
    state.advance(NOW)
    assert len(committed) == 1 and sum(queue.due for queue in state.queues.values()) == 1
    assert sorted(pack.due for pack in state.packs.values()) == [NOW, NOW + DAY]


async def test_an_edit_looks_at_what_waits_once_however_many_have_to_ask() -> None:
    """Each tick looked at a million packs to find the next twenty, and nothing else was done meanwhile."""
    state, looks = Partition(0, lambda _: []), 0
    row = Outgoing(message(1), WHO, "ann@x.org", b"{}")
    for _ in range(50):
        state.add(Batch(), WaitingPack("a", "c", "bulk", "g", 1, NOW, NOW + DAY, 1, counted=True, put_off=7), [row])

    class Watched(dict[int, WaitingPack]):
        def items(self) -> Any:
            nonlocal looks
            looks += 1
            return super().items()

    async def commit(_: int, batch: Batch, *__: object) -> None:
        state.tell(batch, [])

    state.packs, state._load_rows = Watched(state.packs), lambda _: [row]
    app = SimpleNamespace(now=lambda: NOW)
    recipients = SimpleNamespace(app=app, partitions={0: state}, generation=1, commit=commit)
    caps = SimpleNamespace(edits=1, of=lambda _: AccountCaps())
    frequency = Frequency(cast(Any, recipients), cast(Any, None), cast(Any, caps), Hours(zone_named))
    for _ in range(4):
        await frequency._ask_again()
    assert looks == 1 and not any(pack.put_off for pack in state.packs.values())


def test_asking_again_leaves_those_who_have_left() -> None:
    """A pack of which some are on their way keeps them."""
    state = Partition(0, lambda _: [])
    rows = [Outgoing(message(i), WHO, "ann@x.org", b"{}") for i in range(3)]
    number = state.add(Batch(), WaitingPack("a", "c", "bulk", "g", 1, NOW, NOW, 3, put_off=7), rows)
    state.advance(NOW)
    next(state.take(Batch(), state.packs[number].key, 1, lambda _: 0.0))
    ask_again(state, Batch(), number, NOW)
    state.advance(NOW)
    ((again, pack),) = ((n, p) for n, p in state.packs.items() if n != number)
    assert (pack.count, state.rows_of(again), pack.put_off) == (2, rows[1:], 0)
    assert sum(queue.due for queue in state.queues.values()) == 2


def test_the_gate_puts_off_a_whole_pack_in_one_batch() -> None:
    """A write that is too large ends the process, and after a restart the same pack makes the same write again.

    Everybody is in a group of their own, has had all that the cap allows at another moment, and a long record.
    """
    people = [ids.recipient_id(b"k", "email", f"p{i}@x.org") for i in range(MOST_ROWS)]
    groups = [f"mail{i:03d}.somewhere-in-the-long-tail.example.com" for i in range(MOST_ROWS)]
    name = "c_0123456789abcdef01234567"
    rows = [Recipient(who, f"somebody.{i}@x.org", groups[i], b"v" * 250) for i, who in enumerate(people)]
    pack = RecipientPack(b"p" * 16, "acme", name, 1, 20_833, "bulk", rows)

    def record(i: int) -> list[Touch]:
        began = NOW - DAY * 30 + 5_000.0 * i
        return [
            Touch(n.to_bytes(16, "big"), f"{name[:-3]}{n:03d}", "email", 50, Stage.SENT, 0.0, began + n)
            for n in range(100)
        ]

    def load(keys: list[bytes]) -> list[list[Touch]]:
        return [record(i) for i, _ in enumerate(keys)]

    batch, state = Batch(), Partition(0, lambda _: [])
    rules = CapRules("acme", name, "email", AccountCaps((Cap(100, 31 * DAY),)), defers=True)
    desk = Desk(Book(load, batch, NOW), rules)
    gate = GateRules("acme", name, "email", ("l",), "", 3600.0)
    messages = message_ids(pack, "email")
    verdict = admit(state, batch, pack, messages, Known([None] * 500, [None] * 500), gate, NOW, None, desk)
    assert len(desk.put_off) == MOST_ROWS
    capped = {i: desk.put_off[each] for i, each in enumerate(messages)}
    state.tell(batch, of_admission("email", pack, messages, verdict, None, "", capped))
    parts = [*batch.ahead, batch.items]
    sizes = [sum(len(key) + len(value or b"") + FRAMING for key, value in part) for part in parts]
    assert max(sizes) <= MAX_WRITE and len(parts) > 2
    assert sum(len(part) for part in parts[:-1]) == MOST_ROWS
    assert len(touches_in(parts[0][0][1] or b"")) == 101


@pytest.mark.parametrize(("packs", "of"), [(3_000, 1), (40, 100)])
def test_a_release_that_puts_everybody_off_fits_into_a_batch(packs: int, of: int) -> None:
    """Who is put off is written once more, with all they are to be told: a slip may name thousands of them."""
    stored: dict[int, list[Outgoing]] = {}
    state, name, number = Partition(0, stored.__getitem__), "c_0123456789abcdef01234567", 0
    for _ in range(packs):
        rows = []
        for _ in range(of):
            number += 1
            who = (20_833).to_bytes(2, "big") + number.to_bytes(14, "big")  # a message of about NOW
            rows.append(Outgoing(who, who, f"somebody{number}@mail.example.com", b"v" * (2_900 if of > 1 else 250)))
        waits = WaitingPack("acme", name, "bulk", "gmail", 1, NOW, NOW - 1, of, zone="America/Argentina/Buenos_Aires")
        stored[state.add(Batch(), waits, rows)] = rows
    state.tell(Batch(), [])
    key = next(iter(state.queues))

    def load(keys: list[bytes]) -> list[list[Touch]]:
        ages = [DAY - 60 - int.from_bytes(key[2:16], "big") * 37 % DAY for key in keys]
        return [[Touch(b"x" * 16, f"{name}x", "email", 99, Stage.SENT, 0.0, NOW - age % DAY)] for age in ages]

    rules = CapRules("acme", name, "email", AccountCaps((Cap(1, DAY),)), defers=True)
    done = slips = 0
    while state.queue(key).due or not slips:
        slips, batch = slips + 1, Batch()
        desk = Desk(Book(load, batch, NOW), rules)
        permits = Permits(lambda _: 1, lambda *_: [], desk=lambda _, desk=desk: desk)
        slip = Slip(0, slips, NOW, NOW + 3, NOW + 30, [Grant(*key[:3], "smtp", packs * of)])
        spent = spend(state, batch, slip, permits, NOW)
        assert spent is not None and not spent.releases and not spent.dropped
        state.tell(batch, [e for pack, *put in spent.put_off for e in of_put_off(pack, [tuple(put)], NOW)])
        assert sum(len(each) + len(value or b"") + FRAMING for each, value in batch.items) <= MAX_WRITE
        done += len(spent.put_off)
    assert done == packs * of and slips > 5


def test_a_message_on_its_way_counts_until_it_can_no_longer_be_accepted() -> None:
    """It may be a day until somebody tells that it was: forgotten before, the person gets one too many."""
    touch = Touch(b"m" * 16, "c_1", "email", 50, Stage.LEAVING, NOW)
    assert not is_spent(touch, DAY, NOW + DAY + SENDING - 1) and is_spent(touch, DAY, NOW + DAY + SENDING)
    sent = Touch(b"m" * 16, "c_1", "email", 50, Stage.SENT, 0.0, NOW)
    assert not is_spent(sent, DAY, NOW + DAY - 1) and is_spent(sent, DAY, NOW + DAY)
