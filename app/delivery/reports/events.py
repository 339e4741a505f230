"""Reports as event packs: one for what was told alike of messages of one campaign and route."""

from collections.abc import Iterable
from typing import NamedTuple

from app.delivery.outcomes import EventKind
from app.delivery.partition_records import MessageState
from app.delivery.reports.kinds import ReportKind
from app.delivery.retries import Again
from app.delivery.why import with_next
from app.records import EventPack, Told

LONGEST = 500  # characters of a detail
MOST_CODE = 0xFFFF_FFFF
MACHINE, PERSON = "automated.provider", "human"  # classes of opens and clicks: app/delivery/reports/hits.py has others

# What is told of a message several times, each an event of its own.
REPEATED = frozenset({ReportKind.DEFERRED, ReportKind.OPENED, ReportKind.CLICKED, ReportKind.UNRECOGNISED})
UNTOLD = frozenset({ReportKind.ACCEPTED})  # says no more than the answer of the provider did


class Reported(NamedTuple):
    """One report, and the message it is about as it was before."""

    message_id: bytes
    state: MessageState
    told: Told
    kind: ReportKind
    again: Again | None = None  # the next try


def of_reports(reported: Iterable[Reported], source: str) -> list[EventPack]:
    """Their events."""
    alike: dict[tuple[str, str, str, str, str, str, int, Again | None], list[Reported]] = {}
    for each in reported:
        state, told = each.state, each.told
        key = (
            state.account, state.campaign, state.channel, state.lane, str(each.kind), state.route,
            told.attempt or state.attempt, each.again,
        )  # fmt: skip
        alike.setdefault(key, []).append(each)
    return [_pack(*key, rows, source) for key, rows in alike.items()]


def _pack(
    account: str, campaign: str, channel: str, lane: str, kind: str, route: str, attempt: int, again: Again | None,
    rows: list[Reported], source: str,
) -> EventPack:  # fmt: skip
    told = [each.told for each in rows]
    hits = kind in (EventKind.OPENED, EventKind.CLICKED)
    return EventPack(
        account, campaign, channel, lane, kind, "", route, attempt, told[0].at,
        b"".join([each.message_id for each in rows]), b"".join([each.state.recipient for each in rows]),
        times=[each.at for each in told],
        codes=[min(MOST_CODE, max(0, each.code)) for each in told],
        classes=[(MACHINE if each.machine else PERSON) if hits else each.klass for each in told],
        details=[((each.url if hits else "") or each.detail or each.said)[:LONGEST] for each in told],
        refs=[each.ref for each in told],
        why=with_next(f"told by {source}", again, "soft"),
        reports=[each.event or f"{each.said} {each.at:.3f} {each.code}" for each in told],
        groups=[each.state.group for each in rows],
        reasons=[each.reason for each in told],
        actions=[each.action for each in told],
        enhanced=[each.status for each in told],
    )  # fmt: skip
