"""campaign.commanded -> command.accepted: the public door. Checks what anybody may have written."""

import orjson
from faust.types import AgentT, EventT, StreamT
from pydantic import ValidationError

from agents.admission import LONGEST_ERROR, MOST_ACCEPTED_BYTES, wrong_form
from agents.content_checks import ContentChecks
from agents.pacing import GROUP_KEY
from app import topics
from app.clickhouse.client import ClickHouse
from app.commands import MOST_COMMAND_BYTES, Accepted, Answer, Command
from app.content.address import wire_address
from app.delivery.campaigns.answers import fingerprint
from app.delivery.campaigns.decisions import campaign_id
from app.delivery.campaigns.things import Refusal, thing_named
from app.faults import reached
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes

MOST_READ_BYTES = 32_000_000  # of a command that is too large anyway: only to tell its sender
LONGEST_FIELD = 200  # characters of an answer


def attach(app: StreamApp, lanes: Lanes, client: ClickHouse, dead: DeadLetters) -> AgentT[bytes]:
    """Add the door to *app*."""
    checks = ContentChecks(client)

    @app.agent(app.raw_topic(topics.CAMPAIGN_COMMANDED), name="door")
    async def door(commands: StreamT[bytes]) -> None:
        await lanes.run(commands, check_command)

    async def check_command(event: EventT[bytes]) -> None:
        raw = event.value or b""
        command = read_command(raw)
        if isinstance(command, Refusal):
            await dead.put(event, f"not a command: {command.error}")
            account, ident = _sender_of(raw)
            if ident:
                await answer(account, ident, "", command)
            return
        asked = fingerprint(command).hex()
        if about := _about(command):
            await lanes.only_one(about)  # what is quickly checked must not overtake an order before it
        admitted = wrong_form(command) or await checks.compiled(command)
        if isinstance(admitted, Refusal):
            await answer(command.account, command.id, asked, admitted)
            return
        accepted = Accepted(command=_as_sent(admitted), fingerprint=asked, at=app.now())
        raw = accepted.model_dump_json().encode()
        if len(raw) > MOST_ACCEPTED_BYTES:
            text = f"a command of {len(raw):,} bytes when it is compiled: the most is {MOST_ACCEPTED_BYTES:,}"
            await answer(command.account, command.id, asked, Refusal(422, text, "content"))
            return
        await app.produce(topics.COMMAND_ACCEPTED, None, GROUP_KEY, raw)
        reached("door.passed")

    async def answer(account: str, ident: str, asked: str, refusal: Refusal) -> None:
        refused = Answer(
            id=ident, account=account, status=refusal.status, error=refusal.error, field=refusal.field,
            fingerprint=asked,
        )  # fmt: skip
        await app.produce(topics.COMMAND_ANSWERED, 0, ident.encode(), refused.model_dump_json().encode())

    return door


def read_command(raw: bytes) -> Command | Refusal:
    """The command in *raw*, or what is wrong with it."""
    if len(raw) > MOST_COMMAND_BYTES:
        return Refusal(422, f"a command of {len(raw)} bytes: the most is {MOST_COMMAND_BYTES}", "")
    try:
        return Command.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:LONGEST_FIELD]
    return Refusal(422, (f"{field}: {first['msg']}" if field else first["msg"])[:LONGEST_ERROR], field)


def _as_sent(command: Command) -> Command:
    """*command* with the sender as it is sent, and its own content named by its hash."""
    spec = command.spec
    if spec is None:
        return command
    named = {"content_id": command.content.id if command.content else ""}
    if spec.from_email:
        named["from_email"] = wire_address(spec.from_email)
    return command.model_copy(update={"spec": spec.model_copy(update=named)})


def _about(command: Command) -> bytes:
    """What makes orders to the same thing the same."""
    ident = campaign_id(command) if command.kind.startswith("campaign.") else thing_named(command)
    return f"{command.account}|{ident}".encode() if ident else b""


def _sender_of(raw: bytes) -> tuple[str, str]:
    """(account, id) as far as they can be read from a command that is wrong elsewhere; ("", "") otherwise."""
    if len(raw) > MOST_READ_BYTES:
        return "", ""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    account, ident = body.get("account", "default"), body.get("id")
    if isinstance(account, str) and isinstance(ident, str) and 0 < len(ident) <= 200 and 0 < len(account) <= 200:
        return account, ident
    return "", ""
