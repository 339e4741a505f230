"""The commands as a person types them."""

import contextlib
import io
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from app.cli import console
from app.cli.main import app
from app.local.ports import free_ports
from app.settings import settings

NOBODY = f"127.0.0.1:{free_ports()}"  # a port that nobody is given
COMMANDS = (
    "up", "down", "demo", "status", "contacts import", "campaign create", "campaign update",
    "campaign clone", "campaign unschedule", "campaign approve", "campaign decide", "campaign throttle",
    "segments create", "segments update", "segments delete", "templates create", "templates update",
    "templates delete", "keys create", "keys list", "keys revoke", "limits set", "limits list",
    "limits show", "limits remove", "limits apply", "mx",
    "account show", "account set", "contacts show", "contacts upsert", "lists list", "lists show", "lists create",
    "lists add", "lists remove", "segments list", "segments show", "segments count", "segments sample",
    "templates list", "templates show", "templates preview", "templates lint", "templates test",
    "suppressions check", "suppressions list", "messages send", "inbound list",
    "suppressions add", "suppressions remove", "campaign start", "campaign pause",
    "campaign unknown", "campaign resolve", "campaign retry",
    "campaign resume", "campaign cancel", "campaign status", "campaign list", "campaign audience", "campaign watch",
    "messages list", "topics apply", "migrate",
    "worker recipients", "worker senders", "worker pacing", "worker intake", "edge", "record", "deadletters list",
    "deadletters kept", "deadletters replay", "bench",
)  # fmt: skip
IN_FOREGROUND = ("worker", "edge", "record")


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation that is not there."""
    monkeypatch.setenv("FANFARE_KAFKA", NOBODY)
    monkeypatch.setenv("FANFARE_CLICKHOUSE", f"http://{NOBODY}")
    monkeypatch.setenv("FANFARE_STATE_DIR", str(tmp_path / "var"))
    settings.cache_clear()


def run(*words: str) -> Result:
    """What `fanfare` answers to *words*."""
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    """
    Help without an example sends people to a search engine.
    """
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    if command.split()[0] != "worker":
        assert f"fanfare {command.split()[0]}" in result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.split()[0] not in IN_FOREGROUND])
def test_every_command_speaks_json(command: str) -> None:
    """
    Scripts must not parse tables.
    """
    assert "--json" in run(*command.split(), "--help").output


def test_help_is_there_at_once() -> None:
    """
    A command that takes a second to say what it can do feels broken: heavy imports wait until they are needed.
    """
    code = "import sys, app.cli.main; print([m for m in ('faust', 'aiokafka', 'chdb', 'pydantic') if m in sys.modules])"
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime  # of the processor: others may be at work, too
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - used < 5


def test_without_kafka_a_command_says_so_and_what_to_do() -> None:
    """
    The first thing that goes wrong for a newcomer.
    """
    result = run("campaign", "pause", "cmp_a")
    assert result.exit_code == 3
    assert NOBODY in result.stderr
    assert "fanfare up" in result.stderr


def test_an_error_as_json_is_json() -> None:
    """
    A script that asked for JSON gets JSON, in failure too.
    """
    result = run("campaign", "status", "--json")
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert (told["exit_code"], "fanfare up" in told["advice"]) == (3, True)


def test_the_status_of_nothing_is_not_reachable() -> None:
    """
    Monitoring asks by exit code.
    """
    result = run("status")
    assert result.exit_code == 3
    assert "fanfare up" in result.stderr


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """
    A typo in a path must not look like trouble with the data.
    """
    result = run("contacts", "import", str(tmp_path / "none.csv"), "--list", "x")
    assert result.exit_code == 2
    assert "none.csv" in result.stderr


def test_a_broken_campaign_file_is_told_with_line_and_column(tmp_path: Path) -> None:
    """
    JSON is written by hand here.
    """
    file = tmp_path / "c.json"
    file.write_text('{"spec": {},\n "content": }')
    result = run("campaign", "create", str(file))
    assert result.exit_code == 2
    assert "line 2, column 13" in result.stderr


def test_a_wrong_field_of_a_campaign_is_named(tmp_path: Path) -> None:
    """
    A misspelt limit that is ignored sends a campaign without a limit.
    """
    file = tmp_path / "c.json"
    spec = {"from_email": "a@example.com", "lists": ["x"], "trottle": {}}
    file.write_text(json.dumps({"spec": spec, "content": {"subject": "s", "text": "t"}}))
    result = run("campaign", "create", str(file))
    assert result.exit_code == 2
    assert "trottle" in result.stderr


def test_templates_may_lie_in_their_own_files(tmp_path: Path) -> None:
    """
    Nobody writes html inside a JSON string.
    """
    from app.cli.campaign_file import read_campaign_file

    (tmp_path / "mail.html").write_text("<p>Hello {{ first_name }}</p>")
    file = tmp_path / "c.json"
    content = {"subject": "s", "html": {"file": "mail.html"}}
    file.write_text(json.dumps({"spec": {"from_email": "a@example.com", "lists": ["x"]}, "content": content}))
    assert read_campaign_file(file).content.html == "<p>Hello {{ first_name }}</p>"


def test_an_unknown_status_lists_the_known_ones() -> None:
    """
    Nobody remembers all eight words.
    """
    result = run("messages", "cmp_a", "--status", "LOST")
    assert result.exit_code == 2
    assert "BOUNCED" in result.stderr


def test_a_bug_keeps_its_traceback() -> None:
    """
    Only foreseen trouble is made pretty: a bug must be findable.
    """
    from app.cli.main import Commands

    broken = typer.Typer(cls=Commands)

    @broken.command("crash")
    def crash() -> None:
        raise ZeroDivisionError("a bug")

    @broken.command("other")
    def other() -> None:
        """Makes it a group."""

    result = CliRunner().invoke(broken, ["crash"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_it_runs_as_a_module() -> None:
    """
    Process supervisors start `python -m app.cli.main`.
    """
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "--help"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=True,
    )
    assert "fanfare" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("keys", "create", "--scope", "read", "--expires", "soon"), "90d"),
        (("keys", "create", "--scope", "everything"), "scopes"),
        (("account", "set", "acme", "--quiet", "at night"), "21:00-08:00"),
        (("account", "set", "acme"), "--running 20"),
        (("account", "set", "acme", "--cap", "two a day"), "2/24h, or 5/7d:email, or none"),
        (("limits", "set", "planet", "earth", "--rate", "1"), "account, provider, pool, route, group"),
        (("limits", "set", "group", "gmail"), "limits remove"),
        (("limits", "set", "group", "gmail", "--rate", "fast"), "5000/hour"),
        (("limits", "set", "group", "gmail", "--rate", "5/day", "--zone", "Mars/Base"), "Europe/Lisbon"),
        (("limits", "set", "pool", "a", "--warm-up", "50..5", "--begins", "2027-03-01"), "not below it"),
        (("limits", "set", "pool", "a", "--warm-up", "50,x", "--begins", "2027-03-01"), "50..20000x2"),
        (("limits", "set", "pool", "a", "--warm-up", "50", "--begins", "soon"), "2027-03-01"),
        (("limits", "set", "pool", "a", "--rate", "5", "--begins", "2027-03-01"), "--warm-up"),
        (("limits", "apply", "nothing.json"), "check the path"),
        (("suppressions", "add", "a@example.com", "--scope", "planet"), "account, list, campaign"),
        (("suppressions", "add", "a@example.com", "--scope", "list"), "--of"),
        (("suppressions", "add", "a@example.com", "--until", "2027-03-01T09:00"), "2027-03-01T09:00Z"),
        (("suppressions", "remove"), "--file"),
        (("campaign", "throttle", "c_1", "--per-group", "gmail"), "gmail=20"),
        (("inbound", "list", "--wish", "stop"), "unsubscribed, resubscribed, help"),
        (("account", "set", "acme", "--help-text", "call us"), "en=Acme: call us"),
        (("up", "--simulate", "foo"), "there is no simulator 'foo'"),
    ],
)
def test_a_wrong_option_is_a_usage_error_that_shows_a_right_one(words: tuple[str, ...], told: str) -> None:
    """
    Nobody reads the manual for a span of time.
    """
    result = run(*words)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize("noun", ["segments", "templates"])
def test_a_thing_needs_a_name(noun: str, tmp_path: Path) -> None:
    """
    A list of nameless segments is of no use to the next person.
    """
    file = tmp_path / "thing.json"
    file.write_text(json.dumps({"subject": "s", "text": "t"}))
    result = run(noun, "create", str(file))
    assert result.exit_code == 2
    assert "--name" in result.stderr


def test_a_translation_may_lie_in_its_own_file(tmp_path: Path) -> None:
    """
    Translators send files.
    """
    from app.cli.template_file import template_in

    (tmp_path / "pt.html").write_text("<p>Olá</p>")
    file = tmp_path / "t.json"
    content = {"subject": "s", "html": "<p>Hi</p>", "locales": {"pt": {"html": {"file": "pt.html"}}}}
    file.write_text(json.dumps({"name": "Welcome", "content": content}))
    assert template_in(file).content.locales["pt"].html == "<p>Olá</p>"


def test_a_segment_is_a_filter_with_a_name(tmp_path: Path) -> None:
    """
    The filter of a REST call can be saved as it is.
    """
    from app.cli.segments import draft_in

    file = tmp_path / "s.json"
    file.write_text('{"attribute": "city", "op": "eq", "value": "Lisbon"}')
    assert draft_in(file, "Lisbon").filter.value == "Lisbon"  # type: ignore[union-attr]
    file.write_text('{"name": "Other", "filter": {"list": "vip"}}')
    assert draft_in(file, "Lisbon").name == "Lisbon"
    assert draft_in(file).name == "Other"


def test_a_campaign_file_may_be_as_for_rest(tmp_path: Path) -> None:
    """
    What was tried with curl works from the terminal as it is.
    """
    from app.cli.campaign_file import read_campaign_file, read_changes

    (tmp_path / "mail.html").write_text("<p>Hi</p>")
    file = tmp_path / "c.json"
    flat = {"from": "a@example.com", "recipient_list_id": "x", "subject": "s", "html": {"file": "mail.html"}}
    file.write_text(json.dumps(flat | {"throttle": {"global_rps": 5}}))
    asked = read_campaign_file(file)
    assert (asked.spec.lists, asked.spec.throttle.rate, asked.start) == (["x"], 5, False)
    assert asked.content is not None and asked.content.html == "<p>Hi</p>"
    file.write_text('{"throttle": {"global_rps": 7}, "name": "Spring"}')
    changed, content = read_changes(file, asked.spec)
    assert (changed.name, changed.throttle.rate, changed.lists, content) == ("Spring", 7, ["x"], None)


def test_ids_and_times_are_never_divided_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """People copy an id from the screen, and programs cut it out of a pipe: half of it is of no use."""
    monkeypatch.setattr(console, "WIDE", 80)
    ident, at, long = "c_6d32f9a01c8e4b7795d1c0aa", "2030-05-01T12:00:00Z", "A letter of many words " * 9
    rows = [(ident, long, "SCHEDULED", at, at)]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        console.table("Campaigns", ("campaign", "name", "state", "made", "due"), rows)
    shown = out.getvalue()
    assert ident in shown and shown.count(at) == 2 and "…" not in shown
    assert "".join(shown.split()).count("letter") == 9, "the others are folded"


def test_a_wrong_filter_and_a_wrong_key_point_to_what_explains_them(tmp_path: Path) -> None:
    """Three hundred lines about Kafka do not help who mistypes a filter."""
    file = tmp_path / "segment.json"
    file.write_text('{"name": "Lisbon", "filter": {"atribute": "city"}}')
    assert "docs/audiences.md" in run("segments", "create", str(file), "--json").stdout
    assert "keys create --help" in run("keys", "create", "--scope", "everything", "--json").stdout
