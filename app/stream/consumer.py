"""The Faust consumer as we need it: safe commits, fetching that loses nothing, bulk recovery, held partitions.

Why each method differs from Faust 0.15.3 is told in docs/decisions/0001. The overrides touch private API:
the version is pinned, and the chaos tests gate every upgrade.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, Message
from mode.utils.futures import notify

from app.stream.exits import leave
from app.stream.offsets import Delivered, lost_ground
from app.stream.pack_table import PackTable

if TYPE_CHECKING:
    from app.stream.app import StreamApp

FETCH_SECONDS = 0.2  # the longest wait of one fetch: a rebalance waits for it
FETCH_WAIT_MS = 50  # the longest wait of the broker: what a partition left out of a running fetch waits for
PATIENT_WAIT_MS = 200  # the same for a fetch that leaves no partition out: idle workers ask a quarter as often
PREFETCH_SECONDS = 0.01  # how long unread records of one partition keep others from being fetched
YIELD_EVERY = 100  # records
PAUSE_SECONDS = 0.05  # after a fetch of little that is not urgent: a fetch costs a millisecond, whatever it brings
LITTLE = 100_000  # bytes


class SafeConsumer(driver.Consumer):
    """Commits only up to the first delivered offset that is not acknowledged."""

    app: "StreamApp"
    _thread: "SafeThread"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._delivered: dict[TP, Delivered] = defaultdict(Delivered)
        self._held: dict[TP, set[object]] = defaultdict(set)
        self._wanted: set[TP] = set()
        self.first_offset: dict[TP, int] = {}  # where partitions without a committed offset begin
        self._fetching = False
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return SafeThread(self, loop=self.loop, beacon=self.beacon)

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """Nothing: topics are created by `fanfare topics apply`."""

    # -- commits

    def _new_offset(self, tp: TP) -> int | None:
        index = self._acked_index[tp]
        run = self._delivered[tp].take_acked(index)
        index.difference_update(run)
        self._acked[tp][:] = index
        return run[-1] + 1 if run else None

    def _should_commit(self, tp: TP, offset: int) -> bool:  # noqa: ARG002 - Faust's signature
        return True  # offsets only move forward inside one assignment

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Nothing: gaps need no bookkeeping."""

    def unfinished(self, tp: TP) -> int:
        """How many records of *tp* were delivered and are not committed."""
        return len(self._delivered[tp]) if tp in self._delivered else 0

    def committed_offset(self, tp: TP) -> int | None:
        """The offset up to which *tp* is done: the committed one, else where reading began; None before that."""
        committed = self._committed_offset.get(tp)
        return self.first_offset.get(tp) if committed is None else committed

    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            for memory in (self._delivered, self._acked, self._acked_index):
                memory.pop(tp, None)

    def give_up(self, message: Message) -> None:
        """Take *message* out of what a rebalance waits for; it was not acknowledged and will be delivered again."""
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)

    # -- rebalances

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop the flow, drain the agents, commit, flush; only then forget."""
        self.app.on_losing()
        self._active_partitions.difference_update(revoked)
        self._paused_partitions.difference_update(revoked)
        self.stop_flow()
        self.app.flow_control.suspend()
        for lanes in self.app.lanes:
            lanes.let_go()
        await self._on_partitions_revoked(revoked)
        self._held.clear()
        self._forget(revoked)
        for tp in revoked:
            self._read_offset.pop(tp, None)
            self._committed_offset.pop(tp, None)
        self.app.on_lost()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """As Faust's; the watchdog wants to hear of it."""
        self.app.on_assigned()
        await super().on_partitions_assigned(assigned, generation_id)

    async def perform_seek(self) -> None:
        """Rewind to what is committed, once the fetch in flight has ended."""
        while self._fetching:  # noqa: ASYNC110 - set and cleared for every fetch: an event would cost more
            await asyncio.sleep(0.005)
        self._forget(list(self._delivered))
        await super().perform_seek()

    # -- backpressure

    def hold(self, tp: TP, owner: object) -> None:
        """Fetch nothing more of *tp* until *owner* releases it. What is already fetched still arrives."""
        self._held[tp].add(owner)

    def release(self, tps: Iterable[TP], owner: object) -> None:
        """Fetch *tps* again, unless another owner holds them too."""
        woken = False
        for tp in tps:
            owners = self._held.get(tp)
            if owners is None:
                continue
            owners.discard(owner)
            if not owners:
                del self._held[tp]
                if not self.app.rebalancing and tp in self._active_partitions:
                    self._wanted.add(tp)
                    woken = True
        if woken and self._fetching:
            self._thread.wake()

    # -- fetching

    async def _wait_next_records(self, timeout: float) -> Any:
        """As Faust's, but what a rebalance overtakes is dropped without a rewind.

        Faust would seek to the committed offsets now, in the middle of the drain, and so forget what is
        being drained. Every rebalance ends with a seek anyway.
        """
        records, active = await super()._wait_next_records(timeout)
        return (records if self.flow_active else None), active

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Any]]:
        """One fetch. During a rebalance changelogs only: at its end Faust clears the queues of the streams."""
        app, generation = self.app, self.app.consumer_generation_id
        rebalancing = app.rebalancing
        wanted = {
            tp
            for tp in active_partitions or ()
            if tp not in self._held and (not rebalancing or self._is_changelog_tp(tp))
        }
        if not wanted:
            await asyncio.sleep(0.01)
            return {}
        self._wanted = wanted
        self._fetching = True
        try:
            records = dict(await super()._getmany(wanted, min(timeout, FETCH_SECONDS)))
        finally:
            self._fetching = False
        if app.rebalancing or generation != app.consumer_generation_id:
            # perform_seek, which waits for us, will rewind the streams
            records = {tp: found for tp, found in records.items() if self._is_changelog_tp(tp)}
        recovering = [tp for tp in wanted if self._is_changelog_tp(tp)]
        if recovering:
            records = {tp: self._recover(tp, found) for tp, found in records.items()}
            if not any(records.values()):
                await self._skip_compacted_tail(recovering)
        return records

    def _recover(self, tp: TP, found: list[Any]) -> list[Any]:
        """Apply a whole fetch of a changelog at once; its last record takes Faust's road and wakes its end check."""
        recovery = self._recovery()
        table = recovery.tp_to_table.get(tp)
        if tp in recovery.active_tps:
            offsets = recovery.active_offsets
        elif tp in recovery.standby_tps:
            offsets = recovery.standby_offsets
        else:
            return found
        if not isinstance(table, PackTable) or not found:
            return found
        seen = offsets.get(tp)
        offsets[tp] = table.recover(tp, found, -1 if seen is None else seen)
        return found[-1:]

    async def _skip_compacted_tail(self, tps: list[TP]) -> None:
        """End the recovery of changelogs whose last records were compacted away: no record will ever say so."""
        recovery = self._recovery()
        for tp in tps:
            end, seen = recovery.active_highwaters.get(tp), recovery.active_offsets.get(tp)
            if tp in recovery.active_tps and end is not None and seen is not None and seen < end:
                position = await self._thread.position(tp)
                if position is not None and position > end:
                    recovery.active_offsets[tp] = end
        if recovery.in_recovery and not recovery.need_recovery():
            # What Faust does at the last record; without one it would look only every 5 s.
            recovery.flush_buffers()
            recovery._set_recovery_ended()
            recovery.signal_recovery_end.set()

    def _recovery(self) -> Any:
        return cast(Any, self.app.tables).recovery

    async def _deliver(self, batch: list[tuple[TP, Message]]) -> None:
        app, read_offset, acks_enabled_for = self.app, self._read_offset, self.app.topics.acks_enabled_for
        for number, (tp, message) in enumerate(batch, 1):
            if not number % YIELD_EVERY:
                await asyncio.sleep(0)
            if message.generation_id != app.consumer_generation_id:
                return
            offset = message.offset
            seen = read_offset[tp]
            if seen is not None and offset < seen:
                continue
            if self._commit_every and self._n_acked >= self._commit_every:
                self._n_acked = 0
                await self.commit()
            if acks_enabled_for(message.topic):
                self._delivered[tp].add(offset)
            await self.callback(message)
            read_offset[tp] = offset

    async def _drain_messages(self, fetcher: Any) -> None:
        """Fetch and deliver for ever. A fetch is never cancelled: its records would be gone, its position moved."""
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await asyncio.sleep(0)
                batch = [pair async for pair in self.getmany(timeout=1.0)]
                if batch:
                    await self.wait_first(self._deliver(batch), self.suspend_flow.wait())
                    if self._is_unhurried(batch):
                        await asyncio.sleep(PAUSE_SECONDS)
        except ConsumerStoppedError as exc:
            if not self.app.should_stop:
                leave("the Kafka consumer was stopped under us", exc)
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise
        except Exception as exc:
            # The loop is the worker: without it nothing moves and nobody notices.
            leave("fetching failed", exc)

    def _is_unhurried(self, batch: list[tuple[TP, Message]]) -> bool:
        """Whether more like *batch* may as well be fetched together."""
        unhurried = self.app.unhurried
        if not unhurried or any(tp.topic not in unhurried for tp, _ in batch):
            return False
        return sum(len(message.value or b"") for _, message in batch) < LITTLE


