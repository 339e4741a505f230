"""Tokens on disk: what a kill leaves is read again, and it never grows beyond twice of what is remembered."""

import resource
import signal
from pathlib import Path

from app.delivery.reports.hook_tokens import Tokens
from app.transport.token_file import TokenFile


def item(number: int) -> tuple[bytes, bytes]:
    return b"%016d" % number, b"%08d" % number


def test_what_was_kept_is_there_again_and_the_oldest_go(tmp_path: Path) -> None:
    path = tmp_path / "hooks" / "tokens"
    for start in range(0, 25, 5):  # a restart after each five
        file = TokenFile(path, most=10)
        assert list(file.read())[-10:] == [item(number) for number in range(start)][-10:]
        for number in range(start, start + 5):
            file.add(*item(number))
        file.close()
    kept = list(TokenFile(path, most=10).read())
    assert kept[-10:] == [item(number) for number in range(15, 25)] and len(kept) <= 20


def test_what_a_kill_cut_off_is_left_out_and_what_comes_then_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    file = TokenFile(path)
    file.add(*item(1))
    file.close()
    path.write_bytes(path.read_bytes() + b"half of one")
    file = TokenFile(path)
    assert list(file.read()) == [item(1)]
    file.add(*item(2))
    file.close()
    assert list(TokenFile(path).read()) == [item(1), item(2)]


def test_what_a_full_disk_cut_off_shifts_nothing_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    file = TokenFile(path)
    file.add(*item(1))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30, limit[1]))
        file.add(*item(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    file.add(*item(3))
    file.close()
    assert list(TokenFile(path).read()) == [item(1), item(3)]


def test_a_disk_that_fails_costs_no_webhook(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("no folder")
    file = TokenFile(tmp_path / "hooks" / "tokens")
    assert list(file.read()) == []
    file.add(*item(1))
    file.close()


def test_tokens_that_were_read_count_as_if_they_had_just_come(tmp_path: Path) -> None:
    tokens, file = Tokens(), TokenFile(tmp_path / "tokens")
    new = tokens.note("mg", "t", b"body")
    assert new is not None and tokens.note("mg", "t", b"body") is None
    file.add(*new)
    file.close()
    again = Tokens()
    again.remember(TokenFile(tmp_path / "tokens").read())
    assert again.is_reused("mg", "t", b"forged") and not again.is_reused("mg", "t", b"body")
    assert not again.is_reused("other", "t", b"forged")
