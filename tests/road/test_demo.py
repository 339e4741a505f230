"""The demo is the first thing that anybody runs."""

import json
import os
import subprocess
import sys

import pytest

from tests.road.conftest import Installation

pytestmark = pytest.mark.integration


def test_the_demo_accounts_for_everybody(installation: Installation) -> None:
    """
    Its figures are read by scripts, and its promise is that nobody is missing.
    """
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "demo", "--n", "1000", "--no-start", "--json"],
        env=os.environ | installation.settings.environment(),
        capture_output=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    figures = json.loads(done.stdout)
    assert figures == json.loads((installation.settings.state_dir / "demo.json").read_text())
    assert (figures["audience"], figures["lost"], figures["duplicated"], figures["unknown"]) == (1000, 0, 0, 0)
    assert sum(figures["by_status"].values()) == 1000
    assert figures["by_status"]["SENT"] == figures["accepted"]
    assert figures["by_status"]["DROPPED"] == figures["counts"]["dropped.suppressed"] == 5
    assert figures["messages_per_second"] > 0
