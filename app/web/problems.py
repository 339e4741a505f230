"""Errors of the REST API as problem details (RFC 9457)."""

import json
from typing import Any

from aiohttp import web

MEDIA_TYPE = "application/problem+json"


def problem(status: int, title: str, detail: str = "", **more: Any) -> web.Response:
    """A response that says what went wrong; *more* are members of its own, such as `field`."""
    body = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    body |= {name: value for name, value in more.items() if value not in (None, "")}
    return web.Response(status=status, text=json.dumps(body), content_type=MEDIA_TYPE)


class RefusedError(Exception):
    """A request that cannot be served, to be answered with *response*."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


def refuse(status: int, title: str, detail: str = "", **more: Any) -> RefusedError:
    """To be raised by a handler."""
    return RefusedError(problem(status, title, detail, **more))
