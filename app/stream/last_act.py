"""The last act: what a process was in the middle of when it died, told by one write to memory.

The memory is a mapped file: the kernel keeps it when the process is killed. It costs a tenth of a
microsecond, so that single messages can be told, where crash notes can tell only packs of them.
"""

import mmap
import os
from pathlib import Path

SIZE = 16  # bytes of an id
NOTHING = bytes(SIZE)


class LastAct:
    """The act of one thread, in the file *path*. *left* is what the former process died in, or None."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(file, SIZE)
            self._memory = mmap.mmap(file, SIZE)
        finally:
            os.close(file)
        left = self._memory[:]
        self.left = None if left == NOTHING else left
        self._memory[:] = NOTHING

    def begin(self, ident: bytes) -> None:
        """The act that *ident* (16 bytes) names begins."""
        self._memory[:] = ident

    def end(self) -> None:
        """It is over, and the process lives."""
        self._memory[:] = NOTHING