class SafeThread(driver.AIOKafkaConsumerThread):
    """The thread that runs aiokafka's consumer."""

    consumer: SafeConsumer

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:
        consumer = super()._create_consumer(loop)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # Faust fixes it at 1500
        consumer._isolation_level = "read_committed"  # a command of an aborted transaction was never given
        return consumer

    async def on_start(self) -> None:
        """Start aiokafka's consumer."""
        await super().on_start()
        self._ensure_consumer()._coordinator._coordination_task.add_done_callback(_out_of_the_group)
        fetcher = self._ensure_consumer()._fetcher
        fetcher._prefetch_timeout = PREFETCH_SECONDS
        plan = fetcher._get_actions_per_node

        def planned(assignment: Any) -> Any:
            fetcher._fetch_max_wait_ms = PATIENT_WAIT_MS if self._is_whole(fetcher, assignment) else FETCH_WAIT_MS
            return plan(assignment)

        fetcher._get_actions_per_node = planned

    def _is_whole(self, fetcher: Any, assignment: Any) -> bool:
        """Whether a fetch made now asks for every partition of a stream. Not before recovery has ended: it seeks."""
        is_changelog = self.consumer._is_changelog_tp
        return self.consumer.app.working and all(
            tp not in fetcher._records and assignment.state_value(tp).has_valid_position
            for tp in assignment.tps
            if not is_changelog(tp)
        )

    def wake(self) -> None:
        """Let the fetch that is waiting look again: a partition was released."""
        self.thread_loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        fetcher = self._ensure_consumer()._fetcher
        for waiter in list(fetcher._fetch_waiters):
            fetcher._notify(waiter)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Rewind every stream partition, also those without a committed offset (aiokafka leaves them alone)."""
        result: Mapping[TP, int] = await self.call_thread(self._rewind)
        return result

    async def _rewind(self) -> Mapping[TP, int | None]:
        consumer = self._ensure_consumer()
        tps = [tp for tp in consumer.assignment() if not self.consumer._is_changelog_tp(tp)]
        if not tps:
            return {}
        got = await consumer._coordinator.fetch_committed_offsets(tps)
        committed = {tp: got[tp].offset for tp in tps if tp in got and got[tp].offset >= 0}
        first, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        for tp, offset in committed.items():
            problem = lost_ground(offset, first[tp], ends[tp])
            if problem:
                leave(
                    f"{tp.topic}[{tp.partition}]: group {self.app.conf.id} had read up to offset {offset}, "
                    f"but {problem}. Restore the topic, or set the group's offset by hand to accept the loss."
                )
        for tp in tps:
            consumer.seek(tp, committed.get(tp, first[tp]))
        self.consumer.first_offset = {tp: first[tp] for tp in tps}
        return {tp: committed.get(tp) for tp in tps}


def _out_of_the_group(task: "asyncio.Task[None]") -> None:
    """What keeps the worker in its group has ended: aiokafka would go on without it, for ever idle."""
    failure = None if task.cancelled() else task.exception()
    if failure is not None:
        leave("this worker is no longer in its group", failure)
