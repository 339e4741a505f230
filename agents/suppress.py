"""suppression.commanded -> suppressions: whom we must not write to, effective for what waits, too."""

from collections.abc import Iterator

from faust.types import AgentT, EventT, StreamT

from agents.recipients import Recipients
from app import topics
from app.delivery.gate import UNSUBSCRIBED, Suppression
from app.delivery.report_suppress import SOFT
from app.records import Undecodable
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.suppressions import SuppressionCommand, decode_suppression
from tables.recipients import Batch, suppressions_of

MOST_ENTRIES = 500  # suppressions of one person: they are one value of the table ...
MOST_BYTES = 200_000  # ... and of so many bytes; a batch is closed when it has as many


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
                if owner == partition:
                    await apply(event, pack)
                else:  # a producer with another partitioner: hand it to the owner
                    await app.produce(topics.SUPPRESSION_COMMANDED, owner, None, pack.encoded())

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
        if full:
            await dead.put(event, f"{full} people have {MOST_ENTRIES} suppressions, or {MOST_BYTES} bytes of them")

    def entries_after(
        partition: int, people: list[bytes], command: SuppressionCommand
    ) -> Iterator[tuple[bytes, list[Suppression] | None]]:
        """Each of *people* with what forbids to write to them after *command*; None where there is no more room."""
        now = app.now()
        for recipient, before in zip(people, suppressions_of(recipients.table, partition, people), strict=True):
            after = changed(before, command, now)
            room = len(after) <= max(MOST_ENTRIES, len(before)) and 4 * sum(map(characters, after)) <= MOST_BYTES
            yield recipient, after if room or len(after) <= len(before) else None

    return suppress


def characters(entry: Suppression) -> int:
    """How long the texts of *entry* are, and what holds them."""
    return len(entry.scope_id) + len(entry.reason) + len(entry.source) + len(entry.account) + 20


def changed(entries: list[Suppression], command: SuppressionCommand, now: float) -> list[Suppression]:
    """*entries* after *command*: one entry a scope and channel, the newest.

    Leaving does not undo a complaint, nor does a rest for some weeks what holds longer: both are kept.
    """
    place = (command.scope, command.scope_id, command.account, command.channel)
    others = [each for each in entries if (each.scope, each.scope_id, each.account, each.channel) != place]
    if command.op == "remove":
        return others
    since = command.at or now
    fresh = Suppression(
        command.scope, command.scope_id, command.reason, command.source, since, command.until, command.account,
        command.channel,
    )  # fmt: skip
    if command.reason == UNSUBSCRIBED:
        others += [entry for entry in entries if entry not in others and outlives_leaving(entry, now)]
    elif command.reason == SOFT:
        others += [entry for entry in entries if entry not in others and outlasts(entry, fresh)]
    return [*others, fresh]


def outlives_leaving(entry: Suppression, now: float) -> bool:
    """Whether *entry* stops more than an unsubscribe does, and still holds."""
    return entry.reason != UNSUBSCRIBED and not 0 < entry.until <= now


def outlasts(entry: Suppression, fresh: Suppression) -> bool:
    """Whether *entry* holds longer than *fresh*, or for another reason than bounces that may pass."""
    return entry.reason != SOFT and (not entry.until or entry.until > fresh.until)
