"""Templates, segments, keys, accounts and limits: who may change what, and which version it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.commands import Command
from app.delivery.campaigns.things import (
    MOST_KEYS,
    MOST_VERSIONS,
    Decision,
    Gone,
    NewVersion,
    Owned,
    Refusal,
    decide,
    thing_named,
)
from app.delivery.limits.checks import Known
from app.routes import LimitSet
from app.things import Account, ApiKey, Segment, TemplateHead

NOW = 1_800_000_000.0
TEMPLATE = {"name": "Letter", "content": {"subject": "Hello", "text": "Hello"}}
SEGMENT = {"name": "Readers", "filter": {"not": {"list": "news"}}}
KEY = {"id": "abcdefgh", "account": "acme", "hash": "0" * 64, "scopes": ["read"], "created_at": 1.0}


def command(kind: str, **fields: object) -> Command:
    """A command of the account acme."""
    return Command.model_validate({"id": "x", "account": "acme", "kind": kind} | fields)


def owned(**fields: object) -> Owned:
    """What the owner holds."""
    return Owned(**({"account": Account(name="acme")} | fields))  # type: ignore[arg-type]


def done(decision: Decision | Refusal) -> Decision:
    """A decision that is no refusal."""
    assert isinstance(decision, Decision), decision
    return decision


def refused(decision: Decision | Refusal) -> tuple[int, str]:
    """(status, field) of a refusal, which has words."""
    assert isinstance(decision, Refusal), decision
    assert len(decision.error) > 10
    return decision.status, decision.field


def made_template(account: str = "acme", version: int = 1) -> TemplateHead:
    """A stored template."""
    return TemplateHead(id="tpl_1", account=account, name="Letter", version=version, created_at=1.0, changed_at=1.0)


def made_segment(account: str = "acme", revision: int = 1) -> Segment:
    """A stored segment."""
    fields = {"id": "seg_1", "account": account, "revision": revision, "created_at": 1.0, "changed_at": 1.0}
    return Segment.model_validate(SEGMENT | fields)


def test_a_template_is_created_and_changed_version_by_version() -> None:
    """
    A campaign that names a version must find that one, whatever was written since.
    """
    created = done(decide(owned(), command("template.create", template=TEMPLATE), NOW))
    assert created.status == 201 and isinstance(created.change, NewVersion)
    head = created.change.head
    assert head.id.startswith("tpl_") and (head.version, head.created_at) == (1, NOW)
    assert created.thing == head.model_dump(mode="json"), "an answer carries no content"
    update = command("template.update", thing=head.id, template=TEMPLATE | {"name": "Other"}, match=1)
    updated = done(decide(owned(template=head), update, NOW + 9))
    assert isinstance(updated.change, NewVersion)
    assert updated.change.head.model_dump() == head.model_dump() | {
        "name": "Other", "version": 2, "changed_at": NOW + 9,
    }  # fmt: skip
    gone = done(decide(owned(template=updated.change.head), command("template.delete", thing=head.id), NOW))
    assert gone.change == Gone("template", head.id, 3), "a mirror takes the highest version for the newest"


def test_a_segment_is_created_changed_and_deleted_with_rising_revisions() -> None:
    """
    As with templates; here only the newest one stays.
    """
    created = done(decide(owned(), command("segment.create", segment=SEGMENT), NOW)).change
    assert isinstance(created, Segment) and created.id.startswith("seg_") and created.revision == 1
    update = command("segment.update", thing=created.id, segment={"name": "All", "filter": {"list": "a"}})
    changed = done(decide(owned(segment=created), update, NOW + 1)).change
    assert isinstance(changed, Segment) and (changed.revision, changed.name) == (2, "All")
    assert Segment.model_validate_json(created.model_dump_json()) == created, "`not` is written as it is read"
    gone = done(decide(owned(segment=changed), command("segment.delete", thing=created.id), NOW)).change
    assert gone == Gone("segment", created.id, 3)


@pytest.mark.parametrize("kind", ["template.update", "template.delete", "segment.update", "segment.delete"])
def test_things_of_others_and_things_that_are_not_there_are_the_same_404(kind: str) -> None:
    """
    An account that guesses ids must not learn which exist elsewhere.
    """
    asked = command(kind, thing="tpl_1", template=TEMPLATE, segment=SEGMENT)
    nothing = decide(owned(), asked, NOW)
    foreign = decide(owned(template=made_template("b"), segment=made_segment("b")), asked, NOW)
    assert nothing == foreign and refused(nothing) == (404, "thing")


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_change_counts_only_for_the_version_that_its_author_has_seen(there: int, seen: int) -> None:
    """
    Two people edit the same template: the second must not undo what the first has written.
    """
    for kind in ("template.update", "template.delete", "segment.update", "segment.delete", "account.set"):
        asked = command(
            kind, thing="tpl_1", template=TEMPLATE, segment=SEGMENT, settings={"name": "acme"}, match=seen
        )  # fmt: skip
        has = owned(
            template=made_template(version=there), segment=made_segment(revision=there),
            account=Account(name="acme", revision=there),
        )  # fmt: skip
        decision = decide(has, asked, NOW)
        if there == seen:
            assert done(decision).status == 200
        else:
            assert refused(decision) == (412, "match")


def test_a_template_has_a_bounded_number_of_versions() -> None:
    """
    They are deleted in one batch.
    """
    full = owned(template=made_template(version=MOST_VERSIONS))
    assert refused(decide(full, command("template.update", thing="tpl_1", template=TEMPLATE), NOW)) == (409, "thing")


def test_a_key_is_made_once_and_revoked_for_good() -> None:
    """
    What was revoked must not come back by a repeat, and an id names one secret.
    """
    created = done(decide(owned(), command("key.create", key=KEY), NOW))
    assert created.status == 201 and isinstance(created.change, ApiKey) and created.change.created_at == NOW
    assert "hash" not in created.thing
    revoked = done(decide(owned(key=created.change), command("key.revoke", thing="abcdefgh"), NOW + 1)).change
    assert isinstance(revoked, ApiKey) and revoked.revoked_at == NOW + 1
    again = done(decide(owned(key=revoked), command("key.revoke", thing="abcdefgh"), NOW + 2))
    assert again.change is None and again.thing["revoked_at"] == NOW + 1
    repeated = done(decide(owned(key=revoked), command("key.create", key=KEY), NOW))
    assert (repeated.status, repeated.change) == (200, None) and repeated.thing["revoked_at"] == NOW + 1
    other = command("key.create", key=KEY | {"hash": "1" * 64})
    assert refused(decide(owned(key=revoked), other, NOW)) == (409, "key.id")


def test_keys_that_make_no_sense_are_refused() -> None:
    """
    A key for another account would be a door into it.
    """
    for key, field in (({"account": "b"}, "key.account"), ({"expires_at": NOW}, "key.expires_at")):
        assert refused(decide(owned(), command("key.create", key=KEY | key), NOW)) == (422, field)
    assert refused(decide(owned(keys=MOST_KEYS), command("key.create", key=KEY), NOW)) == (409, "key")
    foreign = ApiKey.model_validate(KEY | {"account": "b"})
    assert refused(decide(owned(key=foreign), command("key.revoke", thing="abcdefgh"), NOW)) == (404, "thing")
    with pytest.raises(ValidationError):
        command("key.create", key=KEY | {"hash": "the secret itself"})


def test_settings_of_an_account_are_its_own_and_count_their_changes() -> None:
    """
    The first change finds the defaults, which have revision 1.
    """
    asked = command("account.set", settings={"name": "acme", "running": 3, "revision": 70}, match=1)
    changed = done(decide(owned(), asked, NOW)).change
    assert changed == Account(name="acme", running=3, revision=2)
    assert refused(decide(owned(), command("account.set", settings={"name": "b"}), NOW)) == (422, "settings.name")


def test_a_limit_that_cannot_be_kept_is_refused() -> None:
    """
    A limit that would silently be something else is worse than a clear no.
    """
    limit = {"scope": "account", "name": "acme", "rate": 100.0, "burst": 5.0}
    here = owned(limits=Known(accounts=["acme"]))
    assert refused(decide(here, command("limit.set", limit=limit), NOW)) == (422, "limit.burst")
    assert refused(decide(owned(), command("limit.set", limit=limit), NOW)) == (422, "limit.name")
    kept = done(decide(here, command("limit.set", limit=limit | {"burst": 50.0}), NOW)).change
    assert isinstance(kept, LimitSet) and kept.burst == 50.0
    gone = refused(decide(here, command("limit.set", limit={"scope": "account", "name": "acme"}), NOW))
    assert gone == (404, "limit")
    whole = {"scope": "account", "name": "acme", "daily": 5}
    edited = done(decide(owned(limits=Known(accounts=["acme"]), limit=kept), command("limit.set", limit=whole), NOW))
    assert [note.partition(":")[0] for note in edited.notes] == ["was", "no longer limited"]
    assert done(decide(owned(limit=kept), command("limit.set", limit={"scope": "account", "name": "acme"}), NOW))


@pytest.mark.parametrize(
    "kind", ["template.create", "segment.create", "key.create", "account.set", "limit.set", "template.update"]
)
def test_a_command_without_its_thing_says_what_it_needs(kind: str) -> None:
    """
    Kafka users write these by hand.
    """
    named = {"account": "settings"}.get(kind.partition(".")[0], kind.partition(".")[0])
    assert refused(decide(owned(), command(kind), NOW)) == (422, named)
    assert isinstance(thing_named(command(kind)), str)


def test_what_is_created_again_after_its_answer_was_forgotten_is_found() -> None:
    """
    The id of a command names what it makes, also when its answer is no longer kept.
    """
    assert done(decide(owned(template=made_template()), command("template.create", template=TEMPLATE), NOW)) == (
        Decision(200, None, made_template().model_dump(mode="json"))
    )
    assert done(decide(owned(segment=made_segment()), command("segment.create", segment=SEGMENT), NOW)).change is None
