"""When a campaign will have sent to everybody, and what keeps it from being sooner.

Each stage on the way - a limit, or the routes side by side - needs some time for what is left of its messages; the one
that needs the longest binds. Caps are walked through day by day. Hours in which nothing may leave, the wait of an
experiment and a later schedule come on top. An estimate: retries are not in it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from app.commands import CampaignEntry
from app.delivery.campaigns.lifecycle import ENDED
from app.delivery.campaigns.trial import is_held_back
from app.delivery.limits.capacity import Hours as OpeningHours
from app.delivery.limits.capacity import Passage, Quota, through
from app.delivery.limits.caps import Growing, hour_around
from app.delivery.limits.passages import Stage
from app.delivery.people.windows import Hours

MOST_WALKS = 12  # through calendars, for one forecast: of the groups with the most messages left
MOST_NAMED = 3  # limits of routes side by side
SLOWER = 1.1  # than the limits allow, to say that they are not what binds


@dataclass(frozen=True, slots=True)
class Forecast:
    """When it will be over. None: nobody can tell."""

    finishes_at: float | None
    seconds: float | None
    limited_by: str  # by the name of the field or limit, "" for nothing
    text: str
    goes_on_at: float | None = None  # nothing can leave until then

    def as_json(self) -> dict[str, object]:
        """For a status."""
        return asdict(self)


class Bound(NamedTuple):
    """What holds a campaign up the longest."""

    name: str
    text: str
    seconds: float | None  # that it needs, were the hours always open; None: too many to foresee
    finish: float | None  # in the hours that there are; None: they leave no time
    goes_on_at: float | None = None


def forecast(
    entry: CampaignEntry,
    left: Mapping[str, int],
    stages: Iterable[Stage],
    speed: float,
    now: float,
    hours: Hours,
    retry_at: float = 0.0,
    parts: float = 1.0,
    out: int = 0,
) -> Forecast:
    """The end of *entry*, with *left* messages not final by group, at *speed* messages a second of late.

    *retry_at* is when the next retry is due, if all of them wait for one, or for news; else 0. *parts* are the SMS that
    a message takes, by which *stages* were made. *out*: those of which news is awaited, if nobody else could leave.
    """
    if entry.state in ENDED:
        return Forecast(entry.finished_at, 0.0, "", f"it is {entry.state}")
    if entry.state != "RUNNING" or entry.seal is None:
        return _not_running(entry)
    if not sum(left.values()):
        return Forecast(now, 0.0, "", "everybody has been sent to")
    if retry_at > now and not hours.closed_by(entry, now):
        news = f", or for news: {out:,} are out" if out else ""
        text = f"all that are left wait for a retry{news}"
        return _resting(hours.opening(entry, "", retry_at) or retry_at, "retries", text)
    if out and not retry_at:
        return Forecast(None, None, "news", f"{out:,} are out, and news of them is awaited")
    stages = list(stages)
    nowhere = next((each.group for each in stages if each.leads_nowhere and left.get(each.group)), None)
    if nowhere is not None:
        return Forecast(None, None, "routes", f"no route takes what goes to {nowhere}")
    begins = _begins(entry, now)
    if begins is None:
        return Forecast(None, None, "experiment.metric", "the rest waits until a winner is named by hand")
    bound = _binding(entry, left, stages, speed, begins, hours, parts)
    if bound is None:
        return _not_begun(entry, sum(left.values()) - len(left), now, hours)
    return _in_time(entry, bound, left, begins, now)


def _not_running(entry: CampaignEntry) -> Forecast:
    text = {
        "DRAFT": "it has not been started",
        "APPROVAL": "it waits for approval",
        "QUEUED": "it waits until fewer campaigns of its account run",
        "PAUSED": "it is paused",
    }.get(entry.state, f"it is {entry.state}")
    if entry.state == "SCHEDULED":
        return Forecast(None, None, "schedule", "its audience is fixed when it starts")
    return Forecast(None, None, "state", text)


def _not_begun(entry: CampaignEntry, at_least: int, now: float, hours: Hours) -> Forecast:
    """Why nothing leaves of *entry*, of which *at_least* so many are left, with no limit of its own."""
    later = [each for each in (entry.seal.groups if entry.seal is not None else ()) if each.due > now]
    if later and sum(each.rows for each in later) >= at_least:
        due = min(each.due for each in later)
        return _resting(hours.opening(entry, "", due) or due, "schedule", "the next time zone is not due yet")
    closed_by = hours.closed_by(entry, now)
    if closed_by:
        what = "outside the hours of its window" if closed_by == "window" else "in quiet hours of its account"
        return _resting(hours.opening(entry, "", now), closed_by, f"it is {what}")
    return Forecast(None, None, "speed", "nothing was sent of late: too early to tell")


def _resting(until: float, name: str, text: str) -> Forecast:
    at = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Forecast(None, None, name, f"{text}: it goes on at {at}", until)


def _binding(
    entry: CampaignEntry, left: Mapping[str, int], stages: Iterable[Stage], speed: float, begins: float, hours: Hours,
    parts: float,
) -> Bound | None:  # fmt: skip
    """What takes the longest; None when nothing limits and nothing is known."""
    total = sum(left.values())
    concerned = [(left.get(each.group, 0) if each.group else total, each) for each in stages]
    slowest, has_caps = None, False
    for count, stage in _worth_a_walk(concerned):
        bound = _bound(entry, stage, count, begins, hours, parts)
        if slowest is None or _end(bound) > _end(slowest):
            slowest, has_caps = bound, stage.passage.has_caps
        if bound.finish is None:
            break  # nothing takes longer
    at_this_speed = total / speed if speed > 0 and not has_caps else 0.0
    known = (slowest.seconds if slowest is not None else None) or 0.0
    return _by_speed(entry, total, speed, begins, hours) if at_this_speed > known * SLOWER else slowest


def _worth_a_walk(concerned: list[tuple[int, Stage]]) -> Iterator[tuple[int, Stage]]:
    """Those with messages, the most first; of those with caps only some."""
    walks = 0
    for count, stage in sorted(concerned, key=lambda each: -each[0]):
        walks += stage.passage.has_caps
        if count and (walks <= MOST_WALKS or not stage.passage.has_caps):
            yield count, stage


def _end(bound: Bound) -> float:
    return float("inf") if bound.finish is None else bound.finish


def _bound(entry: CampaignEntry, stage: Stage, concerned: int, begins: float, hours: Hours, parts: float) -> Bound:
    passage = stage.passage
    alone = through(passage, concerned, begins)
    names = alone.bound_by if alone is not None else tuple(dict.fromkeys(passage.names()))
    name = _joined(names)
    of = f" to {stage.group}" if stage.group else ""
    of += f", {parts:.3g} SMS each," if parts > 1 and not stage.in_parts.isdisjoint(names) else ""
    caps = list(dict.fromkeys(_words(each, begins) for each in _quotas(passage) if each.name in names))
    if alone is None:
        return Bound(name, f"{concerned:,}{of}{_listed(caps)} ({name}): that is too long to foresee", None, None)
    seconds = alone.at - begins
    is_open = hours.closing(entry, "", begins) >= alone.at
    inside = alone if is_open else through(passage, concerned, begins, _opening_hours(entry, hours))
    how = _listed(caps) or f" at {concerned / max(seconds, 1e-9):,.4g}/s"
    rests = alone.first if not stage.group and alone.first > begins + 1.0 else None
    return Bound(name, f"{concerned:,}{of}{how} ({name})", seconds, inside.at if inside is not None else None, rests)


def _by_speed(entry: CampaignEntry, total: int, speed: float, begins: float, hours: Hours) -> Bound:
    name = "throttle.concurrency" if entry.spec.throttle.concurrency is not None else "speed"
    inside = through(Passage(((name, speed),)), total, begins, _opening_hours(entry, hours))
    text = f"{total:,} at the {speed:,.4g}/s of late ({name})"
    return Bound(name, text, total / speed, inside.at if inside is not None else None)


def _opening_hours(entry: CampaignEntry, hours: Hours) -> OpeningHours:
    def stretch(at: float) -> tuple[float, float]:
        opens = hours.opening(entry, "", at) or at
        return opens, hours.closing(entry, "", opens)

    return stretch


def _quotas(passage: Passage) -> Iterator[Quota]:
    yield from passage.quotas
    for way in passage.ways:
        yield from _quotas(way)


def _words(quota: Quota, at: float) -> str:
    """A cap as it is at *at*: of what is shared, the share."""
    most, whole = quota.most(at), quota.most(at) / quota.share
    left = max(0.0, most - quota.used * quota.share)
    if isinstance(quota.plan, Growing):
        if not most:
            return f"none before {quota.plan.begins}"
        if quota.used and left < 1:
            return f"today's {whole:,.0f} used up, and more each day"
        return f"{left:,.0f} {'left ' if quota.used else ''}today and more each day"
    unit, here = ("an hour", "in this hour") if quota.windows is hour_around else ("a day", "today")
    return f"{most:,.0f} {unit}{f', used up {here}' if quota.used * quota.share >= most else ''}"


def _listed(words: list[str]) -> str:
    return f", {' + '.join(words[:MOST_NAMED])}" if words else ""


def _joined(names: tuple[str, ...]) -> str:
    return " + ".join([*names[:MOST_NAMED], *(["..."] if len(names) > MOST_NAMED else [])])


def _begins(entry: CampaignEntry, now: float) -> float | None:
    """When what is held back for an experiment may leave; *now* without one, None when somebody has to say so."""
    if not is_held_back(entry):
        return now
    assert entry.trial is not None and entry.spec.experiment is not None
    if entry.spec.experiment.metric == "by_hand":
        return None
    decided = entry.trial.decide_at if entry.trial.decide_at is not None else now + entry.spec.experiment.wait
    return max(decided, now)


def _in_time(entry: CampaignEntry, bound: Bound, left: Mapping[str, int], begins: float, now: float) -> Forecast:
    """What *bound* comes to, with all that has nothing to do with limits."""
    name, text, finish = bound.name, bound.text, bound.finish
    if bound.seconds is None:
        return Forecast(None, None, name, text)
    if finish is None:
        return Forecast(None, None, "window", "its hours leave no time to send")
    if begins - now > bound.seconds:
        name, text = "experiment.wait", f"{text}, and the wait for the winner of the experiment"
    if finish - begins > 2 * bound.seconds + 1.0:
        name = "window" if entry.spec.window is not None else "quiet"
        text = f"{text}, in the hours in which it may send"
    last = max((each.due for each in entry.seal.groups), default=0.0) if entry.seal is not None else 0.0
    if last > finish:
        finish, name, text = last, "schedule.local", "the last time zone is due then"
    over = entry.spec.expires_at
    if over is not None and finish > over:
        dropped = int(sum(left.values()) * (finish - over) / (finish - now))
        finish, name = over, "expires_at"
        text = f"it expires before everybody is sent to: about {dropped:,} are dropped"
    return Forecast(finish, finish - now, name, text, bound.goes_on_at)
