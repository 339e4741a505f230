"""Decides whether provider routes fit together: what is wrong with one that is to be stored, and what it will bring."""

import re
from collections.abc import Collection, Mapping, Sequence

from app.delivery.mx_groups import GROUPS, NAMES, OTHER
from app.delivery.routes.account_checks import LOOPBACK, wrong_account
from app.routes import Route

MOST_ROUTES = 200
MOST_NAMED = 5  # accounts in a note
IMPLICIT = "smtp"  # the route that there is while none is stored: FANFARE_SMTP_*

# Names of routes, providers and pools stand in addresses of the API, in limits and on metrics.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_GROUP = re.compile(r"[a-z0-9][a-z0-9.-]*")
_HOST = re.compile(r"[A-Za-z0-9_\[\]:.-]+")
_FORM = "letters, digits, '.', '_' and '-', beginning with a letter or digit"

Wrong = tuple[str, str]  # the field of the route at fault, and what is wrong with it


def wrong_route(route: Route, stored: Mapping[str, Route]) -> Wrong | None:
    """Why *route* cannot be stored beside, or in place of, those that are *stored*. None: it can."""
    return (
        _wrong_names(route)
        or _wrong_server(route)
        or wrong_account(route)
        or _wrong_breaker(route)
        or _wrong_conditions(route)
        or _wrong_pool(route, stored)
        or _wrong_fallbacks(route, stored)
    )


def users_of(name: str, stored: Mapping[str, Route]) -> list[str]:
    """The routes that name *name* among their fallbacks."""
    return sorted(each.name for each in stored.values() if name in (each.fallbacks or ()))


def notes_on(before: Mapping[str, Route], after: Mapping[str, Route], running: int) -> list[str]:
    """What whoever changes the routes from *before* to *after* should know, while *running* campaigns are under way."""
    notes: list[str] = []
    if not after and before:
        notes.append("no route is stored any more: mail goes over the server of FANFARE_SMTP_HOST again")
    if not before and after:
        notes.append("from now on only stored routes are used, and the server of FANFARE_SMTP_HOST no longer")
    if after and not _usable(after):
        told = f", and {running} running campaign{'s wait' if running > 1 else ' waits'}" if running else ""
        notes.append(f"no enabled route is left that takes messages by itself: nothing is sent{told}")
    return notes


def notes_on_accounts(route: Route, known: Collection[str]) -> list[str]:
    """What to say of accounts that *route* is for and nobody has heard of. None is *known*: nobody can tell."""
    strangers = [each for each in route.accounts if each not in known] if known else []
    if not strangers:
        return []
    one = len(strangers) == 1
    named = ", ".join(map(repr, strangers[:MOST_NAMED])) + (" and more" if len(strangers) > MOST_NAMED else "")
    return [
        f"there {'is no account' if one else 'are no accounts'} {named} yet: is {'it' if one else 'each'} spelt right?"
    ]


def loop_from(name: str, stored: Mapping[str, Route]) -> list[str]:
    """A way from *name* over fallbacks back to itself, both ends included; empty when there is none."""
    path, seen = [name], {name}

    def follow(at: str) -> bool:
        for each in _fallbacks(stored, at):
            if each == name:
                path.append(each)
                return True
            if each not in seen:
                seen.add(each)
                path.append(each)
                if follow(each):
                    return True
                path.pop()
        return False

    return path if follow(name) else []


def in_order(wanted: Sequence[Route], stored: Mapping[str, Route]) -> list[Route] | Wrong:
    """*wanted* in an order in which each can be stored after the ones before it, or what is wrong with one.

    The field of what is wrong begins with the name of the route.
    """
    left, known, order = list(wanted), dict(stored), list[Route]()
    while left:
        fit = next((each for each in left if wrong_route(each, known) is None), None)
        if fit is None:
            final = known | {each.name: each for each in left}
            for each in left:  # what is wrong with it as all shall be, before what only stands in the way now
                wrong = wrong_route(each, final)
                if wrong is not None:
                    return f"{each.name}.{wrong[0]}", wrong[1]
            wrong = wrong_route(left[0], known)
            assert wrong is not None
            return f"{left[0].name}.{wrong[0]}", f"{wrong[1]} (as routes are stored now)"
        left.remove(fit)
        known[fit.name] = fit
        order.append(fit)
    return order


