"""Reads of an installation for commands: ClickHouse, and what is still on its way there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from app.clickhouse.client import ClickHouse
    from app.control import Control
    from app.things import ThingKind, ThingRecord
    from app.web.stored import Stored

R = TypeVar("R")

READ_SECONDS = 60.0
PAGE = 1_000


def with_clickhouse(work: "Callable[[ClickHouse], Awaitable[R]]") -> R:
    """What *work* does with ClickHouse."""
    from app.clickhouse.client import ClickHouse
    from app.settings import settings

    async def run() -> R:
        async with ClickHouse(settings(), timeout=READ_SECONDS) as client:
            return await work(client)

    return asyncio.run(run())


def with_installation(work: "Callable[[Control, ClickHouse], Awaitable[R]]") -> R:
    """What *work* does with Kafka and ClickHouse."""
    from app.clickhouse.client import ClickHouse
    from app.control import Control
    from app.settings import settings

    async def run() -> R:
        async with Control(settings(), things=True) as control, ClickHouse(settings(), timeout=READ_SECONDS) as client:
            return await work(control, client)

    return asyncio.run(run())


def stored_in(control: "Control", client: "ClickHouse", account: str) -> "Stored":
    """The templates and segments of *account*."""
    from app.web.stored import Stored

    return Stored(control.tail.overlay, client, account)


async def all_things(stored: "Stored", kind: "ThingKind") -> "list[ThingRecord]":
    """All of *kind*, the newest first, without their content."""
    found, last = await stored.page(kind, None, PAGE)
    while last is not None:
        page, last = await stored.page(kind, last, PAGE)
        found += page
    return found


async def found_thing(stored: "Stored", kind: "ThingKind", ident: str, version: int | None = None) -> "ThingRecord":
    """A thing; CommandError when there is none."""
    from app.cli.failures import CommandError

    found = await stored.find(kind, ident, version)
    if found is None:
        what = kind if version is None else f"version {version} of a {kind}"
        raise CommandError(
            f"there is no {what} {ident!r} in {stored.account}", f"`fanfare {kind}s list` shows what there is"
        )
    return found
