"""`fanfare deadletters list|kept|replay`: records that could not be worked on, and giving them another try."""

import asyncio
from typing import Annotated, Any

import typer

from app.cli.console import AsJson, emit, examples, say, table
from app.cli.failures import CommandError, Exit

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
    """Show dead letters: number, origin, reason and the first bytes; and how many there are, and have gone.

    Numbers with an r are of reports: what strangers may have sent has a bound of its own.
    """
    letters, kept = asyncio.run(_read(limit))
    if as_json:
        emit(letters)
        return
    if letters:
        rows = [(f"{a['number']}", a["origin"], a["at"], a["reason"], a["preview"]) for a in letters]
        table("Dead letters", ("number", "origin", "time", "reason", "starts with"), rows, right=(0,))
    else:
        say("No dead letters.")
    for line in _lines(kept):
        say(line)


@deadletters.command("kept", epilog=examples("fanfare deadletters kept --json"))
def show_kept(as_json: AsJson = False) -> None:
    """Show how many dead letters there are, how many have gone, and the bounds that let them go."""
    kept = asyncio.run(_read(0))[1]
    if as_json:
        emit(kept)
        return
    for each in kept:
        size = "" if each["bytes"] is None else f" ({each['bytes'] / 2**20:,.1f} MiB)"
        say(f"{each['topic']}: {each['kept']} kept{size}, {each['gone']} gone; at most {_bound(each)}")


def _lines(kept: list[dict[str, Any]]) -> list[str]:
    """What people should know beside the letters: only where some have gone."""
    return [
        f"{each['gone']} older ones of {each['topic']} have gone: "
        + ("there are as many bytes as are kept" if each["full"] else "their time was over")
        + f" (at most {_bound(each)})."
        for each in kept
        if each["gone"]
    ]


def _bound(kept: dict[str, Any]) -> str:
    return f"{kept['most_seconds'] / 86_400:g} days and {kept['most_bytes'] / 2**30:g} GiB"


@deadletters.command("replay", epilog=examples("fanfare deadletters replay 17 r18"))
def replay(
    numbers: Annotated[list[str], typer.Argument(help="Numbers from `fanfare deadletters list`: 17, r17.")],
    as_json: AsJson = False,
) -> None:
    """Publish dead letters again, unchanged, where they came from (topic, partition and key)."""
    from app.cli.dead_letter_log import parted

    try:
        for each in numbers:
            parted(each)
    except ValueError as error:
        advice = "take it from `fanfare deadletters list`: 17, or r17"
        raise CommandError(str(error), advice, Exit.USAGE) from error
    done = asyncio.run(_replay(numbers))
    emit({"replayed": done}) if as_json else say(f"replayed {len(done)} of {len(numbers)}")
    if len(done) < len(numbers):
        gone = sorted(set(numbers) - set(done))
        raise CommandError(f"not found: {', '.join(gone)}", "`fanfare deadletters list` shows what there is")


async def _read(limit: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from app.cli.dead_letter_log import DeadLetterLog
    from app.settings import settings

    async with DeadLetterLog(settings()) as log:
        letters = await log.newest(limit) if limit else []
        return [letter.summary() for letter in letters], [each.summary() for each in await log.kept()]


async def _replay(numbers: list[str]) -> list[str]:
    from app.cli.dead_letter_log import DeadLetterLog
    from app.settings import settings

    async with DeadLetterLog(settings()) as log:
        return [number for number in numbers if await log.replay(number)]
