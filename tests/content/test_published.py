"""Publishing changes how a letter looks in mail programs, never what it says."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.content.plain import text_of_html
from app.content.published import published
from app.content.sandbox import HTML
from app.specs import Content, Parts
from tests.content.mail import composed, part, read, template_of

VALUES: dict[str, Any] = {"name": "Ann & <Bob>", "n": 2, "on": True, "url": "https://x.example/?a=1&b=2", "kind": "b"}
SHEET = """<style>.a { color: red } .b{margin:1px} td.a > b { top: {{ n }}px } p.b:hover { color: blue }
@media (max-width:600px) { .a { color: green !important } } .never { left: 0 }</style>"""
PIECES = [
    "<p class=a>One {{ name }}</p>", "<p class='a b' style='color:pink;margin:0'>Two</p>", "{{ name|upper }}",
    "<p class=\"{{ kind }}\" style=\"top:{{ n }}px\">Three</p>", "<p {% if on %}class='a'{% endif %}>Four</p>",
    "<table>{% for i in range(n) %}<tr class=a><td class=a><b>{{ i }}</b></td></tr>{% endfor %}</table>",
    '<a class="b" href="{{ url|default("x") }}">Five</a>',
    "{% if on %}<p class=b>Six</p>{% else %}<i>no</i>{% endif %}",
    "<!-- {{ name }} <p class=a> -->", "<!--[if mso]><table class=a><tr><td><![endif]-->", "<br class=a/>",
    "{% raw %}{{ <p class=a> }}</p>{% endraw %}", "<img alt='{{ name }}' class=b src=x>", "<p>Seven", "{# note #}",
    "{% if on %}<style>.a{left:9px}</style>{% endif %}", "<style media=print>.a{display:none}</style>", "&amp;&lt;",
]  # fmt: skip


def published_html(html: str, **changes: Any) -> str:
    """The html that is sent for *html*."""
    content = published(Content(subject="s", html=html, **changes))
    assert isinstance(content, Content), [str(each) for each in content]
    return content.html


def rendered(source: str) -> str:
    """What Jinja makes of it."""
    return HTML.from_string(source).render(VALUES)


def without_styles(html: str) -> str:
    """*html* but for its stylesheets and style attributes."""
    html = re.sub(r"<style[^>]*>.*?</style>", "", html, flags=re.DOTALL)
    return re.sub(r"""\sstyle=("[^"]*"|'[^']*'|[^\s>]+)""", "", html)


@settings(max_examples=120)
@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_inlined_css_changes_styles_and_nothing_else(pieces: list[str]) -> None:
    """
    Whatever Jinja stands where: around rows, inside of tags, in attributes and comments.
    """
    source = f"<html><head>{SHEET}</head><body>{''.join(pieces)}</body></html>"
    html = published_html(source)
    assert without_styles(rendered(html)) == without_styles(rendered(source))
    assert text_of_html(rendered(html)) == text_of_html(rendered(source))
    assert published_html(html) == html


SOUP = [
    "<table>", "<tr>", "<td style='color:red;", "'>", '">', "</p>", "<b class=a>", "<svg>", "<template>", "<select>",
    "<!--", "-->", "<![CDATA[", "]]>", "<style>", "</style>", "<script>", "</script>", "<body",
    "<html ", "</title>", "&", "\xe9",
    ".a{color:red}", "@media x{", "}", "@charset", "@layer a{", ":not(", "<br/>", "{{ n }}",
    "{{ name|d('x') }}", "{% if on %}",
    "{% endif %}", "{# x #}", "{% raw %}<p>{% endraw %}", "<mjml>", "<mj-body>", "<mj-text a='",
    "</mj-text>", "</mj-body>", "</mjml>",
]  # fmt: skip


@settings(max_examples=200)
@given(st.lists(st.sampled_from(SOUP), max_size=25), st.sampled_from(["html", "mjml"]))
def test_whatever_is_written_is_published_for_good_or_refused(pieces: list[str], part: str) -> None:
    """
    Broken markup is a problem with a place, never a crash; and what was published stays as it is.
    """
    start = "<style>.a{color:red} p{top:1px}</style>" if part == "html" else "<mjml><mj-body>"
    found = published(Content(subject="s", **{part: start + "".join(pieces)}))
    if isinstance(found, Content):
        assert published(found) == found
    else:
        assert found and all(each.line >= 1 and each.column >= 1 for each in found)


def test_rules_become_style_attributes_and_the_rest_of_the_sheet_stays() -> None:
    """
    Gmail's app, Outlook and others read no stylesheet; phones need the media queries.
    """
    html = published_html(f"{SHEET}<table><tr><td class=a style='top:1px'><b>x</b></table><p class=b>y</p>")
    assert '<td class=a style="color: red;top: 1px">' in html
    assert '<b style="top: {{ n }}px">' in html
    assert '<p style="margin: 1px" class=b>' in html
    sheet = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]
    assert "@media (max-width:600px)" in sheet and ":hover" in sheet and ".never" in sheet
    assert "color: red" not in sheet


