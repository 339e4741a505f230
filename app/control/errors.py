"""What can go wrong between a client and an installation."""


class ControlError(Exception):
    """Base: *message* says what went wrong, *advice* what to do about it."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class UnreachableError(ControlError):
    """Kafka does not answer, or has not the topics."""


class NoAnswerError(ControlError):
    """A command was published, and nobody answered in time: it may still be carried out."""
