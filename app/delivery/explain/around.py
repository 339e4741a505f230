"""What went on around a message: its campaign paused, its route out of service, its reader clicking."""

from collections.abc import Sequence

from app.delivery.explain import words as words
from app.delivery.explain.story import HITS, Event, Step, Story
from app.delivery.outcomes import EventKind
from app.delivery.why import told
from app.routes import Notice


def of_reader(events: Sequence[Event]) -> list[Step]:
    """What was heard from the person, and from machines: the first of each kind, with how many there were."""
    return [
        step
        for kind in HITS
        for by_machine in (False, True)
        for step in _hits(kind, [e for e in events if e.kind == kind and e.klass.startswith("automated") is by_machine])
    ]


def _hits(kind: EventKind, found: Sequence[Event]) -> list[Step]:
    if not found:
        return []
    first, text = found[0], words.HITS[kind]
    if first.klass.startswith("automated"):
        text += f" by a machine ({first.klass.partition('.')[2]})"
    if first.detail and kind == EventKind.CLICKED:
        text += f": {first.detail}"
    if len(found) > 1:
        text += f", {len(found):,} times up to {told(found[-1].at)}"
    return [Step(first.at, kind, f"{text}.", rule=first.klass, figures={"times": len(found)})]


def of_campaign(story: Story, events: Sequence[Event], final: bool) -> list[Step]:
    """What its campaign went through meanwhile."""
    begins, ends = events[0].at if events else 0.0, _end(story, events, final)
    steps, before = [], ""
    for each in story.states:
        if each.state in (before, "SEALING"):
            continue
        resumed, before = before == "PAUSED" and each.state == "RUNNING", each.state
        if begins <= each.at <= ends:
            text = words.RESUMED if resumed else words.STATES.get(each.state, f"The campaign is {each.state}")
            reason = f" ({each.reason})" if each.reason else ""
            steps.append(Step(each.at, "campaign", f"{text}{reason}.", rule=f"campaign.{each.state.lower()}"))
    return steps


def of_notices(story: Story, events: Sequence[Event], final: bool) -> list[Step]:
    """What pacing did by itself meanwhile that concerns its routes and its mailbox provider."""
    routes = {each.route for each in events if each.route}
    groups = {each.group for each in events if each.group}
    begins, ends = events[0].at if events else 0.0, _end(story, events, final)
    return [
        Step(each.at, "notice", _notice(each), rule=each.kind, route=each.route, figures=each.figures)
        for each in story.notices
        if begins <= each.at <= ends
        and (not each.group or each.group in groups)
        and (not each.route or not routes or each.route in routes)
    ]


def _end(story: Story, events: Sequence[Event], final: bool) -> float:
    return max((each.at for each in events if each.kind not in HITS), default=story.now) if final else story.now


def _notice(notice: Notice) -> str:
    what = f"route {notice.route}" if notice.route else f"pool {notice.pool}" if notice.pool else ""
    towards = f"towards {notice.group}" if notice.group else ""
    about = " ".join(part for part in (words.NOTICES.get(notice.kind, notice.kind), what, towards) if part)
    return f"{about}: {notice.reason.rstrip('.')}."
