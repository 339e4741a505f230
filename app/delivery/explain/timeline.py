"""The story of one message: a timeline in sentences, made of what is stored.

Nothing is worked out again: what let a message through, which limits it was paid from, which route it took and when it
is tried again were decided once and kept with its events (app/delivery/why.py). What holds it back right now is what
pacing says of its class, and what its campaign says of itself.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.delivery.explain import words as words
from app.delivery.explain.around import of_campaign, of_notices, of_reader
from app.delivery.explain.order import in_order, standing
from app.delivery.explain.steps import SHORT, listed, of_events, why_dropped
from app.delivery.explain.story import HITS, Event, Explanation, Step, Story, Waiting, is_final
from app.delivery.explain.waiting import meter, news_of, waits_for
from app.delivery.explain.words import span
from app.delivery.outcomes import EventKind, Status
from app.delivery.people.windows import Hours
from app.delivery.why import told
from app.topics import PHONES

MOST_STEPS = 500


def explain(story: Story, hours: Hours | None = None) -> Explanation:
    """The timeline of *story*, in the order of time, with what it waits for."""
    events = in_order(story.events)
    story = replace(story, status=standing(story.status, events))
    final = is_final(story.status, events) and news_of(story, events) is None
    waiting = None if final else waits_for(story, events, hours)
    steps = [
        *listed(story),
        *of_events(story, events),
        *of_campaign(story, events, final),
        *of_notices(story, events, final),
        *of_reader(events),
    ]
    steps.sort(key=lambda each: each.at)  # stable: what happened at one moment stays in the order of causes
    if waiting is not None:
        steps.append(
            Step(story.now, "waits", f"Now: {waiting.text}.", rule=waiting.held_by, limit=meter(waiting.held_by))
        )
    return Explanation(
        story.message, story.campaign, story.recipient, story.address, story.status, final,
        _summary(story, events, waiting), steps[-MOST_STEPS:], waiting,
    )  # fmt: skip


def _summary(story: Story, events: Sequence[Event], waiting: Waiting | None) -> str:
    last = [each for each in events if each.kind not in HITS]
    if waiting is not None:
        return f"{words.SO_FAR.get(story.status, 'Not sent yet')}: {waiting.text}.{_ways(events)}"
    dropped = next((each for each in reversed(last) if each.kind == EventKind.DROPPED), None)
    if story.status == Status.DROPPED and dropped is not None:
        return f"Not sent: {why_dropped(story, dropped)}."
    decisive = next((each for each in reversed(events) if each.kind == words.KIND_OF_STATUS.get(story.status)), None)
    if decisive is None:
        return f"It is {story.status}."
    ends = words.ENDS | words.ENDS_ON_PHONES if decisive.channel in PHONES else words.ENDS
    text = f"{ends[Status(story.status)]} {told(decisive.at)}"
    if decisive.route:
        text += f" over route {decisive.route}"
    if decisive.attempt > 1:
        text += f", at attempt {decisive.attempt}"
    good = decisive.kind in (EventKind.SENT, EventKind.DELIVERED, *HITS)
    if not good and (said := words.reply(decisive.code, decisive.detail)):
        text += f": {said}"
    elif last and decisive.at - last[0].at >= SHORT:
        text += f", {span(decisive.at - last[0].at)} after it was let through"
    return f"{text.rstrip('.')}.{_ways(events)}"


def _ways(events: Sequence[Event]) -> str:
    """What became of it on each of its channels, where it has had several."""
    last: dict[str, Event] = {}
    for each in events:
        if each.attempt and each.channel in PHONES:
            last[each.channel] = each
    if len(last) < 2:
        return ""
    return " " + "; ".join(f"{words.CHANNELS[channel]}: {_came_to(each)}" for channel, each in last.items()) + "."


def _came_to(event: Event) -> str:
    if event.kind in (EventKind.SENT, EventKind.DELIVERED):
        return words.ON_PHONES[event.kind]
    if event.kind in HITS:
        return words.HITS[event.kind][0].lower() + words.HITS[event.kind][1:]
    why = event.detail or words.CLASSES.get(event.klass, event.klass.replace("_", " "))
    return why or words.OUTCOMES.get(event.kind, event.kind)
