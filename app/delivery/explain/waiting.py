"""What a message that is not final waits for right now: its campaign, its time, or its turn at a limit."""

from collections.abc import Sequence

from app.delivery.campaigns.lifecycle import ENDED, STOPPING
from app.delivery.explain import words as words
from app.delivery.explain.story import HITS, Event, Story, Waiting
from app.delivery.explain.words import span
from app.delivery.fallbacks.onward import after
from app.delivery.limits.words import STATE
from app.delivery.limits.words import words as limit_words
from app.delivery.outcomes import EventKind, Status
from app.delivery.people.windows import Hours
from app.delivery.why import later_in, told, without_again
from app.topics import PHONES

LONGEST_CALL = 900.0  # seconds in which an end that was not told may still be


def waits_for(story: Story, events: Sequence[Event], hours: Hours | None = None) -> Waiting:
    """What a message that is not final waits for right now, from the first thing that holds it back to the last."""
    last = [each for each in events if each.kind not in HITS]
    since = last[-1].at if last else story.now
    entry = story.entry
    held = news_of(story, events) or _unknown(story, last)
    if held is not None:
        return held
    if entry is not None and entry.state != "RUNNING":
        since = max((each.at for each in story.states if each.state == entry.state), default=since)
        return Waiting(
            f"{STATE}|{entry.id}", words.STANDSTILL.get(entry.state, f"its campaign is {entry.state}"), since
        )
    due, rule = _due(last)
    if due > story.now:
        waits = words.WAITS_ON_PHONES if last and last[-1].channel in PHONES else words.WAITS
        text = waits.get(rule, words.WAITS_UNTIL).format(at=told(due), span=span(due - story.now))
        return Waiting(rule, text, since, due, estimate=round(due - story.now, 1))
    if entry is not None and hours is not None and (closed := hours.closed_by(entry, story.now)):
        opening = hours.opening(entry, "", story.now)
        text = words.WAITS.get(closed, words.WAITS_UNTIL).format(at=told(opening), span=span(opening - story.now))
        return Waiting(closed, text, max(since, due), opening, estimate=round(opening - story.now, 1))
    return _in_line(story, max(since, due))


def news_of(story: Story, events: Sequence[Event]) -> Waiting | None:
    """For one that is out, and goes on to another channel unless it is delivered in time; or a call in progress."""
    last = next((each for each in reversed(events) if each.kind not in HITS), None)
    entry = story.entry
    if last is None or entry is None or last.kind != EventKind.SENT or story.status != Status.SENT:
        return None
    if last.channel not in PHONES or entry.state in ENDED or entry.state in STOPPING:
        return None
    following = after(entry.spec, last.channel)
    if following and last.at + following[0].after > story.now:
        due = last.at + following[0].after
        text = words.NEWS.format(
            channel=words.CHANNELS[last.channel], at=told(due), then=words.NEXT[following[0].channel]
        )
        return Waiting("news", text, last.at, due)
    if last.channel == "voice" and last.at + LONGEST_CALL > story.now:
        return Waiting("news", words.CALLING, last.at)
    return None


def _unknown(story: Story, events: Sequence[Event]) -> Waiting | None:
    """For one whose outcome was lost and which is held."""
    last = events[-1] if events else None
    if last is None or last.kind != EventKind.UNKNOWN or last.klass in words.DECISIONS or without_again(last.why)[1]:
        return None
    spec = story.entry.spec if story.entry is not None else None
    after = story.unknown_after if spec is None or spec.unknown_after is None else spec.unknown_after
    due = last.at + after
    text = words.UNKNOWN_WAITS["give_up" if spec is None else spec.unknown_then].format(at=told(due))
    return Waiting("unknown.hold", text, last.at, due)


def _due(events: Sequence[Event]) -> tuple[float, str]:
    """From when on it may leave, and by which rule; (0, "") for at once."""
    for event in reversed(events):
        _, again = without_again(event.why)
        if again is not None:
            return again.due, f"retry.{again.policy}"
        if event.kind in (EventKind.QUEUED, EventKind.DEFERRED):
            return later_in(event.why) or (0.0, "")
    return 0.0, ""


def _in_line(story: Story, since: float) -> Waiting:
    held = story.held
    if held is None or not held.held_by:
        return Waiting("pacing", "it could leave, and waits for its turn", since, ahead=held.due if held else 0)
    ahead = f"{held.due:,} of its kind could leave"
    text = f"it waits for the {limit_words(held.held_by, story.rates)}: {ahead}"
    rate, resets = story.rates(held.held_by), story.resets.get(held.held_by, 0.0)
    estimate = None
    if resets > story.now:
        estimate = resets - story.now
        text += f"; the next hour or day of it begins at {told(resets)}"
    elif rate:
        estimate = held.due / rate
        text += f", about {span(estimate)}"
    return Waiting(
        held.held_by, text, since, resets if resets > story.now else 0.0, held.due,
        None if estimate is None else round(estimate, 1),
    )  # fmt: skip


def meter(held_by: str) -> str:
    """The name of the meter that *held_by* is, or ""."""
    return held_by if "|" in held_by and not held_by.startswith(f"{STATE}|") else ""
