"""command.accepted -> campaigns: the owner decides, stores the answer, then tells it."""

from hashlib import blake2b

from faust.types import AgentT, EventT, StreamT
from pydantic import ValidationError

from agents.pacing import Pacing
from app import topics
from app.commands import Accepted, Answer, CampaignEntry, Command
from app.delivery.decisions import campaign_id, decide
from app.delivery.lifecycle import moved, sealed
from app.faults import reached
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes
from app.stream.ticks import every
from tables import pacing as sections

ANSWERS_KEPT = 86_400.0
ANSWERS_A_SWEEP = 4_000  # every 300 s: 13 commands a second


def attach(app: StreamApp, lanes: Lanes, pacing: Pacing, dead: DeadLetters) -> AgentT[bytes]:
    """Add the deciding agent to *app*. *lanes* runs one command at a time."""

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
        elif accepted.command is not None:
            await carry_out(accepted.command)
        elif accepted.sealed is not None or accepted.seal_failed:
            await take_seal(accepted)
        else:
            await dead.put(event, "neither a command nor a seal")

    async def carry_out(asked: Command) -> None:
        body = blake2b(asked.model_dump_json().encode(), digest_size=16).digest()
        before = sections.stored_answer(pacing.table, event_group(), asked.account, asked.id)
        if before is not None:
            await repeat(asked, before, body)
            return
        ident = campaign_id(asked)
        decision = decide(pacing.campaigns.get(ident), asked, app.now())
        entry = decision.entry or pacing.campaigns.get(ident)
        answer = Answer(
            id=asked.id, account=asked.account, status=decision.status, error=decision.error, field=decision.field,
            campaign=ident if decision.status < 400 and asked.kind != "limit.set" else "",
            state=entry.state if entry is not None and decision.status < 400 else "",
        )  # fmt: skip
        items: sections.Items = [sections.answer_item(body, app.now(), answer)]
        if decision.entry is not None:
            items.append(sections.campaign_item(decision.entry))
            pacing.remember(decision.entry)
        if decision.limit is not None:
            items.append(sections.limit_item(decision.limit))
            pacing.pacer.limit(decision.limit)
        await pacing.write(items)
        reached("command.written")
        await say(answer, entry)

    async def repeat(asked: Command, before: sections.StoredAnswer, body: bytes) -> None:
        if before.body != body:
            text = "this id was used for another command within the last 24 hours"
            await publish(Answer(id=asked.id, account=asked.account, status=422, error=text, field="id"))
            return
        answer = Answer.model_validate_json(before.answer)
        await say(answer, pacing.campaigns.get(answer.campaign))

    async def say(answer: Answer, entry: CampaignEntry | None) -> None:
        """Tell the directory, then the one who asked. The same again when it is said twice."""
        if entry is not None and answer.status < 400:
            position = await pacing.tell(entry)
            if entry.state == "SEALING":
                await pacing.ask_for_seal(entry)
            answer = answer.model_copy(update={"position": position})
        await publish(answer)

    async def publish(answer: Answer) -> None:
        await app.produce(topics.COMMAND_ANSWERED, 0, answer.id.encode(), answer.model_dump_json().encode())

    async def take_seal(accepted: Accepted) -> None:
        entry = pacing.campaigns.get(accepted.campaign)
        if entry is None or entry.state != "SEALING":
            return
        if accepted.sealed is not None:
            after = sealed(entry, accepted.sealed, app.now())
        else:
            after = moved(entry, "FAILED", app.now()).model_copy(update={"reason": accepted.seal_failed})
        if after is not None:
            pacing.remember(after)
            await pacing.write([sections.campaign_item(after)])
            reached("seal.written")
            await pacing.tell(after)

    async def forget_old_answers() -> None:
        if pacing.group is not None:
            old = sections.old_answers(pacing.table, pacing.group, app.now() - ANSWERS_KEPT, ANSWERS_A_SWEEP)
            if old:
                await pacing.write(old)

    def event_group() -> int:
        assert pacing.group is not None
        return pacing.group

    every(app, 300.0, forget_old_answers)
    return command
