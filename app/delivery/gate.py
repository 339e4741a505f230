"""The gate's decision: whom of a pack we may and should write to, and why not the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from app import ids
from app.commands import CampaignEntry
from app.delivery.mx_groups import GROUP_NAME, LONGEST_GROUP
from app.delivery.outcomes import LISTED, PUT_OFF, DropReason, Status
from app.delivery.partition import Partition
from app.delivery.partition_records import ClassKey, MessageState, Sighting, Verdict, WaitingPack, Writes
from app.delivery.people.frequency import NEVER, Desk
from app.delivery.people.tier import AGAIN, is_paid
from app.records import Outgoing, Recipient, RecipientPack
from app.topics import TRANSACTIONAL

MOST_ROWS = 500  # of a pack: what is written for it must fit into one batch
LATEST = 366 * 86_400.0  # seconds: no message waits longer for its time
AT_ONCE = (0.0, "", 1, "")  # due, zone, parts and sender of a row that has nothing of the kind
LONGEST_ZONE = 64  # characters
UNSUBSCRIBED = "unsubscribed"  # reason of a suppression: the person left
MIRRORED = "provider_suppressed"  # the provider does not write to them
HELD_BACK = "held_back"  # WhatsApp has held a marketing message back: for a day there is no other
OF_MARKETING = frozenset({UNSUBSCRIBED, MIRRORED, HELD_BACK})  # reasons that stop only marketing on WhatsApp
LONGEST_REQUEST, LONGEST_BODY = 300, 64  # characters, bytes
MOST_PARTS, LONGEST_SENDER = 255, 50  # SMS that one message takes: more than any template makes; characters

# (zone, due) of a row -> (due inside the hours, zone that counts for them)
Placing = Callable[[str, float], tuple[float, str]]


class Suppression(msgspec.Struct, array_like=True):
    """Do not write to this recipient within a scope, until a time (0: for good)."""

    scope: str  # global, account, list or campaign
    scope_id: str
    reason: str
    source: str
    since: float
    until: float = 0.0
    account: str = ""  # whose list or campaign it is, "" for any
    channel: str = ""  # on which it forbids to write, "" for all


@dataclass(frozen=True, slots=True)
class GateRules:
    """What a campaign asks of the gate."""

    account: str
    campaign: str
    channel: str
    lists: tuple[str, ...]
    dedup_key: str  # "" is the campaign itself
    dedup_window: float
    closed: DropReason | None = None  # nobody is written to any more: cancelled, or expired
    transactional: bool = False  # somebody asked for it: whoever left a newsletter still gets it
    marketing: bool = True  # False: a WhatsApp template of the category utility or authentication


def end_of(entry: CampaignEntry, now: float) -> DropReason | None:
    """Why nobody of *entry* is written to any more, or None."""
    if entry.state in ("CANCELLING", "CANCELLED"):
        return DropReason.CANCELLED
    expired = entry.spec.expires_at is not None and entry.spec.expires_at <= now
    return DropReason.EXPIRED if expired or entry.state == "CLOSING" else None


def sighting_key(rules: GateRules, recipient: bytes) -> bytes:
    """The key under which a recipient's last message of this kind is remembered (24 bytes)."""
    return recipient + _tail(rules)


def is_shared(key: bytes) -> bool:
    """Whether other campaigns may look at the sighting under *key*: its last bit says so."""
    return bool(key[-1] & 1)


def _tail(rules: GateRules) -> bytes:
    scope = f"{rules.account}|{rules.channel}|{rules.dedup_key or rules.campaign}"
    digest = blake2b(scope.encode(), digest_size=8).digest()
    return digest[:-1] + bytes([digest[-1] & 0xFE | bool(rules.dedup_key)])


def sighting_keys(rules: GateRules, rows: Sequence[Recipient]) -> list[bytes]:
    """`sighting_key` of every row."""
    tail = _tail(rules)
    return [row.recipient_id + tail for row in rows]


