"""The binary records that travel on the pipeline topics: their shapes and their codec.

msgpack arrays through msgspec: a field may be added at the end, with a default, and nowhere else.
Times are float seconds since 1970 (UTC) by the broker's clock. Commands, answers and directory
entries are JSON and live in app/commands.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec


class Recipient(msgspec.Struct, array_like=True):
    """One person of a pack. *variables* is a JSON object as bytes, decoded only to render."""

    recipient_id: bytes
    address: str
    group: str
    variables: bytes = b"{}"
    due: float = 0.0  # not before this moment; 0 is at once
    variant: int = 0  # of an experiment: its number from 1, 0 for who is not in the test
    zone: str = ""  # time zone, where hours are those of the recipient
    tier: str = ""  # how the person has reacted of late: engaged, new, dormant
    parts: int = 1  # SMS that the message takes
    sender: str = ""  # number or sender id that it comes from; "": that of the route


class RecipientPack(msgspec.Struct, array_like=True):
    """recipient.listed.{bulk,transactional}: up to 500 people who share a partition."""

    pack_id: bytes
    account: str
    campaign: str
    run: int
    day: int
    lane: str
    rows: list[Recipient]
    request: str = ""  # idempotency key of a POST that waits for the verdict
    body: bytes = b""  # hash of that request: the same pack id with another one is refused


class Outgoing(msgspec.Struct, array_like=True):
    """One message of a release."""

    message_id: bytes
    recipient_id: bytes
    address: str
    variables: bytes
    variant: int = 0


class Release(msgspec.Struct, array_like=True):
    """send.attempted.<channel>.<lane>: one slice of one class that has credit, to be sent once.

    Produced again, identical, until its result is settled; the sender executes it at most once.
    """

    release_id: bytes
    account: str
    campaign: str
    lane: str
    group: str
    route: str
    attempt: int
    released_at: float
    not_after: float
    spec_version: int
    rows: list[Outgoing]
    why: str = ""  # which rules, limits and route decided, in words: told with what becomes of it
    channel: str = "email"
    parts: int = 1  # SMS that each message takes
    sender: str = ""  # number or sender id that they come from; "": that of the route


class Outcome(msgspec.Struct, array_like=True):
    """What became of one message: *kind* is one of app.delivery.outcomes.Kind, by value."""

    kind: str
    at: float
    code: int = 0  # the SMTP reply code, or 0
    klass: str = ""  # bounce class, "" when accepted
    detail: str = ""  # the provider's last words, at most 500 characters
    ref: str = ""  # the provider's own id for the message


class Result(msgspec.Struct, array_like=True):
    """send.resulted: the answer to one release.

    *returned* tells why nothing of it was sent (late, paused, cancelled, expired spec); then
    *outcomes* is empty, else it is aligned with the rows of the release. A message that was
    itself not begun has an outcome of kind "returned".
    """

    release_id: bytes
    campaign: str
    route: str
    at: float
    outcomes: list[Outcome]
    returned: str = ""


class Told(msgspec.Struct, array_like=True):
    """What a provider tells of one message after the attempt: *kind* is one of app.delivery.reports.ReportKind.

    *message_id* (16 bytes) is empty where the provider knows only its own id, *ref*.
    """

    message_id: bytes
    kind: str
    at: float  # when it happened, by the provider's clock
    attempt: int = 0  # 0: whichever was the last
    ref: str = ""
    klass: str = ""  # bounce class: hard, soft, block, content, auth, mailbox_full, suppressed, undetermined ...
    reason: str = ""  # userunknown, mailboxfull, spamdetected ...
    code: int = 0  # reply code or error code of the provider
    status: str = ""  # enhanced status code, RFC 3463
    detail: str = ""  # the provider's words, at most 500 characters
    action: str = "none"  # what follows from it: suppress, retry, slow, alert, none
    event: str = ""  # the provider's id of this very report: a repeat changes nothing
    said: str = ""  # the provider's own word for *kind*
    machine: bool = False  # opened or clicked by a program
    url: str = ""  # that was clicked


class ReceivedReport(msgspec.Struct, array_like=True):
    """report.received: what a provider sent, verified, as it came. Read by the intake plane."""

    provider: str  # the adapter: ses, twilio ...
    route: str
    source: str  # webhook, mail, session (of SMPP) or lookup
    at: float  # when it came
    body: bytes
    content_type: str = ""
    query: str = ""
    id: str = ""  # of the request, where the provider gives one: a repeat is dropped
    packed: bool = False  # *body* is compressed (zlib)


class Inbound(msgspec.Struct, array_like=True):
    """inbound.received: what somebody has written to us. Read in the partition of that person."""

    route: str
    adapter: str
    channel: str
    recipient_id: bytes
    address: str  # phone number in E.164, or email address
    kind: str  # unsubscribed, resubscribed, help, or "" for anything else
    text: str
    number: str  # of ours, that it was written to; "" where nobody tells
    at: float  # when it was written, as far as that is told
    received_at: float
    event: str = ""  # the provider's id of it
    accounts: list[str] = []  # whose it is; none: whoever wrote to them last
    by: str = ""  # why those: number, route
    answered: bool = False  # the provider has answered it, as it does with keywords


class Reference(msgspec.Struct, array_like=True):
    """The message behind a provider's own id, or a report that knows only that id."""

    ref: str
    message_id: bytes = b""  # 16 bytes: what was learned
    attempt: int = 0
    told: Told | None = None  # what waits for it


