"""Templates tried out: previewed for a contact, looked over by the lint, sent as a test."""

import asyncio
from dataclasses import asdict
from typing import Any

from pydantic import Field

from app.clickhouse import people, segments
from app.content.address import AddressError
from app.content.lint import lint
from app.content.lint_sample import MOST_SAMPLED
from app.content.preview import preview
from app.control.message_campaigns import MessageError
from app.control.messages import NewMessages
from app.specs import Channel, Content, Label, Locale, Strict
from app.things import AnyOf, ByList
from app.web.api.messages import TakenMessages
from app.web.api.people_in_requests import Address, secret_of
from app.web.api.storage import found_thing
from app.web.keys import MESSAGES
from app.web.named_people import recipient_of
from app.web.problems import refuse
from app.web.reading import validated
from app.web.rest import TITLES, Call, Endpoint, Reply

MOST_TESTS = 10  # addresses of one test


class Reader(Strict):
    """Whose message it is: a contact, made-up variables, or both: then the variables go over the contact's."""

    version: int | None = Field(default=None, ge=1, description="None: the newest")
    contact: Address | None = Field(default=None, description="Address or id of a contact")
    variables: dict[str, Any] = Field(default_factory=dict, max_length=1_000)


class PreviewBody(Reader):
    """For whom, and in which language."""

    locale: Locale | None = Field(default=None, description="None: the contact's own")


class SmsShown(Strict):
    """An SMS and what it costs."""

    text: str
    encoding: str
    parts: int
    units: int
    characters: int
    foreign: Any = Field(description="Characters that cost an encoding of two bytes each")


class WhatsAppShown(Strict):
    """A WhatsApp template, filled."""

    template: str
    parameters: list[str]
    language: str
    category: str
    header: str
    media: str
    buttons: list[str]


class PartProblem(Strict):
    """Why a part could not be rendered."""

    part: str
    line: int
    column: int
    message: str


class PreviewShown(Strict):
    """What one contact would get."""

    locale: str
    subject: str
    preheader: str
    html: str
    text: str
    sms: SmsShown | None
    voice: str
    voice_audio: str
    whatsapp: WhatsAppShown | None
    problems: list[PartProblem]


class LintOptions(Strict):
    """What to look at."""

    lists: list[Label] = Field(default_factory=list, max_length=20, description="Try it on people of these lists")
    sample: int = Field(default=100, ge=0, le=MOST_SAMPLED, description="People to try it on; 0 for nobody")
    transactional: bool = Field(default=False, description="Such a message needs no unsubscribe link")


class SavedLint(LintOptions):
    """Which version to look at."""

    version: int | None = Field(default=None, ge=1, description="None: the newest")


class UnsavedLint(LintOptions):
    """Content that is not saved."""

    content: Content


class FindingShown(Strict):
    """Something that is likely wrong."""

    severity: str = Field(description="error, warning or hint")
    rule: str
    part: str
    message: str
    line: int
    column: int
    count: int = Field(description="People of the sample whom it concerns")
    examples: list[str] = Field(description="Who, of the sample")


class Findings(Strict):
    """What the lint found, the worst first."""

    findings: list[FindingShown]
    sampled: int = Field(description="People it was tried on")


class TestBody(Reader):
    """To whom a test goes."""

    to: list[Address] = Field(min_length=1, max_length=MOST_TESTS)
    channel: Channel = Field(default="email", description="Which part of the template is tested")
    from_: str = Field(
        default="", alias="from", max_length=320,
        description="Address of the sender; to phones: number, sender id or number pool",
    )  # fmt: skip
    from_name: str = Field(default="", max_length=200)
    reply_to: str = Field(default="", max_length=320)


async def preview_saved(call: Call) -> Reply:
    """What a contact would get, rendered by the engine that sends."""
    asked: PreviewBody = call.body
    content = await _content(call, asked.version)
    found = await asyncio.to_thread(preview, content, await _variables(call, asked), asked.locale)
    return Reply(asdict(found))


