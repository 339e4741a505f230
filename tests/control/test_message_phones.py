"""Single messages to phones: contents that requests share, and rows that say how many SMS they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.content.letterhead import LinkOptions
from app.content.phone_values import Owner
from app.content.sms_message import SmsText
from app.content.sms_template import compile_sms
from app.content.whatsapp_message import WhatsAppTemplate
from app.content.whatsapp_template import compile_whatsapp
from app.control.message_campaigns import MessageError, Origin, command_of
from app.control.message_phones import phone_row, ready_content
from app.control.messages import NewMessages
from app.specs import Content, Tracking, WhatsApp

OWNER, LINKS = Owner("acme", "c"), LinkOptions("https://l.acme.com", bytes(32), track_clicks=False)
NOTHING = {"text": "", "dlt_template": "", "whatsapp": None, "voice_audio": ""}
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)


@given(words)
def test_a_finished_text_is_sent_as_it_is(text: str) -> None:
    """
    Whoever gives no variables means every brace; and requests with other texts share one campaign.
    """
    content, filled = ready_content("sms", NOTHING | {"text": text}, "en")
    made = compile_sms(content, OWNER, LINKS).parts(filled, bytes(16), bytes(16), "+1", 0.0)
    assert isinstance(made, SmsText) and made.text == text.replace("\xa0", " ").replace("\u202f", " ")
    assert content == ready_content("sms", NOTHING | {"text": "{{ another }}"}, "en")[0]


@given(st.lists(words, max_size=4), st.lists(words | st.just(""), max_size=3))
def test_finished_parameters_of_whatsapp_are_sent_as_they_are(parameters: list[str], buttons: list[str]) -> None:
    """
    A campaign is one for each template, not one for each message.
    """
    said = WhatsApp(template="order", parameters=parameters, buttons=buttons, header="Hi {{ x }}", language="en_US")
    content, filled = ready_content("whatsapp", NOTHING | {"whatsapp": said}, "en")
    made = compile_whatsapp(content, OWNER, LINKS).parts(filled, bytes(16), bytes(16), "+1", 0.0)
    if isinstance(made, WhatsAppTemplate):
        assert [" ".join(each.split()) for each in made.parameters] == [" ".join(each.split()) for each in parameters]
        assert (made.header, made.language) == ("Hi {{ x }}", "en_US")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"channel": "sms", "to": "+49151", "subject": "x", "text": "y"}, "subject is not for channel sms"),
        ({"channel": "sms", "to": "+49151", "whatsapp": {"template": "t"}}, "whatsapp is not for channel sms"),
        ({"channel": "sms", "to": "+49151"}, "exactly one of"),
        ({"channel": "voice", "to": "+49151", "text": "x", "template_id": "t"}, "exactly one of"),
        ({"channel": "sms", "to": "+49151", "text": "x" * 10_001}, "which no phone takes"),
        ({"channel": "sms", "to": "+49151", "text": "x", "from": "9" * 51}, "from has at most"),
        ({"to": "a@x.org", "from": "b@x.org", "subject": "x", "text": "y", "voice_audio": "u"}, "say the channel"),
        ({"channel": "sms", "to": "+49151", "campaign_id": "c", "from": "A"}, "leave it out"),
    ],
)
def test_what_does_not_fit_the_channel_is_refused_in_words(body: dict[str, Any], words: str) -> None:
    """
    A subject that is ignored is a text that nobody reads.
    """
    with pytest.raises(ValidationError, match=words):
        NewMessages.model_validate(body)


def test_a_row_has_the_number_as_it_is_dialled() -> None:
    """
    However it is written it is one recipient; what gets no SMS is refused at once.
    """
    first, again = (phone_row(b"k", "sms", text, b"{}", "to") for text in ("+49 151 2345-6789", "+4915123456789"))
    assert first == again and (first.address, first.group) == ("+4915123456789", "DE/t-mobile")
    for text, channel, words in (
        ("0151", "sms", "without +"),
        ("+4930123456", "sms", "landline"),
        ("a@x", "sms", "country code"),
    ):
        with pytest.raises(MessageError, match=words):
            phone_row(b"k", channel, text, b"{}", "to")
    assert phone_row(b"k", "voice", "+4930123456", b"{}", "to").group == "DE"


def test_the_campaign_of_messages_to_phones_has_their_channel_and_sender() -> None:
    """
    The same text from another number is another campaign: its limits are others.
    """
    origin = Origin("", "", "", "", Tracking(), "", None, "", "", "", "sms", "us", Content(sms="{{ text }}"))
    made = command_of("acme", origin, 1.8e9)
    assert made.spec is not None and (made.spec.channel, made.spec.sender_id) == ("sms", "us")
    assert made.content == origin.content
    assert made.id != command_of("acme", origin._replace(sender_id="eu"), 1.8e9).id
