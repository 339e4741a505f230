"""inbound.received -> suppressions, answers: what somebody has written to us, in the partition of that person.

One batch has the suppressions and what was written, so that a repeat is known as one. Then ClickHouse is told, and who
asks for help is answered. A kill between tells and answers once more: the same message, which goes out once.
"""

import re
from hashlib import blake2b

import orjson
from faust.types import AgentT, EventT, StreamT
from pydantic import ValidationError

from agents.recipients import Recipients
from app import ids, topics
from app.content.phone import PhoneError, phone_of
from app.content.sms import parts_of
from app.control.message_campaigns import Origin, command_of
from app.control.message_packs import pack_of
from app.control.message_phones import ready_content
from app.delivery.people.suppressing import MOST_BYTES, MOST_ENTRIES, has_room, told_of
from app.delivery.people.wishes import (
    EVERYBODY,
    HELP,
    START,
    STOP,
    Seen,
    Written,
    effect_of,
    id_of,
    is_answered,
    places_of,
    seen_before,
)
from app.faults import reached
from app.providers.keyword_answers import answer_to
from app.records import Inbound, Recipient, Undecodable, decode, encode
from app.specs import Tracking
from app.stream.app import StreamApp
from app.stream.dead_letters import DeadLetters
from app.stream.directory import Directory
from app.stream.lanes import Lanes
from app.things import Account, ThingRecord
from tables.recipients import Batch, suppressions_of
from tables.wishes import last_sender, written_item, written_of

MOST_ACCOUNTS = 100  # that one message is about: where more share a number, it is about all that there are
MOST_BYTES_READ = 1_000_000  # of a record
_NAME = re.compile(r"[^\x00-\x1f\x7f|]{1,200}")  # as app/specs.py has it

Records = list[tuple[str, bytes]]


def attach(
    app: StreamApp, lanes: Lanes, recipients: Recipients, accounts: Directory, dead: DeadLetters
) -> AgentT[bytes]:
    """Add the agent of what people write to *app*."""

    @app.agent(app.raw_topic(topics.INBOUND_RECEIVED), name="inbound")
    async def inbound(received: StreamT[bytes]) -> None:
        await lanes.run(received, take)

    async def take(event: EventT[bytes]) -> None:
        said = decode(Inbound, event.value or b"")
        wrong = said.reason if isinstance(said, Undecodable) else mistakes_in(said, event.value)
        if isinstance(said, Undecodable) or wrong:
            await dead.put(event, wrong)
            return
        partition = event.message.partition
        owner = ids.partition_of(said.recipient_id, app.partitions)
        if owner != partition:
            await app.produce(topics.INBOUND_RECEIVED, owner, None, event.value)
            return
        lanes.check(event)
        batch, records, full = decided(partition, said)
        if full:
            await dead.put(event, f"this person has {MOST_ENTRIES} suppressions, or {MOST_BYTES} bytes of them")
            return
        await recipients.commit(partition, batch, (), records)
        reached("inbound.written")

    def decided(partition: int, said: Inbound) -> tuple[Batch, Records, bool]:
        """(what to write, what to produce after it, whether there is no more room). One step: nothing is awaited."""
        batch, now, recipient = Batch(), app.now(), said.recipient_id
        written = written_of(recipients.table, partition, recipient)
        (entries,) = suppressions_of(recipients.table, partition, [recipient])
        seen = seen_before(written, id_of(said))
        if seen is None:
            seen = understood(partition, said, written, now)
            effect = effect_of(written, entries, said, seen, now)
            if not has_room(entries, effect.entries):
                return batch, [], True
            if seen.answer:
                effect.written.answered = written.answered | {said.kind: now}
            if effect.entries != entries:
                batch.suppressions(recipient, effect.entries)
                recipients.partitions[partition].suppressions += 1
            entries, seen = effect.entries, effect.written.seen[-1]
            batch.also([written_item(recipient, effect.written)])
        records = [
            (topics.SUPPRESSION_COMMANDED, told_of(place, recipient, entries).encoded())
            for place in places_of(said, seen.accounts)
        ]
        records += [(topics.THING_RECORDED, told.model_dump_json().encode()) for told in rows_of(said, seen)]
        if seen.answer:
            records += answers(said, seen)
        return batch, records, False

    def understood(partition: int, said: Inbound, written: Written, now: float) -> Seen:
        """Whose it is, and whether it has an answer."""
        named, by = said.accounts, said.by
        if len(named) > MOST_ACCOUNTS:
            named, by = [EVERYBODY], "many"
        elif not named:
            last = last_sender(recipients.table, partition, said.recipient_id, said.channel)
            named, by = [last], "last" if last else "nobody"
        seen = Seen(id_of(said), said.at, named, by)
        alone = len(named) == 1 and named[0] != ""
        seen.answer = alone and is_answered(written, said, now) and answer_to(said, settings_of(named[0])) != ""
        return seen

    def settings_of(account: str) -> Account:
        raw = accounts.entries.get(account)
        try:
            return Account(name=account) if raw is None else Account.model_validate_json(raw)
        except ValidationError:
            return Account(name=account)

    def answers(said: Inbound, seen: Seen) -> Records:
        text = answer_to(said, settings_of(seen.accounts[0]))
        return answer_records(said, seen, text) if text else []

    return inbound


