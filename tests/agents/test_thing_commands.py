"""Templates, segments, keys and answers of edges over Kafka: decided once, told for certain, also over a kill."""

import asyncio
import json
from secrets import token_hex

import pytest
from aiokafka.structs import ConsumerRecord

from app import topics
from app.commands import Answer, Command
from app.control import new_command_id
from app.routes import Route
from app.specs import Content
from app.things import Account, ApiKey, Template, ThingRecord
from tests.agents.conftest import Wire, Workers

pytestmark = pytest.mark.integration

TEMPLATE = {"name": "Letter", "content": {"subject": "Hello", "mjml": "<mjml><mj-body></mj-body></mjml>"}}
SEGMENT = {"name": "Readers", "filter": {"not": {"list": "news"}}}


def of(records: list[ConsumerRecord], key: str) -> list[ConsumerRecord]:
    """The records with this key, in order."""
    return [record for record in records if record.key == key.encode()]


async def told(wire: Wire, answer: Answer) -> ConsumerRecord:
    """The record that *answer* says to wait for."""

    def there(records: list[ConsumerRecord]) -> list[ConsumerRecord]:
        return [each for each in records if (each.partition, each.offset) == (answer.partition, answer.position)]

    return there(await wire.until(answer.topic, lambda records: bool(there(records))))[0]


async def test_a_template_goes_from_the_door_to_its_record(wire: Wire) -> None:
    """
    An edge that waits for the position of the answer shows what was written, compiled.
    """
    made = await wire.ask(id=new_command_id(), kind="template.create", template=TEMPLATE)
    assert (made.status, made.topic, made.thing["version"]) == (201, topics.THING_RECORDED, 1), made
    ident = made.thing["id"]
    record = ThingRecord.model_validate_json((await told(wire, made)).value)
    assert (record.kind, record.id, record.version) == ("template", ident, 1)
    shown = Template.model_validate(record.body)
    assert "<html" in shown.content.html and shown.parts == ["subject", "html", "mjml"]
    assert "content" not in made.thing
    stale = await wire.ask(id=new_command_id(), kind="template.update", thing=ident, template=TEMPLATE, match=2)
    assert (stale.status, stale.field) == (412, "match")
    changed = await wire.ask(id=new_command_id(), kind="template.update", thing=ident, template=TEMPLATE, match=1)
    assert (changed.status, changed.thing["version"]) == (200, 2)
    gone = await wire.ask(id=new_command_id(), kind="template.delete", thing=ident)
    assert ThingRecord.model_validate_json((await told(wire, gone)).value).deleted
    again = await wire.ask(id=new_command_id(), kind="template.delete", thing=ident)
    assert (again.status, again.field, again.position) == (404, "thing", -1)


async def test_a_kill_between_decision_and_record_loses_neither(workers: Workers, wire: Wire) -> None:
    """
    The template is in the table of its owner; without its record nobody else would ever see it.
    """
    ident = new_command_id()
    command = Command.model_validate({"id": ident, "kind": "segment.create", "segment": SEGMENT})
    workers.kill("pacing")
    workers.forget_death("thing.written")
    workers.start("pacing", crash_after="thing.written")
    await wire.put(topics.CAMPAIGN_COMMANDED, command.model_dump_json().encode())
    workers.wait("pacing")
    workers.start("pacing")

    def recorded(found: list[ConsumerRecord]) -> list[ThingRecord]:
        records = [ThingRecord.model_validate_json(record.value) for record in found]
        return [each for each in records if each.kind == "segment" and each.account == "default"]

    assert recorded(await wire.until(topics.THING_RECORDED, lambda found: bool(recorded(found))))[0].version == 1
    again = await wire.ask(id=ident, kind="segment.create", segment=SEGMENT)
    assert (again.status, again.thing["revision"]) == (201, 1)
    body = ThingRecord.model_validate_json((await told(wire, again)).value).body
    assert body["filter"] == {"not": {"list": "news", "consent_within_days": None}}


