"""What can go wrong in a command: the words for people and the exit code for programs."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

MOST_SAID = 500  # characters of what a server says
# What explains the fields of a model.
FIELDS = {
    "ApiKey": "`fanfare keys create --help`",
    "AskedLimit": "docs/pacing.md",
    "Route": "docs/routes.md",
    "SegmentDraft": "docs/audiences.md",
    "TemplateDraft": "docs/content.md",
}


class Exit(IntEnum):
    """Exit codes of `fanfare`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_REACHABLE = 3  # Kafka, ClickHouse or the installation does not answer
    PARTLY = 4  # done, but some rows were bad
    UNTRIED = 5  # `routes test`: there is no way to find out


class CommandError(Exception):
    """A command cannot do what it was asked to: *message* says why, *advice* what to do about it."""

    def __init__(self, message: str, advice: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.code = code


def failure_of(error: Exception) -> CommandError | None:
    """*error* in words a person understands, or None when it is a bug and deserves its traceback."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith(("app.", "agents.")):
        return CommandError(f"the Python package {error.name} is missing", "run `make setup` (or pip install fanfare)")
    if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):
        page = FIELDS.get(getattr(error, "title", ""), "docs/kafka.md")
        return CommandError(_invalid(error), f"see {page} for every field", Exit.USAGE)
    return _failure_of_parts(error)


def _failure_of_parts(error: Exception) -> CommandError | None:
    # Imported here: these modules are heavy, and an error path may take its time.
    from aiokafka.errors import KafkaConnectionError, KafkaError

    from app.clickhouse.client import ClickHouseError
    from app.clickhouse.key_check import WrongKeyError
    from app.control.errors import ControlError, NoAnswerError, UnreachableError
    from app.local.failure import LocalError
    from app.stream.topics_apply import TopicsMismatch

    match error:
        case UnreachableError() | NoAnswerError():
            return CommandError(error.message, error.advice, Exit.NOT_REACHABLE)
        case ControlError() | LocalError():
            return CommandError(error.message, error.advice)
        case TopicsMismatch():
            return CommandError("\n".join(error.problems), "FANFARE_PARTITIONS must be what it was when they were made")
        case KafkaConnectionError():
            return CommandError(
                "Kafka does not answer", "is Fanfare running? start it with `fanfare up`", Exit.NOT_REACHABLE
            )
        case KafkaError():
            return CommandError(f"Kafka: {error}", "is it running? `fanfare status` tells", Exit.NOT_REACHABLE)
        case WrongKeyError():
            return CommandError(
                str(error), "go to the folder where Fanfare was started, or set FANFARE_STATE_DIR to its state folder"
            )
        case ClickHouseError() if error.is_away:
            return CommandError("ClickHouse does not answer", "start it with `fanfare up`", Exit.NOT_REACHABLE)
        case ClickHouseError():
            advice = "does ClickHouse listen at FANFARE_CLICKHOUSE, and nobody else? `fanfare status` tells"
            return CommandError(f"ClickHouse: {error.message[:MOST_SAID]}", advice)
        case _:
            return None


def _invalid(error: Exception) -> str:
    """The findings of a pydantic ValidationError, one a line."""
    found = error.errors()  # type: ignore[attr-defined]
    return "\n".join(f"{_place(each['loc'])}: {_finding(each)}" for each in found)


def _place(loc: Sequence[str | int]) -> str:
    """Where it is, in the words of who wrote it; which form of several was tried, such as "(flat)", is ours."""
    return ".".join(str(part) for part in loc if not str(part).startswith("(")) or "value"


def _finding(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    return str(error["msg"]).removeprefix("Value error, ")
