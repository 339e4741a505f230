"""`fanfare bounce classify` reads whatever mail lies in."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.bounces.verp import address_of, key_of
from app.cli.main import app
from app.settings import settings
from tests.bounces.letters import ANA, dsn, plain

HARD = dsn("550 5.1.1 user unknown", "5.1.1")
FULL = plain(f"<{ANA}>:\n552 mailbox full\n")


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    """(exit code, standard output)."""
    result = CliRunner().invoke(app, ["bounce", "classify", *arguments], input=stdin)
    return result.exit_code, result.stdout


def classes(text: str) -> list[tuple[Any, Any]]:
    """(class, action) of each entry."""
    return [(each["class"], each["action"]) for each in json.loads(text)]


def test_files_folders_maildirs_mboxes_and_stdin_are_read(tmp_path: Path) -> None:
    """All that a mail system leaves behind."""
    (tmp_path / "a.eml").write_text(HARD)
    line = "From MAILER-DAEMON Mon Nov 23 02:16:05 2026\n"
    (tmp_path / "b.mbox").write_text(f"{line}{HARD}\n{line}{FULL}")
    for name in ("cur", "new", "tmp"):
        (tmp_path / "maildir" / name).mkdir(parents=True)
        (tmp_path / "maildir" / name / "1:2,S").write_text(FULL)
    hard, full = ("hard", "suppress"), ("soft", "retry")
    assert classes(run(str(tmp_path / "a.eml"))[1]) == [hard]
    assert classes(run(str(tmp_path / "b.mbox"))[1]) == [hard, full]
    assert classes(run(str(tmp_path / "maildir"))[1]) == [full, full]
    assert classes(run("-", stdin=FULL.replace("\n", "\r\n").encode())[1]) == [full]
    code, lines = run("--lines", str(tmp_path / "a.eml"), str(tmp_path / "b.mbox"))
    assert code == 0
    assert [json.loads(each)["reason"] for each in lines.splitlines()] == ["userunknown", "userunknown", "mailboxfull"]
    (tmp_path / "empty").mkdir()
    assert json.loads(run(str(tmp_path / "empty"))[1]) == []


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is printed."""
    (tmp_path / "a.eml").write_text(HARD)
    code, text = run(str(tmp_path / "a.eml"), str(tmp_path / "no.eml"))
    assert code == 1
    assert "class" not in text


def test_an_entry_tells_our_own_message_from_a_forged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key of the installation beside it."""
    (tmp_path / "secret").write_bytes(b"s" * 32)
    monkeypatch.setenv("FANFARE_SECRET_FILE", str(tmp_path / "secret"))
    settings.cache_clear()
    try:
        for secret, known in ((b"s" * 32, "6d" * 16), (b"x" * 32, None)):
            address = address_of(key_of(secret), "b.example.com", b"m" * 16, 1)
            (entry,) = json.loads(run("-", stdin=HARD.replace("news@acme.example.org", address, 1).encode())[1])
            assert entry.get("our_message") == known
            assert entry["verp"] in address
    finally:
        settings.cache_clear()
