"""campaign.commanded -> command.accepted: the public door. Checks what anybody may have written."""

from faust.types import AgentT, EventT, StreamT
from pydantic import ValidationError

from agents.pacing import GROUP_KEY
from app import topics
from app.commands import Accepted, Answer, Command
from app.content.check import check
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.lanes import Lanes

MOST_BYTES = 2_500_000


def attach(app: StreamApp, lanes: Lanes, dead: DeadLetters) -> AgentT[bytes]:
    """Add the door to *app*."""

    @app.agent(app.raw_topic(topics.CAMPAIGN_COMMANDED), name="door")
    async def door(commands: StreamT[bytes]) -> None:
        await lanes.run(commands, check_command)

    async def check_command(event: EventT[bytes]) -> None:
        raw = event.value or b""
        if len(raw) > MOST_BYTES:
            await dead.put(event, f"a command of {len(raw)} bytes: the most is {MOST_BYTES}")
            return
        try:
            command = Command.model_validate_json(raw)
        except ValidationError as error:
            await refuse(event, raw, error)
            return
        if command.kind == "campaign.create" and not await publish_content(command):
            return
        accepted = Accepted(command=command.model_copy(update={"content": None}), at=app.now())
        await app.produce(topics.COMMAND_ACCEPTED, None, GROUP_KEY, accepted.model_dump_json().encode())

    async def publish_content(command: Command) -> bool:
        """Publish the content by its hash; False (and answered) when it is refused."""
        if command.spec is None or command.content is None:
            missing = "spec" if command.spec is None else "content"
            await answer(command.account, command.id, f"campaign.create needs a {missing}", missing)
            return False
        problems = check(command.content, None)
        if problems:
            text = "; ".join(str(problem) for problem in problems[:5])
            await answer(command.account, command.id, text, f"content.{problems[0].part}")
            return False
        content = command.content
        await app.produce(topics.TEMPLATE_PUBLISHED, 0, content.id.encode(), content.model_dump_json().encode())
        command.spec.content_id = content.id
        return True

    async def refuse(event: EventT[bytes], raw: bytes, error: ValidationError) -> None:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        text = f"{field}: {first['msg']}" if field else first["msg"]
        await dead.put(event, f"not a command: {text}")
        account, ident = _sender_of(raw)
        if ident:
            await answer(account, ident, text, field)

    async def answer(account: str, ident: str, error: str, field: str) -> None:
        refused = Answer(id=ident, account=account, status=422, error=error, field=field)
        await app.produce(topics.COMMAND_ANSWERED, 0, ident.encode(), refused.model_dump_json().encode())

    return door


def _sender_of(raw: bytes) -> tuple[str, str]:
    """(account, id) as far as they can be read from a command that is wrong elsewhere; ("", "") otherwise."""
    import orjson

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
