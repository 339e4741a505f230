"""What directories hold for everybody: keys, accounts and limits, read over Kafka."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from app.control.tail import Tail

R = TypeVar("R")


def known(read: "Callable[[Tail], R]") -> R:
    """What *read* finds in all that an installation has published up to now."""
    from app.control import Control
    from app.settings import settings

    async def look() -> R:
        async with Control(settings()) as control:
            return read(control.tail)

    return asyncio.run(look())
