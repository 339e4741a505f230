"""Messages for an HTTP pool, and what became of each."""

from collections.abc import Callable, Hashable, Mapping, Sequence

from app.delivery.outcomes import Kind
from app.provider_accounts import HttpAccount
from app.providers.contract import Answer, Message, Request
from app.providers.http_answers import failure
from app.records import Outcome
from app.transport.http_pool import Parcel


class Parcels:
    """*count* messages. *may* says whether one may be begun."""

    def __init__(self, count: int, may: Callable[[Parcel], bool] = lambda _: True) -> None:
        self._count, self._at, self._may = count, 0, may
        self.begun: list[int] = []
        self.outcomes: dict[int, Outcome] = {}

    @property
    def more(self) -> bool:
        """Whether there are any left."""
        return self._at < self._count

    def next(self) -> Parcel | None:
        """The next one."""
        if not self.more:
            return None
        number, self._at = self._at, self._at + 1
        return Parcel(number, Message(number.to_bytes(16, "big"), 1, "acme", "cmp_1", f"p{number}@x.org", number))

    def begin(self, parcel: Parcel) -> bool:
        """Note it."""
        if not self._may(parcel):
            return False
        self.begun.append(parcel.number)
        return True

    def ended(self, parcel: Parcel, outcome: Outcome) -> None:
        """Each ends once."""
        assert parcel.number not in self.outcomes
        self.outcomes[parcel.number] = outcome

    def kinds(self) -> set[str]:
        """What became of them."""
        assert len(self.outcomes) == self._count, "nobody is forgotten"
        return {outcome.kind for outcome in self.outcomes.values()}


class Plain:
    """An adapter that sends numbers."""

    def request_for(
        self, config: HttpAccount, _secrets: Mapping[str, str], messages: Sequence[Message], at: float
    ) -> Request:
        """Their numbers, and a header that says when it was signed."""
        body = b",".join(str(message.content).encode() for message in messages) or b"-"
        return Request(
            "POST", f"{config.url}/send%2Fit?a=%20b", {"X-At": str(int(at)), "Authorization": "s3cret"}, body
        )

    def result_of(self, messages: Sequence[Message], answer: Answer, at: float) -> list[Outcome]:
        """2xx is good."""
        if answer.status < 300:
            return [Outcome(Kind.ACCEPTED, at, answer.status, ref=answer.headers.get("x-message-id", ""))] * len(
                messages
            )
        return [failure(answer, at, answer.body.decode("latin-1"), own=bool(answer.body))] * len(messages)


class Batched(Plain):
    """Even ones can go with even ones, odd ones with odd ones; those that can be divided by seven go alone."""

    MOST_TOGETHER = 10

    def together(self, _config: HttpAccount, message: Message) -> Hashable | None:
        """Who goes with whom."""
        return None if message.content % 7 == 0 else message.content % 2

    def signed_at(self, answer: Answer, _at: float) -> float | None:
        """The time that a refusal names."""
        return float(answer.headers["x-time"]) if answer.status == 403 and "x-time" in answer.headers else None
