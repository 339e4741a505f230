"""What people write, in the partition that knows them: with kills, repeats and bad input."""

import asyncio
from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents import inbound, suppress
from agents.number_owners import NumberOwners, digits_of
from app import ids, topics
from app.clickhouse.inbound import inbound_row
from app.commands import CampaignEntry, Command
from app.delivery.gate import Suppression
from app.delivery.outcomes import Status
from app.delivery.partition_records import MessageState
from app.delivery.people.suppressing import MOST_ENTRIES
from app.delivery.people.wishes import DAY, HELP, KEPT_FOR, START, STOP
from app.delivery.sweep import horizon
from app.records import Inbound, RecipientPack, decode, encode
from app.specs import CampaignSpec
from app.stream.dead_letters import DeadLetters
from app.suppressions import SuppressionCommand, decode_suppression
from app.things import Account, NumberPool, ThingRecord
from tables.recipients import Batch, restore, suppressions_of
from tables.recipients_old import rows_of_slice, slices
from tables.wishes import WRITTEN, last_sender, written_of
from tests.agents.test_told import KilledError, Table

NOW = 1_790_000_000.0
WHO = b"r" * 16
NUMBER, PHONE = "+15005550006", "+14155550100"


def said(kind: str = STOP, at: float = 0.0, **fields: Any) -> Inbound:
    fields = {"event": f"SM{kind}{at}", "text": kind.upper(), "number": NUMBER, "channel": "sms"} | fields
    channel = fields.pop("channel")
    return Inbound(
        "r", "twilio", channel, WHO, PHONE, kind, at=NOW + at, received_at=NOW + at, **fields
    )  # fmt: skip