async def lint_saved(call: Call) -> Reply:
    """What is likely wrong with a template."""
    return await _lint(call, await _content(call, call.body.version), call.body)


async def lint_unsaved(call: Call) -> Reply:
    """What is likely wrong with content that is not saved."""
    return await _lint(call, call.body.content, call.body)


async def send_test(call: Call) -> Reply:
    """Send it to a few addresses, on the transactional lane: as the contact or the variables would have it."""
    asked: TestBody = call.body
    template = await found_thing(call, "template", asked.version)
    variables = await _variables(call, asked)
    message = validated(NewMessages, {
        "channel": asked.channel, "from": asked.from_, "from_name": asked.from_name, "reply_to": asked.reply_to,
        "to": asked.to,
        "template_id": template.id, "template_version": template.version, "variables": variables,
    })  # fmt: skip
    key = call.command_id if "Idempotency-Key" in call.request.headers else ""
    try:
        sent = await call.request.app[MESSAGES].messages.send(
            call.account, message, key=key, fingerprint=call.fingerprint if key else ""
        )
    except MessageError as error:
        title = TITLES.get(error.status, "Refused")
        raise refuse(error.status, title, error.error, field=error.field) from error
    return Reply({"messages": [{"id": each.id, "to": each.to} for each in sent]}, 202)


async def _content(call: Call, version: int | None) -> Content:
    return Content.model_validate((await found_thing(call, "template", version)).body["content"])


async def _variables(call: Call, asked: Reader) -> dict[str, Any]:
    """The attributes of the contact, with the variables of the request over them; 422 for a contact there is not."""
    if asked.contact is None:
        return asked.variables
    try:
        ident = recipient_of(asked.contact, secret_of(call)).hex()
    except AddressError as error:
        raise refuse(422, "Invalid", f"contact: {error}", field="contact") from error
    found = await people.named(call.views.client, call.account, ident)
    if found is None:
        raise refuse(422, "No such contact", "contact: put it in first, or give variables", field="contact")
    return {"email": found.address, **found.attributes, **asked.variables}


async def _lint(call: Call, content: Content, asked: LintOptions) -> Reply:
    sample = await _sample(call, asked)
    found = await asyncio.to_thread(lint, content, sample, campaign=not asked.transactional)
    return Reply({"findings": [asdict(each) for each in found], "sampled": len(sample)})


async def _sample(call: Call, asked: LintOptions) -> list[dict[str, Any]]:
    client, account = call.views.client, call.account
    if not asked.sample:
        return []
    if asked.lists:
        tree = AnyOf(any=[ByList(list=each) for each in asked.lists])
        found = await segments.sample(client, account, tree, asked.sample, 0.0)
    else:
        found = await people.contacts_page(client, account, limit=asked.sample)
    return [{"email": each.address, **each.attributes} for each in found]


_ONE, _TAG, _KEY = "/v1/templates/{id}", "Templates", "templates"

ENDPOINTS = [
    Endpoint("POST", _ONE + "/preview", preview_saved, "What a contact would get", _KEY, _TAG,
             body=PreviewBody, answer=PreviewShown, errors=(404,), keeps=True, optional=True,
             example={"contact": "ana@example.com", "locale": "pt-BR"}),
    Endpoint("POST", _ONE + "/lint", lint_saved, "What is likely wrong with a template", _KEY, _TAG,
             body=SavedLint, answer=Findings, errors=(404,), keeps=True, optional=True,
             example={"lists": ["customers"]}),
    Endpoint("POST", "/v1/templates/lint", lint_unsaved, "What is likely wrong with content", _KEY, _TAG,
             body=UnsavedLint, answer=Findings, keeps=True,
             example={"content": {"subject": "Hello", "html": "<p>Hello {{ first_name }}</p>"}}),
    Endpoint("POST", _ONE + "/test", send_test, "Send a template as a test", _KEY, _TAG,
             body=TestBody, answer=TakenMessages, status=202, errors=(404, 409),
             example={"to": ["me@example.com"], "from": "news@example.com", "contact": "ana@example.com"}),
]  # fmt: skip
