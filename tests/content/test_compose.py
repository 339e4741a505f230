"""What is composed is what a mail reader reads."""

import re
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.content.email_template import LinkOptions, Sender, needs_smtputf8
from app.content.headers import mailbox, one_line
from app.content.problems import RenderError
from app.content.sandbox import HTML, TEXT
from app.specs import Content
from tests.content.mail import KEY, LINKS, MESSAGE, RECIPIENT, SENDER, composed, part, read, template_of

NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
VALUES = NO_SURROGATES | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.text("ab", max_size=3))
LETTER = Content(
    subject="{{ name }} — {{ city }}",
    html="<html lang=de><body>.\n<p>Hi {{ name }},</p>\n..{{ city }}.\n"
    "<a href='https://a.example/x?y=1'>go</a>  \n{{ name|upper }}",
    text=".{{ name }}\n.\n{{ city }} \n..",
)
PLAIN = LinkOptions("https://l.example.com", KEY, track_opens=False, track_clicks=False)


def lines_of(raw: bytes) -> list[bytes]:
    """The lines of *raw*; fails on a bare CR or LF."""
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", raw)
    return raw.split(b"\r\n")


def seen(text: str) -> str:
    """*text* as mail can carry it: a line ends with a line feed, a carriage return is nothing."""
    return text.replace("\r", "")


@settings(max_examples=150, deadline=None)
@given(NO_SURROGATES, NO_SURROGATES, st.booleans())
def test_a_reader_gets_back_exactly_what_the_templates_say(name: str, city: str, short: bool) -> None:
    """
    Whatever contacts are called, on both roads: nothing lost, nothing changed, nothing added.
    """
    values = {"name": name, "city": city}
    raw = composed(template_of(LETTER, links=PLAIN, short_road=short), values)
    message = read(raw)
    assert part(message, "html") == seen(HTML.from_string(LETTER.html).render(values))
    assert part(message, "plain") == seen(TEXT.from_string(LETTER.text).render(values))
    assert message["subject"] == one_line(f"{name} — {city}")
    assert not message.defects
    for line in lines_of(raw):
        assert len(line) <= 200
        assert not re.match(rb"\.(?!\.)", line)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=10))
def test_any_display_name_is_read_back_and_adds_no_field(name: str) -> None:
    """
    A campaign's from_name comes from outside: quotes, brackets, line ends and encoded words in it are text.
    """
    sender = Sender("a@example.com", name, "r@example.com", "default", "cmp_1")
    raw = composed(template_of(LETTER, sender=sender), {"name": "x", "city": "y"})
    message = read(raw)
    (mailbox,) = message["from"].addresses
    assert (mailbox.display_name, mailbox.addr_spec) == (" ".join(one_line(name).split()), "a@example.com")
    assert message["reply-to"] == "r@example.com"
    assert set(message.keys()) == {
        "Date", "From", "Reply-To", "List-Unsubscribe-Post", "Feedback-ID", "MIME-Version", "Content-Language",
        "To", "Message-ID", "List-Unsubscribe", "X-Fanfare-Message", "Subject", "Content-Type",
    }  # fmt: skip
    header = raw.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 78 for line in header.split(b"\r\n") if not line.startswith(b"List-Unsubscribe:"))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=71, max_size=200))
def test_a_long_display_name_is_folded_and_read_back(name: str) -> None:
    """
    More than one encoded word. Read with email.header: Python 3.11's address parser puts a blank between
    two encoded words of a name, which RFC 2047 (6.2) forbids.
    """
    clean = " ".join(one_line(name).split())
    field = mailbox("From", name, "a@example.com").removeprefix(b"From: ").removesuffix(b"\r\n")
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))
    read_back = str(make_header(decode_header(field.replace(b"\r\n", b"").decode())))
    if len(clean) > 68:
        assert read_back.replace(" <", "<") == f"{clean}<a@example.com>".replace(" <", "<")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([
            "text ", "\n", "<b>&amp;</b>", "é", ".", "{{ a }}", "{{ b }}", "{{ a|upper }}", "{{ b|default('x<y') }}",
            "{{ missing|default('&') }}", "{{ missing }}", "{{ a|title|trim }}", "{{ b|capitalize }}", "{{ a ~ b }}",
            "{% if a %}A{{ b }}{% else %}{{ missing }}{% endif %}",
            "{% for x in 'xyz' %}{{ loop.index }}{{ a }}{% endfor %}",
            "{{ a|length if a is string else 0 }}", "{%- if b -%} q {%- endif -%}", "{% set c = a %}", "{# no #}",
            "{{ a|number }}", "{{ b|default(0)|currency('EUR') }}", "{{ missing|d('2026-05-03')|date(form='long') }}",
            "{{ missing|percent }}", "{{ a|number|upper }}", "{{ 7|number(b) }}",
            "{% raw %}{{ a }}{% endraw %}", "{{ b|d('z', true)|lower }}",
        ]),
        max_size=10,
    ),
    VALUES,
    VALUES,
)  # fmt: skip
def test_the_short_road_writes_what_jinja_writes(pieces: list[str], a: object, b: object) -> None:
    """
    The road without Jinja is an optimisation: it may not be seen in a single character.
    """
    source = "".join(["-", *pieces])
    content = Content(subject="s", html=source, text=source)
    roads = [
        template_of(content, links=PLAIN, short_road=short).render(
            {"a": a, "b": b}, MESSAGE, RECIPIENT, "a@example.com", 1.0
        )
        for short in (True, False)
    ]
    if isinstance(roads[0], RenderError) or isinstance(roads[1], RenderError):
        assert roads[0] == roads[1]
        return
    short, long = read(roads[0]), read(roads[1])
    for kind in ("html", "plain"):
        assert part(short, kind) == part(long, kind)


