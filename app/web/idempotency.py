"""One request, one answer: POSTs on which no plane decides file their answer under the Idempotency-Key."""

import logging

from app.commands import Answer, Command, Kept
from app.control import Control
from app.web.problems import refuse

log = logging.getLogger("fanfare.edge")


async def kept_answer(control: Control, account: str, key: str) -> Kept | None:
    """What was answered under *key* before, by any edge."""
    answer = (await control.send(Command(id=key, account=account, kind="answer.find"))).answer
    if answer.status == 404:
        return None
    return _kept(answer)


async def keep(control: Control, account: str, key: str, answered: Kept) -> Kept:
    """File *answered* under *key*; what stays there: the first one that was filed."""
    answer = (await control.send(Command(id=key, account=account, kind="answer.keep", kept=answered))).answer
    if answer.status >= 400 and answer.field != "id":
        # The work is done: to answer with an error would have it done again.
        log.warning("an answer could not be filed under its Idempotency-Key: %s", answer.error)
        return answered
    return _kept(answer)


def check_same(kept: Kept, fingerprint: str) -> None:
    """422 when the request is another one than that of *kept*."""
    if kept.hash != fingerprint:
        raise reused()


def reused() -> Exception:
    """The key was used for something else."""
    return refuse(
        422, "Idempotency-Key used before", "it came with another request within the last 24 hours: make a new one",
        field="Idempotency-Key",
    )  # fmt: skip


def _kept(answer: Answer) -> Kept:
    if answer.status >= 400:
        raise reused()
    return Kept.model_validate(answer.thing)
