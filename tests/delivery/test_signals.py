"""Which replies make a sender slow down, and how they are counted."""

from pathlib import Path

import pytest

from app.delivery.mx_groups import OTHER
from app.delivery.outcomes import Kind
from app.delivery.routes.counts import HARD_EXCUSED, MOST_PAIRS, SOFT_EXCUSED, RouteCounts
from app.delivery.routes.signals import RECIPIENT, SIGNALS, reaction_to, signal_in
from app.records import Outcome

PAGE = (Path(__file__).parents[2] / "docs" / "health.md").read_text(encoding="utf-8")

# (MX group, code, text, name of the signal): replies as the providers document them, in our words where they are long.
REPLIES = [
    ("gmail", 421, "4.7.28 an unusual rate of mail from your IP address. gsmtp", "gmail unusual rate"),
    ("gmail", 550, "5.7.28 an unusual rate of unsolicited mail. gsmtp", "gmail unusual rate"),
    (
        "gmail", 421,
        "4.7.0 Our system has detected that this message is suspicious due to the very low\n"
        "4.7.0 reputation of the sending IP address. gsmtp",
        "gmail low reputation",
    ),
    ("gmail", 421, "4.7.0 Try again later, closing connection. gsmtp", "gmail try again later"),
    ("gmail", 451, "4.3.0 Temporary system problem. gsmtp", "gmail try again later"),
    ("gmail", 550, "5.7.25 The sending IP address has no PTR record setup. gsmtp", "gmail reverse DNS"),
    ("gmail", 550, "5.7.26 This mail is blocked: the sender is unauthenticated. gsmtp", "gmail authentication"),
    ("gmail", 421, "4.7.32 rate limited because the From: header has no DMARC alignment.", "gmail authentication"),
    ("gmail", 550, "5.7.29 Messages not sent over a TLS connection are rejected. gsmtp", "gmail TLS"),
    ("gmail", 550, "5.7.1 this message is likely unsolicited mail. gsmtp", "gmail unsolicited"),
    ("gmail", 550, "5.4.5 Daily user sending limit exceeded. gsmtp", "gmail daily limit"),
    ("outlook", 550, "5.7.1 messages from [192.0.2.1] weren't sent: on our block list (S3140).", "outlook block list"),
    ("outlook", 550, "SC-001 (SNT) Unfortunately, messages weren't sent.", "outlook block list"),
    (
        "outlook", 451, "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited. (S775)",
        "outlook temporarily rate limited",
    ),
    ("outlook", 421, "exceeded the maximum number of connections", "outlook too many connections"),
    ("outlook", 451, "4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)", "outlook server busy"),
    ("outlook", 451, "4.7.550 Access denied, please try again later", "outlook access denied"),
    (
        "outlook", 550, "5.7.515 sending domain example.com does not meet the required authentication level.",
        "outlook authentication",
    ),
    ("outlook", 550, "5.7.509 example.com does not pass DMARC verification.", "outlook authentication"),
    ("outlook", 550, "5.7.606 Access denied, banned sending IP [192.0.2.1].", "outlook banned"),
    ("outlook", 550, "5.7.705 Access denied, tenant has exceeded threshold", "outlook threshold"),
    ("yahoo", 421, "4.7.0 [TSS04] deferred due to unexpected volume or user complaints - 4.16.55.1", "yahoo TSS04"),
    ("yahoo", 421, "4.7.0 [TSS05] Messages from 192.0.2.1 temporarily deferred", "yahoo TSS05"),
    ("yahoo", 421, "4.7.0 [TS01] Messages from 192.0.2.1 temporarily deferred", "yahoo TS01"),
    ("yahoo", 421, "4.7.0 [TS02] Messages from 192.0.2.1 temporarily deferred", "yahoo TS01"),
    ("yahoo", 421, "4.7.1 [TS03] All messages from 192.0.2.1 will be deferred", "yahoo permanently deferred"),
    ("yahoo", 421, "4.7.0 [TSS03] temporarily deferred", "yahoo TSS03"),
    ("yahoo", 553, "5.7.1 [BL21] Connections not accepted, the ip is in Spamhaus's list", "yahoo listed"),
    ("yahoo", 553, "5.7.2 [TSS09] All messages will be permanently deferred", "yahoo listed"),
    ("yahoo", 451, "VS1-MF Excessive unknown recipients - possible Open Relay", "yahoo unknown recipients"),
    ("yahoo", 550, "5.7.9 This mail has been blocked because the sender is unauthenticated.", "yahoo authentication"),
    ("yahoo", 451, "Message temporarily deferred due to unresolvable RFC.5321 from domain", "yahoo sender domain"),
    ("apple", 421, "4.7.1 Messages to x@icloud.com deferred due to excessive volume", "apple HCM1"),
    ("apple", 421, "[HCM1] Message deferred", "apple HCM1"),
    ("apple", 451, "[BS02] temporary server error. Please try again later", "apple BS02"),
    ("apple", 451, "4.7.1 Service unavailable - try again later", "apple BS02"),
    ("apple", 450, "4.1.8 <a@example.com>: Sender address rejected: Domain not found", "apple sender domain"),
    ("apple", 554, "5.7.1 Your message was rejected because a URL is listed in Spamhaus DBL", "apple DBL"),
    ("apple", 554, "5.7.1 [HME1] failing both SPF and DKIM authentication checks", "apple authentication"),
    ("apple", 550, "5.7.1 [CS01] Message rejected due to local policy", "apple local policy"),
    ("apple", 550, "5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", "apple proofpoint"),
    ("seznam", 554, "5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", "block list"),
    ("example.org", 550, "5.7.23 SPF validation failed", "authentication"),
    ("example.org", 554, "5.7.1 <x@y.test>: Relay access denied", "relay denied"),
    ("example.org", 421, "4.7.0 Too many connections from your host", "too many"),
]  # fmt: skip

