"""command.accepted -> the owner decides, stores the answer, then tells what has changed.

Several commands are in flight: each is decided and its write begun in one synchronous step, in the order in which
they came; what is waited for are the acknowledgements.
"""

from aiokafka.structs import RecordMetadata
from faust.types import AgentT, EventT, StreamT
from pydantic import ValidationError

from agents.outbox import Acks
from agents.owned import Position
from agents.pacing import Pacing
from agents.resolutions import notes_of
from agents.thing_commands import carry_out, note_of
from app import topics
from app.commands import Accepted, Answer, CampaignEntry, Command, Trial
from app.delivery.campaigns import things
from app.delivery.campaigns.answers import filed, fingerprint, kept_fingerprint, reused
from app.delivery.campaigns.decisions import Decision
from app.delivery.campaigns.lifecycle import LIVE, seal_failed, sealed
from app.delivery.campaigns.trial import with_results
from app.delivery.people.senders import notes_on_sender
from app.delivery.routes.named import notes_on_names
from app.faults import reached
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables.pacing_answers import StoredAnswer, answer_items, old_answers, stored_answer
from tables.pacing_things import Writes, untold_item

ANSWERS_KEPT = 86_400.0
ANSWERS_A_SWEEP = 4_000  # every 300 s: 13 commands a second

NAMING = ("campaign.create", "campaign.update", "campaign.clone")  # commands that may name a sender
USING = ("campaign.start", "campaign.throttle")  # and routes