def applies(suppressions: Sequence[Suppression], rules: GateRules, now: float) -> Suppression | None:
    """The first suppression that forbids this campaign to write, or None.

    Leaving a newsletter is no wish to get no password any more: it stops nothing transactional. Nor does a STOP to a
    number of which nobody knows whose it is, which holds for all accounts on its channel: it says no more than one to a
    number that is known. What is global on all channels stops everything. With a template of another category than
    marketing it is so on WhatsApp, but for what is global.
    """
    for entry in suppressions:
        if entry.until and entry.until <= now:
            continue
        if entry.account and entry.account != rules.account:
            continue  # another account may have a list of the same name
        if entry.channel and entry.channel != rules.channel:
            continue
        if _is_of_marketing(entry, rules):
            continue
        match entry.scope:
            case "global":
                return entry
            case "account" if entry.scope_id == rules.account:
                return entry
            case "campaign" if entry.scope_id == rules.campaign:
                return entry
            case "list" if entry.scope_id in rules.lists:
                return entry
    return None


def _is_of_marketing(entry: Suppression, rules: GateRules) -> bool:
    """Whether *entry* stops marketing alone, and the messages of *rules* are none."""
    everywhere = entry.scope == "global"
    if rules.transactional and entry.reason == UNSUBSCRIBED and (entry.channel or not everywhere):
        return True
    return not everywhere and not rules.marketing and entry.channel == "whatsapp" and entry.reason in OF_MARKETING


@dataclass(frozen=True, slots=True)
class Known:
    """What the table said about the rows of a pack, row by row."""

    suppressions: Sequence[Sequence[Suppression] | None]
    sightings: Sequence[Sighting | None]
    paid: Sequence[Sighting | None] = ()  # under which limits that count people; () where none does


def mistakes_in(pack: RecipientPack, lane: str, partition: int, partitions: int, now: float) -> str:
    """Why *pack* cannot have been read in *lane* of *partition*, or "". A wrong one must not stop the others."""
    if pack.lane != lane:
        return f"a pack of the {pack.lane[:50]!r} lane"
    if not (pack.rows or pack.request) or len(pack.rows) > MOST_ROWS:
        return f"{len(pack.rows)} rows: a pack has 1 to {MOST_ROWS}"
    if not 0 <= pack.day <= 0xFFFF:
        return f"day {pack.day} is not between 0 and 65535"
    if len(pack.request) > LONGEST_REQUEST or len(pack.body) > LONGEST_BODY:
        return "a request or the hash of its body is too long"
    return _wrong_row(pack.rows, partition, partitions, now) or _wrong_group(pack.rows)


def _wrong_row(rows: Sequence[Recipient], partition: int, partitions: int, now: float) -> str:
    for row in rows:
        recipient = row.recipient_id
        if (
            len(recipient) == ids.ID_BYTES
            and (recipient[0] << 8 | recipient[1]) % partitions == partition
            and (row.due, row.zone, row.parts, row.sender) == AT_ONCE
        ):
            continue  # nearly every one
        if len(recipient) != ids.ID_BYTES:
            return "a recipient_id is not 16 bytes"
        if ids.partition_of(recipient, partitions) != partition:
            return f"a recipient of partition {ids.partition_of(recipient, partitions)}"  # knows no suppression here
        if len(row.zone) > LONGEST_ZONE or not row.due <= now + LATEST:
            return "a zone that is too long, or a due time too far away"
        if not 1 <= row.parts <= MOST_PARTS or len(row.sender) > LONGEST_SENDER:
            return (
                f"{row.parts} parts, or a sender that is too long: 1 to {MOST_PARTS}, and {LONGEST_SENDER} characters"
            )
    return ""


def _wrong_group(rows: Sequence[Recipient]) -> str:
    wrong = next((group for group in {row.group for row in rows} if not GROUP_NAME.fullmatch(group)), None)
    if wrong is None:
        return ""
    return f"a group {wrong[:50]!r}: up to {LONGEST_GROUP} letters, digits, dots, hyphens and underscores"


def message_ids(pack: RecipientPack, channel: str) -> list[bytes]:
    """The message of every row. In the transactional lane each pack is a request of its own."""
    campaign = f"{pack.campaign}|{pack.pack_id.hex()}" if pack.lane == TRANSACTIONAL else pack.campaign
    return ids.message_ids(pack.day, campaign, pack.run, [row.recipient_id for row in pack.rows], channel)


def classes_of(pack: RecipientPack, channel: str) -> set[ClassKey]:
    """The classes in which messages of *pack* may wait for their first try on *channel*, once they have passed."""
    made = {
        ClassKey(pack.campaign, pack.lane, row.group, row.tier, channel=channel, parts=row.parts, sender=row.sender)
        for row in pack.rows
    }
    return made | {key._replace(parts=AGAIN) for key in made} if channel == "whatsapp" else made


