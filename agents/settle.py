"""send.resulted -> messages, waiting: close the release, count once, schedule what is tried again."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace

from faust.types import AgentT, EventT, StreamT

from agents.campaigns import Campaigns
from agents.frequency import Frequency
from agents.onward import Onwards
from agents.recipients import Recipients
from agents.stored_routes import StoredRoutes
from agents.told import Reporting
from app import topics
from app.commands import CampaignEntry
from app.delivery.events import of_settlement
from app.delivery.fallbacks.onward import NOWHERE
from app.delivery.outcomes import Kind
from app.delivery.partition import was_tried
from app.delivery.partition_records import OpenRelease
from app.delivery.people.windows import Hours
from app.delivery.release import rows_in
from app.delivery.reports.packs import learned_by
from app.delivery.retries import RetryRules
from app.delivery.settle import settle
from app.faults import reached
from app.records import Outgoing, Reference, Result, Undecodable, decode, encode
from app.settings import Settings
from app.specs import Retries
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from tables.recipients import Batch

KINDS = frozenset(Kind)


def attach(
    app: StreamApp,
    lanes: Lanes,
    recipients: Recipients,
    campaigns: Campaigns,
    frequency: Frequency,
    dead: DeadLetters,
    hours: Hours,
    settings: Settings,
    routes: StoredRoutes,
    onwards: Onwards,
    reporting: Reporting,
) -> AgentT[bytes]:
    """Add the settling agent to *app*."""
    dice = random.Random()

    @app.agent(app.raw_topic(topics.SEND_RESULTED), name="settle")
    async def settle_results(results: StreamT[bytes]) -> None:
        await lanes.run(results, settle_result)

    async def settle_result(event: EventT[bytes]) -> None:
        result = decode(Result, event.value)
        if isinstance(result, Undecodable):
            await dead.put(event, result.reason)
            return
        lanes.check(event)
        partition = event.message.partition
        state, number = recipients.partitions[partition], int.from_bytes(result.release_id[-8:], "big")
        release = state.releases.get(number)
        if release is None:
            return  # settled before: a repeat
        wrong = mistakes_in(result, release, partition)
        if wrong:
            await dead.put(event, wrong)
            return
        if not routes.repeats_our_id(release.route):
            # Before the batch: once the release is closed nobody would tell of its ids any more. Twice does no harm.
            await tell_ids(result, release, rows_in(state, release))
            reached("settle.ids_told")
            lanes.check(event)
            if number not in state.releases:
                return
        if any(outcome.kind in (Kind.REFUSED, Kind.BLOCKED) for outcome in result.outcomes):
            answers = list(zip(rows_in(state, release), result.outcomes, strict=True))
            await reporting.refused(partition, release, answers, app.now())
            reached("settle.suppressed")
            lanes.check(event)
            if number not in state.releases:
                return
        if release.channel in topics.PHONES and await onwards.know([release.campaign]):
            lanes.check(event)
            if number not in state.releases:
                return
        batch = Batch()
        now = app.now()
        rules = rules_of(campaigns.get(release.campaign), settings, hours)
        onward = NOWHERE
        if release.channel in topics.PHONES or was_tried(release):
            onward = onwards.of(partition, release.campaign, now, rows_in(state, release) if was_tried(release) else ())
        settlement = settle(state, batch, number, result, rules, now, dice.random(), onward)
        if settlement is not None:
            frequency.settle(partition, batch, settlement, app.now())
            batch.also(reporting.brakes(partition, now))
            await recipients.commit(partition, batch, of_settlement(settlement))
        reached("settle.written")

    async def tell_ids(result: Result, release: OpenRelease, rows: Sequence[Outgoing]) -> None:
        ids = [
            Reference(outcome.ref, row.message_id, release.attempt)
            for row, outcome in zip(rows, result.outcomes, strict=False)
            if outcome.ref
        ]
        records = learned_by(ids, release.route, result.at, app.partitions)
        await asyncio.gather(*(app.produce(topics.REF_LEARNED, owner, None, encode(each)) for owner, each in records))

    return settle_results


def rules_of(entry: CampaignEntry | None, settings: Settings, hours: Hours) -> RetryRules:
    """When messages of the campaign are tried again: as it says, else as the installation is set."""
    own = entry.spec.retries if entry is not None else Retries()
    rules = RetryRules(
        settings.retry_delays if own.transient is None else own.transient,
        settings.retry_soft_delays if own.soft is None else own.soft,
        settings.retry_throttle if own.throttle is None else own.throttle,
        settings.retry_give_up_after if own.give_up_after is None else own.give_up_after,
        settings.retry_jitter,
    )
    if entry is None:
        return rules
    ends_at = 0.0 if entry.state == "CLOSING" else entry.spec.expires_at or float("inf")
    return replace(
        rules,
        resend_unknown=entry.spec.unknown == "resend",
        ends_at=ends_at,
        placed=lambda zone, due: hours.opening(entry, zone, due) or due,
    )


def mistakes_in(result: Result, release: OpenRelease, partition: int) -> str:
    """Why *result* cannot be the answer to *release*, or ""."""
    if int.from_bytes(result.release_id[4:8], "big") != partition:
        return "the release is of another partition"
    if result.outcomes and len(result.outcomes) != release.size:
        return f"{len(result.outcomes)} outcomes for {release.size} messages"
    if any(outcome.kind not in KINDS for outcome in result.outcomes):
        return "an outcome of no known kind"
    return ""