def attach(app: StreamApp, lanes: Lanes, pacing: Pacing, dead: DeadLetters) -> AgentT[bytes]:
    """Add the deciding agent to *app*."""

    @app.agent(app.raw_topic(topics.COMMAND_ACCEPTED), name="command")
    async def command(accepted: StreamT[bytes]) -> None:
        await lanes.run(accepted, take)

    async def take(event: EventT[bytes]) -> None:
        try:
            accepted = Accepted.model_validate_json(event.value)
        except ValidationError as error:
            await dead.put(event, f"not an accepted command: {error.error_count()} mistakes")
            return
        lanes.check(event)
        pacing.adopt(event.message.partition)
        if not pacing.owns(event.message.partition):
            await dead.put(event, "a command outside the partition of the pacing group")
            return
        await pacing.make_up()
        lanes.check(event)
        if accepted.command is not None:
            await answer_to(accepted.command, bytes.fromhex(accepted.fingerprint))
        elif accepted.sealed is not None or accepted.seal_failed:
            await take_seal(accepted)
        elif accepted.trial is not None:
            await take_results(accepted.campaign, accepted.trial)
        else:
            await dead.put(event, "neither a command nor a seal nor results")

    async def answer_to(asked: Command, body: bytes) -> None:
        await lanes.only_one(f"{asked.account}|{asked.id}".encode())
        before = stored_answer(pacing.table, event_group(), asked.account, asked.id)
        body = body or fingerprint(asked)
        if asked.kind.startswith("answer."):
            await file(asked, before, body)
        elif before is not None:
            await repeat(asked, before, body)
        elif asked.kind.startswith("campaign."):
            await move_campaign(asked, body)
        else:
            await change_thing(asked, body)

    async def move_campaign(asked: Command, body: bytes) -> None:
        now = app.now()
        outcome = pacing.owned.decide(asked, now)
        shown = outcome.entry if outcome.decision.status < 400 else None
        answer = _answer_of(asked, outcome.decision, shown)
        if shown is not None and asked.kind in NAMING:
            answer.notes = notes_on_sender(shown.spec.sender_id, pacing.things.account(shown.account).number_pools)
        if shown is not None and (asked.kind in NAMING or asked.kind in USING):
            answer.notes = answer.notes + notes_on_names(shown.spec, pacing.things.routes)
        if asked.kind == "campaign.resolve" and shown is not None:
            outcome.writes.add(notes_of(asked, app.partitions, now))
        acks = await pacing.write(answer_items(body, now, answer), outcome.writes)
        reached("command.written")
        await say(answer, body, shown, acks)

    async def change_thing(asked: Command, body: bytes) -> None:
        running = sum(entry.state in LIVE for entry in pacing.campaigns.values()) if asked.route or asked.thing else 0
        accounts = {entry.account for entry in pacing.campaigns.values()} if asked.limit or asked.route else ()
        carried = carry_out(
            pacing.things, pacing.pacer, asked, app.now(),
            running=running, accounts=accounts, by_hand=pacing.route_by_hand,
        )  # fmt: skip
        if isinstance(carried.decision, things.Refusal):
            await publish_new(body, _refused(asked, carried.decision))
            return
        answer = _done(asked, carried.decision)
        carried.writes.items += pacing.change_items(carried.decision.change, asked.actor, app.now())
        acks = await pacing.write(answer_items(body, app.now(), answer), carried.writes)
        reached("thing.written")
        if carried.note is not None:
            answer = placed(answer, await acks[untold_item(*carried.note)[0]])
        await publish(answer, body)

    async def file(asked: Command, before: StoredAnswer | None, body: bytes) -> None:
        stored = Answer.model_validate_json(before.answer) if before is not None else None
        answer = filed(asked, before.body if before is not None else None, stored)
        if answer.status == 201:
            await pacing.write(answer_items(kept_fingerprint(asked), app.now(), answer))
        await publish(answer, body)

    async def repeat(asked: Command, before: StoredAnswer, body: bytes) -> None:
        if before.body != body:
            await publish(reused(asked), body)
            return
        answer = Answer.model_validate_json(before.answer)
        if answer.status < 400 and not answer.campaign:
            note = note_of(asked, answer.thing, app.now())
            answer = placed(answer, await pacing.things.outbox.tell(*note))
        await say(answer, body, pacing.owned.get(answer.campaign))

    async def publish_new(body: bytes, answer: Answer) -> None:
        await pacing.write(answer_items(body, app.now(), answer))
        await publish(answer, body)

    async def say(answer: Answer, body: bytes, entry: CampaignEntry | None, acks: Acks | None = None) -> None:
        """Tell of the campaign, then the one who asked. The same again when it is said twice."""
        if entry is not None and answer.status < 400:
            answer = placed(answer, await pacing.tell(entry, acks))
        await publish(answer, body)

    async def publish(answer: Answer, body: bytes) -> None:
        answer = answer.model_copy(update={"fingerprint": body.hex()})
        await app.produce(topics.COMMAND_ANSWERED, 0, answer.id.encode(), answer.model_dump_json().encode())

    async def take_seal(accepted: Accepted) -> None:
        entry, now = pacing.campaigns.get(accepted.campaign), app.now()
        if entry is None:
            return
        if accepted.sealed is not None:
            after = sealed(entry, accepted.sealed, now)
        else:
            after = seal_failed(entry, accepted.seal_failed, now)
        if after is not None:
            await pacing.carry(entry, after, lambda: reached("seal.written"))

    async def take_results(campaign: str, trial: Trial) -> None:
        entry = pacing.campaigns.get(campaign)
        after = with_results(entry, trial.results, app.now()) if entry is not None else None
        if entry is not None and after is not None:
            await pacing.carry(entry, after, lambda: reached("trial.written"))

    async def forget_old_answers() -> None:
        if pacing.group is not None:
            old = old_answers(pacing.table, pacing.group, app.now() - ANSWERS_KEPT, ANSWERS_A_SWEEP)
            if old:
                await pacing.write([], Writes(first=old))

    def event_group() -> int:
        assert pacing.group is not None
        return pacing.group

    every(app, 300.0, forget_old_answers)
    return command


def placed(answer: Answer, record: RecordMetadata | Position) -> Answer:
    """*answer* with where to read what it is about."""
    where = {"topic": record.topic, "partition": record.partition, "position": record.offset}
    return answer.model_copy(update=where)


def _refused(asked: Command, refusal: things.Refusal) -> Answer:
    return Answer(id=asked.id, account=asked.account, status=refusal.status, error=refusal.error, field=refusal.field)


def _answer_of(asked: Command, decision: Decision, entry: CampaignEntry | None) -> Answer:
    if entry is None:
        return Answer(
            id=asked.id, account=asked.account, status=decision.status, error=decision.error, field=decision.field,
            allowed=list(decision.allowed),
        )  # fmt: skip
    return Answer(
        id=asked.id, account=asked.account, status=decision.status, campaign=entry.id, state=entry.state,
        thing=entry.model_dump(mode="json", exclude={"seal"}),
    )  # fmt: skip


def _done(asked: Command, decision: things.Decision) -> Answer:
    return Answer(
        id=asked.id, account=asked.account, status=decision.status, thing=decision.thing, notes=decision.notes
    )
