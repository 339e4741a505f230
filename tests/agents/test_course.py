"""The course of campaigns in the owner's hands: dormant and awake, queued and running, through deaths at any step."""

import asyncio
import random
from itertools import pairwise

import pytest
from aiokafka.structs import RecordMetadata, TopicPartition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.pacing import Pacing
from app import topics
from app.commands import CampaignEntry, Command, Section
from app.delivery.campaigns.lifecycle import ENDED, TRANSITIONS, is_dormant
from app.delivery.campaigns.queueing import position
from app.records import SealTask, Shard, WinnerTask, decode
from app.specs import Content
from app.things import Account
from tables.pacing_things import UNTOLD, Writes, account_item
from tests.agents.pacing_world import START, Process, World

DAY = 86_400.0
CONTENT = {"subject": "Hello", "text": "Hello"}
SECTIONS = [Section("gmail", 10)]


def command(kind: str, ident: str, campaign: str = "", **fields: object) -> Command:
    told = {"id": ident, "account": "acme", "kind": f"campaign.{kind}", "campaign": campaign} | fields
    return Command.model_validate(told)


def create(ident: str, start: bool = True, **spec: object) -> Command:
    made = {"from_email": "a@b.example", "lists": ["l"]} | spec
    return command("create", ident, spec=made, content=CONTENT, start=start)


async def made(world: World, ident: str, start: bool = True, **spec: object) -> str:
    decision = await world.ask(create(ident, start, **spec))
    assert decision.entry is not None, decision.error
    return decision.entry.id


def of(world: World, campaign: str) -> CampaignEntry:
    entry = world.pacing.owned.get(campaign)
    assert entry is not None
    return entry


async def set_account(pacing: Pacing, **fields: object) -> None:
    account = Account.model_validate({"name": "acme"} | fields)
    pacing.things.accounts["acme"] = account
    await pacing.write([account_item(account)], Writes())


async def test_a_draft_lies_on_disk_and_is_told_to_the_record_alone() -> None:
    """
    Thousands of drafts cost no process any memory; who asks for one still gets it.
    """
    world = World()
    campaign = await made(world, "k", start=False)
    assert campaign not in world.pacing.campaigns and not world.directory()
    assert world.recorded()[campaign] == of(world, campaign) and of(world, campaign).state == "DRAFT"
    await world.ask(command("update", "k2", campaign, spec=create("x", name="other").spec))
    assert world.recorded()[campaign].spec.name == "other" and of(world, campaign).revision == 2
    await world.ask(command("start", "k3", campaign))
    assert world.directory()[campaign].state == "SEALING" == of(world, campaign).state
    assert [decode(SealTask, v or b"").campaign for _, v in world.store.topics[topics.SEAL_REQUESTED]] == [campaign]  # type: ignore[union-attr]


async def test_a_campaign_of_next_year_sleeps_until_the_day_before() -> None:
    """
    It is not in memory, not in the directory, and starts to the minute.
    """
    world = World()
    due = START + 400 * DAY
    campaign = await made(world, "k", schedule={"at": due})
    assert of(world, campaign).state == "SCHEDULED" and not world.pacing.campaigns and not world.directory()
    for now in (START + 10 * DAY, due - DAY - 1):
        world.store.now = now
        await world.tick()
        assert not world.directory()
    world.store.now = due - DAY + 1
    await world.tick()
    assert world.directory()[campaign].state == "SCHEDULED"
    world.store.now = due - 1
    await world.tick()
    assert of(world, campaign).state == "SCHEDULED"
    world.store.now = due
    await world.tick()
    assert world.directory()[campaign].state == "SEALING"
    assert not [key for key in world.store.rows if key[:1] in (b"d", b"u")]