# Replies that tell nothing against the sender.
OF_RECIPIENTS = [
    ("gmail", 450, "4.2.1 The user you are trying to contact is receiving mail too quickly. gsmtp"),
    ("gmail", 452, "4.2.2 The recipient's inbox is out of storage space. gsmtp"),
    ("outlook", 550, "5.2.121 Recipient's per hour message receive limit from specific sender exceeded"),
    ("outlook", 550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup"),
    ("outlook", 451, "4.4.316 Connection refused"),
    ("yahoo", 451, "Resources temporarily unavailable. Please try again later. [#4.16.1]."),
    ("example.org", 451, "4.7.1 Greylisting in action, please try again later"),
    ("example.org", 450, "4.1.1 <x@y.test>: unknown user, see spamhaus.org"),
]


@pytest.mark.parametrize(("group", "code", "text", "name"), REPLIES)
def test_a_reply_that_asks_to_slow_down_has_a_name_and_a_reaction(group: str, code: int, text: str, name: str) -> None:
    """
    Who does not react to these is blocked for longer each time.
    """
    assert signal_in(code, text, group) == name
    reaction = reaction_to(name, group)
    assert reaction is not None
    assert reaction.suspend or reaction.rate or reaction.connections or reaction.factor < 1 or reaction.alert


@pytest.mark.parametrize(("group", "code", "text"), OF_RECIPIENTS)
def test_a_reply_about_the_recipient_slows_nobody(group: str, code: int, text: str) -> None:
    """
    Greylisting meets every first message: it would slow down each new sender for nothing.
    """
    assert signal_in(code, text, group) == RECIPIENT


def test_every_signal_of_the_table_is_met_by_a_documented_reply() -> None:
    """
    A row that nothing reaches is a row that does not work.
    """
    assert {each.name for each in SIGNALS} - {RECIPIENT} == {name for *_, name in REPLIES}


def test_one_of_many_small_servers_does_not_silence_all_of_them() -> None:
    """
    "other" are thousands of domains: a block list that one of them asks says nothing of the rest.
    """
    alone, mixed = reaction_to("block list", "example.org"), reaction_to("block list", OTHER)
    assert alone is not None
    assert mixed is not None
    assert alone.suspend
    assert not mixed.suspend
    assert mixed.factor < 1


def test_the_documentation_prints_the_table_as_it_is() -> None:
    """
    Operators look there for why a sender is suspended, and for how long.
    """
    for each in SIGNALS:
        if each.name != RECIPIENT:
            does = each.reaction.words + (
                " and an alert" if each.reaction.alert and each.reaction.words != "alert" else ""
            )
            assert f"| {each.name} | {each.group or 'any'} | {each.reaction.least} | {does} |" in PAGE


def _outcome(kind: Kind, code: int = 0, klass: str = "", detail: str = "") -> Outcome:
    return Outcome(kind, 0.0, code, klass, detail)


def test_outcomes_are_counted_by_kind_and_failures_that_nobody_here_can_help_apart() -> None:
    """
    A list with many dead addresses is no ill provider.
    """
    counts = RouteCounts()
    counts.note("a", "gmail", [
        _outcome(Kind.ACCEPTED, 250), _outcome(Kind.ACCEPTED, 250),
        _outcome(Kind.REFUSED, 550, "unknown_user", "5.1.1 no such user"),
        _outcome(Kind.DEFERRED, 451, "greylisted", "4.7.1 Greylisted"),
        _outcome(Kind.THROTTLED, 421, "throttle", "4.7.28 unusual rate"),
        _outcome(Kind.BLOCKED, 550, "content", "5.7.1 policy that prohibited"),
        _outcome(Kind.BLOCKED, klass="variables", detail="no name"),  # never met a server
    ])  # fmt: skip
    (health,) = counts.report(full=False)
    assert health.counts == {
        Kind.ACCEPTED: 2, Kind.REFUSED: 1, Kind.DEFERRED: 1, Kind.THROTTLED: 1, Kind.BLOCKED: 1,
        SOFT_EXCUSED: 1, HARD_EXCUSED: 1,
    }  # fmt: skip
    assert health.signals == {"gmail unusual rate": 1}
    assert not counts
    assert counts.report(full=False) == []
    assert counts.report(full=True) == [health]


def test_the_pairs_that_are_counted_are_bounded() -> None:
    """
    The long tail has as many domains as there are.
    """
    counts = RouteCounts()
    for number in range(MOST_PAIRS + 50):
        counts.note("a", f"d{number}.example", [_outcome(Kind.ACCEPTED, 250)])
    told = counts.report(full=True)
    assert len(told) == MOST_PAIRS + 1
    assert sum(each.counts[Kind.ACCEPTED] for each in told) == MOST_PAIRS + 50
