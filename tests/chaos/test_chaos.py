"""A short profile of `make chaos`: everything is killed in turn, and nobody is lost or mailed twice."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import scaling, scenarios, singles
from tests.chaos.age import age
from tests.chaos.control import controlled
from tests.chaos.experiment import experimented
from tests.chaos.limited import limited
from tests.chaos.provider_outage import outage
from tests.chaos.providers import simulated
from tests.chaos.reported import reported
from tests.chaos.stage import Stage
from tests.chaos.steps import OF_REPORTS, steps, steps_of_mail
from tests.chaos.verdict import Run

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

PEOPLE, FEW, KILLS = 5_000, 1_000, 10
SESSION = (
    6.0  # seconds until a group misses who was killed, the least that a broker allows: `make chaos` has the default
)


# Of the steps of reports; `make chaos` has them all. The recipients plane dies once after the other.
QUICK = OF_REPORTS - {
    "lookups.kept",
    "refs.learned",
    "refs.waiting",
    "settle.ids_told",
    "settle.suppressed",
    "suppress.written",
}


def say(text: str) -> None:
    """For `pytest -s`, and for the report of a failure."""
    print(time.strftime("%H:%M:%S"), text)


def on_stage(folder: Path, **settings: Any) -> Iterator[Stage]:
    """A running installation in *folder*."""
    stage = Stage(folder, **({"session_timeout": SESSION} | settings))
    with stage.running():
        yield stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One installation for all that can share one."""
    yield from on_stage(tmp_path_factory.mktemp("chaos"))


def well(run: Run) -> None:
    """No invariant broke."""
    print(run)
    assert run.clean, run
    assert run.faults


@pytest.mark.parametrize("policy", ["hold", "resend"])
def test_ten_kills_lose_nobody(stage: Stage, policy: str) -> None:
    """The promise: one message each, or a person listed as unknown; with "resend" only what was on the wire twice."""
    well(scenarios.random_kills(stage, say, PEOPLE, policy, KILLS, random.Random(policy)))


def test_orders_given_while_processes_die_are_carried_out_once(stage: Stage) -> None:
    """Scheduled, paused, resumed, cancelled: each with a kill beside it. What is answered has happened, and once."""
    for run in controlled(stage, say, FEW, random.Random("orders")):
        well(run)


def test_an_experiment_is_tested_and_decided_once_while_processes_die(stage: Stage) -> None:
    """Everybody gets one letter: the variant that was drawn, or the winner; who is held out gets none."""
    well(experimented(stage, say, FEW, random.Random("trial")))


def test_single_messages_that_programs_repeat_are_sent_once(stage: Stage) -> None:
    """A key is one message, whatever dies between the request and its answer; what was promised is kept."""
    well(singles.repeated(stage, say, FEW, random.Random("singles")))


def test_a_stream_of_single_messages_and_a_campaign_do_not_harm_each_other(stage: Stage) -> None:
    """Both lanes share workers, tables and credit: a kill hits both."""
    for run in singles.beside(stage, say, FEW, random.Random("stream")):
        well(run)


def test_a_broker_that_dies_is_waited_for(stage: Stage) -> None:
    """Kafka is the truth: everything goes on where it was."""
    well(scenarios.broker_killed(stage, say, FEW))


def test_a_sender_that_stays_away_leaves_only_the_wire_in_doubt(stage: Stage) -> None:
    """Whose mail was never begun gets it from the one that takes over."""
    well(scenarios.taken_over(stage, say, FEW))


def test_sending_goes_on_without_clickhouse(stage: Stage) -> None:
    """The record is not on the road: events wait in Kafka, and the counts agree in the end."""
    well(scenarios.clickhouse_away(stage, say, FEW))


def test_an_installation_that_was_off_for_ten_days_goes_on(stage: Stage) -> None:
    """Stopped in good order, then killed with everything, in the middle: nothing on the road expires."""
    well(scenarios.stopped(stage, say, FEW))


def test_a_death_after_any_step_loses_nobody(tmp_path: Path) -> None:
    """Between each pair of writes and produces: the places where a half-done step could show."""
    for stage in on_stage(tmp_path, crash_after=",".join(steps_of_mail())):
        for run in scenarios.aimed_kills(stage, say, FEW):
            well(run)


def test_a_death_after_any_step_of_a_report_changes_no_book(tmp_path: Path) -> None:
    """What providers and people tell reaches each message, also over a channel more; who is to be left alone is."""
    for stage in on_stage(tmp_path, **simulated(), crash_after=",".join(QUICK)):
        for run in reported(stage, say, 24, QUICK):
            well(run)


def test_what_kills_a_sender_is_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A template that kills costs its campaign, a person's data that kill cost that person."""
    for stage in on_stage(tmp_path, poison=scenarios.POISON):
        template, beside = scenarios.poison_template(stage, say, FEW)
        well(template)
        assert beside.clean, beside
        well(scenarios.poison_person(stage, say, FEW))


def test_workers_come_and_go_while_a_campaign_runs(tmp_path: Path) -> None:
    """An autoscaler adds them and takes them away: nobody is lost in a rebalance, and nobody is mailed twice."""
    for stage in on_stage(tmp_path, **scaling.SETTINGS):
        well(scaling.scaled(stage, say, FEW))


def test_limits_and_caps_are_kept_on_the_wire(stage: Stage) -> None:
    """Rates of an account and of a mailbox provider, a cap of the hour: killed, taken over, edited."""
    well(limited(stage, say, FEW, 4, random.Random("limits")))


def test_a_provider_that_refuses_everything_costs_nobody(tmp_path: Path) -> None:
    """The breaker opens, the fallback carries on, and the primary gets its traffic back."""
    for stage in on_stage(tmp_path):
        well(outage(stage, say, FEW, "turns away"))


def test_every_step_is_found_in_the_source() -> None:
    """A step that is added and not aimed at would be a hole that nobody sees."""
    assert {"gate.written", "release.written", "send.intended", "send.concluded", "settle.written"} <= set(steps())


def test_aged_logs_are_older_and_whole(tmp_path: Path) -> None:
    """If the checksums were wrong, Kafka would cut the log there: a test of nothing."""
    from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for offset in range(3):
        builder.append(offset, 1_000_000_000_000 + offset, b"key", b"value", [])
    folder = tmp_path / "topic-0"
    folder.mkdir()
    (folder / "00000000000000000000.log").write_bytes(bytes(builder.build()) * 2)
    (folder / "00000000000000000000.timeindex").write_bytes(b"old")
    assert age(tmp_path, 10.0) == 2
    raw = (folder / "00000000000000000000.log").read_bytes()
    batch = DefaultRecordBatch(bytearray(raw[: len(raw) // 2]))
    assert batch.validate_crc()
    assert [record.timestamp for record in batch] == [1_000_000_000_000 - 864_000_000 + n for n in range(3)]
    assert not list(folder.glob("*index"))
