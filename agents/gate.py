"""recipient.listed -> waiting: let through whom we may and should write to."""

import asyncio

from faust.types import AgentT, EventT, StreamT

from agents.opening import Opening, rules_of
from app import topics
from app.commands import Answer, CampaignEntry
from app.delivery.events import of_admission
from app.delivery.gate import admit, classes_of, message_ids, mistakes_in, sighting_keys
from app.delivery.people.tier import paid_keys
from app.delivery.release import spend_standing
from app.faults import reached
from app.records import RecipientPack, Undecodable, decode
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from tables.recipients import Batch, known_of, verdict_on

MOST_BYTES = 300_000  # of a pack: a third more than expanding makes
OTHER_BODY = "this Idempotency-Key was used for another request: use a new one"
UNKNOWN_CAMPAIGN_AFTER = 30.0  # seconds until a pack of a campaign that nobody announced is set aside


def attach(app: StreamApp, lane: str, lanes: Lanes, opening: Opening, dead: DeadLetters) -> AgentT[bytes]:
    """Add the gate of *lane* to *app*."""
    recipients, campaigns = opening.recipients, opening.campaigns
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
        await decide(event, pack, entry)
        if pack.request:
            reached("claim.written")
            await answer(event.message.partition, pack)

    async def known(pack: RecipientPack, event: EventT[bytes]) -> CampaignEntry | None:
        for _ in range(int(UNKNOWN_CAMPAIGN_AFTER / 0.1)):
            entry = campaigns.get(pack.campaign)
            if entry is not None:
                return entry
            await asyncio.sleep(0.1)
            lanes.check(event)
        return None

    async def decide(event: EventT[bytes], pack: RecipientPack, entry: CampaignEntry) -> None:
        partition, table = event.message.partition, recipients.table
        lanes.check(event)
        if verdict_on(table, partition, pack.pack_id) is not None:
            return  # a replay: all of it is in the table, its events too
        state, batch, now = recipients.partitions[partition], Batch(), app.now()
        rules = rules_of(entry, now, categories=opening.categories)
        messages = message_ids(pack, rules.channel)
        people = [row.recipient_id for row in pack.rows]
        paid = paid_keys(people) if rules.channel == "whatsapp" else ()
        known_rows = known_of(table, partition, people, sighting_keys(rules, pack.rows), paid)
        place = opening.hours.placing(entry)
        desk = opening.frequency.at_gate(partition, batch, entry, now)
        verdict = admit(state, batch, pack, messages, known_rows, rules, now, place, desk)
        capped = {i: desk.put_off[each] for i, each in enumerate(messages) if each in desk.put_off} if desk else {}
        events = of_admission(rules.channel, pack, messages, verdict, place, rules.dedup_key, capped)
        records: list[tuple[str, bytes]] = []
        if lane == topics.TRANSACTIONAL:
            keys = classes_of(pack, rules.channel)
            spent = spend_standing(state, batch, keys, opening.permits(partition, batch, now), now)
            if spent is not None:
                events += opening.events_of(spent, now)
                records = opening.records_of(partition, spent, now)
        await recipients.commit(partition, batch, events, records)
        reached("gate.written")

    async def answer(partition: int, pack: RecipientPack) -> None:
        """Tell who asked: the first with this pack's id has it, and who comes later with another body does not."""
        verdict = verdict_on(recipients.table, partition, pack.pack_id)
        assert verdict is not None
        said = Answer(id=pack.request, account=pack.account, status=202, campaign=verdict.campaign)
        said.thing = {"at": verdict.at}
        if verdict.body != pack.body:
            said = Answer(id=pack.request, account=pack.account, status=422, error=OTHER_BODY, field="Idempotency-Key")
        await app.produce(topics.COMMAND_ANSWERED, 0, said.id.encode(), said.model_dump_json().encode())

    return gate