@given(st.text("\r\n\0\x0b\x85\u2028 :ABcc@x.", max_size=60))
def test_no_variable_can_add_a_header_field(nasty: str) -> None:
    """
    A contact named "x\\r\\nBcc: all@example.com" must not write to all.
    """
    raw = composed(template_of(LETTER), {"name": f"x{nasty}\r\nBcc: all@example.com", "city": "y"})
    header = BytesHeaderParser(policy=policy.default).parsebytes(raw)
    assert "Bcc" not in header
    assert len(header.keys()) == 12


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b.com",
        "a@",
        "a b@c.com",
        "a@b.com\r\nBcc: x@y.com",
        "a@b\0.com",
        "a,b@c.com",
        "a@b..com",
        "<a@b.com>",
    ],
)
def test_what_is_no_address_is_a_value_and_not_a_mail(address: str) -> None:
    """
    One bad contact must not stop, or get mail meant for, others.
    """
    answer = template_of(LETTER).render({"name": "x", "city": "y"}, MESSAGE, RECIPIENT, address, 1.0)
    assert isinstance(answer, RenderError)
    assert "AddressError" in answer.reason


def test_a_missing_variable_is_an_error_of_that_message_or_its_default_text() -> None:
    """
    Nobody gets "Dear ," or "Dear {{ name }}": an empty attribute counts as missing.
    """
    bare = Content(subject="s", text="Dear {{ name }}")
    assert isinstance(template_of(bare).render({}, MESSAGE, RECIPIENT, "a@example.com", 1.0), RenderError)
    polite = bare.model_copy(update={"defaults": {"name": "friend"}})
    for variables in ({}, {"name": None}, {"name": ""}):
        message = read(composed(template_of(polite), variables))
        assert message.get_content().strip() == "Dear friend"


def test_international_domains_go_out_as_a_labels_and_local_parts_are_flagged() -> None:
    """
    Servers without SMTPUTF8 take any domain, but no local part beyond ASCII.
    """
    message = read(composed(template_of(LETTER), {"name": "x", "city": "y"}, "joe@müller.example"))
    assert message["to"] == "joe@xn--mller-kva.example"
    assert not needs_smtputf8("joe@müller.example")
    assert needs_smtputf8("jörg@example.com")


def test_the_same_arguments_give_the_same_bytes() -> None:
    """
    A release that is executed again after a crash must not produce another message.
    """
    first, second = (composed(template_of(LETTER), {"name": "é", "city": "y"}) for _ in range(2))
    assert first == second


def test_every_header_field_says_what_it_should() -> None:
    """
    Mailbox providers ask for these: RFC 5322, RFC 8058, Gmail's Feedback-ID.
    """
    links = LinkOptions("https://l.example.com/", KEY, unsubscribe_mailto="leave@shop.example.com")
    message = read(composed(template_of(LETTER, links=links), {"name": "x", "city": "y"}))
    assert message["date"].datetime.isoformat() == "2023-11-14T22:13:20+00:00"
    assert message["message-id"] == f"<{MESSAGE.hex()}.1@shop.example.com>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert message["feedback-id"] == "cmp_1:default:email:fanfare"
    assert message["x-fanfare-message"] == MESSAGE.hex()
    assert re.fullmatch(
        r"<https://l\.example\.com/u/[\w.-]+\?l=en>, <mailto:leave@shop\.example\.com\?subject=unsubscribe%20[\w.-]+>",
        message["list-unsubscribe"],
    )
    assert message.get_content_type() == "multipart/alternative"


def test_mostly_foreign_letters_travel_in_base64() -> None:
    """
    Quoted-printable would triple a Japanese letter.
    """
    content = Content(subject="s", html="<p>こんにちは、{{ name }}さん。</p>" * 50)
    message = read(composed(template_of(content, links=LINKS, sender=SENDER), {"name": "葵"}))
    html_part = message.get_body(("html",))
    assert html_part is not None
    assert html_part["content-transfer-encoding"] == "base64"
    assert part(message, "html").startswith("<p>こんにちは、葵さん。</p>")
