"""`fanfare topics|migrate|key`: bring Kafka, ClickHouse and the state folder to the shape this version needs."""

import typer

from app.cli.console import AsJson, emit, examples, say

topics = typer.Typer(help="Kafka topics.", no_args_is_help=True, rich_markup_mode=None)
key = typer.Typer(help="The key of all ids and links.", no_args_is_help=True, rich_markup_mode=None)


def attach(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.add_typer(topics, name="topics")
    app.add_typer(key, name="key")
    app.command("migrate", epilog=examples("fanfare migrate"))(migrate)


@topics.command("apply", epilog=examples("fanfare topics apply", "FANFARE_PARTITIONS=48 fanfare topics apply"))
def apply_topics(as_json: AsJson = False) -> None:
    """Create the topics that are missing and check the others. Repeating it does no harm."""
    import asyncio

    from app.settings import settings
    from app.stream.topics_apply import apply
    from app.topics import TOPICS

    asyncio.run(apply(settings()))
    if as_json:
        emit({"topics": [each.name for each in TOPICS], "partitions": settings().partitions})
    else:
        say(f"{len(TOPICS)} topics are as they should be ({settings().partitions} partitions).")


def migrate(as_json: AsJson = False) -> None:
    """Create or update the ClickHouse database. Repeating it does no harm."""
    from app.clickhouse.migrate import migrate as apply_migrations
    from app.settings import settings

    applied = apply_migrations(settings())
    if as_json:
        emit({"database": settings().clickhouse_database, "applied": applied})
    elif applied:
        say(f"applied {len(applied)} migrations: {', '.join(str(each) for each in applied)}")
    else:
        say("ClickHouse is up to date.")


@key.command("make", epilog=examples("fanfare key make", "FANFARE_STATE_DIR=/srv/fanfare fanfare key make"))
def make_key(as_json: AsJson = False) -> None:
    """Make the key if there is none (`fanfare up` does this too). Back it up: without it ids and links change."""
    from app.local.state import ensure_secret
    from app.settings import settings

    path = settings().secret_path
    was_there = path.exists()
    ensure_secret(settings())
    if as_json:
        emit({"path": str(path), "made": not was_there})
    else:
        say(f"The key is {path}." if was_there else f"Made the key {path}: back it up.")
