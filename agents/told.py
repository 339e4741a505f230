"""What providers report, applied to messages: suppressions first, then state, counts and events in one batch.

A report may overtake the answer of its attempt: it waits here until that is settled, for an hour.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, islice

import msgspec

from agents.accounts import Accounts
from agents.barring import bar
from agents.doubts import Doubts
from agents.heard import Heard
from agents.recipients import Recipients
from app import topics
from app.bounces.refusals import suppressions_of
from app.delivery.events import of_decision
from app.delivery.outcomes import Status
from app.delivery.partition_records import MessageState, OpenRelease
from app.delivery.reports.counts import counted, heard_counts
from app.delivery.reports.events import of_reports
from app.delivery.reports.kinds import RANK, STATUS_TOLD, ReportKind
from app.delivery.reports.moves import KINDS
from app.delivery.reports.plan import Held, Plan, needs_softs, plan
from app.delivery.reports.refs import WAITS_FOR, Waiting
from app.delivery.reports.suppress import Suppress, rested, soft_keys
from app.delivery.reports.ways import Way, as_of, way_of
from app.delivery.unknown import End, decide
from app.faults import reached
from app.records import DeliveryReport, EventPack, Outcome, Outgoing, Told, encode
from app.stream.dead_letters import DeadLetters
from app.stream.exits import Abandoned
from tables.recipients import FRAMING, Batch
from tables.reports import (
    EARLY,
    early_ones,
    soft_item,
    softs_of,
    states_and_size,
    states_of,
    waiting_item,
    waiting_of,
)

MOST_IN_STEP = 1_000  # reports
MOST_WITH_OTHERS = 200  # where messages are among them with which more than their state is written
MOST_BYTES = 400_000  # of what a step writes, with room for its marks: a batch has 512 KB
MOST_BESIDE_DECISIONS = 150_000  # of these, where held unknowns are decided in the same batch
A_COUNTER = 60  # bytes that a name may add to the counters of a campaign
MOST_DECIDED = 20  # held unknowns that one step decides
A_BRAKE = 200  # bytes that the brake of a route takes
MOST_EARLY_OF_ONE = 20  # reports of one message that wait
MOST_EARLY = 100_000  # messages of a partition with reports that wait: further ones are set aside at once
LOOKED_AT = 500  # messages with early reports in one look
ANY = ""  # group of what is counted of a route whatever its groups
FOREIGN = "the message is of an account that does not send over this route"
NOBODY = "no message has this id: it was never sent, or more than 30 days ago"


class Reporting:
    """Applies reports. *check* in each call raises Abandoned when the partition is no longer ours."""

    def __init__(
        self, recipients: Recipients, accounts: Accounts, dead: DeadLetters, heard: Callable[[int, float], Heard],
        serves: Callable[[str, str], bool] = lambda _route, _account: True,
        channel_of: Callable[[str], str] = lambda _route: "",
    ) -> None:  # fmt: skip
        """*heard* makes, for a step on a partition at a moment, what is asked about messages that may go on.

        *serves* tells whether a route is there for an account: who signs for one may tell nothing of others.
        *channel_of* gives the channel of a route, "" where it is not known.
        """
        self._recipients, self._accounts, self._dead = recipients, accounts, dead
        self._heard, self._serves, self._channel_of = heard, serves, channel_of
        self._generation = -1
        self._held: dict[int, Held] = {}
        self._doubts = Doubts(recipients)
        self._early: dict[int, dict[bytes, None]] = {}  # partition -> messages, next to be looked at first

    async def take(self, partition: int, report: DeliveryReport, check: Callable[[], None]) -> None:
        """Apply all of *report*, some at a time. A repeat changes nothing."""
        left = [Waiting(report.at, report.route, report.source, told) for told in report.told]
        health = self._recipients.partitions[partition].health
        health.told(report.route, ANY, heard_counts(report.told, report.source, report.at))
        while left:
            part, left = left[:MOST_IN_STEP], left[MOST_IN_STEP:]
            left = await self._apply(partition, partial(list, part), (), check) + left

    async def look_at_early(self, now: float) -> None:
        """Apply early reports whose attempt is settled by now; set aside those that have waited for an hour."""
        self._begin()
        for partition in list(self._recipients.partitions):
            early = self._early_of(partition)
            looked = [message for message, _ in zip(early, range(LOOKED_AT), strict=False)]
            for message in looked:
                early[message] = early.pop(message)  # behind the others
            if looked:
                await self._look(partition, looked, now)

    async def _look(self, partition: int, messages: Sequence[bytes], now: float) -> None:
        table, generation = self._recipients.table, self._recipients.generation
        waiting = waiting_of(table, partition, EARLY, messages)
        states = states_of(table, partition, messages)
        ready, gone = list[bytes](), list[bytes]()
        for message in messages:
            rows, state = waiting.get(message, []), states.get(message)
            old = not rows or min(each.at for each in rows) < now - WAITS_FOR
            if state is not None and state.recipient and (old or not any(_is_early(each.told, state) for each in rows)):
                ready.append(message)
            elif old:
                gone.append(message)

        def check() -> None:
            if generation != self._recipients.generation or not table.owns(partition):
                raise Abandoned

        def rows_now(part: Sequence[bytes]) -> list[Waiting]:
            found = waiting_of(table, partition, EARLY, part)
            return [each for message in part for each in found.get(message, [])]

        for message in gone:
            aside = waiting.get(message, [])
            for each in aside:
                await self._set_aside(partition, each, NOBODY)
            check()
            # Another one may have come meanwhile.
            left = [each for each in rows_now([message]) if each not in aside]
            batch = Batch()
            batch.also([waiting_item(EARLY, message, left)])
            if not left:
                self._early_of(partition).pop(message, None)
            await self._recipients.commit(partition, batch)
        for start in range(0, len(ready), MOST_DECIDED):
            part = ready[start : start + MOST_DECIDED]
            await self._apply(partition, partial(rows_now, part), part, check)

    async def _apply(
        self, partition: int, rows_of: Callable[[], list[Waiting]], early: Sequence[bytes], check: Callable[[], None]
    ) -> list[Waiting]:
        """One step over the reports that *rows_of* gives; those for which it has no room.

        *early* are messages whose reports have waited: no longer.
        """
        suppressed: set[Suppress] = set()
        doubted: frozenset[str] | None = None  # routes whose hard bounces are too many to be true; decided once
        most = MOST_IN_STEP
        while True:
            check()
            self._begin()
            table, now, batch = self._recipients.table, self._recipients.app.now(), Batch()
            rows = rows_of()
            rows, left = rows[:most], rows[most:]
            known, size = states_and_size(table, partition, list({each.told.message_id: None for each in rows}))
            if most > MOST_WITH_OTHERS and any(map(_is_with_others, known.values())):
                most = MOST_WITH_OTHERS
                continue
            now_known, too_early, foreign = self._parted(rows, known, bool(early))
            heard = self._heard(partition, now)
            if await heard.know(known):
                continue
            decisions, later = self._decisions(partition, [each.told for each in now_known], known)
            going_on = {n: own for n, own in decisions.items() if heard.may_go_on(n)}
            if going_on:  # first they are awaited like others, then the reports tell what became of them
                events = self._decide(partition, batch, going_on, now_known, now, heard)
                await self._recipients.commit(partition, batch, events)
                reached("report.awaited")
                continue
            later |= heard.beyond(known, [each.told for each in now_known], MOST_DECIDED)
            if later:
                left += [each for each in now_known if each.told.message_id in later]
                now_known = [each for each in now_known if each.told.message_id not in later]
            told = [each.told for each in now_known]
            earlier = self._earlier(now_known, known)
            keys = chain.from_iterable(
                soft_keys(as_of(known[each.message_id], earlier.get(row)))
                for row, each in enumerate(told)
                if needs_softs(each)
            )
            softs = softs_of(table, partition, keys)
            made = plan(told, known, softs, self._accounts.suppresses_everywhere, heard, earlier)
            delivered = [state.route for state, _, move in made.moves if move.kind is ReportKind.DELIVERED]
            if doubted is None:
                doubted = self._doubts.of(partition, made.suppress, now, 0, delivered)
                if doubted:
                    await self._doubts.tell(doubted, now)
                    continue
            reports = of_reports(made.reported, now_known[0].source) if now_known else []
            waiting, aside = self._kept(partition, too_early, now)
            size += self._size(partition, made, reports, waiting)
            if size > (MOST_BESIDE_DECISIONS if decisions else MOST_BYTES) and len(rows) > 1:
                most = len(rows) // 2
                continue
            made.suppress = [rested(each, doubted) for each in made.suppress]
            missing = set(made.suppress) - suppressed
            if missing:
                # Before the batch: a kill between suppresses once more, and forgets nobody.
                await bar(self._recipients.app, partition, missing, now_known[0].source)
                reached("report.suppressed")
                suppressed |= missing
                continue
            events = self._decide(partition, batch, decisions, now_known, now, heard)
            heard.leave(batch, made)
            for message, state in made.states.items():
                batch.message(message, state)
            batch.also([soft_item(key, days) for key, days in made.softs.items()])
            for campaign, counts in made.counts.items():
                self._recipients.partitions[partition].count(batch, campaign, counts)
            self._count(partition, made, now)
            self._doubts.note(partition, made.suppress, delivered, now)
            batch.also(self._doubts.items(partition, now))
            batch.also([waiting_item(EARLY, message, own) for message, own in waiting.items()])
            self._early_of(partition).update(dict.fromkeys(waiting))
            beyond = {each.told.message_id for each in left}
            for message in early:
                if message not in beyond and message not in waiting:
                    batch.also([waiting_item(EARLY, message, [])])
                    self._early_of(partition).pop(message, None)
            events += reports
            break
        if events or batch.items:
            await self._recipients.commit(partition, batch, events)
            reached("report.written")
        for each in foreign:
            await self._set_aside(partition, each, FOREIGN)
        for each in aside:
            await self._set_aside(partition, each, f"more than {MOST_EARLY:,} messages with reports that come early")
        return left

    def _parted(
        self, rows: Iterable[Waiting], known: Mapping[bytes, MessageState], waited: bool
    ) -> tuple[list[Waiting], list[Waiting], list[Waiting]]:
        """(what can be applied, what comes too early, what another account tells) of *rows*, of messages in *known*.

        *waited*: they have waited long enough for the attempt of which they tell.
        """
        now_known, too_early, foreign = list[Waiting](), list[Waiting](), list[Waiting]()
        for each in rows:
            state = known.get(each.told.message_id)
            if state is not None and state.route != each.route and not self._serves(each.route, state.account):
                foreign.append(each)
            elif state is not None and state.recipient and (waited or not _is_early(each.told, state)):
                now_known.append(each)
            else:
                too_early.append(each)
        return now_known, too_early, foreign

    def _earlier(self, rows: Sequence[Waiting], known: Mapping[bytes, MessageState]) -> dict[int, Way]:
        """Place in *rows* -> the way of the attempt that the report is about, where a later one went another way."""
        found: dict[int, Way] = {}
        for row, each in enumerate(rows):
            state = known[each.told.message_id]
            if each.route != state.route:
                way = way_of(state, each.told, each.route, self._channel_of(each.route))
                if way is not None:
                    found[row] = way
        return found

    def _size(
        self, partition: int, made: Plan, reports: Iterable[EventPack], waiting: Mapping[bytes, list[Waiting]]
    ) -> int:
        """Bytes that a step writes besides the values of states as they were."""
        counters = self._recipients.partitions[partition].counters
        size = FRAMING * (2 * len(made.states) + 3 * len(made.softs) + 10)
        size += sum(len(encode(each)) + 2 * FRAMING for each in reports)
        size += sum(len(waiting_item(EARLY, message, own)[1] or b"") + 2 * FRAMING for message, own in waiting.items())
        for campaign, counts in made.counts.items():
            names = len(counters.get(campaign, ())) + len(counts)
            size += A_COUNTER * names + len(campaign.encode()) + FRAMING
        return size + A_BRAKE * len({state.route for state, _, _ in made.moves})

    def _count(self, partition: int, made: Plan, now: float) -> None:
        """Let pacing know what became of messages on their routes."""
        names: dict[tuple[str, str], list[str]] = {}
        signals: dict[tuple[str, str], list[str]] = {}
        for state, told, move in made.moves:
            own, signal = counted(state, told, move, now)
            pair = state.route, state.group
            if own:
                names.setdefault(pair, []).extend(own)
            if signal:
                signals.setdefault(pair, []).append(signal)
        health = self._recipients.partitions[partition].health
        for pair, own in names.items():
            health.told(*pair, Counter(own), Counter(signals.get(pair, ())))

    # -- held unknowns

    def _decisions(
        self, partition: int, rows: Iterable[Told], known: dict[bytes, MessageState]
    ) -> tuple[dict[int, list[bytes]], set[bytes]]:
        """(held unknowns that *rows* decide, messages of others for which this step has no room).

        Who is reported on went out: in *known* they are sent from now on.
        """
        if not self._recipients.partitions[partition].unknowns:
            return {}, set()
        lost = {
            each.message_id: None
            for each in rows
            if (state := known[each.message_id]).status is Status.UNKNOWN and _decides(each, state)
        }
        if not lost:
            return {}, set()
        held = self._held.setdefault(partition, Held())
        found = held.find(self._recipients.partitions[partition].unknowns, lost)
        decided = dict(islice(found.items(), MOST_DECIDED))
        for message in chain.from_iterable(decided.values()):
            known[message] = msgspec.structs.replace(known[message], status=Status.SENT)
        return decided, {message for number in found if number not in decided for message in found[number]}

    def _decide(
        self, partition: int, batch: Batch, decisions: dict[int, list[bytes]], rows: Sequence[Waiting], now: float,
        heard: Heard,
    ) -> list[EventPack]:  # fmt: skip
        state = self._recipients.partitions[partition]
        why = f"told by {rows[0].source}" if rows else ""
        return [
            of_decision(decide(state, batch, number, End.SENT, why, now, messages, heard.onward_of(number)), now)
            for number, messages in decisions.items()
        ]

    # -- answers that refuse

    async def refused(
        self, partition: int, release: OpenRelease, answers: Sequence[tuple[Outgoing, Outcome]], now: float
    ) -> None:
        """Suppress whom the *answers* to *release* say to be nobody. Before they are settled; twice does no harm.

        `brakes` are for the batch that settles them.
        """
        everywhere = self._accounts.suppresses_everywhere(release.account)
        found = suppressions_of(release, answers, everywhere=everywhere)
        if not found:
            return
        self._begin()
        doubted = self._doubts.of(partition, found, now, len(answers))
        self._doubts.note(partition, found, (), now)
        await self._doubts.tell(doubted, now)
        await bar(self._recipients.app, partition, [rested(each, doubted) for each in found], release.route)

    def brakes(self, partition: int, now: float) -> list[tuple[bytes, bytes | None]]:
        """What the brake on hard bounces has to remember, to be written with what it was told."""
        self._begin()
        return self._doubts.items(partition, now)

    # -- early reports

    def _kept(
        self, partition: int, rows: Sequence[Waiting], now: float
    ) -> tuple[dict[bytes, list[Waiting]], list[Waiting]]:
        """(what waits of each message that *rows* are of, those for which there is no room)."""
        if not rows:
            return {}, []
        early = self._early_of(partition)
        messages = list(dict.fromkeys(each.told.message_id for each in rows))
        waiting = waiting_of(self._recipients.table, partition, EARLY, messages)
        aside, fresh = [], set[bytes]()
        for each in rows:
            message = each.told.message_id
            own = waiting.setdefault(message, [])
            new = message not in early and message not in fresh
            if len(own) >= MOST_EARLY_OF_ONE or (new and len(early) + len(fresh) >= MOST_EARLY):
                aside.append(each)
                continue
            own.append(Waiting(now, each.route, each.source, each.told))
            if new:
                fresh.add(message)
        return {message: own for message, own in waiting.items() if own}, aside

    def _early_of(self, partition: int) -> dict[bytes, None]:
        early = self._early.get(partition)
        if early is None:
            early = self._early[partition] = dict.fromkeys(early_ones(self._recipients.table, partition))
        return early

    def _begin(self) -> None:
        """Forget what was known before a recovery."""
        if self._generation != self._recipients.generation:
            self._generation = self._recipients.generation
            self._held.clear()
            self._early.clear()
            self._doubts.clear()

    async def _set_aside(self, partition: int, each: Waiting, reason: str) -> None:
        report = DeliveryReport(b"", "told", each.at, each.source, told=[each.told], route=each.route)
        await self._dead.put_value(topics.DELIVERY_REPORTED, partition, encode(report), reason)


def _is_early(told: Told, state: MessageState) -> bool:
    return told.attempt > state.attempt


def _is_with_others(state: MessageState) -> bool:
    return state.awaited >= 0 or state.status is Status.UNKNOWN


def _decides(told: Told, state: MessageState) -> bool:
    """Whether *told* tells that the attempt went out of which nothing was known."""
    status = STATUS_TOLD.get(KINDS.get(told.kind, ReportKind.UNRECOGNISED))
    return status is not None and (told.attempt in (0, state.attempt) or RANK[status] >= RANK[Status.DELIVERED])
