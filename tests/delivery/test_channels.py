"""Messages to phones on their way through a partition: their channel, their parts and their sender stay with them."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from agents.frequency import Frequency
from app import ids
from app.commands import CampaignEntry
from app.delivery.events import of_decision, of_drops, of_settlement
from app.delivery.gate import GateRules, Known, Suppression, admit, applies, classes_of, message_ids, mistakes_in
from app.delivery.outcomes import DropReason, Kind, Status
from app.delivery.partition import Partition
from app.delivery.partition_records import ClassKey, MessageState, Sighting
from app.delivery.people.frequency import AccountCaps, Cap
from app.delivery.people.suppressing import changed
from app.delivery.people.tier import AGAIN
from app.delivery.people.windows import Hours
from app.delivery.release import Permits, record_of, repeats_after, spend, spend_standing, stand
from app.delivery.settle import settle
from app.delivery.unknown import End, decide
from app.records import Grant, Outcome, Recipient, RecipientPack, Release, Result, Slip, decode, encode
from app.specs import CampaignSpec
from app.stream.zones import zone_named
from app.suppressions import SuppressionCommand, decode_suppression
from tables.recipients import MESSAGE, Batch
from tests.delivery.test_settle import NOW, RULES, Rows, restore

SMS = GateRules("acme", "c_1", "sms", ("news",), "", 3600.0)
PERMITS = Permits(lambda _: 1, lambda *_: [])


def person(number: int, parts: int = 1, sender: str = "") -> Recipient:
    phone = f"+9198765{number:05d}"
    return Recipient(ids.recipient_id(b"k", "phone", phone), phone, "IN/airtel", parts=parts, sender=sender)


def listed(people: list[Recipient]) -> tuple[Partition, Rows, list[bytes]]:
    """A partition in which *people* wait for their SMS, its table, and their messages."""
    table = Rows()
    state, batch = restore(table, 0), Batch()
    pack = RecipientPack(b"p" * 16, "acme", "c_1", 1, 20_000, "bulk", people)
    messages = message_ids(pack, "sms")
    assert not mistakes_in(pack, "bulk", 0, 1, NOW)
    admit(state, batch, pack, messages, Known([None] * len(people), [None] * len(people)), SMS, NOW)
    assert set(state.queues) == classes_of(pack, "sms")
    state.tell(batch, [])
    table.apply(batch)
    return restore(table, 0), table, messages


def grant_for(key: ClassKey, count: int) -> Grant:
    return Grant(
        key.campaign, key.lane, key.group, "twilio", count, channel=key.channel, parts=key.parts, sender=key.sender
    )


def released(state: Partition, table: Rows, key: ClassKey, count: int, slip: int = 1) -> Release:
    batch = Batch()
    spent = spend(state, batch, Slip(0, slip, NOW, NOW + 1, NOW + 1, [grant_for(key, count)]), PERMITS, NOW)
    assert spent is not None
    (number,) = spent.releases
    state.tell(batch, [])
    table.apply(batch)
    sent = decode(Release, encode(record_of(state, number)))
    assert isinstance(sent, Release)
    return sent


def answer(state: Partition, table: Rows, release: Release, kind: Kind) -> list[str]:
    """Settle *release*; the channels of the events that tell of it."""
    batch, number = Batch(), int.from_bytes(release.release_id[-8:], "big")
    result = Result(release.release_id, "c_1", "twilio", NOW, [Outcome(kind, NOW)] * len(release.rows))
    settlement = settle(state, batch, number, result, RULES, NOW, 0.5)
    assert settlement is not None
    state.tell(batch, [])
    table.apply(batch)
    return [event.channel for event in of_settlement(settlement)]


def stored(table: Rows, message: bytes) -> MessageState:
    return msgspec.msgpack.decode(table.items[MESSAGE + message], type=MessageState)


def test_who_was_paid_for_within_a_day_waits_in_a_class_of_its_own() -> None:
    """A tier that counts people holds back who is new to it, and nobody behind them who is not."""
    people = [person(1), person(2), person(3)]
    paid = [Sighting(b"x" * 16, NOW - 80_000), None, Sighting(b"x" * 16, NOW - 90_000)]
    state, pack = restore(Rows(), 0), RecipientPack(b"p" * 16, "acme", "c_1", 1, 20_000, "bulk", people)
    rules = GateRules("acme", "c_1", "whatsapp", (), "", 0.0)
    messages = message_ids(pack, "whatsapp")
    admit(state, Batch(), pack, messages, Known([None] * 3, [None] * 3, paid), rules, NOW)
    state.advance(NOW)
    assert {key.parts: queue.due for key, queue in state.queues.items()} == {AGAIN: 1, 1: 2}
    assert set(state.queues) == classes_of(pack, "whatsapp")


def test_messages_of_other_lengths_and_senders_wait_apart() -> None:
    """
    Carriers count parts, and a number has its own rate: who has two parts must not travel on credit for one.
    """
    people = [person(1), person(2, parts=2), person(3), person(4, sender="+15005550006")]
    state, table, _ = listed(people)
    state.advance(NOW)
    waiting = {(key.channel, key.parts, key.sender): queue.due for key, queue in state.queues.items()}
    assert waiting == {("sms", 1, ""): 2, ("sms", 2, ""): 1, ("sms", 1, "+15005550006"): 1}
    long = ClassKey("c_1", "bulk", "IN/airtel", channel="sms", parts=2)
    release = released(state, table, long, 10)
    assert (release.channel, release.parts, release.sender) == ("sms", 2, "")
    assert [row.recipient_id for row in release.rows] == [people[1].recipient_id]
    own = released(state, table, long._replace(parts=1, sender="+15005550006"), 10, slip=2)
    assert [row.recipient_id for row in own.rows] == [people[3].recipient_id]


@pytest.mark.parametrize("kind", [Kind.ACCEPTED, Kind.REFUSED, Kind.DEFERRED, Kind.UNCERTAIN])
def test_whoever_reports_on_a_message_finds_what_to_know_of_it(kind: Kind) -> None:
    """
    A report that names only the message counts for its campaign, suppresses its recipient and is told on its channel.
    """
    someone = person(7, parts=3, sender="ACME")
    state, table, (message,) = listed([someone])
    key = ClassKey("c_1", "bulk", "IN/airtel", channel="sms", parts=3, sender="ACME")
    assert answer(state, table, released(state, table, key, 1), kind) == ["sms"]
    known = stored(table, message)
    assert (known.recipient, known.account, known.campaign) == (someone.recipient_id, "acme", "c_1")
    assert (known.channel, known.lane, known.group, known.route) == ("sms", "bulk", "IN/airtel", "twilio")
    again = restore(table, 0)
    if kind is Kind.DEFERRED:
        assert set(again.queues) == {key._replace(retry=True)}
    if kind is Kind.UNCERTAIN:
        decided = decide(again, batch := Batch(), 0, End.SENT, "told", NOW)
        table.apply(batch)
        assert of_decision(decided, NOW).channel == "sms"
        assert stored(table, message) == msgspec.structs.replace(known, status=Status.SENT)


def test_a_lost_sms_that_is_sent_again_stays_what_it_is() -> None:
    """The second try costs as many parts as the first, from the same number."""
    state, table, _ = listed([person(7, parts=3, sender="ACME")])
    key = ClassKey("c_1", "bulk", "IN/airtel", channel="sms", parts=3, sender="ACME")
    answer(state, table, released(state, table, key, 1), Kind.UNCERTAIN)
    decide(state, Batch(), 0, End.RESEND, "no news", NOW)
    assert [each for each, queue in state.queues.items() if queue.later] == [key._replace(retry=True, pin="twilio")]


def test_a_suppression_of_one_channel_stops_only_that() -> None:
    """
    STOP to an SMS must not end the WhatsApp messages that the same number asked for; a number that is gone ends both.
    """
    stop = Suppression("account", "acme", "unsubscribed", "inbound", 0.0, channel="sms")
    on_whatsapp = GateRules("acme", "c_1", "whatsapp", ("news",), "", 3600.0)
    assert applies([stop], SMS, NOW) is stop
    assert applies([stop], on_whatsapp, NOW) is None
    assert applies([msgspec.structs.replace(stop, channel="")], on_whatsapp, NOW) is not None


def test_suppressions_of_two_channels_are_two() -> None:
    """START on one channel takes back the STOP of that channel alone."""
    stop = SuppressionCommand("add", "account", "acme", "00" * 16, account="acme", channel="sms")
    entries = changed(changed([], stop, NOW), msgspec.structs.replace(stop, channel="whatsapp"), NOW)
    assert [each.channel for each in entries] == ["sms", "whatsapp"]
    left = changed(entries, msgspec.structs.replace(stop, op="remove"), NOW)
    assert [each.channel for each in left] == ["whatsapp"]
    assert isinstance(decode_suppression(stop.encoded()), SuppressionCommand)
    assert "unknown channel" in str(decode_suppression(msgspec.structs.replace(stop, channel="fax").encoded()))


@pytest.mark.parametrize("wrong", [{"parts": 0}, {"parts": 256}, {"parts": -1}, {"sender": "x" * 51}])
def test_a_pack_with_impossible_parts_is_refused(wrong: dict[str, object]) -> None:
    """A message of no parts would pass every limit for nothing."""
    row = msgspec.structs.replace(person(1), **wrong)
    assert "parts" in mistakes_in(RecipientPack(b"p" * 16, "a", "c", 1, 1, "bulk", [row]), "bulk", 0, 1, NOW)


def test_credit_ahead_of_demand_is_for_its_channel() -> None:
    """Credit over an SMS route must not carry the email of a campaign of the same name."""
    state, _, _ = listed([person(1)])
    (key,) = state.queues
    ahead = Grant("c_1", "bulk", "", "twilio", 5, channel="whatsapp")
    stand(state, Slip(0, -1, NOW, NOW + 1, NOW + 1, [], [ahead]))
    assert spend_standing(state, Batch(), [key], PERMITS, NOW) is None
    stand(state, Slip(0, -1, NOW, NOW + 1, NOW + 1, [], [msgspec.structs.replace(ahead, channel="sms")]))
    assert spend_standing(state, Batch(), [key], PERMITS, NOW) is not None


def test_frequency_caps_count_the_channel_of_the_campaign() -> None:
    """A cap on SMS is asked by a campaign of SMS; one of email never sees it."""
    caps = SimpleNamespace(of=lambda _: AccountCaps((Cap(1, 86_400.0, frozenset({"sms"})),)), edits=0)
    recipients = SimpleNamespace(table=Rows())
    frequency = Frequency(cast(Any, recipients), cast(Any, None), cast(Any, caps), Hours(zone_named))
    found = {}
    for channel in ("sms", "whatsapp", "email"):
        spec = CampaignSpec(channel=channel, from_email="a@b.c", lists=["l"])
        entry = CampaignEntry(id="c_1", account="acme", state="RUNNING", spec=spec, created_at=NOW)
        desk = frequency.at_gate(0, Batch(), entry, NOW)
        found[channel] = None if desk is None else desk.rules.channel
    assert found == {"sms": "sms", "whatsapp": None, "email": None}


def test_what_was_stored_before_channels_is_email() -> None:
    """A worker that starts with the table of the version before goes on where that stood."""
    old = msgspec.msgpack.encode([str(Status.SENT), 1, NOW, "smtp"])
    assert msgspec.msgpack.decode(old, type=MessageState).channel == "email"
    state, _, _ = listed([person(1)])
    (pack,) = state.packs.values()
    (event,) = of_drops(pack, [(state.rows_of(0)[0], DropReason.CANCELLED, "")], NOW)
    assert event.channel == "sms"


def test_the_topic_of_a_channel_without_senders_grows_little() -> None:
    """Releases nobody reads were produced again each half a minute: some GB a day for nothing."""
    age, times = 0.0, []
    while age < 86_400:
        age += repeats_after(age)
        times.append(age)
    assert times[:3] == [30.0, 60.0, 90.0] and len(times) < 50
