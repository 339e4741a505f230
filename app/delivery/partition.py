"""One recipients partition in memory: what waits, what is open, what has been counted.

Everything here can be rebuilt from the sections of the recipients table; a decision changes this
state and a `Writes` batch in one synchronous step, so both always tell the same.
"""

import heapq
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from app.delivery.fallbacks.awaited import Awaited, Awaiting
from app.delivery.partition_records import (
    ClassKey,
    HeldUnknown,
    Marks,
    MessageState,
    OpenRelease,
    WaitingPack,
    Writes,
    class_of,
)
from app.delivery.routes.counts import RouteCounts
from app.records import ClassDemand, EventPack, Outgoing, encode

SLICE = 100  # messages in one release, at most
KEPT_WASTED = 200  # grants of which not all was taken, remembered for pacing
MOST_READY = 5_000  # packs that become ready in one go: some 20 ms
MOST_TAKEN = 500  # packs of which one step takes, or that it puts back: what it writes must fit into one batch
MOST_WRITTEN = 300_000  # bytes of packs and releases in that batch, where names are long
RECORD = 50  # bytes that a record of the batch costs besides its value


def was_tried(named: "WaitingPack | OpenRelease") -> bool:
    """Whether its messages were given to a provider before: a try that was throttled is not counted as an attempt."""
    return named.attempt > 1 or named.retry


class Wasted(NamedTuple):
    """A grant of which not all was taken, when its slip was applied."""

    slip: int
    grant: int  # its index
    messages: int  # that were not taken
    at: float


@dataclass(slots=True)
class Standing:
    """Credit given ahead of demand: messages of a transactional campaign find it here, and do not wait for it."""

    route: str
    count: int
    valid_until: float
    not_after: float
    channel: str = "email"


class RowSource(Protocol):
    """Where the rows of a waiting pack are read when they are not in memory."""

    def __call__(self, number: int) -> list[Outgoing]: ...


class ClassQueue:
    """The waiting packs of one class: those due, and those that become due."""

    __slots__ = ("calls", "due", "later", "open", "open_on", "ready")

    def __init__(self) -> None:
        self.ready: deque[int] = deque()  # pack numbers, next to leave first
        self.later: list[tuple[float, int]] = []
        self.due = 0  # messages in ready packs
        self.open = 0  # messages in open releases
        self.open_on: dict[str, int] = {}  # the same by route
        self.calls: dict[str, int] = {}  # route -> calls in progress

    @property
    def empty(self) -> bool:
        """Nothing waits and nothing is open."""
        return not (self.ready or self.later or self.open or self.calls)

    def more_calls(self, route: str, more: int) -> None:
        """Note that *more* calls over *route* are in progress."""
        on = self.calls[route] = self.calls.get(route, 0) + more
        if on <= 0:
            del self.calls[route]

    def more_open(self, route: str, more: int) -> None:
        """Note that *more* messages are on the way over *route*."""
        self.open += more
        on = self.open_on[route] = self.open_on.get(route, 0) + more
        if on == 0:
            del self.open_on[route]


