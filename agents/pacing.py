"""What the agents of the pacing plane share: the campaigns, limits and credit of the pacing group."""

import asyncio
from weakref import WeakValueDictionary

from aiokafka.partitioner import DefaultPartitioner

from agents.outbox import Acks
from agents.things import Frozen, Things
from app import topics
from app.commands import CampaignEntry, Command
from app.delivery.lifecycle import ENDED, WAITING, moved
from app.delivery.pacing import Pacer
from app.delivery.sharding import Progress
from app.delivery.things import Refusal
from app.records import SealTask, Shard, encode
from app.settings import Settings
from app.stream.app import StreamApp
from app.stream.pack_table import PackTable
from tables import pacing as sections
from tables.pacing_things import Writes

GROUP_KEY = b"default"
ROUTE = "smtp"
STARTED = ("SEALING", "RUNNING")  # where a start leads to
KEEP_ENDED = 86_400.0  # seconds a campaign stays in the directory after its end


def home_of(key: bytes, partitions: int) -> int:
    """The partition in which Kafka's default partitioner puts records with this key."""
    numbers = list(range(partitions))
    return int(DefaultPartitioner()(key, numbers, numbers))


class Pacing:
    """The state of the pacing group, in memory, in step with its table partition."""

    def __init__(self, app: StreamApp, table: PackTable, settings: Settings) -> None:
        self.app, self.table, self.settings = app, table, settings
        self.home = home_of(GROUP_KEY, settings.partitions)
        self.things = Things(app, table)
        self.group: int | None = None  # the partition of the group, when it is ours
        self.campaigns: dict[str, CampaignEntry] = {}
        self.progress: dict[str, Progress] = {}
        self.pacer = Pacer(settings.partitions, ROUTE, settings.account_rate)
        self.produced: list[bytes] = []  # keys of stored shards that the broker has: to be deleted
        self.untold: list[CampaignEntry] = []  # as recovered: to be told again
        self.announced = True  # False after a recovery, until all is told again
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # campaign -> its next telling
        self.positions: dict[str, int] = {}  # campaign -> directory offset of its latest entry
        table.on_ready(self._recovered)

    def owns(self, partition: int) -> bool:
        """Whether *partition* is the one of our group."""
        return self.group == partition

    def _recovered(self, active: set[int]) -> None:
        self.group = None
        self.things.take_over(None, [])
        for partition in active:
            if any(self.table.scan(partition, sections.CAMPAIGN)) or any(self.table.scan(partition, sections.SLIP)):
                self._take_over(partition)

    def adopt(self, partition: int) -> None:
        """A record of the group has come by this partition: where its key leads, the group lives.

        A stray record in another partition must not move it there.
        """
        if self.group is None and partition == self.home:
            self._take_over(partition)

    def _take_over(self, group: int) -> None:
        self.group = group
        self.campaigns = {entry.id: entry for entry in sections.campaigns(self.table, group)}
        self.things.take_over(group, [entry for entry in self.campaigns.values() if entry.state not in ENDED])
        self.progress = {name: Progress(asked) for name, asked in sections.progress(self.table, group).items()}
        self.pacer = Pacer(self.settings.partitions, ROUTE, self.settings.account_rate)
        for limit in sections.limits(self.table, group):
            self.pacer.limit(limit)
        for entry in self.campaigns.values():
            if entry.state not in ENDED:
                self.pacer.campaign(entry)
        self.pacer.restore(
            sections.buckets(self.table, group), sections.slip_numbers(self.table, group), self.app.now()
        )
        self.produced = []
        self.untold = list(self.campaigns.values())
        self.announced = False

    async def write(self, items: sections.Items, more: Writes | None = None) -> Acks:
        """One acknowledged step, with *more* in it. Call it in the synchronous step that decided."""
        writes = Writes(items=list(items))
        if more is not None:
            writes.add(more)
        return await self.things.outbox.write(writes)

    def not_there(self, entry: CampaignEntry, asked: Command) -> Refusal | None:
        """What *entry*, as *asked* for, needs and its account does not have: templates, segments, a content."""
        if asked.spec is None and asked.content is None and asked.kind != "campaign.clone" and not self._starts(entry):
            return None
        missing = self.things.missing(entry.account, entry.spec)
        makes = asked.kind in ("campaign.create", "campaign.clone") and asked.content is None
        if missing is None and makes and not entry.spec.template_id and not self.things.has_content(asked.campaign):
            return Refusal(404, "the campaign has no content, and no template: send one along", "content")
        return missing

    def prepared(self, entry: CampaignEntry, asked: Command | None = None) -> tuple[CampaignEntry, Writes]:
        """*entry* as it is to be stored, and what to write with it.

        It is frozen when it starts (or fails, when something is gone by then) and thawed when it has ended. *asked*
        brings it an own content, or that of the campaign it is a clone of.
        """
        writes, own = Writes(), asked.content if asked is not None else None
        if own is not None:
            writes.add(self.things.keep_content(entry.id, own))
        elif asked is not None and asked.kind == "campaign.clone":
            writes.add(self.things.copy_content(asked.campaign, entry.id))
        if self._starts(entry):
            frozen = self.things.freeze(entry, own)
            if isinstance(frozen, Frozen):
                entry = frozen.entry
                writes.add(frozen.writes)
            else:
                entry = moved(entry, "FAILED", self.app.now(), frozen.error)
        if entry.state in ENDED:
            writes.add(self.things.thaw(entry))
        return entry, writes

    def _starts(self, entry: CampaignEntry) -> bool:
        before = self.campaigns.get(entry.id)
        return entry.state in STARTED and (before is None or before.state in ("DRAFT", *WAITING))

    def remember(self, entry: CampaignEntry) -> None:
        """Take over a decided entry."""
        self.campaigns[entry.id] = entry
        if entry.state in ENDED:
            self.pacer.forget_campaign(entry.id)
        else:
            self.pacer.campaign(entry)

    async def tell(self, entry: CampaignEntry) -> int:
        """Publish an entry in the directory, after its contents; its offset there."""
        async with self._turns.setdefault(entry.id, asyncio.Lock()):  # a later entry must not overtake
            await self.things.shown(entry)
            position = await self.app.produce(
                topics.CAMPAIGN_CHANGED, 0, entry.id.encode(), entry.model_dump_json().encode()
            )
        self.positions[entry.id] = position
        return position

    async def ask_for_seal(self, entry: CampaignEntry) -> None:
        """Have the audience of *entry* fixed. Asking twice is harmless: the seal's id is the same."""
        spec = entry.spec
        task = SealTask(entry.account, entry.id, f"{entry.id}-{entry.run}", spec.channel, list(spec.lists))
        task.plan = self.things.frozen_plan(entry.id)
        await self.app.produce(topics.SEAL_REQUESTED, None, entry.id.encode(), encode(task))

    async def announce_again(self) -> None:
        """After a recovery: repeat what a kill may have kept from being said.

        All entries are enqueued in one step, and only those that no command has changed since: an older
        entry told after a newer one would wake a campaign that was paused meanwhile.
        """
        if self.announced or self.group is None:
            return
        self.announced = True
        await self.things.outbox.tell_again()
        same = [entry for entry in self.untold if self.campaigns.get(entry.id) is entry]
        self.untold = []
        told = [
            self.app.produce_soon(topics.CAMPAIGN_CHANGED, 0, entry.id.encode(), entry.model_dump_json().encode())
            for entry in same
        ]
        shards = [shard for _, shard in sections.shards(self.table, self.group)]
        for entry, ack in zip(same, told, strict=True):
            position = (await ack).offset
            self.positions[entry.id] = max(position, self.positions.get(entry.id, -1))
            if entry.state == "SEALING":
                await self.ask_for_seal(entry)
        await self.ask_for_shards(shards)

    async def ask_for_shards(self, shards: list[Shard]) -> None:
        """Have ranges expanded. They stay stored until the broker has them; the gate knows repeated packs."""
        await asyncio.gather(
            *(
                self.app.produce_soon(
                    topics.AUDIENCE_SHARDED, None, f"{shard.campaign}|{shard.first}".encode(), encode(shard)
                )
                for shard in shards
            )
        )
        self.produced += [sections.shard_item(shard)[0] for shard in shards]
