"""Whose number somebody has written to: the accounts that have it in a pool, or send campaigns from it."""

from collections import OrderedDict

from pydantic import ValidationError

from agents.campaigns import Campaigns
from app.commands import CampaignEntry
from app.stream.directory import Directory
from app.things import Account

MOST_KEPT = 100_000  # (number, account) of campaigns; also of those that have ended since this process began


class NumberOwners:
    """account.changed and campaign.changed by number. Settings that cannot be read leave those that were."""

    def __init__(self, accounts: Directory, campaigns: Campaigns) -> None:
        self._pools: dict[str, set[str]] = {}  # account -> its numbers
        self._holders: dict[str, set[str]] = {}  # number -> accounts with it in a pool
        self._campaigns: dict[str, set[str]] = {}  # number -> accounts with campaigns from it
        self._kept: OrderedDict[tuple[str, str], None] = OrderedDict()
        accounts.on_change(self._account)
        campaigns.on_change(self._campaign)

    def of(self, number: str) -> list[str]:
        """The accounts whose *number* it is, sorted; those with a pool before all others."""
        digits = digits_of(number)
        return sorted(self._holders.get(digits) or self._campaigns.get(digits) or ())

    def _account(self, account: str, value: bytes | None) -> None:
        try:
            pools = [] if value is None else Account.model_validate_json(value).number_pools
        except ValidationError:
            return
        named = [each for pool in pools for each in (*pool.senders, *(n for ns in pool.countries.values() for n in ns))]
        numbers = {digits for each in named if (digits := digits_of(each))}
        for gone in self._pools.get(account, set()) - numbers:
            self._holders[gone].discard(account)
            if not self._holders[gone]:
                del self._holders[gone]
        for number in numbers:
            self._holders.setdefault(number, set()).add(account)
        self._pools[account] = numbers

    def _campaign(self, entry: CampaignEntry) -> None:
        digits = digits_of(entry.spec.sender_id)
        if not digits:
            return
        self._kept[digits, entry.account] = None
        self._kept.move_to_end((digits, entry.account))
        self._campaigns.setdefault(digits, set()).add(entry.account)
        if len(self._kept) > MOST_KEPT:
            (number, account), _ = self._kept.popitem(last=False)
            self._campaigns[number].discard(account)
            if not self._campaigns[number]:
                del self._campaigns[number]


def digits_of(number: str) -> str:
    """*number* as it is compared; "" for a name, which nobody can write to."""
    digits = number.strip().removeprefix("whatsapp:").removeprefix("+")
    return digits if digits.isascii() and digits.isdigit() else ""
