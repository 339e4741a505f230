"""A template that cannot be sent is refused before a campaign exists, with the place of its mistake."""

import pytest

from app.content.check import check
from app.content.email_template import LinkOptions, Sender, compile_email
from app.content.problems import ContentError, RenderError
from app.specs import Content, Parts, WhatsApp
from tests.content.mail import KEY, LINKS, MESSAGE, RECIPIENT, SENDER, template_of

KNOWN = {"name", "city", "items"}


@pytest.mark.parametrize(
    ("source", "line", "column", "says"),
    [
        ("{{ name", 1, 8, "end of template"),
        ("a\nb {{ name city }}", 2, 11, "expected token"),
        ("a\r\nb {{ name city }}", 2, 11, "expected token"),
        ("{{ name ! }}", 1, 9, "unexpected char"),
        ("x\n  {% fi name %}", 2, 6, "unknown tag 'fi'"),
        ("{% if name %}\nx", 2, 2, "endif"),
        ("x {{ nmae }}", 1, 6, "unknown variable 'nmae'"),
        ("{{ name|default(nmae) }}", 1, 17, "unknown variable 'nmae'"),
        ("\n{{ name|shout }}", 2, 9, "no filter 'shout'"),
        ("{{ name is silly }}", 1, 12, "no test 'silly'"),
        ("{{ ''.__class__ }}", 1, 7, "'__class__'"),
        ("{{ name['__class__'] }}", 1, 9, "'__class__'"),
        ("{{ name|attr('__class__') }}", 1, 9, "no filter 'attr'"),
        ("{{ self }}{{ _x }}", 1, 14, "reserved"),
        ("{{ fanfare_token }}", 1, 4, "reserved"),
        ("{{ 'x'.format(name) }}", 1, 8, "method 'format'"),
        ("{{ name.join(items) }}", 1, 9, "method 'join'"),
        ("{{ name|currency }}", 1, 9, "other arguments"),
        ("{{ name|currency('EURO') }}", 1, 9, "'EURO' is no currency"),
        ("{{ name|date('yyyy') }}", 1, 9, "no form 'yyyy'"),
        ("{{ name|time(zone='Mars') }}", 1, 9, "'Mars' is no time zone"),
        ("{{ lipsum() }}", 1, 4, "cannot be called"),
        ("{% for i in range(10**9) %}x{% endfor %}", 1, 21, "'**'"),
        ("{% for i in range(100000000) %}x{% endfor %}", 1, 13, "longer than 1000"),
        ("{{ 'a' * 1000000000 }}", 1, 8, "for numbers"),
        ("{% macro m() %}{% endmacro %}", 1, 4, "'macro'"),
        ("{% include 'x' %}", 1, 4, "'include'"),
        ("{% set a %}x{% endset %}", 1, 4, "'set'"),
        ("{% set a = [name, name] %}", 1, 1, "constants only"),
        ("a\x01b", 1, 2, "control character"),
        ("(" * 10 + "{{ " + "(" * 5_000, 1, None, "deep"),
        ("{{ " + "9" * 5_000 + " }}", 1, 4, "digits"),
        ("{{ 0x" + "f" * 5_000 + " }}", 1, 4, "digits"),
        ("{{ 1" + " < 2" * 3_000 + " }}", 1, None, "too much Jinja syntax"),
        ("{{ 1 + 1 + 1 + 1 + 1 }}" * 4_900, 1, None, "too much Jinja syntax"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_column(source: str, line: int, column: int | None, says: str) -> None:
    """
    "Syntax error" alone costs an evening in 400 lines of html.
    """
    problems = check(Content(subject="s", html=source, text="t"), KNOWN)
    assert problems, "accepted"
    first = problems[0]
    assert (first.part, first.line) == ("html", line)
    assert says in first.message
    assert column in (None, first.column)


@pytest.mark.parametrize(
    "source",
    [
        "{{ name }} {{ unsubscribe_url }} {{ address }} {{ message_id }} {{ given }}",
        "{{ other|default('x') }}{% if more is defined %}{{ more }}{% endif %}",
        "{% for item in items %}{{ loop.index }} {{ item.price * 2 }}{{ loop.cycle('a', 'b') }}{% endfor %}",
        "{% set hello = 'Hi ' ~ name %}{{ hello }}{{ name.split(' ')[0]|title }}{{ '%s' }}",
        "{% for i in range(3) %}{{ i }}{% endfor %}{{ items|join(', ') }}{{ name if city in ['Ulm'] else city }}",
    ],
)
def test_what_letters_need_is_allowed(source: str) -> None:
    """
    A sandbox that is too tight is one people work around.
    """
    content = Content(subject="{{ name }}", html=source, defaults={"given": "x"})
    assert check(content, KNOWN) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (Content(text="x"), "subject:1:1: an email needs a subject"),
        (Content(subject="s", sms="x"), "html:1:1: an email needs html or text"),
        (Content(subject="s", mjml="<mjml/>"), "mjml:1:1: is not compiled to html yet: publish the content first"),
        (Content(subject="s", text="x", preheader="{{ x"), "preheader:1:5: "),
        (Content(subject="s", text="x", sms="\n{% y %}"), "sms:2:4: "),
        (Content(subject="s", text="{{ x }}" * 5_001), "text:1:1: more than 5000 pieces of Jinja syntax"),
        (Content(subject="s", text="x", voice="{{ nmae }}"), "voice:1:4: unknown variable 'nmae'"),
        (Content(subject="s", text="x", locales={"pt": Parts(text="{{ x")}), "locales.pt.text:1:5: "),
        (Content(subject="s", text="x", locales={"pt-BR": Parts(), "pt_br": Parts()}),
         "locales.pt_br:1:1: is the same language as 'pt-BR'"),
        (Content(subject="s", text="x", whatsapp=WhatsApp(template="t", parameters=["a", "{{ x"])),
         "whatsapp.parameters.1:1:5: "),
        (Content(subject="s", text="x", whatsapp=WhatsApp(template="t", parameters=[" "])),
         "whatsapp.parameters.0:1:1: a parameter cannot be empty"),
        (Content(subject="s", text="x", whatsapp=WhatsApp(template="t"),
                 locales={"pt": Parts(whatsapp=WhatsApp(template="t", parameters=["a"]))}),
         "locales.pt.whatsapp.parameters:1:1: 1 parameters, in another language 0"),
    ],
)  # fmt: skip
def test_every_part_in_every_language_is_checked(content: Content, problem: str) -> None:
    """
    The mistake in the twentieth translation is found when it is saved, not when it is sent.
    """
    assert str(check(content, KNOWN)[0]).startswith(problem)


def test_a_template_need_not_be_a_whole_email() -> None:
    """
    The campaign may bring the subject, and not every template is an email.
    """
    for content in (Content(text="x"), Content(sms="x"), Content(subject="", html="<p>x</p>")):
        assert check(content, KNOWN, channel=None) == []
    assert "needs one of" in check(Content(subject="s"), KNOWN, channel=None)[0].message


def test_with_unknown_attributes_only_the_template_is_judged() -> None:
    """
    A campaign may be created before its contacts are imported.
    """
    assert check(Content(subject="{{ anything }}", text="x"), None) == []


def test_every_part_and_the_sender_are_checked_when_compiled() -> None:
    """
    What reaches a sender worker must compile; what cannot says all that is wrong.
    """
    bad = Content(subject="{{ x", html="{% y %}", text="{{ 'a'.__class__ }}", defaults={"_z": ""})
    with pytest.raises(ContentError) as caught:
        compile_email(bad, Sender("no address", "", "", "a", "c"), LINKS)
    assert [p.part for p in caught.value.problems] == ["defaults", "subject", "html", "text", "from_email"]
    with pytest.raises(ContentError):
        compile_email(Content(subject="s", text="t"), SENDER, LinkOptions("javascript:x", KEY))
    assert check(Content(subject="s"), None)[0].message == "an email needs html or text"


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in items %}{% for b in items %}{% for c in items %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in items %}{% for b in items %}{% for c in items %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for i in range(1000) %}" + "x" * 2_000 + "{% endfor %}",
        "{% for i in range(items|length * 1000) %}x{% endfor %}",
        "{% set a = name ~ name %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
        "{% set a = name + name %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
        "{{ name" + "|replace('n', 'nnnnnnnnnn')" * 12 + " }}",
        "{% set a = 99 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
        "{{ name * 1000000000 }}",
        "{{ name % 1 }}",
        "{{ items|join(name)|float + missing }}",
        "{{ 1 / 0 }}",
        "{{ name.missing.x }}",
        *[
            f"{{% set x = '{'a b<' * 20_000}' %}}{{% for i in range(1000) %}}{{{{ {work} }}}}{{% endfor %}}"
            for work in (
                "(x|title)|length", "(x|urlencode)|length", "(x|striptags)|length", "(x|sort)|length",
                "(x|unique|list)|length", "x|wordcount", "(x|list|map('upper')|list)|length",
                "(x|replace('q', ''))|length", "'zzz' is in x",
                "x.split(' ')|length", "x.upper()|length", "'zzz' in x", "'zzz' not in x", "x[1:]|length", "x is lower",
            )
        ],
        "{{ long|title|title|title }}" * 10,
        "{{ (long|replace('a', 'nnnnnnnnnn'))|length }}",
        "{{ (items|join(long))|length }}",
        "{{ (long + long)|length }}",
        "{{ (long ~ long)|length }}",
    ],
    ids=lambda source: f"{source[:30]}...{source[-50:]}",
)  # fmt: skip
def test_work_without_end_is_an_error_of_the_message(source: str) -> None:
    """
    A template that would eat a worker's memory or its evening ends in milliseconds, and alone.
    """
    for short_road in (True, False):
        template = template_of(Content(subject="s", html=source, text="t"), short_road=short_road)
        variables = {"name": "nnnn", "items": ["x"] * 200, "long": "a b" * 20_000}
        assert isinstance(template.render(variables, MESSAGE, RECIPIENT, "a@example.com", 1.0), RenderError)


def test_the_text_part_is_derived_from_the_html() -> None:
    """
    Filters score mail without a text part as spam, and some people read nothing else.
    """
    html = """<html><head><title>no</title><style>p { x: y }</style></head><body><h1>Hello {{ name }}</h1>
    <p>One<br>two &amp; three</p><ul><li>a</li><li><a href="https://x.example/{{ city }}">b</a></li></ul>
    {% if name == "Ann" %}<p>Only {{ name }}</p>{% endif %}<img alt="Logo" src="l.png"></body></html>"""
    template = template_of(Content(subject="s", html=html))
    text = template.renderers({"name": "Ann", "city": "<Ulm>"}, "a@example.com")["text"]()
    lines = [line for line in text.split("\n") if line]
    assert lines == ["Hello Ann", "One", "two & three", "- a", "- b (https://x.example/<Ulm>)", "Only Ann", "Logo"]
