"""How the sink answers: as the mailbox providers of the recipients would. Pure.

An address always behaves the same for the same seed, so a run can be repeated. Texts follow those
that the providers publish on their postmaster pages.
"""

from dataclasses import dataclass
from hashlib import blake2b

from app.delivery.mx_groups import group_of


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to RCPT TO or to the message. *again* 0 always answers so; n only the first n times."""

    code: int
    text: str
    again: int = 0


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
