"""Aimed kills: a process that is told to dies right after a named step, or over a certain message. For chaos tests."""

import os
import signal

from app.settings import settings


def reached(step: str) -> None:
    """Die by SIGKILL here, once an installation, if FANFARE_CRASH_AFTER (comma-separated) names *step*."""
    wanted = settings().crash_after
    if wanted and step in wanted.split(","):
        marker = settings().state_dir / "crashed" / step
        marker.parent.mkdir(parents=True, exist_ok=True)
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def deadly(address: str) -> None:
    """Die here, every time, if *address* ends as FANFARE_POISON says."""
    poison = settings().poison
    if poison and address.endswith(poison):
        os._exit(1)
