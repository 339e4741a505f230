"""A message in parts is the message as SMTP carries it, and a provider that fills in its values makes just that."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.content.email_parts import EmailParts, Placeholders
from app.content.email_template import EmailTemplate, LinkOptions, Sender
from app.content.problems import RenderError
from app.content.ready_made import READY_MADE, ReadyMadeMail, ready_variables
from app.specs import Content
from tests.content.mail import KEY, LINKS, MESSAGE, RECIPIENT, SENDER, composed, part, read, template_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# What looks like a placeholder, or a part of one, alone or with what stands beside it.
MARKS = st.lists(
    st.sampled_from(["%", "%fan", "%fanfare", "%fanfare.", "fanfare.", "fan", "fare.2%", "fanfare.2%", "%fanfare.2%",
                     "%FANFARE.1%", "1", "2%", ".", "", "%%", "f", "recipient", "x"]), max_size=4,
).map("".join)  # fmt: skip
VALUES = TEXTS | MARKS
LETTER = Content(
    subject="{{ name }} — {{ city }}",
    html="<html lang=de><body>.\n<p title='{{ city }}'>Hi {{ name }}{{ city }}</p>\n"
    "{% if name %}..{{ city }}.{% endif %}\n"
    "<a href='https://a.example/x?y=1'>go</a> <a href='https://b.example/{{ city }}'>there</a> \n{{ name|upper }}"
    "<a href='{{ unsubscribe_url }}'>no more</a>",
    text=".{{ name }}\n.\n{{ city }} \n..{{ unsubscribe_url }}",
)


def parts_of(template: EmailTemplate | ReadyMadeMail, values: dict[str, object]) -> EmailParts:
    """The message in parts, which must be composable."""
    parts = template.parts(values, MESSAGE, RECIPIENT, "ann@example.com", 1_700_000_000.5)
    assert isinstance(parts, EmailParts), parts
    return parts


@pytest.mark.parametrize("short", [True, False])
@settings(max_examples=60, deadline=None)
@given(name=VALUES, city=VALUES)
def test_the_parts_say_what_the_whole_message_says(short: bool, name: str, city: str) -> None:
    """Whoever carries it, the reader sees the same: text, links, header fields."""
    template = template_of(LETTER, short_road=short)
    values = {"name": name, "city": city}
    parts, whole = parts_of(template, values), read(composed(template, values))
    assert (
        parts.html == part(whole, "html") and parts.text == part(whole, "plain") and parts.subject == whole["subject"]
    )
    assert parts.to == whole["to"]
    assert {**dict(parts.headers), **dict(parts.wording.headers)} == {
        name: "".join(whole[name].splitlines())
        for name in (
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "Feedback-ID",
            "Content-Language",
            "X-Fanfare-Message",
        )
    }
    again = read(parts.whole())
    assert part(again, "html") == parts.html and part(again, "plain") == parts.text
    assert [(key, value) for key, value in again.items() if key != "Content-Type"] == [
        (key, value) for key, value in whole.items() if key != "Content-Type"
    ]


@settings(max_examples=300, deadline=None)
@given(
    fixed=st.lists(VALUES, min_size=4, max_size=4), values=st.lists(VALUES, min_size=3, max_size=3), seed=st.integers()
)
def test_placeholders_are_filled_in_once_in_any_order(fixed: list[str], values: list[str], seed: int) -> None:
    """Values that look like placeholders, or make one with their neighbours, are not let through."""
    mark = Placeholders("%fanfare.")
    pieces = (fixed[0], 0, fixed[1], 1, 2, fixed[2], 1, fixed[3])
    wanted = "".join(piece if isinstance(piece, str) else values[piece] for piece in pieces)
    if not mark.clear_in(pieces) or not all(mark.clear(value) for value in values):
        return
    made = mark.text(pieces)
    order = [0, 1, 2]
    random.Random(seed).shuffle(order)
    for place in order:
        made = made.replace(mark.of(place), values[place])
    assert made == wanted
    for place in order:  # and if somebody looks again
        made = made.replace(mark.of(place), values[place])
    assert made == wanted


@pytest.mark.parametrize("name", ["Ann", "100 %", "Ünal", "Jo. K.", "https://x.example/?a=%20b", "f", "", "fanfares"])
def test_people_have_no_names_that_go_alone(name: str) -> None:
    """All but a handful of odd values go in a batch."""
    mark = Placeholders("%fanfare.")
    assert mark.clear(name) == (name not in ("f", "100 %"))


def test_what_is_the_same_for_all_is_shared() -> None:
    """A batch is found by it."""
    template = template_of(LETTER)
    first, second = parts_of(template, {"name": "A", "city": "B"}), parts_of(template, {"name": "C", "city": "D"})
    assert first.wording is second.wording and first.values != second.values


def test_the_sender_stands_in_the_parts() -> None:
    """A provider writes From and Reply-To itself."""
    sender = Sender("Ann@münchen.example", " Ann\r\n B. ", "r@example.com", "default", "cmp_1")
    wording = parts_of(template_of(LETTER, sender=sender), {"name": "x", "city": "y"}).wording
    assert (wording.from_email, wording.from_name) == ("Ann@xn--mnchen-3ya.example", "Ann B.")
    assert wording.reply_to == "r@example.com"


@given(VALUES.filter(str.strip), VALUES, VALUES)
def test_ready_made_parts_say_what_the_whole_message_says(subject: str, html: str, text: str) -> None:
    """Nothing in them is a template, and nothing is rewritten."""
    template = ReadyMadeMail(SENDER, LINKS)
    values: dict[str, object] = dict(ready_variables(subject, html, text))
    whole = template.render(values, MESSAGE, RECIPIENT, "ann@example.com", 1.7e9)
    parts = template.parts(values, MESSAGE, RECIPIENT, "ann@example.com", 1.7e9)
    if isinstance(whole, RenderError):
        assert parts == whole
        return
    assert isinstance(parts, EmailParts)
    message = read(whole)
    assert parts.subject == message["subject"]
    told = part(message, "plain")
    assert parts.text in (told, told.removesuffix("\n")), "quoted-printable ends with a line, if it is the only part"
    assert parts.html == (part(message, "html") if html else "")


def test_what_cannot_be_composed_cannot_be_in_parts_either() -> None:
    """The same reason, whichever way it goes."""
    template = template_of(LETTER, links=LinkOptions("https://l.example.com", KEY))
    for values, address in [({"name": "\ud800", "city": ""}, "a@example.com"), ({"name": "a", "city": "b"}, "nobody")]:
        whole = template.render(values, MESSAGE, RECIPIENT, address, 1.7e9)
        parts = template.parts(values, MESSAGE, RECIPIENT, address, 1.7e9)
        assert isinstance(whole, RenderError) and isinstance(parts, RenderError)
    long = template_of(Content(subject="x", text="{{ name * 1000 }}"))
    assert isinstance(long.parts({"name": "x" * 10_000}, MESSAGE, RECIPIENT, "a@example.com", 1.7e9), RenderError)
    assert READY_MADE.subject