class World:
    """One worker of the recipients plane with one partition. It may die at a step; Kafka and the table stay."""

    def __init__(self, **accounts: Account) -> None:
        self.table, self.now = Table(), NOW
        self.produced: list[tuple[str, bytes]] = []
        self.accounts = {name: value.model_dump_json().encode() for name, value in accounts.items()}
        self.kill_at, self._steps = -1, count()
        self.start()

    def start(self) -> None:
        self.partitions = {0: restore(self.table, 0)}
        self.app = cast(Any, SimpleNamespace(
            agent=lambda *_, **__: lambda agent: agent, raw_topic=lambda name: name, partitions=1,
            now=lambda: self.now, produce=self.produce,
        ))  # fmt: skip
        dead, directory = DeadLetters(self.app), cast(Any, SimpleNamespace(entries=self.accounts))
        lanes = cast(Any, SimpleNamespace(check=lambda _: None, run=self._keep))
        self.handlers: list[Any] = []
        for agent in (
            inbound.attach(self.app, lanes, cast(Any, self), directory, dead),
            suppress.attach(self.app, lanes, cast(Any, self), dead),
        ):
            asyncio.run(cast(Any, agent)(None))

    async def _keep(self, _: Any, handler: Any) -> None:
        self.handlers.append(handler)

    def _step(self) -> None:
        if next(self._steps) == self.kill_at:
            raise KilledError

    async def produce(self, topic: str, _partition: int, _key: bytes | None, value: bytes) -> None:
        self._step()
        self.produced.append((topic, value))

    async def commit(
        self, _partition: int, batch: Batch, _events: Sequence[Any] = (), records: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        self._step()
        self.table.apply(batch)
        for topic, value in records:
            await self.produce(topic, 0, None, value)

    def take(self, value: Inbound | bytes | SuppressionCommand) -> None:
        """The record is read until it is done, whoever dies."""
        commanded = isinstance(value, SuppressionCommand)
        raw = value.encoded() if isinstance(value, SuppressionCommand) else value
        raw = encode(raw) if isinstance(raw, Inbound) else raw
        topic = topics.SUPPRESSION_COMMANDED if commanded else topics.INBOUND_RECEIVED
        message = SimpleNamespace(topic=topic, partition=0, offset=5, key=None, value=raw)
        while True:
            try:
                asyncio.run(self.handlers[commanded](SimpleNamespace(value=raw, message=message)))
            except KilledError:
                self.start()
                continue
            return

    def sent(
        self, account: str, at: float, channel: str = "sms", number: int = 1, status: Status = Status.SENT
    ) -> None:
        """A message of *account* has gone to this person."""
        batch, message = Batch(), b"%016d" % number
        batch.sighting(WHO + b"%08d" % number, message, NOW + at)
        batch.message(message, MessageState(status, 1, NOW + at, "r", WHO, account, "c", channel))
        self.table.apply(batch)

    @property
    def held(self) -> set[tuple[str, str, str, str]]:
        (entries,) = suppressions_of(self.table, 0, [WHO])
        return {(each.scope, each.scope_id, each.channel, each.reason) for each in entries}

    def of(self, topic: str) -> list[bytes]:
        return [value for name, value in self.produced if name == topic]

    @property
    def mirrored(self) -> dict[tuple[str, str, str], str]:
        """What ClickHouse makes of what it was told: (scope, its name, channel) -> reason."""
        found = {}
        for raw in self.of(topics.SUPPRESSION_COMMANDED):
            told = decode_suppression(raw)
            assert isinstance(told, SuppressionCommand) and told.told
            found[told.scope, told.scope_id, told.channel] = told.reason if told.op == "add" else ""
        return {place: reason for place, reason in found.items() if reason}

    @property
    def rows(self) -> list[tuple[str, dict[str, object]]]:
        things = [ThingRecord.model_validate_json(raw) for raw in self.of(topics.THING_RECORDED)]
        assert all(each.kind == "inbound" for each in things)
        return list({(each.account, each.id): (each.account, inbound_row(each)) for each in things}.values())


STEPS = st.lists(st.tuples(st.sampled_from([STOP, START, HELP, ""]), st.integers(0, 5)), min_size=1, max_size=6)


@hypothesis_settings(max_examples=60, deadline=None)
@given(STEPS, st.lists(st.integers(0, 12), max_size=3))
def test_kills_lose_no_wish_and_answer_nobody_twice(wishes: list[tuple[str, int]], kills: list[int]) -> None:
    """
    Before the batch, after it, between what is told: the same is held, told, recorded and answered as without kills.
    """
    worlds = []
    for dying in (False, True):
        world = World(acme=Account(name="acme"))
        left = list(kills) if dying else []
        for kind, at in wishes:
            if left:
                world.kill_at, world._steps = left.pop(), count()
            world.take(said(kind, float(at), accounts=["acme"], by="number"))
        worlds.append(world)
    plain, killed = worlds
    assert killed.held == plain.held and sorted(map(str, killed.rows)) == sorted(map(str, plain.rows))
    assert killed.mirrored == plain.mirrored == {each[:3]: each[3] for each in plain.held}
    for topic in (topics.LISTED_TRANSACTIONAL, topics.CAMPAIGN_COMMANDED):
        assert set(killed.of(topic)) == set(plain.of(topic)) and len(set(killed.of(topic))) <= 1
    last = max(((at, kind == STOP) for kind, at in wishes if kind in (STOP, START)), default=(0, False))
    assert bool(plain.held) == last[1]


def test_a_stop_to_a_shared_number_is_for_whoever_wrote_last() -> None:
    """
    On that channel, and only what went out; not for all accounts of the installation.
    """
    world = World()
    world.sent("older", -50, number=1)
    world.sent("acme", -40, number=2)
    world.sent("caller", -10, "voice", number=3)
    world.sent("waits", -5, number=4, status=Status.QUEUED)
    world.take(said())
    assert world.held == {("account", "acme", "sms", STOP)} == {(*k, v) for k, v in world.mirrored.items()}
    ((account, row),) = world.rows
    assert account == "acme" and (row["known_by"], row["wish"], row["text"]) == ("last", STOP, "UNSUBSCRIBED")
    assert "that wrote to them last" in suppressions_of(world.table, 0, [WHO])[0][0].source
    world.sent("other", 1, number=5)
    world.take(said(START, 2))
    assert world.held == set()


def test_a_stop_of_somebody_unknown_is_for_all_until_they_start_again() -> None:
    """
    The safe side: somebody whose history is swept wants nothing; and what was set is lifted.
    """
    world = World()
    world.take(said())
    assert world.held == {("global", "", "sms", STOP)}
    assert [account for account, _ in world.rows] == [""]
    world.take(said(START, 1))
    assert world.held == set() == set(world.mirrored)


def test_who_asks_for_help_is_told_in_their_language_once_a_day() -> None:
    """
    By the number that they wrote to, as a single message of the account.
    """
    world = World(acme=Account(name="acme", help_text={"en": "Acme: call us", "fr": "Acme : appelez"}))
    world.take(said(HELP, text="AIDE", accounts=["acme"], by="number"))
    world.take(said(HELP, 60.0, accounts=["acme"], by="number"))
    (raw,), (command,) = world.of(topics.LISTED_TRANSACTIONAL), world.of(topics.CAMPAIGN_COMMANDED)
    pack, asked = decode(RecipientPack, raw), Command.model_validate_json(command)
    assert isinstance(pack, RecipientPack) and pack.account == asked.account == "acme"
    assert pack.campaign == ids.thing_id("c", "acme", asked.id) and asked.start
    assert asked.spec is not None and (asked.spec.kind, asked.spec.channel) == ("transactional", "sms")
    (row,) = pack.rows
    assert (row.recipient_id, row.address, row.sender, row.group) == (WHO, PHONE, NUMBER, "US")
    assert orjson.loads(row.variables) == {"text": "Acme: call us"}  # AIDE is no word of the United States
    world.now = NOW + DAY + 120
    world.take(said(HELP, DAY + 100, accounts=["acme"], by="number"))
    assert len(world.of(topics.LISTED_TRANSACTIONAL)) == 2


@pytest.mark.parametrize(
    ("kind", "fields", "answers"),
    [
        (HELP, {}, 1), (STOP, {}, 0), (START, {}, 0), ("", {}, 0), (HELP, {"channel": "whatsapp"}, 0),
        (HELP, {"accounts": ["acme", "other"]}, 0), (HELP, {"accounts": []}, 0), (HELP, {"answered": True}, 0),
        (STOP, {"accounts": ["loud"]}, 1), (START, {"accounts": ["loud"]}, 1), (HELP, {"accounts": ["new"]}, 1),
    ],
)  # fmt: skip
def test_only_keywords_over_sms_to_one_account_are_answered(kind: str, fields: dict[str, Any], answers: int) -> None:
    """
    STOP and START where the account wants that; never what Twilio has answered.
    """
    loud = Account(name="loud", stop_text={"en": "Bye"}, start_text={"en": "Hello again"})
    world = World(acme=Account(name="acme"), loud=loud)
    world.take(said(kind, **({"accounts": ["acme"], "by": "number"} | fields)))
    assert len(world.of(topics.LISTED_TRANSACTIONAL)) == answers


@pytest.mark.parametrize(
    "bad",
    [
        b"", b"junk", encode(Inbound("r", "a", "sms", b"short", "", "", "", "", NOW, NOW)),
        encode(Inbound("r", "a", "pigeon", WHO, "", "", "", "", NOW, NOW)),
        encode(Inbound("r", "a", "sms", WHO, "", STOP, "", "", float("nan"), NOW)),
        encode(Inbound("r", "a", "sms", WHO, "", "dance", "", "", NOW, NOW)),
        encode(Inbound("r", "a", "sms", WHO, "", HELP, "", "", NOW, NOW, accounts=["a|b"])),
        encode(Inbound("r", "a", "sms", WHO, "", STOP, "x" * 1_100_000, "", NOW, NOW)),
    ],
    ids=["empty", "junk", "recipient", "channel", "time", "kind", "account", "size"],
)  # fmt: skip
def test_what_nobody_can_have_written_is_set_aside(bad: bytes) -> None:
    """
    Whoever can write to Kafka can write this.
    """
    world = World()
    world.take(bad)
    assert [topic for topic, _ in world.produced] == [topics.DEAD_REPORTS] and not world.table.items


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.builds(
    Inbound, st.text(max_size=300), st.text(max_size=30), st.sampled_from(["sms", "whatsapp", "email", "fax"]),
    st.sampled_from([WHO, b""]), st.text(max_size=40), st.sampled_from([STOP, START, HELP, "", "x"]),
    st.text(max_size=900), st.text(max_size=90), st.floats(), st.floats(), st.text(max_size=300),
    st.lists(st.text(max_size=210), max_size=3), st.text(max_size=30), st.booleans(),
))  # fmt: skip
def test_whatever_is_in_a_record_stops_nothing(record: Inbound) -> None:
    """
    It is done, or set aside; and what ClickHouse is told fits into its rows.
    """
    world = World()
    world.take(encode(record))
    assert world.produced and all(row["number"] is not None for _, row in world.rows)


