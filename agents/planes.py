"""The planes: which agents, tables and directories make up each worker process.

Reading order of a message: door, command, seal, expand, gate, demand, pace, release, send, settle.
Each builder imports its own agents, so that a worker holds in memory only what it runs.
"""

import random
from functools import partial

from aiokafka.structs import TopicPartition

from agents.campaigns import Campaigns
from app import topics
from app.commands import Command
from app.records import ReceivedReport, encode
from app.settings import Settings
from app.stream import trim
from app.stream.app import StreamApp, create_app
from app.stream.beats import Beats
from app.stream.dead_letters import DeadLetters
from app.stream.directory import Directory
from app.stream.lanes import Lanes
from app.stream.taken_in import TakenIn

# Web views: the first port of each plane, counted from settings.web_port; a slot adds its number.
WEB_PORTS = {
    "pacing": 0, "recipients": 4, "senders-email": 14, "intake": 24,
    "senders-sms": 34, "senders-whatsapp": 44, "senders-voice": 54,
}  # fmt: skip

# The way of a report to its message. What nobody has told in time is judged once all this is read.
REPORTS = (
    (topics.REPORT_RECEIVED, topics.INTAKE_APP),
    (topics.REF_LEARNED, topics.RECIPIENTS_APP),
    (topics.DELIVERY_REPORTED, topics.RECIPIENTS_APP),
)


def _app(plane: str, app_id: str, settings: Settings, slot: int) -> StreamApp:
    return create_app(
        app_id,
        settings,
        worker=f"{plane}-{slot}",
        web_port=settings.web_port + WEB_PORTS[plane] + slot,
    )


def _directory(app: StreamApp, topic: str) -> Directory:
    directory = Directory(app.settings.kafka, topic)
    app.before_start(directory.start)
    app.after_stop(directory.stop)
    return directory


def build_recipients(settings: Settings, slot: int = 0) -> StreamApp:
    """recipients: suppressions, dedup window, and each message's life from listed to final."""
    from agents import decide, gate, inbound, refs, release, report, settle, suppress, sweep
    from agents.accounts import AccountPools, Accounts
    from agents.awaited import Deadlines
    from agents.categories import Categories
    from agents.demand import DemandReport
    from agents.frequency import AccountsCaps, Frequency
    from agents.heard import Heard
    from agents.onward import Onwards
    from agents.opening import Opening
    from agents.recipients import Recipients
    from agents.stored_routes import StoredRoutes
    from agents.told import Reporting
    from agents.views import attach_partition_views
    from app.delivery.people.windows import Hours
    from app.stream.zones import zone_named

    app = _app("recipients", topics.RECIPIENTS_APP, settings, slot)
    recipients = Recipients(app, app.pack_table(topics.RECIPIENTS_TABLE))
    directory = _directory(app, topics.CAMPAIGN_CHANGED)
    campaigns, dead = Campaigns(directory), DeadLetters(app)
    accounts = _directory(app, topics.ACCOUNT_CHANGED)
    caps, hours = AccountsCaps(accounts), Hours(zone_named)
    frequency = Frequency(recipients, campaigns, caps, hours)
    frequency.attach()
    contents = _directory(app, topics.TEMPLATE_PUBLISHED)
    opening = Opening(app, recipients, campaigns, hours, frequency, Categories(contents))
    gate.attach(app, topics.TRANSACTIONAL, Lanes(app, 64, "urgent"), opening, dead)
    gate.attach(app, topics.BULK, Lanes(app, 16, "bulk"), opening, dead)
    release.attach(app, Lanes(app, 64, "bulk"), opening, dead)
    routes = StoredRoutes(_directory(app, topics.ROUTE_CHANGED))
    onwards = Onwards(recipients, campaigns, routes, AccountPools(accounts), contents, settings)
    suppress.attach(app, Lanes(app, 64), recipients, dead)
    inbound.attach(app, Lanes(app, 64), recipients, accounts, dead)
    dice = random.Random()

    def heard(partition: int, now: float) -> Heard:
        state = recipients.partitions[partition]
        return Heard(
            partition, state, onwards, lambda name: settle.rules_of(campaigns.get(name), settings, hours), now, dice
        )

    reporting = Reporting(recipients, Accounts(accounts), dead, heard, routes.serves, routes.channel_of)
    settle.attach(
        app, Lanes(app, 64, "bulk"), recipients, campaigns, frequency, dead, hours, settings, routes, onwards, reporting
    )
    report.attach(app, Lanes(app, 16, "bulk"), recipients, frequency, reporting, dead, heard)
    refs.Refs(app, Lanes(app, 16, "bulk"), recipients, dead).attach()
    told = TakenIn(app, REPORTS)
    told.attach()
    decide.attach(app, recipients, campaigns, routes, settings, onwards, told.up_to)
    Deadlines(app, recipients, campaigns, onwards, told.up_to).attach()
    sweep.attach(app, recipients, campaigns)
    DemandReport(app, recipients).attach()
    Beats(app, app.worker_name, "recipients", directory)
    attach_partition_views(app, recipients)
    return app


