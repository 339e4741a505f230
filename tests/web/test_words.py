"""Words for recipients: every language has all of them, and everybody gets one they read."""

from hypothesis import given
from hypothesis import strategies as st

from app.web.words import direction_of, language_of, languages, words_in


def test_every_language_has_every_word() -> None:
    """
    A missing word is an error on the one page that must never fail.
    """
    assert len(languages()) >= 15
    for language in languages():
        words = words_in(language)
        assert set(words) == {"title", "ask", "button", "done_title", "done", "broken_title", "broken"}
        assert all(words.values())
    assert (direction_of("ar"), direction_of("de")) == ("rtl", "ltr")


@given(st.text(), st.text())
def test_whatever_a_browser_says_there_is_a_language(asked: str, accepted: str) -> None:
    """
    Headers are written by anybody.
    """
    assert language_of(asked, accepted) in languages()


def test_what_is_asked_for_goes_before_what_is_accepted() -> None:
    """
    The link knows the language of the mail.
    """
    assert language_of("pt_BR", "de") == "pt"
    assert language_of("", "en;q=0.1, de-AT;q=0.8, fr;q=0") == "de"
    assert language_of("", "da, en;q=0.9") == "da"


def test_traditional_chinese_is_read_where_it_is_written() -> None:
    """
    Simplified signs on the page of somebody in Taipei look like the mail of a stranger.
    """
    for tag in ("zh-Hant", "zh_TW", "zh-hk", "zh-Hant-MO"):
        assert language_of(tag, "") == language_of("", f"{tag}, en;q=0.5") == "zh-hant"
    for tag in ("zh", "zh-CN", "zh-Hans", "zh-Hans-HK"):
        assert language_of(tag, "") == "zh"
    assert words_in("zh-hant") != words_in("zh")
