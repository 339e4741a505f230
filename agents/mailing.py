"""A release as the SMTP pool wants it: rendered letters one by one, noted in the journal, outcomes collected."""

import time
from collections.abc import Callable

import msgspec

from agents.compose import Letters
from agents.quarantine import Quarantine
from app.content.problems import ContentError, RenderError
from app.delivery.outcomes import Kind
from app.faults import deadly
from app.records import Outcome, Outgoing, Release
from app.transport.journal import AttemptJournal
from app.transport.smtp import Letter

VARIABLES = msgspec.json.Decoder(dict[str, object])


RECENT = 0.01  # seconds for which an answer of *may_start* also counts for rendering


class ReleaseMailing:
    """The letters of *release*. *may_start* is asked before one is rendered, now and then, and before each is begun."""

    def __init__(
        self,
        release: Release,
        envelope_from: str,
        letters: Letters,
        may_start: Callable[[], bool],
        journal: AttemptJournal,
        quarantine: Quarantine,
        now: Callable[[], float],
    ) -> None:
        self.envelope_from = envelope_from
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

    def next(self) -> Letter | None:
        """The next letter that can be rendered and may start."""
        while self._at < len(self._outcomes):
            number = self._at
            self._at += 1
            allowed = (self._allowed and time.monotonic() - self._asked < RECENT) or self._ask()
            body = self._render(self._release.rows[number]) if allowed else Outcome(Kind.RETURNED, self._now())
            if isinstance(body, bytes):
                return Letter(number, self._release.rows[number].address, body, self._release.group)
            self._outcomes[number] = body
        return None

    def begin(self, letter: Letter) -> bool:
        """Note that *letter* goes on the wire, if it still may."""
        if not self._ask():
            return False
        self._journal.begun(self._release.release_id, letter.number)
        return True

    def ended(self, letter: Letter, outcome: Outcome) -> None:
        """Note what became of *letter*."""
        self._outcomes[letter.number] = outcome
        if outcome.kind != Kind.RETURNED:
            self._journal.answered(self._release.release_id, letter.number, outcome)

    def outcomes(self) -> list[Outcome]:
        """The outcomes in the order of the rows, once all letters have ended."""
        return [outcome for outcome in self._outcomes if outcome is not None]

    def _ask(self) -> bool:
        self._allowed, self._asked = self._may_start(), time.monotonic()
        return self._allowed

    def _render(self, row: Outgoing) -> bytes | Outcome:
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
        body = template.render(
            variables, row.message_id, row.recipient_id, row.address, self._now(), self._release.attempt
        )
        self._quarantine.end(row.message_id)
        if isinstance(body, RenderError):
            return Outcome(Kind.BLOCKED, self._now(), klass="render", detail=body.reason)
        return body
