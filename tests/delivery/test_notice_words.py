"""What a notice is about, for people."""

import pytest

from app.delivery.campaigns.notices import about, limit_notice
from app.routes import LimitSet


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (LimitSet(scope="account", name="acme", daily=5), "account acme"),
        (LimitSet(scope="sender", name="+15005550006", rate=1), "sender +15005550006"),
        (LimitSet(scope="pool", name="warm", group="gmail"), "pool warm towards gmail"),
        (LimitSet(scope="route", name="sms", daily=5), "route sms"),
    ],
)
def test_a_notice_of_a_limit_tells_whose(limit: LimitSet, words: str) -> None:
    """Limits of accounts and senders belong to no route and no pool."""
    assert about(limit_notice(limit, "", 1.0)) == words