def test_a_rule_stays_where_a_class_is_known_only_when_it_is_rendered() -> None:
    """
    Else the one person whose class is "a" would get the letter without it.
    """
    html = published_html("<style>.a{color:red}</style><p class=a>x</p><p class='{{ kind }}'>y</p>")
    assert "<style>.a{color:red}</style>" in html and '<p style="color: red" class=a>' in html


@pytest.mark.parametrize("media", ["print", "screen and (max-width:3px)"])
def test_rules_for_some_readers_stay_theirs(media: str) -> None:
    """
    A rule that hides the menu in print must not hide it from everybody.
    """
    source = f'<style media="{media}">p{{display:none}}</style><p>x</p>'
    assert published_html(source) == source


def test_nothing_is_fetched_or_read(tmp_path: Path) -> None:
    """
    A template of a customer must not make our machines read their own files, or anybody's page.
    """
    sheet = tmp_path / "secret.css"
    sheet.write_text("p { color: red }")
    for href in (sheet.as_uri(), str(sheet), "http://127.0.0.1:9/x.css"):
        html = published_html(f"<link rel=stylesheet href='{href}'><style>i{{top:0}}</style><p>x</p>")
        assert "<p>x</p>" in html
    found = published(Content(subject="s", mjml=f"<mjml><mj-body><mj-include path='{sheet}'/></mj-body></mjml>"))
    assert [str(each) for each in found] == [
        "mjml:1:16: mj-include reads files, and there are none here: write the part in its place"
    ]


BODIES = [
    "<mj-text>One {{ name }} <b>bold</b> {% if on %}yes{% endif %}</mj-text>",
    "<mj-text css-class='{{ kind }}'>x</mj-text>",
    "<mj-button href='{{ url|default(\"x\") }}'>Go {{ name }}</mj-button>", "{# note #}", "<!-- {{ name }} -->",
    "<mj-table>{% for i in range(n) %}<tr><td style='top:{{ i }}px'>{{ i }}</td></tr>{% endfor %}</mj-table>",
    "{% if on %}<mj-text>Two</mj-text>{% else %}<mj-text>never</mj-text>{% endif %}",
    "<mj-divider border-color='{{ kind }}' />",
    "{% for i in range(n) %}<mj-text color='{{ kind }}'>{{ loop.index }} of {{ n }}</mj-text>{% endfor %}",
    "<mj-image src='https://x.example/{{ kind }}.png' alt='{{ name }}' />", "<mj-raw><p>{{ name }}</p></mj-raw>",
]  # fmt: skip


@settings(max_examples=80)
@given(st.lists(st.lists(st.sampled_from(BODIES), max_size=4), max_size=4))
def test_html_made_from_mjml_says_what_the_mjml_says(sections: list[list[str]]) -> None:
    """
    Loops around sections, conditions around columns, variables anywhere: MJML's own words between tags.
    """
    body = "".join(
        f"{{% if on %}}<mj-section>{{% for i in range(n) %}}<mj-column>{''.join(each)}</mj-column>{{% endfor %}}"
        "</mj-section>{% endif %}"
        for each in sections
    )
    source = f"<mjml>\n<mj-head><mj-title>T {{{{ name }}}}</mj-title></mj-head><mj-body>{body}</mj-body></mjml>"
    content = published(Content(subject="s", mjml=source))
    assert isinstance(content, Content), [str(each) for each in content]
    said = re.sub(r"<mj-title>.*</mj-title>", "", source).replace("mj-image", "img")
    said = re.sub(r"(</?)mj-\w+", r"\1p", said)
    words = re.findall(r"\w+", re.sub(r"\(http\S+", "", text_of_html(rendered(content.html))))
    for word in re.findall(r"\w+", text_of_html(rendered(said))):
        assert word in words
    counted = ("bold", "Go", "Two", "of", "never", "yes")
    plain = rendered(source)
    assert [words.count(word) for word in counted] == [len(re.findall(rf"\b{word}\b", plain)) for word in counted]
    assert published(content) == content


def test_a_letter_in_mjml_is_sent_in_every_language() -> None:
    """
    Publishing covers translations, and the mail is what MJML promises.
    """
    letter = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
    content = published(
        Content(
            subject="s",
            preheader="Look & see {{ name }}",
            mjml=letter.format("Hello {{ name }}"),
            locales={"pt": Parts(mjml=letter.format("Olá {{ name }}"))},
        )
    )
    assert isinstance(content, Content)
    message = read(composed(template_of(content, language="pt"), {"name": "Ann"}))
    html = part(message, "html")
    assert "Olá Ann" in html and 'lang="pt"' in html
    assert part(message, "plain").split() == ["Olá", "Ann"]
    start = html[html.index("<body") :]
    assert re.match(r'<body[^>]*><div style="display:none[^"]*">Look &amp; see Ann(&zwnj;&nbsp;){80}</div>', start)


