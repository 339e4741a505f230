"""Whom the answer to an attempt keeps us from writing to: what a provider says at once, and not in a report later.

The words decide, as in a bounce: that the attempt has failed for good does not say that there is nobody.
"""

from collections.abc import Iterable

from app.bounces.decide import Failure, meaning_of
from app.delivery.gate import MIRRORED
from app.delivery.outcomes import Kind
from app.delivery.partition_records import OpenRelease
from app.delivery.reports.suppress import HARD, Suppress
from app.records import Outcome, Outgoing
from app.topics import PHONES

NOBODY = frozenset({"unknown_user", "bad_domain", "hard"})  # classes that may mean that there is nobody


def suppressions_of(
    release: OpenRelease, answers: Iterable[tuple[Outgoing, Outcome]], *, everywhere: bool
) -> list[Suppress]:
    """Who is suppressed by the *answers* to the messages of *release*, for the account, or *everywhere*."""
    channel = release.channel if release.channel in PHONES else ""
    return [
        Suppress(
            row.recipient_id, release.account, everywhere and reason == HARD, channel, reason, outcome.at,
            route=release.route,
        )
        for row, outcome in answers
        if (reason := _reason(row, outcome))
    ]  # fmt: skip


def _reason(row: Outgoing, outcome: Outcome) -> str:
    if outcome.kind == Kind.BLOCKED and outcome.klass == "suppressed":
        return MIRRORED
    if outcome.kind != Kind.REFUSED or outcome.klass not in NOBODY:
        return ""
    if outcome.klass == "hard":  # an API says so of the address itself
        return HARD
    meaning = meaning_of(Failure(f"{outcome.code} {outcome.detail}", recipient=row.address))
    return HARD if meaning.action == "suppress" else ""