def _usable(stored: Mapping[str, Route]) -> bool:
    return any(each.enabled and each.weight > 0 for each in stored.values())


def _fallbacks(stored: Mapping[str, Route], name: str) -> list[str]:
    route = stored.get(name)
    return [] if route is None else route.fallbacks or []


def _wrong_names(route: Route) -> Wrong | None:
    for field, name in (("name", route.name), ("provider", route.provider), ("pool", route.pool)):
        if name and not _WORD.fullmatch(name):
            return field, f"{name!r} cannot be the name of a {'route' if field == 'name' else field}: use {_FORM}"
    return None


def _wrong_server(route: Route) -> Wrong | None:
    server = route.smtp
    if server is None:
        return None
    if server.user and not server.password:
        return "smtp.password", "a user needs a password: say where it is, as env:NAME or file:/path"
    if server.password and not server.user:
        return "smtp.user", "a password needs a user"
    if server.user and server.tls == "never" and server.host not in LOOPBACK:
        return "smtp.tls", "a password is not sent in the clear: set tls to starttls or implicit"
    if server.helo and not _HOST.fullmatch(server.helo):
        return "smtp.helo", f"{server.helo!r} is no host name: servers would refuse it"
    if server.tls == "starttls" and server.port == 465:
        return "smtp.tls", "port 465 is encrypted from the first byte: set tls to implicit, or use port 587"
    return None


def _wrong_breaker(route: Route) -> Wrong | None:
    rules = route.breaker
    if rules.longest < rules.open_for:
        return "breaker.longest", f"longest {rules.longest:g} is below open_for {rules.open_for:g}: it must not be"
    return None


def _wrong_conditions(route: Route) -> Wrong | None:
    for field in ("countries", "carriers"):
        if getattr(route, field) and route.channel == "email":
            return field, f"no email has {field}, only phones have: the route would never take a message"
    for number, group in enumerate(route.groups):
        wrong = _wrong_group(group)
        if wrong:
            return f"groups.{number}", wrong
    for field in ("accounts", "groups", "tags", "tiers"):
        named = getattr(route, field)
        double = next((each for each in named if named.count(each) > 1), None)
        if double is not None:
            return field, f"{double!r} is named twice"
    return None


def _wrong_group(group: str) -> str:
    if group.lower() != group and _GROUP.fullmatch(group.lower()):
        return f"groups are written in small letters: {group.lower()!r}"
    if not _GROUP.fullmatch(group):
        return f"{group!r} is neither an MX group nor a domain: no recipient has it"
    if group in GROUPS:
        return f"{group!r} belongs to the MX group {GROUPS[group]!r}: name that one"
    if "." not in group and group not in NAMES and group != OTHER:
        return f"there is no MX group {group!r}: groups are {', '.join(sorted(NAMES))}; a domain is one too"
    return ""


def _wrong_pool(route: Route, stored: Mapping[str, Route]) -> Wrong | None:
    """A pool is what mailbox providers see of one provider: limits and warm-up count for all that bears its name."""
    for other in stored.values():
        if other.name != route.name and other.sender == route.sender and other.provider != route.provider:
            name = "pool" if route.pool else "name"
            return name, (
                f"the pool {route.sender!r} is that of route {other.name!r}, of provider {other.provider!r}: a pool "
                f"belongs to one provider, and its limits would count for both. Choose another one"
            )
    return None


def _wrong_fallbacks(route: Route, stored: Mapping[str, Route]) -> Wrong | None:
    for number, name in enumerate(route.fallbacks or ()):
        if name == route.name:
            return f"fallbacks.{number}", "a route cannot take over from itself"
        if name not in stored:
            known = ", ".join(sorted(set(stored) - {route.name})) or "none"
            return f"fallbacks.{number}", f"there is no route {name!r}: set it first (there are: {known})"
        if route.fallbacks is not None and route.fallbacks.count(name) > 1:
            return f"fallbacks.{number}", f"{name!r} is named twice"
    loop = loop_from(route.name, dict(stored) | {route.name: route})
    if loop:
        way = " -> ".join(loop)
        return "fallbacks", f"the fallbacks go in a circle: {way}. Leave out one, or all of a route: null is any other"
    return None
