"""What a command makes of the suppressions of one person. One entry a scope and channel, the newest."""

from collections.abc import Sequence

from app.delivery.gate import UNSUBSCRIBED, Suppression
from app.delivery.reports.suppress import RESTS
from app.suppressions import SuppressionCommand

MOST_ENTRIES = 500  # suppressions of one person: they are one value of the table ...
MOST_BYTES = 200_000  # ... and of so many bytes; a batch is closed when it has as many

Place = tuple[str, str, str, str]  # scope, its name, account, channel


def place_of(named: Suppression | SuppressionCommand) -> Place:
    """Where it holds: of each place ClickHouse has one row."""
    return named.scope, named.scope_id, named.account, named.channel


def changed(entries: list[Suppression], command: SuppressionCommand, now: float) -> list[Suppression]:
    """*entries* after *command*: one entry a scope and channel, the newest.

    Leaving does not undo a complaint, nor does a rest for some weeks what holds longer: both are kept.
    """
    place = place_of(command)
    others = [each for each in entries if place_of(each) != place]
    if command.op == "remove":
        return others
    since = command.at or now
    fresh = Suppression(
        command.scope, command.scope_id, command.reason, command.source, since, command.until, command.account,
        command.channel,
    )  # fmt: skip
    if command.reason == UNSUBSCRIBED:
        others += [entry for entry in entries if entry not in others and _outlives_leaving(entry, now)]
    elif command.reason in RESTS:
        others += [entry for entry in entries if entry not in others and _outlasts(entry, fresh)]
    return [*others, fresh]


def _outlives_leaving(entry: Suppression, now: float) -> bool:
    """Whether *entry* stops more than an unsubscribe does, and still holds."""
    return entry.reason != UNSUBSCRIBED and not 0 < entry.until <= now


def _outlasts(entry: Suppression, fresh: Suppression) -> bool:
    """Whether *entry* holds longer than *fresh*, or for another reason than bounces that may pass."""
    return entry.reason not in RESTS and (not entry.until or entry.until > fresh.until)


def has_room(before: Sequence[Suppression], after: Sequence[Suppression]) -> bool:
    """Whether *after* fits into the table, or takes no more than *before*."""
    room = len(after) <= max(MOST_ENTRIES, len(before)) and 4 * sum(map(_characters, after)) <= MOST_BYTES
    return room or len(after) <= len(before)


def _characters(entry: Suppression) -> int:
    """How long the texts of *entry* are, and what holds them."""
    return len(entry.scope_id) + len(entry.reason) + len(entry.source) + len(entry.account) + 20


def told_of(place: Place, recipient: bytes, entries: Sequence[Suppression]) -> SuppressionCommand:
    """What *entries* come to at *place*, for ClickHouse: the suppression that holds there, or that none does."""
    scope, scope_id, account, channel = place
    here = [each for each in entries if place_of(each) == place]
    told = SuppressionCommand(
        "remove", scope, scope_id, recipient.hex(), account=account, channel=channel, told=True
    )  # fmt: skip
    if here:
        last = here[-1]
        told.op, told.reason, told.source, told.at, told.until = "add", last.reason, last.source, last.since, last.until
    return told


def is_true(told: SuppressionCommand, entries: Sequence[Suppression]) -> bool:
    """Whether *told* is what *entries* come to at its place."""
    now = told_of(place_of(told), told.people[0], entries)
    return (now.op, now.reason, now.at, now.until) == (told.op, told.reason, told.at, told.until)