def test_a_stop_that_finds_no_room_is_set_aside_and_not_forgotten() -> None:
    """
    It comes again from the dead letters.
    """
    world, batch = World(), Batch()
    batch.suppressions(WHO, [Suppression("list", str(n), "manual", "", NOW) for n in range(MOST_ENTRIES)])
    world.table.apply(batch)
    world.take(said(accounts=["acme"], by="number"))
    assert [topic for topic, _ in world.produced] == [topics.DEAD_REPORTS]
    assert not written_of(world.table, 0, WHO).seen


def test_a_step_fits_into_a_batch_however_many_accounts_share_a_route() -> None:
    """
    A batch that Kafka does not take would end the process, again and again.
    """
    world, names = World(), [f"{number:03d}{'ü' * 197}" for number in range(100)]
    for at in range(60):
        world.take(said(START if at % 2 else STOP, float(at), accounts=names, by="route", number=f"+1{at}"))
    assert sum(map(len, world.table.items.values())) < 400_000
    assert not world.of(topics.DEAD_REPORTS) and not world.held
    world.take(said(STOP, 70.0, accounts=[*names, "one more"], by="route"))
    assert world.held == {("global", "", "sms", STOP)}


def test_what_was_told_too_early_is_told_anew() -> None:
    """
    An operator's command may lie between the batch of a START and what ClickHouse is told of it.
    """
    world = World()
    world.take(said(accounts=["acme"], by="number"))
    world.take(said(START, 1, accounts=["acme"], by="number"))
    world.take(SuppressionCommand("add", "account", "acme", WHO.hex(), reason="manual", at=NOW + 2, channel="sms"))
    for raw in world.of(topics.SUPPRESSION_COMMANDED):
        told = decode_suppression(raw)
        assert isinstance(told, SuppressionCommand)
        world.take(told)
    assert world.held == {("account", "acme", "sms", "manual")} == {(*k, v) for k, v in world.mirrored.items()}
    before = len(world.produced)
    last = decode_suppression(world.of(topics.SUPPRESSION_COMMANDED)[-1])
    assert isinstance(last, SuppressionCommand)
    world.take(last)
    assert len(world.produced) == before


