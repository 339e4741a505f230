"""Orders not to write to somebody any more, from what reports and answers of providers tell."""

from collections.abc import Iterable

from app import topics
from app.delivery.reports.suppress import Suppress
from app.stream.app import StreamApp
from app.suppressions import MOST_RECIPIENTS, SuppressionCommand


async def bar(app: StreamApp, partition: int, wanted: Iterable[Suppress], source: str) -> None:
    """Append the orders for *wanted*, recipients of *partition*; Kafka has them when it returns."""
    alike: dict[tuple[str, bool, str, str, int, int], list[Suppress]] = {}
    for each in wanted:
        minutes = int(each.at // 60), int(each.until // 60)
        alike.setdefault((each.account, each.everywhere, each.channel, each.reason, *minutes), []).append(each)
    for group in alike.values():
        for start in range(0, len(group), MOST_RECIPIENTS):
            first = group[start]
            command = SuppressionCommand(
                "add", "global" if first.everywhere else "account", "" if first.everywhere else first.account,
                recipients=[each.recipient.hex() for each in group[start : start + MOST_RECIPIENTS]],
                reason=first.reason, source=source[:100], at=first.at, until=first.until, channel=first.channel,
            )  # fmt: skip
            # A message has the slot of its recipient: this partition owns them all.
            await app.produce(topics.SUPPRESSION_COMMANDED, partition, None, command.encoded())
