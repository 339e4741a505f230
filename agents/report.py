"""delivery.reported -> messages: what providers, or people who know, tell of messages after their attempt.

People tell of messages whose outcome was lost; what providers tell is applied by agents/told.py.
"""

from collections.abc import Callable
from functools import partial

from faust.types import AgentT, EventT, StreamT

from agents.frequency import Frequency
from agents.heard import Heard
from agents.recipients import Recipients
from agents.told import Reporting
from app import ids, topics
from app.delivery.events import of_decision
from app.delivery.unknown import ID, End, decide, named_by
from app.faults import reached
from app.records import DeliveryReport, Told, Undecodable, decode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables.recipients import Batch

TOLD = frozenset({End.SENT, End.NOT_SENT, End.GIVE_UP})
BY_PROVIDER = "told"
LOOK_SECONDS = 0.5  # between two looks at reports that came early
MOST_MESSAGES = 10_000  # that one report names
MOST_BYTES = 150_000  # of a batch to which a held unknown is added: its rows may be twice as much


def attach(
    app: StreamApp,
    lanes: Lanes,
    recipients: Recipients,
    frequency: Frequency,
    reporting: Reporting,
    dead: DeadLetters,
    heard: Callable[[int, float], Heard],
) -> AgentT[bytes]:
    """Add the reporting agent to *app*."""

    @app.agent(app.raw_topic(topics.DELIVERY_REPORTED), name="report")
    async def report(reports: StreamT[bytes]) -> None:
        await lanes.run(reports, take)

    async def take(event: EventT[bytes]) -> None:
        told = decode(DeliveryReport, event.value)
        partition = event.message.partition
        wrong = told.reason if isinstance(told, Undecodable) else mistakes_in(told, partition, app.partitions)
        if wrong or isinstance(told, Undecodable):
            await dead.put(event, wrong)
            return
        if told.outcome == BY_PROVIDER:
            await reporting.take(partition, told, partial(lanes.check, event))
            return
        while await step(event, told, partition):
            reached("report.written")

    async def step(event: EventT[bytes], told: DeliveryReport, partition: int) -> bool:
        """Decide some of what is told of, in one batch; whether there was anything. A repeat finds nothing left."""
        lanes.check(event)
        state, batch, now = recipients.partitions[partition], Batch(), app.now()
        events, why = [], f"told by {told.source}"
        asked = heard(partition, now)
        for number, messages in list(named_by(state, told)):
            onward = asked.onward_of(number)
            decided = decide(state, batch, number, End(told.outcome), why, now, messages, onward)
            if decided.end is End.NOT_SENT:
                frequency.not_sent(partition, batch, decided.held, now)
            events.append(of_decision(decided, now))
            if batch.size > MOST_BYTES:
                break
        if events:
            await recipients.commit(partition, batch, events)
        return bool(events)

    async def look() -> None:
        await reporting.look_at_early(app.now())

    every(app, LOOK_SECONDS, look)
    return report


def mistakes_in(told: DeliveryReport, partition: int, partitions: int) -> str:
    """Why *told* cannot be of messages of *partition*, or ""."""
    if told.outcome == BY_PROVIDER:
        return _wrong_rows(told.told, partition, partitions)
    if told.outcome not in TOLD:
        return f"an outcome {told.outcome[:20]!r}: there are {', '.join(sorted(TOLD))}"
    messages, rest = divmod(len(told.message_id), ID)
    if rest or messages > MOST_MESSAGES:
        return f"{len(told.message_id)} bytes of message ids: each has {ID}, and there are at most {MOST_MESSAGES:,}"
    if not told.campaign or len(told.campaign) > 200 or len(told.source) > 200:
        return "no campaign, or a campaign or source of more than 200 characters"
    for at in range(0, len(told.message_id), ID):
        owner = ids.partition_of_message(told.message_id[at : at + ID], partitions)
        if owner != partition:
            return f"a message of partition {owner}"
    return ""


def _wrong_rows(rows: list[Told], partition: int, partitions: int) -> str:
    if len(rows) > MOST_MESSAGES:
        return f"{len(rows)} reports: the most is {MOST_MESSAGES:,} a record"
    for each in rows:
        if len(each.message_id) != ID:
            return f"a report of a message of {len(each.message_id)} bytes: each has {ID}"
        owner = ids.partition_of_message(each.message_id, partitions)
        if owner != partition:
            return f"a report of a message of partition {owner}"
    return ""
