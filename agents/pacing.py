"""What the agents of the pacing plane share: the campaigns, limits and credit of the pacing group."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Literal

from aiokafka.partitioner import DefaultPartitioner

from agents.notices import Notices
from agents.outbox import Acks
from agents.owned import OwnedCampaigns, Position
from agents.things import Things
from app import topics
from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import ENDED, LIVE
from app.delivery.campaigns.notices import MOST_CONCERNED, completed, limit_notice, route_notice
from app.delivery.campaigns.things import ByHand, Gone
from app.delivery.pacing.pacer import Pacer
from app.delivery.pacing.seen import meters_in_use
from app.delivery.pacing.sharding import Progress
from app.delivery.reports.watch import ReportWatch
from app.delivery.routes.adaptive import rules_with
from app.delivery.routes.checks import IMPLICIT
from app.delivery.routes.learned import RouteWatch
from app.ids import hook_token
from app.provider_accounts import SmtpServer
from app.records import SealTask, Shard, Slip, encode
from app.routes import HeldStatus, LimitSet, LimitStatus, Notice, Route, RouteStatus
from app.settings import Settings
from app.stream.app import StreamApp
from app.stream.pack_table import PackTable
from app.stream.zones import zone_named
from tables import pacing as sections
from tables import pacing_health
from tables.pacing_things import Writes

GROUP_KEY = b"default"
CAMPAIGNS_EVERY = 10.0  # seconds between two looks at what reports tell of campaigns


def home_of(key: bytes, partitions: int) -> int:
    """The partition in which Kafka's default partitioner puts records with this key."""
    numbers = list(range(partitions))
    return int(DefaultPartitioner()(key, numbers, numbers))


def default_route(settings: Settings) -> Route:
    """The route of FANFARE_SMTP_*, which there is as long as none is stored."""
    server = SmtpServer(host=settings.smtp_host, port=settings.smtp_port)  # the senders know the rest
    return Route(name=IMPLICIT, provider=IMPLICIT, pool=IMPLICIT, smtp=server)


