"""query_sm: an SMSC is asked what became of a message of which no receipt came. SMPP 3.4 issue 1.2, section 4.8.

It is asked by the id as it wrote it and with the sender of the message, which many compare. Both stand in the detail of
the answer that took the message, where they are not the reference and the sender of the route.
"""

import re
from datetime import UTC, datetime, timedelta

from app.delivery.reports.kinds import ReportKind
from app.provider_accounts import Smpp
from app.providers.contract import Unreadable
from app.providers.echo import sought_in
from app.providers.smpp_pdu import GENERIC_NACK, INVALID_COMMAND, Pdu, queried_in, query_sm
from app.providers.smpp_states import STATES, WORD_OF, source_of
from app.records import ReceivedReport, Told

WRITTEN, FROM = " as ", " from "  # in the detail, before what the SMSC or we have written otherwise
THROTTLED, QUEUE_FULL, NOT_BOUND = 0x58, 0x14, 0x04
BUSY = frozenset({0x08, 0x64, 0xFE, 0xFF})
_DETAIL = re.compile(rf"accepted(?:{WRITTEN}(?P<id>\S{{1,64}}))?(?:{FROM}(?P<sender>.{{1,21}}))?")
_MOMENT = re.compile(r"(\d{12})(\d)(\d\d)([+-])")  # 7.1.1: YYMMDDhhmmss, tenths, quarters of an hour, direction


def query_for(config: Smpp, ref: str, detail: str) -> bytes | None:
    """The body of a query_sm about the message that was taken with *ref* and *detail*; None where nothing names it.

    Of several parts the last one is asked about, as its receipt tells of the message. Never raises.
    """
    found = _DETAIL.fullmatch(detail)
    written, sender = (found["id"], found["sender"]) if found is not None else (None, None)
    identity = written or ref.rpartition(",")[2]
    try:
        return query_sm(identity, source_of(sender or config.sender)) if identity else None
    except ValueError:
        return None


def is_unknown_command(pdu: Pdu) -> bool:
    """Whether the SMSC says with *pdu* that it has no query_sm."""
    return pdu.status == INVALID_COMMAND or (pdu.command == GENERIC_NACK and status_of(pdu) not in (429, 503))


def status_of(pdu: Pdu) -> int:
    """The answer to a query_sm as a status of HTTP, which look-ups go by."""
    if pdu.status == 0:
        return 200
    if pdu.status in (THROTTLED, QUEUE_FULL):
        return 429
    if pdu.status in BUSY:
        return 503
    return 403 if pdu.status == NOT_BOUND else 404


def looked_up(config: Smpp, received: ReceivedReport, pdu: Pdu) -> list[Told | Unreadable]:
    """What a query_sm_resp tells of the message that was asked about. Never raises."""
    found = queried_in(pdu)
    if isinstance(found, str):
        return [Unreadable(found, received.body)]
    sought = sought_in(received.query)
    if len(sought.message_id) != 16:
        return [Unreadable("an answer to nobody's question", received.body)]
    word = WORD_OF.get(found.state, "")
    _, kind, klass = STATES.get(word, (-1, ReportKind.UNRECOGNISED, ""))
    if kind in (ReportKind.UNRECOGNISED, ReportKind.ACCEPTED) or word == "UNKNOWN":
        return []  # it is on its way, or nobody knows
    if kind is ReportKind.BOUNCED:  # the figures of this field differ from those of receipts: only what the route says
        klass = config.errors.get(str(found.error), config.errors.get(f"{found.error:03}", klass))
        kind = ReportKind.BLOCKED if klass == "block" else kind
    return [Told(
        sought.message_id, kind, _moment(found.at, received.at), sought.attempt, ref=sought.ref, klass=klass,
        reason="expired" if kind is ReportKind.EXPIRED else "", detail=f"{word} error {found.error or 'none'}",
        action="suppress" if klass == "hard" else "none", event=f"{sought.ref}|{word}", said=word,
    )]  # fmt: skip


def _moment(written: str, at: float) -> float:
    """The absolute time *written*, *at* where it is none; the sooner of both."""
    found = _MOMENT.fullmatch(written)
    if found is None:
        return at
    try:
        local = datetime.strptime(found[1], "%y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return at
    ahead = timedelta(minutes=15 * int(found[3]))
    done = (local - ahead if found[4] == "+" else local + ahead).timestamp()
    return min(done, at)
