"""Aimed kills: a process that is told to dies once, right after a named step. For chaos tests only."""

import os
import signal

from app.settings import settings


def reached(step: str) -> None:
    """Die by SIGKILL here if FANFARE_CRASH_AFTER names *step* and has not done so before."""
    wanted = settings().crash_after
    if wanted and wanted == step:
        marker = settings().state_dir / f"crashed-after-{step}"
        if not marker.exists():
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
