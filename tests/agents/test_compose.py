"""Everybody gets the variant he was drawn for, in the language he reads."""

from pathlib import Path
from typing import Any

import pytest

from agents.compose import Composer, Letters, content_id_for
from app.commands import CampaignEntry, Trial
from app.content.problems import ContentError, RenderError
from app.content.ready_made import READY_MADE, ready_variables
from app.settings import Settings
from app.specs import CampaignSpec, Content, Experiment, Parts, Variant
from app.stream.directory import Directory
from tests.content.mail import MESSAGE, RECIPIENT, read

A, B = Content(subject="A", text="a"), Content(subject="B", text="b")
REST = Content(subject="rest", text="r", locales={"pt": Parts(subject="resto")})
TEST = Experiment(variants=[Variant(name="a", subject="A"), Variant(name="b", subject="B")])


def campaign(**changes: Any) -> CampaignEntry:
    """A campaign that runs."""
    spec = {"from_email": "news@acme.example", "lists": ["all"]} | changes.pop("spec", {})
    return CampaignEntry(
        id="cmp_1", account="default", state="RUNNING", spec=CampaignSpec(**spec), created_at=1.0, **changes
    )


@pytest.fixture
def composer(tmp_path: Path) -> Composer:
    """A composer that has the three contents."""
    settings = Settings(
        state_dir=tmp_path, public_url="https://l.example.com", bounce_domain="b.other.example,b.acme.example"
    )
    settings.secret_path.parent.mkdir(parents=True, exist_ok=True)
    settings.secret_path.write_bytes(b"0123456789abcdef0123456789abcdef")
    directory = Directory("", "template.published")
    directory.entries |= {each.id: each.model_dump_json().encode() for each in (A, B, REST, READY_MADE)}
    return Composer(directory, settings)


def subject(letters: Letters, variant: int, **variables: str) -> str:
    """The subject of the letter to a contact of *variant*."""
    template = letters.template_for(variant, variables)
    assert not isinstance(template, ContentError)
    raw = template.render(variables, MESSAGE, RECIPIENT, "ann@example.com", 1.7e9)
    assert not isinstance(raw, RenderError)
    return str(read(raw)["subject"])


CONTENTS = {"": REST.id, "a": A.id, "b": B.id}


@pytest.mark.parametrize(
    ("trial", "subjects"),
    [
        (None, ["rest", "A", "B", "rest"]),
        (Trial(phase="decided", winner="b"), ["B", "A", "B", "B"]),
    ],
)
async def test_who_is_in_a_test_gets_his_variant_and_the_rest_the_winner(
    composer: Composer, trial: Trial | None, subjects: list[str]
) -> None:
    """A retry of somebody in the test must not change his letter; a number that no variant has is not in the test."""
    entry = campaign(spec={"experiment": TEST}, contents=CONTENTS, trial=trial)
    letters = await composer.letters_of(entry, {0, 1, 2, 3})
    assert letters is not None
    assert [subject(letters, variant) for variant in (0, 1, 2, 3)] == subjects


async def test_unsubscribe_mail_goes_to_the_domain_nearest_to_the_sender(composer: Composer) -> None:
    """Of the bounce domains of several customers, each has its own; who has none has the first."""
    for sender, mailbox in (("news@acme.example", "b.acme.example"), ("a@third.test", "b.other.example")):
        entry = campaign(spec={"from_email": sender}, contents=CONTENTS)
        letters = await composer.letters_of(entry.model_copy(update={"id": f"c_{mailbox}"}), {0})
        assert letters is not None
        template = letters.template_for(0, {})
        assert not isinstance(template, ContentError)
        raw = template.render({}, MESSAGE, RECIPIENT, "ann@example.com", 1.7e9)
        assert not isinstance(raw, RenderError)
        assert f"<mailto:unsub@{mailbox}?" in str(read(raw)["list-unsubscribe"])


async def test_the_rest_gets_nothing_before_the_winner_is_known_here(composer: Composer) -> None:
    """The owner expands the rest when it has decided; a sender that has not heard of that must not send the loser."""
    entry = campaign(spec={"experiment": TEST}, contents=CONTENTS, trial=Trial(phase="waiting"))
    assert await composer.letters_of(entry, {0}) is None
    assert await composer.letters_of(entry, {1, 2}) is not None


async def test_rows_of_one_release_come_in_their_own_languages(composer: Composer) -> None:
    """The language is the contact's, not the campaign's."""
    letters = await composer.letters_of(campaign(contents={"": REST.id}), {0})
    assert letters is not None
    assert [subject(letters, 0, language=each) for each in ("pt_BR", "de", "")] == ["resto", "rest", "rest"]
    assert letters.template_for(0, {"locale": "pt-PT"}) is letters.template_for(0, {"locale": "PT"})


async def test_a_campaign_without_contents_has_that_of_its_spec(composer: Composer) -> None:
    """Campaigns that were started before there were experiments run on."""
    entry = campaign(spec={"content_id": A.id})
    assert content_id_for(entry, 2) == A.id
    letters = await composer.letters_of(entry, {0})
    assert letters is not None and subject(letters, 0) == "A"


async def test_a_campaign_that_names_no_content_gets_no_letters(composer: Composer) -> None:
    """Its releases are returned, and nobody is told that he was sent something."""
    assert await composer.letters_of(campaign(), {0}) is None


async def test_ready_made_letters_are_no_templates(composer: Composer) -> None:
    """What a program has written itself is sent as it is, without a template for each message."""
    entry = campaign(spec={"kind": "transactional", "lists": [], "content_id": READY_MADE.id})
    letters = await composer.letters_of(entry, {0})
    assert letters is not None
    assert subject(letters, 0, **ready_variables("Your code", text="{{ 123 }}")) == "Your code"


async def test_only_campaigns_offer_to_unsubscribe_unasked(composer: Composer) -> None:
    """A receipt has no List-Unsubscribe; a campaign without it is spam."""
    found = []
    for version, spec in enumerate(({}, {"kind": "transactional", "lists": []}), 1):
        letters = await composer.letters_of(campaign(spec=spec, version=version, contents={"": A.id}), {0})
        assert letters is not None
        template = letters.template_for(0, {})
        assert not isinstance(template, ContentError)
        raw = template.render({}, MESSAGE, RECIPIENT, "ann@example.com", 1.7e9)
        found.append(b"List-Unsubscribe" in raw if isinstance(raw, bytes) else None)
    assert found == [True, False]