class References(msgspec.Struct, array_like=True):
    """ref.learned: ids of one route that lie in one partition.

    Both what is learned and what is told of an id lie in the partition of the id, so that either may come first.
    """

    route: str
    at: float
    rows: list[Reference]
    source: str = ""  # of the reports: the provider


class DeliveryReport(msgspec.Struct, array_like=True):
    """delivery.reported: what became of messages, as a provider or a person tells it after the attempt.

    In the partition of the messages. A report that comes twice, or after one of a higher rank, changes nothing.
    """

    message_id: bytes  # 16 bytes each; none: all messages of *campaign* in this partition whose outcome was lost
    outcome: str  # sent, not_sent or give_up (app.commands.Resolution): of messages whose outcome was lost; or "told"
    at: float  # it is about attempts up to this moment
    source: str  # who tells: "operator", or a provider
    campaign: str = ""
    attempt: int = 0  # 0: whichever was the last
    told: list[Told] = []  # outcome "told": what a provider reports, each with its own message
    route: str = ""  # over which they went, as far as the reporter knows


class EventPack(msgspec.Struct, array_like=True):
    """event.recorded: one kind of event for many messages, column by column.

    *message_ids* and *recipient_ids* hold 16 bytes a message. A list that is empty means its
    default for every message (code 0, klass/detail/ref "", time *at*).
    """

    account: str
    campaign: str
    channel: str
    lane: str
    kind: str
    group: str
    route: str
    attempt: int
    at: float
    message_ids: bytes
    recipient_ids: bytes
    times: list[float] = []
    codes: list[int] = []
    classes: list[str] = []
    details: list[str] = []
    refs: list[str] = []
    why: str = ""  # what decided: the same for all of the pack
    reports: list[str] = []  # ids of the reports that tell of it: two with the same id are one event
    groups: list[str] = []  # where messages of several groups are told of at once; then *group* is ""
    reasons: list[str] = []  # of a report: userunknown, mailboxfull ...
    actions: list[str] = []  # what follows from it: suppress, retry, slow, alert, none
    enhanced: list[str] = []  # enhanced status codes, RFC 3463


class ClassDemand(msgspec.Struct, array_like=True):
    """What one partition has to send of one class (campaign, lane, destination group)."""

    campaign: str
    lane: str
    group: str
    due: int  # messages that could leave now
    next_due: float  # when the next ones become due, 0 when there are none
    open: int  # messages in open releases
    tier: str = ""
    retry: bool = False  # they were tried before
    pin: str = ""  # the only route they may take: what became of them there is unknown
    open_on: dict[str, int] = {}  # route -> those of *open* that are on the way over it
    channel: str = "email"
    parts: int = 1
    sender: str = ""
    calls: dict[str, int] = {}  # route -> calls in progress: taken, and not over yet


class RouteHealth(msgspec.Struct, array_like=True):
    """What became of messages on one route towards one MX group, since the partition's owner started (*epoch*).

    *counts* by app.delivery.outcomes.Kind, and of reports by the names of app/delivery/reports/counts.py; *signals* by
    the name of a reply that asks to slow down (app/delivery/routes/signals.py). Both only grow.
    """

    route: str
    group: str
    counts: dict[str, int]
    signals: dict[str, int] = {}


