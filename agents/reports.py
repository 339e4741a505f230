"""report.received -> delivery.reported, ref.learned, inbound.received: reads what providers sent, and passes it on.

A body is read by the adapter of its route. One part that cannot be read never costs the others: it goes to the dead
letters with its bytes.
"""

import logging
import math
import zlib
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from faust.types import AgentT, EventT, StreamT
from pydantic import ValidationError

from agents.gathering import Gathering
from agents.number_owners import NumberOwners
from app import ids, topics
from app.delivery.campaigns.notice_ids import notice_id
from app.delivery.reports.counts import LOOKUP
from app.delivery.reports.hook_tokens import Tokens
from app.delivery.reports.packs import references_of, reports_of
from app.delivery.routes.checks import IMPLICIT
from app.faults import reached
from app.provider_accounts import SmtpServer
from app.providers.contract import AccountNews, Unreadable, Wish
from app.providers.registry import adapter_of
from app.records import Inbound, ReceivedReport, Told, Undecodable, decode, encode
from app.routes import Notice, Route
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.directory import Directory
from app.stream.lanes import Lanes
from app.things import ThingRecord

log = logging.getLogger("fanfare.reports")

MOST_BODY = 16_000_000  # bytes of a body that is unpacked
MOST_PARTS = 50_000  # of a body
MOST_SINGLE = 20  # parts of a body that are set aside one by one: beyond it the whole body is
MOST_SET_ASIDE = 1_000_000  # bytes of a part that is set aside without the rest of its body
MOST_ATTEMPT = 0xFFFF
LONGEST_ADDRESS, LONGEST_SAID, LONGEST_NUMBER, LONGEST_EVENT = 320, 500, 50, 200  # characters
KINDS_OF_WISH = frozenset({"unsubscribed", "resubscribed", "help"})
OLDEST, LATEST = 40 * 86_400.0, 86_400.0  # seconds around its arrival at which a report may say that it happened
LONGEST = {"ref": 300, "klass": 40, "reason": 80, "status": 20, "detail": 500, "action": 20, "event": 200, "said": 100,
           "url": 500, "kind": 20}  # fmt: skip


# Whose bounces come back while no route is stored; of the server of FANFARE_SMTP_* nothing is needed to read them.
IMPLIED = Route(name=IMPLICIT, smtp=SmtpServer(host="localhost"))


class Sorted(NamedTuple):
    """The parts of a body by where they go."""

    told: list[Told]  # of messages that they name
    refs: list[Told]  # that know the provider's id alone
    wishes: list[Wish]
    news: list[AccountNews]
    unreadable: list[Unreadable]


