"""Content as people write it -> content as it is sent: MJML becomes html, stylesheets become style attributes.

Takes milliseconds to a second for large letters: call it in a thread. What is published can be published again:
nothing changes.
"""

from collections.abc import Callable

from app.content.check import LARGEST_TEMPLATE, place_of, too_large, too_wordy
from app.content.css import inlined
from app.content.css_cost import InliningBudget
from app.content.locales import DEFAULT
from app.content.mjml import html_of
from app.content.problems import ContentProblem, MarkupError
from app.content.sandbox import HTML
from app.content.source import SourceError, line_and_column, parse, with_newlines
from app.specs import Content, Parts


def published(content: Content) -> Content | list[ContentProblem]:
    """*content* with its html as it will be sent, in every language; or what keeps it from that.

    Where there is MJML, html is made from it, and the MJML is kept to be edited.
    """
    problems = too_wordy(content)
    if problems:
        return problems
    budget = InliningBudget()
    html = {
        key: _html_of(content.locales[key] if key else content, key, budget, problems)
        for key in (DEFAULT, *content.locales)
    }
    if problems:
        return problems
    locales = {key: parts.model_copy(update={"html": html[key]}) for key, parts in content.locales.items()}
    return content.model_copy(update={"html": html[DEFAULT], "locales": locales})


def _html_of(parts: Parts, key: str, budget: InliningBudget, problems: list[ContentProblem]) -> str:
    """The html that is sent for *parts*; adds to *problems*."""
    html = parts.html
    if parts.mjml:
        html = _step(html_of, parts.mjml, place_of(key, "mjml"), problems)
    if html and "<style" in html.lower():
        html = _step(lambda source: inlined(source, budget), html, place_of(key, "html"), problems)
    return html


def _step(work: Callable[[str], str], source: str, place: str, problems: list[ContentProblem]) -> str:
    """What *work* makes of *source*, or "" and a problem. What Jinja cannot read is not given to it."""
    source = with_newlines(source)
    try:
        large = too_large(source)
        if large:
            raise MarkupError(large, 0)
        _ = parse(HTML, source)
        made = work(source)
        if len(made) > LARGEST_TEMPLATE:
            raise MarkupError(f"becomes html of {len(made)} characters: the most is {LARGEST_TEMPLATE}", 0)
    except (SourceError, MarkupError) as error:
        problems.append(ContentProblem(place, *line_and_column(source, error.offset), error.message))
    else:
        return made
    return ""
