"""A finding of the lint: what may be wrong with content, how bad it is, and where."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """From the worst."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """*rule* is a name that stays; *count* and *examples* tell how many contacts of a sample it concerns, and whom."""

    severity: Severity
    rule: str
    part: str
    message: str
    line: int = 1
    column: int = 1
    count: int = 0
    examples: tuple[str, ...] = ()
