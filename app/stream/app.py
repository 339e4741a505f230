"""StreamApp: a Faust app with safe commits, pack tables, lanes and crash-only errors.

app = create_app(topics.RECIPIENTS_APP, settings, worker="recipients-0", web_port=6066)
table = app.pack_table("messages")
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

import faust
import faust._cython.streams  # the pure-Python iterator acknowledges stale events: refuse to run with it
from aiokafka.structs import RecordMetadata
from faust.sensors.base import Sensor
from faust.transport.drivers import aiokafka as driver
from faust.types import TopicT

from app.settings import Settings
from app.stream.assignor import SafeAssignor
from app.stream.clock import wall_clock
from app.stream.consumer import SafeConsumer
from app.stream.crash_notes import CrashNotes
from app.stream.exits import leave
from app.stream.freeze import TICK_SECONDS, FreezeGuard, StuckGuard
from app.stream.pack_table import PackTable
from app.stream.producer import SafeProducer
from app.stream.turns import Turns
from app.stream.watchdog import Watchdog

if TYPE_CHECKING:
    from app.stream.lanes import Lanes

Hook = Callable[[], Awaitable[None]]


class SafeTransport(driver.Transport):
    """Kafka through our consumer and producer."""

    Consumer = SafeConsumer
    Producer = SafeProducer


class FatalSensor(Sensor):
    """Ends the process when any record of Faust's own cannot be sent."""

    def on_send_error(self, producer: Any, exc: BaseException, state: Any) -> None:  # noqa: ARG002 - Faust's signature
        """A send failed."""
        leave("a record could not be sent", exc)


class StreamApp(faust.App):
    """One worker of one plane."""

    consumer: SafeConsumer
    producer: SafeProducer

    def __init__(self, app_id: str, *, settings: Settings, worker: str, **options: Any) -> None:
        super().__init__(app_id, **options)
        self.settings = settings
        self.worker_name = worker
        self.partitions = settings.partitions
        self.lanes: list[Lanes] = []
        self.unhurried: frozenset[str] = frozenset()  # topics of which little is fetched only now and then
        self.turns = Turns()
        self.working = False  # partitions are assigned, recovered, and events flow
        self.state_dir = settings.state_dir / "workers" / worker
        self.crash_notes = CrashNotes(self.state_dir / "crash_notes")
        self._guard = FreezeGuard(settings.session_timeout, self.die)
        self._stuck = StuckGuard(leave)  # what is in flight may well be to blame
        self._watchdog = Watchdog(self)
        self._pack_tables: list[PackTable] = []
        self._before_start: list[Hook] = []
        self._after_stop: list[Hook] = []
        self.sensors.add(FatalSensor())
        self.task(self._keep_awake)

    # -- what planes and agents use

    def raw_topic(self, name: str) -> TopicT:
        """The topic *name* with raw bytes as key and value. It is created by `fanfare topics apply`, not by Faust."""
        return self.topic(
            name,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            partitions=self.partitions,
        )

    def pack_table(self, name: str) -> PackTable:
        """The table *name*: one a plane. Its changelog is app.topics.changelog(app id, name)."""
        table = self.Table(
            name,
            key_type=bytes,
            value_type=bytes,
            partitions=self.partitions,
            options={
                "driver": "rocksdict",
                "block_cache_size": 16 << 20,
                "write_buffer_size": 8 << 20,
                "max_open_files": 300,
                "bloom_filter_size": 10,
            },
        )
        assert isinstance(table, PackTable)
        self._pack_tables.append(table)
        return table

    async def produce(self, topic: str, partition: int | None, key: bytes | None, value: bytes) -> int:
        """Send one record and wait; returns its offset, once the broker has stored it."""
        metadata = await self.producer.enqueue(topic, partition, key, value)
        return int(metadata.offset)

    def produce_soon(
        self, topic: str, partition: int | None, key: bytes | None, value: bytes
    ) -> "asyncio.Future[RecordMetadata]":
        """Enqueue one record, in the order of the calls; the future is the acknowledgement. A failure is fatal."""
        return self.producer.enqueue(topic, partition, key, value)

    def now(self) -> float:
        """Seconds since 1970 by a clock that agrees with the broker's (checked at start)."""
        return wall_clock()

    def not_frozen(self) -> None:
        """Call right before each external call: ends the process when it has slept through its session."""
        self._guard.check()

    def die(self, why: str, exc: BaseException | None = None) -> NoReturn:
        """End the process at once with exit code 70. What is in flight is not to blame."""
        self.crash_notes.forgive()
        leave(why, exc)

    def die_of(self, why: str, exc: BaseException) -> NoReturn:
        """As die, called in a handler's task by its own failure: what this task began is to blame."""
        self.crash_notes.forgive(guilty=asyncio.current_task())
        leave(why, exc)

    def before_start(self, hook: Hook) -> None:
        """Await *hook* when the worker starts, before the first event and after the producer is up."""
        self._before_start.append(hook)

    def after_stop(self, hook: Hook) -> None:
        """Await *hook* when the worker has stopped in good order."""
        self._after_stop.append(hook)

    # -- called by our consumer

    def on_losing(self) -> None:
        """A rebalance begins to take partitions away; what runs may still finish."""
        self.working = False

    def on_lost(self) -> None:
        """Drained, committed and flushed: nothing is ours any more."""
        for table in self._pack_tables:
            table.on_lost()

    def on_assigned(self) -> None:
        """A new assignment arrived; recovery follows."""
        self._watchdog.recovery_begins()

    def on_rebalance_end(self) -> None:
        """Recovered: events flow from now on."""
        super().on_rebalance_end()
        self._watchdog.recovery_ended()
        self.working = bool(self.consumer.assignment())
        self._tell_ready()

    def _tell_ready(self) -> None:
        """Tell the log, and who waits for the file: it counts from its time on."""
        os.write(2, f"READY {self.worker_name} {time.time():.3f}\n".encode())
        path = self.settings.state_dir / "run" / f"{self.worker_name}.ready"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    # -- Faust's hooks

    async def on_start(self) -> None:
        """Start what must be up before the first event."""
        await super().on_start()
        self._stuck.start()
        self.add_future(self._watchdog.run())
        for hook in self._before_start:
            await hook()

    async def on_shutdown(self) -> None:
        """Stop what before_start has started."""
        await super().on_shutdown()
        for hook in self._after_stop:
            await hook()

    async def _stop_consumer(self) -> None:
        for lanes in self.lanes:
            lanes.let_go()
        await super()._stop_consumer()

    async def _keep_awake(self) -> None:
        while not self.should_stop:
            self._guard.tick()
            self._stuck.tick()
            await asyncio.sleep(TICK_SECONDS)
        self._stuck.stop()

    def _new_transport(self) -> SafeTransport:
        return SafeTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> SafeTransport:
        return SafeTransport(self.conf.broker_producer, self)