async def test_a_clock_that_steps_back_loses_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each start is found due once: what was not moved on then would wait for ever.
    """
    world = World()
    campaign = await made(world, "k", schedule={"at": START + 600})
    steps = iter([START + 600, START + 599.9])
    monkeypatch.setattr(world.process, "now", lambda: next(steps, START + 599.9))
    await world.process.course.move_on()
    monkeypatch.undo()
    world.store.now = START + 601
    await world.tick()
    assert of(world, campaign).state == "SEALING"


async def test_what_is_taken_back_leaves_the_directory() -> None:
    """
    A start that is undone is a draft again: for everybody, and also when it was live.
    """
    world = World()
    campaign = await made(world, "k", schedule={"at": START + 600})
    assert campaign in world.directory()
    await world.ask(command("unschedule", "k2", campaign))
    assert campaign not in world.directory() and world.recorded()[campaign].state == "DRAFT"
    await world.ask(command("start", "k3", campaign))
    assert world.directory()[campaign].state == "SCHEDULED"


async def test_an_old_draft_in_the_directory_goes_to_sleep() -> None:
    """
    A version before this one kept every campaign in memory: after an update they move, with their contents.
    """
    world = World()
    campaign = await made(world, "k", start=False)
    draft = of(world, campaign)
    world.store.rows[b"c" + campaign.encode()] = world.store.rows.pop(b"d" + campaign.encode())
    world.process = type(world.process)(world.store)
    assert world.pacing.campaigns == {campaign: draft}
    await world.tick()
    assert not world.pacing.campaigns and of(world, campaign) == draft and campaign not in world.directory()


async def test_a_campaign_that_comes_again_while_the_former_leaves_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The same Idempotency-Key, days later, in the moment in which the old campaign is forgotten: the new one is stored.
    """
    world = World()
    campaign = await made(world, "k")
    await world.ask(command("cancel", "k2", campaign))
    slow = asyncio.get_running_loop().create_future()
    with monkeypatch.context() as waiting:
        waiting.setattr(world.process, "enqueue", lambda *_: slow)
        leaving = asyncio.create_task(world.pacing.forget(of(world, campaign)))
        await asyncio.sleep(0)
    del world.store.rows[b"ak"]  # the answer was kept for a day
    assert await made(world, "k", start=False) == campaign
    slow.set_result(RecordMetadata("", 0, TopicPartition("", 0), 0, 0, 0, 0))
    await leaving
    world.process = Process(world.store)
    assert of(world, campaign).state == "DRAFT" and world.pacing.things.has_content(campaign)


