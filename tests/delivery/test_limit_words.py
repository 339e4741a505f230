"""Names of meters in words, for statuses, forecasts and explanations alike."""

import pytest

from app.commands import CampaignEntry
from app.delivery.limits.words import in_words, rate_of, rate_words, words
from app.routes import LimitSet
from app.specs import CampaignSpec, Throttle


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("group|gmail", "limit of mailbox provider gmail"),
        ("account|acme", "limit of account acme"),
        ("pool|main|gmail", "limit of pool main towards gmail"),
        ("day|pool|main|gmail", "daily cap of pool main towards gmail"),
        ("hour|route|a", "hourly cap of route a"),
        ("warm-up|pool|new|outlook", "warm-up of pool new towards outlook"),
        ("on the way|route|a", "number on the way, limit of route a"),
        ("sender|+15005550006", "limit of sender +15005550006"),
        ("24 h|route|wa", "cap of any 24 hours of route wa"),
        (
            "too long|24 h|route|wa",
            "cap of any 24 hours of route wa, which is less than the parts of one of these messages",
        ),
        ("on the way|campaign|c_1", "number on the way, campaign's own limit"),
        ("campaign|c_1|", "campaign's own limit"),
        ("campaign|c_1|gmail", "campaign's own limit to gmail"),
        ("campaign|c_1|route|a", "campaign's own limit over route a"),
        ("state|c_1", "campaign, which does not run"),
        ("no route|c_1", "route that takes it: there is none just now"),
        ("health|a", "route a, which takes nothing or little just now"),
        ("shaped|main|gmail", "pool main, held back towards gmail for how it was answered there"),
        ("something new", "something new"),
        ("", ""),
    ],
)
def test_a_name_is_told_in_words(name: str, said: str) -> None:
    """People do not read bars and keys; what nobody foresaw is told as it is."""
    assert words(name) == said


def test_names_inside_a_reason_are_told_in_words_with_their_rates() -> None:
    """What decided is stored with the names: whoever reads it gets words."""
    text = in_words("route a: cheaper; paid by group|gmail, day|pool|main|gmail", {"group|gmail": 80.0}.get)
    assert text == (
        "route a: cheaper; paid by limit of mailbox provider gmail (80/s), daily cap of pool main towards gmail"
    )


def test_the_rate_in_force_is_that_of_the_nearest_limit() -> None:
    """A limit of its own goes before the one of everybody else."""
    limits = [
        LimitSet(scope="group", name="*", rate=50),
        LimitSet(scope="group", name="gmail", rate=4_800, per="minute"),
        LimitSet(scope="pool", name="main", group="*", rate=5),
    ]
    throttle = Throttle(rate=9, per_group={"*": 3}, per_route={"a": 2})
    spec = CampaignSpec(from_email="news@acme.example", lists=["all"], throttle=throttle)
    entry = CampaignEntry(id="c_1", account="acme", state="RUNNING", spec=spec, created_at=1.0)
    found = {
        name: rate_of(name, limits, entry)
        for name in (
            "group|gmail", "group|web.de", "group|other", "pool|main|gmail", "pool|main", "campaign|c_1|",
            "campaign|c_1|gmail", "campaign|c_1|route|a", "campaign|c_2|", "state|c_1", "day|pool|main|gmail",
        )
    }  # fmt: skip
    assert list(found.values()) == [80, 50, None, 5, None, 9, 3, 2, None, None, None]
    assert words("group|gmail", found.get).endswith("(4,800/min)"), "as it was set"
    assert [rate_words(each) for each in (80, 0.5, 1 / 120, 2 / 86_400)] == ["80/s", "30/min", "30/h", "2/day"]


def test_a_sender_that_was_slowed_down_is_told_in_a_sentence() -> None:
    """As a limit is: people know no meters."""
    assert in_words("a: 1st of 1; held 13.7 s by shaped|main|gmail") == (
        "a: 1st of 1; held 13.7 s by pool main, held back towards gmail for how it was answered there"
    )