@pytest.mark.parametrize(
    ("part", "source", "says"),
    [
        ("mjml", "<p>x</p>", "mjml:1:1: MJML begins with <mjml>"),
        ("mjml", "<mjml>\n<mj-body>\n <mj-foo/></mj-body></mjml>", "mjml:3:2: there is no <mj-foo> in MJML"),
        ("mjml", "<mjml><mj-body>\n<mj-section></mj-body></mjml>", "mjml:2:13: </mj-body> comes where <mj-section>"),
        ("mjml", "<mjml>\n<mj-body>", "mjml:2:1: <mj-body> is not closed"),
        ("mjml", "<mjml><mj-body>\n{% for %}</mj-body></mjml>", "mjml:2:8: "),
        ("mjml", "<mjml><mj-body><mj-section\nodd='{{ x }}'/></mj-body></mjml>", "mjml:2:6: MJML knows no variables"),
        ("mjml", "<mjml><mj-body>{{ x }} {{ y }}<mj-text a=></mj-text></mj-body></mjml>", "mjml:1:1: MJML: "),
        ("mjml", "<mjml><mj-body><mj-raw>" + "<div>" * 19_000, "nested too deeply"),
        ("mjml", "<mjml>" + "<mj-section/>" * 30_000 + "</mjml>", "more than 20000 tags"),
        ("html", "<style>a{b:c}</style>\n" + "<div>" * 19_000, "html:2:501: <div> is nested too deeply"),
        ("html", "<style>a{b:c}</style>" + "".join(f"<b id={i}>" for i in range(90)) + "<p>x" * 15_000, "nested"),
        ("html", "<style>" + "*{a:b}" * 20_000 + "</style>" + "<b></b>" * 9_000, "too many declarations"),
        ("html", "<style>a{b:c}</style>{{ x", "html:1:26: "),
        ("html", "<p>x</p>\n<style>.a{b:c}<p>y", "html:2:1: <style> is not closed"),
        ("html", "<style>x</style>" + "x" * 500_000, "longer than 500000"),
    ],
)  # fmt: skip
def test_what_cannot_be_published_is_named_with_its_place(part: str, source: str, says: str) -> None:
    """
    The libraries behind would end the process some thousand levels deep, or say "error".
    """
    found = published(Content(subject="s", **{part: source}))
    assert isinstance(found, list)
    assert says in str(found[0])


def test_a_large_sheet_of_classes_is_no_reason_to_refuse_a_letter() -> None:
    """
    Frameworks bring thousands of rules, of which each tag has a few.
    """
    sheet = "<style>" + "".join(f"td.c{n}, .row > .c{n} {{ top: {n}px; left: 0 }}" for n in range(3_000)) + "</style>"
    html = published_html(f"{sheet}<div class=row>{''.join(f'<p class=c{n}>x</p>' for n in range(1_000))}</div>")
    assert '<p style="top: 7px;left: 0" class=c7>' in html


def test_a_problem_in_a_translation_is_named_by_its_language() -> None:
    """
    Twenty languages, one of them wrong.
    """
    found = published(Content(subject="s", text="t", locales={"de": Parts(mjml="x"), "pt": Parts(html="<p>")}))
    assert [str(each) for each in found] == ["locales.de.mjml:1:1: MJML begins with <mjml>"]


def test_what_all_languages_say_together_is_bounded() -> None:
    """
    Compiling takes its time for each part; the languages of one letter must not hold up everybody else's.
    """
    wordy = Parts(text="{{ 'a' ~ 'b' ~ 'c' ~ 'd' }}" * 2_000)
    languages = {f"{first}{second}": wordy for first in "abcd" for second in "abcd"}
    problems = published(Content(subject="s", text="t", locales=languages))
    assert isinstance(problems, list)
    assert "in all" in problems[0].message


def test_a_carousel_has_as_many_slides_as_a_letter_needs() -> None:
    """
    The styles of a carousel grow with the square of its slides; a few thousand filled the memory.
    """
    slides = "<mj-carousel-image src='x'/>" * 51
    column = f"<mj-column><mj-carousel>{slides}</mj-carousel></mj-column>"
    mjml = f"<mjml><mj-body><mj-section>{column}</mj-section></mj-body></mjml>"
    problems = published(Content(subject="s", mjml=mjml))
    assert isinstance(problems, list)
    assert "more than 50" in problems[0].message