class Routes:
    """Routes as route.changed has them now."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._read: dict[str, Route | None] = {}
        directory.on_change(self._changed)

    def _changed(self, name: str, _: bytes | None) -> None:
        self._read.pop(name, None)

    def names(self) -> list[str]:
        """Of all routes that are stored."""
        return list(self._directory.entries)

    def get(self, name: str) -> Route | None:
        """The route, None where there is none that can be read."""
        if name not in self._read:
            raw = self._directory.entries.get(name)
            absent = IMPLIED if name == IMPLICIT else None
            try:
                self._read[name] = absent if raw is None else Route.model_validate_json(raw)
            except ValidationError as error:
                log.error("route %s cannot be read, it is as if it were not there: %s", name, error)
                self._read[name] = None
        return self._read[name]


def attach(app: StreamApp, lanes: Lanes, routes: Routes, owners: NumberOwners, dead: DeadLetters) -> AgentT[bytes]:
    """Add the agent of reports to *app*. *owners* know whose number somebody has written to."""
    gathering, tokens = Gathering(app), Tokens()

    @app.agent(app.raw_topic(topics.REPORT_RECEIVED), name="reports")
    async def reports(received: StreamT[bytes]) -> None:
        await lanes.run(received, take)

    async def take(event: EventT[bytes]) -> None:
        received = decode(ReceivedReport, event.value)
        if isinstance(received, Undecodable):
            await dead.put(event, received.reason)
            return
        route = routes.get(received.route)
        if route is None:
            await dead.put(event, f"a report of the route {received.route[:200]!r}, which is not there any more")
            return
        if received.id and received.source == "webhook" and _signs_id_alone(route):
            if tokens.is_reused(route.name, received.id, received.body):
                await dead.put(event, "its token came before, with another body")
                return
            tokens.note(route.name, received.id, received.body)
        parts = parts_in(route, received)
        if isinstance(parts, str):
            await dead.put(event, parts)
            return
        inbound, secret = list[Inbound](), app.settings.secret_path.read_bytes() if parts.wishes else b""
        for wish in parts.wishes:
            try:
                inbound.append(inbound_of(wish, route, secret, received.at, owners.of(wish.sender)))
            except (UnicodeError, ValueError) as error:
                parts.unreadable.append(Unreadable(f"a wish of nobody: {error}", repr(wish)[:2_000].encode()))
        for what in parts.unreadable[:MOST_SINGLE]:
            if len(what.raw) > MOST_SET_ASIDE:
                await dead.put(event, what.reason)  # as it came: unpacked it would not fit
                continue
            value = encode(msgspec.structs.replace(received, body=what.raw, packed=False))
            await dead.put_value(topics.REPORT_RECEIVED, event.message.partition, value, what.reason)
        if len(parts.unreadable) > MOST_SINGLE:
            await dead.put(event, f"{len(parts.unreadable)} parts cannot be read: {parts.unreadable[-1].reason}")
        lanes.check(event)
        await gathering.wait(list(hand_on(route, received, parts, inbound)))
        reached("reports.sent")

    def hand_on(
        route: Route, received: ReceivedReport, parts: Sorted, inbound: Iterable[Inbound]
    ) -> Iterator[Awaitable[object]]:
        source = f"{received.provider}{LOOKUP}" if received.source == "lookup" else received.provider
        for owner, report in reports_of(parts.told, route.name, source, received.at, app.partitions):
            yield gathering.add(owner, report)
        for owner, references in references_of(parts.refs, route.name, source, received.at, app.partitions):
            yield app.produce_soon(topics.REF_LEARNED, owner, None, encode(references))
        for said in inbound:
            owner = ids.partition_of(said.recipient_id, app.partitions)
            yield app.produce_soon(topics.INBOUND_RECEIVED, owner, None, encode(said))
        for news in parts.news:
            record = notice_of(news, route)
            yield app.produce_soon(topics.THING_RECORDED, None, record.id.encode(), record.model_dump_json().encode())

    return reports


def _signs_id_alone(route: Route) -> bool:
    return getattr(adapter_of(route.adapter, route.channel), "SIGNS_ID_ALONE", False)


def parts_in(route: Route, received: ReceivedReport) -> Sorted | str:
    """What *received* holds, or why nothing of it can be read. Never raises."""
    adapter = adapter_of(route.adapter, route.channel)
    if adapter is None or not hasattr(adapter, "events_in"):
        return f"the adapter {route.adapter} of the route {route.name} reads no reports"
    if received.packed:
        body = unpacked(received.body)
        if body is None:
            return "the body is not packed as it should be, or too large"
        received = msgspec.structs.replace(received, body=body, packed=False)
    try:
        found = adapter.events_in(route.config, received)
    except Exception as error:  # a mistake of the adapter must not stop what comes after
        log.exception("the adapter %s cannot read a report", route.adapter)
        return f"a mistake of the adapter {route.adapter}: {type(error).__name__}: {error}"[:500]
    if len(found) > MOST_PARTS:
        return f"{len(found)} parts in one body: the most is {MOST_PARTS:,}"
    return sorted_parts(found, received)


def unpacked(body: bytes) -> bytes | None:
    """*body* as it was; None where it cannot be, or is larger than any."""
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(body, MOST_BODY)
    except zlib.error:
        return None
    return whole if unpacker.eof else None


def sorted_parts(found: Sequence[object], received: ReceivedReport) -> Sorted:
    """What was *found* in *received* by where it goes; what an adapter may not tell is unreadable."""
    parts, at = Sorted([], [], [], [], []), received.at
    all_stored = _can_be_stored([each for each in found if type(each) is Told])
    for each in found:
        match each:
            case Told() if not (all_stored or _can_be_stored(each)):
                parts.unreadable.append(Unreadable("a report that cannot be stored", repr(each)[:2_000].encode()))
            case Told() if len(each.message_id) == ids.ID_BYTES:
                parts.told.append(within_bounds(each, at))
            case Told() if not each.message_id and each.ref:
                parts.refs.append(within_bounds(each, at))
            case Told():
                parts.unreadable.append(Unreadable("a report of a message that it does not name", encode(each)))
            case Wish():
                parts.wishes.append(each)
            case AccountNews():
                parts.news.append(each)
            case Unreadable():
                parts.unreadable.append(each)
    return parts


def _can_be_stored(told: Told | Sequence[Told]) -> bool:
    """Whether *told* can be written at all: half a surrogate pair in a text would stop all that travels with it."""
    try:
        encode(told)
    except (UnicodeError, ValueError, OverflowError, TypeError):
        return False
    return True


def within_bounds(told: Told, at: float) -> Told:
    """*told* with texts that fit and a moment that can be."""
    if len(told.event) > 200 or len(told.ref) > 200 or len(told.url + told.detail) > 500 or len(_words(told)) > 80:
        for name, most in LONGEST.items():
            if len(getattr(told, name)) > most:
                setattr(told, name, getattr(told, name)[:most])
    if not at - OLDEST <= told.at <= at + LATEST:  # NaN is in no range
        told.at = at
    if not 0 <= told.attempt <= MOST_ATTEMPT:
        told.attempt = min(max(0, told.attempt), MOST_ATTEMPT)
    return told


def _words(told: Told) -> str:
    return told.klass + told.reason + told.status + told.action + told.said + told.kind


def inbound_of(wish: Wish, route: Route, secret: bytes, at: float, owners: list[str]) -> Inbound:
    """Who has written what, and whose it is: of *owners*, who have the number, else of the accounts of the route.

    Where neither is known, it is found out in the partition of the person. *at* is when it came. Raises ValueError, or
    UnicodeError, for an address that is none.
    """
    phone = wish.channel in topics.PHONES
    address = wish.address if phone else ids.normalise_email(wish.address)
    if not address or (phone and not address.removeprefix("+").isdigit()) or len(address) > LONGEST_ADDRESS:
        raise ValueError(f"{wish.address[:80]!r} is no {'number' if phone else 'address'}")
    named, by = [each for each in owners if not route.accounts or each in route.accounts], "number"
    if not named:
        named, by = list(route.accounts), "route" if route.accounts else ""
    when = wish.at if math.isfinite(wish.at) and at - OLDEST <= wish.at <= at + LATEST else at
    recipient = ids.recipient_id(secret, ids.PHONE if phone else wish.channel, address)
    kind = wish.kind if wish.kind in KINDS_OF_WISH else ""
    return Inbound(
        route.name, route.adapter, wish.channel, recipient, address, kind, _utf8(wish.text, LONGEST_SAID),
        _utf8(wish.sender, LONGEST_NUMBER), when, at, _utf8(wish.event, LONGEST_EVENT), named, by, wish.answered,
    )  # fmt: skip


def _utf8(text: str, most: int) -> str:
    """Up to *most* characters of *text* that can be passed on."""
    return text[:most].encode("utf-8", "replace").decode()


def notice_of(news: AccountNews, route: Route) -> ThingRecord:
    """What a provider tells of our account there, as a notice. Told twice, it is one."""
    level = news.level if news.level in ("info", "warning", "alert") else "warning"
    notice = Notice.model_validate({
        "id": notice_id(news.at, "news", route.name, news.event or news.text), "at": news.at, "kind": "warned",
        "level": level, "route": route.name, "reason": f"{route.adapter} tells: {news.text}"[:1_000],
    })  # fmt: skip
    return ThingRecord(
        kind="notice", account="", id=notice.id, version=1, at=notice.at, body=notice.model_dump(mode="json")
    )
