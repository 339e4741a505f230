"""How a mail sink is told to behave: the orders as JSON, over HTTP or in a file that it looks at."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints, ValidationError

from app.local.sink_behaviour import TROUBLES
from app.specs import Strict

LOOK_SECONDS = 0.1

logger = logging.getLogger(__name__)

Step = Literal["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "message"]
Line = Annotated[str, StringConstraints(pattern=r"^[245]\d\d [^\r\n]{1,400}$")]


class Orders(Strict):
    """How a sink behaves. What an order leaves out stays as it is."""

    realistic: bool = False  # some addresses bounce, are greylisted ...
    latency_ms: float = Field(default=0.0, ge=0, le=600_000)  # before each reply
    silent: bool = False  # connections are taken, and nothing more is said
    drop_replies: int = Field(default=0, ge=0)  # messages after which the connection is cut before the reply
    listening: bool = True  # False: connections are refused
    answers: dict[Step, Line] = Field(default_factory=dict)  # always said at this step
    throttles: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)  # MX group or "*" -> a second


class Ordered(Protocol):
    """What takes orders."""

    async def behave(self, orders: Orders) -> None:
        """Behave as told from now on."""

    def orders(self) -> Orders:
        """How it behaves now."""


def orders_in(wish: Any, now: Orders) -> Orders:
    """What *wish* (JSON) makes of the orders of *now*. ValueError in words when it is none.

    It may have a *trouble*: one of TROUBLES by name, or "" for none; that begins anew.
    """
    if not isinstance(wish, dict):
        raise ValueError("an order is a JSON object")
    wish = dict(wish)
    if "trouble" in wish:
        name = wish.pop("trouble")
        if name and name not in TROUBLES:
            raise ValueError(f"there is no trouble {name!r}: one of {', '.join(TROUBLES)}")
        now = Orders.model_validate({"realistic": now.realistic} | (TROUBLES[name][1] if name else {}))
    try:
        return Orders.model_validate(now.model_dump() | wish)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


async def follow(sink: Ordered, path: Path) -> None:
    """Have *sink* behave as the file at *path* says, whenever that changes. Never returns."""
    at_start, before = sink.orders(), None
    while True:
        raw = _read(path)
        if raw != before:
            before = raw
            try:
                await sink.behave(orders_in(json.loads(raw) if raw else {}, at_start))
            except ValueError as error:
                logger.error("%s is no order: %s", path, error)
        await asyncio.sleep(LOOK_SECONDS)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
