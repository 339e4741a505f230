"""How a worker leaves when going on would be wrong: at once, without unwinding.

Unwinding would acknowledge the event in hand and lose it (docs/decisions/0001). The supervisor restarts
the process, and the replay finds what was written.
"""

import os
import time
import traceback
from typing import NoReturn

EXIT_CODE = 70


class Abandoned(Exception):  # noqa: N818 - no error: what was begun comes again
    """A handler stops at a safe point because its partition is being taken away. Nothing is acknowledged."""


def leave(why: str, exc: BaseException | None = None) -> NoReturn:
    """Write *why* to stderr and end the process with exit code 70; no cleanup of any kind runs."""
    text = f"FATAL {os.getpid()} {time.time():.3f} {why}\n"
    if exc is not None:
        text += "".join(traceback.format_exception(exc))
    os.write(2, text.encode(errors="replace"))
    os._exit(EXIT_CODE)
