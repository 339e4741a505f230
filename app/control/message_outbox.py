"""Single messages on their way to Kafka: what comes within moments of each other for one campaign shares a record."""

import asyncio
from dataclasses import dataclass, field

from app import ids
from app.control.client import Control
from app.control.message_packs import MOST_BYTES, MOST_ROWS, message_of, new_pack_id, pack_of, weight_of
from app.records import Recipient, encode
from app.topics import EMAIL, LISTED_TRANSACTIONAL

GATHER_SECONDS = 0.002


@dataclass(slots=True)
class _Open:
    """A pack that still takes rows, and who waits until Kafka has it."""

    account: str
    campaign: str
    day: int
    partition: int
    pack_id: bytes = field(default_factory=new_pack_id)
    rows: list[Recipient] = field(default_factory=list)
    people: set[bytes] = field(default_factory=set)
    size: int = 0
    sent: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class MessageOutbox:
    """Gathers rows of many requests. A request is answered when all packs that hold its rows are stored."""

    def __init__(self, control: Control, partitions: int) -> None:
        self._control, self._partitions = control, partitions
        self._open: dict[tuple[str, int], _Open] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(
        self, account: str, campaign: str, day: int, rows: list[Recipient], channel: str = EMAIL
    ) -> list[bytes]:
        """The id of each message, once Kafka has all of them. Raises UnreachableError."""
        messages: list[bytes] = []
        waits: list[asyncio.Future[None]] = []
        for row in rows:
            pack = self._pack_for(account, campaign, day, row)
            pack.rows.append(row)
            pack.people.add(row.recipient_id)
            pack.size += weight_of(row)
            messages.append(message_of(day, campaign, pack.pack_id, row.recipient_id, channel))
            if not waits or waits[-1] is not pack.sent:
                waits.append(pack.sent)
        for sent in waits:
            await asyncio.shield(sent)
        return messages

    def _pack_for(self, account: str, campaign: str, day: int, row: Recipient) -> _Open:
        place = (campaign, ids.partition_of(row.recipient_id, self._partitions))
        pack = self._open.get(place)
        if pack is not None and (
            len(pack.rows) == MOST_ROWS
            or pack.size + weight_of(row) > MOST_BYTES
            or row.recipient_id in pack.people  # two messages of one pack to one person would have one id
            or pack.day != day
        ):
            self._close(place, pack)
            pack = None
        if pack is None:
            pack = self._open[place] = _Open(account, campaign, day, place[1])
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._close, place, pack)
        return pack

    def _close(self, place: tuple[str, int], pack: _Open) -> None:
        if self._open.get(place) is pack:
            del self._open[place]
            task = asyncio.get_running_loop().create_task(self._send(pack))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, pack: _Open) -> None:
        record = encode(pack_of(pack.pack_id, pack.account, pack.campaign, pack.day, pack.rows))
        try:
            await self._control.produce(LISTED_TRANSACTIONAL, record, partition=pack.partition)
        except Exception as error:
            pack.sent.set_exception(error)
            pack.sent.exception()  # whoever asked may have gone
        else:
            pack.sent.set_result(None)
