"""recipient.listed -> waiting: let through whom we may and should write to."""

import asyncio

from faust.types import AgentT, EventT, StreamT

from agents.campaigns import Campaigns
from agents.recipients import Recipients
from app import topics
from app.commands import CampaignEntry
from app.delivery.events import of_admission
from app.delivery.gate import GateRules, admit, message_ids, mistakes_in, sighting_keys
from app.faults import reached
from app.records import RecipientPack, Undecodable, decode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from tables.recipients import Batch, known_of, verdict_on

MOST_BYTES = 300_000  # of a pack: a third more than expanding makes
UNKNOWN_CAMPAIGN_AFTER = 30.0  # seconds until a pack of a campaign that nobody announced is set aside


def attach(
    app: StreamApp, lane: str, lanes: Lanes, recipients: Recipients, campaigns: Campaigns, dead: DeadLetters
) -> AgentT[bytes]:
    """Add the gate of *lane* to *app*."""
    name = topics.LISTED_TRANSACTIONAL if lane == topics.TRANSACTIONAL else topics.LISTED_BULK

    @app.agent(app.raw_topic(name), name=f"gate-{lane}")
    async def gate(packs: StreamT[bytes]) -> None:
        await lanes.run(packs, admit_pack)

    async def admit_pack(event: EventT[bytes]) -> None:
        pack = decode(RecipientPack, event.value)
        if isinstance(pack, Undecodable):
            await dead.put(event, pack.reason)
            return
        wrong = mistakes_in(pack, lane, event.message.partition, app.partitions, app.now())
        if wrong or len(event.value) > MOST_BYTES:
            await dead.put(event, wrong or f"a pack of {len(event.value)} bytes: the most is {MOST_BYTES}")
            return
        entry = await known(pack, event)
        if entry is None or entry.account != pack.account:
            await dead.put(event, f"campaign {pack.campaign[:200]} is not known in account {pack.account[:200]}")
            return
        if (entry.spec.kind == "transactional") != (lane == topics.TRANSACTIONAL):
            await dead.put(event, f"a pack in the {lane} lane of {pack.campaign}, which is a {entry.spec.kind} one")
            return
        await lanes.only_one(pack.pack_id)
        await decide(event, pack, rules_of(entry))

    async def known(pack: RecipientPack, event: EventT[bytes]) -> CampaignEntry | None:
        for _ in range(int(UNKNOWN_CAMPAIGN_AFTER / 0.1)):
            entry = campaigns.get(pack.campaign)
            if entry is not None:
                return entry
            await asyncio.sleep(0.1)
            lanes.check(event)
        return None

    async def decide(event: EventT[bytes], pack: RecipientPack, rules: GateRules) -> None:
        partition, table = event.message.partition, recipients.table
        lanes.check(event)
        if verdict_on(table, partition, pack.pack_id) is not None:
            return  # a replay: all of it is in the table, its events too
        messages = message_ids(pack, rules.channel)
        known_rows = known_of(
            table, partition, [row.recipient_id for row in pack.rows], sighting_keys(rules, pack.rows)
        )
        batch = Batch()
        verdict = admit(recipients.partitions[partition], batch, pack, messages, known_rows, rules, app.now())
        await recipients.commit(partition, batch, of_admission(rules.channel, pack, messages, verdict))
        reached("gate.written")

    return gate


def rules_of(entry: CampaignEntry) -> GateRules:
    """What the gate needs to know of a campaign. A second transactional message is no duplicate of the first."""
    spec = entry.spec
    window = 0.0 if spec.kind == "transactional" else spec.dedup.window
    return GateRules(
        entry.account, entry.id, spec.channel, tuple(spec.lists), spec.dedup.key, window,
        entry.state in ("CANCELLING", "CANCELLED"),
    )  # fmt: skip
