"""What can be wrong with a template, before it is used and while it is rendered."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContentProblem:
    """Why a template is refused. *part* is subject, html or text; line and column count from 1."""

    part: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """As compilers say it: part:line:column: message."""
        return f"{self.part}:{self.line}:{self.column}: {self.message}"


class ContentError(ValueError):
    """Raised by `compile_email` for content that `check` refuses."""

    def __init__(self, problems: list[ContentProblem]) -> None:
        """Keep *problems*, at least one."""
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class RenderError:
    """Why one message could not be composed; the others of its campaign are not concerned."""

    reason: str


class LimitExceededError(Exception):
    """A template did more than one message may: too many loop steps, or too much text."""


class MarkupError(Exception):
    """Raised for html, css or MJML that cannot be published, at *offset* of the source."""

    def __init__(self, message: str, offset: int) -> None:
        """Keep both."""
        super().__init__(message)
        self.message = message
        self.offset = offset


def is_panic(error: BaseException) -> bool:
    """Whether a library written in Rust has failed: PyO3 raises what no `except Exception` catches."""
    return type(error).__name__ == "PanicException"
