"""What one failure means: the words of many mail systems, and who may be suppressed by them."""

import json
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bounces import words_address, words_refusal, words_system
from app.bounces.decide import Failure, meaning_of, reason_in
from app.bounces.verdict import REASONS

HERE = Path(__file__).parent
KNOWN = [line.split("\t") for line in (HERE / "diagnostics.tsv").read_text().splitlines() if not line.startswith("# ")]
DOUBTFUL = [line for line in (HERE / "doubtful.txt").read_text().splitlines() if not line.startswith("# ")]
RULES = json.loads((HERE.parent / "samples" / "smtp-reply-rules.json").read_text())["rules"]
HOSTS = {
    "gmail": "gmail-smtp-in.l.google.com", "outlook": "x.mail.protection.outlook.com",
    "yahoo": "mta5.am0.yahoodns.net", "apple": "mx01.mail.icloud.com", "generic": "",
}  # fmt: skip


@pytest.mark.parametrize(("action", "reason", "said"), KNOWN, ids=[each[2][:50] for each in KNOWN])
def test_words_are_understood(action: str, reason: str, said: str) -> None:
    """One misread line suppresses good people, or keeps mailing bad ones."""
    meaning = meaning_of(Failure(said, recipient="ana@example.com"))
    assert (meaning.action, meaning.reason) == (action, reason)


@pytest.mark.parametrize("said", DOUBTFUL)
def test_what_is_doubtful_suppresses_nobody(said: str) -> None:
    """It names users and addresses, and "not found" or "disabled", but does not say that nobody has this address."""
    assert meaning_of(Failure(said, recipient="ana@example.com")).action != "suppress"


@pytest.mark.parametrize("rule", RULES, ids=[each["rule"] for each in RULES])
def test_large_providers_suppress_where_their_pages_say_so(rule: dict[str, object]) -> None:
    """Their replies are most of all bounces."""
    for example in rule["examples"]:  # type: ignore[attr-defined]
        meaning = meaning_of(Failure(example, host=HOSTS[str(rule["provider"])], recipient="x@y.test"))
        assert (meaning.action == "suppress") == (rule["bounce_class"] == "hard")
        assert (meaning.reason == "mailboxfull") == (rule["bounce_class"] == "mailbox_full")


@pytest.mark.parametrize(
    ("said", "reason"),
    [("550 5.2.1 STOREDRV.Deliver; account disabled", "suspend"),
     ("554 5.2.0 STOREDRV.Deliver.Exception:CorruptDataException", "systemerror"),
     ("554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", "mailboxfull")],
)  # fmt: skip
def test_what_the_store_of_exchange_has_is_told_by_the_rest(said: str, reason: str) -> None:
    """Its name stands before all of its troubles."""
    assert meaning_of(Failure(said, host="x.mail.protection.outlook.com")).reason == reason


OURS = (
    "Sender address rejected", "blocked using zen.spamhaus.org", "message rejected as spam", "SPF check failed",
    "relay access denied", "too many unknown recipients", "your IP has a poor reputation", "greylisted",
    "authentication failed", "too many connections", "domain of sender", "virus found", "mailbox is full",
)  # fmt: skip
GONE = (
    "user unknown",
    "no such user",
    "mailbox not found",
    "account disabled",
    "domain not found",
    "utilisateur inconnu",
)


@given(
    st.sampled_from(OURS), st.sampled_from(GONE), st.booleans(), st.sampled_from(["550 ", "554 5.7.1 ", "550 5.0.0 "])
)
def test_words_about_us_never_suppress(ours: str, gone: str, first: bool, code: str) -> None:
    """A filter that mentions unknown users says nothing about this one."""
    said = f"{ours}; {gone}" if first else f"{gone}, {ours}"
    assert meaning_of(Failure(code + said, recipient="ana@example.com")).action != "suppress"


