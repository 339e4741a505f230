"""Keywords that people answer with: which are understood, from where, and which are not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.providers import keywords
from app.providers.keywords import EVERYWHERE, HELP, LANGUAGES, SPOKEN, START, STOP, plain, wish_in

US, CA, GB, DE, FR, IN = (
    "+14155550100",
    "+14165550100",
    "+447911123456",
    "+4915112345678",
    "+33612345678",
    "+919500000558",
)


@pytest.mark.parametrize(
    ("text", "number", "kind"),
    [
        *((word, US, STOP) for word in ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]),
        *((word, US, START) for word in ("START", "UNSTOP", "YES")),
        *((word, US, HELP) for word in ("HELP", "INFO")),
        ("ARRET", CA, STOP), ("Arrêt", CA, STOP), ("AIDE", CA, HELP), ("ARRÊT", FR, STOP),
        ("Abmelden", DE, STOP), ("BAJA", "+34612345678", STOP), ("SAIR", "+5511912345678", STOP),
        ("sair", "+351912345678", STOP), ("cancella", "+393471234567", STOP), ("afmelden", "+31612345678", STOP),
        ("STOPP", "+46701234567", STOP), ("RET", "+905301234567", STOP), ("İPTAL", "+905301234567", STOP),
        ("रोकें", IN, STOP), ("बंद करें!", IN, STOP), ("stop", IN, STOP), ("СТОП", "+79161234567", STOP),
        ("退订", "+8613800138000", STOP), ("수신거부", "+821012345678", STOP), ("ｽﾄｯﾌﾟ", "+819012345678", STOP),
        ("إيقاف", "+971501234567", STOP), ("הסר", "+972501234567", STOP), ("หยุด", "+66812345678", STOP),
        ("HỦY", "+84912345678", STOP),
        # the way people write
        ("stop", "", STOP), ("  Stop.\n", US, STOP), ("ＳＴＯＰ", US, STOP), ("🛑 STOP 🛑", US, STOP),
        ("S.T.O.P.", US, STOP), ('"stop"', US, STOP), ("opt-out", US, STOP),
        ("Opt Out!!", US, STOP), ("STOP ALL", US, STOP), ("s\u200bto\u200dp", US, STOP), ("s̶t̶o̶p̶", US, STOP),
        # what means something else there, or is a sentence
        ("end", DE, ""), ("ende", US, ""), ("ret", US, ""), ("yes", DE, ""), ("t", US, ""), ("si", US, ""),
        ("don't stop", US, ""), ("stop by tomorrow", US, ""), ("can you stop the delivery?", US, ""),
        ("non-stop", US, ""), ("stopwatch", US, ""), ("STOP" * 100, US, ""), ("", US, ""), ("👍", US, ""),
        ("thanks", US, ""), ("ok", "", ""),
    ],
)  # fmt: skip
def test_a_keyword_is_the_whole_message(text: str, number: str, kind: str) -> None:
    """A wrong stop loses a customer, one that was missed breaks the law."""
    assert wish_in(text, number) == kind


@pytest.mark.parametrize("country", sorted(LANGUAGES))
def test_every_country_has_words_that_are_told_apart(country: str) -> None:
    """One word that both stops and starts would do whatever comes first."""
    meanings: dict[str, set[str]] = {}
    for told in (EVERYWHERE, *(SPOKEN[each] for each in LANGUAGES[country])):
        for kind, words in told.items():
            for word in words:
                meanings.setdefault(plain(word), set()).add(kind)
    assert all(word and len(kinds) == 1 for word, kinds in meanings.items())


@settings(deadline=None)
@given(st.text(max_size=100), st.text(max_size=20) | st.sampled_from([US, DE, IN, "+1", "+", "+99999999999999999"]))
def test_any_text_is_read(text: str, number: str) -> None:
    """From any number; writing a word otherwise does not change it."""
    assert wish_in(text, number) in ("", STOP, START, HELP)
    assert plain(plain(text)) == plain(text)
    assert keywords.country_of(number) == "" or len(keywords.country_of(number)) in (2, 3)
