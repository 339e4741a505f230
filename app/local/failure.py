"""What keeps an embedded part from running, in words for the person at the keyboard."""


class LocalError(Exception):
    """An embedded part cannot do its work: *message* says why, *advice* what to do about it."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(f"{message}; {advice}" if advice else message)
        self.message = message
        self.advice = advice


class LockedError(LocalError):
    """Another supervisor holds the state folder."""