class Demand(msgspec.Struct, array_like=True):
    """demand.reported: an absolute snapshot of one partition. A lower *version* is ignored.

    *full* snapshots list every class and every live campaign; others list only what changed
    (a class that emptied is listed with due = open = 0).
    """

    partition: int
    version: int  # changelog offset of the last acknowledged batch
    sequence: int  # orders snapshots of one version
    at: float
    full: bool
    slip: int  # last slip number applied
    classes: list[ClassDemand]
    counters: dict[str, dict[str, int]]  # campaign -> count name -> monotone count
    answered: dict[str, int] = {}  # route -> messages of the partition answered since its owner started
    epoch: float = 0.0  # when its owner started: what is counted since then begins anew
    health: list[RouteHealth] = []
    wasted: list[tuple[int, int, int]] = []  # slips applied of late: (number, index of a grant, messages not taken)


class Grant(msgspec.Struct, array_like=True):
    """Credit for *count* messages of one class over one route."""

    campaign: str
    lane: str
    group: str
    route: str
    count: int
    tier: str = ""
    retry: bool = False
    pin: str = ""
    why: str = ""
    channel: str = "email"
    parts: int = 1
    sender: str = ""
    people: bytes = b""  # stands for the limits that count people on their way; empty: there are none


class Slip(msgspec.Struct, array_like=True):
    """credit.granted: numbered credit for one partition, to be spent once and before *valid_until*.

    *not_after* is the last moment at which a message paid for by this slip may start.
    """

    partition: int
    number: int
    issued_at: float
    valid_until: float
    not_after: float
    grants: list[Grant]
    standing: list[Grant] = []  # credit ahead of demand, for every group of a campaign: replaces what stood before


class SealTask(msgspec.Struct, array_like=True):
    """seal.requested: turn lists into a fixed, ordered audience under *seal*."""

    account: str
    campaign: str
    seal: str
    channel: str
    lists: list[str]
    plan: bytes = b""  # AudiencePlan, JSON


class WinnerTask(msgspec.Struct, array_like=True):
    """winner.requested: count what the variants of an experiment came to. Asked again until it is answered."""

    account: str
    campaign: str
    run: int
    variants: list[str]  # names; a row of the audience has their number, from 1
    metric: str


class Shard(msgspec.Struct, array_like=True):
    """audience.sharded: read rows [first, first + count) of a seal and emit their packs."""

    account: str
    campaign: str
    run: int
    seal: str
    day: int
    lane: str
    first: int
    count: int
    channel: str = "email"


class Beat(msgspec.Struct, array_like=True):
    """worker.beat: who is alive, and up to which directory offset it has heard."""

    worker: str
    plane: str
    at: float
    directory: int  # offset of the last record read from campaign.changed, -1 before the first


class DeadLetter(msgspec.Struct, array_like=True):
    """dead.lettered: bytes that could not be worked on, why, and where they came from."""

    topic: str
    partition: int
    offset: int
    reason: str
    at: float
    key: bytes
    value: bytes


MOST_DEAD_VALUE, MOST_DEAD_KEY, MOST_REASON = 2_500_000, 100_000, 2_000


def dead_letter(
    topic: str, partition: int, offset: int, reason: str, at: float, key: bytes | None, value: bytes | None
) -> DeadLetter:
    """A dead letter that its topic takes: a record larger than any of ours (packed, it may be) is cut, and says so."""
    key, value = key or b"", value or b""
    if len(value) > MOST_DEAD_VALUE or len(key) > MOST_DEAD_KEY:
        reason = f"cut, was {len(key)} + {len(value)} bytes: {reason}"
    return DeadLetter(topic, partition, offset, reason[:MOST_REASON], at, key[:MOST_DEAD_KEY], value[:MOST_DEAD_VALUE])


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that are not the record they should be."""

    raw: bytes
    reason: str


T = TypeVar("T", bound=msgspec.Struct)

_ENCODER = msgspec.msgpack.Encoder()
_DECODERS: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def encode(record: msgspec.Struct | Sequence[msgspec.Struct]) -> bytes:
    """*record*, or several, as msgpack."""
    return _ENCODER.encode(record)


def decode(kind: type[T], raw: bytes) -> T | Undecodable:
    """The record in *raw*, or why there is none. Never raises."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.msgpack.Decoder(kind)
    try:
        return decoder.decode(raw)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        return Undecodable(raw, f"not a {kind.__name__}: {error}")
