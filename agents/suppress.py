"""suppression.commanded -> suppressions: whom we must not write to, effective for what waits, too."""

from collections.abc import Iterator

from faust.types import AgentT, EventT, StreamT

from agents.recipients import Recipients
from app import topics
from app.delivery.gate import Suppression
from app.delivery.people.suppressing import MOST_BYTES, MOST_ENTRIES, changed, has_room, is_true, place_of, told_of
from app.faults import reached
from app.records import Undecodable
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.suppressions import SuppressionCommand, decode_suppression
from tables.recipients import Batch, suppressions_of


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
        partition = event.message.partition
        for owner, packs in command.apart(app.partitions).items():
            for pack in packs:
                if owner == partition and pack.told:
                    await look_at_told(event, pack)
                elif owner == partition:
                    await apply(event, pack)
                else:  # a producer with another partitioner: hand it to the owner
                    await app.produce(topics.SUPPRESSION_COMMANDED, owner, None, pack.encoded())

    async def look_at_told(event: EventT[bytes], told: SuppressionCommand) -> None:
        """What was told to ClickHouse is told anew where a command has come between the batch and that."""
        partition = event.message.partition
        for recipient, entries in zip(
            told.people, suppressions_of(recipients.table, partition, told.people), strict=True
        ):
            if not is_true(told, entries):
                again = told_of(place_of(told), recipient, entries).encoded()
                await app.produce(topics.SUPPRESSION_COMMANDED, partition, None, again)

    async def apply(event: EventT[bytes], command: SuppressionCommand) -> None:
        """Batch by batch, nearly always one. A replay writes the same again."""
        partition, people, full = event.message.partition, command.people, 0
        while people:
            lanes.check(event)
            batch, taken, size = Batch(), 0, 0
            for recipient, after in entries_after(partition, people, command):
                if after is not None:
                    size += batch.suppressions(recipient, after)
                full += after is None
                taken += 1
                if size > MOST_BYTES:
                    break
            people = people[taken:]
            recipients.partitions[partition].suppressions += 1
            await recipients.commit(partition, batch)
            reached("suppress.written")
        if full:
            await dead.put(event, f"{full} people have {MOST_ENTRIES} suppressions, or {MOST_BYTES} bytes of them")

    def entries_after(
        partition: int, people: list[bytes], command: SuppressionCommand
    ) -> Iterator[tuple[bytes, list[Suppression] | None]]:
        """Each of *people* with what forbids to write to them after *command*; None where there is no more room."""
        now = app.now()
        for recipient, before in zip(people, suppressions_of(recipients.table, partition, people), strict=True):
            after = changed(before, command, now)
            yield recipient, after if has_room(before, after) else None

    return suppress
