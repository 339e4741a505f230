"""People and machines told apart by what they ask for, how fast, and with what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.delivery.reports.hits import CLICKED, OPENED, PROBED, Hit, Recent, class_of_agent

NOW = 1_790_000_000.0
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
MAIL = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize(
    ("kind", "agent", "klass"),
    [
        (OPENED, FIREFOX, "human"),
        (OPENED, MAIL, "human"),
        (CLICKED, FIREFOX, "human"),
        (OPENED, GMAIL, "human.proxy"),
        (CLICKED, GMAIL, "automated.scanner"),
        (OPENED, "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "human.proxy"),
        (OPENED, "Mozilla/5.0", "automated.prefetch"),
        (CLICKED, "", "automated.nameless"),
        (CLICKED, "BarracudaCentral link checker", "automated.scanner"),
        (CLICKED, "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "automated.bot"),
        (OPENED, "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5", "automated.bot"),
        (CLICKED, "curl/8.5.0", "automated.tool"),
        (CLICKED, "python-requests/2.32", "automated.tool"),
        (CLICKED, FIREFOX.replace("Firefox", "HeadlessChrome"), "automated.tool"),
    ],
)
def test_a_user_agent_tells_what_it_is(kind: str, agent: str, klass: str) -> None:
    """
    A click rate that filters make up is worse than none; Gmail fetches images when the person looks.
    """
    assert class_of_agent(kind, agent) == klass


def hit(kind: str, at: float, link: int = -1, message: bytes = b"m", agent: str = FIREFOX) -> Hit:
    """A hit by somebody who says to be a browser."""
    return Hit(message, kind, NOW + at, agent, link)


def classes(*hits: Hit) -> list[str]:
    """The class that each of *hits* has in the end."""
    recent, found = Recent(), {}
    for each in hits:
        for judged in recent.judged(each):
            found[judged.kind, judged.at, judged.link] = judged.klass
    return list(found.values())


def test_several_links_within_a_second_are_a_machines_the_first_one_too() -> None:
    """
    Filters that disguise themselves as browsers follow every link of a mail.
    """
    assert classes(*[hit(CLICKED, n * 0.2, n) for n in range(4)]) == ["automated.burst"] * 4
    assert classes(hit(CLICKED, 0, 0), hit(CLICKED, 1.5, 1)) == ["human", "human"]
    assert classes(hit(CLICKED, 0, 3), hit(CLICKED, 0.3, 3)) == ["human", "human"]  # pressed twice
    assert classes(hit(CLICKED, 0, 0), hit(CLICKED, 0.2, 1, b"n")) == ["human", "human"]


def test_a_click_sooner_than_anybody_reads_is_a_machines() -> None:
    """
    A browser without a person loads the pixel and the links in one go.
    """
    assert classes(hit(OPENED, 0), hit(CLICKED, 0.4, 0)) == ["human", "automated.soon"]
    assert classes(hit(OPENED, 0), hit(CLICKED, 2.5, 0)) == ["human", "human"]


def test_what_follows_a_head_is_a_machines() -> None:
    """
    People's browsers do not ask for the headers alone.
    """
    assert classes(hit(PROBED, 0, 0), hit(CLICKED, 0.4, 0))[1:] == ["automated.probe"]


HITS = st.lists(
    st.tuples(
        st.sampled_from([OPENED, CLICKED, PROBED]),
        st.integers(0, 40),
        st.integers(0, 3),
        st.sampled_from([b"m", b"n", b"o"]),
    ),
    unique=True,  # two hits of the same moment on the same link could not be told apart here
)


@given(HITS, st.integers(1, 3))
def test_every_hit_has_a_class_and_a_correction_only_ever_finds_a_machine(
    plan: list[tuple[str, int, int, bytes]], most: int
) -> None:
    """
    The numbers of a campaign may fall by what is learned later; they must never flicker.
    """
    recent = Recent(most)
    told: dict[Hit, str] = {}
    for kind, steps, link, message in sorted(plan, key=lambda each: each[1]):
        asked = hit(kind, steps / 8, link, message)
        for judged in recent.judged(asked):
            before = Hit(judged.message, judged.kind, judged.at, judged.agent, judged.link)
            if told.get(before, "human").startswith("automated"):
                assert judged.klass.startswith("automated")
            told[before] = judged.klass
    assert all(klass.split(".")[0] in ("human", "automated") for klass in told.values())
    assert len(recent._hits) <= most + 1
