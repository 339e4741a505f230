"""A release as a pool wants it: its messages rendered one by one, noted in the journal, their outcomes collected."""

import time
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from agents.compose import Letters, Template
from agents.quarantine import Quarantine
from app.content.problems import ContentError, RenderError
from app.delivery.outcomes import Kind
from app.faults import deadly
from app.providers.contract import Message
from app.records import Outcome, Outgoing, Release
from app.topics import TRANSACTIONAL
from app.transport.http_pool import Parcel
from app.transport.journal import AttemptJournal
from app.transport.smtp import Letter

VARIABLES = msgspec.json.Decoder(dict[str, object])

RECENT = 0.01  # seconds for which an answer of *may_start* also counts for rendering


class Numbered(Protocol):
    """What a pool takes: of one row of the release."""

    @property
    def number(self) -> int:
        """The place of the row."""


Item = TypeVar("Item", bound=Numbered)


class _ReleaseItems(Generic[Item]):
    """The messages of *release*. *may_start* is asked before one is rendered, now and then, and before it is begun."""

    def __init__(
        self,
        release: Release,
        letters: Letters,
        may_start: Callable[[], bool],
        journal: AttemptJournal,
        quarantine: Quarantine,
        now: Callable[[], float],
    ) -> None:
        self._release, self._letters = release, letters
        self._may_start, self._journal, self._now = may_start, journal, now
        self._quarantine = quarantine
        self._allowed, self._asked = False, 0.0
        self._at = 0
        self._outcomes: list[Outcome | None] = [None] * len(release.rows)

    @property
    def more(self) -> bool:
        """Whether there are rows that nobody has asked for."""
        return self._at < len(self._outcomes)

    def next(self) -> Item | None:
        """The next message that can be rendered and may start."""
        while self._at < len(self._outcomes):
            number = self._at
            self._at += 1
            allowed = (self._allowed and time.monotonic() - self._asked < RECENT) or self._ask()
            row = self._release.rows[number]
            content = self._render(row) if allowed else Outcome(Kind.RETURNED, self._now())
            if not isinstance(content, Outcome):
                return self._made(number, row, content)
            self._outcomes[number] = content
        return None

    def begin(self, item: Item) -> bool:
        """Note that *item* goes on the wire, if it still may."""
        if not self._ask():
            return False
        self._journal.begun(self._release.release_id, item.number)
        return True

    def ended(self, item: Item, outcome: Outcome) -> None:
        """Note what became of *item*."""
        self._outcomes[item.number] = outcome
        if outcome.kind != Kind.RETURNED:
            self._journal.answered(self._release.release_id, item.number, outcome)

    def outcomes(self) -> list[Outcome]:
        """The outcomes in the order of the rows, once all messages have ended."""
        return [outcome for outcome in self._outcomes if outcome is not None]

    def _ask(self) -> bool:
        self._allowed, self._asked = self._may_start(), time.monotonic()
        return self._allowed

    def _made(self, number: int, row: Outgoing, content: Any) -> Item:
        """What the pool takes."""
        raise NotImplementedError

    def _content(self, template: Template, row: Outgoing, variables: dict[str, object]) -> object:
        """What *template* makes of *row*: a content, or a RenderError."""
        raise NotImplementedError

    def _render(self, row: Outgoing) -> object:
        try:
            variables = VARIABLES.decode(row.variables)
        except msgspec.DecodeError as error:
            detail = f"variables are not a JSON object: {error}"
            return Outcome(Kind.BLOCKED, self._now(), klass="variables", detail=detail)
        if not self._quarantine.begin(row.message_id):
            detail = "set aside: the last crashes of this sender were in the middle of rendering it"
            return Outcome(Kind.BLOCKED, self._now(), klass="poison", detail=detail)
        deadly(row.address)
        template = self._letters.template_for(row.variant, variables)
        if isinstance(template, ContentError):
            self._quarantine.end(row.message_id)
            return Outcome(Kind.BLOCKED, self._now(), klass="content", detail=str(template)[:500])
        content = self._content(template, row, variables)
        self._quarantine.end(row.message_id)
        if isinstance(content, RenderError):
            return Outcome(Kind.BLOCKED, self._now(), klass="render", detail=content.reason)
        return content


class ReleaseMailing(_ReleaseItems[Letter]):
    """The letters of *release*, for SMTP. *bounces* gives each attempt the address that it comes back to."""

    def __init__(
        self,
        release: Release,
        envelope_from: str,
        letters: Letters,
        may_start: Callable[[], bool],
        journal: AttemptJournal,
        quarantine: Quarantine,
        now: Callable[[], float],
        bounces: Callable[[bytes, int], str] | None = None,
    ) -> None:
        super().__init__(release, letters, may_start, journal, quarantine, now)
        self.envelope_from = envelope_from
        self._bounces = bounces

    def _made(self, number: int, row: Outgoing, content: Any) -> Letter:
        sender = self._bounces(row.message_id, self._release.attempt) if self._bounces else ""
        return Letter(number, row.address, content, self._release.group, sender)

    def _content(self, template: Template, row: Outgoing, variables: dict[str, object]) -> object:
        return template.render(
            variables, row.message_id, row.recipient_id, row.address, self._now(), self._release.attempt
        )


class ReleaseParcels(_ReleaseItems[Parcel]):
    """The messages of *release*, for an HTTP API: *whole* as SMTP would carry them, or in parts.

    *callback* is the address of the webhook of the route.
    """

    def __init__(
        self,
        release: Release,
        letters: Letters,
        may_start: Callable[[], bool],
        journal: AttemptJournal,
        quarantine: Quarantine,
        now: Callable[[], float],
        *,
        whole: bool,
        callback: str = "",
    ) -> None:
        super().__init__(release, letters, may_start, journal, quarantine, now)
        self._whole, self._callback = whole, callback

    def _made(self, number: int, row: Outgoing, content: Any) -> Parcel:
        release = self._release
        return Parcel(number, Message(
            row.message_id, release.attempt, release.account, release.campaign, row.address, content,
            release.sender, release.lane == TRANSACTIONAL, self._callback,
        ))  # fmt: skip

    def _content(self, template: Template, row: Outgoing, variables: dict[str, object]) -> object:
        make = template.render if self._whole else template.parts
        return make(variables, row.message_id, row.recipient_id, row.address, self._now(), self._release.attempt)
