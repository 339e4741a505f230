"""What the answer to a harmless request tells of an account: whether its credentials were taken, and what it may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.providers.contract import Answer
from app.providers.reading import an_object, answered, objects, shown, word


@dataclass(frozen=True, slots=True)
class Probe:
    """*steps* are told to whoever asked, one a line. *wrong*: why the account does not work, "" where it does."""

    steps: list[str] = field(default_factory=list)
    wrong: str = ""


def refused(answer: Answer) -> Probe | None:
    """What an answer that is no success comes to; None for a success."""
    if 200 <= answer.status < 300:
        return None
    said = _words_of(answered(answer)) or shown(answer)
    match answer.status:
        case 401 | 403:
            return Probe(wrong=f"the credentials were not taken: {said}")
        case 404 | 405:
            return Probe(wrong=f"there is no such account or address: {said}")
        case 429:
            return Probe(wrong=f"too many requests at the moment, try again: {said}")
    return Probe(wrong=f"it answered {answer.status}: {said}")


def _words_of(document: Mapping[str, Any]) -> str:
    """The words of an error in the forms that providers give it."""
    error = document.get("error")
    first = next(iter(objects(document.get("errors"))), {})
    for found in (document, an_object(error), first):
        said = word(found.get("message") or found.get("title") or found.get("error-code-label"), 300)
        if said:
            return said
    return word(error, 300)
