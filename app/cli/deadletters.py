"""`fanfare deadletters list|replay`: records that could not be worked on, and giving them another try."""

import asyncio
from typing import Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError

deadletters = typer.Typer(
    help="Records that could not be worked on.",
    no_args_is_help=True,
    rich_markup_mode=None,
    epilog=examples("fanfare deadletters list", "fanfare deadletters replay 17"),
)


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(deadletters, name="deadletters")


@deadletters.command("list", epilog=examples("fanfare deadletters list --limit 5", "fanfare deadletters list --json"))
def list_letters(
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest ones to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show dead letters: number, origin, reason and the first bytes."""
    letters = asyncio.run(_read(limit))
    if as_json:
        emit(letters)
    elif not letters:
        say("No dead letters.")
    else:
        rows = [(f"{a['number']}", a["origin"], a["at"], a["reason"], a["preview"]) for a in letters]
        table("Dead letters", ("number", "origin", "time", "reason", "starts with"), rows, right=(0,))


@deadletters.command("replay", epilog=examples("fanfare deadletters replay 17 18"))
def replay(
    numbers: Annotated[list[int], typer.Argument(help="Numbers from `fanfare deadletters list`.")],
    as_json: AsJson = False,
) -> None:
    """Publish dead letters again, unchanged, where they came from (topic, partition and key)."""
    done = asyncio.run(_replay(numbers))
    emit({"replayed": done}) if as_json else say(f"replayed {len(done)} of {len(numbers)}")
    if len(done) < len(numbers):
        gone = sorted(set(numbers) - set(done))
        raise CommandError(f"not found: {', '.join(map(str, gone))}", "`fanfare deadletters list` shows what there is")


async def _read(limit: int) -> list[dict[str, Any]]:
    from app.cli.dead_letter_log import DeadLetterLog
    from app.settings import settings

    async with DeadLetterLog(settings()) as log:
        return [letter.summary() for letter in await log.newest(limit)]


async def _replay(numbers: list[int]) -> list[int]:
    from app.cli.dead_letter_log import DeadLetterLog
    from app.settings import settings

    async with DeadLetterLog(settings()) as log:
        return [number for number in numbers if await log.replay(number)]