def admit(
    state: Partition,
    writes: Writes,
    pack: RecipientPack,
    messages: list[bytes],
    known: Known,
    rules: GateRules,
    now: float,
    place: Placing | None = None,
    desk: Desk | None = None,
) -> Verdict:
    """Decide on *pack* once: drop with a reason, ignore what was taken before, let the rest wait by class.

    *desk* is where the frequency caps of the account are asked; None when there are none for this campaign.
    """
    verdict = Verdict(now, body=pack.body, campaign=pack.campaign if pack.request else "")
    waiting: dict[tuple[str, float, str, str, bool, int, str], list[Outgoing]] = {}
    taken: set[bytes] = set()
    keys = sighting_keys(rules, pack.rows)
    if desk is not None:
        desk.fetch(row.recipient_id for row in pack.rows)
    for i, row in enumerate(pack.rows):
        message, seen, suppressions = messages[i], known.sightings[i], known.suppressions[i]
        if message in taken or (seen is not None and seen.message == message):
            verdict.ignored.append(i)
            continue
        taken.add(message)
        against = _against(suppressions, seen, rules, now)
        due, zone = max(now, row.due), ""
        if place is not None:
            due, zone = place(row.zone, due)
        leaves = due
        if desk is not None:
            leaves, against = _asked(desk, row, message, due, against)
        if against is not None:
            verdict.dropped.append((i, *against))
            writes.message(message, MessageState(Status.DROPPED, 0, now))
            continue
        writes.sighting(keys[i], message, now)
        parts = AGAIN if known.paid and is_paid(known.paid[i], b"", now) else row.parts
        lot = row.group, leaves, zone, row.tier, leaves > due, parts, row.sender
        rows = waiting.get(lot)
        if rows is None:
            rows = waiting[lot] = []
        rows.append(Outgoing(message, row.recipient_id, row.address, row.variables, row.variant))
    for (group, due, zone, tier, put_off, parts, sender), rows in waiting.items():
        waits = WaitingPack(
            pack.account, pack.campaign, pack.lane, group, 1, now, due, len(rows), zone=zone, tier=tier,
            channel=rules.channel, parts=parts, sender=sender,
        )  # fmt: skip
        if desk is not None:
            waits.counted = True
            waits.since, waits.put_off = (due, desk.rules.caps.stamp) if put_off else (now, 0)
        state.add(writes, waits, rows, checked=True)
    fresh = len(pack.rows) - len(verdict.ignored)
    counts = {LISTED: fresh, "dropped": len(verdict.dropped), PUT_OFF: len(desk.put_off) if desk is not None else 0}
    state.count(writes, pack.campaign, counts | reasons(verdict))
    writes.marks(state.marks)
    writes.verdict(pack.pack_id, verdict)
    return verdict


Against = tuple[DropReason, str]  # why a message is not sent, and more of it for people


def _against(
    suppressions: Sequence[Suppression] | None, seen: Sighting | None, rules: GateRules, now: float
) -> Against | None:
    """What forbids a message to somebody of whom this is known, or None."""
    if rules.closed is not None:
        return rules.closed, ""
    found = applies(suppressions, rules, now) if suppressions else None
    if found is not None:
        return DropReason.SUPPRESSED, f"{found.reason} ({found.scope})"
    if seen is not None and now - seen.at < rules.dedup_window:
        return DropReason.DUPLICATE, f"message {seen.message.hex()}"
    return None


def _asked(
    desk: Desk, row: Recipient, message: bytes, due: float, against: Against | None
) -> tuple[float, Against | None]:
    """(when it leaves, what forbids it) once the frequency caps have been asked."""
    if against is not None:
        desk.free(row.recipient_id, message)
        return due, against
    room = desk.ask(row.recipient_id, message, due, row.zone)
    return room.due, (DropReason.CAPPED, room.detail) if room.due == NEVER else None


def reasons(verdict: Verdict) -> dict[str, int]:
    """How many were dropped for what: counters "dropped.<reason>"."""
    counts: dict[str, int] = {}
    for _, reason, _ in verdict.dropped:
        name = f"dropped.{reason}"
        counts[name] = counts.get(name, 0) + 1
    return counts
