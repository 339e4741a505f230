"""suppression.commanded -> suppressions: whom we must not write to, effective for what waits, too."""

from faust.types import AgentT, EventT, StreamT

from agents.recipients import Recipients
from app import ids, topics
from app.delivery.gate import Suppression
from app.records import Undecodable
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from tables.recipients import Batch, SuppressionCommand, decode_suppression, suppressions_of

LONGEST_TEXT = 200  # characters of a scope's name, a reason and a source
MOST_ENTRIES = 500  # suppressions of one person: they are one value of the table


def attach(app: StreamApp, lanes: Lanes, recipients: Recipients, dead: DeadLetters) -> AgentT[bytes]:
    """Add the suppressing agent to *app*."""

    @app.agent(app.raw_topic(topics.SUPPRESSION_COMMANDED), name="suppress")
    async def suppress(commands: StreamT[bytes]) -> None:
        await lanes.run(commands, apply_command)

    async def apply_command(event: EventT[bytes]) -> None:
        command = decode_suppression(event.value or b"")
        if isinstance(command, Undecodable):
            await dead.put(event, command.reason)
            return
        if max(len(command.scope_id), len(command.reason), len(command.source)) > LONGEST_TEXT:
            await dead.put(event, f"scope_id, reason and source have at most {LONGEST_TEXT} characters")
            return
        partition, recipient = event.message.partition, bytes.fromhex(command.recipient_id)
        owner = ids.partition_of(recipient, app.partitions)
        if owner != partition:  # a producer with another partitioner: hand it to the owner
            await app.produce(topics.SUPPRESSION_COMMANDED, owner, None, event.value)
            return
        lanes.check(event)
        (entries,) = suppressions_of(recipients.table, partition, [recipient])
        after = changed(entries, command, app.now())
        if len(after) > max(MOST_ENTRIES, len(entries)):
            await dead.put(event, f"this person has {len(entries)} suppressions: the most is {MOST_ENTRIES}")
            return
        batch = Batch()
        batch.suppressions(recipient, after)
        recipients.partitions[partition].suppressions += 1
        await recipients.commit(partition, batch)

    return suppress


def changed(entries: list[Suppression], command: SuppressionCommand, now: float) -> list[Suppression]:
    """*entries* after *command*: one entry a scope, the newest."""
    others = [entry for entry in entries if (entry.scope, entry.scope_id) != (command.scope, command.scope_id)]
    if command.op == "remove":
        return others
    since = command.at or now
    return [
        *others,
        Suppression(command.scope, command.scope_id, command.reason, command.source, since, command.until),
    ]
