"""What phones get, rendered: SMS with their parts, WhatsApp templates, calls."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.letterhead import LinkOptions
from app.content.links import verify_click, verify_token
from app.content.phone_values import Owner
from app.content.problems import ContentError, RenderError
from app.content.sms import size_of
from app.content.sms_message import SmsText
from app.content.sms_template import SmsSizes, compile_sms
from app.content.voice_message import VoiceText
from app.content.voice_template import compile_voice, spoken
from app.content.whatsapp_message import WhatsAppTemplate as Filled
from app.content.whatsapp_template import compile_whatsapp
from app.specs import Content

KEY = b"k" * 32
LINKS = LinkOptions("https://go.example/", KEY)
UNTRACKED = LinkOptions("https://go.example", KEY, track_clicks=False)
OWNER = Owner("acme", "c_1")
MESSAGE, PERSON, PHONE = b"m" * 16, b"r" * 16, "+15005550006"


def content(**parts: Any) -> Content:
    return Content.model_validate(parts)


def sms(said: Content, links: LinkOptions = UNTRACKED, **variables: object) -> SmsText:
    made = compile_sms(said, OWNER, links).parts(variables, MESSAGE, PERSON, PHONE, 0.0)
    assert isinstance(made, SmsText), made
    return made


def test_an_sms_is_rendered_with_the_same_filters_and_defaults_as_mail() -> None:
    """One template language for all channels: nobody learns another for SMS."""
    said = content(sms="Hi {{ name|upper }}, {{ city }}!", defaults={"city": "your town"})
    assert sms(said, name="ann").text == "Hi ANN, your town!"


def test_an_sms_is_no_html() -> None:
    """AT&amp;T in a text message is the classic of copied templates."""
    assert sms(content(sms="{{ company }}"), company="AT&T <b>").text == "AT&T <b>"


def test_links_are_tracked_only_where_clicks_are() -> None:
    """A tracked link is longer than most messages: it must be somebody's wish."""
    said = content(sms="See https://shop.example/a?x=1. Bye")
    assert sms(said).text == "See https://shop.example/a?x=1. Bye"
    text = sms(said, LINKS).text
    assert text.startswith("See https://go.example/c/") and text.endswith(". Bye")
    _, _, _, _, token, link = text.removesuffix(". Bye").split("/")
    click = verify_click(token, link, KEY)
    assert click is not None and click.target == "https://shop.example/a?x=1"
    assert (click.message.message_id, click.message.recipient_id) == (MESSAGE, PERSON)


def test_the_way_out_is_not_tracked_and_works() -> None:
    """Somebody who leaves must not be counted as a click, and the link must name the person."""
    text = sms(content(sms="Out: {{ unsubscribe_url }}"), LINKS).text
    token = text.removeprefix("Out: https://go.example/u/").partition("?")[0]
    found = verify_token(token, KEY)
    assert found is not None and found.recipient_id == PERSON


@given(st.text(max_size=200), st.booleans())
def test_what_is_counted_is_what_is_sent(name: str, track: bool) -> None:
    """Credit is paid by parts before the text is made: with other ids, the same number of parts."""
    said = content(sms="{{ name }} https://shop.example/{{ name|length }} {{ unsubscribe_url }}")
    links = LINKS if track else UNTRACKED
    counted = SmsSizes(said, OWNER, links).parts({"name": name}, PHONE)
    assert counted == size_of(sms(said, links, name=name).text).parts


def test_parts_are_those_of_the_language_of_the_recipient() -> None:
    """A translation in Cyrillic takes more than twice the parts."""
    said = content(sms="a" * 140, locales={"ru": {"sms": "ж" * 140}})
    sizes = SmsSizes(said, OWNER, UNTRACKED)
    assert [sizes.parts({"language": each}, PHONE) for each in ("en", "ru")] == [1, 3]