@given(
    st.sampled_from(GONE), st.sampled_from(["450 ", "421 4.1.1 ", "451 4.3.0 "]), st.sampled_from(["failed", "delayed"])
)
def test_what_is_temporary_never_suppresses(gone: str, code: str, told: str) -> None:
    """Also when it was tried until the time was over."""
    meaning = meaning_of(Failure(code + gone, "5.4.7", told, recipient="ana@example.com"))
    assert meaning.action != "suppress"
    assert meaning.klass == "soft"


@given(st.sampled_from(GONE))
def test_before_the_recipient_was_named_nothing_suppresses(gone: str) -> None:
    """An answer to MAIL FROM speaks of the sender."""
    said = f"host mx.example.com said: 550 5.1.1 {gone} (in reply to MAIL FROM command)"
    assert meaning_of(Failure(said, recipient="ana@example.com")).action != "suppress"


@given(st.text(max_size=300), st.text(max_size=12), st.sampled_from(["failed", "delayed"]), st.text(max_size=30))
def test_any_words_have_a_meaning(said: str, status: str, told: str, host: str) -> None:
    """Whatever a mail system says."""
    meaning = meaning_of(Failure(said, status, told, host))
    assert meaning.reason in REASONS
    assert (meaning.action == "suppress") == (meaning.klass == "hard") == meaning.certain
    reason_in(said)


def test_the_documents_list_every_reason() -> None:
    """docs/bounces.md is what people read who act on them."""
    page = (HERE.parent.parent / "docs" / "bounces.md").read_text()
    for name, rule in REASONS.items():
        assert f"| `{name}` | {rule.klass} | {rule.action} | {rule.says} |" in page


def _said(pieces: tuple[str, ...]) -> str:
    """A text with a phrase in it."""
    return " or ".join(each.strip() for each in pieces)


def _tables(module: ModuleType) -> list[tuple[str, tuple[tuple[str, ...], ...]]]:
    return [(name, table) for name, table in vars(module).items() if name.isupper() and isinstance(table, tuple)]


@pytest.mark.parametrize(
    ("name", "table"), [*_tables(words_refusal), *_tables(words_system)], ids=lambda each: str(each)[:20]
)
def test_no_word_about_us_or_machines_suppresses(name: str, table: tuple[tuple[str, ...], ...]) -> None:
    """Alone none does; beside "user unknown" none does that is about us for certain."""
    about_us = {"SENDER", "AUTH_FAILURE", "REQUIRE_PTR", "UNKNOWN_RECIPIENT_COUNT", "GREYLISTED", "NO_RELAYING",
                "VIRUS", "TOO_MANY_CONNECTIONS", "RATE_LIMITED", "BLOCK_LIST", "REPUTATION", "SPAM", "SECURITY",
                "SUPPRESSED", "LETS_IN"}  # fmt: skip
    before = "550 5.7.1 user unknown; " if name in about_us else "550 5.7.1 "
    said = [before + _said(pieces) for pieces in table if name != "ADDRESS_SYNTAX"]
    assert [each for each in said if meaning_of(Failure(each, recipient="ana@example.com")).action == "suppress"] == []


@pytest.mark.parametrize("name", ["USER_UNKNOWN", "SUSPENDED", "HOST_UNKNOWN", "HAS_MOVED", "NULL_MX", "MAILBOX_FULL",
                                  "SUSPENDED_FOR_NOW", "DNS_TROUBLE"])  # fmt: skip
def test_every_word_about_the_address_counts(name: str) -> None:
    """One that another table takes away would be a missed bounce, or the other way round a wrong suppression."""
    wanted = "retry" if name in ("MAILBOX_FULL", "SUSPENDED_FOR_NOW", "DNS_TROUBLE") else "suppress"
    said = ["550 " + _said(pieces) for pieces in getattr(words_address, name)]
    told = {each: meaning_of(Failure(each, recipient="ana@example.com")).action for each in said}
    assert {each: action for each, action in told.items() if action != wanted} == {}
