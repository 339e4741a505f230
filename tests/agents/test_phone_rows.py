"""Rows of messages to phones: parts of each text, and the number that it comes from."""

import orjson
import pytest

from agents.phone_rows import fill_rows
from app import ids
from app.content.letterhead import LinkOptions
from app.content.phone_values import Owner
from app.content.sms import parts_of, size_of
from app.content.sms_template import SmsSizes
from app.records import Recipient
from app.specs import Content, Parts
from app.things import NumberPool

OWNER = Owner("acme", "c")
LINKS = LinkOptions("https://l.acme.com", bytes(32), track_clicks=False)


def row(number: int, **attributes: object) -> Recipient:
    """One person."""
    phone = f"+9198765{number:05d}"
    ident = ids.recipient_id(b"k", ids.PHONE, phone)
    return Recipient(ident, phone, "IN/airtel", orjson.dumps(attributes))


def counter(**parts: object) -> SmsSizes:
    """The counter of a content."""
    return SmsSizes(Content.model_validate(parts), OWNER, LINKS)


@pytest.mark.parametrize(
    ("text", "attributes", "parts"),
    [
        ("Hello {{ name }}", {"name": "Ann"}, 1), ("Hello {{ name }}", {"name": "x" * 160}, 2),
        ("Hello {{ name }}", {"name": "Жанна" * 14}, 2), ("x" * 161, {}, 2), ("x" * 307, {}, 3),
        ("Hello {{ name }}", {}, 1), ("{{ 1 // n }}", {"n": 0}, 1), ("{{ name }}", {"name": ""}, 1),
        ("Stop: {{ unsubscribe_url }}" + "x" * 100, {}, 2), ("5\xa0€", {}, 1),
    ],
)  # fmt: skip
def test_parts_are_those_of_the_text_that_this_person_gets(
    text: str, attributes: dict[str, object], parts: int
) -> None:
    """
    A carrier's limit counts parts; what cannot be rendered counts one, and whoever sends it says why.
    """
    person = row(1, **attributes)
    fill_rows([person], {0: counter(sms=text)}, "sms", "", [])
    assert (person.parts, person.sender) == (parts, "")


def test_each_language_and_variant_has_its_own_text() -> None:
    """
    A translation in another script takes more parts than the original.
    """
    content = Content(sms="Hello", locales={"ru": Parts(sms="Привет " * 12)})
    people = [row(1), row(2, locale="ru-RU"), row(3, locale="de")]
    people[2].variant = 1
    fill_rows(people, {0: SmsSizes(content, OWNER, LINKS), 1: counter(sms="x" * 200)}, "sms", "", [])
    assert [each.parts for each in people] == [1, 2, 2]


def test_senders_are_sticky() -> None:
    """
    The same person has the same number in every campaign.
    """
    pools = [NumberPool(name="in", senders=[f"+9180000000{n:02d}" for n in range(20)])]
    people, again = [row(n) for n in range(200)], [row(n) for n in range(200)]
    fill_rows(people, {}, "sms", "in", pools)
    fill_rows(again, {}, "voice", "in", pools)
    assert [each.sender for each in people] == [each.sender for each in again]
    assert len({each.sender for each in people}) == 20


def test_a_whatsapp_message_does_not_come_from_the_number_of_its_chain() -> None:
    """
    The SMS that follow it may come from there: a limit of that number is none of WhatsApp.
    """
    people = [row(1)]
    fill_rows(people, {}, "whatsapp", "+15005550006", [])
    assert people[0].sender == ""


def test_the_short_way_of_counting_parts_counts_the_same() -> None:
    """
    It is there for speed alone.
    """
    for text in ("", "a" * 160, "a" * 161, "a" * 153 * 2, "a" * 307, "€" * 80, "€" * 81, "ж" * 70, "ж" * 71, "Ü@ \n"):
        assert parts_of(text) == size_of(text).parts
