"""Links lead where the campaign said, for the person it said, or nowhere."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.links import Click, LinkSigner, MessageRef, verify_click, verify_token
from app.specs import Content
from tests.content.mail import KEY, MESSAGE, RECIPIENT, composed, part, read, template_of

WHO = MessageRef("default", "cmp_1", MESSAGE, RECIPIENT)
SIGNER = LinkSigner(KEY, "default", "cmp_1")
TARGET = "https://shop.example.com/?a=1&b=é"


def html_of(source: str, short_road: bool = True, **variables: str) -> str:
    """The html that arrives."""
    template = template_of(Content(subject="s", html=source, text="t"), short_road=short_road)
    return part(read(composed(template, variables)), "html")


def clicks(source: str, **variables: str) -> list[Click | None]:
    """What the edge makes of every tracked link, the same on both roads."""
    found = []
    for short_road in (True, False):
        hrefs = re.findall(r"https://l\.example\.com/c/([\w.-]+)/([\w-]+)", html_of(source, short_road, **variables))
        found.append([verify_click(token, link, KEY) for token, link in hrefs])
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ('<a href="https://x.example/?a=1&amp;b=2">x</a>', ["https://x.example/?a=1&b=2"]),
        ("<A class='b' HREF = 'http://x.example'>x</A>", ["http://x.example"]),
        ("<a href=https://x.example/1 target=_blank>x</a>", ["https://x.example/1"]),
        ('<a title="a > b href=\'no\'" href="https://x.example">x</a>', ["https://x.example"]),
        ('<a data-href="https://no.example" href="https://x.example">x</a>', ["https://x.example"]),
        ('<a href="mailto:a@b.example">x</a><a href="#top">x</a><a href="tel:1">x</a><a name="n">x</a>', []),
        ('<a href="{{ unsubscribe_url }}">x</a>', []),
        ('<a href="https://x.example/{{ v }}?n={{ v|upper }}">x</a>', ["https://x.example/<b>&\"?n=<B>&\""]),
        ('<a href="{{ v|default("x") }}">x</a>', []),
        ('<a href="{{ u }}">x</a>', ["https://u.example/?a=1&b=2"]),
        ('<a href="{% if v %}https://y.example{% else %}https://n.example{% endif %}">x</a>', ["https://y.example"]),
        ('<a {% if v %}href="https://y.example"{% endif %}>x</a>', ["https://y.example"]),
        ('{% for i in [1, 2] %}<a href="https://x.example/{{ i }}">x</a>{% endfor %}',
         ["https://x.example/1", "https://x.example/2"]),
        ('{% raw %}<a href="https://x.example">{{ x }}</a>{% endraw %}', []),
    ],
)  # fmt: skip
def test_every_web_link_is_tracked_and_nothing_else_is(source: str, targets: list[str]) -> None:
    """
    A link that is broken by rewriting is a lost customer; one that is not rewritten, a hole in the report.
    """
    found = clicks(source, v='<b>&"', u="https://u.example/?a=1&b=2")
    assert [click.target if click else None for click in found] == targets
    assert all(click and click.message == WHO for click in found)


def test_a_link_that_is_not_tracked_stays_as_it_was() -> None:
    """
    mailto, anchors and the unsubscribe link must work too.
    """
    source = '<a href="mailto:a@b.example?subject=x&amp;y">x</a><a href="{{ unsubscribe_url }}">u</a>'
    html = html_of(source)
    assert 'href="mailto:a@b.example?subject=x&amp;y"' in html
    token = re.search(r'href="https://l\.example\.com/u/([\w.-]+)\?l=en"', html)
    assert token and verify_token(token[1], KEY) == WHO


def test_the_pixel_stands_at_the_end_of_the_body() -> None:
    """
    A comment that mentions </body>, or none at all, must not hide it.
    """
    for source in ("<body>x{# </body> #}</body></html>", "x"):
        html = html_of(source)
        pixel = re.search(r'<img src="https://l\.example\.com/o/([\w.-]+)\.gif"', unescape(html))
        assert pixel and verify_token(pixel[1], KEY) == WHO
        assert html.index("<img") > html.index("x")


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16), st.text(max_size=50), st.data())
def test_a_token_names_its_message_and_cannot_be_changed(
    message: bytes, recipient: bytes, account: str, data: st.DataObject
) -> None:
    """
    Who could forge a token could unsubscribe others.
    """
    account = account.replace("\0", "").encode("utf-8", "ignore").decode()
    token = LinkSigner(KEY, account, "c").token(message, recipient)
    assert verify_token(token, KEY) == MessageRef(account, "c", message, recipient)
    assert verify_token(token, b"other key other key") is None
    place = data.draw(st.integers(0, len(token) - 1))
    changed = token[:place] + data.draw(st.characters()) + token[place + 1 :]
    assert verify_token(changed, KEY) in (None, MessageRef(account, "c", message, recipient))


@given(st.text(max_size=300), st.text(max_size=300))
def test_what_is_not_ours_is_none_and_never_an_exception(token: str, link: str) -> None:
    """
    The edge gets whatever scanners send.
    """
    assert verify_token(token, KEY) is None
    assert verify_click(token, link, KEY) is None
    assert verify_click(SIGNER.token(MESSAGE, RECIPIENT), link, KEY) is None


def test_a_link_of_another_campaign_or_message_leads_nowhere() -> None:
    """
    No open redirect: a target is good only where it was signed.
    """
    token = SIGNER.token(MESSAGE, RECIPIENT)
    assert verify_click(token, SIGNER.link(3, TARGET), KEY) == Click(WHO, 3, TARGET)
    assert verify_click(token, SIGNER.link(3, TARGET, MESSAGE), KEY) == Click(WHO, 3, TARGET)
    assert verify_click(token, LinkSigner(KEY, "default", "cmp_2").link(3, TARGET), KEY) is None
    assert verify_click(token, LinkSigner(KEY, "defaul", "tcmp_1").link(3, TARGET), KEY) is None
    assert verify_click(token, SIGNER.link(3, TARGET, RECIPIENT), KEY) is None


def test_no_character_of_a_token_or_link_can_be_another_one() -> None:
    """
    Base64 leaves bits unused: a token must not have sixteen spellings.
    """
    token, link = SIGNER.token(MESSAGE, RECIPIENT), SIGNER.link(0, TARGET)
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for place, sign in [(place, sign) for place in range(len(token)) for sign in signs if sign != token[place]]:
        assert verify_token(token[:place] + sign + token[place + 1 :], KEY) is None
    for place, sign in [(place, sign) for place in range(len(link)) for sign in signs if sign != link[place]]:
        assert verify_click(token, link[:place] + sign + link[place + 1 :], KEY) is None