class Pacing:
    """The state of the pacing group, in memory, in step with its table partition."""

    def __init__(self, app: StreamApp, table: PackTable, settings: Settings) -> None:
        self.app, self.table, self.settings = app, table, settings
        self.home = home_of(GROUP_KEY, settings.partitions)
        self.things = Things(app, table)
        self.owned = OwnedCampaigns(app, table, self.things, self._paced)
        self.group: int | None = None  # the partition of the group, when it is ours
        self.progress: dict[str, Progress] = {}
        self.watch = self._new_watch()
        self.pacer = self._new_pacer()
        self.notices = Notices(table, self.things.outbox, lambda: self.campaigns, posts=bool(settings.alert_url))
        self.produced: list[bytes] = []  # keys of stored shards that the broker has: to be deleted
        self.untold: list[CampaignEntry] = []  # as recovered: to be told again
        self.announced = True  # False after a recovery, until all is told again
        self._made_up = True  # False after a recovery, until what was noted and not told is told
        self._making_up = asyncio.Lock()
        self._tenure = 0  # counts takeovers
        self._counted_at = 0.0  # when reports on campaigns were looked at
        table.on_ready(self._recovered)

    @property
    def campaigns(self) -> dict[str, CampaignEntry]:
        """The live campaigns."""
        return self.owned.live

    def owns(self, partition: int) -> bool:
        """Whether *partition* is the one of our group."""
        return self.group == partition

    def is_ready(self) -> bool:
        """Whether the group is ours and everybody has been told again how it stands."""
        return self.group is not None and self.announced

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
        self._tenure += 1
        self.progress = {name: Progress(asked) for name, asked in sections.progress(self.table, group).items()}
        self.watch = self._new_watch()
        self.pacer = self._new_pacer()
        for limit in sections.limits(self.table, group):
            self.pacer.limit(limit)
        self.owned.take_over(group)
        self.things.take_over(group, [entry for entry in self.campaigns.values() if entry.state not in ENDED])
        self._restore_health(group)
        for name, route in self.things.routes.items():
            self.pacer.route(name, route)
        for account in self.things.accounts.values():
            self.pacer.account(account.name, account.weight)
        self.pacer.restore(
            sections.buckets(self.table, group), sections.slip_numbers(self.table, group), self.app.now(),
            sections.caps(self.table, group),
        )  # fmt: skip
        self.produced = []
        self.untold = list(self.campaigns.values())
        self.announced = self._made_up = False

    def _new_pacer(self) -> Pacer:
        """A Pacer that knows nothing yet but the route that there is as long as none is set."""
        pacer = Pacer(self.settings.partitions, self.watch, self.settings.account_rate, zone_named)
        pacer.implied(default_route(self.settings))
        return pacer

    def _paced(self, entry: CampaignEntry) -> None:
        """Pacing knows of campaigns with messages on the road, and of no others: there may be very many."""
        if entry.state in LIVE:
            self.pacer.campaign(entry)
        else:
            self.pacer.forget_campaign(entry.id)

    async def write(self, items: sections.Items, more: Writes | None = None) -> Acks:
        """One acknowledged step, with *more* in it. Call it in the synchronous step that decided."""
        writes = Writes(items=list(items))
        if more is not None:
            writes.add(more)
        return await self.things.outbox.write(writes)

    # -- health

    def _new_watch(self) -> RouteWatch:
        rules, reports = rules_with(self.settings.adaptive_recovery), ReportWatch(self._hook_of)
        return RouteWatch(rules, self.app.now(), adaptive=self.settings.adaptive, reports=reports)

    def _hook_of(self, route: str) -> str:
        """Where the provider of *route* posts its reports to."""
        known, secret = self.things.routes.get(route), self.settings.secret_path
        if known is None or not secret.is_file():
            return ""
        return f"{self.settings.public_url.rstrip('/')}/hooks/{known.adapter}/{hook_token(secret.read_bytes(), route)}"

    def _restore_health(self, group: int) -> None:
        now = self.app.now()
        self._tell_watch(now)
        self.watch.restore(pacing_health.breakers(self.table, group), pacing_health.senders(self.table, group), now)
        self.notices.take_over(group)
        self.watch.reports.restore(pacing_health.notices(self.table, group))
        self._counted_at = 0.0

    def _tell_watch(self, now: float) -> None:
        """Have breakers watch the routes that there are."""
        routes = self.things.routes
        for name, route in routes.items():
            if self.watch.routes.get(name) is not route:
                self.watch.route(name, route, now)
        gone = self.watch.names() - routes.keys() if routes else set(self.watch.routes)
        for name in gone:
            self.watch.route(name, None, now)
            self.notices.standing.gone(name)

    def look_at_health(self, now: float, slips: Iterable[Slip]) -> sections.Items:
        """Judge routes and senders, which get *slips* just now; what to write in this step, with the notices."""
        self._tell_watch(now)
        for slip in slips:
            self.watch.granted(slip.grants, now)
            self.watch.granted(slip.standing, now)
        self._count_campaigns(now)
        return self._health_items(self.watch.tick(now, lambda route: self.pacer.awaited(route, now)))

    def _count_campaigns(self, now: float) -> None:
        """Have it judged what reports tell of campaigns and accounts."""
        if now - self._counted_at < CAMPAIGNS_EVERY:
            return
        self._counted_at = now
        self.watch.reports.forget_campaigns(self.campaigns)
        for entry in self.campaigns.values():
            counts = self.pacer.counts(entry.id)
            if counts:
                self.watch.reports.campaign(entry.id, entry.account, counts, now)

    def route_by_hand(self, order: ByHand, now: float) -> Writes:
        """Take a route out of service or back into it as an operator says; what to write in this step."""
        state: Literal["open", "closed"] = "open" if order.open else "closed"
        return Writes(items=self._health_items(self.watch.by_hand(order.route, state, now, order.reason)))

    def change_items(self, change: object, who: str, now: float) -> sections.Items:
        """What to write of the notice that somebody has changed a limit or a route, in the step of that."""
        match change:
            case LimitSet() as limit:
                draft, group = limit_notice(limit, who, now), limit.name if limit.scope == "group" else limit.group
                concerned = self.watch.concerned(now, route=draft.route, pool=draft.pool, group=group)
                if limit.scope == "account":
                    concerned = [each.id for each in self.campaigns.values() if each.account == limit.name]
            case Route() as route:
                draft = route_notice(route.name, route, who, now)
                concerned = self.watch.concerned(now, route=route.name)
            case Gone("route", name):
                draft, concerned = route_notice(name, None, who, now), self.watch.concerned(now, route=name)
            case _:
                return []
        return self.notices.items([draft.model_copy(update={"campaigns": concerned[:MOST_CONCERNED]})])

    def _health_items(self, drafts: list[Notice]) -> sections.Items:
        breakers, senders = self.watch.take_touched()
        return [
            *(pacing_health.breaker_item(route, kept) for route, kept in breakers.items()),
            *(pacing_health.sender_item(key, kept) for key, kept in senders.items()),
            *self.notices.items(drafts),
        ]

    def on_the_way(self, route: str) -> int:
        """Messages on the way over *route*."""
        return self.pacer.on_the_way(route)

    def route_status(self, now: float) -> list[RouteStatus]:
        """Every route as it stands."""
        return self.watch.status(now, self.on_the_way)

    def limit_status(self) -> list[LimitStatus]:
        """How much of each limit is used."""
        return meters_in_use(self.pacer)

    def held_status(self, now: float) -> list[HeldStatus]:
        """What keeps the messages of each campaign that could leave now."""
        held = self.pacer.held()
        return [HeldStatus(campaign=campaign, at=now, held=groups) for campaign, groups in held.items()]

    def standing_notices(self, now: float) -> list[Notice]:
        """What holds on just now, with the campaigns that it concerns just now."""
        found = []
        for notice in self.notices.standing.all():
            concerned = self.watch.concerned(now, route=notice.route, pool=notice.pool, group=notice.group)
            campaigns = sorted({*notice.campaigns, *concerned})
            found.append(completed(notice.model_copy(update={"campaigns": campaigns}), self.campaigns))
        return found

    async def carry(
        self, before: CampaignEntry, after: CampaignEntry, written: Callable[[], None] | None = None
    ) -> None:
        """Make *after* of *before*: store it, call *written*, then tell it. A repeat does no harm."""
        changed = self.owned.change(before, after, self.app.now())
        acks = await self.write([], changed.writes)
        if written is not None:
            written()
        await self.tell(changed.entry, acks)

    async def tell(self, entry: CampaignEntry, acks: Acks | None = None) -> Position:
        """Tell of a campaign whose entry is stored, and ask for the audience that it waits for."""
        position = await self.owned.tell(entry, acks)
        if entry.state == "SEALING":
            await self._ask_for_seal(entry)
        return position

    async def forget(self, entry: CampaignEntry) -> None:
        """A campaign that ended long ago leaves the table, then the directory."""
        self.progress.pop(entry.id, None)
        await self.write(self.owned.forget(entry, self.app.now()))

    async def _ask_for_seal(self, entry: CampaignEntry) -> None:
        """Have the audience of *entry* fixed. Asking twice is harmless: the seal's id is the same."""
        spec = entry.spec
        task = SealTask(entry.account, entry.id, f"{entry.id}-{entry.run}", spec.channel, list(spec.lists))
        task.plan = self.things.frozen_plan(entry.id)
        await self.app.produce(topics.SEAL_REQUESTED, None, entry.id.encode(), encode(task))

    async def make_up(self) -> None:
        """Return once everything is told that a kill has kept from it: contents before the campaigns that need them."""
        while not self._made_up:
            async with self._making_up:
                tenure = self._tenure
                await self.things.outbox.tell_again()
                self._made_up = tenure == self._tenure  # who took over meanwhile has more to tell

    async def announce_again(self) -> None:
        """After a recovery: repeat what a kill may have kept from being said.

        All entries are enqueued in one step, and only those that no command has changed since: an older
        entry told after a newer one would wake a campaign that was paused meanwhile.
        """
        if self.announced or self.group is None:
            return
        group = self.group
        await self.make_up()
        if self.group != group:  # lost meanwhile, or taken over anew
            return
        shards = [shard for _, shard in sections.shards(self.table, group)]
        same = [entry for entry in self.untold if self.campaigns.get(entry.id) is entry]
        self.untold, self.announced = [], True
        await asyncio.gather(*(self.tell(entry) for entry in same))
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
