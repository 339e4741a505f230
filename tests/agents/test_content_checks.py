"""Contents at the door: compiled, judged by what their people have, refused with the place of the mistake."""

from typing import Any

from agents.admission import MOST_KEPT_BYTES, MOST_SPEC_BYTES, wrong_form
from agents.content_checks import ContentChecks, checked
from app.clickhouse.client import NO_ANSWER, ClickHouse, ClickHouseError
from app.commands import Command
from app.delivery.campaigns.things import Refusal
from app.specs import Content

SPEC = {"from_email": "news@acme.example", "lists": ["a"], "subject": ""}
CONTENT = {"subject": "Hello", "text": "Hello {{ first_name }}"}
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Hello</mj-text></mj-column></mj-section></mj-body></mjml>"


class Lists(ClickHouse):
    """A ClickHouse that knows what the people of every list have, unless it is away."""

    def __init__(self, *names: str) -> None:
        self.names, self.asked, self.away = [*names, ""], 0, False

    async def rows(self, _statement: str, parameters: Any = None, **_: Any) -> list[tuple[Any, ...]]:  # type: ignore[override]
        """Each list with the names."""
        self.asked += 1
        if self.away:
            raise ClickHouseError(NO_ANSWER, "away")
        return [(name, self.names) for name in parameters["lists"]]


def command(kind: str, **fields: object) -> Command:
    """A command that has come through the door's reading."""
    return Command.model_validate({"id": "x", "kind": kind} | fields)


def refusal(found: Command | Refusal | None) -> Refusal:
    """A refusal, which is a 422 with words."""
    assert isinstance(found, Refusal) and found.status == 422 and found.error, found
    return found


async def test_a_content_is_judged_by_what_the_people_of_its_lists_have_now() -> None:
    """
    A program may file a thousand campaigns a second, and a list may get a column in between.
    """
    lists = Lists("first_name")
    checks = ContentChecks(lists)
    create = command("campaign.create", spec=SPEC, content=CONTENT)
    for _ in range(3):
        assert await checks.compiled(create) == create
    assert lists.asked == 1
    other = command("campaign.create", spec=SPEC, content={"subject": "Hi", "text": "{{ city }}"})
    assert refusal(await checks.compiled(other)).field == "content.text"
    lists.names.append("city")
    assert await checks.compiled(other) == other, "a refusal is never from memory"
    lists.away = True
    elsewhere = command("campaign.create", spec=SPEC | {"lists": ["b"]}, content={"subject": "Hi", "text": "{{ x }}"})
    assert await checks.compiled(elsewhere) == elsewhere, "nobody knows: then the template alone is judged"


async def test_templates_are_compiled_and_need_not_be_complete() -> None:
    """
    What is kept is what is sent; a campaign may bring the subject.
    """
    checks = ContentChecks(Lists())
    made = await checks.compiled(command("template.create", template={"name": "t", "content": {"mjml": MJML}}))
    assert isinstance(made, Command) and made.template is not None
    assert "<html" in made.template.content.html and made.template.content.mjml == MJML
    wrong = command("template.update", thing="tpl_1", template={"name": "t", "content": {"text": "{{ a"}})
    assert refusal(await checks.compiled(wrong)).field == "template.content.text"
    nothing = command("template.create", template={"name": "t", "content": {}})
    assert "needs one of" in refusal(await checks.compiled(nothing)).error


async def test_subjects_of_a_campaign_are_templates_too() -> None:
    """
    A mistake in one would block every message when it is rendered.
    """
    checks = ContentChecks(Lists("first_name"))
    variants = [{"name": "a", "subject": "A"}, {"name": "b", "subject": "{{ b"}]
    tested = SPEC | {"template_id": "tpl_1", "experiment": {"variants": variants}}
    found = refusal(await checks.compiled(command("campaign.create", spec=tested)))
    assert found.field == "spec.experiment.variants.1.subject"
    own = command("campaign.create", spec=SPEC | {"subject": "Mine"}, content={"text": "Hello"})
    kept = await checks.compiled(own)
    assert isinstance(kept, Command) and kept.content is not None and kept.content.subject == "", "it stays as written"


def test_a_content_that_breaks_a_library_is_refused_and_the_door_stays_open() -> None:
    """
    A worker that ended here would end at the same command at every start, and nobody's commands would be answered.
    """

    def broken(_: Content) -> Content:
        raise RecursionError

    found = refusal(checked(Content(subject="a", text="b"), "content", None, "email", broken))
    assert (found.status, found.field) == (422, "content")
    assert "RecursionError" in found.error


def test_what_is_too_large_for_its_topics_is_refused_at_the_door() -> None:
    """
    A record that a broker refuses ends the process that sends it, again and again.
    """
    for asked, field in (
        (command("campaign.create", spec=SPEC | {"lists": ["ü" * 190 + str(n) for n in range(100)],
            "exclude_lists": ["ü" * 190 + str(n) for n in range(100)],
            "segments": ["ü" * 190 + str(n) for n in range(100)]}, content=CONTENT), "spec"),
        (command("answer.keep", kept={"hash": "a", "status": 200, "body": {"x": "y" * MOST_KEPT_BYTES}}), "kept"),
    ):  # fmt: skip
        found = refusal(wrong_form(asked))
        assert found.field == field and "the most is" in found.error
    assert MOST_SPEC_BYTES < 3 * 100 * 380


def test_a_campaign_says_what_it_is_sent_with_and_by_whom() -> None:
    """
    What can be told at once is told at once, with the field at fault.
    """
    twins = {"variants": [{"name": "a", "subject": "A"}, {"name": "b", "subject": "A"}]}
    for asked, field in (
        (command("campaign.create", content=CONTENT), "spec"),
        (command("campaign.create", spec=SPEC), "content"),
        (command("campaign.create", spec=SPEC | {"template_id": "tpl_1"}, content=CONTENT), "content"),
        (command("campaign.update", campaign="c", spec=SPEC | {"reply_to": "nobody"}), "spec.reply_to"),
        (command("campaign.create", spec=SPEC | {"experiment": twins}, content=CONTENT), "spec.experiment.variants.1"),
    ):
        assert refusal(wrong_form(asked)).field == field
    assert wrong_form(command("campaign.create", spec=SPEC | {"template_id": "tpl_1"})) is None
