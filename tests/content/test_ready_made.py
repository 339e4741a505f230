"""A letter that its sender wrote himself arrives as he wrote it."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from app.content.headers import one_line
from app.content.letterhead import Sender
from app.content.problems import RenderError
from app.content.published import published
from app.content.ready_made import READY_MADE, ReadyMadeMail, ready_variables
from tests.content.mail import LINKS, MESSAGE, RECIPIENT, SENDER, part, read

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
MAIL = ReadyMadeMail(SENDER, LINKS)


def made(
    subject: object, html: object = "", text: object = "", address: str = "ann@example.com"
) -> bytes | RenderError:
    """The letter with these parts."""
    return MAIL.render({"subject": subject, "html": html, "text": text}, MESSAGE, RECIPIENT, address, 1_700_000_000.5)


@settings(max_examples=150)
@given(TEXTS.filter(lambda text: text.strip() and one_line(text)), TEXTS, TEXTS)
def test_every_part_is_read_back_as_it_was_given(subject: str, html: str, text: str) -> None:
    """
    A password with {{ in it is a password: nothing is taken for a template, nothing for a link to track.
    """
    raw = made(subject, html, text)
    assert isinstance(raw, bytes)
    message = read(raw)
    assert message["subject"] == one_line(subject)
    assert part(message, "html") == html.replace("\r", "")
    assert part(message, "plain") == text.replace("\r", "")
    assert not message.defects
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\n\.(?!\.)", raw)


def test_it_has_the_header_of_a_letter_but_nothing_to_unsubscribe_from() -> None:
    """
    Nobody unsubscribes from his password; a mail program that offers it hides the next one.
    """
    raw = MAIL.render(ready_variables("Hi", text="{{ x }}"), MESSAGE, RECIPIENT, "ann@example.com", 1.7e9, attempt=2)
    assert isinstance(raw, bytes)
    message = read(raw)
    assert set(message.keys()) == {
        "Date", "From", "Feedback-ID", "MIME-Version", "To", "Message-ID", "X-Fanfare-Message", "Subject",
        "Content-Type", "Content-Transfer-Encoding",
    }  # fmt: skip
    assert message["message-id"] == f"<{MESSAGE.hex()}.2@shop.example.com>"
    assert message.get_content().strip() == "{{ x }}"


def test_html_alone_gets_a_text_part() -> None:
    """
    Filters score mail without one as spam.
    """
    raw = made("Hi", html="<p>One {{ x }}</p><a href='https://x.example'>go</a>")
    assert isinstance(raw, bytes)
    assert part(read(raw), "plain").split("\n") == ["One {{ x }}", "", "go (https://x.example)", ""]


def test_what_cannot_be_sent_is_an_error_of_that_message() -> None:
    """
    The other messages of its pack are sent.
    """
    wrong = [
        made("", text="x"), made(" \n", text="x"), made("Hi"), made(None, text="x"), made("Hi", html=["x"]),
        made("Hi", text="\ud800"), made("Hi", text="x", address="x"), made("Hi", html="x" * 1_000_001),
    ]  # fmt: skip
    assert all(isinstance(each, RenderError) for each in wrong)


def test_two_letters_of_a_campaign_do_not_share_a_boundary() -> None:
    """
    One may quote the other.
    """
    sender = Sender("a@example.com", "", "", "default", "cmp_2")
    boundaries = set()
    for ident in (bytes(16), MESSAGE):
        raw = ReadyMadeMail(sender, LINKS).render(ready_variables("s", "h", "t"), ident, RECIPIENT, "a@b.com", 1.0)
        assert isinstance(raw, bytes)
        boundaries.add(read(raw).get_boundary())
    assert len(boundaries) == 2


def test_it_is_known_again_after_it_was_published() -> None:
    """Composing tells ready-made letters by their content: what publishing changes would be rendered as a template."""
    assert published(READY_MADE) == READY_MADE
