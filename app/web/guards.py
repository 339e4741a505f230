"""What every request goes through: security headers, who may ask, errors in words."""

import logging
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from app.clickhouse.client import ClickHouseError
from app.control.errors import ControlError, NoAnswerError
from app.settings import Settings
from app.web.problems import RefusedError, problem, refuse

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
# Links in mails: opened from anywhere, by anything.
PUBLIC = ("/o/", "/c/", "/u/", "/healthz")


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: also reaches streams, whose headers leave before the handler returns."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/o/"):  # the pixel is shown inside mails on other sites
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers.pop("Server", None)


@web.middleware
async def errors_in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Exceptions become problem details; a bug is logged and told as nothing but a 500."""
    try:
        return await handler(request)
    except RefusedError as refused:
        return refused.response
    except NoAnswerError as error:
        return problem(504, "No answer", error.message, advice=error.advice)
    except ControlError as error:
        return problem(503, "Not reachable", error.message, advice=error.advice)
    except ClickHouseError as error:
        return _without_clickhouse(error)
    except web.HTTPRequestEntityTooLarge:
        return problem(413, "Too large", "the body may have at most 2 MB")
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem(error.status, error.reason)
    except (ConnectionResetError, TimeoutError):
        raise
    except Exception:
        # Only the route: a path of /c/ or /u/ holds a signed token.
        route = request.match_info.route.resource
        log.exception("%s %s failed", request.method, route.canonical if route else "?")
        return problem(500, "Internal error", "the log of the edge tells more")


def _without_clickhouse(error: ClickHouseError) -> web.Response:
    if error.is_away:
        return problem(503, "ClickHouse does not answer", "sending goes on; messages can be read when it is back")
    log.error("ClickHouse refused a query: %s", error.message)
    return problem(502, "ClickHouse refused the query", "the log of the edge tells more")


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
        host = (urlsplit(f"//{request.host}").hostname or "").lower()
        if known is not None and host not in known:
            raise refuse(421, "Unknown host", f"this edge does not serve {host!r}; set FANFARE_PUBLIC_URL")
        if request.method not in ("GET", "HEAD"):
            origin = request.headers.get("Origin")
            if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none") or (
                origin is not None and urlsplit(origin).netloc.lower() != request.host.lower()
            ):
                raise refuse(403, "Another site", "commands are accepted from this site's own pages only")
        return await handler(request)

    return guard


def _known_hosts(settings: Settings) -> set[str] | None:
    """Names we answer to, or None for any: whoever binds to the world has a proxy in front."""
    try:
        local = ip_address(settings.edge_host).is_loopback
    except ValueError:
        local = settings.edge_host == "localhost"
    if not local:
        return None
    return {"localhost", "127.0.0.1", "::1", settings.edge_host, (urlsplit(settings.public_url).hostname or "").lower()}
