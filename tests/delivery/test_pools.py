"""Number pools that could not send are refused, and whoever changes one is told what it is now."""

import pytest

from app.commands import Command
from app.delivery.campaigns.things import Decision, Owned, Refusal, decide
from app.delivery.people.pools import notes_on_pools, wrong_pools
from app.things import Account, NumberPool

US = NumberPool(name="us", senders=["+15005550006", "+15005550007"])


@pytest.mark.parametrize(
    ("senders", "words"),
    [
        (["+1500"], "neither a number"),
        (["+1500555000"], "no phone number"),
        (["15005550006"], "neither a number"),
        (["+99912345678"], "no phone number"),
        (["+15005550006", "abc"], "a name"),
        ([" abc"], "no sender id"),
    ],
)
def test_a_pool_from_which_nothing_can_come_is_refused(senders: list[str], words: str) -> None:
    """Messages would leave, and be refused one by one."""
    wrong = wrong_pools([NumberPool(name="us", senders=senders)], [US])
    assert wrong is not None and wrong[0] == "number_pools.0.senders" and words in wrong[1]


def test_a_name_is_no_sender_where_none_is_allowed() -> None:
    """It may well be one in the next country."""
    german = US.model_copy(update={"countries": {"DE": ["ACME"]}})
    assert wrong_pools([german, NumberPool(name="names", senders=["ACME", "Acme 2"])], []) is None
    wrong = wrong_pools([US.model_copy(update={"countries": {"CA": ["ACME"]}})], [])
    assert wrong is not None and wrong[0] == "number_pools.0.countries.CA"
    assert wrong_pools([NumberPool(name="codes", senders=["12345", "+447700900123"])], []) is None


def test_the_answer_says_what_a_pool_is_now() -> None:
    """A pool that is given takes the place of the one that was there."""
    old = Account(name="acme", number_pools=[US, NumberPool(name="old", senders=["+1500"])])
    asked = {"name": "acme", "number_pools": [{"name": "us", "senders": ["12345"]}, old.number_pools[1].model_dump()]}
    command = Command.model_validate({"id": "x", "account": "acme", "kind": "account.set", "settings": asked})
    done = decide(Owned(account=old), command, 1.0)
    assert isinstance(done, Decision)
    assert done.notes == ["the number pool 'us' is 12345; it was +15005550006, +15005550007"]
    assert notes_on_pools([], [US]) == ["there is no number pool 'us' any more"]
    asked["number_pools"][0]["senders"] = ["+1500", "abc"]
    command = Command.model_validate({"id": "x", "account": "acme", "kind": "account.set", "settings": asked})
    refused = decide(Owned(account=old), command, 1.0)
    assert isinstance(refused, Refusal) and refused.field == "settings.number_pools.0.senders"