async def test_keys_accounts_and_limits_reach_their_directories(wire: Wire) -> None:
    """
    Edges hold these whole; the hash of a key goes there and nowhere else.
    """
    key = {"id": new_command_id()[4:20], "account": "k", "hash": "0" * 64, "scopes": ["read"], "created_at": 1.0}
    made = await wire.ask(id=new_command_id(), account="k", kind="key.create", key=key)
    assert (made.status, made.topic) == (201, topics.KEY_CHANGED) and "hash" not in made.thing
    assert ApiKey.model_validate_json((await told(wire, made)).value).hash == key["hash"]
    revoked = await wire.ask(id=new_command_id(), account="k", kind="key.revoke", thing=key["id"])
    assert ApiKey.model_validate_json((await told(wire, revoked)).value).revoked_at
    settings = {"name": "k", "running": 3}
    changed = await wire.ask(id=new_command_id(), account="k", kind="account.set", settings=settings, match=1)
    assert Account.model_validate_json((await told(wire, changed)).value) == Account(name="k", running=3, revision=2)
    limit = {"scope": "account", "name": "k", "rate": 7}
    kept = await wire.ask(id=new_command_id(), account="k", kind="limit.set", limit=limit)
    assert json.loads((await told(wire, kept)).value)["rate"] == 7
    removed = await wire.ask(id=new_command_id(), account="k", kind="limit.set", limit=limit | {"rate": None})
    record = await told(wire, removed)
    assert (record.key, record.value) == (b"account|k", None)


async def test_routes_reach_their_directory_and_stay_over_a_kill(workers: Workers, wire: Wire) -> None:
    """
    Senders learn of a route there; who owns them knows after a restart which are fallbacks of others.
    """
    relay = {"name": "relay-1", "smtp": {"host": "127.0.0.1", "tls": "never"}}
    made = await wire.ask(id=new_command_id(), kind="route.set", route=relay)
    assert (made.status, made.topic) == (201, topics.ROUTE_CHANGED) and "no longer" in made.notes[0]
    assert Route.model_validate_json((await told(wire, made)).value) == Route.model_validate(relay)
    other = relay | {"name": "relay-2", "fallbacks": ["relay-1"]}
    assert (await wire.ask(id=new_command_id(), kind="route.set", route=other)).status == 201
    workers.kill("pacing")
    workers.start("pacing")
    kept = await wire.ask(id=new_command_id(), kind="route.delete", thing="relay-1")
    assert (kept.status, kept.field) == (409, "thing") and "relay-2" in kept.error
    for name in ("relay-2", "relay-1"):
        gone = await wire.ask(id=new_command_id(), kind="route.delete", thing=name)
        record = await told(wire, gone)
        assert (record.key, record.value) == (name.encode(), None)


async def test_an_answer_of_an_edge_is_found_by_every_edge(workers: Workers, wire: Wire) -> None:
    """
    Same key, same answer: also after the edge that gave it is gone, and over a kill of who keeps it.
    """
    ident = new_command_id()
    kept = {"hash": "aa", "status": 200, "body": {"count": 7}}
    assert (await wire.ask(id=ident, kind="answer.find")).status == 404
    assert (await wire.ask(id=ident, kind="answer.keep", kept=kept)).status == 201
    workers.kill("pacing")
    workers.start("pacing")
    found = await wire.ask(id=ident, kind="answer.find")
    assert (found.status, found.thing["body"]) == (200, {"count": 7})
    other = await wire.ask(id=ident, kind="answer.keep", kept=kept | {"hash": "bb"})
    assert (other.status, other.field) == (422, "id")
    assert (await wire.ask(id=ident, kind="segment.create", segment=SEGMENT)).field == "id"


