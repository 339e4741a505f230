"""send.attempted -> SMTP or HTTP -> send.resulted: execute each release at most once, and tell what became of it.

The order is the guarantee: the intent is acknowledged before the first message starts, the journal
knows each message before its last byte is written, the result is stored before it is produced.
"""

from collections.abc import Callable
from dataclasses import dataclass

from faust.types import AgentT, EventT, StreamT

from agents.campaigns import Campaigns
from agents.compose import Composer, Letters
from agents.mailing import ReleaseMailing, ReleaseParcels
from agents.pools import Pool, Pools
from agents.quarantine import Quarantine
from app import topics
from app.commands import CampaignEntry
from app.delivery.ledger import Intent, refusal, resolve, returned
from app.delivery.outcomes import Kind
from app.faults import reached
from app.ids import ID_BYTES
from app.records import Outcome, Release, Result, Undecodable, decode, encode
from app.stream.app import StreamApp
from app.stream.beats import Beats
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Abandoned, Lanes
from app.stream.pack_table import PackTable
from app.stream.places import Places
from app.stream.ticks import every
from app.transport.journal import AttemptJournal
from app.transport.neighbours import Neighbours
from app.transport.smtp import SmtpPool
from tables import ledger

CONNECTIONS_A_RELEASE = 8
MOST_ROWS = 500  # of a release; ours have at most 100
KEEP_RESULTS = 7 * 86_400.0  # seconds of log time
PRIORITY = {topics.TRANSACTIONAL: 0, topics.BULK: 1}  # who gets a connection first

# Releases that are being sent at a time over one route. A route that hangs fills its own places and no others.
PLACES_A_ROUTE = {topics.TRANSACTIONAL: 32, topics.BULK: 8}
# Releases that are being sent or wait for a place. Pacing keeps what is open below that: LEAST_OPEN a partition.
RELEASES_IN_HAND = {topics.TRANSACTIONAL: 1_024, topics.BULK: 2_048}


@dataclass(frozen=True, slots=True)
class Sender:
    """What a sender worker works with."""

    app: StreamApp
    channel: str
    table: PackTable
    campaigns: Campaigns
    composer: Composer
    pools: Pools
    journal: AttemptJournal
    beats: Beats
    neighbours: Neighbours
    quarantine: Quarantine
    dead: DeadLetters


