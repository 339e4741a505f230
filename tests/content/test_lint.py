"""What costs readers or money is told before the campaign starts, with its place."""

from typing import Any

import pytest

from app.content.findings import Finding
from app.content.lint import MOST_FINDINGS, lint
from app.specs import Content, Parts, WhatsApp

CLEAN = Content(
    subject="Hi {{ name }}",
    preheader="News",
    html="<p>{{ name }}</p><a href='{{ unsubscribe_url }}'>leave</a>",
    text="{{ name }} {{ unsubscribe_url }}",
)


def found(content: Content, *sample: dict[str, Any], **options: Any) -> list[Finding]:
    """The findings."""
    return lint(content, list(sample), **options)


def rules(content: Content, *sample: dict[str, Any], **options: Any) -> set[str]:
    """The names of the rules that fire."""
    return {each.rule for each in found(content, *sample, **options)}


def with_html(html: str) -> Content:
    """The clean letter with *html* at its start."""
    return CLEAN.model_copy(update={"html": html + CLEAN.html})


def test_a_clean_letter_has_no_findings() -> None:
    """
    A lint that always says something is switched off.
    """
    assert found(CLEAN) == []
    assert found(CLEAN, {"name": "Ann"}) == []


@pytest.mark.parametrize(
    ("html", "rule"),
    [
        ("<a href='javascript:x()'>x</a>", "link-forbidden"),
        ("<a href=''>x</a>", "link-empty"),
        ("<a href=' '>x</a>", "link-empty"),
        ("<a href>x</a>", "link-without-target"),
        ("<a>x</a>", "link-without-target"),
        ("<a href='#'>x</a>", "link-empty"),
        ("<a href='#top'>x</a>", "anchor-missing"),
        ("<a href='https://x.example/a b'>x</a>", "link-broken"),
        ("<a href='https://'>x</a>", "link-broken"),
        ("<a href='https:/x.example'>x</a>", "link-broken"),
        ("<a href='https://shop'>x</a>", "link-broken"),
        ("<a href='https://[x'>x</a>", "link-broken"),
        ("<a href='www.x.example'>x</a>", "link-relative"),
        ("<a href='/x'>x</a>", "link-relative"),
        ("<a href='htps://x.example'>x</a>", "link-relative"),
        ("<a href='http://localhost:3000/x'>x</a>", "link-local"),
        ("<a href='https://192.168.1.2/x'>x</a>", "link-local"),
        ("<a href='http://x.example'>x</a>", "link-insecure"),
        ("<img src='https://x.example/a.png'>", "alt-missing"),
        ("<img alt='x'>", "image-empty"),
        ("<img alt='x' src='data:image/png;base64,AA'>", "image-inline"),
        ("<img alt='x' src='http://x.example/a.png'>", "image-insecure"),
        ("<img alt='x' src='a.png'>", "image-relative"),
    ],
)
def test_links_and_images_that_do_not_work_in_a_mail_are_named(html: str, rule: str) -> None:
    """
    Each of these was sent to somebody's whole list once.
    """
    findings = found(with_html(f"<p>\n{html}</p>"))
    assert [(each.rule, each.part, each.line, each.column) for each in findings] == [(rule, "html", 2, 1)]


@pytest.mark.parametrize(
    "html",
    [
        "<a href='{{ url }}'>x</a>", "<a href='https://{{ host }}/x'>x</a>",
        "<a {% if name %}href='/x'{% endif %}>x</a>",
        "<a href='https://x.example/?q={{ name }}&amp;b=2'>x</a>", "<a href='mailto:a@x.example?subject=a b'>x</a>",
        "<a href='#top'>x</a><a name=top></a>", "<a href='#top'>x</a><p id='top'></p>", "<img alt src='{{ url }}'>",
        "<img alt='' src='https://x.example/a.png'>", "<img {{ attributes }}>", "<!-- <a href='javascript:x'> -->",
        "{% raw %}<a href='javascript:x'>{% endraw %}", "<a href='tel:+49 40 1'>x</a>",
    ],
)  # fmt: skip
def test_what_only_rendering_can_tell_is_left_alone(html: str) -> None:
    """
    A false alarm in every letter hides the true one.
    """
    assert rules(with_html(html)) == set()


def test_links_of_mjml_are_named_where_they_were_written() -> None:
    """
    The html that is made of it is no place anybody edits.
    """
    body = "<mj-section><mj-column>\n<mj-button href='/x'>x {{ unsubscribe_url }}</mj-button></mj-column></mj-section>"
    content = CLEAN.model_copy(update={"html": "", "mjml": f"<mjml><mj-body>{body}</mj-body></mjml>"})
    assert [(each.rule, each.part, each.line) for each in found(content)] == [("link-relative", "mjml", 2)]


