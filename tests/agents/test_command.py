"""Commands are carried out once, answered the same ever after, and refused in words."""

import io

import pytest

from agents.pacing import GROUP_KEY, home_of
from app import topics
from app.clickhouse.contacts import import_people
from app.commands import Accepted, Command
from app.control import new_command_id
from app.records import SealTask, Undecodable, decode, encode
from tests.agents.conftest import PARTITIONS, Wire, Workers

pytestmark = pytest.mark.integration

CREATE = {
    "kind": "campaign.create",
    "spec": {"from_email": "news@acme.example", "lists": ["command"]},
    "content": {"subject": "Hello", "text": "Hello"},
}


async def test_the_same_command_gets_the_same_answer_also_after_a_kill(workers: Workers, wire: Wire) -> None:
    """
    A program that heard nothing asks again: that must not make a second campaign, whatever died in between.
    """
    ident = new_command_id()
    first = await wire.ask(id=ident, **CREATE)
    assert first.status == 201 and first.campaign
    workers.kill("pacing")
    workers.start("pacing")
    again = await wire.ask(id=ident, **CREATE)
    assert (again.status, again.campaign, again.state) == (201, first.campaign, "DRAFT")
    spec = CREATE["spec"] | {"name": "another"}  # type: ignore[operator]
    # The replay after the kill repeats the first answer: it is none to this question.
    other = await wire.ask(**CREATE | {"id": ident, "spec": spec})
    assert (other.status, other.field) == (422, "id")
    elsewhere = await wire.ask(id=ident, account="b", **CREATE)
    assert elsewhere.status == 201 and elsewhere.campaign != first.campaign


async def test_commands_are_refused_in_words(wire: Wire) -> None:
    """
    404, 409 and 422 as in HTTP, with the field that is wrong: the CLI and the REST API show it as it is.
    """
    campaign = (await wire.ask(id=new_command_id(), **CREATE)).campaign
    for fields, status, field in (
        ({"kind": "campaign.pause", "campaign": "c_none"}, 404, "campaign"),
        ({"kind": "campaign.pause", "campaign": campaign, "account": "b"}, 404, "campaign"),
        ({"kind": "campaign.resume", "campaign": campaign}, 409, "kind"),
        ({"kind": "campaign.throttle", "campaign": campaign}, 422, "throttle"),
        (
            {"kind": "campaign.throttle", "campaign": campaign, "throttle": {"rate": 100, "burst": 5}},
            422,
            "throttle.burst",
        ),
        ({"kind": "campaign.throttle", "campaign": campaign, "throttle": {"burst": 5}}, 422, "throttle.burst"),
        ({"kind": "limit.set"}, 422, "limit"),
        ({"kind": "limit.set", "limit": {"scope": "group", "name": "gmail", "burst": 5}}, 422, "limit.burst"),
        ({"kind": "campaign.create"}, 422, "spec"),
    ):
        answer = await wire.ask(id=new_command_id(), **fields)
        assert (answer.status, answer.field) == (status, field), answer
        assert answer.error and not answer.campaign


@pytest.mark.parametrize(
    "raw", [b"{", b"", None, b"\xc1\x00", b'{"command": {"id": 1}}', encode(SealTask("a", "c", "s", "e", []))]
)
async def test_garbage_among_accepted_commands_is_set_aside(workers: Workers, wire: Wire, raw: bytes | None) -> None:
    """
    Only our own processes write there; one of another version must not stop every campaign.
    """
    for partition in range(PARTITIONS):
        await wire.put(topics.COMMAND_ACCEPTED, raw, partition=partition)
    await wire.dead(
        topics.COMMAND_ACCEPTED, lambda each: each.value == (raw or b"") and "not an accepted" in each.reason
    )
    assert (await wire.ask(id=new_command_id(), **CREATE)).status == 201
    assert "pacing" in workers.alive()


async def test_a_stray_command_does_not_move_the_pacing_group(workers: Workers, wire: Wire) -> None:
    """
    One record in a wrong partition, read first after a start, would make all real commands strangers for ever.
    """
    stray = Accepted(command=Command(id="stray", kind="campaign.start", campaign="c_none"))
    elsewhere = (home_of(GROUP_KEY, PARTITIONS) + 1) % PARTITIONS
    await wire.put(topics.COMMAND_ACCEPTED, stray.model_dump_json().encode(), partition=elsewhere)
    await wire.dead(topics.COMMAND_ACCEPTED, lambda each: "outside the partition" in each.reason)
    assert (await wire.ask(id=new_command_id(), **CREATE)).status == 201


async def test_a_campaign_without_people_fails_and_one_with_people_runs(workers: Workers, wire: Wire) -> None:
    """
    Start, seal, answer: and a seal that is asked for twice fixes one audience.
    """
    await import_people(workers.settings, io.BytesIO(b"email\nann@example.com\nbob@example.com\n"), "command")
    campaign = (await wire.ask(id=new_command_id(), start=True, **CREATE)).campaign
    spec = CREATE["spec"] | {"lists": ["nobody"]}  # type: ignore[operator]
    empty = (await wire.ask(id=new_command_id(), start=True, **(CREATE | {"spec": spec}))).campaign
    await wire.put(topics.SEAL_REQUESTED, encode(SealTask("default", campaign, f"{campaign}-1", "email", ["command"])))
    while (entry := wire.control.campaigns.get(campaign)) is None or entry.state == "SEALING":
        await wire.control.changed(1.0)
    assert (entry.state, entry.seal and entry.seal.count) == ("RUNNING", 2)
    while (other := wire.control.campaigns.get(empty)) is None or other.state == "SEALING":
        await wire.control.changed(1.0)
    assert (other.state, other.reason) == ("FAILED", "nobody is on nobody: there is no such list")


@pytest.mark.parametrize("topic", [topics.SEAL_REQUESTED, topics.AUDIENCE_SHARDED])
@pytest.mark.parametrize("raw", [b"{", b"", None, b"\xc1", b"\x91\x01"], ids=repr)
async def test_garbage_for_the_intake_agents_is_set_aside(
    workers: Workers, wire: Wire, topic: str, raw: bytes | None
) -> None:
    """
    As everywhere: kept with its reason, and nothing stops.
    """
    await wire.put(topic, raw)
    letter = await wire.dead(topic, lambda each: each.value == (raw or b""))
    assert letter.reason.startswith("not a ")
    assert not isinstance(decode(type(letter), encode(letter)), Undecodable)
    assert set(workers.alive()) == {"intake", "pacing"}
