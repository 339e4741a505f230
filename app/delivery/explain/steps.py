"""What happened to a message, each thing in a sentence: listed, let through, its turn, what became of its attempts."""

import re
from collections.abc import Sequence

from app.delivery.explain import words as words
from app.delivery.explain.story import HITS, Event, StateAt, Step, Story, Suppressed
from app.delivery.explain.words import span
from app.delivery.limits.words import EVERY_NAME, in_words
from app.delivery.limits.words import words as limit_words
from app.delivery.outcomes import DropReason, EventKind
from app.delivery.why import CAP, dedup_key_in, later_in, tier_in, told, without_again
from app.topics import PHONES

HELD = re.compile(r"held (\d+(?:\.\d+)?) s by ([^;]+)")  # as pacing tells what held a class back (pacing_why.py)
MOST_OF = 0.9  # of a wait: nothing else needs to be told
SHORT = 2.0  # seconds of waiting that nobody asks about
ATTEMPTED = (EventKind.SENT, EventKind.DELIVERED, EventKind.BOUNCED, EventKind.BLOCKED, EventKind.UNKNOWN)


def listed(story: Story) -> list[Step]:
    """Its place in the fixed audience, if it is still known."""
    seat, entry = story.seat, story.entry
    if seat is None or seat.reason:
        return []
    text = f"In the audience of {name_of(story)} as row {seat.row:,}"
    if seat.lists:
        text += f", from {words.listing([f'list {each}' for each in seat.lists])}"
    elif entry is not None and entry.spec.segments:
        text += f", from {words.listing([f'segment {each}' for each in entry.spec.segments])}"
    return [Step(seat.sealed_at, "listed", f"{text}.", rule="audience", figures={"row": seat.row})]


def of_events(story: Story, events: Sequence[Event]) -> list[Step]:
    """What the gate, pacing and the mail servers decided. *events* are in the order of causes."""
    steps: list[Step] = []
    ready, since = 0.0, ""  # from when on it could leave, and after what
    for event in events:
        if event.kind in HITS:
            continue
        before, again = without_again(event.why)
        if event.kind == EventKind.QUEUED:
            steps.append(_queued(event))
            later = later_in(event.why)
            ready, since = (later[0], later[1]) if later else (event.at, "")
            continue
        if event.kind == EventKind.DROPPED:
            steps.append(_dropped(story, event))
            continue
        if event.kind == EventKind.DEFERRED and event.klass == DropReason.CAPPED:
            steps.append(_put_off(event))
            ready, since = later_in(event.why) or (0.0, "")
            continue
        if ready and event.attempt and _is_outcome_of_attempt(event, steps):
            steps += _waited(story, event, before, ready, since)
            ready = 0.0
        if event.kind == EventKind.UNKNOWN and event.klass in words.DECISIONS:
            steps.append(_decision(event, words.DECISIONS[event.klass]))
            ready, since = event.at, ""
            continue
        if event.kind == EventKind.SENT and _was_lost(event, steps):
            steps.append(_decision(event, words.HAD_GONE_OUT))
            continue
        steps.append(_outcome(story, event, before))
        if again is not None:
            ready, since = again.due, f"retry.{again.policy}"
            wait = max(0.0, again.due - event.at)
            text = (
                ((words.AGAIN_ON_PHONES if event.channel in PHONES else words.AGAIN) | words.ONWARD)
                .get(again.policy, words.AGAIN_AT)
                .format(attempt=again.attempt, span=span(wait), at=told(again.due))
            )
            steps.append(Step(
                event.at, "retry", text, rule=f"retry.{again.policy}", route=event.route,
                figures={"attempt": again.attempt, "delay": round(wait, 3), "due": again.due},
            ))  # fmt: skip
    return steps


def _is_outcome_of_attempt(event: Event, steps: Sequence[Step]) -> bool:
    """Whether *event* is what an attempt came to, not what was heard of it later."""
    if event.kind == EventKind.DEFERRED:
        return True
    return event.klass not in words.DECISIONS and not any(
        each.kind in ATTEMPTED and each.figures.get("attempt") == event.attempt for each in steps
    )


def _was_lost(event: Event, steps: Sequence[Step]) -> bool:
    """Whether the outcome of the attempt was lost before."""
    return any(each.kind == EventKind.UNKNOWN and each.figures.get("attempt") == event.attempt for each in steps)


def _decision(event: Event, text: str) -> Step:
    """What was decided on a lost outcome, by somebody who knew or by age."""
    said = text.format(attempt=event.attempt)
    return Step(
        event.at, event.kind, f"{said} ({event.detail})." if event.detail else f"{said}.",
        rule=f"unknown.{event.klass or 'sent'}", route=event.route, figures={"attempt": event.attempt},
    )  # fmt: skip


def _queued(event: Event) -> Step:
    place = f"{event.group or 'other'}" if event.channel in PHONES else f"mailbox provider {event.group or 'other'}"
    text = f"Let through: nothing forbids it. It goes to {place}"
    tier, later, key = tier_in(event.why), later_in(event.why), dedup_key_in(event.why)
    if tier:
        text += f", to {words.TIERS.get(tier, tier)}"
    if key:
        text += f"; for a while nothing else goes to this person under dedup key {key}"
    rule, figures = "gate", dict[str, float]()
    if later:
        text += f". {_later(event, later)}"
        rule, figures = later[1], {"due": later[0]}
    return Step(event.at, event.kind, f"{text}.", rule=rule, figures=figures)


