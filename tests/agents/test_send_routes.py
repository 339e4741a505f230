"""A sender with several provider routes: each release over the pool of its own, and none waits for another's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from agents import send
from agents.campaigns import Campaigns
from agents.compose import Composer
from agents.pools import Pools
from agents.quarantine import Quarantine
from app import topics
from app.commands import CampaignEntry
from app.content.ready_made import READY_MADE, ready_variables
from app.delivery.outcomes import Kind
from app.ids import hook_token
from app.local.sink import Sink, serve
from app.local.sink_read import load
from app.records import Outgoing, Release, Result, decode, encode
from app.routes import Route
from app.settings import Settings
from app.specs import CampaignSpec
from app.stream.crash_notes import CrashNotes
from app.stream.directory import Directory
from app.stream.lanes import Lanes
from app.stream.last_act import LastAct
from app.transport.http_pool import HttpPool
from app.transport.journal import AttemptJournal
from tests.stream.test_lanes_alone import App, Stream, event
from tests.transport.api_server import OK, api

NOW = 1_800_000_000.0


class SenderApp(App):
    """As much of an app as the sender needs; results are kept by release."""

    partitions = 1

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[bytes, Result] = {}
        self.told: list[bytes] = []  # as it was produced
        self.agents: list[Callable[[Any], Awaitable[None]]] = []

    def agent(self, _topic: object, name: str) -> Callable[[Any], Any]:  # noqa: ARG002
        """Keep the agent."""

        def keep(agent: Any) -> Any:
            self.agents.append(agent)
            return agent

        return keep

    def raw_topic(self, name: str) -> str:
        """The name will do."""
        return name

    def now(self) -> float:
        """The time."""
        return NOW

    def before_start(self, _: object) -> None:
        """No ticks."""

    async def produce(self, _topic: str, _partition: int, _key: bytes | None, value: bytes) -> int:
        """Keep a result."""
        result = decode(Result, value)
        assert isinstance(result, Result)
        self.results[result.release_id] = result
        self.told.append(value)
        return 0


class Table(dict[bytes, bytes]):
    """A table that is a dict."""

    def owns(self, _: int) -> bool:
        return True

    def get_many(self, _: int, keys: list[bytes]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    async def write(self, _: int, items: list[tuple[bytes, bytes | None]]) -> int:
        for key, value in items:
            if value is None:
                self.pop(key, None)
            else:
                self[key] = value
        return 0


class World:
    """One sender worker, and the routes that it hears of. *hears*: whether its beats are acknowledged."""

    def __init__(self, tmp_path: Path) -> None:
        self.hears, self.table, self.dead = True, Table(), list[str]()
        self.settings = Settings(state_dir=tmp_path, smtp_host="127.0.0.1", smtp_port=1)
        self.settings.secret_path.parent.mkdir(parents=True, exist_ok=True)
        self.settings.secret_path.write_bytes(b"0123456789abcdef0123456789abcdef")
        self.app, self.routes = SenderApp(), Directory("", topics.ROUTE_CHANGED)
        changed, contents = Directory("", topics.CAMPAIGN_CHANGED), Directory("", topics.TEMPLATE_PUBLISHED)
        contents.entries[READY_MADE.id] = READY_MADE.model_dump_json().encode()
        campaigns = Campaigns(changed)
        entry = CampaignEntry(
            id="c", account="default", state="RUNNING", created_at=1.0, contents={"": READY_MADE.id},
            spec=CampaignSpec(from_email="news@acme.example", lists=["all"], content_id=READY_MADE.id),
        )  # fmt: skip
        changed._take(b"c", entry.model_dump_json().encode())
        self.journal = AttemptJournal(tmp_path / "journal")
        self.pools = Pools(self.settings, self.routes, self.journal.flush)
        self.lanes = Lanes(self.app, 64)  # type: ignore[arg-type]

        async def nobody(_: str) -> None:
            """Nobody is told."""

        async def put(_: object, reason: str) -> None:
            self.dead.append(reason)

        sender = send.Sender(
            cast(Any, self.app), topics.EMAIL, cast(Any, self.table), campaigns, Composer(contents, self.settings),
            self.pools, self.journal, cast(Any, SimpleNamespace(fresh=lambda: self.hears)),
            cast(Any, SimpleNamespace(notes_on=lambda *_: None)),
            Quarantine(CrashNotes(tmp_path / "notes"), LastAct(tmp_path / "act"), nobody),
            cast(Any, SimpleNamespace(put=put)),
        )  # fmt: skip
        send.attach(sender, topics.BULK, self.lanes)

    def route(self, name: str, port: int, **fields: object) -> None:
        """`route.changed` tells of a route to a server on this machine."""
        smtp = {"host": "127.0.0.1", "port": port, "tls": "never"} | fields
        self.routes._take(name.encode(), Route.model_validate({"name": name, "smtp": smtp}).model_dump_json().encode())

    async def run(self, releases: list[Release]) -> None:
        """Have the sender read *releases*."""
        events = [event(number) for number in range(len(releases))]
        for each, release in zip(events, releases, strict=True):
            each.value, each.message.timestamp, each.message.partition = encode(release), NOW, 0
        await self.app.agents[0](Stream(events))

    async def answered(self, releases: list[Release]) -> list[Result]:
        """The results of *releases*, once they are there."""
        async with asyncio.timeout(20):
            while not all(each.release_id in self.app.results for each in releases):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return [self.app.results[each.release_id] for each in releases]


def release(number: int, route: str, rows: int = 3) -> Release:
    """Some letters over *route*."""
    variables = msgspec.json.encode(ready_variables("Hi", text="x"))
    people = [
        Outgoing(bytes([number, row]) * 8, bytes(16), f"p{number}-{row}@example.com", variables) for row in range(rows)
    ]
    return Release(bytes([number]) * 16, "default", "c", "bulk", "other", route, 1, NOW, NOW + 60, 1, people)


@pytest.fixture
async def sinks(tmp_path: Path) -> Any:
    """Two mail sinks and their ports."""
    made = [Sink(tmp_path / f"sink{number}.txt", realistic=False, seed=1, latency=0.0) for number in range(2)]
    servers = [await serve(sink, 0) for sink in made]
    yield [(sink, server.sockets[0].getsockname()[1]) for sink, server in zip(made, servers, strict=True)]
    for server in servers:
        server.close()


async def test_each_release_goes_over_the_route_that_it_names(tmp_path: Path, sinks: Any) -> None:
    """What pacing has chosen is what happens; a route that is not known yet costs nobody an attempt."""
    (one, first), (two, second) = sinks
    world = World(tmp_path)
    world.route("relay-1", first)
    world.route("relay-2", second)
    releases = [release(1, "relay-1"), release(2, "relay-2"), release(3, "relay-3"), release(4, "smtp")]
    await world.run(releases)
    over_1, over_2, over_3, over_smtp = await world.answered(releases)
    assert {each.kind for each in (*over_1.outcomes, *over_2.outcomes)} == {Kind.ACCEPTED}
    assert {address for address, _ in one.latest} == {f"p1-{row}@example.com" for row in range(3)}
    assert {address for address, _ in two.latest} == {f"p2-{row}@example.com" for row in range(3)}
    assert over_3.returned == "route relay-3 not here yet" and not over_3.outcomes
    assert {each.kind for each in over_smtp.outcomes} == {Kind.UNAVAILABLE}, "the server of FANFARE_SMTP_*"
    await world.pools.close()


async def test_a_route_may_be_an_account_at_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same release, over HTTP: each message once, noted, with the id that reports come back with."""
    monkeypatch.setenv("TEST_API_KEY", "k")
    async with api(lambda came: OK if came.headers["authorization"] == "Bearer k" else None) as server:
        world = World(tmp_path)
        account = {"url": f"http://127.0.0.1:{server.port}", "api_key": "env:TEST_API_KEY"}
        stored = Route.model_validate({"name": "grid", "sendgrid": account})
        world.routes._take(b"grid", stored.model_dump_json().encode())
        await world.run([release(1, "grid")])
        (result,) = await world.answered([release(1, "grid")])
        assert [(each.kind, each.ref) for each in result.outcomes] == [(Kind.ACCEPTED, "ref-1")] * 3
        sent = [json.loads(came.body)["personalizations"][0] for came in server.came]
        assert sorted(person["to"][0]["email"] for person in sent) == [f"p1-{row}@example.com" for row in range(3)]
        assert sorted(person["custom_args"]["msg_id"] for person in sent) == [
            row.message_id.hex() for row in release(1, "grid").rows
        ]
        before = world.pools.of("grid")
        assert isinstance(before, HttpPool) and before.form == "parts" and not world.journal._open_notes.lines
        callback = world.pools.callback_of("grid")
        assert (
            callback.startswith("http")
            and "/hooks/sendgrid/" in callback
            and callback.endswith(hook_token(b"0123456789abcdef0123456789abcdef", "grid"))
        )
        other = Route.model_validate({"name": "grid", "sendgrid": account | {"ip_pool": "warm"}})
        world.routes._take(b"grid", other.model_dump_json().encode())
        assert world.pools.of("grid") is not before
        await world.pools.close()
        await before.close()


