"""What somebody knows of messages whose outcome was lost, on its way to the partitions that hold them.

A resolution is noted with its answer, a note a partition, and told until Kafka has it. To tell it twice does no harm:
it is about what was lost up to its moment.
"""

from agents.outbox import News, Outbox
from app import ids, topics
from app.commands import Command, Resolution
from app.records import DeliveryReport, encode
from tables.pacing_things import Told, Writes, untold_item

RESOLVED = "resolved"  # notes of the outbox


def attach(outbox: Outbox) -> None:
    """Have *outbox* tell what was noted."""
    outbox.kind(RESOLVED, _news)


def notes_of(asked: Command, partitions: int, now: float) -> Writes:
    """What to write with the answer to *asked*, a campaign.resolve."""
    if asked.resolution is None:
        return Writes()
    source = f"key {asked.actor}" if asked.actor else "operator"
    writes = Writes()
    for partition, messages in _apart(asked.resolution, partitions).items():
        report = DeliveryReport(messages, asked.resolution.outcome, now, source, asked.campaign)
        ident = f"{asked.account}|{asked.id}|{partition}"
        writes.items.append(untold_item(RESOLVED, ident, Told(asked.account, 0, now, encode(report))))
    return writes


def _apart(resolution: Resolution, partitions: int) -> dict[int, bytes]:
    """Partition -> the messages that it holds; nothing named is all of them, in every partition."""
    if not resolution.messages:
        return dict.fromkeys(range(partitions), b"")
    apart: dict[int, list[bytes]] = {}
    for message in map(bytes.fromhex, dict.fromkeys(resolution.messages)):
        apart.setdefault(ids.partition_of_message(message, partitions), []).append(message)
    return {partition: b"".join(messages) for partition, messages in apart.items()}


def _news(ident: str, told: Told) -> News:
    return News(topics.DELIVERY_REPORTED, int(ident.rpartition("|")[2]), told.account.encode(), told.body)
