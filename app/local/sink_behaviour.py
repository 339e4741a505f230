"""How the sink answers: as the mailbox providers of the recipients would. Pure.

An address always behaves the same for the same seed, so a run can be repeated. Texts follow those
that the providers publish on their postmaster pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from app.delivery.mx_groups import group_of


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to RCPT TO or to the message. *again* 0 always answers so; n only the first n times."""

    code: int
    text: str
    again: int = 0


def answer_in(line: str) -> Answer:
    """The answer in a reply line such as "451 4.3.0 not now"."""
    code, _, text = line.partition(" ")
    return Answer(int(code), text)


UNKNOWN_USER = {
    "gmail": "5.1.1 The email account that you tried to reach does not exist. gsmtp",
    "outlook": "5.5.0 Requested action not taken: mailbox unavailable",
    "yahoo": "5.1.1 Requested mail action aborted, mailbox not found",
    "apple": "5.1.1 user does not exist",
}
FULL = {
    "gmail": "5.2.2 The recipient's inbox is out of storage space. gsmtp",
    "outlook": "5.2.2 mailbox full",
}
POLICY = {
    "gmail": "5.7.1 Our system has detected that this message is likely unsolicited mail. gsmtp",
    "outlook": "5.7.1 Unfortunately, messages weren't sent: on our block list (S3140)",
    "yahoo": "5.7.9 Message not accepted for policy reasons",
    "apple": "5.7.1 [CS01] Message rejected due to local policy",
}

# Share of the addresses, in ten thousands, that behaves so.
SHARES = (
    (70, "unknown_user"),
    (30, "mailbox_full"),
    (10, "policy"),
    (100, "greylisted"),
    (20, "throttled"),
)


def behaviour_of(address: str, seed: int) -> Answer | None:
    """How *address* answers, or None when it just takes its mail."""
    lower = address.lower()
    draw = int.from_bytes(blake2b(f"{seed}|{lower}".encode(), digest_size=4).digest(), "big") % 10_000
    group = group_of(lower.rpartition("@")[2])
    for share, what in SHARES:
        if draw < share:
            return _answer(what, group)
        draw -= share
    return None


def _answer(what: str, group: str) -> Answer:
    match what:
        case "unknown_user":
            return Answer(550, UNKNOWN_USER.get(group, "5.1.1 no such user"))
        case "mailbox_full":
            return Answer(552, FULL.get(group, "5.2.2 mailbox is full"))
        case "policy":
            return Answer(550, POLICY.get(group, "5.7.1 rejected as spam"))
        case "greylisted":
            return Answer(451, "4.7.1 Greylisted, please try again in a while", again=1)
        case _:
            return Answer(450, "4.2.1 The user is receiving mail too quickly, please try again later", again=1)


# -- throttles: so much a second from one address, as mailbox providers have them

RATE_EXCEEDED = {
    "gmail": Answer(
        421,
        "4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address. gsmtp",
    ),
    "outlook": Answer(451, "4.7.650 The mail server has been temporarily rate limited due to IP reputation."),
    "yahoo": Answer(421, "4.7.0 [TSS04] Messages temporarily deferred due to unexpected volume or user complaints"),
    "apple": Answer(421, "4.7.1 [HCM1] Message rejected due to excessive volume from your server"),
}
TOO_FAST = Answer(450, "4.7.1 rate limited: too many messages, slow down")


class Throttles:
    """Takes so many messages a second of each MX group ("*": every other one, each by itself) from one client.

    A second's worth may come at once; what is turned away costs nothing.
    """

    def __init__(self, rates: Mapping[str, float]) -> None:
        self.rates = dict(rates)
        self._left: dict[tuple[str, str], tuple[float, float]] = {}  # (client, group) -> messages, when

    def verdict(self, address: str, client: str, now: float) -> Answer | None:
        """How a message to *address* is answered at *now* (seconds of any clock); None takes it."""
        if not self.rates:
            return None
        group = group_of(address.rpartition("@")[2])
        rate = self.rates.get(group, self.rates.get("*"))
        if rate is None:
            return None
        left, at = self._left.get((client, group), (max(rate, 1.0), now))
        left = min(max(rate, 1.0), left + (now - at) * rate)
        taken = left >= 1
        self._left[client, group] = (left - taken, now)
        return None if taken else RATE_EXCEEDED.get(group, TOO_FAST)


# -- troubles by name, for people: what a sink is told to do

TROUBLES: dict[str, tuple[str, dict[str, object]]] = {
    "refuse": ("connections are refused, as if the server were off", {"listening": False}),
    "busy": ("greets with 421: too many connections", {"answers": {"greeting": "421 4.3.2 too many connections"}}),
    "closed": ("greets with 554: no service", {"answers": {"greeting": "554 5.3.2 no SMTP service here"}}),
    "no-service": (
        "MAIL is answered 421: no service",
        {"answers": {"MAIL": "421 4.3.2 service not available, closing transmission channel"}},
    ),
    "defer": ("every message is answered 451: later", {"answers": {"message": "451 4.3.0 temporary system problem"}}),
    "block": (
        "every message is answered 550: blocked",
        {"answers": {"message": "550 5.7.1 blocked: our system has detected unsolicited mail"}},
    ),
    "silent": ("takes connections and says nothing more", {"silent": True}),
    "slow": ("every reply takes a second", {"latency_ms": 1_000}),
    "drop": ("takes a hundred messages and cuts the connection before the reply", {"drop_replies": 100}),
    "throttle": ("takes ten messages a second of each MX group, more are told to slow down", {"throttles": {"*": 10}}),
}