def mistakes_in(said: Inbound, raw: bytes) -> str:
    """Why *said* is nothing that anybody can have written; "" where it is."""
    if len(raw) > MOST_BYTES_READ:
        return f"{len(raw)} bytes: the most is {MOST_BYTES_READ:,}"
    if len(said.recipient_id) != ids.ID_BYTES:
        return "the recipient is not 16 bytes"
    if said.channel not in topics.CHANNELS:
        return f"unknown channel {said.channel[:20]!r}: there are {', '.join(topics.CHANNELS)}"
    if said.kind not in ("", STOP, START, HELP):
        return f"unknown wish {said.kind[:20]!r}"
    if not all(map(_NAME.fullmatch, said.accounts)):
        return "an account has a name that none can have"
    if not 0 < said.at < 4e9:
        return "it was written at no time that can be"
    return ""


def rows_of(said: Inbound, seen: Seen) -> list[ThingRecord]:
    """What ClickHouse keeps of it: one row an account, which another does not see."""
    body = {
        "channel": said.channel, "recipient_id": said.recipient_id.hex(), "text": said.text[:500],
        "number": said.number[:50], "wish": said.kind, "route": said.route[:200], "known_by": seen.by,
    }  # fmt: skip
    return [
        ThingRecord(kind="inbound", account=each, id=seen.id.hex(), version=1, at=seen.at, body=body)
        for each in seen.accounts
    ]


def answer_records(said: Inbound, seen: Seen, text: str) -> Records:
    """A single message like any other: the campaign that such messages share, and a pack for one person."""
    try:
        group = phone_of(said.address).group
    except PhoneError:
        return []
    account, day = seen.accounts[0], int(seen.at // 86_400)
    content, filled = ready_content("sms", {"text": text, "dlt_template": "", "voice_audio": ""}, "en")
    origin = Origin("", "", "", "", Tracking(opens=False, clicks=False), "", None, "", "", "", "sms", "", content)
    command = command_of(account, origin, seen.at)
    row = Recipient(
        said.recipient_id, said.address, group, orjson.dumps(filled), parts=parts_of(text) or 1, sender=said.number
    )
    pack = blake2b(seen.id + said.recipient_id, digest_size=ids.ID_BYTES, person=b"fanfare.answer").digest()
    campaign = ids.thing_id("c", account, command.id)
    return [
        (topics.CAMPAIGN_COMMANDED, command.model_dump_json().encode()),
        (topics.LISTED_TRANSACTIONAL, encode(pack_of(pack, account, campaign, day, [row]))),
    ]
