"""Errors of the REST API as problem details (RFC 9457); their types are explained on the API page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

MEDIA_TYPE = "application/problem+json"
EXPLAINED_AT = "/docs#problem-"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: *name* ends its URI, *meaning* is what the API page says about it."""

    name: str
    meaning: str


# By status; a client can rely on both.
TYPES: dict[int, ProblemType] = {
    400: ProblemType(
        "bad-request", "The request cannot be read: broken JSON, a header or cursor that is none of ours."
    ),
    401: ProblemType("no-key", "There is no API key, or it is unknown, expired or revoked."),
    403: ProblemType("not-allowed", "The key may not do this: its scope, another site, a start that it asked for."),
    404: ProblemType("not-found", "There is no such path, or your account has nothing with this id."),
    405: ProblemType("wrong-method", "The path exists, but not with this method: Allow lists those it has."),
    408: ProblemType("too-slow", "The body did not come: nothing of it for half a minute."),
    409: ProblemType("conflict", "The state of the thing does not allow this; `allowed` lists what it does allow."),
    412: ProblemType(
        "precondition", "If-Match names another revision than the present one, or a position has not been read yet."
    ),
    413: ProblemType("too-large", "The body is larger than this endpoint takes."),
    415: ProblemType("wrong-media-type", "The body is not of the media type that this endpoint takes."),
    417: ProblemType("expectation", "The header Expect asks for something that is not done."),
    421: ProblemType("unknown-host", "The edge does not serve this host name: set FANFARE_PUBLIC_URL."),
    422: ProblemType("invalid", "The request can be read, but is wrong: `field` and `errors` name what and where."),
    428: ProblemType("needs-if-match", "The edit needs an If-Match with the revision that was read."),
    429: ProblemType("too-many-requests", "The key may ask so often only: wait for Retry-After seconds."),
    500: ProblemType("internal", "A mistake of ours: the log of the edge has it under the request id."),
    502: ProblemType("refused-query", "ClickHouse refused a query: the log of the edge has it under the request id."),
    503: ProblemType("unavailable", "A part that this needs does not answer. Try again: nothing is lost."),
    504: ProblemType(
        "no-answer", "The command was published, but its owner has not answered yet. Repeat it as it was."
    ),
}
OTHER = ProblemType("other", "See the status.")


def body_of(status: int, title: str, detail: str = "", **more: Any) -> dict[str, Any]:
    """The members of a problem; *more* are those of its own, such as `field`. Empty ones are left out."""
    body = {"type": EXPLAINED_AT + TYPES.get(status, OTHER).name, "title": title, "status": status}
    if detail:
        body["detail"] = detail
    return body | {name: value for name, value in more.items() if value not in (None, "", [])}


def problem(
    status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **more: Any
) -> web.Response:
    """A response that says what went wrong."""
    text = json.dumps(body_of(status, title, detail, **more))
    return web.Response(status=status, text=text, content_type=MEDIA_TYPE, headers=headers)


class RefusedError(Exception):
    """A request that cannot be served."""

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str], more: dict[str, Any]) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status, self.title, self.detail = status, title, detail
        self.headers, self.more = headers, more

    def response(self, request_id: str = "") -> web.Response:
        """What is answered."""
        told = {**self.more, "request_id": request_id}
        return problem(self.status, self.title, self.detail, headers=self.headers, **told)


def refuse(
    status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **more: Any
) -> RefusedError:
    """To be raised by a handler."""
    return RefusedError(status, title, detail, headers or {}, more)
