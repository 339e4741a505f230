"""Dates, numbers and money as people of the message's language write them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.problems import RenderError
from app.specs import Content, Parts
from tests.content.mail import MESSAGE, RECIPIENT, composed, read, template_of


def written(expression: str, locale: str = "en", **variables: Any) -> str:
    """What a mail in *locale* says."""
    content = Content(subject="s", text=f"[{{{{ {expression} }}}}]", locale=locale)
    text = str(read(composed(template_of(content), variables)).get_content())
    return text.strip()[1:-1].replace("\u202f", " ").replace("\xa0", " ")


@pytest.mark.parametrize(
    ("expression", "value", "english", "german", "brazilian"),
    [
        ("v|number", 1234567.891, "1,234,567.891", "1.234.567,891", "1.234.567,891"),
        ("v|number(2)", "12.5", "12.50", "12,50", "12,50"),
        ("v|number(decimals=0)", 2.5, "2", "2", "2"),
        ("v|percent", 0.25, "25%", "25 %", "25%"),
        ("v|percent(1)", "0.1234", "12.3%", "12,3 %", "12,3%"),
        ('v|currency("EUR")', "1234.5", "€1,234.50", "1.234,50 €", "€ 1.234,50"),
        ('v|currency("JPY")', 1234, "¥1,234", "1.234 ¥", "JP¥ 1.234"),
        ('v|date("long")', "2026-05-03", "May 3, 2026", "3. Mai 2026", "3 de maio de 2026"),
        ("v|date", 1_777_766_400, "May 3, 2026", "03.05.2026", "3 de mai. de 2026"),
        ('v|date("MMMMd")', "2026-05-03T23:30:00Z", "May 3", "3. Mai", "3 de maio"),
        ('v|date("short", "Asia/Tokyo")', "2026-05-03T23:30:00Z", "5/4/26", "04.05.26", "04/05/2026"),
        ('v|time("short", "Europe/Lisbon")', "2026-05-03T23:30:00Z", "12:30 AM", "00:30", "00:30"),
        ("v|time", "2026-05-03T23:30:00+02:00", "11:30 PM", "23:30", "23:30"),
        ('v|datetime("short", "UTC")', "2026-05-03T23:30:00+02:00", "5/3/26, 9:30 PM",
         "03.05.26, 21:30", "03/05/2026 21:30"),
    ],
)  # fmt: skip
def test_each_language_has_its_own_way(expression: str, value: Any, english: str, german: str, brazilian: str) -> None:
    """
    1.234 is a thousand in Hamburg and one and a bit in Leeds.
    """
    assert [written(expression, each, v=value) for each in ("en", "de", "pt-BR")] == [english, german, brazilian]


def test_the_translation_decides_and_not_the_content_around_it() -> None:
    """
    A German part says it in German.
    """
    content = Content(subject="s", text="{{ v|number }}", locales={"de": Parts(subject="t")})
    mails = [read(composed(template_of(content, language=each), {"v": 1.5})) for each in ("", "de")]
    assert [mail.get_content().strip() for mail in mails] == ["1.5", "1,5"]


@pytest.mark.parametrize("locale", ["xx", "en-XX", "zh-Hant-TW", "pt_BR", "es-419"])
def test_any_language_that_content_may_name_can_be_written(locale: str) -> None:
    """
    One that Babel does not know is written as the next that it does.
    """
    assert written('v|date("full", "Europe/Lisbon")', locale, v="2026-05-03")


@pytest.mark.parametrize(
    "expression",
    [
        "v|number", "v|percent", 'v|currency("EUR")', "v|date", "v|time", "v|datetime", "1|currency(v)",
        '"2026-05-03"|date(v)', '"2026-05-03"|date("long", v ~ "x")', '"2026-05-03"|date("long", "../" ~ v)',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "value", ["", "soon", "9" * 70, "1e999999", "NaN", "2026-13-01", [1], {"a": 1}, True, 1e300, None]
)
def test_what_cannot_be_written_is_an_error_of_that_message(expression: str, value: Any) -> None:
    """
    Nobody gets "None €", and one odd contact stops nobody else.
    """
    template = template_of(Content(subject="s", text=f"{{{{ {expression} }}}}"))
    assert isinstance(template.render({"v": value}, MESSAGE, RECIPIENT, "a@example.com", 1.0), RenderError)


def test_a_missing_variable_is_named() -> None:
    """
    "Undefined is no number" helps nobody.
    """
    template = template_of(Content(subject="s", text="{{ total|number }}"))
    answer = template.render({}, MESSAGE, RECIPIENT, "a@example.com", 1.0)
    assert isinstance(answer, RenderError) and "'total' is undefined" in answer.reason


def test_writing_is_paid_for() -> None:
    """
    A loop that writes a hundred thousand dates ends in milliseconds.
    """
    loop = "{% for i in range(1000) %}{% for j in range(20) %}{{ 1|number }}{% endfor %}{% endfor %}"
    answer = template_of(Content(subject="s", text=loop)).render({}, MESSAGE, RECIPIENT, "a@example.com", 1.0)
    assert isinstance(answer, RenderError) and "too much" in answer.reason


@given(st.floats() | st.integers() | st.text(max_size=30) | st.dates().map(str) | st.datetimes().map(str))
def test_no_value_breaks_a_filter(value: Any) -> None:
    """
    Contacts hold what somebody once typed.
    """
    for expression in ("v|number", "v|percent(2)", 'v|currency("USD")', 'v|date("full")', 'v|time("full")'):
        template = template_of(Content(subject="s", text=f"{{{{ {expression} }}}}", locale="de"))
        answer = template.render({"v": value}, MESSAGE, RECIPIENT, "a@example.com", 1.0)
        assert isinstance(answer, bytes) or answer.reason.startswith(("FormatError", "LimitExceededError"))