async def test_a_takeover_during_another_one_tells_what_was_left_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Kafka may give the group away and back while news of the first takeover is on its way: it may not have got there.
    """
    world = World()
    campaign = await made(world, "k", start=False)
    process, kept = Process(world.store), list[asyncio.Future[RecordMetadata]]()

    def keep(*_: object) -> "asyncio.Future[RecordMetadata]":
        kept.append(asyncio.get_running_loop().create_future())
        return kept[-1]

    with monkeypatch.context() as slow:
        slow.setattr(process, "enqueue", keep)
        first = asyncio.create_task(process.pacing.make_up())
        await asyncio.sleep(0)
        assert len(kept) == 1
        process.recovered()
    world.store.topics.clear()
    kept[0].set_result(RecordMetadata("", 0, TopicPartition("", 0), 0, 0, 0, 0))
    await first
    assert campaign in world.recorded()


async def test_a_takeover_reads_nothing_that_sleeps() -> None:
    """
    A hundred thousand scheduled campaigns must not be read whenever a process starts.
    """
    world = World()
    for number in range(20):
        await made(world, f"k{number}", schedule={"at": START + 99 * DAY + number})
    world.store.scanned.clear()
    world.process = type(world.process)(world.store)
    await world.survive(world.tick)
    assert not {prefix[:1] for prefix in world.store.scanned} & {b"d", b"a"} and not world.pacing.campaigns
    assert {prefix for prefix in world.store.scanned if prefix[:1] == b"u"} <= {b"u"}


async def test_what_ended_leaves_after_a_day_once_the_record_has_it() -> None:
    """
    Who asks for it the day after finds it in ClickHouse: there is no moment at which nobody knows it.
    """
    world = World()
    campaign = await made(world, "k")
    await world.ask(command("cancel", "c", campaign))
    world.store.now += DAY - 1
    world.store.mirrored = 1_000
    await world.process.course.forget_ended()
    assert campaign in world.directory()
    world.store.now += 2
    world.store.mirrored = world.pacing.owned.told_at(campaign)
    await world.process.course.forget_ended()
    assert campaign in world.directory()  # its last entry is the one that is stored next
    world.store.mirrored += 1
    world.process = type(world.process)(world.store)
    await world.process.course.forget_ended()
    assert world.pacing.campaigns  # not before it was told again
    await world.survive(world.tick)
    world.store.mirrored = world.pacing.owned.told_at(campaign) + 1
    await world.process.course.forget_ended()
    assert not world.directory() and not world.pacing.campaigns
    left = [key for key in world.store.rows if campaign.encode() in key]
    assert all(key.startswith(UNTOLD) for key in left)  # a tick crosses the notes off


async def test_no_more_campaigns_run_than_the_account_wants_and_the_next_starts_when_one_ends() -> None:
    """
    The others wait in the order in which they came, and each can be told how many are before it.
    """
    world = World()
    await set_account(world.pacing, running=2)
    names = []
    for number in range(5):
        world.store.now += 1
        names.append(await made(world, f"k{number}"))
    states = [of(world, name).state for name in names]
    assert states == ["SEALING", "SEALING", "QUEUED", "QUEUED", "QUEUED"]
    others = list(world.directory().values())
    assert [position(of(world, name), others) for name in names] == [0, 0, 1, 2, 3]
    await world.ask(command("unschedule", "u", names[2]))
    await world.seal(SECTIONS)
    await world.ask(command("pause", "p", names[0]))
    world.hear({})
    await world.tick()
    assert of(world, names[3]).state == "QUEUED"  # who is paused keeps its place
    world.hear({names[1]: {"listed": 10, "sent": 10}})
    assert world.pacing.progress[names[1]].total == 10
    await world.tick()
    assert of(world, names[1]).state == "COMPLETED" and of(world, names[1]).counters["sent"] == 10
    await world.tick()
    assert [of(world, name).state for name in names[3:]] == ["SEALING", "QUEUED"] and world.running()["acme"] == 2


async def test_a_campaign_whose_time_is_over_closes_and_counts_everybody() -> None:
    """
    Nothing is lost: who was never expanded is dropped as expired, and the sum is the audience; also when it is paused.
    """
    world = World()
    sections = [Section("gmail", 10), Section("gmail", 90, START + 30_000)]
    campaign = await made(world, "k", expires_at=START + 1_000)
    await world.seal(sections)
    world.hear({})
    await world.tick()
    await world.ask(command("pause", "p", campaign))
    world.store.now = START + 1_001
    await world.tick()
    assert world.directory()[campaign].state == "CLOSING"
    world.hear({campaign: {"listed": 10, "sent": 4, "dropped": 6, "dropped.expired": 6}})
    await world.tick()
    entry = of(world, campaign)
    assert entry.state == "COMPLETED"
    assert (entry.counters["sent"], entry.counters["dropped"], entry.counters["dropped.expired"]) == (4, 96, 96)


async def test_an_experiment_holds_the_rest_back_until_it_is_decided() -> None:
    """
    The sample goes first and alone; the winner is asked for when the wait is over, and the rest follows.
    """
    world = World()
    experiment = {"variants": [{"name": "a", "subject": "A"}, {"name": "b", "subject": "B"}], "wait": 60}
    campaign = await made(world, "k", experiment=experiment)
    await world.seal([Section("gmail", 10, 0.0, True), Section("gmail", 90)])
    assert set(of(world, campaign).contents) == {"", "a", "b"}
    world.hear({})
    await world.tick()
    world.hear({campaign: {"listed": 10, "sent": 9, "bounced": 1}})
    await world.tick()
    trial = of(world, campaign).trial
    assert trial is not None and (trial.phase, trial.decide_at) == ("waiting", START + 60)
    assert [shard.count for shard in shards(world)] == [10]
    world.store.now += 61
    world.hear({campaign: {"listed": 10, "sent": 9, "bounced": 1}})
    for _ in range(3):
        await world.tick()
    asked = [decode(WinnerTask, value or b"") for _, value in world.store.topics[topics.WINNER_REQUESTED]]
    assert asked == [WinnerTask("acme", campaign, 1, ["a", "b"], "clicks")]
    await world.results(campaign, {"a": {"sent": 5, "clicks": 1}, "b": {"sent": 4, "clicks": 2}})
    won = world.directory()[campaign]
    assert won.trial is not None and (won.trial.winner, won.version) == ("b", 2)
    await world.tick()
    assert [shard.count for shard in shards(world)] == [10, 90]


def shards(world: World) -> list[Shard]:
    found = [decode(Shard, value or b"") for _, value in world.store.topics.get(topics.AUDIENCE_SHARDED, [])]
    return [shard for shard in found if isinstance(shard, Shard)]


async def test_nothing_is_expanded_while_the_window_is_closed_for_long() -> None:
    """
    A million rows that may leave tomorrow lie in ClickHouse, not in everybody's tables.
    """
    world = World()  # 2027-01-15 08:00 UTC
    campaign = await made(world, "k", window={"opens": "09:00", "closes": "18:00"})
    await world.seal(SECTIONS)
    world.hear({})
    await world.tick()
    assert not shards(world) and of(world, campaign).state == "RUNNING"
    world.store.now += 3_000 + 1
    world.hear({})
    await world.tick()
    assert [shard.count for shard in shards(world)] == [10]


async def test_a_clone_has_the_content_of_its_original() -> None:
    """
    Also of one that has ended; and a template that is gone is told when it starts, not later.
    """
    world = World()
    campaign = await made(world, "k")
    await world.ask(command("cancel", "c", campaign))
    copy = await world.ask(command("clone", "k2", campaign))
    assert copy.status == 201 and copy.entry is not None
    assert (await world.ask(command("start", "k3", copy.entry.id))).status == 200
    assert of(world, copy.entry.id).contents == of(world, campaign).contents
    missing = create("k4", template_id="tpl_none").model_copy(update={"content": None})
    assert (await world.ask(missing)).field == "spec.template_id"


async def test_nobody_clones_the_content_of_another_account() -> None:
    """
    Who sends a spec along and names a campaign of somebody else would otherwise send out that campaign's letters.
    """
    world = World()
    campaign = await made(world, "k")
    theirs = command("clone", "k2", campaign, spec=create("x").spec, account="others")
    assert (await world.ask(theirs)).field == "content"
    brought = theirs.model_copy(update={"id": "k3", "content": Content(subject="Own", text="Own")})
    copy = await world.ask(brought)
    assert copy.entry is not None and world.pacing.things.content_of(copy.entry) == brought.content


STARTS = ("create", "schedule", "draft", "start", "update", "unschedule", "approve")
DOINGS = (*STARTS, "pause", "resume", "cancel", "tick", "seal", "count", "results", "day")
ACTS = st.lists(
    st.tuples(st.sampled_from([*DOINGS, "tick"]), st.integers(0, 3), st.sampled_from(["", "ann", "bob"])), max_size=40
)


@given(ACTS, st.integers(0, 1 << 32), st.sampled_from([0.0, 0.05, 0.2]), st.booleans())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_transition_is_lost_or_done_twice_wherever_the_owner_dies(
    acts: list[tuple[str, int, str]], seed: int, deadly: float, careful: bool
) -> None:
    """
    Before and after any write and any record, again and again: what is stored is told, in order, and every step once.
    """
    asyncio.run(_lives(acts, random.Random(seed), deadly, careful))


async def _lives(acts: list[tuple[str, int, str]], dice: random.Random, deadly: float, careful: bool) -> None:
    world = World()
    await set_account(world.pacing, running=2, approval=careful, undo=30.0 if careful else 0.0)
    world.store.deaths = lambda: dice.random() < deadly
    names: list[str] = []
    for number, (act, which, actor) in enumerate(acts):
        await _act(world, act, names[which % len(names)] if names else "", f"k{number}", actor, names)
        world.store.now += 20.0
    world.store.deaths = lambda: False
    await world.tick()
    _judge(world, names)


async def _act(world: World, act: str, campaign: str, ident: str, actor: str, names: list[str]) -> None:
    at = world.store.now
    match act:
        case "create" | "draft" | "schedule":
            spec: dict[str, object] = {"schedule": {"at": at + 2 * DAY}} if act == "schedule" else {}
            if len(names) % 2:
                spec |= {"expires_at": at + 3 * DAY, "experiment": {"variants": [{"name": "a"}, {"name": "b"}]}}
            asked = create(ident, act != "draft", **spec).model_copy(update={"actor": actor})
            await world.ask(asked)
            names += sorted({each.id for each in world.told()} - set(names))
        case "tick":
            await world.tick()
        case "day":
            world.store.now += DAY
            await world.tick()
        case "seal":
            await world.seal([Section("gmail", 4, 0.0, True), Section("gmail", 6)])
        case "count":
            totals = {name: world.pacing.progress[name].total for name in names if name in world.pacing.progress}
            world.hear({name: {"listed": total, "sent": total} for name, total in totals.items()})
        case "results" if campaign in world.pacing.campaigns:
            await world.results(campaign, {"a": {"sent": 2, "clicks": 1}})
        case "results":
            pass
        case _ if campaign:
            spec_of = create("x", schedule={"at": at + 5 * DAY}).spec if act == "update" else None
            await world.ask(command(act, ident, campaign, actor=actor, spec=spec_of))


def _judge(world: World, names: list[str]) -> None:
    directory, recorded, told = world.directory(), world.recorded(), world.told()
    assert world.running()["acme"] <= 2
    assert directory == world.pacing.campaigns
    reach = {(of_, to) for (of_, _), to in TRANSITIONS.items()}
    for name in names:
        entry = of(world, name)
        if is_dormant(entry, world.store.now):
            assert name not in directory and recorded[name] == entry
        else:
            assert directory[name] == entry
        versions = {each.revision: each for each in told if each.id == name}
        for each in told:
            assert each.id != name or each == versions[each.revision], "one revision, two campaigns"
        for before, after in pairwise(versions.values()):
            assert before.state not in ENDED
            steps = {before.state}
            for _ in range(4 if after.revision == before.revision + 1 else 12):
                steps |= {to for of_, to in reach if of_ in steps}
            assert after.state in steps
        shards_of = [(shard.first, shard.count) for shard in shards(world) if shard.campaign == name]
        assert sum(count for _, count in set(shards_of)) <= 10
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("seed", range(8))
async def test_queued_campaigns_all_run_in_the_end_wherever_the_owner_dies(seed: int) -> None:
    """
    A place that is given away and forgotten would keep an account waiting for ever.
    """
    dice, world = random.Random(seed), World()
    await set_account(world.pacing, running=2)
    world.store.deaths = lambda: dice.random() < 0.1
    names: list[str] = []
    for number in range(6):
        await world.ask(create(f"k{number}"))
    names = sorted({each.id for each in world.told()})
    for _ in range(20):
        await world.seal(SECTIONS)
        await world.tick()
        world.hear({})
        await world.tick()
        counts = {name: world.pacing.progress[name].total for name in names if name in world.pacing.progress}
        world.hear({name: {"listed": total, "sent": total} for name, total in counts.items()})
        await world.tick()
        assert world.running()["acme"] <= 2
    assert len(names) == 6 and {of(world, name).state for name in names} == {"COMPLETED"}
    assert world.deaths
