"""What goes wrong says what to do about it."""

import pytest

from app.cli import local, simulators
from app.cli.failures import CommandError, Exit, failure_of
from app.clickhouse.client import ClickHouseError
from app.control.errors import NoAnswerError
from app.delivery.domains.checks import NAMES_NOBODY, Wanted, findings
from app.delivery.domains.facts import DomainFacts, Spf


def test_a_stranger_at_the_port_of_clickhouse_is_told_with_what_to_do() -> None:
    """Its answer alone, in whatever form, leads nowhere; a page of it hides the rest."""
    failure = failure_of(ClickHouseError(404, '{"error": "no such thing"}' + "x" * 5_000))
    assert failure is not None and "FANFARE_CLICKHOUSE" in failure.advice
    assert len(failure.message) < 600


def test_routes_that_are_not_made_in_time_are_made_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """`up` takes no --key: what the command was told about it does not help here."""

    def late() -> None:
        raise NoAnswerError("no answer within 20 s", "give the same --key again")

    monkeypatch.setattr(simulators, "set_routes", late)
    with pytest.raises(CommandError) as failed:
        local._simulated()
    assert "fanfare simulators routes" in failed.value.advice and "--key" not in failed.value.advice
    assert failed.value.code is Exit.NOT_REACHABLE


def test_an_spf_record_that_names_nobody_is_not_advised_without_a_word() -> None:
    """Published as it is, it would have all mail of the domain fail."""
    facts = DomainFacts("acme.example", spf=Spf("acme.example"))
    advised = [each.change for each in findings(facts, Wanted()) if each.part == "spf"]
    assert any(NAMES_NOBODY in change for change in advised)
    named = [each.change for each in findings(facts, Wanted(["192.0.2.1"])) if each.part == "spf"]
    assert named and not any(NAMES_NOBODY in change for change in named)