def attach(sender: Sender, lane: str, lanes: Lanes) -> AgentT[bytes]:
    """Add the sender of *lane* of its channel to its app."""
    app, table = sender.app, sender.table
    places = Places(lanes, PLACES_A_ROUTE[lane])
    log_time: dict[int, float] = {}  # partition -> log time of the last release handled

    @app.agent(app.raw_topic(topics.send_attempted(sender.channel, lane)), name=f"send-{sender.channel}-{lane}")
    async def send(releases: StreamT[bytes]) -> None:
        await lanes.run(releases, send_release)

    async def send_release(event: EventT[bytes]) -> None:
        release = decode(Release, event.value)
        if isinstance(release, Undecodable):
            await sender.dead.put(event, release.reason)
            return
        if len(release.release_id) != ID_BYTES or not 0 < len(release.rows) <= MOST_ROWS:
            await sender.dead.put(event, f"a release of {len(release.rows)} rows, or an id that is none")
            return
        if release.channel != sender.channel:
            await sender.dead.put(
                event, f"a release for {release.channel[:50]!r}: these senders carry {sender.channel}"
            )
            return
        await lanes.only_one(release.release_id)
        lanes.check(event)
        partition = event.message.partition
        log_time[partition] = max(log_time.get(partition, 0.0), event.message.timestamp or 0.0)
        intent, stored = ledger.known_of(table, partition, release.release_id)
        if stored is not None:
            await app.produce(topics.SEND_RESULTED, partition, None, stored)
        elif intent is not None:
            await conclude(partition, in_doubt(release.release_id, intent))
        else:
            async with places.take(release.route):
                lanes.check(event)
                await conclude(partition, await execute(event, release))

    def in_doubt(release_id: bytes, intent: Intent) -> Result:
        if intent.disk == sender.journal.disk:
            notes = sender.journal.notes_on(release_id, intent)
        else:
            notes = sender.neighbours.notes_on(release_id, intent)
        return resolve(release_id, intent, notes, app.now())

    async def conclude(partition: int, result: Result) -> None:
        await table.write(partition, ledger.conclude(result))
        sender.journal.forget(result.release_id)
        reached("send.concluded")
        await app.produce(topics.SEND_RESULTED, partition, None, encode(result))
        reached("send.produced")

    async def execute(event: EventT[bytes], release: Release) -> Result:
        campaign = sender.campaigns.get(release.campaign)
        reason = refusal(release, campaign, app.now())
        if not reason and not sender.beats.fresh():
            reason = "this sender does not hear its directory"
        pool = sender.pools.of(release.route)
        if not reason and pool is None:
            reason = f"route {release.route} not here yet"
        if reason or campaign is None or pool is None:
            return returned(release, reason, app.now())
        async with sender.quarantine.enter(release.campaign, release.rows[0].message_id) as poison:
            if poison:
                await sender.dead.put(event, poison)
                return held(release, "poison", poison, app.now())
            letters = await sender.composer.letters_of(campaign, {row.variant for row in release.rows}, release.channel)
            if letters is None:
                return returned(release, "content not here yet", app.now())
            journal = sender.journal
            intent = Intent(journal.disk, app.now(), release.campaign, release.route, len(release.rows), journal.life)
            await table.write(event.message.partition, ledger.intend(release.release_id, intent))
            reached("send.intended")
            return await send_rows(event, release, campaign, letters, pool)

    async def send_rows(
        event: EventT[bytes], release: Release, campaign: CampaignEntry, letters: Letters, pool: Pool
    ) -> Result:
        guard, journal, quarantine = start_guard(event, release), sender.journal, sender.quarantine
        if not isinstance(pool, SmtpPool):
            whole, callback = pool.form == "whole", sender.pools.callback_of(release.route)
            parcels = ReleaseParcels(
                release, letters, guard, journal, quarantine, app.now, whole=whole, callback=callback
            )
            await pool.deliver(parcels, CONNECTIONS_A_RELEASE, PRIORITY[lane])
            outcomes = parcels.outcomes()
        else:
            sender_address = campaign.spec.from_email
            bounces = sender.pools.bounces_of(release.route)
            mailing = ReleaseMailing(release, sender_address, letters, guard, journal, quarantine, app.now, bounces)
            await pool.deliver(mailing, CONNECTIONS_A_RELEASE, PRIORITY[lane])
            outcomes = mailing.outcomes()
        reached("send.sent")
        return Result(release.release_id, release.campaign, release.route, app.now(), outcomes)

    def start_guard(event: EventT[bytes], release: Release) -> Callable[[], bool]:
        def may_start() -> bool:
            try:
                lanes.check(event)
            except Abandoned:
                return False
            return sender.beats.fresh() and not refusal(release, sender.campaigns.get(release.campaign), app.now())

        return may_start

    async def sweep() -> None:
        for partition in filter(table.owns, range(app.partitions)):
            old = ledger.expired(table, partition, log_time.get(partition, 0.0) - KEEP_RESULTS, 200)
            if old:
                await table.write(partition, old)

    if lane == topics.BULK:
        every(app, 60.0, sweep)
    return send


def held(release: Release, klass: str, reason: str, now: float) -> Result:
    """The result of a release that is set aside: its people are shown as blocked, with the reason."""
    outcome = Outcome(Kind.BLOCKED, now, klass=klass, detail=reason[:500])
    return Result(release.release_id, release.campaign, release.route, now, [outcome] * len(release.rows))
