"""How a notice is shown over REST."""

from typing import Literal

from pydantic import Field

from app.routes import Notice
from app.specs import Strict
from app.web.api.moments_shown import When, iso


class NoticeShown(Strict):
    """One thing that happened to a route or a sender."""

    id: str
    at: When
    kind: str = Field(
        description="breaker_opened, breaker_probes, breaker_closed, slowed, suspended, raised, restored, warned"
    )
    level: Literal["info", "warning", "alert"]
    route: str
    pool: str
    group: str = Field(description="MX group; empty: all of them")
    reason: str
    campaigns: list[str] = Field(description="Live campaigns that it concerned, up to 100; of your account")
    figures: dict[str, float]


def notice_shown(notice: Notice) -> dict[str, object]:
    """*notice* as NoticeShown has it."""
    return {**notice.model_dump(exclude={"accounts"}), "at": iso(notice.at)}
