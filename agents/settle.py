"""send.resulted -> messages, waiting: close the release, count once, schedule what is tried again."""

import random

from faust.types import AgentT, EventT, StreamT

from agents.campaigns import Campaigns
from agents.recipients import Recipients
from app import topics
from app.delivery.events import of_settlement
from app.delivery.outcomes import Kind
from app.delivery.partition import OpenRelease
from app.delivery.settle import RetryRules, settle
from app.faults import reached
from app.records import Result, Undecodable, decode
from app.settings import Settings
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
    dead: DeadLetters,
    settings: Settings,
    channel: str,
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
        batch = Batch()
        settlement = settle(state, batch, number, result, rules_of(release), app.now(), dice.random())
        if settlement is not None:
            await recipients.commit(partition, batch, of_settlement(channel, settlement))
        reached("settle.written")

    def rules_of(release: OpenRelease) -> RetryRules:
        entry = campaigns.get(release.campaign)
        delays = entry.spec.retries.transient if entry is not None else None
        resend = entry is not None and entry.spec.unknown == "resend"
        return RetryRules(
            settings.retry_delays if delays is None else delays, settings.retry_jitter, resend_unknown=resend
        )

    return settle_results


def mistakes_in(result: Result, release: OpenRelease, partition: int) -> str:
    """Why *result* cannot be the answer to *release*, or ""."""
    if int.from_bytes(result.release_id[4:8], "big") != partition:
        return "the release is of another partition"
    if result.outcomes and len(result.outcomes) != release.size:
        return f"{len(result.outcomes)} outcomes for {release.size} messages"
    if any(outcome.kind not in KINDS for outcome in result.outcomes):
        return "an outcome of no known kind"
    return ""
