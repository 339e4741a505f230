"""A preview shows what will be sent, by the engine that sends it."""

from hypothesis import given
from hypothesis import strategies as st

from app.content.preview import UNTRACKED, preview
from app.content.published import published
from app.specs import Content, Parts, WhatsApp
from tests.content.mail import composed, part, read, template_of

LETTER = Content(
    subject="Hi {{ name }}",
    preheader="For {{ name }}",
    html="<style>p{color:red}</style><p>{{ total|currency('EUR') }}</p><a href='https://x.example'>x</a>",
    sms="{{ name }}: {{ total|currency('EUR') }}",
    voice="Hello {{ name }}",
    whatsapp=WhatsApp(template="order", parameters=["{{ name }}", "{{ total|number }}"]),
    locales={"de": Parts(subject="Hallo {{ name }}")},
)


def test_every_part_is_shown_in_the_language_of_the_contact() -> None:
    """
    Whoever writes a template sees what one person will see, in all channels.
    """
    shown = preview(LETTER, {"name": "Ann", "total": "1234.5", "language": "de"})
    assert (shown.locale, shown.subject, shown.preheader, shown.voice) == ("de", "Hallo Ann", "For Ann", "Hello Ann")
    assert "<p style=\"color: red\">1.234,50\xa0€</p><a href='https://x.example'>" in shown.html
    assert shown.sms is not None and shown.sms["text"] == "Ann: 1.234,50 €"
    assert (shown.sms["encoding"], shown.sms["parts"], shown.sms["units"]) == ("GSM-7", 1, 16)
    assert shown.whatsapp is not None
    assert (shown.whatsapp["template"], shown.whatsapp["parameters"]) == ("order", ["Ann", "1.234,5"])
    assert not shown.problems
    assert preview(LETTER, {"name": "Ann", "total": 1, "language": "de"}, "en").subject == "Hi Ann"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.integers(-(10**9), 10**9))
def test_it_is_the_mail_that_is_sent(name: str, total: int) -> None:
    """
    A preview by another engine would be right until it matters.
    """
    variables = {"name": name, "total": total}
    ready = published(LETTER)
    assert isinstance(ready, Content)
    shown = preview(LETTER, variables)
    message = read(composed(template_of(ready, links=UNTRACKED), variables))
    assert part(message, "html") == shown.html.replace("\r", "")
    assert part(message, "plain") == shown.text.replace("\r", "")


def test_a_part_that_fails_does_not_hide_the_others() -> None:
    """
    One missing attribute, and the rest can still be looked at.
    """
    shown = preview(LETTER, {"name": "Ann"})
    assert shown.subject == "Hi Ann" and shown.html == "" and shown.sms is None
    assert {each["part"] for each in shown.problems} == {"html", "text", "sms", "whatsapp.parameters.1"}
    assert all("'total' is undefined" in each["message"] for each in shown.problems)


def test_content_that_cannot_be_sent_shows_why() -> None:
    """
    With the place, as when it is saved.
    """
    for wrong, says in (({"mjml": "x"}, "MJML begins"), ({"html": "a\n{{ x"}, "end of template"), ({}, "needs one of")):
        shown = preview(Content(subject="s", **wrong), {})
        assert says in shown.problems[0]["message"] and not shown.subject


def test_a_template_for_sms_alone_can_be_looked_at() -> None:
    """
    Not every template is an email.
    """
    shown = preview(Content(sms="Your code is {{ code }}"), {"code": 123})
    assert shown.sms is not None and shown.sms["text"] == "Your code is 123" and not shown.problems
