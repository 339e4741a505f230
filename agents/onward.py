"""What steps of the recipients plane ask about messages that may go on to another channel: an `Onward` a campaign."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from agents.accounts import AccountPools
from agents.campaigns import Campaigns
from agents.categories import Categories
from agents.opening import rules_of
from agents.recipients import Recipients
from agents.stored_routes import StoredRoutes
from app.commands import CampaignEntry
from app.content.phone import LANDLINE, PhoneError, phone_of
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.fallbacks.news import is_reached
from app.delivery.fallbacks.onward import NOWHERE, Onward
from app.delivery.gate import applies, end_of
from app.delivery.partition_records import MessageState
from app.delivery.people.senders import sender_of
from app.records import Outgoing
from app.settings import Settings
from app.stream.directory import Directory
from tables.recipients import suppressions_of
from tables.reports import states_of

if TYPE_CHECKING:
    from agents.phone_rows import PhoneRows
    from app.content.sms_template import SmsSizes

KEPT = 300  # campaigns of which it is known how long their texts are


class Onwards:
    """Where the agents get an `Onward`."""

    def __init__(
        self, recipients: Recipients, campaigns: Campaigns, routes: StoredRoutes, pools: AccountPools,
        contents: Directory, settings: Settings,
    ) -> None:  # fmt: skip
        self._recipients, self._campaigns, self._routes = recipients, campaigns, routes
        self._pools, self._contents, self._settings = pools, contents, settings
        self._categories = Categories(contents)
        self._rows: PhoneRows | None = None  # once a campaign needs them: they take memory
        self._sizes: dict[tuple[str, int], Mapping[int, SmsSizes]] = {}

    def unknown(self, campaigns: Iterable[str]) -> list[CampaignEntry]:
        """Those of *campaigns* that may go on by SMS, and of which it is not known how long their texts are."""
        found = [self._campaigns.get(each) for each in set(campaigns)]
        return [
            entry
            for entry in found
            if entry is not None
            and any(each.channel == "sms" for each in entry.spec.fallbacks)
            and (entry.id, entry.version) not in self._sizes
        ]

    async def know(self, campaigns: Iterable[str]) -> bool:
        """Learn how long the texts of *campaigns* are; whether there was anything to learn."""
        entries = self.unknown(campaigns)
        for entry in entries:
            experiment = entry.spec.experiment
            variants = range(1 + (len(experiment.variants) if experiment is not None else 0))
            sizes = await self._of_phones().counters_of(entry, variants)
            while len(self._sizes) >= KEPT:
                del self._sizes[next(iter(self._sizes))]
            self._sizes[entry.id, entry.version] = sizes
        return bool(entries)

    def _of_phones(self) -> "PhoneRows":
        if self._rows is None:
            from agents.phone_rows import PhoneRows

            self._rows = PhoneRows(self._campaigns, self._pools, self._contents, self._settings)
        return self._rows

    def of(self, partition: int, campaign: str, now: float, rows: Sequence[Outgoing] = ()) -> Onward:
        """What to ask about messages of a campaign in a step at *now*. *rows* may have been reached before."""
        entry = self._campaigns.get(campaign)
        reached = self.reached(partition, rows)
        if entry is None or not (entry.spec.fallbacks or entry.spec.channel == "voice"):
            return Onward(reached=reached) if reached else NOWHERE
        table, sizes = self._recipients.table, self._sizes.get((entry.id, entry.version), {})

        def suppressed(recipient: bytes, channel: str) -> bool:
            (found,) = suppressions_of(table, partition, [recipient])
            return bool(found) and applies(found, rules_of(entry, now, channel, self._categories), now) is not None

        def parts(row: Outgoing) -> int:
            from agents.phone_rows import parts_for

            counter = sizes.get(row.variant)
            return 1 if counter is None else parts_for(counter, row)

        def sender(row: Outgoing, channel: str, group: str) -> str:
            return self._sender(entry, row, channel, group)

        ended = end_of(entry, now) is not None or entry.state in ENDED
        return Onward(entry.spec, ended, suppressed, parts, sender, self._routes.call_lasts, is_landline, reached)

    def _sender(self, entry: CampaignEntry, row: Outgoing, channel: str, group: str) -> str:
        """The number or sender id of the campaign, as far as *channel* can have it."""
        if not entry.spec.sender_id:
            return ""
        pools = self._pools.of(entry.account)
        sender = sender_of(channel, entry.spec.sender_id, pools, row.recipient_id, group)
        return sender if channel == "sms" or sender.startswith("+") else ""

    def reached(self, partition: int, rows: Sequence[Outgoing]) -> dict[bytes, MessageState]:
        """The messages of *rows* of which it is known that they were delivered, as they stand."""
        states = states_of(self._recipients.table, partition, [row.message_id for row in rows]) if rows else {}
        return {message: state for message, state in states.items() if is_reached(state)}


def is_landline(number: str) -> bool:
    """Whether *number* gets no SMS."""
    try:
        return phone_of(number).kind == LANDLINE
    except PhoneError:
        return False
