"""What a simulator has taken: the record of who got what, and the messages that it remembers for look-ups."""

import os
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

MOST_REMEMBERED = 250_000  # messages of one provider
NO_ID = "-" * 32  # of a message that did not say whose it is


class Step(NamedTuple):
    """Something that becomes of a message *after* so many seconds, and is reported as *event*."""

    after: float
    event: str
    facts: Mapping[str, Any] = {}


Plan = tuple[Step, ...]


@dataclass(slots=True, eq=False)
class Taken:
    """A message that was taken. Its steps take *pace* times as long as planned."""

    ref: str  # the provider's id
    message: str  # ours, 32 hex digits, as it was echoed
    attempt: str
    address: str
    sender: str
    at: float
    plan: Plan
    pace: float
    extra: Any = None  # what its provider needs to report on it

    def time_of(self, step: Step) -> float:
        """When *step* happens."""
        return self.at + step.after * self.pace

    def history(self, now: float) -> list[tuple[float, Step]]:
        """What has happened by *now*, the oldest first."""
        return [(at, step) for step in self.plan if (at := self.time_of(step)) <= now]


class _Index:
    """Messages by a name that several may share."""

    def __init__(self) -> None:
        self._found: dict[str, Taken | list[Taken]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, name: str, taken: Taken) -> None:
        before = self._found.get(name)
        if before is None:
            self._found[name] = taken
        elif isinstance(before, list):
            before.append(taken)
        else:
            self._found[name] = [before, taken]

    def drop(self, name: str, taken: Taken) -> None:
        found = self._found.get(name)
        if isinstance(found, list) and len(found) > 1:
            found.remove(taken)  # the oldest: it stands first
        else:
            self._found.pop(name, None)

    def of(self, name: str) -> list[Taken]:
        found = self._found.get(name)
        return [] if found is None else list(found) if isinstance(found, list) else [found]


class Memory:
    """The latest messages, the oldest first; found by the provider's id and by address."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self.all: deque[Taken] = deque()
        self._refs, self._addresses = _Index(), _Index()

    def add(self, taken: Taken) -> None:
        """Remember *taken*, forget the oldest one where there are too many."""
        self.all.append(taken)
        self._refs.add(taken.ref, taken)
        self._addresses.add(taken.address, taken)
        if len(self.all) > self._most:
            oldest = self.all.popleft()
            self._refs.drop(oldest.ref, oldest)
            self._addresses.drop(oldest.address, oldest)

    def by_ref(self, ref: str) -> list[Taken]:
        """The messages that the provider's id *ref* stands for."""
        return self._refs.of(ref)

    def by_address(self, address: str) -> list[Taken]:
        """The messages to *address*."""
        return self._addresses.of(address)


class Record:
    """Who got what, as the mail sink writes it: a line of message id, time and address for each message taken.

    It is written before the answer goes out. What was refused is in NAME.refused.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        self._taken = os.open(path, flags, 0o600)
        self._refused = os.open(path.with_name(path.name + ".refused"), flags, 0o600)

    def take(self, taken: Iterable[Taken]) -> None:
        """Write down messages that were taken."""
        lines = "".join(f"{each.message or NO_ID} {each.at:.3f} {each.address}\n" for each in taken).encode()
        if lines and os.write(self._taken, lines) != len(lines):
            sys.exit("the record of a simulator could not be written: is the disk full?")

    def refuse(self, message: str, at: float, address: str, why: str) -> None:
        """Write down a message that was not."""
        os.write(self._refused, f"{message or NO_ID} {at:.3f} {address} {why}\n".encode())

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._taken)
        os.close(self._refused)
