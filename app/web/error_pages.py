"""Errors as small pages, for people: who follows a broken link in a browser must not be shown JSON."""

from aiohttp import web

from app.web.pages import small_page
from app.web.problems import RefusedError
from app.web.words import DEFAULT, direction_of, language_of, words_in

OF_MAILS = ("/u/", "/c/")  # links in mails: recipients follow them, in their own language
OF_PROGRAMS = ("/v1/", "/openapi.json", "/o/")
LONGEST_ACCEPT = 1_000  # characters of an Accept header that are looked at


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for a page; programs get problem details."""
    accepted = request.headers.get("Accept", "")[:LONGEST_ACCEPT].lower()
    return "text/html" in accepted and not request.path.startswith(OF_PROGRAMS)


def error_page(request: web.Request, refused: RefusedError) -> web.Response:
    """What *refused* says, as a page with its status and headers."""
    language, title, text = DEFAULT, refused.title, refused.detail
    if request.path.startswith(OF_MAILS) and refused.status == 404:
        language = language_of(request.query.get("l", ""), request.headers.get("Accept-Language", ""))
        words = words_in(language)
        title, text = words["broken_title"], words["broken"]
    response = small_page(title, "error.html", text=text, language=language, direction=direction_of(language))
    response.set_status(refused.status)
    response.headers.update(refused.headers)
    response.headers["Content-Language"] = language
    return response
