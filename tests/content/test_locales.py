"""A contact is written to in his language, or in the nearest that there is."""

import pytest

from app.content.locales import Languages, locale_of, parts_in
from app.specs import Content, Parts
from tests.content.mail import composed, part, read, template_of

LETTER = Content(
    subject="Hello",
    html="<html><body>Bye</body></html>",
    text="Bye",
    locales={
        "pt": Parts(subject="Olá", html="<html><body>Adeus</body></html>"),
        "pt_BR": Parts(subject="Oi"),
        "zh-Hant": Parts(subject="你好"),
    },
)


@pytest.mark.parametrize(
    ("attributes", "key"),
    [
        ({"locale": "pt-BR"}, "pt_BR"),
        ({"locale": "PT_br"}, "pt_BR"),
        ({"locale": "pt"}, "pt"),
        ({"locale": "pt-PT"}, "pt"),
        ({"language": "pt-BR"}, "pt_BR"),
        ({"locale": "", "language": "pt"}, "pt"),
        ({"locale": "zh-hant-TW"}, "zh-Hant"),
        ({"locale": "zh-CN"}, ""),
        ({"locale": "en-GB"}, ""),
        ({"locale": "p" * 100_000}, ""),
        ({"locale": 7}, ""),
        ({"locale": ["pt"]}, ""),
        ({"locale": None}, ""),
        ({}, ""),
    ],
)
def test_the_nearest_language_is_found(attributes: dict[str, object], key: str) -> None:
    """
    People write pt-BR in three ways; whatever a contact has there, he gets a letter.
    """
    assert Languages(LETTER).of(attributes) == key


def test_the_language_of_the_content_itself_goes_before_a_farther_one() -> None:
    """
    A Brazilian must not get the Portuguese text because the Brazilian one is the original.
    """
    content = Content(subject="Oi", text="x", locale="pt-BR", locales={"pt": Parts(subject="Olá")})
    assert [Languages(content).best(each) for each in ("pt-BR", "pt-PT", "en")] == ["", "pt", ""]


def test_a_part_that_a_language_lacks_comes_from_the_next_and_text_follows_html() -> None:
    """
    An English text part beside Portuguese html is read by half of the people in the wrong language.
    """
    brazilian = read(composed(template_of(LETTER, language="pt_BR"), {}))
    assert brazilian["subject"] == "Oi"
    assert "Adeus" in part(brazilian, "html") and '<html lang="pt-BR">' in part(brazilian, "html")
    assert part(brazilian, "plain").strip() == "Adeus"
    assert brazilian["content-language"] == "pt-BR"
    assert "?l=pt-BR>" in brazilian["list-unsubscribe"]
    chinese = read(composed(template_of(LETTER, language="zh-Hant"), {}))
    assert (chinese["subject"], part(chinese, "plain").strip()) == ("你好", "Bye")


def test_content_without_translations_is_one_template() -> None:
    """
    Most content has one language: nothing is looked up for it.
    """
    content = Content(subject="Hello", text="x")
    assert Languages(content).of({"locale": "pt"}) == ""
    assert locale_of(content, "") == "en"
    assert parts_in(content, "").subject == "Hello"
