"""Shows why a message became what it is, or why somebody got none."""

from typing import TYPE_CHECKING

from app.cli.console import emit, say
from app.cli.failures import CommandError
from app.cli.reading import with_installation

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control
    from app.delivery.explain.story import Explanation


def explain_message(message: str, account: str, as_json: bool) -> None:
    """Tell the story of *message*, an id in hex."""
    from app.web.explaining import Explaining

    try:
        ident = bytes.fromhex(message)
    except ValueError:
        ident = b""
    if len(ident) != 16:
        raise CommandError(f"{message!r} is no id of a message", "ids are 32 hex digits: `fanfare messages CAMPAIGN`")

    async def read(control: "Control", client: "ClickHouse") -> "Explanation | None":
        return await Explaining(control, client, account).message(ident)

    told = with_installation(read)
    if told is None:
        raise CommandError(
            f"nothing is recorded of message {message} in {account}",
            "events take some seconds to ClickHouse, and are kept for 90 days; --account names another account",
        )
    _show(told, as_json)


def explain_person(campaign: str, to: str, account: str, as_json: bool) -> None:
    """Tell why *to*, an address or a recipient id, got the message of *campaign* or did not."""
    from app.cli.campaign_seen import seen_campaign
    from app.clickhouse.key_check import read_key
    from app.content.address import AddressError
    from app.settings import settings
    from app.web.explaining import Explaining
    from app.web.named_people import recipient_of

    try:
        recipient = recipient_of(to, read_key(settings().secret_path))
    except (AddressError, UnicodeError) as error:
        raise CommandError(f"{to!r}: {error}", "name an address, or a recipient id of 32 hex digits") from error

    async def read(control: "Control", client: "ClickHouse") -> "Explanation":
        entry = await seen_campaign(control, client, account, campaign)
        return await Explaining(control, client, account).person(entry, recipient)

    _show(with_installation(read), as_json)


def _show(told: "Explanation", as_json: bool) -> None:
    from rich.markup import escape

    from app.delivery.why import told as moment
    from app.web.api.explained import explained

    if as_json:
        emit(explained(told))
        return
    who = told.address or told.recipient
    say(f"[bold]{escape(told.summary)}[/]")
    standing = told.state if told.final else f"{told.state}, not final"
    say(f"{told.message or 'no message'}  {escape(who)}  {told.campaign}  {standing}")
    for step in told.steps:
        say(f"{moment(step.at)}  {step.kind:<10} {escape(step.text)}")
