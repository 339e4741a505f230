"""Opens and clicks on their way to Kafka: those of a few milliseconds travel together, and are answered together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from zlib import crc32

from app.content.links import MessageRef
from app.control import ControlError
from app.delivery.reports.hits import Hit
from app.records import EventPack, encode
from app.topics import BULK, EMAIL, EVENT_RECORDED

log = logging.getLogger("fanfare.edge")

GATHER_SECONDS = 0.001  # hits that come within it go together; more gather while those before are on their way
ANSWER_SECONDS = 1.0  # then a person is answered, acknowledged or not
PAUSE = 1.0  # seconds between two tries while Kafka is away
LAST_SECONDS = 3.0  # for what is left when the edge stops
MOST_WAITING = 50_000  # hits; further ones are lost
MOST_IN_PACK = 500

Produce = Callable[[str, bytes, int], Awaitable[None]]  # topic, record, partition; raises ControlError


@dataclass(slots=True)
class Batch:
    """Hits that are answered together: *told* is done when Kafka has them, or when it takes too long."""

    told: asyncio.Future[None]
    # Account, campaign, kind -> the hits.
    hits: dict[tuple[str, str, str], list[tuple[MessageRef, Hit]]] = field(default_factory=dict)
    count: int = 0

    def packs(self) -> list[EventPack]:
        """The hits as event packs."""
        return [
            pack_of(account, campaign, kind, hits[start : start + MOST_IN_PACK])
            for (account, campaign, kind), hits in self.hits.items()
            for start in range(0, len(hits), MOST_IN_PACK)
        ]


class HitLog:
    """One batch gathers while the one before is on its way. Nothing overtakes: a correction comes after its hit."""

    def __init__(self, produce: Produce, partitions: int) -> None:
        self._produce = produce
        self._partitions = partitions
        self._batch: Batch | None = None
        self._waiting = 0  # hits that Kafka has not acknowledged
        self._lost = 0
        self._some = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._send_all(), name="edge-hits")

    async def stop(self) -> None:
        """Send what is left, for a few seconds at most."""
        self._stopping = True
        self._some.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=LAST_SECONDS)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._waiting:
            log.warning("%d opens and clicks are lost: Kafka did not take them before the edge stopped", self._waiting)

    def add(self, message: MessageRef, hits: list[Hit]) -> asyncio.Future[None] | None:
        """Take *hits* of *message*; what to wait for before the answer. None when there is no room: they are lost."""
        if self._waiting >= MOST_WAITING:
            self._lose(len(hits))
            return None
        batch = self._batch
        if batch is None:
            loop = asyncio.get_running_loop()
            batch = self._batch = Batch(loop.create_future())
            loop.call_later(ANSWER_SECONDS, _tell, batch.told)
            self._some.set()
        for hit in hits:
            batch.hits.setdefault((message.account, message.campaign, hit.kind), []).append((message, hit))
        batch.count += len(hits)
        self._waiting += len(hits)
        return batch.told

    async def _send_all(self) -> None:
        while self._batch is not None or not self._stopping:
            await self._some.wait()
            await asyncio.sleep(GATHER_SECONDS)
            batch, self._batch = self._batch, None
            self._some.clear()
            if batch is not None:
                try:
                    await self._send(batch)
                except Exception:
                    log.exception("%d opens and clicks are lost", batch.count)
                self._waiting -= batch.count
                _tell(batch.told)

    async def _send(self, batch: Batch) -> None:
        """Until Kafka has them: an event that is stored twice is one."""
        left = [(encode(pack), crc32(pack.campaign.encode()) % self._partitions) for pack in batch.packs()]
        while left:
            sent = await asyncio.gather(
                *(self._produce(EVENT_RECORDED, record, owner) for record, owner in left), return_exceptions=True
            )
            failed = [error for error in sent if error is not None]
            if unforeseen := [error for error in failed if not isinstance(error, ControlError)]:
                raise unforeseen[0]
            left = [pack for pack, error in zip(left, sent, strict=True) if error is not None]
            if left:
                log.warning("%d opens and clicks wait: %s", self._waiting, failed[0])
                await asyncio.sleep(PAUSE)

    def _lose(self, count: int) -> None:
        if not self._lost:
            asyncio.get_running_loop().call_later(PAUSE, self._tell_losses)
        self._lost += count

    def _tell_losses(self) -> None:
        lost, self._lost = self._lost, 0
        log.error("%d opens and clicks are lost: %d wait for Kafka already", lost, self._waiting)


def _tell(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)


def pack_of(account: str, campaign: str, kind: str, hits: list[tuple[MessageRef, Hit]]) -> EventPack:
    """Hits of one campaign and kind."""
    return EventPack(
        account, campaign, EMAIL, BULK, kind, "", "", 0, hits[0][1].at,
        b"".join([message.message_id for message, _ in hits]), b"".join([message.recipient_id for message, _ in hits]),
        times=[hit.at for _, hit in hits], classes=[hit.klass for _, hit in hits],
        details=[hit.detail for _, hit in hits],
    )  # fmt: skip
