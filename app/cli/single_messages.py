"""Single messages over Kafka: what `fanfare messages send` and `fanfare templates test` do."""

from typing import TYPE_CHECKING, Any

from app.cli.failures import CommandError, Exit
from app.cli.reading import found_thing, stored_in, with_installation

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control


def send_messages(body: dict[str, Any], account: str, key: str) -> list[dict[str, str]]:
    """Send what *body* says, as POST /v1/messages does; the ids of the messages."""
    from hashlib import blake2b

    from app.clickhouse.key_check import read_key
    from app.control.message_campaigns import MessageError
    from app.control.messages import Messages, NewMessages
    from app.settings import settings
    from app.web.contents import Contents

    asked = NewMessages.model_validate(body)
    secret = read_key(settings().secret_path)
    fingerprint = blake2b(asked.model_dump_json(by_alias=True).encode(), digest_size=16).hexdigest() if key else ""

    async def send(control: "Control", client: "ClickHouse") -> list[dict[str, str]]:
        async def newest(account: str, template: str) -> int | None:
            return (await found_thing(stored_in(control, client, account), "template", template)).version

        contents = Contents(settings().kafka)
        messages = Messages(control, secret, newest, contents=contents.of)
        try:
            sent = await messages.send(account, asked, key=key, fingerprint=fingerprint)
        except MessageError as error:
            where = f" ({error.field})" if error.field else ""
            raise CommandError(f"{error.error}{where}", "repair that and try again", Exit.FAILED) from error
        finally:
            await contents.close()
        return [{"id": each.id, "to": each.to} for each in sent]

    return with_installation(send)