async def test_a_silent_route_leaves_the_others_alone(tmp_path: Path, sinks: Any) -> None:
    """Its releases would fill everything that is in flight."""
    (silent, first), (_, second) = sinks
    world = World(tmp_path)
    world.route("silent", first, timeout=4.0)
    world.route("lively", second)
    silent.silent = True
    stuck = [release(number, "silent", 1) for number in range(1, 31)]
    lively = [release(number, "lively", 1) for number in range(31, 51)]
    await world.run([*stuck, *lively])
    assert {each.outcomes[0].kind for each in await world.answered(lively)} == {Kind.ACCEPTED}
    assert {each.outcomes[0].kind for each in await world.answered(stuck)} == {Kind.UNAVAILABLE}
    assert set(list(world.app.results)[:20]) == {each.release_id for each in lively}
    assert len(load(tmp_path / "sink1.txt")) == 20
    await world.pools.close()


async def test_a_route_that_changes_gets_another_pool_and_its_letters_under_way_finish(
    tmp_path: Path, sinks: Any
) -> None:
    """A new server, a new password place: in force with the next release. A new weight changes nothing here."""
    (_, first), (_, second) = sinks
    world = World(tmp_path)
    world.route("relay", first)
    before = world.pools.of("relay")
    raw = world.routes.entries["relay"]
    heavier = Route.model_validate_json(raw).model_copy(update={"weight": 7, "revision": 2})
    world.routes._take(b"relay", heavier.model_dump_json().encode())
    assert world.pools.of("relay") is before
    world.route("relay", second)
    after = world.pools.of("relay")
    assert after is not None and after is not before and before is not None and before._connections._closed
    world.routes._take(b"relay", None)
    assert world.pools.of("relay") is None and after._connections._closed
    world.route("smtp", second)
    stored = world.pools.of("smtp")
    world.routes._take(b"smtp", None)
    assert world.pools.of("smtp") not in (None, stored), "the one of FANFARE_SMTP_* again"


async def test_notes_in_the_journal_end_with_the_release(tmp_path: Path, sinks: Any) -> None:
    """They are taken along from file to file until then."""
    world = World(tmp_path)
    world.route("relay", sinks[0][1])
    await world.run([release(1, "relay")])
    await world.answered([release(1, "relay")])
    assert not world.journal._open_notes.lines
    await world.pools.close()
