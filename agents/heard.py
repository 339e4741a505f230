"""What one step over reports asks about messages of which news is awaited, and what it lets follow for them."""

import random
from collections.abc import Callable, Iterable, Mapping

from agents.onward import Onwards
from app.delivery.fallbacks.awaited import Place
from app.delivery.fallbacks.news import Verdict, follows, leave, lies_at, verdict_on
from app.delivery.fallbacks.onward import NOWHERE, Onward
from app.delivery.partition import Partition
from app.delivery.partition_records import MessageState
from app.delivery.release import ROW_BYTES
from app.delivery.reports.kinds import ReportKind
from app.delivery.reports.moves import KINDS
from app.delivery.reports.plan import Plan
from app.delivery.retries import Again, RetryRules
from app.records import Outgoing, Told
from app.topics import PHONES
from tables.recipients import Batch

MOST_BYTES = 100_000  # of rows in one step, and one more, which may have 64,000


class Heard:
    """Of one partition, in one step at *now*. *rules* gives when messages of a campaign are tried again."""

    def __init__(
        self, partition: int, state: Partition, onwards: Onwards, rules: Callable[[str], RetryRules], now: float,
        dice: random.Random,
    ) -> None:  # fmt: skip
        self._partition, self._state, self._onwards, self._rules = partition, state, onwards, rules
        self._now, self._dice = now, dice.random()
        self._onward: dict[str, Onward] = {}
        self._rows: dict[int, list[Outgoing]] = {}

    async def know(self, messages: Mapping[bytes, MessageState]) -> bool:
        """Learn what is needed of the campaigns of *messages*; True where that took a while."""
        of_phones = {each.campaign for each in messages.values() if each.channel in PHONES}
        return bool(of_phones) and await self._onwards.know(of_phones)

    def may_go_on(self, held: int) -> bool:
        """Whether messages of this held unknown may go on once it is known that they went out."""
        return self.onward_of(held) is not NOWHERE

    def onward_of(self, held: int) -> Onward:
        """What to ask about messages of a held unknown."""
        unknown = self._state.unknowns[held]
        return self._of(unknown.campaign) if unknown.channel in PHONES else NOWHERE

    def beyond(self, states: Mapping[bytes, MessageState], rows: Iterable[Told], most: int) -> set[bytes]:
        """Messages whose attempt has failed, and for which this step has no room: it reads *most* packs.

        What goes on is written once more: so many bytes of rows as well.
        """
        read: set[int] = set()
        found: set[bytes] = set()
        if not self._state.awaiting.packs:
            return found
        room = MOST_BYTES
        for told in rows:
            message = states[told.message_id]
            place, kind = self.where(message), KINDS.get(told.kind, ReportKind.UNRECOGNISED)
            if place is None or verdict_on(message, told, kind) is not Verdict.FAILED:
                continue
            if room <= 0 or (place.number not in read and len(read) == most):
                found.add(told.message_id)
                continue
            read.add(place.number)
            row = self._rows_of(place.number)[place.place]
            room -= len(row.variables) + len(row.address) + ROW_BYTES
        return found

    def where(self, message: MessageState) -> Place | None:
        """Where *message* lies, if news of it is awaited."""
        return lies_at(self._state, message)

    def follows(self, place: Place, told: Told) -> Again | None:
        """What follows for the message there, once *told* says that its attempt has failed."""
        awaited = self._state.awaiting.packs[place.number]
        row, campaign = self._rows_of(place.number)[place.place], awaited.campaign
        return follows(awaited, row, told, self._of(campaign), self._rules(campaign), self._now, self._dice)

    def leave(self, batch: Batch, made: Plan) -> None:
        """Let messages go the ways that *made* has found for them."""
        for number, ways in made.ways.items():
            spec = self._of(self._state.awaiting.packs[number].campaign).spec
            rows = self._rows_of(number) if any(each is not None for each in ways.values()) else []
            reached = {each.place: channel for each, channel in made.reached.items() if each.number == number}
            leave(self._state, batch, number, ways, rows, reached, fallbacks=spec is not None and bool(spec.fallbacks))

    def _of(self, campaign: str) -> Onward:
        known = self._onward.get(campaign)
        if known is None:
            known = self._onward[campaign] = self._onwards.of(self._partition, campaign, self._now)
        return known

    def _rows_of(self, number: int) -> list[Outgoing]:
        rows = self._rows.get(number)
        if rows is None:
            rows = self._rows[number] = self._state.rows_of(self._state.awaiting.packs[number].rows)
        return rows
