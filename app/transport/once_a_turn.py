"""What many ask for in one turn of the event loop, and is done once at its end: one flush of the journal for all."""

import asyncio
from collections.abc import Callable


class OnceATurn:
    """Calls *what* once at the end of the turn in which it is asked for, however often that is."""

    def __init__(self, what: Callable[[], None]) -> None:
        self._what = what
        self._asked = False

    def __call__(self) -> None:
        """Ask for it."""
        if not self._asked:
            self._asked = True
            asyncio.get_running_loop().call_soon(self._do)

    def _do(self) -> None:
        self._asked = False
        self._what()
