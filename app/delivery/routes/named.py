"""What to say of routes, tags and groups that a campaign names and nobody has: often they are misspelt."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches

from app.delivery.limits.checks import countries, listed
from app.delivery.mx_groups import GROUPS, NAMES, OTHER, own_group
from app.delivery.routes.checks import IMPLICIT
from app.routes import EVERY, Route
from app.specs import CampaignSpec

ALIKE = 0.7  # of two names, from 0 to 1, from which on one may be the other misspelt


def notes_on_names(spec: CampaignSpec, routes: Mapping[str, Route]) -> list[str]:
    """What whoever gives *spec* should know, while there are these *routes*; each may still be made later."""
    notes = _of_tags(spec, routes)
    notes += [_of_group(name) for name in spec.throttle.per_group if not _is_group(name)]
    known = list(routes) or [IMPLICIT]
    notes += [_of_route(name, known) for name in spec.throttle.per_route if name not in (EVERY, *known)]
    return notes


def _of_tags(spec: CampaignSpec, routes: Mapping[str, Route]) -> list[str]:
    tags = {tag for route in routes.values() for tag in route.tags}
    unknown = [tag for tag in spec.route_tags if tag not in tags]
    if not unknown:
        return []
    wanted = set(spec.route_tags)
    takes = [each.name for each in routes.values() if each.channel == spec.channel and wanted & set(each.tags)]
    then = f"it leaves over {listed(takes)}" if takes else "nothing leaves until one has it"
    there = f"tags are {listed(tags)}" if tags else "none has a tag"
    return [f"no route has the tag {tag!r} ({there}): {then}{_meant(tag, tags)}" for tag in unknown]


def _of_route(name: str, known: Collection[str]) -> str:
    return f"there is no route {name!r}, so its rate limits nothing (routes are {listed(known)}){_meant(name, known)}"


def _is_group(name: str) -> bool:
    """Whether recipients may be in the group *name*: of MX hosts, a domain, a country or a carrier in one."""
    country, _, carrier = name.partition("/")
    if country in countries() and carrier.strip() == carrier:
        return True
    return name in (EVERY, OTHER) or name in NAMES or own_group(name) == name


def _of_group(name: str) -> str:
    group = GROUPS.get(name.lower())
    if group is not None:
        return f"{name!r} belongs to the MX group {group!r}, so its rate limits nothing: name that one"
    return f"nobody is in the group {name!r}, so its rate limits nothing{_meant(name, [*NAMES, OTHER])}"


def _meant(name: str, known: Collection[str]) -> str:
    """The one of *known* that may be meant, as a question."""
    close = get_close_matches(name.casefold(), _by_small(known), n=1, cutoff=ALIKE)
    return f"; is {_by_small(known)[close[0]]!r} meant?" if close else ""


def _by_small(names: Iterable[str]) -> dict[str, str]:
    return {name.casefold(): name for name in names}
