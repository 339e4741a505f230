"""What holds for all tests: how they are parted, where two processes run them."""

import os

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from app.local import ports

# Tests ask no DNS but the one that they bring along.
os.environ.setdefault("FANFARE_MX_LOOKUP", "off")

# An example that takes long on a machine with much to do is no mistake.
hypothesis.settings.register_profile("fanfare", deadline=None)
hypothesis.settings.load_profile("fanfare")

# Folders whose tests share a broker or an installation stay in one process; elsewhere the tests of a file do.
TOGETHER = ("road", "resources", "integration", "agents", "web", "clickhouse", "local")
LONGEST = ("chaos", "integration", "road", "agents", "resources", "benchmarks", "web", "house", "clickhouse", "local")

# Two processes must not take the same port for a server that is yet to start.
_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_FIRST, _LAST = ports.UNCLAIMED
_EACH = (_LAST - _FIRST) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
ports.UNCLAIMED = (_FIRST + _NUMBER * _EACH, _FIRST + (_NUMBER + 1) * _EACH)


class ByFolder(LoadScopeScheduling):
    """Gives a process all tests that share something."""

    def _split_scope(self, nodeid: str) -> str:
        folder = _folder_of(nodeid)
        return folder if folder in TOGETHER else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFolder:
    """How tests are parted."""
    return ByFolder(config, log)  # type: ignore[arg-type]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Beside each other, those that take longest begin."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: _place_of(_folder_of(item.nodeid)))


def _folder_of(nodeid: str) -> str:
    return nodeid.removeprefix("tests/").partition("/")[0]


def _place_of(folder: str) -> int:
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)