def test_what_cannot_be_rendered_counts_as_one_part_and_is_refused_when_it_is_sent() -> None:
    """One bad contact must not stop the listing of all others."""
    said = content(sms="{{ name }}")
    assert SmsSizes(said, OWNER, UNTRACKED).parts({}, PHONE) == 1
    assert isinstance(compile_sms(said, OWNER, UNTRACKED).parts({}, MESSAGE, PERSON, PHONE, 0.0), RenderError)
    assert SmsSizes(content(text="no sms"), OWNER, UNTRACKED).parts({}, PHONE) == 1
    empty = compile_sms(content(sms="{% if a %}x{% endif %}"), OWNER, UNTRACKED)
    assert isinstance(empty.parts({}, MESSAGE, PERSON, PHONE, 0.0), RenderError)


def test_a_registered_template_gets_its_variables_in_order() -> None:
    """Carriers in India compare the text with what was registered, and fill its places by number."""
    made = sms(content(sms="Dear {{ name }}, pay {{ sum }}", dlt_template="1107"), name="Ann", sum=7)
    assert (made.dlt_template, made.variables) == ("1107", {"VAR1": "Ann", "VAR2": "7"})


@pytest.mark.parametrize("compiler", [compile_sms, compile_whatsapp, compile_voice])
def test_a_content_without_the_part_of_its_channel_says_so(compiler: Any) -> None:
    """An SMS campaign with an email's template must not send anything, and must say what is missing."""
    with pytest.raises(ContentError, match="give the content a part"):
        compiler(content(subject="s", text="t"), OWNER, LINKS)


@pytest.mark.parametrize(("compiler", "parts"), [
    (compile_sms, {"sms": "{{ x"}),
    (compile_whatsapp, {"whatsapp": {"template": "t", "parameters": ["{{ x"]}}),
    (compile_voice, {"voice": "{{ x"}),
])  # fmt: skip
def test_a_broken_template_is_a_content_error_with_its_place(compiler: Any, parts: dict[str, Any]) -> None:
    """A sender that met one must block its messages, not die."""
    with pytest.raises(ContentError, match="1:"):
        compiler(content(**parts), OWNER, LINKS)


def test_a_whatsapp_template_is_filled() -> None:
    """Meta refuses line ends in parameters, and wants languages with an underscore."""
    said = content(
        locale="pt-BR",
        whatsapp={
            "template": "order_ready", "parameters": ["{{ name }}", "{{ note }}"], "category": "utility",
            "header": "{{ name }}", "media": "https://cdn.example/{{ name }}.png", "buttons": ["{{ name }}", ""],
        },
    )  # fmt: skip
    made = compile_whatsapp(said, OWNER, LINKS).parts({"name": "Ana", "note": "a\n\tb"}, MESSAGE, PERSON, PHONE, 0.0)
    assert made == Filled(
        "order_ready", "pt_BR", ("Ana", "a b"), "utility", "Ana", "https://cdn.example/Ana.png", "image", ("Ana", "")
    )


@pytest.mark.parametrize("variables", [{}, {"name": ""}, {"name": " \n"}, {"name": "x" * 1_025}])
def test_a_parameter_that_meta_would_refuse_is_refused_here(variables: dict[str, str]) -> None:
    """One recipient's empty name costs one message and a reason, not a request for it."""
    said = content(whatsapp={"template": "t", "parameters": ["{{ name }}"]})
    assert isinstance(compile_whatsapp(said, OWNER, LINKS).parts(variables, MESSAGE, PERSON, PHONE, 0.0), RenderError)


def test_a_call_has_a_voice_that_knows_its_language() -> None:
    """German read by an American voice is not understood."""
    said = content(
        locale="de", voice="Hallo {{ name }},\n hier ist Acme.", voice_audio="https://cdn.example/{{ name }}.mp3"
    )
    made = compile_voice(said, OWNER, LINKS).parts({"name": "Ann"}, MESSAGE, PERSON, PHONE, 0.0)
    assert made == VoiceText("Hallo Ann, hier ist Acme.", "de-DE", "https://cdn.example/Ann.mp3")
    assert [spoken(each) for each in ("en", "pt-BR", "xx")] == ["en-US", "pt-BR", "xx"]