def test_attributes_that_people_lack_are_counted_with_examples() -> None:
    """
    "12 of 1,000 have no city" is found in the sample, not in the bounces.
    """
    content = CLEAN.model_copy(update={"sms": "{{ city }}", "html": CLEAN.html + "{% if vip %}{{ vip }}{% endif %}"})
    people = [{"email": f"p{n}@example.com", "name": "x", "vip": ""} for n in range(9)]
    people.append({"email": "last@example.com", "name": "", "vip": "", "city": "Ulm"})
    findings = {(each.rule, each.part): each for each in found(content, *people)}
    missing = findings["variable-missing", "sms"]
    assert missing.message == "'city' is undefined" and missing.count == 9
    assert missing.examples == ("p0@example.com", "p1@example.com", "p2@example.com")
    assert findings["variable-empty", "subject"].examples == ("last@example.com",)
    assert {rule for rule, _ in findings} == {"variable-missing", "variable-empty", "sms-parts"}


def test_a_default_fills_what_is_missing() -> None:
    """
    That is what it is for.
    """
    assert rules(CLEAN.model_copy(update={"defaults": {"name": "friend"}}), {}, {"name": ""}) == set()


def test_what_gmail_clips_is_measured_as_it_is_sent() -> None:
    """
    The end of a letter holds the unsubscribe link and the pixel.
    """
    content = with_html("{% for i in range(n) %}" + "<p>ten bytes</p>" * 100 + "{% endfor %}")
    assert rules(content, {"name": "a", "n": 60}) == set()
    (finding,) = found(content, {"name": "a", "n": 60}, {"name": "b", "n": 80, "id": "c1"})
    assert (finding.rule, finding.examples) == ("html-clipped", ("c1",))
    assert "html-clipped" in rules(with_html("<p>" + "x" * 110_000 + "</p>"))


def test_sms_parts_are_counted_and_what_makes_them_is_named() -> None:
    """
    A typographic quote doubles the bill.
    """
    content = Content(sms="Hello {{ name }}, it’s time " + "x" * 60)
    (finding,) = found(content, {"name": "Ann"}, {"name": "A much longer name", "id": "long"})
    assert finding.message == "2 parts of UCS-2, 96 units, 67 a part, because of '’'"
    assert (finding.severity, finding.examples) == ("hint", ("long",))
    assert found(Content(sms="x" * 2_000))[0].severity == "warning"


def test_unsubscribing_is_asked_for_in_campaigns_only() -> None:
    """
    A receipt needs no way out; a newsletter without one is reported as spam.
    """
    content = CLEAN.model_copy(update={"html": "<p>x</p>", "text": ""})
    assert rules(content) == {"unsubscribe-missing", "text-missing"}
    assert rules(content, campaign=False) == {"text-missing"}


def test_parts_that_are_not_translated_are_listed() -> None:
    """
    A Portuguese subject over an English letter is opened once.
    """
    content = CLEAN.model_copy(
        update={"locales": {"pt": Parts(subject="Olá"), "de": Parts(subject="Hallo", sms="x", html=CLEAN.html)}}
    )
    messages = {(each.rule, each.part): each.message for each in found(content)}
    assert "preheader, html, text come from" in messages["not-translated", "locales.pt"]
    assert "has sms" in messages["default-missing", "locales.de"]


def test_subjects_are_measured_as_they_come_out() -> None:
    """
    A name can be long, or missing.
    """
    content = CLEAN.model_copy(update={"subject": "{{ name }}", "defaults": {"name": " "}})
    findings = {each.rule: each for each in found(content, {"name": "x" * 79}, {"name": ""})}
    assert findings["subject-long"].severity == "hint" and findings["subject-empty"].severity == "error"


def test_what_cannot_be_sent_is_an_error() -> None:
    """
    As when it is saved.
    """
    (finding,) = found(Content(subject="s", html="a\n{{ x"))
    assert (finding.severity, finding.rule, finding.part, finding.line) == ("error", "invalid", "html", 2)


def test_the_worst_comes_first_and_there_is_an_end() -> None:
    """
    Thousands of findings help nobody.
    """
    findings = found(with_html("<a href='http://x.example'>x</a>" * 200 + "<a href=''>x</a>"))
    assert len(findings) <= MOST_FINDINGS
    severities = [each.severity for each in found(with_html("<a href='http://x.example'>x</a><a href=''>x</a>"))]
    assert severities == ["error", "hint"]


def test_whatsapp_parameters_are_looked_at_too() -> None:
    """
    Meta refuses a message with an empty one.
    """
    content = Content(whatsapp=WhatsApp(template="t", parameters=["{{ name }}"]))
    assert rules(content, {}) == {"variable-missing"}
    assert rules(content.model_copy(update={"locales": {"pt": Parts(whatsapp=WhatsApp(template="t"))}})) == {"invalid"}
