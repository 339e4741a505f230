"""Many routes in one file: what it says beside what is stored, and the commands that make it so, in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.cli.failures import CommandError, Exit
from app.cli.json_file import read_json
from app.delivery.routes.checks import in_order, users_of
from app.routes import Route


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. *set* is in an order that works, *removed* too."""

    set: list[Route]
    before: Mapping[str, Route]
    removed: list[str]
    same: int

    def commands(self) -> list[dict[str, Any]]:
        """Fields of the commands. Each counts only if nobody has changed the route meanwhile."""
        commands: list[dict[str, Any]] = []
        for route in self.set:
            old = self.before.get(route.name)
            match = None if old is None else old.revision
            commands.append({"kind": "route.set", "route": route.model_dump(mode="json"), "match": match})
        gone = [{"kind": "route.delete", "thing": name, "match": self.before[name].revision} for name in self.removed]
        return commands + gone

    def lines(self) -> list[str]:
        """For people, one a route, as in a diff."""
        told = [_difference(self.before.get(route.name), route) for route in self.set]
        return [*told, *(f"- {name}" for name in self.removed)]


def read_routes(file: Path) -> list[Route]:
    """The routes in *file*: a list, or an object with one as `routes`. Their `status` and `revision` are not read."""
    read = read_json(file)
    found = read.get("routes") if isinstance(read, dict) else read
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise CommandError(f"{file} has no routes", 'write {"routes": [{"name": ..., "smtp": ...}]}', Exit.USAGE)
    kept = [{k: v for k, v in each.items() if k not in ("status", "revision", "notes")} for each in found]
    routes = [Route.model_validate(each) for each in kept]
    names = [each.name for each in routes]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise CommandError(f"{file} has the route {double!r} twice", "leave one", Exit.USAGE)
    return routes


def planned(wanted: Sequence[Route], stored: Mapping[str, Route], prune: bool) -> Plan:
    """What makes the routes as *wanted*; *prune* removes the others. CommandError when they do not fit together."""
    changed = [each for each in wanted if not _same(each, stored.get(each.name))]
    order = in_order(changed, stored)
    if isinstance(order, tuple):
        raise CommandError(f"{order[0]}: {order[1]}", "nothing was changed; repair that and try again", Exit.USAGE)
    left = dict(stored) | {each.name: each for each in order}
    gone: list[str] = []
    unwanted = sorted(set(stored) - {each.name for each in wanted}) if prune else []
    while unwanted:  # who names others goes before them
        name = next((each for each in unwanted if not users_of(each, left)), None)
        if name is None:
            users = ", ".join(users_of(unwanted[0], left))
            raise CommandError(f"{unwanted[0]} is still a fallback of {users}", "take it from there", Exit.USAGE)
        unwanted.remove(name)
        gone.append(name)
        del left[name]
    return Plan(order, stored, gone, len(wanted) - len(changed))


def of_sinks(sinks: Mapping[str, int]) -> list[Route]:
    """A route for each mail sink of this machine: the first ones share the mail, the last one takes over from them."""
    *sharing, last = sinks
    return [
        Route.model_validate({
            "name": name, "provider": name, "weight": 0 if name == last and sharing else 1,
            "smtp": {"host": "127.0.0.1", "port": port, "tls": "never", "timeout": 10},
            "fallbacks": [last] if name != last else [], "breaker": {"open_for": 5, "longest": 20},
        })
        for name, port in sinks.items()
    ]  # fmt: skip


def _same(route: Route, stored: Route | None) -> bool:
    return stored is not None and route.model_dump(exclude={"revision"}) == stored.model_dump(exclude={"revision"})


def _difference(before: Route | None, after: Route) -> str:
    if before is None:
        where = (
            f"{after.smtp.host}:{after.smtp.port}"
            if after.smtp is not None
            else f"{after.channel} over {after.adapter}"
        )
        return f"+ {after.name}: {where}"
    old, new = _flat(before), _flat(after)
    changes = [
        f"{name} {old.get(name)!r} -> {new.get(name)!r}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    return f"~ {after.name}: {', '.join(changes)}"


def _flat(route: Route) -> dict[str, Any]:
    """Every field but those of accounts that the route does not have; fields of a part as `smtp.host`."""
    told: dict[str, Any] = {}
    for name, value in route.model_dump(mode="json", exclude={"revision", "name"}).items():
        told |= {f"{name}.{field}": each for field, each in value.items()} if isinstance(value, dict) else {name: value}
    return told
