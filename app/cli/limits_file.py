"""Many limits in one file: what it says beside what is set, and what has to be changed for that."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.cli.failures import CommandError, Exit
from app.cli.json_file import read_json
from app.cli.limits_shown import named
from app.delivery.limits.figures import spoken
from app.routes import AskedLimit, LimitSet

Key = tuple[str, str, str]


@dataclass(slots=True)
class Changes:
    """What a file changes. *removed* are limits as they are set now."""

    new: list[LimitSet] = field(default_factory=list)
    changed: list[tuple[LimitSet, LimitSet]] = field(default_factory=list)  # from, to
    removed: list[LimitSet] = field(default_factory=list)
    same: int = 0

    def orders(self) -> list[LimitSet]:
        """What is to be set, removals last: nothing runs without a limit meanwhile."""
        gone = [LimitSet(scope=each.scope, name=each.name, group=each.group) for each in self.removed]
        return [*self.new, *(after for _, after in self.changed), *gone]

    def lines(self) -> list[str]:
        """For people, one a change, as in a diff."""
        return [
            *(f"+ {named(each)}: {spoken(each)}" for each in self.new),
            *(f"~ {named(after)}: {_difference(before, after)}" for before, after in self.changed),
            *(f"- {named(each)}: {spoken(each)}" for each in self.removed),
        ]

    def summary(self) -> str:
        """How many."""
        counts = (("new", self.new), ("changed", self.changed), ("removed", self.removed))
        return ", ".join(f"{len(each)} {word}" for word, each in counts) + f"; {self.same} as they were"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "new": [each.model_dump(mode="json") for each in self.new],
            "changed": [
                {"from": before.model_dump(mode="json"), "to": after.model_dump(mode="json")}
                for before, after in self.changed
            ],
            "removed": [each.model_dump(mode="json") for each in self.removed],
            "same": self.same,
        }


def read_limits(file: Path) -> list[LimitSet]:
    """The limits in *file*: a list, or an object with one as `limits`. What else they carry as `usage` is not read."""
    read = read_json(file)
    found = read.get("limits") if isinstance(read, dict) else read
    if not isinstance(found, list):
        raise CommandError(f"{file} has no limits", 'write {"limits": [{"scope": "group", ...}]}', Exit.USAGE)
    limits: dict[Key, LimitSet] = {}
    for number, each in enumerate(found):
        limit = _limit(each, f"limits.{number}")
        if limit.limits_nothing:
            raise CommandError(f"limits.{number}: it limits nothing", "leave it out, and use --prune", Exit.USAGE)
        if limits.setdefault(limit.key, limit) is not limit:
            raise CommandError(f"limits.{number}: {named(limit)} is there twice", "leave one out", Exit.USAGE)
    return list(limits.values())


def changes_of(wanted: list[LimitSet], known: list[LimitSet], prune: bool) -> Changes:
    """What makes *wanted* of what is *known*; others stay unless *prune*."""
    before, changes = {each.key: each for each in known}, Changes()
    for limit in wanted:
        old = before.pop(limit.key, None)
        if old is None:
            changes.new.append(limit)
        elif old == limit:
            changes.same += 1
        else:
            changes.changed.append((old, limit))
    if prune:
        changes.removed = list(before.values())
    return changes


def _limit(given: Any, place: str) -> LimitSet:
    if isinstance(given, dict):
        given = {name: value for name, value in given.items() if name != "usage"}
    try:
        return LimitSet.model_validate(AskedLimit.model_validate(given).model_dump())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([place, *map(str, first["loc"])])
        told = first["msg"].removeprefix("Value error, ")
        raise CommandError(
            f"{where}: {told}", "repair that; docs/pacing.md tells of every field", Exit.USAGE
        ) from error


def _difference(before: LimitSet, after: LimitSet) -> str:
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    told = [f"{name} {_said(old[name])} -> {_said(new[name])}" for name in new if new[name] != old[name]]
    return ", ".join(told)


def _said(value: Any) -> str:
    return "none" if value is None else str(value)
