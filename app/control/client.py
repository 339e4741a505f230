"""Control: publish a command, get its answer, know when it has taken effect."""

import asyncio
import secrets
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from app.commands import MOST_COMMAND_BYTES, Answer, CampaignEntry, Command
from app.control.errors import NoAnswerError, UnreachableError
from app.control.live import Picture
from app.control.tail import BEATS, Tail
from app.delivery.campaigns.answers import fingerprint as fingerprint_of
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.outcomes import REPORTED
from app.settings import Settings
from app.topics import CAMPAIGN_COMMANDED

ANSWER_SECONDS = 20.0
EFFECT_SECONDS = 5.0
BEAT_LIFE = 3.0  # a sender that has not been heard for so long starts nothing any more
HALTING = ("campaign.pause", "campaign.cancel")


@dataclass(frozen=True, slots=True)
class Done:
    """An answer. *effective*: every live sender has heard it (None: nothing to hear)."""

    answer: Answer
    effective: bool | None = None


def new_command_id() -> str:
    """An idempotency key that nobody else has."""
    return f"cli-{secrets.token_hex(12)}"


class Control:
    """One connection to an installation. Use it as an async context manager."""

    def __init__(self, settings: Settings, *, things: bool = False) -> None:
        self.settings = settings
        self.tail = Tail(settings, self._answered, things=things)
        self._waiting: dict[tuple[str, str], list[tuple[asyncio.Future[Answer], str]]] = {}  # and fingerprints
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. Raises UnreachableError."""
        await self.tail.start()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka,
            acks="all",
            enable_idempotence=True,
            max_request_size=2_097_152,
            request_timeout_ms=10_000,
        )
        try:
            await self._producer.start()
        except (KafkaError, OSError) as error:
            await self.stop()
            raise self._unreachable() from error

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()
        await self.tail.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # ---- commands ----

    async def send(self, command: Command, timeout: float = ANSWER_SECONDS) -> Done:
        """Publish *command* and wait for its answer; for pause and cancel also for the senders to hear it.

        Sending the same command again is harmless: the owner repeats its answer for 24 hours.
        Raises UnreachableError (not published) or NoAnswerError (published, may still be carried out).
        """
        answer = await self._asked(command, timeout)
        effective = None
        if command.kind in HALTING and answer.status < 300:
            effective = await self.heard_by_senders(answer.position)
        return Done(answer, effective)

    async def _asked(self, command: Command, timeout: float) -> Answer:
        key, body = (command.account, command.id), command.model_dump_json().encode()
        if len(body) > MOST_COMMAND_BYTES:  # Kafka would not take it, and could not say so in words
            error = f"a command of {len(body):,} bytes: the most is {MOST_COMMAND_BYTES:,}"
            return Answer(id=command.id, account=command.account, status=422, error=error, field="content")
        publishing = self.produce(CAMPAIGN_COMMANDED, body, key=command.account.encode())
        return await self._answer_to(key, timeout, publishing, fingerprint_of(command).hex())

    async def request(
        self, account: str, ident: str, topic: str, value: bytes, *, partition: int, timeout: float = ANSWER_SECONDS
    ) -> Answer:
        """Publish another record that is answered under *ident*. Raises as `send`."""
        return await self._answer_to((account, ident), timeout, self.produce(topic, value, partition=partition))

    async def _answer_to(
        self, key: tuple[str, str], timeout: float, publishing: Awaitable[None], fingerprint: str = ""
    ) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting = (future, fingerprint)
        self._waiting.setdefault(key, []).append(waiting)
        try:
            await publishing
            return await asyncio.wait_for(future, timeout)
        except TimeoutError as error:
            raise NoAnswerError(
                f"nobody answered within {timeout:g} s; the command may still be carried out",
                "`fanfare status` shows whether pacing and intake run; repeating it with the same --key is safe",
            ) from error
        finally:
            self._waiting[key].remove(waiting)
            if not self._waiting[key]:
                del self._waiting[key]

    def _answered(self, answer: Answer) -> None:
        for future, fingerprint in self._waiting.get((answer.account, answer.id), []):
            # Another program may ask for something else under this id, and a worker that was killed says things again.
            if not future.done() and answer.fingerprint in ("", fingerprint):
                future.set_result(answer)

    async def heard_by_senders(self, position: int, timeout: float = EFFECT_SECONDS) -> bool:
        """Wait until every sender that may still send has read campaign.changed up to *position*."""
        deadline = time.monotonic() + timeout
        try:
            async with asyncio.timeout(timeout):
                await self.tail.catch_up(BEATS)
        except TimeoutError:
            return False
        while not self._all_heard(position):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await self.tail.changed(min(left, 0.5))
        return True

    def _all_heard(self, position: int) -> bool:
        oldest = time.time() - BEAT_LIFE
        senders = [each for each in self.tail.beats.values() if "senders" in each.plane and each.at >= oldest]
        return all(each.directory >= position for each in senders)

    # ---- producing ----

    async def produce(self, topic: str, value: bytes, key: bytes | None = None, partition: int | None = None) -> None:
        """Publish one record and wait for the broker's acknowledgement. Raises UnreachableError."""
        if self._producer is None:
            raise self._unreachable()
        try:
            await asyncio.wait_for(self._producer.send_and_wait(topic, value, key=key, partition=partition), 15)
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._unreachable() from error

    # ---- what is known ----

    @property
    def campaigns(self) -> dict[str, CampaignEntry]:
        """The live campaigns: due within 24 h, running, paused, or ended under a day ago."""
        return self.tail.entries

    def picture(self, campaign: str) -> Picture:
        """The live counts of *campaign*; the final ones once it has ended."""
        entry = self.tail.entries.get(campaign)
        return self.tail.live.of(campaign) if entry is None else self.picture_of(entry)

    def picture_of(self, entry: CampaignEntry) -> Picture:
        """The counts of *entry*, which need not be live any more."""
        if entry.counters or entry.state in ENDED:
            # What providers report comes when it has ended, too.
            later = self.tail.live.of(entry.id).counts if entry.id in self.tail.entries else {}
            reported = {name: count for name, count in later.items() if name.startswith(f"{REPORTED}.")}
            return Picture(dict(entry.counters) | reported, complete=True)
        return self.tail.live.of(entry.id)

    async def changed(self, seconds: float = 1.0) -> None:
        """Return at the next news, or after *seconds*."""
        await self.tail.changed(seconds)

    def _unreachable(self) -> UnreachableError:
        return UnreachableError(
            f"Kafka does not answer at {self.settings.kafka}", "is Fanfare running? start it with `fanfare up`"
        )