class Partition:
    """The state of one partition of the recipients plane."""

    def __init__(self, number: int, load_rows: RowSource) -> None:
        self.number = number
        self.marks = Marks()
        self.packs: dict[int, WaitingPack] = {}
        self.releases: dict[int, OpenRelease] = {}
        self.queues: dict[ClassKey, ClassQueue] = {}
        self.unknowns: dict[int, HeldUnknown] = {}  # held, the oldest first
        self.awaiting = Awaiting()
        self.counters: dict[str, dict[str, int]] = {}
        self.changed: set[ClassKey] = set()  # since the last snapshot
        self.recounted: set[str] = set()  # campaigns counted since the last snapshot
        self.answered: dict[str, int] = {}  # route -> messages answered since this process owns the partition
        self.health = RouteCounts()  # what became of messages since this process owns the partition
        self.standing: dict[str, Standing] = {}  # campaign -> credit, in memory only: lost, it is given again
        self.wasted: deque[Wasted] = deque(maxlen=KEPT_WASTED)  # in memory only: lost, it is not given back
        self.suppressions = 0  # suppressions added since this process owns the partition
        self.checked: dict[int, int] = {}  # pack -> value of *suppressions* when the gate passed it
        self._open_of: dict[int, int] = {}  # pack -> open releases
        self._rows: dict[int, list[Outgoing]] = {}  # of packs with open releases
        self._added: dict[int, list[Outgoing]] = {}  # of packs of this step: the table has them once it is written
        self._later: list[tuple[float, ClassKey]] = []  # when packs of a class become due next, as *_next* says
        self._next: dict[ClassKey, float] = {}
        self._taken = 0  # packs that this step has taken of, or put back
        self._written = 0  # bytes of them, and of the releases that it opened
        self._load_rows = load_rows

    def restore(
        self,
        marks: Marks | None,
        packs: Iterable[tuple[int, WaitingPack]],
        releases: Iterable[tuple[int, OpenRelease]],
        counters: Iterable[tuple[str, dict[str, int]]],
        unknowns: Iterable[tuple[int, HeldUnknown]] = (),
        awaited: Iterable[tuple[int, Awaited]] = (),
    ) -> None:
        """Take over what the table holds. Every class counts as changed."""
        if marks is not None:
            self.marks = marks
        names: dict[str, str] = {}
        for number, pack in packs:
            # The same few names in every pack: kept once, a million packs are half as large.
            pack.account = names.setdefault(pack.account, pack.account)
            pack.campaign = names.setdefault(pack.campaign, pack.campaign)
            pack.lane = names.setdefault(pack.lane, pack.lane)
            pack.group = names.setdefault(pack.group, pack.group)
            pack.zone = names.setdefault(pack.zone, pack.zone)
            pack.tier = names.setdefault(pack.tier, pack.tier)
            pack.channel = names.setdefault(pack.channel, pack.channel)
            pack.sender = names.setdefault(pack.sender, pack.sender)
            self.packs[number] = pack
            if pack.cursor < pack.count:
                self._enqueue(number, pack)
        for number, release in releases:
            self.releases[number] = release
            self._opened(release)
        self.unknowns = dict(unknowns)
        for number, each in awaited:
            each.campaign = names.setdefault(each.campaign, each.campaign)
            self._note_calls(each, self.awaiting.put(number, each))
        self.counters = {campaign: dict(counts) for campaign, counts in counters}
        self.recounted.update(self.counters)

    # -- waiting ---------------------------------------------------------------------------

    def add(self, writes: Writes, pack: WaitingPack, rows: list[Outgoing], *, checked: bool = False) -> int:
        """Let *rows* wait as *pack*; its number. *checked*: no suppression that is known now forbids them."""
        number = self.marks.next_pack
        self.marks.next_pack += 1
        self.packs[number] = pack
        if checked:
            self.checked[number] = self.suppressions
        self._added[number] = rows
        self._enqueue(number, pack)
        writes.pack(number, pack)
        writes.rows(number, rows)
        return number

    def keep(self, writes: Writes, rows: list[Outgoing]) -> int:
        """Store *rows* that do not wait, as those of a pack; their number."""
        number = self.marks.next_pack
        self.marks.next_pack += 1
        self._added[number] = rows
        writes.rows(number, rows)
        return number

    def _enqueue(self, number: int, pack: WaitingPack) -> None:
        queue = self.queue(pack.key)
        heapq.heappush(queue.later, (pack.due, number))
        self.changed.add(pack.key)
        self._look_at(pack.key, pack.due)

    def _look_at(self, key: ClassKey, due: float) -> None:
        """Look at a class at the moment *due*, unless it is looked at before."""
        if due < self._next.get(key, float("inf")):
            self._next[key] = due
            heapq.heappush(self._later, (due, key))

    def queue(self, key: ClassKey) -> ClassQueue:
        """The queue of a class, made on first use."""
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = ClassQueue()
        return queue

    def advance(self, now: float) -> float:
        """Make ready what is due at *now*; the moment to look again (0: nothing waits for a time).

        Called often: it costs what becomes due, not what waits. Of very much that is due at once, after an outage
        or a start, it takes a part, and the rest the next time.
        """
        most = MOST_READY
        while self._later and self._later[0][0] <= now and most > 0:
            due, key = heapq.heappop(self._later)
            if self._next.get(key) != due:
                continue  # it was looked at before
            del self._next[key]
            queue = self.queues.get(key)
            if queue is not None:
                most -= self._make_ready(key, queue, now, most)
                if queue.later:
                    self._look_at(key, queue.later[0][0])
        return self._later[0][0] if self._later else 0.0

    def advance_class(self, key: ClassKey, now: float) -> None:
        """Make ready what is due of one class."""
        queue = self.queues.get(key)
        if queue is not None:
            self._make_ready(key, queue, now, MOST_READY)

    def _make_ready(self, key: ClassKey, queue: ClassQueue, now: float, most: int) -> int:
        """Make up to *most* packs of the class ready that are due; how many it were."""
        done = 0
        while queue.later and queue.later[0][0] <= now and done < most:
            _, number = heapq.heappop(queue.later)
            done += 1
            pack = self.packs.get(number)
            if pack is not None:
                queue.ready.append(number)
                queue.due += pack.count - pack.cursor
                self.changed.add(key)
        return done

    def take(
        self, writes: Writes, key: ClassKey, wanted: int, opening: Callable[[WaitingPack], float]
    ) -> Iterator[tuple[int, WaitingPack, int, int]]:
        """Slices (pack number, pack, start, stop) of at most SLICE rows, *wanted* rows in all.

        The cursor of a pack moves as its slice is handed out. A pack that must not leave now waits again, for
        its *opening* (0: now). What one step cannot take is left for later credit.
        """
        queue = self.queues.get(key)
        while (
            queue is not None
            and wanted > 0
            and queue.ready
            and self._taken < MOST_TAKEN
            and self._written < MOST_WRITTEN
        ):
            number = queue.ready[0]
            pack = self.packs.get(number)
            if pack is None or pack.cursor >= pack.count:
                queue.ready.popleft()
                continue
            self._taken += 1
            self._written += len(encode(pack)) + RECORD
            due = opening(pack)
            if due:
                queue.ready.popleft()
                queue.due -= pack.count - pack.cursor
                pack.due = due
                self._enqueue(number, pack)
                writes.pack(number, pack)
                continue
            start = pack.cursor
            stop = min(pack.count, start + min(SLICE, wanted))
            pack.cursor = stop
            queue.due -= stop - start
            wanted -= stop - start
            self.changed.add(key)
            if stop == pack.count:
                queue.ready.popleft()
            yield number, pack, start, stop

    def note(self, writes: Writes, message: bytes, state: MessageState) -> None:
        """Write down all that is known of a message, in a step that may have many of them: it takes no more then."""
        self._written += len(encode(state)) + RECORD
        writes.message(message, state)

    @property
    def written(self) -> int:
        """Bytes that this step has noted so far."""
        return self._written

    def wrote(self, size: int) -> None:
        """Note that this step writes *size* bytes besides packs and releases."""
        self._written += size

    def rows_of(self, number: int) -> list[Outgoing]:
        """The rows of a waiting pack; kept in memory while it has open releases."""
        rows = self._rows.get(number)
        if rows is None:
            rows = self._added.get(number) or self._load_rows(number)
            if number in self._open_of:
                self._rows[number] = rows
        return rows

    # -- releases --------------------------------------------------------------------------

    def open(self, writes: Writes, release: OpenRelease) -> int:
        """Open *release*; its number."""
        number = self.marks.next_release
        self.marks.next_release += 1
        self.releases[number] = release
        self._opened(release)
        self._written += len(encode(release)) + RECORD
        writes.release(number, release)
        return number

    def _opened(self, release: OpenRelease) -> None:
        self._open_of[release.pack] = self._open_of.get(release.pack, 0) + 1
        self.queue(release.key).more_open(release.route, release.size)
        self.changed.add(release.key)

    def close(self, writes: Writes, number: int) -> None:
        """Close a release; a pack that is used up goes with its last one."""
        release = self.releases.pop(number)
        writes.release(number, None)
        self.queue(release.key).more_open(release.route, -release.size)
        self.changed.add(release.key)
        left = self._open_of[release.pack] - 1
        if left:
            self._open_of[release.pack] = left
        else:
            del self._open_of[release.pack]
            self._rows.pop(release.pack, None)
        self.forget_if_used_up(writes, release.pack)

    def forget_if_used_up(self, writes: Writes, number: int) -> None:
        """Remove a pack of which nothing waits and nothing is open."""
        pack = self.packs.get(number)
        if pack is not None and pack.cursor >= pack.count and number not in self._open_of:
            del self.packs[number]
            self.checked.pop(number, None)
            writes.pack(number, None)
            writes.rows(number, None)

    def leaving(self, campaigns: Container[str]) -> Iterator[int]:
        """The packs of *campaigns* of which rows wait: each is to be withdrawn before the next is asked for.

        It costs what waits of them, not of others.
        """
        for queue in [queue for key, queue in self.queues.items() if key.campaign in campaigns]:
            while queue.ready or queue.later:
                number = queue.ready[0] if queue.ready else queue.later[-1][1]
                pack = self.packs.get(number)
                if pack is not None and pack.cursor < pack.count:
                    yield number
                if queue.ready and queue.ready[0] == number:
                    queue.ready.popleft()
                elif queue.later and queue.later[-1][1] == number:
                    queue.later.pop()  # the last of a heap: the others stay in order

    def withdraw(self, number: int) -> tuple[int, int]:
        """Take every waiting row of a pack out of its queue: the rows [start, stop) it still had."""
        pack = self.packs[number]
        start, stop = pack.cursor, pack.count
        queue = self.queue(pack.key)
        if number in queue.ready:
            queue.ready.remove(number)
            queue.due -= stop - start
        pack.cursor = stop
        self.changed.add(pack.key)
        return start, stop

    # -- awaiting --------------------------------------------------------------------------

    def wait_for_news(self, writes: Writes, awaited: Awaited, rows: list[Outgoing]) -> int:
        """Await news of *rows*, all of which have a place in *awaited*; the number of the pack."""
        awaited.rows = self.keep(writes, rows)
        number = self.marks.next_awaited
        self.marks.next_awaited += 1
        self._note_calls(awaited, self.awaiting.put(number, awaited))
        writes.awaited(number, awaited)
        return number

    def no_longer_awaited(self, writes: Writes, number: int, places: Container[int]) -> None:
        """Take these places out of the pack *number*, which goes with its last one."""
        whole = self.awaiting.packs[number]
        left = msgspec.structs.replace(whole, places=bytes([each for each in whole.places if each not in places]))
        if left.places:
            self._note_calls(left, self.awaiting.put(number, left))
            writes.awaited(number, left)
        else:
            self._note_calls(whole, -self.awaiting.remove(number))
            writes.awaited(number, None)
            writes.rows(whole.rows, None)

    def end_calls(self, now: float) -> None:
        """Calls that are over for certain are in progress no longer."""
        for number, calls in self.awaiting.ended(now):
            self._note_calls(self.awaiting.packs[number], -calls)

    def _note_calls(self, awaited: Awaited, more: int) -> None:
        if more:
            key = class_of(awaited)
            self.queue(key).more_calls(awaited.route, more)
            self.changed.add(key)

    # -- telling ---------------------------------------------------------------------------

    def tell(self, writes: Writes, events: Iterable[EventPack]) -> list[int]:
        """End a step: put *events* into the outbox, in the batch of the state they tell of; their numbers."""
        self._added.clear()
        self._taken = self._written = 0
        numbers = []
        for event in events:
            writes.event(self.marks.next_event, event)
            numbers.append(self.marks.next_event)
            self.marks.next_event += 1
        writes.marks(self.marks)
        return numbers

    # -- counting --------------------------------------------------------------------------

    def count(self, writes: Writes, campaign: str, counts: dict[str, int]) -> None:
        """Add *counts* to the monotone counters of *campaign*."""
        if not any(counts.values()):
            return
        total = self.counters.setdefault(campaign, {})
        for name, n in counts.items():
            if n:
                total[name] = total.get(name, 0) + n
        self.recounted.add(campaign)
        writes.counters(campaign, total)

    def demand_of(self, key: ClassKey) -> ClassDemand:
        """The class as pacing hears of it."""
        queue = self.queues.get(key)
        if queue is None:
            return ClassDemand(
                key.campaign, key.lane, key.group, 0, 0.0, 0, key.tier, key.retry, key.pin,
                channel=key.channel, parts=key.parts, sender=key.sender,
            )  # fmt: skip
        while queue.later and queue.later[0][1] not in self.packs:
            heapq.heappop(queue.later)
        next_due = queue.later[0][0] if queue.later else 0.0
        return ClassDemand(
            key.campaign, key.lane, key.group, queue.due, next_due, queue.open, key.tier, key.retry, key.pin,
            dict(queue.open_on), key.channel, key.parts, key.sender, dict(queue.calls),
        )  # fmt: skip

    def wasted_since(self, since: float) -> list[tuple[int, int, int]]:
        """(slip number, index of a grant, messages not taken) of slips applied from *since* on."""
        return [each[:3] for each in self.wasted if each.at >= since]

    def drop_empty_queues(self, keys: Iterable[ClassKey]) -> None:
        """Forget those of these classes in which nothing waits and nothing is open."""
        for key in keys:
            queue = self.queues.get(key)
            if queue is not None and queue.empty:
                del self.queues[key]