def test_what_was_heard_is_swept_unless_it_is_a_stop() -> None:
    """
    Chats of two months ago need no room.
    """
    for kind, stays in (("", False), (START, False), (STOP, True)):
        world = World()
        world.take(said(kind, accounts=["acme"], by="number"))
        for later, old in ((KEPT_FOR - 1, False), (KEPT_FOR + 1, not stays)):
            edge = horizon(NOW + later, [])
            prefixes = [
                each for each in slices(world.table, 0, 1, edge) if each.startswith(WRITTEN) and each[1:3] == WHO[:2]
            ]
            found = [is_old for prefix in prefixes for _, is_old in rows_of_slice(world.table, 0, prefix, edge)]
            assert found == [old]


def test_nobody_has_written_to_who_is_unknown() -> None:
    """
    Dropped messages were never sent.
    """
    world = World()
    world.sent("acme", 0, status=Status.DROPPED)
    assert last_sender(world.table, 0, WHO, "sms") == "" == last_sender(world.table, 0, b"x" * 16, "sms")


def test_numbers_belong_to_who_has_them_in_a_pool_or_sends_from_them() -> None:
    """
    However they are written; a pool counts more than a campaign; a number that is taken away belongs to nobody.
    """
    listeners: list[Any] = []
    owners = NumberOwners(
        cast(Any, SimpleNamespace(on_change=listeners.append)), cast(Any, SimpleNamespace(on_change=listeners.append))
    )
    account, campaign = listeners

    def pool(name: str, *numbers: str) -> None:
        made = Account(name=name, number_pools=[NumberPool(name="us", senders=["ACME", *numbers])])
        account(name, made.model_dump_json().encode())

    def sends(name: str, sender: str) -> None:
        spec = CampaignSpec(channel="sms", sender_id=sender, lists=["a"])
        campaign(CampaignEntry(id=f"c_{name}", account=name, state="RUNNING", spec=spec, created_at=NOW))

    pool("acme", "+15005550006", "12345")
    pool("both", "12345")
    sends("seller", "+15005550006")
    sends("seller", "+15005550007")
    sends("named", "ACME")
    assert owners.of("+15005550006") == owners.of("15005550006") == owners.of("whatsapp:+15005550006") == ["acme"]
    assert owners.of("12345") == ["acme", "both"] and owners.of("+15005550007") == ["seller"]
    assert owners.of("ACME") == owners.of("") == owners.of("+") == []
    pool("acme", "12345")
    account("both", None)
    account("acme", b"junk")
    assert owners.of("+15005550006") == ["seller"] and owners.of("12345") == ["acme"]
    assert digits_of("+٣") == ""
