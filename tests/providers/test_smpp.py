"""SMPP as bytes: known answers, an independent library that must agree, texts cut and joined, receipts of carriers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import smpplib.command
import smpplib.consts
import smpplib.gsm
from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.content.sms import size_of
from app.delivery.outcomes import Kind
from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Smpp
from app.providers import smpp, smpp_states
from app.providers.contract import Message, Unreadable, Wish
from app.providers.smpp_pdu import (
    BIND_TRANSCEIVER,
    DELIVER_SM,
    ENQUIRE_LINK,
    HEADER,
    MESSAGE_STATE,
    RESPONSE,
    SUBMIT_SM,
    UNBIND,
    BrokenStreamError,
    Delivered,
    Pdu,
    bind_transceiver,
    delivered_in,
    packed,
    pdus_in,
    relative_time,
    submit_sm,
)
from app.providers.smpp_text import GSM, parts_of, text_of, without_header
from app.records import ReceivedReport, Told

SAMPLES = json.loads((Path(__file__).parents[1] / "samples" / "vectors-smpp.json").read_text())
VECTORS = {name: bytes.fromhex(raw) for name, raw in SAMPLES["vectors"].items()}
CONFIG = Smpp(host="smsc.example", system_id="esme1", sender="ACME")


class Text:
    """The content of an SMS, as far as SMPP looks at it."""

    def __init__(self, text: str) -> None:
        self.text = text


def message(text: str, **changes: object) -> Message:
    plain = Message(bytes(16), 1, "acme", "c_1", "+14155550100", Text(text))
    return replace(plain, **changes)  # type: ignore[arg-type]


def received(raw: bytes) -> ReceivedReport:
    return ReceivedReport("smpp", "carrier", "session", 1_800_000_000.0, raw, id="r1")


def receipt(text: str, options: bytes = b"", esm_class: int = 4) -> ReceivedReport:
    body = b"\0\x01\x0114155550100\0\x05\0ACME\0" + bytes((esm_class, 0, 0)) + b"\0\0" + bytes((0, 0, 0, 0, len(text)))
    return received(packed(Pdu(DELIVER_SM, 0, 1, body + text.encode("latin-1") + options)))


def told_by(report: ReceivedReport, config: Smpp = CONFIG) -> Told:
    (told,) = smpp.events_in(config, report)
    assert isinstance(told, Told), told
    return told


# -- known answers


def test_what_we_write_is_what_the_standard_says() -> None:
    written = {
        "bind_transceiver": Pdu(BIND_TRANSCEIVER, 0, 1, bind_transceiver("esme1", "secret08")),
        "enquire_link": Pdu(ENQUIRE_LINK, 0, 7),
        "enquire_link_resp": Pdu(ENQUIRE_LINK | RESPONSE, 0, 7),
        "unbind": Pdu(UNBIND, 0, 8),
        "deliver_sm_resp": Pdu(DELIVER_SM | RESPONSE, 0, 1, b"\0"),
        "submit_sm": Pdu(SUBMIT_SM, 0, 2, submit_sm(
            (5, 0, "ACME"), "14155550100", b"Hello from campaign", data_coding=0, valid_for=86_400, receipts=1)),
        "submit_sm_ucs2_udh_part1of2": Pdu(SUBMIT_SM, 0, 4, submit_sm(
            (5, 0, "ACME"), "14155550100", b"\x05\0\x03\x2a\x02\x01" + "नम".encode("utf-16-be"),
            data_coding=8, valid_for=0, receipts=1, joined=True)),
    }  # fmt: skip
    assert {name: packed(pdu).hex() for name, pdu in written.items()} == {name: VECTORS[name].hex() for name in written}


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_what_is_read_is_what_was_written(name: str) -> None:
    buffer = bytearray(VECTORS[name])
    (pdu,) = pdus_in(buffer)
    assert not buffer and packed(pdu) == VECTORS[name]


@pytest.mark.parametrize("name", ["deliver_sm_receipt_with_tlvs", "official_deliver_sm"])
def test_a_receipt_tells_of_the_message_that_was_answered_with_its_id(name: str) -> None:
    told = told_by(received(VECTORS[name]))
    assert (told.kind, told.ref, told.said) == (ReportKind.DELIVERED, "1d305b4c", "DELIVRD")


@pytest.mark.parametrize("name", ["deliver_sm_receipt_with_tlvs", "official_deliver_sm"])
@given(st.data())
def test_a_changed_byte_is_noticed_or_changes_what_is_told(name: str, data: st.DataObject) -> None:
    """The id of the message stands in an option: whatever byte of it changes, no other message is told of by it."""
    raw = bytearray(VECTORS[name])
    at = raw.index(b"1d305b4c\0") + data.draw(st.integers(0, 7))
    was = raw[at]
    raw[at] ^= data.draw(st.integers(1, 255))
    assume(bytes((raw[at],)).lower() != bytes((was,)))  # ids are compared without regard to case
    events = smpp.events_in(CONFIG, received(bytes(raw)))
    assert not any(isinstance(each, Told) and each.ref == "1d305b4c" for each in events)


def test_an_answer_to_a_message_has_its_id_or_says_why_not() -> None:
    (taken,) = pdus_in(bytearray(VECTORS["submit_sm_resp_ok"]))
    (throttled,) = pdus_in(bytearray(VECTORS["submit_sm_resp_throttled_0x58"]))
    assert smpp.outcome_of(taken, 1.0).ref == "1d305b4c"
    assert smpp.outcome_of(throttled, 1.0).kind == Kind.THROTTLED


# -- an independent library


@given(st.text(alphabet=GSM.replace("\x1b", ""), min_size=1, max_size=160).filter(lambda t: size_of(t).parts == 1))
def test_another_library_reads_our_messages(text: str) -> None:
    (body,) = smpp.submits_for(CONFIG, message(text, sender="+15005550006"))
    raw = packed(Pdu(SUBMIT_SM, 0, 3, body))
    read = smpplib.command.SubmitSM("submit_sm", sequence=3)
    read.parse(raw)
    assert (read.source_addr_ton, read.source_addr_npi, read.source_addr) == (1, 1, b"15005550006")
    assert (read.dest_addr_ton, read.dest_addr_npi, read.destination_addr) == (1, 1, b"14155550100")
    assert (read.data_coding, read.registered_delivery, read.sm_length) == (0, 1, len(read.short_message))
    if set(text) <= set(smpplib.gsm.GSM_CHARACTER_TABLE):  # theirs lacks some
        assert read.short_message == smpplib.gsm.gsm_encode(text)
    assert read.validity_period == b"000001000000000R"


@given(st.text(min_size=161, max_size=700).filter(lambda text: size_of(text).encoding == "UCS-2"))
@example("z" * 66 + "😀" * 100)
def test_parts_of_long_texts_join_to_the_text(text: str) -> None:
    coding, parts = parts_of(text, 7)
    assert coding == 8 and len(parts) == size_of(text).parts
    assert all(len(part) <= 140 and part[:5] == bytes((5, 0, 3, 7, len(parts))) for part in parts)
    assert [part[5] for part in parts] == list(range(1, len(parts) + 1))
    joined = b"".join(map(without_header, parts))
    assert joined == text.encode("utf-16-be", "replace")


@given(st.text(alphabet=[*GSM.replace("\x1b", ""), "€", "[", "~"], max_size=900))
def test_parts_are_as_many_as_were_counted(text: str) -> None:
    coding, parts = parts_of(text, 300)
    assert coding == 0 and len(parts) == max(1, size_of(text).parts)
    bare = parts if len(parts) == 1 else list(map(without_header, parts))
    assert "".join(text_of(part, 0) for part in bare) == text  # no sign is cut in two
    assert all(len(part) <= 160 for part in parts)


def test_every_part_asks_for_its_failure_and_the_last_for_delivery() -> None:
    bodies = smpp.submits_for(CONFIG, message("x" * 400))
    wanted = []
    for body in bodies:
        read = smpplib.command.SubmitSM("submit_sm", sequence=3)
        read.parse(packed(Pdu(SUBMIT_SM, 0, 3, body)))
        assert read.esm_class == 0x40
        wanted.append(read.registered_delivery)
    assert wanted == [2, 2, 1]


@pytest.mark.parametrize(("sender", "source"), [
    ("+15005550006", (1, 1, "15005550006")), ("15005550006", (1, 1, "15005550006")), ("62262", (3, 0, "62262")),
    ("ACME", (5, 0, "ACME")), ("", (0, 0, "")), ("Acme 24", (5, 0, "Acme 24")),
])  # fmt: skip
def test_what_kind_of_sender_it_is(sender: str, source: tuple[int, int, str]) -> None:
    assert smpp_states.source_of(sender) == source


def test_what_does_not_fit_is_said_and_not_cut() -> None:
    assert "at most 20" in smpp.submits_for(CONFIG, message("Hi", sender="A" * 30))
    assert "at most 20" in smpp.submits_for(CONFIG, message("Hi", address="+" + "1" * 30))
    assert "parts" in smpp.submits_for(CONFIG, message("x" * 50_000))


def test_latin_1_where_the_carrier_has_it() -> None:
    latin = CONFIG.model_copy(update={"default_alphabet": "latin1"})
    assert parts_of("Grüße", 0, "latin1") == (0, ["Grüße".encode("latin-1")])
    assert parts_of("10 €", 0, "latin1") == (8, ["10 €".encode("utf-16-be")])
    (wish,) = smpp.events_in(latin, receipt("Grüße", esm_class=0))
    assert isinstance(wish, Wish) and wish.text == "Grüße"


@pytest.mark.parametrize(("seconds", "written"), [
    (0, ""), (60, "000000000100000R"), (86_400, "000001000000000R"), (604_800, "000007000000000R"),
])  # fmt: skip
def test_how_long_it_is_tried(seconds: int, written: str) -> None:
    assert relative_time(seconds) == written


# -- answers and receipts


@pytest.mark.parametrize(("status", "kind", "klass"), [
    (0x0B, Kind.REFUSED, "hard"), (0x14, Kind.THROTTLED, "throttle"), (0x45, Kind.DEFERRED, "soft"),
    (0x0E, Kind.UNAVAILABLE, "account"), (0x0A, Kind.BLOCKED, "account"), (0xC2, Kind.BLOCKED, "content"),
    (0x66, Kind.BLOCKED, "block"), (0x433, Kind.DEFERRED, "technical"), (0xABCDEF, Kind.BLOCKED, "undetermined"),
])  # fmt: skip
def test_what_an_answer_says(status: int, kind: Kind, klass: str) -> None:
    outcome = smpp.outcome_of(Pdu(SUBMIT_SM | RESPONSE, status, 1), 5.0)
    assert (outcome.kind, outcome.klass, outcome.ref, outcome.at) == (kind, klass, "", 5.0)


@pytest.mark.parametrize(("text", "kind", "klass", "ref"), [
    (SAMPLES["receipt_texts"][0], ReportKind.DELIVERED, "", "489708364"),
    (SAMPLES["receipt_texts"][1], ReportKind.ACCEPTED, "", "512249005"),
    (SAMPLES["receipt_texts"][2], ReportKind.DELIVERED, "", "123456"),
    (SAMPLES["receipt_texts"][3], ReportKind.BOUNCED, "soft", "9f2c-77"),
    ("id:7 stat:UNDELIV err:005", ReportKind.BOUNCED, "hard", "7"),
    ("ID: 7 STAT: UNDELIVERABLE ERR: 5", ReportKind.BOUNCED, "hard", "7"),
    ("id:7 stat:UNDELIV err:009", ReportKind.BLOCKED, "block", "7"),
    ("id:7 stat:REJECTD err:000", ReportKind.BLOCKED, "block", "7"),
    ("id:7 stat:EXPIRED", ReportKind.EXPIRED, "soft", "7"),
    ("id:7 stat:WHATEVER", ReportKind.UNRECOGNISED, "", "7"),
])  # fmt: skip
def test_what_a_receipt_tells(text: str, kind: ReportKind, klass: str, ref: str) -> None:
    told = told_by(receipt(text))
    assert (told.kind, told.klass, told.ref) == (kind, klass, ref)
    assert told.action == ("suppress" if klass == "hard" else "none")


def test_ids_in_another_base_are_those_of_the_answer() -> None:
    decimal = CONFIG.model_copy(update={"ids": "decimal"})
    assert told_by(receipt("id:0489708364 stat:DELIVRD"), decimal).ref == "1d305b4c"
    to_hex = CONFIG.model_copy(update={"ids": "hex"})
    assert told_by(receipt("id:1D305B4C stat:DELIVRD"), to_hex).ref == "489708364"


def test_a_carrier_may_have_errors_of_its_own() -> None:
    own = CONFIG.model_copy(update={"errors": {"054": "hard", "00B": "block"}})
    assert told_by(receipt("id:7 stat:UNDELIV err:054"), own).klass == "hard"
    assert told_by(receipt("id:7 stat:UNDELIV err:00b"), own).kind == ReportKind.BLOCKED


def test_a_state_without_words_counts() -> None:
    option = MESSAGE_STATE.to_bytes(2, "big") + b"\0\x01\x08"
    assert told_by(receipt("id:7", option)).kind == ReportKind.BLOCKED


def test_a_phone_that_says_stop() -> None:
    (wish,) = smpp.events_in(CONFIG, receipt("Stop!", esm_class=0))
    assert isinstance(wish, Wish)
    assert (wish.kind, wish.channel, wish.address, wish.sender) == ("unsubscribed", "sms", "+14155550100", "ACME")


# -- hostile bytes


@given(st.binary(max_size=400), st.integers(0, 255))
def test_no_bytes_break_the_reading(raw: bytes, esm_class: int) -> None:
    for report in (received(raw), received(HEADER.pack(16 + len(raw), DELIVER_SM, 0, 1) + raw)):
        for each in smpp.events_in(CONFIG, report):
            assert isinstance(each, Told | Wish | Unreadable)
    assert isinstance(delivered_in(Pdu(DELIVER_SM, 0, 1, bytes((esm_class,)) + raw)), Delivered | str)


@given(st.lists(st.binary(max_size=60), max_size=5), st.integers(0, 10))
def test_a_stream_is_read_however_it_is_cut(bodies: list[bytes], size: int) -> None:
    stream = b"".join(packed(Pdu(DELIVER_SM, 0, number, body)) for number, body in enumerate(bodies))
    buffer, found = bytearray(), list[Pdu]()
    for at in range(0, len(stream), size + 1):
        buffer += stream[at : at + size + 1]
        found += pdus_in(buffer)
    assert [pdu.body for pdu in found] == bodies and not buffer


@pytest.mark.parametrize("length", [0, 15, 100_001, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_stream(length: int) -> None:
    with pytest.raises(BrokenStreamError):
        pdus_in(bytearray(HEADER.pack(length, DELIVER_SM, 0, 1) + bytes(100)))
