"""What all simulators have in common: orders, errors on demand, what they take, what they tell."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from app.local.simulators.call import Call, RefusedError, Reply
from app.local.simulators.fates import email_fate, pace_of, phone_fate
from app.local.simulators.keys import Keys
from app.local.simulators.orders import Orders
from app.local.simulators.reports import Happened, Post, Reports
from app.local.simulators.taken import Memory, Plan, Record, Step, Taken

LONGEST_WAIT = 60.0  # seconds between two tries of a report
MOST_TRIES = 12


def record_path(folder: Path, name: str) -> Path:
    """Where the simulator *name* writes who got what; *folder* is that of all simulators."""
    return folder / f"{name}.txt"


class Simulator(ABC):
    """One provider. `answer` checks and takes; the rest of what happens to calls is in doors.py."""

    name: ClassVar[str]
    plans: ClassVar[Mapping[str, Plan]]  # fate -> what becomes of such a message; others have that of "delivered"
    batch: int = 1
    every: float = 0.0
    largest: int = 10_000_000  # bytes of a body
    protocol: Callable[[], asyncio.Protocol] | None = None  # what its own port speaks, where that is not HTTP

    def __init__(self, keys: Keys, folder: Path, orders: Orders | None = None, seed: int = 1) -> None:
        self.keys = keys
        self.orders = self.start = orders or Orders()
        self.seed = seed
        self.dice = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.memory = Memory()
        self.record = Record(record_path(folder, self.name))
        self.reports = Reports(self, seed)
        self._left, self._left_at = 0.0, 0.0  # calls that the rate still lets through

    # -- what each provider has for itself

    @abstractmethod
    def answer(self, call: Call) -> Reply:
        """Check *call* and do what it wants. May raise RefusedError."""

    @property
    @abstractmethod
    def refusals(self) -> Mapping[str, Reply]:
        """Kind of error -> how it is told. All have throttle, server, unavailable, auth and too_large."""

    @abstractmethod
    def posts(self, events: Sequence[Happened], now: float) -> Iterable[Post]:
        """The requests that tell *events*, signed at *now*."""

    def answered_at(self, to: str) -> str:
        """The number at which recipients answer, where *to* was asked for."""
        return to

    def inbound(self, sender: str, to: str, text: str, now: float) -> Post | None:
        """The request that tells of a message from a recipient; None where the provider has none."""
        del sender, to, text, now
        return None

    def said(self, sender: str, to: str, text: str) -> bool:
        """Tell of a message from a recipient over another way than a webhook; False where there is none."""
        del sender, to, text
        return False

    def cut(self) -> None:  # noqa: B027 - only what has a protocol of its own has something to do
        """Break the connections to its own port."""

    def happened(self, taken: Taken, step: Step) -> None:  # noqa: B027 - most have nothing to do
        """Hear of *step*, whether it is reported or not."""

    def subscription(self, now: float) -> Post | None:
        """The request that a provider makes when a webhook is named to it; None where it makes none."""
        del now
        return None

    def throttled(self, now: float) -> Reply:
        """How a call too many is answered."""
        del now
        return self.refusals["throttle"]

    def again(self, post: Post, status: int) -> float | None:
        """Seconds after which *post* is tried again; None never."""
        del status
        return min(2.0 ** (post.tries - 1), LONGEST_WAIT) if post.tries < MOST_TRIES else None

    # -- what they share

    def behave(self, orders: Orders) -> None:
        """Behave as told from now on."""
        if orders.rate != self.orders.rate:
            self._left, self._left_at = max(orders.rate or 0.0, 1.0), time.monotonic()
        self.orders = orders

    def trouble(self) -> Reply | None:
        """The error that this call runs into, as ordered."""
        orders = self.orders
        if orders.outage == "error":
            return self.refusals["unavailable"]
        if orders.rate is not None and not self._within(orders.rate):
            return self.throttled(time.time())
        if orders.errors:
            draw = self.dice.random()
            for kind, share in orders.errors.items():
                if draw < share:
                    self.counts[f"error.{kind}"] += 1
                    return self.throttled(time.time()) if kind == "throttle" else self.refusals[kind]
                draw -= share
        return None

    def latency(self) -> float:
        """Seconds before this answer."""
        orders = self.orders
        if orders.slow and self.dice.random() < orders.slow:
            return orders.slow_ms / 1000
        mean = orders.latency_ms / 1000
        return mean * (0.5 + self.dice.expovariate(2.0)) if mean else 0.0

    def email(
        self, ref: str, message: str, attempt: str, address: str, sender: str, at: float, extra: Any = None
    ) -> Taken:
        """Mail that is being taken: `keep` it."""
        fate = email_fate(address, self.seed, self.orders.realistic)
        return self._made(fate, ref, message, attempt, address, sender, at, extra)

    def phone(
        self, ref: str, message: str, attempt: str, number: str, sender: str, at: float, extra: Any = None
    ) -> Taken:
        """A message or call to a phone that is being taken: `keep` it. *number* is written with a +."""
        fate = phone_fate(number, self.seed, self.orders.realistic)
        return self._made(fate, ref, message, attempt, number, sender, at, extra)

    def _made(
        self, fate: str, ref: str, message: str, attempt: str, address: str, sender: str, at: float, extra: Any
    ) -> Taken:
        plans = self.plans
        plan = plans[fate] if fate in plans else plans["delivered"]
        pace = pace_of(address, self.seed) * self.orders.pace
        return Taken(ref, message, attempt, address, sender, at, plan, pace, extra)

    def keep(self, taken: Sequence[Taken]) -> None:
        """Record what was taken, remember it, and report on it from now on."""
        self.record.take(taken)
        add, follow = self.memory.add, self.reports.follow
        for each in taken:
            add(each)
            follow(each)
        self.counts["taken"] += len(taken)

    def refuse(self, reply: Reply, why: str, call: Call, address: str = "-", message: str = "") -> RefusedError:
        """What to raise when a message is not taken: it goes to the record of the refused."""
        self.counts[f"refused.{why}"] += 1
        self.record.refuse(message, call.at, address.replace(" ", "_") or "-", f"{reply.status} {why}")
        return RefusedError(reply)

    def told(self) -> dict[str, Any]:
        """How it does, for people and tests."""
        return {
            "counts": dict(self.counts),
            "reports": dict(self.reports.counts) | {"waiting": self.reports.waiting()},
            "orders": self.orders.model_dump(),
            "kinds": sorted(self.refusals),
        }

    def _within(self, rate: float) -> bool:
        now = time.monotonic()
        self._left = min(max(rate, 1.0), self._left + (now - self._left_at) * rate)
        self._left_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
