"""The campaigns that edges make for single messages: the same for all of them, and not for ever."""

from hypothesis import given
from hypothesis import strategies as st

from app import ids
from app.control.message_campaigns import LAST_TRIES, WEEK, Origin, command_of
from app.specs import Tracking

ORIGIN = Origin("", "login@acme.example", "Acme", "", Tracking(opens=False, clicks=False), "", None, "", "", "")
moments = st.floats(1_700_000_000, 2_000_000_000)


def campaign_at(now: float, origin: Origin = ORIGIN) -> str:
    """The id of the campaign for *origin*."""
    return ids.thing_id("c", "acme", command_of("acme", origin, now).id)


@given(moments, moments)
def test_edges_agree_on_a_campaign_within_a_week_and_make_another_one_after_it(one: float, other: float) -> None:
    """Two edges that disagree would make two; one that never ended would stay in the memory of every process."""
    same_week = one // WEEK == other // WEEK
    assert (campaign_at(one) == campaign_at(other)) == same_week
    assert campaign_at(one) != campaign_at(one, ORIGIN._replace(from_email="other@acme.example"))


@given(moments)
def test_a_campaign_ends_when_the_last_retry_of_its_week_is_over(now: float) -> None:
    """A message that is taken in the last second of the week is tried for as long as any other."""
    spec = command_of("acme", ORIGIN, now).spec
    assert spec is not None
    assert spec.expires_at is not None
    assert LAST_TRIES <= spec.expires_at - now <= WEEK + LAST_TRIES
