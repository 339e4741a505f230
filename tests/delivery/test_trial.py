"""An experiment runs its course: the sample, the wait, the winner; paused with its campaign, decided once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands import CampaignEntry, Seal, Section, State
from app.delivery.campaigns.lifecycle import moved, sealed
from app.delivery.campaigns.trial import advanced, best, is_held_back, is_to_be_decided, sample_size, with_results
from app.specs import CampaignSpec

NOW = 1_000_000.0
SECTIONS = [Section("gmail", 10, 0.0, True), Section("other", 5, 0.0, True), Section("gmail", 40), Section("other", 45)]


def running(sections: list[Section] = SECTIONS, **experiment: object) -> CampaignEntry:
    told = {"variants": [{"name": "a", "subject": "A"}, {"name": "b", "subject": "B"}], "wait": 60.0} | experiment
    spec = CampaignSpec.model_validate({"from_email": "a@b.c", "lists": ["l"], "experiment": told})
    entry = CampaignEntry(id="c_1", account="acme", state="SEALING", spec=spec, created_at=NOW)
    seal = Seal(id="s", count=sum(each.rows for each in sections), digest="", day=1, groups=sections)
    started = sealed(entry, seal, NOW)
    assert started is not None
    return started


def waiting(**experiment: object) -> CampaignEntry:
    entry = advanced(running(**experiment), 15, NOW)
    assert entry is not None
    return entry


def test_the_sample_is_tested_then_waited_for_then_decided() -> None:
    """The rest of the audience gets what did best, after people had time to do something."""
    entry = running()
    assert sample_size(entry) == 15 and is_held_back(entry)
    assert advanced(entry, 14, NOW) is None
    entry = waiting()
    assert entry.trial is not None and (entry.trial.phase, entry.trial.decide_at) == ("waiting", NOW + 60)
    assert not is_to_be_decided(entry, NOW + 59) and is_to_be_decided(entry, NOW + 60)
    results = {"a": {"sent": 8, "clicks": 1}, "b": {"sent": 7, "clicks": 1}}
    done = with_results(entry, results, NOW + 61)
    assert done is not None and done.trial is not None
    assert (done.trial.phase, done.trial.winner, done.trial.results) == ("decided", "b", results)
    assert not is_held_back(done) and done.version == entry.version + 1 and done.revision == entry.revision + 1
    assert with_results(done, {"a": {"sent": 1, "clicks": 1}}, NOW + 62) is None


@pytest.mark.parametrize("state", ["PAUSED", "CANCELLING", "CLOSING", "CANCELLED", "COMPLETED"])
def test_an_experiment_does_not_move_on_while_its_campaign_does_not_run(state: State) -> None:
    """Pause means pause; and results that come late must not wake what was cancelled."""
    assert advanced(moved(running(), state, NOW), 15, NOW) is None
    stopped = moved(waiting(), state, NOW)
    assert not is_to_be_decided(stopped, NOW + 99)
    assert with_results(stopped, {"a": {"sent": 1, "clicks": 1}}, NOW + 99) is None


def test_an_experiment_decided_by_hand_waits_for_the_hand() -> None:
    """Nobody decides in people's stead."""
    entry = waiting(metric="by_hand")
    assert not is_to_be_decided(entry, NOW + 1e9)
    assert with_results(entry, {}, NOW + 1e9) is None


def test_a_sample_of_nobody_is_decided_at_once() -> None:
    """One percent of fifty people may be none: the campaign must not wait for what cannot come."""
    entry = advanced(running([Section("gmail", 40)]), 0, NOW)
    assert entry is not None and entry.trial is not None and entry.trial.winner == "a"


COUNTS = st.fixed_dictionaries({"sent": st.integers(0, 50), "opens": st.integers(0, 50), "clicks": st.integers(0, 50),
                                "unsubscribes": st.integers(0, 50)})  # fmt: skip


@given(st.dictionaries(st.sampled_from("abcd"), COUNTS), st.sampled_from(["opens", "clicks", "unsubscribes"]))
def test_no_variant_does_better_than_the_winner(results: dict[str, dict[str, int]], metric: str) -> None:
    """By rate, not by count; where two are as good, the first; where nothing is known, the first."""
    names = list("abcd")
    winner = best(names, results, metric)
    sign = -1 if metric == "unsubscribes" else 1
    rates = {name: sign * counts[metric] / counts["sent"] for name, counts in results.items() if counts["sent"]}
    if not rates:
        assert winner == "a"
    elif max(rates.values()) > -1:
        assert rates[winner] == max(rates.values())
        assert names.index(winner) == min(names.index(name) for name in rates if rates[name] == rates[winner])
