"""Frequency caps in the recipients plane: those of each account, and the desks at which messages ask them."""

from collections.abc import Sequence

from pydantic import ValidationError

from agents.campaigns import Campaigns
from agents.recipients import Recipients
from app.commands import CampaignEntry
from app.delivery.outcomes import Kind
from app.delivery.partition_records import HeldUnknown, OpenRelease, WaitingPack
from app.delivery.people.frequency import NEVER, NO_CAPS, AccountCaps, Book, Cap, CapRules, Desk, Touch
from app.delivery.people.windows import Hours
from app.delivery.release import ask_again
from app.delivery.settle import Settlement
from app.faults import reached
from app.records import Outgoing
from app.stream.directory import Directory
from app.stream.ticks import every
from app.things import Account
from tables.recipients import Batch, touches_of

PACKS_A_TICK = 20  # that are asked again after an edit
TRANSACTIONAL = "transactional"  # kind of a campaign: not held back, not counted


class AccountsCaps:
    """account.changed: the caps of each account. Settings that cannot be read leave those that were."""

    def __init__(self, directory: Directory) -> None:
        self._caps: dict[str, AccountCaps] = {}
        self.edits = 0
        directory.on_change(self._changed)

    def of(self, account: str) -> AccountCaps:
        """The caps of *account*."""
        return self._caps.get(account, NO_CAPS)

    def _changed(self, account: str, value: bytes | None) -> None:
        try:
            caps = NO_CAPS if value is None else caps_in(Account.model_validate_json(value))
        except ValidationError:
            return
        if caps != self.of(account):
            self._caps[account] = caps
            self.edits += 1


def caps_in(account: Account) -> AccountCaps:
    """The caps of *account* as the core takes them."""
    return AccountCaps(
        tuple(Cap(each.messages, each.window, frozenset(each.channels)) for each in account.frequency_caps)
    )


class Frequency:
    """Where the agents get a desk for the messages of a campaign. None where nothing is to be asked or told."""

    def __init__(self, recipients: Recipients, campaigns: Campaigns, caps: AccountsCaps, hours: Hours) -> None:
        self._recipients, self._campaigns, self._caps = recipients, campaigns, caps
        self._hours = hours
        self._looked = (-1, -1)  # (recoveries, edits) for which it was looked who waits under other caps than hold now
        self._others: list[tuple[int, int]] = []  # (partition, pack) of those, as far as they are not asked again yet

    def attach(self) -> None:
        """Start the tick that lets those who were put off ask again, once the caps are others."""
        every(self._recipients.app, 0.25, self._ask_again)

    def book(self, partition: int, batch: Batch, now: float) -> Book:
        """The records that a step of *partition* reads, and changes in *batch*."""

        def load(keys: list[bytes]) -> list[list[Touch]]:
            return touches_of(self._recipients.table, partition, keys)

        return Book(load, batch, now)

    def at_gate(self, partition: int, batch: Batch, entry: CampaignEntry, now: float) -> Desk | None:
        """The desk for a pack of *entry*."""
        channel = entry.spec.channel
        if entry.spec.kind == TRANSACTIONAL or not self._caps.of(entry.account).of(channel):
            return None
        return Desk(self.book(partition, batch, now), self._rules(entry, channel), self._hours.placing(entry))

    def at_release(self, book: Book, pack: WaitingPack) -> Desk | None:
        """The desk for what waits: also for what was reserved under caps that are gone."""
        entry = self._campaigns.get(pack.campaign)
        if entry is None or entry.spec.kind == TRANSACTIONAL:
            return None
        if not pack.counted and not self._caps.of(pack.account).of(pack.channel):
            return None
        return Desk(book, self._rules(entry, pack.channel), self._hours.placing(entry))

    def clear(self, partition: int, batch: Batch, pack: WaitingPack, rows: Sequence[Outgoing], now: float) -> None:
        """Free the places of messages that are dropped with their campaign."""
        if pack.counted:
            desk = self._desk_of(self.book(partition, batch, now), pack)
            desk.fetch(row.recipient_id for row in rows)
            for row in rows:
                desk.free(row.recipient_id, row.message_id)

    def settle(self, partition: int, batch: Batch, settlement: Settlement, now: float) -> None:
        """Tell what became of the messages of a release."""
        release = settlement.release
        entry = self._campaigns.get(release.campaign)
        if not release.counted and (
            entry is None or entry.spec.kind == TRANSACTIONAL or not self._caps.of(release.account).of(release.channel)
        ):
            return
        desk = self._desk_of(self.book(partition, batch, now), release)
        desk.fetch(row.recipient_id for row, _, _ in settlement.fates)
        for row, outcome, again in settlement.fates:
            match outcome.kind:
                case Kind.ACCEPTED | Kind.DELIVERED:
                    desk.sent(row.recipient_id, row.message_id, outcome.at)
                case Kind.UNCERTAIN:
                    desk.sent(row.recipient_id, row.message_id, now)
                case _ if again:
                    desk.back(row.recipient_id, row.message_id, again)
                case _:
                    desk.free(row.recipient_id, row.message_id)

    def not_sent(self, partition: int, batch: Batch, held: HeldUnknown, now: float) -> None:
        """Tell that messages whose outcome was lost were not sent. Of a repeat, nobody knows of the try before."""
        if held.counted and held.attempt == 1:
            desk = self._desk_of(self.book(partition, batch, now), held)
            people = held.people
            desk.fetch(people)
            for person, message in zip(people, held.ids, strict=True):
                desk.not_sent(person, message)

    def _desk_of(self, book: Book, named: WaitingPack | OpenRelease | HeldUnknown) -> Desk:
        entry = self._campaigns.get(named.campaign)
        if entry is not None:
            return Desk(book, self._rules(entry, named.channel))
        return Desk(book, CapRules(named.account, named.campaign, named.channel, self._caps.of(named.account)))

    def _rules(self, entry: CampaignEntry, channel: str) -> CapRules:
        spec = entry.spec
        return CapRules(
            entry.account, entry.id, channel, self._caps.of(entry.account), spec.priority,
            spec.capped == "defer", spec.expires_at or NEVER,
        )  # fmt: skip

    async def _ask_again(self) -> None:
        """Some packs at a time. A stamp says under which caps a pack was put off, so a restart goes on."""
        at, partitions = (self._recipients.generation, self._caps.edits), self._recipients.partitions
        if at != self._looked:  # once: a million packs may wait
            self._looked = at
            self._others = [
                (partition, number)
                for partition, state in partitions.items()
                for number, pack in state.packs.items()
                if self._is_under_other_caps(pack)
            ]
        most = PACKS_A_TICK * len(partitions)
        asked, self._others = self._others[:most], self._others[most:]
        for partition, number in asked:
            state = partitions.get(partition)
            pack = state.packs.get(number) if state is not None else None
            if state is not None and pack is not None and self._is_under_other_caps(pack):
                batch = Batch()
                ask_again(state, batch, number, self._recipients.app.now())
                await self._recipients.commit(partition, batch)
                reached("frequency.written")
                partitions = self._recipients.partitions

    def _is_under_other_caps(self, pack: WaitingPack) -> bool:
        return bool(pack.put_off) and pack.cursor < pack.count and pack.put_off != self._caps.of(pack.account).stamp
