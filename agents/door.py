"""campaign.commanded -> command.accepted: the public door. Checks what anybody may have written."""

import asyncio
import logging
from dataclasses import dataclass

import orjson
from faust.types import AgentT, EventT, StreamT
from pydantic import ValidationError

from agents.pacing import GROUP_KEY
from app import topics
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.list_columns import columns_of
from app.commands import MOST_COMMAND_BYTES, Accepted, Answer, Command
from app.content.address import AddressError, wire_address
from app.content.check import check
from app.specs import CampaignSpec, Content
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes

log = logging.getLogger("fanfare.door")

MOST_READ_BYTES = 32_000_000  # of a command that is too large anyway: only to tell its sender
COLUMNS_TIMEOUT = 3.0  # seconds for asking ClickHouse what a template may use
LONGEST_ERROR, LONGEST_FIELD = 2_000, 200  # characters of an answer


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong, and where."""

    error: str
    field: str


def attach(app: StreamApp, lanes: Lanes, client: ClickHouse, dead: DeadLetters) -> AgentT[bytes]:
    """Add the door to *app*."""

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
                await answer(account, ident, command)
            return
        if command.kind == "campaign.create":
            refusal = await wrong_campaign(command)
            if refusal is not None:
                await answer(command.account, command.id, refusal)
                return
            await publish_content(command)
        accepted = Accepted(command=command.model_copy(update={"content": None}), at=app.now())
        await app.produce(topics.COMMAND_ACCEPTED, None, GROUP_KEY, accepted.model_dump_json().encode())

    async def wrong_campaign(command: Command) -> Refusal | None:
        """Why the campaign cannot be sent as it is, or None."""
        if command.spec is None or command.content is None:
            missing = "spec" if command.spec is None else "content"
            return Refusal(f"campaign.create needs a {missing}", missing)
        refusal = wrong_sender(command.spec)
        if refusal is not None:
            return refusal
        known = await known_variables(command.account, command.spec.lists) if command.spec.lists else None
        # A template may be 500 kB: the event loop goes on meanwhile.
        return await asyncio.to_thread(wrong_content, command.content, known)

    async def known_variables(account: str, lists: list[str]) -> set[str] | None:
        """What the people of *lists* have; None when nobody knows: a list not imported yet, ClickHouse away."""
        try:
            return await columns_of(client, account, lists, timeout=COLUMNS_TIMEOUT)
        except ClickHouseError as error:
            log.warning("a template is checked without the columns of its lists: %s", error)
            return None

    async def publish_content(command: Command) -> None:
        """Publish the content by its hash, and name that in the spec."""
        content, spec = command.content, command.spec
        assert content is not None and spec is not None
        await app.produce(topics.TEMPLATE_PUBLISHED, 0, content.id.encode(), content.model_dump_json().encode())
        spec.content_id = content.id
        spec.from_email = wire_address(spec.from_email)

    async def answer(account: str, ident: str, refusal: Refusal) -> None:
        refused = Answer(id=ident, account=account, status=422, error=refusal.error, field=refusal.field)
        await app.produce(topics.COMMAND_ANSWERED, 0, ident.encode(), refused.model_dump_json().encode())

    return door


def read_command(raw: bytes) -> Command | Refusal:
    """The command in *raw*, or what is wrong with it."""
    if len(raw) > MOST_COMMAND_BYTES:
        return Refusal(f"a command of {len(raw)} bytes: the most is {MOST_COMMAND_BYTES}", "")
    try:
        return Command.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])[:LONGEST_FIELD]
    return Refusal((f"{field}: {first['msg']}" if field else first["msg"])[:LONGEST_ERROR], field)


def wrong_sender(spec: CampaignSpec) -> Refusal | None:
    """Why nobody can send as *spec* wants to, or None."""
    for field, address in (("from_email", spec.from_email), ("reply_to", spec.reply_to)):
        try:
            if address or field == "from_email":
                wire_address(address)
        except AddressError as error:
            return Refusal(f"spec.{field}: {error}", f"spec.{field}")
    return None


def wrong_content(content: Content, known: set[str] | None) -> Refusal | None:
    """The mistakes of *content* with part, line and column, or None."""
    problems = check(content, known)
    if not problems:
        return None
    text = "; ".join(str(problem) for problem in problems[:5])
    return Refusal(text[:LONGEST_ERROR], f"content.{problems[0].part}")


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