def _put_off(event: Event) -> Step:
    """By a frequency cap, when its turn came."""
    later = later_in(event.why) or (event.at, CAP)
    return Step(event.at, event.kind, f"Put off: {_later(event, later)}.", rule=CAP, figures={"due": later[0]})


def _later(event: Event, later: tuple[float, str]) -> str:
    due, rule = later
    text = words.LATER.get(rule, words.LATER_AT).format(at=told(due))
    return f"{text} ({event.detail})" if event.detail else text


def _dropped(story: Story, event: Event) -> Step:
    return Step(event.at, event.kind, f"Not sent: {why_dropped(story, event)}.", rule=f"dropped.{event.klass}")


def why_dropped(story: Story, event: Event) -> str:
    """The reason of a DROPPED, with whom, since when, or which other message."""
    said = words.DROPPED.get(event.klass, event.klass)
    detail = event.detail
    if event.klass == DropReason.SUPPRESSED:
        found = _suppression(story, event)
        if found is not None:
            scope = words.SCOPES.get(found.scope, found.scope).format(name=found.scope_id)
            source = f", by {found.source}" if found.source else ""
            return f"{said} {scope} since {told(found.since)} ({found.reason}{source})"
    if event.klass == DropReason.DUPLICATE and story.other is not None:
        campaign, at = story.other
        return f"{said}: {detail} of campaign {campaign} at {told(at)}"
    return f"{said} ({detail})" if detail else said


def _suppression(story: Story, event: Event) -> Suppressed | None:
    """The one that the gate found: it keeps the reason and the scope of it."""
    fits = [
        each
        for each in story.suppressions
        if each.since <= event.at + 1
        and f"{each.reason} ({each.scope})" == event.detail
        and each.channel in ("", event.channel)
    ]
    return max(fits, key=lambda each: each.since, default=None)


def _waited(story: Story, event: Event, why: str, ready: float, since: str) -> list[Step]:
    """How long it stood in line before the attempt, and at what."""
    waited = event.at - ready
    if waited < SHORT:
        return []
    held = HELD.search(why)
    paused = _paused(story, ready, event.at)
    text = f"It waited {span(waited)} for its turn"
    if held and float(held[1]) >= MOST_OF * waited:
        text += f" at the {limit_words(held[2], story.rates)}"
    elif held:
        text += f", {span(float(held[1]))} of them at the {limit_words(held[2], story.rates)}"
    if paused >= SHORT:
        text += f", {span(paused)} of them because the campaign was not running"
    after = words.READY.get(since, "")
    return [Step(
        ready, "waited", f"{text}{after}.", rule="pacing", limit=held[2] if held else "",
        figures={"seconds": round(waited, 3), "not_running": round(paused, 3)},
    )]  # fmt: skip


def _paused(story: Story, since: float, until: float) -> float:
    """Seconds between *since* and *until* in which its campaign did not send."""
    total, stopped_at = 0.0, 0.0
    for each in [*story.states, StateAt("RUNNING", until)]:
        at = min(max(each.at, since), until)
        if stopped_at and each.state == "RUNNING":
            total, stopped_at = total + max(0.0, at - stopped_at), 0.0
        elif not stopped_at and each.state == "PAUSED":
            stopped_at = at
    return total


def _outcome(story: Story, event: Event, why: str) -> Step:
    text = words.OUTCOMES.get(event.kind, event.kind)
    if event.channel in PHONES:
        text = words.ON_PHONES.get(event.kind, text)
        text = f"{words.CHANNELS[event.channel]}, attempt {event.attempt}: {text}" if event.attempt else text
    else:
        text = f"Attempt {event.attempt}: {text}" if event.attempt else text
    if event.route:
        text += f" over route {event.route}"
    said = words.reply(event.code, event.detail)
    if event.klass and event.kind not in (EventKind.SENT, EventKind.DELIVERED):
        text += f", {words.CLASSES.get(event.klass, event.klass.replace('_', ' '))}"
    if said:
        text += f": {said}"
    if why:
        text += f". Why: {in_words(why, story.rates)}"
    if event.kind == EventKind.UNKNOWN:
        text += f". {words.UNKNOWN_POLICIES[_unknown_policy(story)]}"
    figures: dict[str, float] = {"attempt": event.attempt}
    if event.code:
        figures["code"] = event.code
    limit = EVERY_NAME.search(why)
    return Step(
        event.at, event.kind, f"{text.rstrip('.')}.", rule=event.klass, route=event.route,
        limit=limit[0] if limit else "", figures=figures,
    )  # fmt: skip


def _unknown_policy(story: Story) -> str:
    return story.entry.spec.unknown if story.entry is not None else "hold"


def name_of(story: Story) -> str:
    """Its campaign, as people call it."""
    return f"campaign {story.entry.spec.name}" if story.entry is not None else f"campaign {story.campaign}"
