"""Notices: which ones still hold on, whom they concern, and who may read them."""

from collections.abc import Mapping

from app.commands import CampaignEntry
from app.routes import Notice

MOST_CONCERNED = 100

# A notice of such a kind ends what an earlier one of the same route or sender told.
ENDS = frozenset({"breaker_closed", "restored"})
PASSING = frozenset({"route_changed", "limit_changed", "warm_up", "warned"})  # kinds that tell of a moment only


def completed(draft: Notice, live: Mapping[str, CampaignEntry]) -> Notice:
    """*draft* with the accounts of its campaigns, as far as these are live."""
    campaigns = [campaign for campaign in draft.campaigns if campaign in live][:MOST_CONCERNED]
    accounts = [live[campaign].account for campaign in campaigns]
    return draft.model_copy(update={"campaigns": campaigns, "accounts": accounts})


class Standing:
    """The notices whose route or sender is still in the state that they tell of."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, ...], Notice] = {}  # of a route, or of a pool and group

    def take(self, notice: Notice) -> None:
        """A new one takes the place of what was told before of the same."""
        if notice.kind in PASSING:
            return
        about = (notice.route,) if notice.route else (notice.pool, notice.group)
        if notice.kind in ENDS:
            self._of.pop(about, None)
        else:
            self._of[about] = notice

    def gone(self, route: str) -> None:
        """The route was deleted."""
        self._of.pop((route,), None)

    def all(self) -> list[Notice]:
        """The standing notices."""
        return list(self._of.values())


def as_seen_by(notice: Notice, account: str) -> Notice | None:
    """*notice* for an account, which learns of its own campaigns only; None when it does not concern the account."""
    own = [each for each, its in zip(notice.campaigns, notice.accounts, strict=False) if its == account]
    return notice.model_copy(update={"campaigns": own, "accounts": [account] * len(own)}) if own else None
