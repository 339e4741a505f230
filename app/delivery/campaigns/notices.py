"""Notices: of what people change, which ones still hold on, whom they concern, and who may read them."""

from collections.abc import Mapping
from itertools import islice

from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.campaigns.notice_ids import notice_id
from app.delivery.limits.figures import spoken
from app.routes import LimitSet, Notice, Route

MOST_CONCERNED = 100

# A notice of such a kind ends what an earlier one of the same route or sender told.
ENDS = frozenset({"breaker_closed", "restored", "reports_back"})
OF_REPORTS = frozenset({"reports_late", "reports_missing", "reports_back"})
PASSING = frozenset({
    "route_changed", "limit_changed", "warm_up", "warned", "complaints", "bounces", "auth_failures",
})  # fmt: skip  # kinds that tell of a moment only


def completed(draft: Notice, live: Mapping[str, CampaignEntry]) -> Notice:
    """*draft* with the accounts of its campaigns, as far as these are live and have not ended."""
    going_on = (each for each in draft.campaigns if each in live and live[each].state not in ENDED)
    campaigns = list(islice(going_on, MOST_CONCERNED))
    accounts = [live[campaign].account for campaign in campaigns]
    return draft.model_copy(update={"campaigns": campaigns, "accounts": accounts})


_LIMIT_OF = "the limit of "  # how the reason of a changed limit begins


class Standing:
    """The notices whose route or sender is still in the state that they tell of."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, ...], Notice] = {}  # of a route, or of a pool and group

    def take(self, notice: Notice) -> None:
        """A new one takes the place of what was told before of the same."""
        if notice.kind in PASSING:
            return
        about: tuple[str, ...] = (notice.route,) if notice.route else (notice.pool, notice.group)
        if notice.kind in OF_REPORTS:
            about = (notice.route, "reports", "")
        if notice.kind in ENDS:
            self._of.pop(about, None)
        else:
            self._of[about] = notice

    def gone(self, route: str) -> None:
        """The route was deleted."""
        self._of.pop((route,), None)
        self._of.pop((route, "reports", ""), None)

    def all(self) -> list[Notice]:
        """The standing notices."""
        return list(self._of.values())


def as_seen_by(notice: Notice, account: str) -> Notice | None:
    """*notice* for an account, which learns of its own campaigns only; None when it does not concern the account."""
    own = [each for each, its in zip(notice.campaigns, notice.accounts, strict=False) if its == account]
    return notice.model_copy(update={"campaigns": own, "accounts": [account] * len(own)}) if own else None


def about(notice: Notice) -> str:
    """Which route or sender *notice* is about, for people; of a limit whatever it is a limit of."""
    if notice.kind == "limit_changed" and notice.reason.startswith(_LIMIT_OF):
        return notice.reason.removeprefix(_LIMIT_OF).partition(" is ")[0]
    return notice.route or " to ".join(filter(None, (notice.pool, notice.group)))


def limit_notice(limit: LimitSet, who: str, now: float) -> Notice:
    """Somebody has set or removed a limit. *who* is the API key, "" for the operator."""
    on = f"{limit.scope} {limit.name}" + (f" towards {limit.group}" if limit.group else "")
    return Notice(
        id=notice_id(now, "limit_changed", *limit.key), at=now, kind="limit_changed",
        pool=limit.name if limit.scope == "pool" else "", route=limit.name if limit.scope == "route" else "",
        group=limit.name if limit.scope == "group" else limit.group,
        reason=f"{_LIMIT_OF}{on} is {'removed' if limit.limits_nothing else spoken(limit)}, {_by(who)}",
    )  # fmt: skip


def route_notice(name: str, route: Route | None, who: str, now: float) -> Notice:
    """Somebody has set or (None) deleted a route."""
    what = "is deleted" if route is None else "is set" if route.enabled else "is set, and takes nothing new"
    revision = {} if route is None else {"revision": float(route.revision)}
    return Notice(
        id=notice_id(now, "route_changed", name), at=now, kind="route_changed", route=name,
        pool="" if route is None else route.sender, reason=f"the route {name} {what}, {_by(who)}", figures=revision,
    )  # fmt: skip


def _by(who: str) -> str:
    return f"by the API key {who}" if who else "by the operator"
