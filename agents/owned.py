"""The campaigns of the pacing group: live ones in memory and in the directory, dormant ones only in the table.

Every change goes through `change`, which also freezes the contents of what starts, gives up those of what has ended,
and decides where the entry lies. Whoever calls it writes what it returns in the same synchronous step, then tells.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from agents.outbox import Acks, News
from agents.things import Frozen, Things
from app import topics
from app.commands import CampaignEntry, Command, State
from app.delivery.campaigns.decisions import Decision, campaign_id, decide
from app.delivery.campaigns.lifecycle import ENDED, WAITING, Around, is_dormant, moved
from app.delivery.campaigns.queueing import in_turn, takes_a_place
from app.delivery.campaigns.things import Refusal
from app.stream.app import StreamApp
from app.stream.pack_table import PackTable
from app.things import ThingRecord
from tables import pacing as sections
from tables.pacing_dormant import dormant, dormant_items, due_before, woken_items
from tables.pacing_things import Told, Writes, untold_item

RECORDED, ASLEEP = "campaign", "asleep"  # notes of the outbox
STARTED = ("SEALING", "RUNNING")  # where a start leads to


class Position(NamedTuple):
    """Where an entry was told: who has read up to there knows it."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Changed:
    """An entry as it is now, and what to write of it."""

    entry: CampaignEntry
    writes: Writes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to; *entry* is the campaign as it is now, if there is one."""

    decision: Decision
    entry: CampaignEntry | None
    writes: Writes = field(default_factory=Writes)


class OwnedCampaigns:
    """What the owner knows of its campaigns."""

    def __init__(
        self, app: StreamApp, table: PackTable, things: Things, changed: Callable[[CampaignEntry], None]
    ) -> None:
        self._app, self._table, self._things, self._changed = app, table, things, changed
        self._group = -1
        self.live: dict[str, CampaignEntry] = {}
        self._in_state: dict[State, dict[str, CampaignEntry]] = {}
        self._places: Counter[str] = Counter()  # account -> campaigns that run
        self._queued: dict[str, dict[str, CampaignEntry]] = {}  # account -> those that wait for a place
        self._due: list[tuple[float, str]] = []  # SCHEDULED ones, the first to move on at the head
        self._told: dict[str, tuple[int, int]] = {}  # live campaign -> revision and directory offset, as last told
        things.outbox.kind(RECORDED, self._record_news)
        things.outbox.kind(ASLEEP, self._sleep_news)

    def take_over(self, group: int) -> None:
        """Begin with what was recovered. Dormant campaigns are not looked at: there may be very many."""
        self._group = group
        self.live.clear()
        self._in_state.clear()
        self._places.clear()
        self._queued.clear()
        self._due.clear()
        self._told.clear()
        for entry in sections.campaigns(self._table, group):
            self._remember(entry)

    # -- reading

    def get(self, campaign: str) -> CampaignEntry | None:
        """The campaign, live or dormant."""
        return self.live.get(campaign) or (dormant(self._table, self._group, campaign) if campaign else None)

    def in_states(self, *states: State) -> list[CampaignEntry]:
        """Live campaigns in these states."""
        return [entry for state in states for entry in self._in_state.get(state, {}).values()]

    def around(self, account: str) -> Around:
        """What a campaign of *account* that comes now finds."""
        return Around(self._things.account(account), self._has_place(account) and not self._queued.get(account))

    def around_next(self, account: str) -> Around:
        """What the campaign that has waited longest in the queue of *account* finds."""
        return Around(self._things.account(account), self._has_place(account))

    def _has_place(self, account: str) -> bool:
        return self._places[account] < self._things.account(account).running

    def next_in_queue(self) -> list[CampaignEntry]:
        """Campaigns for which there is room now, of all accounts, in their order."""
        found: list[CampaignEntry] = []
        for account, queued in self._queued.items():
            room = self._things.account(account).running - self._places[account]
            if room > 0:
                found += in_turn(queued.values())[:room]
        return found

    def take_due(self, now: float, most: int) -> list[CampaignEntry]:
        """Live SCHEDULED campaigns whose time has come; each is told once, unless it is changed again."""
        found: list[CampaignEntry] = []
        while self._due and self._due[0][0] <= now and len(found) < most:
            due_at, campaign = heapq.heappop(self._due)
            entry = self.live.get(campaign)
            if entry is not None and entry.state == "SCHEDULED" and entry.due_at == due_at:
                found.append(entry)
        return found

    def to_wake(self, before: float, most: int) -> list[CampaignEntry]:
        """Dormant campaigns that are due before that moment."""
        entries = (self.get(ident) for ident in due_before(self._table, self._group, before, most))
        return [entry for entry in entries if entry is not None]

    def to_sleep(self, now: float, most: int) -> list[CampaignEntry]:
        """Live campaigns that need not be: stored by a version that kept them all."""
        return [entry for entry in self.in_states("DRAFT", "SCHEDULED") if is_dormant(entry, now)][:most]

    def told_at(self, campaign: str) -> int:
        """The directory offset of the latest entry of a live campaign, -1 before it was told."""
        return self._told.get(campaign, (0, -1))[1]

    # -- changing

    def decide(self, command: Command, now: float) -> Outcome:
        """Carry out a command about a campaign, in memory. A refusal changes nothing."""
        before = self.get(campaign_id(command))
        decision = decide(before, command, now, self.around(command.account), self._original(command))
        if decision.entry is None:
            return Outcome(decision, before)
        refusal = self._not_there(before, decision.entry, command)
        if refusal is not None:
            return Outcome(Decision(refusal.status, error=refusal.error, field=refusal.field), before)
        changed = self.change(before, decision.entry, now, command)
        return Outcome(decision, changed.entry, changed.writes)

    def _original(self, asked: Command) -> CampaignEntry | None:
        """The campaign that *asked* clones, if it is one of the same account."""
        entry = self.get(asked.campaign) if asked.kind == "campaign.clone" else None
        return entry if entry is not None and entry.account == asked.account else None

    def _not_there(self, before: CampaignEntry | None, entry: CampaignEntry, asked: Command) -> Refusal | None:
        """What *entry*, as *asked* for, needs and its account does not have: templates, segments, a content."""
        makes = asked.kind in ("campaign.create", "campaign.clone")
        if asked.spec is None and asked.content is None and not makes and not _starts(before, entry):
            return None
        missing = self._things.missing(entry.account, entry.spec)
        if missing is not None or not makes or asked.content is not None or entry.spec.template_id:
            return missing
        if self._original(asked) is not None and self._things.has_content(asked.campaign):
            return None
        return Refusal(404, "the campaign has no content, and no template: send one along", "content")

    def change(
        self, before: CampaignEntry | None, after: CampaignEntry, now: float, asked: Command | None = None
    ) -> Changed:
        """Take over *after*: what is to be written at once.

        It is frozen when it starts (or fails, when something is gone by then) and thawed when it has ended. *asked*
        brings it an own content, or that of the campaign it is a clone of.
        """
        writes, own = Writes(), asked.content if asked is not None else None
        if own is None and asked is not None and self._original(asked) is not None:
            own = self._things.own_content(asked.campaign)
        if own is not None:
            writes.add(self._things.keep_content(after.id, own))
        if _starts(before, after):
            frozen = self._things.freeze(after, own)
            if isinstance(frozen, Frozen):
                after = frozen.entry
                writes.add(frozen.writes)
            else:
                after = moved(after, "FAILED", now, frozen.error)
        if after.state in ENDED:
            writes.add(self._things.thaw(after))
        writes.items += self._placed(before, after, now)
        return Changed(after, writes)

    def _placed(self, before: CampaignEntry | None, after: CampaignEntry, now: float) -> sections.Items:
        """Put the entry where it belongs, in memory and in the table."""
        was_live = after.id in self.live
        old = woken_items(before) if before is not None and not was_live else []
        if not is_dormant(after, now):
            self._remember(after)
            return [*old, sections.campaign_item(after)]
        told = Told(after.account, after.revision, now)
        items = [*old, *dormant_items(after), untold_item(RECORDED, after.id, told)]
        if was_live:
            self._forget(after.id)
            items += [(sections.campaign_item(after)[0], None), untold_item(ASLEEP, after.id, told)]
        return items

    def forget(self, entry: CampaignEntry, now: float) -> sections.Items:
        """Tombstones for a campaign that ended long ago, and the note that it leaves the directory."""
        self._forget(entry.id)
        self._told.pop(entry.id, None)
        items = [*sections.forget_campaign(self._table, self._group, entry.id), *self._things.forget(entry.id)]
        return [*items, untold_item(ASLEEP, entry.id, Told(entry.account, entry.revision, now))]

    def _remember(self, entry: CampaignEntry) -> None:
        self._forget(entry.id)
        self.live[entry.id] = entry
        self._in_state.setdefault(entry.state, {})[entry.id] = entry
        if takes_a_place(entry):
            self._places[entry.account] += 1
        if entry.state == "SCHEDULED" and entry.due_at is not None:
            heapq.heappush(self._due, (entry.due_at, entry.id))
        if entry.state == "QUEUED":
            self._queued.setdefault(entry.account, {})[entry.id] = entry
        self._changed(entry)

    def _forget(self, campaign: str) -> None:
        old = self.live.pop(campaign, None)
        if old is None:
            return
        del self._in_state[old.state][campaign]
        if takes_a_place(old):
            self._places[old.account] -= 1
        if old.state == "QUEUED":
            del self._queued[old.account][campaign]
            if not self._queued[old.account]:
                del self._queued[old.account]

    # -- telling

    async def tell(self, entry: CampaignEntry, acks: Acks | None = None) -> Position:
        """Tell of a change that is written; where it stands. An entry older than what was told is not told again."""
        if entry.id not in self.live:
            return await self._tell_dormant(entry, acks or {})
        await self._things.shown(entry)
        revision, offset = self._told.get(entry.id, (0, -1))
        if entry.revision >= revision:
            value = entry.model_dump_json().encode()
            ack = self._app.produce_soon(topics.CAMPAIGN_CHANGED, 0, entry.id.encode(), value)
            self._told[entry.id] = entry.revision, offset
            offset = (await ack).offset
            revision, before = self._told.get(entry.id, (0, -1))
            self._told[entry.id] = max(revision, entry.revision), max(before, offset)
        return Position(topics.CAMPAIGN_CHANGED, 0, offset)

    async def _tell_dormant(self, entry: CampaignEntry, acks: Acks) -> Position:
        told = Told(entry.account, entry.revision, self._app.now())
        ack = acks.get(untold_item(RECORDED, entry.id, told)[0]) or self._things.outbox.tell(RECORDED, entry.id, told)
        metadata = await ack
        return Position(topics.THING_RECORDED, metadata.partition, metadata.offset)

    def _record_news(self, campaign: str, told: Told) -> News:
        """The entry as it is now; a live one is told twice, which does no harm."""
        entry = self.get(campaign)
        if entry is None:  # older than anything: it changes nothing
            record = ThingRecord(kind="campaign", account=told.account, id=campaign, version=0, at=told.at)
        else:
            record = ThingRecord(
                kind="campaign", account=entry.account, id=campaign, version=entry.revision, at=told.at,
                body=entry.model_dump(mode="json"),
            )  # fmt: skip
        return News(topics.THING_RECORDED, None, campaign.encode(), record.model_dump_json().encode())

    def _sleep_news(self, campaign: str, _: Told) -> News:
        """The directory forgets a campaign that sleeps; one that has woken meanwhile is told as it is."""
        self._told.pop(campaign, None)
        entry = self.live.get(campaign)
        value = None if entry is None else entry.model_dump_json().encode()
        return News(topics.CAMPAIGN_CHANGED, 0, campaign.encode(), value)


def _starts(before: CampaignEntry | None, after: CampaignEntry) -> bool:
    return after.state in STARTED and (before is None or before.state in ("DRAFT", *WAITING))
