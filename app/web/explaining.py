"""Explains messages and absences: gathers what ClickHouse keeps and what this process hears, for pages, API and CLI."""

import asyncio
import time
from dataclasses import dataclass

from app import ids
from app.clickhouse import campaign_queries, explain_queries, message_queries
from app.clickhouse.addresses import addresses_of
from app.clickhouse.client import ClickHouse
from app.commands import CampaignEntry
from app.control import Control
from app.delivery.explain.absence import Person, explain_absence
from app.delivery.explain.story import Event, Explanation, Held, Story
from app.delivery.explain.timeline import explain
from app.delivery.limits.words import rate_of
from app.delivery.outcomes import DropReason, EventKind
from app.delivery.people.windows import Hours
from app.stream.zones import zone_named
from app.web.campaigns_seen import known_campaign
from app.web.notices_seen import NoticeFilter, seen_notices

HOURS = Hours(zone_named)
MOST_NOTICES = 1_000  # of a campaign, the newest
DUPLICATE_OF = "message "  # what the detail of a duplicate begins with


@dataclass(frozen=True, slots=True)
class Explaining:
    """Explains what concerns *account*. All of it raises ClickHouseError."""

    control: Control
    client: ClickHouse
    account: str

    async def message(self, message: bytes) -> Explanation | None:
        """The story of *message*; None when nothing of it is recorded, or it is of another account."""
        told = await message_queries.message(self.client, self.account, message)
        if told is None:
            return None
        campaign, recipient = str(told["campaign"]), str(told["recipient"])
        entry = await self._entry(campaign)
        events = [
            Event(
                each["kind"], each["at"], each["attempt"], each["provider"], each["route"], each["code"],
                each["class"], each["detail"], each["why"], each["channel"],
            )
            for each in told["events"]
        ]  # fmt: skip
        begun = min(each.at for each in events)
        states, suppressions, seat, other, notices = await asyncio.gather(
            explain_queries.states_of(self.client, self.account, campaign),
            explain_queries.suppressions_of(self.client, self.account, recipient),
            explain_queries.seat_of(
                self.client, self.account, campaign, recipient, entry.spec.lists if entry is not None else ()
            ),
            self._other(events),
            seen_notices(
                self.client,
                self.control.tail.overlay,
                NoticeFilter(since=begun, campaign=campaign, account=self.account),
                limit=MOST_NOTICES,
            ),
        )
        limits = list(self.control.tail.limits.values())
        return explain(
            Story(
                message.hex(), campaign, str(told["status"]), events, time.time(), recipient, str(told["address"]),
                entry, states, suppressions, seat, other, notices, self._held(campaign, str(told["provider"])),
                rates=lambda name: rate_of(name, limits, entry),
                resets={name: each.resets_at or 0.0 for name, each in self.control.tail.limit_status.items()},
                unknown_after=self.control.settings.uncertain_after,
            ),
            HOURS,
        )  # fmt: skip

    async def person(self, entry: CampaignEntry, recipient: bytes) -> Explanation:
        """What became of the message of the campaign *entry* to *recipient*, or why there is none."""
        contact, who = await explain_queries.ids_of(self.client, self.account, recipient.hex(), entry.spec.channel)
        recipient = bytes.fromhex(who)
        found = None
        if entry.seal is not None:
            message = ids.message_id(entry.seal.day, entry.id, entry.run, recipient, entry.spec.channel)
            found = await self.message(message)
        if found is None:
            latest = await explain_queries.latest_message(self.client, self.account, entry.id, recipient.hex())
            found = await self.message(latest) if latest is not None else None
        return found if found is not None else await self._absence(entry, who, contact)

    async def _absence(self, entry: CampaignEntry, recipient: str, contact: str) -> Explanation:
        lists = entry.spec.lists
        seat, memberships, known, addresses = await asyncio.gather(
            explain_queries.seat_of(self.client, self.account, entry.id, recipient, lists, contact),
            explain_queries.memberships_of(self.client, self.account, lists, contact),
            explain_queries.is_contact(self.client, self.account, contact),
            addresses_of(self.client, self.account, [recipient]),
        )
        person = Person(entry, time.time(), recipient, addresses.get(recipient, ""), seat, memberships, known)
        return explain_absence(person)

    async def _entry(self, campaign: str) -> CampaignEntry | None:
        known = known_campaign(self.control, self.account, campaign)
        return known or await campaign_queries.campaign_entry(self.client, self.account, campaign)

    async def _other(self, events: list[Event]) -> tuple[str, float] | None:
        """Campaign and time of the message that was there before a duplicate."""
        for each in events:
            if (each.kind, each.klass) != (EventKind.DROPPED, DropReason.DUPLICATE):
                continue
            try:
                message = bytes.fromhex(each.detail.removeprefix(DUPLICATE_OF))
            except ValueError:
                return None
            is_id = len(message) == ids.ID_BYTES
            return await explain_queries.first_of(self.client, self.account, message) if is_id else None
        return None

    def _held(self, campaign: str, group: str) -> Held | None:
        """What pacing says of the class, while it says anything of the campaign."""
        told = self.control.tail.held.get(campaign)
        if told is None or group not in told.held:
            return None
        return Held(*told.held[group], told.at)
