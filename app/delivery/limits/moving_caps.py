"""A cap of any 24 hours: at most so many messages in each window of that length, wherever it begins.

What was paid for is counted in slots of five minutes. A slot counts until nothing that was paid for in it can have left
within the 24 hours before anything that leaves now: a little longer than a day, never shorter. So what a window on the
wire holds is at most what the cap says, and what is used comes back slot by slot.
"""

from collections import deque
from dataclasses import dataclass, field

from app.delivery.limits.caps import MARGIN, SKEW
from app.delivery.limits.rates import LONGEST_VALIDITY

SLOT = 300  # seconds
SPAN = 86_400.0
COUNTS_FOR = SLOT + SPAN + LONGEST_VALIDITY + MARGIN + SKEW  # seconds from the beginning of a slot
NUMBER = 5  # bytes of the count of a slot as it is stored, and of its distance from the last: any cap fits


@dataclass(slots=True)
class MovingCap:
    """At most *most* messages in any 24 hours: a `Meter`. It counts from the moment at which it is made."""

    most: int
    used: int = 0  # in the slots that count
    slots: deque[list[int]] = field(default_factory=deque)  # [number of the slot since 1970, used in it], in order
    now: float = 0.0  # the latest moment that was asked about

    def room(self, now: float) -> int:
        """Messages that may still be paid for at *now*. A clock that has stepped back frees nothing."""
        self.now = max(self.now, now)
        while self.slots and self.slots[0][0] * SLOT + COUNTS_FOR <= now:
            self.used -= self.slots.popleft()[1]
        return max(0, self.most - self.used)

    def lasts(self, _now: float) -> float:
        """Seconds for which a slip paid now may be valid: what is on its way is counted for so much longer."""
        return LONGEST_VALIDITY

    def take(self, count: int) -> None:
        """Count *count* messages, for which `room` has just told that there is room."""
        number = int(self.now // SLOT)
        if not self.slots or self.slots[-1][0] < number:
            self.slots.append([number, 0])
        self.slots[-1][1] += count
        self.used += count

    def renew(self, count: int, now: float) -> None:
        """The oldest *count* of what is used count as used at *now*: they come back later, and no others sooner."""
        self.room(now)
        number, moved = int(self.now // SLOT), 0
        while self.slots and self.slots[0][0] < number and moved < count:
            oldest = self.slots[0]
            some = min(count - moved, oldest[1])
            oldest[1] -= some
            moved += some
            if not oldest[1]:
                self.slots.popleft()
        if moved:
            self.used -= moved
            self.take(moved)

    def give_back(self, count: int, taken_at: float) -> None:
        """*count* of the messages taken at that moment will never leave."""
        number = int(taken_at // SLOT)
        for slot in reversed(self.slots):
            if slot[0] <= number:
                back = min(count, slot[1]) if slot[0] == number else 0
                slot[1] -= back
                self.used -= back
                return

    def changed(self, like: "MovingCap") -> None:
        """Take on what *like*, which is new, allows. What is used stays used."""
        self.most = like.most

    @property
    def largest(self) -> int:
        """The most that a window may have."""
        return self.most

    @property
    def resets_at(self) -> float:
        """When the first of what is used comes back; 0: nothing is used."""
        return self.slots[0][0] * SLOT + COUNTS_FOR if self.slots else 0.0

    def is_spare(self, now: float) -> bool:
        """Whether nothing would be lost with it."""
        return self.room(now) >= 0 and not self.slots

    @property
    def stored(self) -> tuple[float, int, bytes]:
        """(beginning of the last slot, used, slots): all that a restart has to know."""
        last = self.slots[-1][0] if self.slots else int(self.now // SLOT)
        packed = b"".join(
            [
                (last - number).to_bytes(NUMBER, "big") + count.to_bytes(NUMBER, "big")
                for number, count in self.slots
                if count
            ]
        )
        return float(last * SLOT), self.used, packed

    def restore(self, start: float, _used: int, slots: bytes = b"") -> None:
        """Take over what was stored."""
        last = int(start // SLOT)
        self.slots = deque(
            [
                [
                    last - int.from_bytes(slots[at : at + NUMBER], "big"),
                    int.from_bytes(slots[at + NUMBER : at + 2 * NUMBER], "big"),
                ]
                for at in range(0, len(slots), 2 * NUMBER)
            ]
        )
        self.used = sum(count for _, count in self.slots)
        self.now = max(self.now, start)
