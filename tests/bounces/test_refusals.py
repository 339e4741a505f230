"""Whom an answer to an attempt suppresses: only who is nobody, by the words of whoever refused."""

import pytest

from app.bounces.refusals import suppressions_of
from app.delivery.gate import MIRRORED
from app.delivery.outcomes import Kind
from app.delivery.partition_records import OpenRelease
from app.delivery.reports.suppress import HARD
from app.delivery.smtp_replies import classify
from app.records import Outcome, Outgoing

ROW = Outgoing(bytes(16), b"r" * 16, "ann@firm.example", b"{}")


def release(channel: str = "email") -> OpenRelease:
    return OpenRelease("acme", "c_1", "bulk", "other", "relay", 1, 0, 0, 1, 1.0, 2.0, 1, channel=channel)


def reply(code: int, text: str) -> Outcome:
    meaning = classify(code, text)
    return Outcome(meaning.kind, 5.0, code, meaning.klass, text)


@pytest.mark.parametrize(("outcome", "reason"), [
    (reply(550, "5.1.1 <ann@firm.example>: Recipient address rejected: User unknown in virtual mailbox table"), HARD),
    (reply(550, "5.1.2 no such domain"), HARD),
    (reply(550, "5.7.1 mailbox unavailable: message refused by policy"), ""),
    (reply(550, "Sender address rejected: user unknown"), ""),
    (reply(552, "5.2.2 mailbox full"), ""),
    (reply(450, "4.1.1 user unknown, try again"), ""),
    (reply(554, "5.7.1 message looks like spam"), ""),
    (Outcome(Kind.REFUSED, 5.0, 0, "bad_syntax", "the address has characters that SMTP cannot carry"), ""),
    (Outcome(Kind.REFUSED, 5.0, 21211, "hard", "21211 The 'To' number is not a valid phone number."), HARD),
    (Outcome(Kind.BLOCKED, 5.0, 21610, "suppressed", "Attempt to send to unsubscribed recipient"), MIRRORED),
    (Outcome(Kind.BLOCKED, 5.0, 0, "content", "no"), ""),
    (Outcome(Kind.ACCEPTED, 5.0), ""),
    (Outcome(Kind.UNCERTAIN, 5.0, 0, "hard", "lost"), ""),
])  # fmt: skip
def test_who_is_suppressed(outcome: Outcome, reason: str) -> None:
    found = suppressions_of(release(), [(ROW, outcome)], everywhere=False)
    assert [(each.reason, each.recipient, each.account, each.route) for each in found] == (
        [(reason, ROW.recipient_id, "acme", "relay")] if reason else []
    )


def test_a_number_is_suppressed_on_its_channel_and_where_the_account_wants_it_for_all() -> None:
    hard = Outcome(Kind.REFUSED, 5.0, 0, "hard", "no such number")
    (sms,) = suppressions_of(release("sms"), [(ROW, hard)], everywhere=True)
    assert (sms.channel, sms.everywhere) == ("sms", True)
    mirrored = Outcome(Kind.BLOCKED, 5.0, 0, "suppressed", "unsubscribed")
    (own,) = suppressions_of(release("sms"), [(ROW, mirrored)], everywhere=True)
    assert not own.everywhere
