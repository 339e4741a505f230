"""Contents and plans of campaigns as their owner holds them, and an outbox that forgets nothing over a kill."""

import asyncio
from collections.abc import Iterator
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any

import pytest

from agents.admission import MOST_SPEC_BYTES
from agents.thing_commands import carry_out
from agents.things import LARGEST_PLAN, Frozen, Things
from app import topics
from app.commands import Answer, CampaignEntry, Command
from app.delivery.campaigns.things import Decision, Refusal
from app.delivery.pacing.pacer import Pacer
from app.specs import CampaignSpec, Content
from app.stream.pack_table import cut
from app.things import AudiencePlan, ThingRecord
from tables.pacing import campaign_item
from tables.pacing_answers import answer_items
from tables.pacing_things import UNTOLD, Writes, content, frozen_owner, stored_content

NOW = 1_800_000_000.0
OWN = Content(subject="Hello", text="Hello")


class Table:
    """A pacing table in memory; what is written is stored at once."""

    def __init__(self, stored: dict[bytes, bytes] | None = None) -> None:
        self.stored = dict(stored or {})
        self.batches: list[list[tuple[bytes, bytes | None]]] = []

    def get_many(self, _: int, keys: list[bytes]) -> list[bytes | None]:
        """Values in order."""
        return [self.stored.get(key) for key in keys]

    def scan(self, _: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Items in order."""
        return iter(sorted(item for item in self.stored.items() if item[0].startswith(prefix)))

    def write(self, _: int, items: list[tuple[bytes, bytes | None]]) -> "asyncio.Future[int]":
        """Store *items*."""
        self.batches.append(items)
        for key, value in items:
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        done.set_result(0)
        return done


class App:
    """Kafka that takes records, and acknowledges them when the test says so."""

    def __init__(self) -> None:
        self.ticks: list[Any] = []
        self.records: list[tuple[str, int | None, bytes, bytes | None]] = []
        self.acks: list[asyncio.Future[Any]] = []
        self.producer = self

    def now(self) -> float:
        """A clock that stands."""
        return NOW

    def before_start(self, hook: Any) -> None:
        """Ticks are called by the test."""
        self.ticks.append(hook)

    def enqueue(self, topic: str, partition: int | None, key: bytes, value: bytes | None) -> "asyncio.Future[Any]":
        """Take a record."""
        self.records.append((topic, partition, key, value))
        self.acks.append(asyncio.get_running_loop().create_future())
        return self.acks[-1]

    async def acknowledge(self) -> None:
        """Kafka has everything so far."""
        for ack in self.acks:
            ack.set_result(SimpleNamespace(topic="", partition=0, offset=0))
        self.acks.clear()
        await asyncio.sleep(0)


class Owner:
    """Things over a table, as a process that owns the group; `dies` begins anew with what is stored."""

    def __init__(self, table: Table, live: list[CampaignEntry] | None = None) -> None:
        self.table, self.app = table, App()
        self.things = Things(self.app, table)  # type: ignore[arg-type]
        self.things.take_over(0, live or [])

    def dies(self, *live: CampaignEntry) -> "Owner":
        """The next owner."""
        return Owner(Table(self.table.stored), list(live))

    async def ask(self, kind: str, **fields: object) -> Decision | Refusal:
        """Carry a command out, up to what is written."""
        command = Command.model_validate({"id": f"{kind}-{fields}"[:200], "account": "acme", "kind": kind} | fields)
        carried = carry_out(self.things, Pacer(1), command, NOW)
        await self.things.outbox.write(carried.writes)
        return carried.decision

    async def make(self, kind: str, **fields: object) -> str:
        """The id of what a command makes."""
        decision = await self.ask(kind, **fields)
        assert isinstance(decision, Decision), decision
        return str(decision.thing["id"])

    async def start(self, entry: CampaignEntry) -> CampaignEntry:
        """Freeze and write, as a start does."""
        frozen = self.things.freeze(entry)
        assert isinstance(frozen, Frozen), frozen
        await self.things.outbox.write(frozen.writes)
        return frozen.entry

    def published(self) -> dict[str, bytes | None]:
        """What stands in template.published."""
        return {key.decode(): value for topic, _, key, value in self.app.records if topic == topics.TEMPLATE_PUBLISHED}

    def untold(self) -> int:
        """Notes that are still stored."""
        return sum(key.startswith(UNTOLD) for key in self.table.stored)


def entry(ident: str = "c_1", **spec: object) -> CampaignEntry:
    """A campaign of the account acme."""
    fields = {"from_email": "a@b.example", "lists": ["all"]} | spec
    return CampaignEntry(
        id=ident, account="acme", state="SEALING", spec=CampaignSpec.model_validate(fields), created_at=NOW
    )


@pytest.fixture
async def owner() -> Owner:
    """The first owner of an empty table."""
    return Owner(Table())


async def own(owner: Owner, campaign: str, new: Content = OWN) -> None:
    """Give a draft its own content."""
    await owner.things.outbox.write(owner.things.keep_content(campaign, new))


async def test_a_content_is_published_at_the_start_and_gone_when_nobody_uses_it(owner: Owner) -> None:
    """
    The directory of contents is held by every sender: it has what runs, and nothing else.
    """
    await own(owner, "c_1")
    await own(owner, "c_2")
    assert owner.published() == {}
    first, second = await owner.start(entry("c_1")), await owner.start(entry("c_2"))
    ident = first.contents[""]
    assert ident == second.contents[""] == first.spec.content_id == OWN.id
    assert Content.model_validate_json(owner.published()[ident] or b"") == OWN
    await owner.things.outbox.write(owner.things.thaw(first))
    assert owner.published()[ident] is not None, "the other one goes on"
    await owner.things.outbox.write(owner.things.thaw(second))
    assert owner.published()[ident] is None
    assert stored_content(owner.table, 0, frozen_owner(ident)) is None
    assert owner.things.content_of(first) == OWN, "a clone can still have it"
    await owner.things.outbox.write(Writes(items=owner.things.forget("c_1")))
    assert owner.things.content_of(first) is None


async def test_an_entry_waits_until_its_contents_are_published(owner: Owner) -> None:
    """
    A sender that heard of the campaign first would have nothing to render.
    """
    await own(owner, "c_1")
    started = await owner.start(entry())
    waiting = asyncio.create_task(owner.things.shown(started))
    await asyncio.sleep(0)
    assert not waiting.done()
    await owner.app.acknowledge()
    await asyncio.wait_for(waiting, 1)
    await owner.things.shown(started)  # and at once from then on


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_a_kill_between_writing_and_telling_loses_no_record(owner: Owner, acknowledged: bool) -> None:
    """
    The next owner tells what the last one had decided, and what Kafka has it need not tell again.
    """
    template = await owner.make("template.create", template={"name": "t", "content": OWN.model_dump()})
    segment = await owner.make("segment.create", segment={"name": "s", "filter": {"list": "a"}})
    await owner.ask("limit.set", limit={"scope": "group", "name": "gmail", "rate": 5})
    await owner.ask("account.set", settings={"name": "acme", "running": 2})
    if acknowledged:
        await owner.app.acknowledge()
        await owner.things.outbox._cross_off()
        assert owner.untold() == 0
    following = owner.dies()
    telling = asyncio.create_task(following.things.outbox.tell_again())
    await asyncio.sleep(0)
    told = {(topic, key.decode().partition("|")[0]) for topic, _, key, _ in following.app.records}
    expected = {
        (topics.THING_RECORDED, template), (topics.THING_RECORDED, segment),
        (topics.LIMIT_CHANGED, "group"), (topics.ACCOUNT_CHANGED, "acme"),
    }  # fmt: skip
    assert told == (set() if acknowledged else expected)
    await following.app.acknowledge()
    await telling
    assert following.things.account("acme").running == 2


async def test_news_of_the_same_thing_again_is_not_crossed_off_by_the_first(owner: Owner) -> None:
    """
    Two changes of a limit in a row: a kill after the first record must still tell the second.
    """
    for rate in (5, 6):
        await owner.ask("limit.set", limit={"scope": "group", "name": "gmail", "rate": rate})
    owner.app.acks.pop(0).set_result(SimpleNamespace(topic="", partition=0, offset=0))
    await asyncio.sleep(0)
    await owner.things.outbox._cross_off()
    assert owner.untold() == 1
    await owner.app.acknowledge()
    await owner.things.outbox._cross_off()
    assert owner.untold() == 0


async def test_a_removed_limit_and_a_deleted_thing_are_told_as_gone(owner: Owner) -> None:
    """
    Edges and mirrors would show them for ever.
    """
    segment = await owner.make("segment.create", segment={"name": "s", "filter": {"list": "a"}})
    template = await owner.make("template.create", template={"name": "t", "content": OWN.model_dump()})
    await owner.ask("template.update", thing=template, template={"name": "t2", "content": OWN.model_dump()})
    for kind, thing in (("segment.delete", segment), ("template.delete", template)):
        await owner.ask(kind, thing=thing)
    for rate in (5, None):
        await owner.ask("limit.set", limit={"scope": "group", "name": "gmail", "rate": rate})
    records = [
        ThingRecord.model_validate_json(value or b"")
        for topic, _, _, value in owner.app.records
        if topic == topics.THING_RECORDED
    ]
    assert [(each.id, each.version, each.deleted) for each in records] == [
        (segment, 1, False), (template, 1, False), (template, 2, False), (segment, 2, True), (template, 3, True),
    ]  # fmt: skip
    assert records[2].body["name"] == "t2" and records[2].body["content"]["subject"] == "Hello"
    assert owner.app.records[-1] == (topics.LIMIT_CHANGED, 0, b"group|gmail", None)
    await owner.app.acknowledge()
    await owner.things.outbox._cross_off()
    assert owner.table.stored == {}, "nothing of it is left"


async def test_a_large_content_is_written_in_pieces_and_counts_only_as_a_whole(owner: Owner) -> None:
    """
    One write has at most 512 KB, and a kill may come after any of them.
    """
    large = OWN.model_copy(update={"html": "".join(blake2b(b"%d" % n).hexdigest() for n in range(7_000))})
    await own(owner, "c_1")
    writes = owner.things.keep_content("c_1", large)
    await owner.things.outbox.write(writes)
    assert len(owner.table.batches) > 2 and content(owner.table, 0, "c_1") == large
    chunks = sum(key.startswith(b"tk") for key in owner.table.stored)
    assert chunks == len(writes.first) > 1, "the old ones are gone"
    cut_short = Table()
    await own(Owner(cut_short), "c_1")
    for key, value in writes.first:
        assert value is not None
        cut_short.stored[key] = value
    assert content(cut_short, 0, "c_1") == OWN
    following = Owner(cut_short)
    await following.things.outbox.write(Writes(items=following.things.forget("c_1")))
    assert cut_short.stored == {}, "what never counted goes as well"


async def test_contents_of_live_campaigns_survive_their_template(owner: Owner) -> None:
    """
    Content is frozen at the start; who takes over finds it, and knows who uses it.
    """
    template = await owner.make("template.create", template={"name": "t", "content": OWN.model_dump()})
    started = await owner.start(entry(template_id=template, subject="Mine"))
    await owner.ask("template.delete", thing=template)
    following = owner.dies(started)
    telling = asyncio.create_task(following.things.outbox.tell_again())
    await asyncio.sleep(0)
    await following.app.acknowledge()
    await telling
    frozen = Content.model_validate_json(following.published()[started.contents[""]] or b"")
    assert (frozen.subject, frozen.text) == ("Mine", "Hello")
    refused = following.things.freeze(entry("c_2", template_id=template))
    assert isinstance(refused, Refusal) and (refused.status, refused.field) == (404, "spec.template_id")
    await following.things.outbox.write(following.things.thaw(started))
    assert following.published()[started.contents[""]] is None


async def test_an_experiment_has_a_content_for_each_variant(owner: Owner) -> None:
    """
    Another subject, another template, or both; a subject goes before those of all languages.
    """
    other = Content(subject="Other", text="Other", locales={"pt": {"subject": "Outro", "text": "Outro"}})  # type: ignore[dict-item]
    template = await owner.make("template.create", template={"name": "t", "content": other.model_dump()})
    variants = [
        {"name": "a", "subject": "A"}, {"name": "b", "template_id": template},
        {"name": "c", "template_id": template, "subject": "C"},
    ]  # fmt: skip
    await own(owner, "c_1")
    started = await owner.start(entry(experiment={"variants": variants}))
    shown = {
        name: (each.subject, each.text, [parts.subject for parts in each.locales.values()])
        for name, ident in started.contents.items()
        for each in [Content.model_validate_json(owner.published()[ident] or b"")]
    }
    assert shown == {
        "": ("Hello", "Hello", []), "a": ("A", "Hello", []), "b": ("Other", "Other", ["Outro"]),
        "c": ("C", "Other", [""]),
    }  # fmt: skip


async def test_a_plan_holds_segments_as_they_were_at_the_start(owner: Owner) -> None:
    """
    A seal may be asked for twice, and a segment may change in between.
    """
    segment = await owner.make("segment.create", segment={"name": "s", "filter": {"list": "before"}})
    await own(owner, "c_1")
    started = await owner.start(entry(segments=[segment], exclude_lists=["out"]))
    await owner.ask("segment.update", thing=segment, segment={"name": "s", "filter": {"list": "after"}})
    plan = AudiencePlan.model_validate_json(owner.dies(started).things.frozen_plan("c_1"))
    assert [each.model_dump(exclude_none=True) for each in plan.segments] == [{"list": "before"}]
    assert (plan.lists, plan.exclude_lists) == (["all"], ["out"])
    unknown = owner.things.missing("acme", entry(exclude_segments=["seg_x"]).spec)
    foreign = owner.things.missing("b", entry(segments=[segment]).spec)
    assert unknown is not None and unknown.field == "spec.exclude_segments.0"
    assert foreign is not None and (foreign.status, foreign.field) == (404, "spec.segments.0")


async def large_segments(owner: Owner, number: int) -> list[str]:
    """Segments that take about 61,000 bytes each."""
    tree = {"attribute": "city", "op": "in", "value": [f"{value:04d}-{'x' * 60}" for value in range(900)]}
    return [await owner.make("segment.create", segment={"name": f"s{each}", "filter": tree}) for each in range(number)]


async def test_a_start_that_fails_keeps_no_content_in_the_directory(owner: Owner) -> None:
    """
    It counted as one that uses its content, for ever: it has never ended.
    """
    await own(owner, "c_1")
    await own(owner, "c_2")
    refused = owner.things.freeze(entry("c_1", segments=await large_segments(owner, LARGEST_PLAN // 60_000 + 1)))
    assert isinstance(refused, Refusal) and refused.field == "spec.segments"
    other = await owner.start(entry("c_2"))
    await owner.things.outbox.write(owner.things.thaw(other))
    assert owner.published() == {OWN.id: None}


async def test_the_largest_start_fits_into_one_batch(owner: Owner) -> None:
    """
    A write that is too large would end the owner each time it tries: nobody's campaign would start any more.
    """
    segments = await large_segments(owner, LARGEST_PLAN // 62_000)
    await own(owner, "c_1")
    limits = {f"{number}-{'g' * 195}": 1.0 for number in range(200)}
    large = entry(segments=segments, throttle={"per_group": limits, "per_route": limits})
    assert 0.8 * MOST_SPEC_BYTES < len(large.spec.model_dump_json()) <= MOST_SPEC_BYTES
    frozen = owner.things.freeze(large)
    assert isinstance(frozen, Frozen), frozen
    answer = Answer(id="k", account="acme", status=200, thing=frozen.entry.model_dump(mode="json"))
    step = [*frozen.writes.items, campaign_item(frozen.entry), *answer_items(b"", NOW, answer)]
    assert len(list(cut(step))) == 1 and len(owner.things.frozen_plan("c_1")) == 0
    await owner.things.outbox.write(Writes(frozen.writes.first, step))
    assert 0.8 * LARGEST_PLAN < len(owner.things.frozen_plan("c_1")) <= LARGEST_PLAN
    assert all(len(list(cut(batch))) == 1 for batch in owner.table.batches)


async def test_a_template_that_lacks_a_part_is_refused_when_it_is_named(owner: Owner) -> None:
    """
    Better than a campaign that fails at its hour.
    """
    bare = await owner.make("template.create", template={"name": "t", "content": {"text": "Hello"}})
    voice = await owner.make("template.create", template={"name": "v", "content": {"subject": "S", "voice": "Hello"}})
    without = owner.things.missing("acme", entry(template_id=bare).spec)
    assert without is not None and without.status == 422 and "no subject" in without.error
    assert owner.things.missing("acme", entry(template_id=bare, subject="Mine").spec) is None
    spoken = owner.things.missing("acme", entry(template_id=voice).spec)
    assert spoken is not None and "no html and no text" in spoken.error
    old = owner.things.missing("acme", entry(template_id=bare, subject="Mine", template_version=7).spec)
    assert old is not None and (old.status, old.field) == (404, "spec.template_id")


async def test_keys_that_ended_leave_the_directory(owner: Owner) -> None:
    """
    Every edge holds them all, for ever otherwise.
    """
    key = {"id": "abcdefgh", "account": "acme", "hash": "0" * 64, "scopes": ["read"], "created_at": 1.0}
    await owner.ask("key.create", key=key)
    await owner.things._drop_old_keys()
    assert set(owner.things.keys) == {"abcdefgh"}
    await owner.ask("key.revoke", thing="abcdefgh")
    owner.things.keys["abcdefgh"] = owner.things.keys["abcdefgh"].model_copy(update={"revoked_at": NOW - 31 * 86_400})
    await owner.things._drop_old_keys()
    assert owner.things.keys == {} and owner.app.records[-1] == (topics.KEY_CHANGED, 0, b"abcdefgh", None)
    assert owner.dies().things.keys == {}


async def test_a_plan_names_the_domains_of_limits_and_asks_for_tiers_where_a_route_does(owner: Owner) -> None:
    """
    A limit for a domain holds for it exactly from the next start on, and after a death of the owner too.
    """
    await own(owner, "c_1")

    def plan() -> AudiencePlan:
        return owner.things.plan(entry(throttle={"per_group": {"mine.de": 1}}))

    assert (plan().domains, plan().tiers) == (["mine.de"], False)
    smtp = {"host": "mail.example", "tls": "never"}
    await owner.ask("limit.set", limit={"scope": "group", "name": "firm.de", "rate": 5})
    await owner.ask("route.set", route={"name": "r", "smtp": smtp, "groups": ["routed.de"], "tiers": ["engaged"]})
    owner = owner.dies()
    assert (plan().domains, plan().tiers) == (["firm.de", "mine.de", "routed.de"], True)
    await owner.ask("limit.set", limit={"scope": "group", "name": "firm.de"})
    assert plan().domains == ["mine.de", "routed.de"]
