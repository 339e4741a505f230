"""What the recipients plane asks of the settings of accounts besides their caps."""

from pydantic import ValidationError

from app.stream.directory import Directory
from app.things import Account


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
