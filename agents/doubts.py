"""Whether hard bounces are too many to be true, by partition and route; the operator is told when they are."""

from collections import Counter
from collections.abc import Iterable

from agents.recipients import Recipients
from app import topics
from app.delivery.campaigns.notice_ids import notice_id
from app.delivery.reports.brake import WINDOW, Brake
from app.delivery.reports.suppress import Suppress, is_bounce
from app.routes import Notice
from app.things import ThingRecord
from tables.reports import brake_item, brakes_of


class Doubts:
    """What the partitions of a worker were told of late. It is stored with what it was told: `items` of each batch.

    A kill between a note and its batch may have it noted twice: then people rest who would have been believed.
    """

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients
        self._brakes: dict[int, Brake] = {}
        self._told: dict[str, float] = {}  # route -> the hour in which a notice told of it

    def clear(self) -> None:
        """Forget all that is not stored."""
        self._brakes.clear()

    def items(self, partition: int, now: float) -> list[tuple[bytes, bytes | None]]:
        """What has changed since this was asked last, for the batch that is written next."""
        brake, answered = self._of(partition)
        return [brake_item(route, kept) for route, kept in brake.changes(answered, now).items()]

    def of(
        self, partition: int, suppress: Iterable[Suppress], now: float, answers: int = 0, reached: Iterable[str] = ()
    ) -> frozenset[str]:
        """Routes whose hard bounces would be too many to be true with *suppress*.

        *answers* are messages that their route has answered and that are not settled yet; over the routes *reached*
        somebody was delivered to, as is told together with that.
        """
        gone = _gone(suppress)
        if not gone:
            return frozenset()
        brake, answered = self._of(partition)
        others = Counter(reached)
        return frozenset(
            route
            for route, count in gone.items()
            if brake.doubts(route, count, answered.get(route, 0) + answers, now, others[route])
        )

    def note(self, partition: int, suppress: Iterable[Suppress], reached: Iterable[str], now: float) -> None:
        """Remember who was told to be gone, and the routes over which somebody was *reached*."""
        brake, answered = self._of(partition)
        gone, others = _gone(suppress), Counter(reached)
        for route in gone.keys() | others.keys():
            brake.note(route, gone[route], others[route], answered.get(route, 0), now)

    async def tell(self, routes: Iterable[str], now: float) -> None:
        """A notice for each of *routes*, once an hour: all partitions tell it under one id."""
        hour = now // WINDOW * WINDOW
        for route in routes:
            if self._told.get(route) == hour:
                continue
            self._told[route] = hour
            text = (
                f"hard bounces of the route {route} are too many to be true: whoever bounces rests for a week, and is "
                "not suppressed for good. See what the provider says of the account"
            )
            notice = Notice(
                id=notice_id(hour, "doubted", route), at=now, kind="bounces", level="alert", route=route, reason=text
            )
            body = notice.model_dump(mode="json")
            record = ThingRecord(kind="notice", account="", id=notice.id, version=1, at=now, body=body)
            value = record.model_dump_json().encode()
            await self._recipients.app.produce(topics.THING_RECORDED, None, notice.id.encode(), value)

    def _of(self, partition: int) -> tuple[Brake, dict[str, int]]:
        answered = self._recipients.partitions[partition].answered
        brake = self._brakes.get(partition)
        if brake is None:
            kept = brakes_of(self._recipients.table, partition)
            brake = self._brakes[partition] = Brake(kept, answered)
        return brake, answered


def _gone(suppress: Iterable[Suppress]) -> Counter[str]:
    return Counter(each.route for each in suppress if is_bounce(each))
