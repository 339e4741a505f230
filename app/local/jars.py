"""Fetches the jars of the embedded Kafka: by coordinate, verified by SHA-256, kept in one cache for all clones."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from app.local.failure import LocalError

JARS_LIST = Path(__file__).resolve().parents[2] / "deploy" / "kafka-jars.txt"
FETCHES = 8  # at once
FETCH_TIMEOUT = 60  # seconds without an answer

ADVICE = (
    "check the network, or the Maven mirror in ~/.m2/settings.xml; "
    "or set FANFARE_KAFKA_HOME to an unpacked Kafka 4 that is already on this machine"
)

Progress = Callable[[int, int], None]  # jars here, jars in all


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: where Maven knows it, and what its bytes must hash to."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        """As Maven writes it."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """As Maven names the file."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def maven_path(self) -> Path:
        """Where the file lies under a Maven repository."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)


def read_list(path: Path = JARS_LIST) -> list[Jar]:
    """The jars listed in *path*: `group:artifact:version sha256` a line, # starts a comment."""
    jars = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def cache_dir() -> Path:
    """The folder of this user that all clones share."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "fanfare" / "kafka"


def ensure(jars: list[Jar], folder: Path, progress: Progress | None = None) -> list[Path]:
    """The files of *jars* in *folder*, each verified; what is missing or damaged is fetched first.

    Two processes may do so at once: one fetches, the other waits and finds the files. A file
    appears under its name only after its hash was checked, so a crash leaves nothing half-done.
    Raises LocalError when a jar cannot be fetched, or has other bytes than the list says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if _missing(jars, folder):
        with _locked(folder / ".lock"):
            _fetch_all(_missing(jars, folder), folder, len(jars), progress)
    return [folder / jar.file_name for jar in jars]


def _missing(jars: list[Jar], folder: Path) -> list[Jar]:
    return [jar for jar in jars if _hash_of(folder / jar.file_name) != jar.sha256]


def _hash_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_all(missing: list[Jar], folder: Path, total: int, progress: Progress | None) -> None:
    if not missing:
        return
    # The pool ends before its folder does.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as staging, ThreadPoolExecutor(FETCHES) as pool:
        fetches = [pool.submit(_fetch, jar, Path(staging), folder) for jar in missing]
        try:
            for done, fetch in enumerate(as_completed(fetches), start=total - len(missing) + 1):
                fetch.result()
                if progress:
                    progress(done, total)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch(jar: Jar, staging: Path, folder: Path) -> None:
    fetched = _from_maven_cache(jar, staging) or _from_repository(jar, staging)
    if _hash_of(fetched) != jar.sha256:
        raise LocalError(
            f"{jar.coordinate} has other bytes than deploy/kafka-jars.txt says", "its source is not to be trusted"
        )
    fetched.replace(folder / jar.file_name)


def _from_maven_cache(jar: Jar, staging: Path) -> Path | None:
    """A copy of what Maven has already fetched on this machine, if it has the right bytes."""
    there = Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository") / jar.maven_path
    if _hash_of(there) != jar.sha256:
        return None
    return Path(shutil.copy(there, staging / jar.file_name))


def _from_repository(jar: Jar, staging: Path) -> Path:
    # Imported here: a start with all jars in the cache does not need an HTTP client.
    from jgo.maven import MavenContext
    from requests import RequestException

    context = MavenContext(repo_cache=staging / "m2", remote_repos=_repositories(), timeout=FETCH_TIMEOUT)
    try:
        return context.create_dependency(jar.coordinate).artifact.resolve()
    except (RequestException, RuntimeError, OSError) as error:
        raise LocalError(f"Kafka's jar {jar.coordinate} cannot be fetched ({type(error).__name__})", ADVICE) from error


def _repositories() -> dict[str, str] | None:
    """Repositories this machine is set up to use; None lets jgo use Maven's default.

    jgo's own configuration comes first, then the mirrors in Maven's settings (user's, then the machine's).
    """
    from jgo.config import GlobalSettings

    configured = GlobalSettings.load().repositories
    if configured:
        return dict(configured)
    for path in (Path.home() / ".m2" / "settings.xml", Path("/etc/maven/settings.xml")):
        mirror = mirror_in(path)
        if mirror:
            return {"central": mirror}
    return None


def mirror_in(path: Path) -> str | None:
    """The address that Maven's settings file *path* gives for the central repository, if any."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    for mirror in root.iter():
        if mirror.tag.rpartition("}")[2] == "mirror":
            fields = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in mirror}
            if _covers_central(fields.get("mirrorOf", "")):
                return fields.get("url", "").rstrip("/") or None
    return None


def _covers_central(mirror_of: str) -> bool:
    names = {name.strip() for name in mirror_of.split(",")}
    return "!central" not in names and bool(names & {"*", "external:*", "central"})
