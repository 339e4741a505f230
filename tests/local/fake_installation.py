"""Runs small parts that a test describes under the real supervisor, in a process of its own.

python -m tests.local.fake_installation PARTS.json      the state folder comes from FANFARE_STATE_DIR
"""

import json
import sys
from pathlib import Path
from typing import Any

from app.local.failure import LocalError
from app.local.slot import Part
from app.local.supervisor import run_foreground
from app.settings import Settings


def part_of(said: dict[str, Any]) -> Part:
    """A Python one-liner as a part; it is ready when the file *ready* exists, at once when none is named.

    It starts when the file *wanted* exists, if one is named.
    """
    said = dict(said)
    code, ready = said.pop("code"), said.pop("ready", "")
    wanted = said.pop("wanted", "")
    said["ports"] = tuple((port, setting) for port, setting in said.get("ports", ()))
    return Part(
        command=lambda: [sys.executable, "-c", code],
        is_ready=lambda _alive: not ready or Path(ready).exists(),
        wanted=Path(wanted).exists if wanted else None,
        **said | {"needs": tuple(said.get("needs", ()))},
    )


if __name__ == "__main__":
    parts = [part_of(said) for said in json.loads(Path(sys.argv[1]).read_text())]
    try:
        run_foreground(Settings(), parts)
    except LocalError as error:
        sys.exit(f"error: {error}")
