"""What every request goes through: security headers, request ids, who may ask, errors in words."""

import logging
import re
import secrets
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from app.clickhouse.client import ClickHouseError
from app.control.errors import ControlError, NoAnswerError
from app.settings import Settings
from app.web.error_pages import error_page, wants_page
from app.web.problems import RefusedError, refuse
from app.web.rest import ANSWER_HEADERS
from app.web.visitors import is_local

log = logging.getLogger("fanfare.edge")


# Nothing is loaded from elsewhere, nothing runs inline, nobody frames us.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Links in mails, opened from anywhere, by anything; and webhooks, which providers sign.
PUBLIC = ("/o/", "/c/", "/u/", "/hooks/", "/healthz")
REQUEST_ID = web.RequestKey("request_id", str)
GIVEN_ID = re.compile(r"[\x21-\x7e]{1,100}")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: also reaches streams, whose headers leave before the handler returns."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/o/"):  # the pixel is shown inside mails on other sites
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if REQUEST_ID in request:
        response.headers["Request-Id"] = request[REQUEST_ID]
    if ANSWER_HEADERS in request:
        response.headers.update(request[ANSWER_HEADERS])
    response.headers.pop("Server", None)


@web.middleware
async def errors_in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Exceptions become problem details, or a page for a browser; a bug is logged and told as nothing but a 500."""
    if not request.path.startswith(PUBLIC):
        given = request.headers.get("Request-Id", "")
        request[REQUEST_ID] = given if GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _told(request, _of_aiohttp(error))
    except (ConnectionResetError, TimeoutError):
        raise
    except Exception as error:
        return _told(request, _refusal(request, error))


def _told(request: web.Request, refused: RefusedError) -> web.Response:
    """A page for people with a browser, problem details for programs."""
    return error_page(request, refused) if wants_page(request) else refused.response(request.get(REQUEST_ID, ""))


def _refusal(request: web.Request, error: Exception) -> RefusedError:
    match error:
        case RefusedError():
            return error
        case NoAnswerError():
            return refuse(504, "No answer", error.message, advice=error.advice, headers={"Retry-After": "1"})
        case ControlError():
            return refuse(503, "Not reachable", error.message, advice=error.advice, headers={"Retry-After": "2"})
        case ClickHouseError():
            return _without_clickhouse(error)
        case web.RequestPayloadError() | HttpProcessingError():  # gzip that is none, a body that was cut off
            text = "the body cannot be read: is Content-Encoding what it says?"
            return refuse(400, "Bad request", text, headers={"Connection": "close"})  # where it ends is unknown
    # Only the route: a path of /c/ or /u/ holds a signed token.
    route = request.match_info.route.resource
    log.error(
        "%s %s failed (request %s)", request.method, route.canonical if route else "?", request.get(REQUEST_ID, "-"),
        exc_info=error,
    )  # fmt: skip
    return refuse(500, "Internal error", "the log of the edge tells more")


def _of_aiohttp(error: web.HTTPException) -> RefusedError:
    match error:
        case web.HTTPRequestEntityTooLarge():
            return refuse(413, "Too large", "the body may have at most 2 MB")
        case web.HTTPMethodNotAllowed():
            allow = ", ".join(sorted(error.allowed_methods))
            return refuse(405, "Wrong method", f"this path takes {allow}", headers={"Allow": allow})
        case web.HTTPNotFound():
            return refuse(404, "Not found", "there is no such path; /docs lists those of the API")
    return refuse(error.status, error.reason)


def _without_clickhouse(error: ClickHouseError) -> RefusedError:
    if error.is_away:
        text = "sending goes on; what is read there can be read when it is back"
        return refuse(503, "ClickHouse does not answer", text, headers={"Retry-After": "5"})
    log.error("ClickHouse refused a query: %s", error.message)
    return refuse(502, "ClickHouse refused the query", "the log of the edge tells more")


def only_own_pages(settings: Settings) -> Middleware:
    """Keep other web sites from acting through the browser of somebody who can reach the edge.

    A page elsewhere must not post commands (Sec-Fetch-Site, Origin), nor read the API by pointing its
    own name at our address (DNS rebinding: the Host header).
    """
    known = _known_hosts(settings)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(PUBLIC):
            return await handler(request)
        host = _host_of(f"//{request.host}")
        if known is not None and host not in known:
            raise refuse(421, "Unknown host", f"this edge does not serve {host!r}; set FANFARE_PUBLIC_URL")
        if request.method not in ("GET", "HEAD"):
            origin = request.headers.get("Origin")
            if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none") or (
                origin is not None and _place_of(origin) != request.host.lower()
            ):
                raise refuse(403, "Another site", "commands are accepted from this site's own pages only")
        return await handler(request)

    return guard


def _host_of(url: str) -> str:
    """The host name in *url*; "" where there is none that could be read."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # a bracket too few, an address in brackets that is none
        return ""


def _place_of(url: str) -> str | None:
    """Host and port in *url*; None where they cannot be read."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return None


def _known_hosts(settings: Settings) -> set[str] | None:
    """Names we answer to, or None for any: whoever binds to the world has a proxy in front."""
    if not is_local(settings):
        return None
    return {"localhost", "127.0.0.1", "::1", settings.edge_host, (urlsplit(settings.public_url).hostname or "").lower()}