def create_app(app_id: str, settings: Settings, *, worker: str, web_port: int | None) -> StreamApp:
    """A worker of the plane *app_id* in the slot *worker*; no web server when *web_port* is None.

    The slot is the static member id and names the data folder: a worker restarted within the session
    timeout takes its partitions back, and the others do not notice.
    """
    web: dict[str, Any] = {"web_enabled": web_port is not None}
    if web_port is not None:
        web |= {"web_bind": settings.web_host, "web_host": settings.web_host, "web_port": web_port}
    return StreamApp(
        app_id,
        settings=settings,
        worker=worker,
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
        store="rocksdb://",
        datadir=settings.state_dir / "workers" / worker,
        autodiscover=False,
        Table=PackTable,
        PartitionAssignor=SafeAssignor,
        consumer_group_instance_id=worker,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.session_timeout / 4,
        broker_request_timeout=max(30.0, settings.session_timeout),
        broker_commit_interval=1.0,
        broker_commit_every=5_000,
        broker_max_poll_records=None,  # whole batches only: recovery counts on it (app/stream/changelog.py)
        broker_max_poll_interval=300.0,
        producer_request_timeout=60.0,
        producer_max_batch_size=1 << 20,
        producer_max_request_size=4 << 20,
        producer_compression_type="lz4",
        stream_buffer_maxsize=512,
        stream_wait_empty=True,
        table_standby_replicas=0,
        topic_partitions=settings.partitions,
        topic_disable_leader=True,
        worker_redirect_stdouts=False,
        web_tables_enabled=False,
        web_router_enabled=False,
        **web,
    )
