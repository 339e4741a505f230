"""How much markup is given to the libraries that compile it: they recurse.

css-inline and mrml end the process (stack overflow) some thousands of levels deep. What is refused here is no letter
that anybody would send.
"""

from collections import Counter
from collections.abc import Sequence

from app.content.markup import VOID, Tag
from app.content.problems import MarkupError

DEEPEST = 100
MOST_TAGS = 20_000
MOST_REOPENED = 200_000  # tags x formatting elements that were left open: parsers open those anew in each paragraph

# A html parser closes these by itself when the next one of their kind begins: not closing them is no nesting.
_SELF_CLOSING = frozenset({
    "body", "colgroup", "dd", "dt", "head", "html", "li", "optgroup", "option", "p", "tbody", "td", "tfoot", "th",
    "thead", "tr",
})  # fmt: skip
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)


def bounded_html(found: Sequence[Tag]) -> None:
    """Raise MarkupError at the tag from which *found* is more than a html parser should be given."""
    _bounded_count(found)
    open_now: Counter[str] = Counter()
    depth = formatting = most_formatting = 0
    for tag in found:
        if tag.name in VOID or tag.name in _SELF_CLOSING:
            continue
        if not tag.closing:
            open_now[tag.name] += 1
            depth += 1
            formatting += tag.name in _FORMATTING
        elif open_now[tag.name]:
            open_now[tag.name] -= 1
            depth -= 1
            formatting -= tag.name in _FORMATTING
        most_formatting = max(most_formatting, formatting)
        if depth > DEEPEST or most_formatting * len(found) > MOST_REOPENED:
            raise MarkupError(
                f"<{tag.name}> is nested too deeply: the most is {DEEPEST}, is a tag not closed?", tag.start
            )


def bounded_xml(found: Sequence[Tag]) -> None:
    """Raise MarkupError at the tag from which *found*, MJML, is nested too deeply or not closed as it was opened."""
    _bounded_count(found)
    opened: list[Tag] = []
    for tag in found:
        if tag.closed or tag.name in VOID:
            continue
        if not tag.closing:
            opened.append(tag)
            if len(opened) > DEEPEST:
                raise MarkupError(f"<{tag.name}> is nested too deeply: the most is {DEEPEST}", tag.start)
        elif not opened:
            raise MarkupError(f"</{tag.name}> closes nothing", tag.start)
        elif (last := opened.pop()).name != tag.name:
            raise MarkupError(f"</{tag.name}> comes where <{last.name}> is still open", tag.start)
    if opened:
        raise MarkupError(f"<{opened[-1].name}> is not closed", opened[-1].start)


def _bounded_count(found: Sequence[Tag]) -> None:
    if len(found) > MOST_TAGS:
        raise MarkupError(f"more than {MOST_TAGS} tags", found[MOST_TAGS].start)
