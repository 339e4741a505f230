"""Messages that are given to a pool as they are."""

from app.providers.contract import Message
from app.records import Outcome
from app.transport.http_pool import Parcel


class Given:
    """A mailing of *messages*."""

    def __init__(self, messages: list[Message]) -> None:
        self._left = [Parcel(number, message) for number, message in enumerate(messages)]
        self.outcomes: dict[int, Outcome] = {}

    @property
    def more(self) -> bool:
        """Whether there are any left."""
        return bool(self._left)

    def next(self) -> Parcel | None:
        """The next one."""
        return self._left.pop(0) if self._left else None

    def begin(self, _parcel: Parcel) -> bool:
        """Every one may go."""
        return True

    def ended(self, parcel: Parcel, outcome: Outcome) -> None:
        """Note it."""
        self.outcomes[parcel.number] = outcome
