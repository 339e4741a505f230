"""The SMSC among the simulators: sessions on a port of its own, orders and records as the others have them."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from app.local.simulators.call import Call, Reply, json_reply
from app.local.simulators.frame import Simulator
from app.local.simulators.orders import Orders
from app.local.simulators.reports import Happened, Post
from app.local.simulators.smsc import QUEUE_FULL, THROTTLED, WRONG_PASSWORD, Smsc
from app.local.simulators.smsc import Orders as SmscOrders
from app.local.simulators.smsc import Taken as Part
from app.local.simulators.taken import Plan, Taken

SYSTEM_ID = "fanfare"
KINDS = {"throttle": THROTTLED, "queue_full": QUEUE_FULL, "auth": WRONG_PASSWORD}


class SmppSimulator(Simulator):
    """Takes messages over SMPP and sends its receipts over the same sessions; there is no webhook."""

    name = "smpp"
    plans: ClassVar[Mapping[str, Plan]] = {"delivered": ()}

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.smsc = Smsc(SYSTEM_ID, self.keys.text("smpp-password"), self._orders(), self._took, self._too_many)

    @property
    def refusals(self) -> Mapping[str, Reply]:
        """The kinds of errors; they are told as the status of an answer, not as these replies."""
        return {kind: json_reply({"command_status": status}, 400) for kind, status in KINDS.items()} | {
            "server": json_reply({"command_status": 8}, 500), "unavailable": json_reply({}, 503),
            "too_large": json_reply({}, 413),
        }  # fmt: skip

    def protocol(self) -> asyncio.Protocol:
        """What listens on its own port."""
        return self.smsc.session()

    def cut(self) -> None:
        """Break all sessions."""
        self.smsc.cut()

    def behave(self, orders: Orders) -> None:
        """Behave as told from now on."""
        super().behave(orders)
        self.smsc.orders = self._orders()

    def said(self, sender: str, to: str, text: str) -> bool:
        """Send what a phone would have sent, over a session."""
        self.smsc.say(sender.lstrip("+"), to.lstrip("+"), text)
        return True

    def answer(self, call: Call) -> Reply:
        """There is nothing over HTTP."""
        del call
        return json_reply({"error": "SMPP has a port of its own"}, 404)

    def posts(self, events: Sequence[Happened], now: float) -> Sequence[Post]:
        """Receipts go over sessions."""
        del events, now
        return ()

    def told(self) -> dict[str, Any]:
        """How it does; a receipt that a session took is reported."""
        found, counts = super().told(), self.smsc.counts
        found["counts"] |= {"calls": counts["submit_sm"], "errors": counts["refused"]}
        found["reports"] |= {"posted": counts["deliver_sm_taken"], "waiting": self.smsc.waiting}
        return found

    def _orders(self) -> SmscOrders:
        told = self.orders
        return SmscOrders(
            throttle=1.0 if told.outage == "error" else told.errors.get("throttle", 0.0),
            queue_full=told.errors.get("queue_full", 0.0), latency=told.latency_ms / 1000,
            silent=1.0 if told.outage == "hang" else told.lost, receipts_twice=told.twice, receipts=told.reports,
            refuse_binds=WRONG_PASSWORD if told.errors.get("auth") else 0, receipt_after=0.05 * told.pace,
        )  # fmt: skip

    def _too_many(self) -> bool:
        return self.orders.rate is not None and not self._within(self.orders.rate)

    def _took(self, part: Part) -> None:
        """A line of the record for each message: for the first of its parts."""
        if not part.esm_class & 0x40 or part.text[5:6] == b"\x01":
            message = Taken(f"{part.identity:x}", "", "", f"+{part.destination}", part.source, time.time(), (), 1.0)
            self.record.take([message])
            self.counts["taken"] += 1
