"""When a campaign will have sent to everybody, and what keeps it from being sooner.

Each limit on the path needs some seconds for what is left of its messages; the one that needs the most binds. Hours in
which nothing may leave, the wait of an experiment and a later schedule come on top. An estimate: retries are not in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from app.commands import CampaignEntry
from app.delivery.lifecycle import ENDED
from app.delivery.trial import is_held_back
from app.delivery.windows import Hours
from app.routes import LimitSet

MOST_STRETCHES = 1_000  # openings that are looked through
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


@dataclass(frozen=True, slots=True)
class PathLimit:
    """A rate that messages of *group* ("": of every group) pass through."""

    name: str
    rate: float
    group: str = ""


def forecast(
    entry: CampaignEntry,
    left: Mapping[str, int],
    limits: Iterable[PathLimit],
    speed: float,
    now: float,
    hours: Hours,
    retry_at: float = 0.0,
) -> Forecast:
    """The end of *entry*, with *left* messages not final by group, at *speed* messages a second of late.

    *retry_at* is when the next retry is due, if all of them wait for one; else 0.
    """
    if entry.state in ENDED:
        return Forecast(entry.finished_at, 0.0, "", f"it is {entry.state}")
    if entry.state != "RUNNING" or entry.seal is None:
        return _not_running(entry)
    if not sum(left.values()):
        return Forecast(now, 0.0, "", "everybody has been sent to")
    if retry_at > now and not hours.closed_by(entry, now):
        return _resting(hours.opening(entry, "", retry_at) or retry_at, "retries", "all that are left wait for a retry")
    binding = _binding(entry, left, limits, speed)
    if binding is None:
        return _not_begun(entry, sum(left.values()) - len(left), now, hours)
    return _in_time(entry, *binding, left, now, hours)


def path_limits(
    entry: CampaignEntry,
    above: Iterable[LimitSet],
    running: Iterable[CampaignEntry],
    route: str,
    account_rate: float = 0.0,
) -> list[PathLimit]:
    """Every rate on the path of *entry*; of one that it shares with others that are *running*, its share by weight."""
    throttle, groups = entry.spec.throttle, {each.group for each in (entry.seal.groups if entry.seal else ())}
    found = [PathLimit("throttle.rate", throttle.rate)] if throttle.rate is not None else []
    found += [
        PathLimit(f"throttle.per_group.{group if group in throttle.per_group else '*'}", rate, group)
        for group in sorted(groups)
        if (rate := throttle.per_group.get(group, throttle.per_group.get("*"))) is not None
    ]
    per_route = throttle.per_route.get(route, throttle.per_route.get("*"))
    if per_route is not None:
        found.append(PathLimit(f"throttle.per_route.{route if route in throttle.per_route else '*'}", per_route))
    others = [each for each in running if each.state == "RUNNING" and each.id != entry.id]
    of_all, of_account = _share(entry, others), _share(entry, [e for e in others if e.account == entry.account])
    rates = {(each.scope, each.name): each.rate for each in above if each.rate is not None}
    account = rates.get(("account", entry.account), account_rate or None)
    if account is not None:
        found.append(PathLimit(f"limit.account.{entry.account}", account * of_account))
    if ("route", route) in rates:
        found.append(PathLimit(f"limit.route.{route}", rates["route", route] * of_all))
    found += [
        PathLimit(f"limit.group.{group}", rates["group", group] * of_all, group)
        for group in sorted(groups)
        if ("group", group) in rates
    ]
    return found


def _share(entry: CampaignEntry, others: list[CampaignEntry]) -> float:
    return entry.spec.weight / (entry.spec.weight + sum(each.spec.weight for each in others))


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
    entry: CampaignEntry, left: Mapping[str, int], limits: Iterable[PathLimit], speed: float
) -> tuple[float, str, str] | None:
    """(seconds of sending, what binds, in words); None when nothing limits and nothing is known."""
    total = sum(left.values())
    seconds, name, text = 0.0, "", ""
    for limit in limits:
        concerned = left.get(limit.group, 0) if limit.group else total
        if concerned / limit.rate > seconds:
            of = f" to {limit.group}" if limit.group else ""
            seconds, name = concerned / limit.rate, limit.name
            text = f"{concerned:,}{of} at {limit.rate:,.4g}/s ({limit.name})"
    at_this_speed = total / speed if speed > 0 else 0.0
    if at_this_speed > seconds * SLOWER:
        why = "throttle.concurrency" if entry.spec.throttle.concurrency is not None else "speed"
        return at_this_speed, why, f"{total:,} at the {speed:,.4g}/s of late ({why})"
    return (seconds, name, text) if name else None


def _in_time(
    entry: CampaignEntry, sending: float, name: str, text: str, left: Mapping[str, int], now: float, hours: Hours
) -> Forecast:
    """What *sending* seconds come to on the calendar."""
    begins = now
    if is_held_back(entry):
        assert entry.trial is not None and entry.spec.experiment is not None
        if entry.spec.experiment.metric == "by_hand":
            return Forecast(None, None, "experiment.metric", "the rest waits until a winner is named by hand")
        wait = entry.spec.experiment.wait
        begins = entry.trial.decide_at if entry.trial.decide_at is not None else now + wait
        if begins - now > sending:
            name, text = "experiment.wait", f"{text}, and the wait for the winner of the experiment"
    finish = _walk(entry, max(begins, now), sending, hours)
    if finish is None:
        return Forecast(None, None, "window", "its hours leave no time to send")
    if finish - max(begins, now) > 2 * sending + 1.0:
        name = "window" if entry.spec.window is not None else "quiet"
        text = f"{text}, in the hours in which it may send"
    last = max((each.due for each in entry.seal.groups), default=0.0) if entry.seal is not None else 0.0
    if last > finish:
        finish, name, text = last, "schedule.local", "the last time zone is due then"
    over = entry.spec.expires_at
    if over is not None and finish > over:
        dropped = int(sum(left.values()) * (finish - over) / (finish - now))
        finish, name, text = (
            over,
            "expires_at",
            f"it expires before everybody is sent to: about {dropped:,} are dropped",
        )
    return Forecast(finish, finish - now, name, text)


def _walk(entry: CampaignEntry, at: float, sending: float, hours: Hours) -> float | None:
    """When *sending* seconds within the hours are over that begin at *at*; None when that is too far away to look."""
    for _ in range(MOST_STRETCHES):
        at = hours.opening(entry, "", at) or at
        closing = hours.closing(entry, "", at)
        if closing - at >= sending:
            return at + sending
        sending -= closing - at
        at = closing
    return None