def build_senders(settings: Settings, channel: str = topics.EMAIL, slot: int = 0) -> StreamApp:
    """senders of *channel*: the ledger, the journal and the connections."""
    from agents import send
    from agents.compose import Composer
    from agents.pools import Pools
    from agents.quarantine import Quarantine
    from app.providers.smpp_pdu import Pdu, packed
    from app.stream.last_act import LastAct
    from app.transport.journal import AttemptJournal
    from app.transport.neighbours import Neighbours

    if channel not in topics.CHANNELS:
        raise ValueError(f"there is no channel {channel!r}: channels are {', '.join(topics.CHANNELS)}")
    app = _app(f"senders-{channel}", topics.senders_app(channel), settings, slot)
    directory, contents = _directory(app, topics.CAMPAIGN_CHANGED), _directory(app, topics.TEMPLATE_PUBLISHED)
    neighbours = Neighbours(app.state_dir)
    journal = AttemptJournal(app.state_dir)

    def before_write() -> None:
        app.not_frozen()
        journal.flush()

    async def received(route: str, pdu: Pdu) -> bool:
        report = ReceivedReport("smpp", route, "session", app.now(), packed(pdu))
        await app.produce(topics.REPORT_RECEIVED, None, None, encode(report))
        return True

    routes = _directory(app, topics.ROUTE_CHANGED)
    pools = Pools(settings, routes, before_write, received if channel == "sms" else None)
    app.after_stop(pools.close)

    async def pause(campaign: str) -> None:
        entry = sender.campaigns.get(campaign)
        account = "default" if entry is None else entry.account
        asked = Command(
            id=f"quarantine-{app.worker_name}-{campaign}-{app.now():.0f}",
            account=account,
            kind="campaign.pause",
            campaign=campaign,
        )
        await app.produce(topics.CAMPAIGN_COMMANDED, None, campaign.encode(), asked.model_dump_json().encode())

    sender = send.Sender(
        app, channel, app.pack_table(topics.SENDERS_TABLE), Campaigns(directory), Composer(contents, settings), pools,
        journal, Beats(app, app.worker_name, "senders", directory), neighbours,
        Quarantine(app.crash_notes, LastAct(app.state_dir / "last_act"), pause), DeadLetters(app),
    )  # fmt: skip
    if channel == "sms" and settings.lookups:
        from agents.reports import Routes
        from agents.smsc_lookups import SmscLookups
        from app.clickhouse.client import ClickHouse

        client = ClickHouse(settings)
        app.after_stop(client.close)
        SmscLookups(app, client, Routes(routes), settings, pools).attach()
    for lane in topics.LANES:
        send.attach(sender, lane, Lanes(app, send.RELEASES_IN_HAND[lane], most_waiting=64))
    return app


def build_pacing(settings: Settings, slot: int = 0) -> StreamApp:
    """pacing: campaign lifecycle, limits, credits."""
    from agents import command, course, pace, shards, wanted
    from agents.alerts import Alerts
    from agents.pacing import Pacing
    from agents.status import Status
    from agents.views import attach_pacing_views
    from app.transport.alert_post import post_alert

    app = _app("pacing", topics.PACING_APP, settings, slot)
    pacing, dead = Pacing(app, app.pack_table(topics.PACING_TABLE), settings), DeadLetters(app)
    command.attach(app, Lanes(app, 64), pacing, dead)
    pace.attach(app, Lanes(app, 1), pacing, dead)
    shards.Shards(app, pacing).attach()
    wanted.attach(app, pacing)
    directory = TopicPartition(topics.CAMPAIGN_CHANGED, 0)
    mirrored = partial(trim.committed_offset, settings.kafka, topics.RECORD_GROUP, directory)
    course.Course(app, pacing, mirrored).attach()
    Status(app, pacing).attach()
    if settings.alert_url:
        Alerts(app, pacing, settings.alert_url, post_alert).attach()
    attach_pacing_views(app, pacing)
    return app


def build_intake(settings: Settings, slot: int = 0) -> StreamApp:
    """intake: the Kafka door, sealing, expanding, counting results, reports of providers, asking them and DNS."""
    from agents import door, expand, lookups, reports, seal, winner
    from agents.accounts import AccountPools
    from agents.number_owners import NumberOwners
    from agents.phone_rows import PhoneRows
    from app.clickhouse.client import ClickHouse

    app = _app("intake", topics.INTAKE_APP, settings, slot)
    client, dead = ClickHouse(settings), DeadLetters(app)
    app.after_stop(client.close)
    app.unhurried = frozenset({topics.REPORT_RECEIVED})
    door.attach(app, Lanes(app, 16), client, dead)
    seal.attach(app, Lanes(app, 8), client, dead, settings.secret_path)
    campaigns, accounts = Campaigns(_directory(app, topics.CAMPAIGN_CHANGED)), _directory(app, topics.ACCOUNT_CHANGED)
    phones = PhoneRows(campaigns, AccountPools(accounts), _directory(app, topics.TEMPLATE_PUBLISHED), settings)
    expand.attach(app, Lanes(app, 4), client, dead, phones)
    winner.attach(app, Lanes(app, 4), client, dead)
    known_routes = reports.Routes(_directory(app, topics.ROUTE_CHANGED))
    reports.attach(app, Lanes(app, 256), known_routes, NumberOwners(accounts, campaigns), dead)
    if settings.lookups:
        lookups.Lookups(app, client, known_routes, settings).attach()
    if settings.mx_lookup == "on":
        from agents import mx
        from app.transport.mx_lookup import MxLookup

        mx.attach(app, client, MxLookup(settings.dns_servers))
    trim.attach(app)
    return app
