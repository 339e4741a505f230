"""A mailing for tests: numbered letters; remembers what was begun and what became of each."""

from collections import Counter
from collections.abc import Callable

from app.records import Outcome
from app.transport.smtp import Letter


def always(_letter: Letter) -> bool:
    return True


class Letters:
    """*count* letters to p0@x.org, p1@x.org ..; *may_begin* is asked for each."""

    envelope_from = "a@acme.example"

    def __init__(self, count: int, may_begin: Callable[[Letter], bool] = always) -> None:
        self._count, self._may_begin = count, may_begin
        self._at = 0
        self.begun: Counter[int] = Counter()
        self.ends: Counter[int] = Counter()
        self.outcomes: dict[int, Outcome] = {}

    @property
    def more(self) -> bool:
        return self._at < self._count

    def next(self) -> Letter | None:
        if not self.more:
            return None
        number, self._at = self._at, self._at + 1
        body = f"Subject: x\r\nX-Fanfare-Message: {number:032x}\r\n\r\nhello\r\n".encode()
        return Letter(number, f"p{number}@x.org", body)

    def begin(self, letter: Letter) -> bool:
        if not self._may_begin(letter):
            return False
        self.begun[letter.number] += 1
        return True

    def ended(self, letter: Letter, outcome: Outcome) -> None:
        self.ends[letter.number] += 1
        self.outcomes[letter.number] = outcome

    def kinds(self) -> Counter[str]:
        return Counter(str(outcome.kind) for outcome in self.outcomes.values())

    def each_ended_once(self) -> bool:
        return self.ends == Counter(range(self._count)) and max(self.begun.values(), default=0) <= 1
