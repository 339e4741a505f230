"""What the planes ask of the settings of accounts besides their caps."""

from pydantic import ValidationError

from app.stream.directory import Directory
from app.things import Account, NumberPool


class Accounts:
    """account.changed: whom a hard bounce or a complaint keeps from writing. What cannot be read leaves what was."""

    def __init__(self, directory: Directory) -> None:
        self._everywhere: set[str] = set()
        directory.on_change(self._changed)

    def suppresses_everywhere(self, account: str) -> bool:
        """Whether its hard bounces and complaints hold for all accounts."""
        return account in self._everywhere

    def _changed(self, account: str, value: bytes | None) -> None:
        try:
            everywhere = value is not None and Account.model_validate_json(value).suppress == "global"
        except ValidationError:
            return
        (self._everywhere.add if everywhere else self._everywhere.discard)(account)


class AccountPools:
    """account.changed: the number pools of each account. Settings that cannot be read leave those that were."""

    def __init__(self, directory: Directory) -> None:
        self._pools: dict[str, list[NumberPool]] = {}
        directory.on_change(self._changed)

    def of(self, account: str) -> list[NumberPool]:
        """The pools of *account*."""
        return self._pools.get(account, [])

    def _changed(self, account: str, value: bytes | None) -> None:
        try:
            self._pools[account] = [] if value is None else Account.model_validate_json(value).number_pools
        except ValidationError:
            return