async def test_two_who_ask_at_once_under_one_id_get_each_their_own_answer(wire: Wire) -> None:
    """
    Two programs, one key, another body each: who is second must not take the answer of the first for theirs.
    """
    for _ in range(5):
        ident = new_command_id()
        answers = await asyncio.gather(
            *(
                wire.ask(id=ident, kind="segment.create", segment=SEGMENT | {"name": name})
                for name in ("one", "another")
            )
        )
        assert sorted(each.status for each in answers) == [201, 422]


async def test_a_campaign_takes_its_template_along_when_it_starts(workers: Workers, wire: Wire) -> None:
    """
    Killed right after the decision, the owner still publishes the content before the campaign is told; when the
    campaign has ended, the content is gone from the directory.
    """
    template = {"name": "t", "content": {"subject": "Theirs", "text": f"Hello {new_command_id()}"}}
    made = (await wire.ask(id=new_command_id(), kind="template.create", template=template)).thing["id"]
    spec = {"from_email": "news@acme.example", "lists": ["nobody"], "template_id": made, "subject": "Mine"}
    unknown = await wire.ask(id=new_command_id(), kind="campaign.create", spec=spec | {"template_id": "tpl_x"})
    assert (unknown.status, unknown.field) == (404, "spec.template_id")
    draft = await wire.ask(id=new_command_id(), kind="campaign.create", spec=spec)
    assert (draft.status, draft.state, draft.thing["revision"]) == (201, "DRAFT", 1)
    workers.kill("pacing")
    workers.forget_death("command.written")
    workers.start("pacing", crash_after="command.written")
    start = Command(id=new_command_id(), kind="campaign.start", campaign=draft.campaign)
    await wire.put(topics.CAMPAIGN_COMMANDED, start.model_dump_json().encode())
    workers.wait("pacing")
    workers.start("pacing")
    assert (await wire.ask(**start.model_dump(mode="json", exclude_defaults=True))).status == 200

    def contents(found: list[ConsumerRecord]) -> list[ConsumerRecord]:
        mine = {r.key for r in found if r.value is not None and str(template["content"]["text"]).encode() in r.value}
        return [record for record in found if record.key in mine]

    records = contents(
        await wire.until(topics.TEMPLATE_PUBLISHED, lambda found: any(r.value is None for r in contents(found)))
    )
    assert Content.model_validate_json(records[0].value).subject == "Mine"
    assert [record.value for record in records][-1] is None, "nobody is on the list: the campaign has failed"
    async with asyncio.timeout(20):
        while draft.campaign not in wire.control.campaigns:
            await wire.control.changed()
    assert wire.control.campaigns[draft.campaign].contents == {"": records[0].key.decode()}


async def test_the_largest_content_takes_the_whole_way(workers: Workers, wire: Wire) -> None:
    """
    A record that is a byte too large for its topic would end its process, again and again.
    """
    texts = [token_hex(240_000) for _ in range(4)]
    locales = dict(zip(("pt", "de", "fr"), ({"text": text} for text in texts[1:]), strict=True))
    content = {"subject": "Large", "text": texts[0], "locales": locales}
    made = await wire.ask(id=new_command_id(), kind="template.create", template={"name": "large", "content": content})
    assert made.status == 201, made
    record = ThingRecord.model_validate_json((await told(wire, made)).value)
    assert record.body["content"]["locales"]["fr"]["text"] == texts[3]
    spec = {"from_email": "news@acme.example", "kind": "transactional", "template_id": made.thing["id"]}
    started = await wire.ask(id=new_command_id(), kind="campaign.create", spec=spec, start=True)
    assert (started.status, started.state) == (201, "RUNNING"), started
    ident = str(started.thing["contents"][""]).encode()

    def published(found: list[ConsumerRecord]) -> list[ConsumerRecord]:
        return [record for record in found if record.key == ident]

    records = published(await wire.until(topics.TEMPLATE_PUBLISHED, lambda found: bool(published(found))))
    assert Content.model_validate_json(records[0].value).text == texts[0]
    assert set(workers.alive()) == {"intake", "pacing"}
