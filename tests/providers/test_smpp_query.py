"""query_sm: known PDUs, those of another library, and whatever bytes an SMSC may answer."""

from types import SimpleNamespace

import pytest
import smpplib.command
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Smpp
from app.providers import smpp
from app.providers.contract import Sought, Unreadable, Wish
from app.providers.echo import query_of
from app.providers.smpp_pdu import HEADER, QUERY_SM, RESPONSE, SUBMIT_SM, Pdu, packed, query_sm
from app.providers.smpp_query import query_for, status_of
from app.records import ReceivedReport, Told

CONFIG = Smpp(host="smsc.example", system_id="esme1", sender="ACME", errors={"9": "block", "001": "hard"})
NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
ASKED = query_of(Sought(b"m" * 16, 2, "1d305b4c", NOW - 4_000))


def looked_up(raw: bytes, query: str = ASKED) -> list[Told | Wish | Unreadable]:
    return smpp.events_in(CONFIG, ReceivedReport("smpp", "carrier", "lookup", NOW, raw, query=query))


def answer(date: str, state: int, error: int) -> bytes:
    body = b"1d305b4c\0" + date.encode() + b"\0" + bytes((state, error))
    return packed(Pdu(QUERY_SM | RESPONSE, 0, 5, body))


def test_what_is_asked_is_what_the_standard_says() -> None:
    """4.8.1: 16 bytes of header, id, type of number, plan, sender."""
    raw = packed(Pdu(QUERY_SM, 0, 5, query_sm("1D305B4C", (5, 0, "ACME"))))
    assert raw.hex() == "00000020000000030000000000000005314433303542344300050041434d4500"
    read = smpplib.command.QuerySM("query_sm", sequence=5)
    read.parse(raw)
    assert (read.message_id, read.source_addr_ton, read.source_addr) == (b"1D305B4C", 5, b"ACME")


def test_what_another_library_answers_is_read() -> None:
    made = smpplib.command.QuerySMResp("query_sm_resp", sequence=5)
    made._client = SimpleNamespace(sequence=5, next_sequence=lambda: 5)
    made.message_id, made.final_date, made.message_state, made.error_code = "1d305b4c", "270115073000000+", 2, 0
    (told,) = looked_up(made.generate())
    assert isinstance(told, Told)
    assert (told.message_id, told.attempt, told.kind, told.at) == (b"m" * 16, 2, ReportKind.DELIVERED, NOW - 1_800)


@pytest.mark.parametrize(
    ("date", "state", "error", "kind", "klass"),
    [
        ("", 1, 0, None, ""), ("", 6, 0, None, ""), ("", 7, 0, None, ""), ("", 77, 0, None, ""),
        ("270115073000000+", 3, 0, ReportKind.EXPIRED, "soft"),
        ("270115073000000+", 5, 4, ReportKind.BOUNCED, "soft"),  # a figure of no table of ours suppresses nobody
        ("270115073000000+", 5, 1, ReportKind.BOUNCED, "hard"),
        ("270115073000000+", 5, 9, ReportKind.BLOCKED, "block"),
        ("270115073000000+", 8, 0, ReportKind.BLOCKED, "block"),
        ("270115073000000+", 4, 0, ReportKind.FAILED, "undetermined"),
    ],
)  # fmt: skip
def test_what_a_state_tells(date: str, state: int, error: int, kind: ReportKind | None, klass: str) -> None:
    events = looked_up(answer(date, state, error))
    assert [(each.kind, each.klass) for each in events if isinstance(each, Told)] == ([(kind, klass)] if kind else [])


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("270115073000000+", NOW - 1_800),
        ("270115093000008+", NOW - 1_800),  # two hours ahead of UTC
        ("270115023000020-", NOW - 1_800),  # five hours behind
        ("270115120000000+", NOW), ("991399999999000+", NOW), ("soon", NOW), ("", NOW),
    ],
)  # fmt: skip
def test_when_it_was(date: str, at: float) -> None:
    """A clock of the future, or one that is none, moves nothing ahead of now."""
    (told,) = looked_up(answer(date, 2, 0))
    assert isinstance(told, Told) and told.at == at


@pytest.mark.parametrize(
    ("written", "sender", "asked"),
    [
        ("1d305b4c", "", query_sm("1d305b4c", (5, 0, "ACME"))),
        ("001D305B4C", "", query_sm("001D305B4C", (5, 0, "ACME"))),
        ("42", "+15005550006", query_sm("42", (1, 1, "15005550006"))),
        ("0A", "My Shop", query_sm("0A", (5, 0, "My Shop"))),
    ],
)  # fmt: skip
def test_it_is_asked_with_the_id_and_the_sender_that_the_smsc_knows(written: str, sender: str, asked: bytes) -> None:
    """What we compare has no zeros in front, and small letters: an SMSC knows no such message."""
    outcome = smpp.outcome_of(Pdu(SUBMIT_SM | RESPONSE, 0, 1, written.encode() + b"\0"), NOW, sender)
    assert query_for(CONFIG, outcome.ref, outcome.detail) == asked


def test_of_several_parts_the_last_is_asked_about_and_without_an_id_nobody() -> None:
    assert query_for(CONFIG, "1,2,3", "accepted") == query_sm("3", (5, 0, "ACME"))
    assert query_for(CONFIG, "", "lost") is None and query_for(CONFIG, "x" * 90, "") is None


@pytest.mark.parametrize(("status", "http"), [(0, 200), (0x58, 429), (0x14, 429), (0x08, 503), (0x67, 404)])
def test_what_a_refusal_means(status: int, http: int) -> None:
    assert status_of(Pdu(QUERY_SM | RESPONSE, status, 1)) == http


@given(st.binary(max_size=120), st.text(max_size=80), st.text(max_size=60))
def test_no_bytes_break_the_reading(raw: bytes, query: str, words: str) -> None:
    for each in (raw, HEADER.pack(16 + len(raw), QUERY_SM | RESPONSE, 0, 1) + raw):
        for asked in (query, ASKED):
            assert all(isinstance(event, Told | Unreadable) for event in looked_up(each, asked))
    assert isinstance(query_for(CONFIG, query, words), bytes | None)
    assert isinstance(query_for(CONFIG, query, f"accepted as {words} from {query}"), bytes | None)
