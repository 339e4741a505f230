"""What holds for all tests: how they are parted, where two processes run them."""

import os
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from app.local import ports

# Tests ask no DNS but the one that they bring along.
os.environ.setdefault("FANFARE_MX_LOOKUP", "off")

# An example that takes long on a machine with much to do is no mistake. The examples of a commit are always the same,
# so that it passes always or never; `make properties` looks for others, and for so many times as many.
TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))
hypothesis.settings.register_profile("fanfare", deadline=None, derandomize=TIMES == 1, print_blob=True)
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
    """Properties get their examples; beside each other, the tests that take longest begin."""
    for test in {_function_of(item) for item in items if hypothesis.is_hypothesis_test(_function_of(item))}:
        own = test._hypothesis_internal_use_settings
        test._hypothesis_internal_use_settings = hypothesis.settings(own, max_examples=own.max_examples * TIMES)
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: _place_of(_folder_of(item.nodeid)))


def _function_of(item: pytest.Item) -> Any:
    return getattr(item, "function", None)


def _folder_of(nodeid: str) -> str:
    return nodeid.removeprefix("tests/").partition("/")[0]


def _place_of(folder: str) -> int:
    return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)
