"""How a simulator is told to behave: orders as JSON."""

import time
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from app.specs import Strict

Share = Annotated[float, Field(ge=0, le=1)]
Url = Annotated[str, StringConstraints(max_length=2_000, pattern=r"^(https?://[^\s]+)?$")]


class Orders(Strict):
    """How a simulator behaves. What an order leaves out stays as it is."""

    realistic: bool = Field(default=True, description="Some of all addresses bounce, are read, opened, clicked ...")
    latency_ms: float = Field(default=5.0, ge=0, le=600_000, description="Mean, before each answer")
    slow: Share = Field(default=0.0, description="Share of the calls that take slow_ms")
    slow_ms: float = Field(default=2_000.0, ge=0, le=600_000)
    errors: dict[Annotated[str, StringConstraints(max_length=40)], Share] = Field(
        default_factory=dict, max_length=50, description="Kind of error, as `show` names them -> share of the calls"
    )
    rate: float | None = Field(default=None, gt=0, le=1_000_000, description="Calls a second; more are throttled")
    outage: Literal["", "refuse", "error", "hang"] = Field(
        default="", description="refuse connections, answer 5xx, or take calls and never answer"
    )
    lost: Share = Field(default=0.0, description="Share of the calls that are carried out, and whose answer is lost")
    lost_by: Literal["cut", "hang"] = Field(default="cut", description="The connection breaks, or nothing comes")
    reports: bool = Field(default=True, description="False: what happens now is never reported")
    reports_lost: Share = 0.0
    twice: Share = Field(default=0.0, description="Share of the reports that come twice")
    disorder: Share = Field(default=0.0, description="Share of the reports that come after a later one")
    pace: float = Field(default=1.0, ge=0, le=100_000, description="All that becomes of messages takes so much longer")
    hook: Url = Field(default="", description="Where reports are posted, unless a message names a place itself")
    templates: dict[Annotated[str, StringConstraints(max_length=512)], Annotated[int, Field(ge=0, le=100)]] = Field(
        default_factory=dict, max_length=1_000,
        description="Of WhatsApp: name -> parameters of its body. Where some are named, there are no others",
    )  # fmt: skip
    report_format: Literal["v2", "v3", "v4", "new"] = Field(default="v2", description="Of MSG91")
    report_by: Literal["json", "form", "get"] = Field(default="json", description="Of Vonage")
    ends_at: float = Field(default=0.0, ge=0, description="Seconds since 1970 when all is as at the start; 0: never")


def orders_in(wish: Any, now: Orders, start: Orders, kinds: Any = ()) -> Orders:
    """What *wish* (JSON) makes of the orders of *now*. ValueError in words when it is none.

    *seconds* in it says for how long; ``{"mend": true}`` is as at the *start*. *kinds* of errors are known.
    """
    if not isinstance(wish, dict):
        raise ValueError("an order is a JSON object")
    wish = dict(wish)
    if wish.pop("mend", False):
        now = start
    seconds = wish.pop("seconds", None)
    if seconds is not None:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 1e7:
            raise ValueError("seconds: a number above 0")
        wish["ends_at"] = time.time() + seconds
    try:
        orders = Orders.model_validate(now.model_dump() | wish)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    unknown = sorted(set(orders.errors) - set(kinds))
    if unknown:
        raise ValueError(f"errors: {unknown[0]!r} is none of {', '.join(sorted(kinds))}")
    return orders
