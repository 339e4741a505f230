"""Jars are fetched once, verified always, and shared by all clones."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.local.failure import LocalError
from app.local.jars import Jar, ensure, mirror_in, read_list


@pytest.fixture
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jar:
    """A jar that Maven has already fetched on this machine."""
    jar = Jar("org.example", "thing", "1.0", hashlib.sha256(b"bytes").hexdigest())
    cached = tmp_path / "m2" / jar.maven_path
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"bytes")
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    return jar


def test_the_list_names_every_jar_with_its_hash_and_no_host() -> None:
    """The list is what we trust; where the jars come from is this machine's business."""
    jars = read_list()
    assert len({jar.coordinate for jar in jars}) == len(jars) > 40
    assert all(len(jar.sha256) == 64 and "/" not in jar.coordinate for jar in jars)


def test_a_damaged_jar_is_replaced(jar: Jar, tmp_path: Path) -> None:
    """A full disk or a bad cable must not break every later start."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / jar.file_name).write_bytes(b"byt")
    (path,) = ensure([jar], tmp_path / "cache")
    assert path.read_bytes() == b"bytes"
    assert [each.name for each in path.parent.iterdir() if each.name != ".lock"] == [jar.file_name]


def test_two_processes_may_fetch_at_once(jar: Jar, tmp_path: Path) -> None:
    """Two clones, or tests beside a demo."""
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(ensure, [[jar]] * 4, [tmp_path / "cache"] * 4))
    assert found == [[tmp_path / "cache" / jar.file_name]] * 4


def test_a_jar_that_cannot_be_fetched_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line that a newcomer behind a proxy sees."""
    config = tmp_path / "jgo.conf"
    config.write_text("[repositories]\nclosed = http://127.0.0.1:9\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "none"))
    with pytest.raises(LocalError, match=r"org\.example:thing:1\.0 cannot be fetched .*FANFARE_KAFKA_HOME"):
        ensure([Jar("org.example", "thing", "1.0", "0" * 64)], tmp_path / "cache")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a Maven repository on this machine, which is the only one that is asked."""
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        config = tmp_path / "jgo.conf"
        config.write_text(f"[repositories]\nhere = http://127.0.0.1:{server.server_port}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
        monkeypatch.setenv("M2_REPO", str(tmp_path / "none"))
        yield folder
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the base class)
        """Say nothing."""


@pytest.mark.parametrize("genuine", [True, False])
def test_a_jar_is_fetched_and_other_bytes_than_listed_are_refused(
    repository: Path, tmp_path: Path, genuine: bool
) -> None:
    """Whoever serves the jars must not be able to change them."""
    jar = Jar("org.example", "thing", "1.0", hashlib.sha256(b"bytes").hexdigest())
    (repository / jar.maven_path).parent.mkdir(parents=True)
    (repository / jar.maven_path).write_bytes(b"bytes" if genuine else b"other")
    if genuine:
        assert ensure([jar], tmp_path / "cache") == [tmp_path / "cache" / jar.file_name]
        return
    with pytest.raises(LocalError, match="other bytes"):
        ensure([jar], tmp_path / "cache")
    assert not (tmp_path / "cache" / jar.file_name).exists()


@pytest.mark.parametrize(
    ("mirror_of", "found"), [("central", True), ("*", True), ("*,!central", False), ("other", False)]
)
def test_a_mirror_in_mavens_settings_is_used(tmp_path: Path, mirror_of: str, found: bool) -> None:
    """Companies reach the registry through a mirror, and have told Maven so."""
    path = tmp_path / "settings.xml"
    path.write_text(
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"><mirrors><mirror><mirrorOf>'
        f"{mirror_of}</mirrorOf><url>http://127.0.0.1:9/m2/</url></mirror></mirrors></settings>"
    )
    assert mirror_in(path) == ("http://127.0.0.1:9/m2" if found else None)
