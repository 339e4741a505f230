"""Stylesheets of a html template, inlined once when it is published: many mail programs read style attributes only.

css-inline works on a copy in which every tag has a number and Jinja syntax is blanked out (css_copy.py). From its
answer only the style attributes and what is left of the stylesheets go back into the template: the rest stays as
it was written, Jinja included. Media queries, :hover and rules that match nothing yet stay in their <style>.
"""

import re

import css_inline

from app.content.css_copy import HELD, NUMBER, CssCopy
from app.content.css_cost import InliningBudget
from app.content.limits import bounded_html
from app.content.markup import ATTRIBUTE, Tag, tags
from app.content.problems import MarkupError, is_panic
from app.content.sandbox import HTML
from app.content.source import SourceError, holes, masked, parse

_ANSWERED = re.compile(r'<[A-Za-z][^\s<>/]*+((?:\s++[^\s"=<>/]++(?:="[^"]*+")?)*+)\s*+/?>')
_NUMBER = re.compile(rf'{NUMBER}="([0-9]{{1,9}})"')
_STYLE = re.compile(r'\sstyle="([^"]*+)"')
_BLANKS = re.compile(r"\s+")


MOST_ROUNDS = 4


def inlined(source: str, budget: InliningBudget) -> str:
    """The html template *source* with its stylesheets in style attributes. Raises MarkupError.

    Repeated until nothing changes, so that inlining what is inlined changes nothing: css-inline drops an odd
    at-rule (@charset, @layer) only when it stands alone.
    """
    for _ in range(MOST_ROUNDS):
        made = _inlined_once(source, budget)
        if made == source:
            return made
        source = made
    raise MarkupError("the stylesheets change each time they are inlined", 0)


def _inlined_once(source: str, budget: InliningBudget) -> str:
    stretches = holes(HTML, source)
    outline = masked(source, stretches)
    found = list(tags(outline))
    if not any(tag.name == "style" and not tag.closing for tag in found):
        return source
    bounded_html(found)
    copy = CssCopy(source, outline, stretches, found)
    budget.spend([source[slice(*stretch)] for stretch in copy.stylesheets.values()], outline, found)
    try:
        answer = css_inline.inline(
            copy.text,
            keep_style_tags=True,
            remove_inlined_selectors=not copy.is_dynamic,
            keep_link_tags=True,
            load_remote_stylesheets=False,
        )
    except BaseException as error:
        if not isinstance(error, ValueError) and not is_panic(error):
            raise
        raise MarkupError(f"the stylesheets cannot be read: {error}"[:300], 0) from error
    made = _with_answer(copy, answer)
    if NUMBER in made or HELD in made or not _is_a_template(made):
        raise MarkupError("the html is too broken for its stylesheets to be inlined: is a tag not closed?", 0)
    return made


def _is_a_template(source: str) -> bool:
    try:
        parse(HTML, source)
    except SourceError:
        return False
    return True


def _with_answer(copy: CssCopy, answer: str) -> str:
    """The source with the styles that css-inline has *answer*ed."""
    styles, sheets = _answers(answer)
    pieces: list[str] = []
    end = 0
    for number, tag in enumerate(copy.tags):
        if number in sheets and not copy.is_dynamic:
            first, last = copy.stylesheets[number]
            css = copy.restored(sheets[number].strip())
            pieces.append(copy.source[end : tag.start])
            if css:
                pieces += copy.source[tag.start : first], css, "</style>"
            end = copy.outline.find(">", last) + 1 or len(copy.outline)
        elif number in styles:
            pieces += copy.source[end : tag.start], _styled(copy, number, tag, copy.restored(styles[number]))
            end = tag.end
    return "".join([*pieces, copy.source[end:]])


def _answers(answer: str) -> tuple[dict[int, str], dict[int, str]]:
    """(style attribute by number of its tag, what is left of a stylesheet by number of its tag)."""
    styles: dict[int, str] = {}
    sheets: dict[int, str] = {}
    for tag in _ANSWERED.finditer(answer):
        number = _NUMBER.search(tag[1])
        if number is None or int(number[1]) in styles:
            continue
        if tag[0].startswith("<style"):
            sheets[int(number[1])] = answer[tag.end() : answer.find("</style", tag.end())]
        elif style := _STYLE.search(tag[1]):
            styles[int(number[1])] = style[1].strip().rstrip(";")
    return styles, sheets


def _styled(copy: CssCopy, number: int, tag: Tag, style: str) -> str:
    """The start tag with *style* as its style attribute, or in front of one that only rendering completes."""
    source = copy.source
    own = next((each for each in ATTRIBUTE.finditer(copy.outline, *tag.inside) if each[1].lower() == "style"), None)
    if own is None:
        at = tag.start + 1 + len(tag.name)
        return f'{source[tag.start : at]} style="{style}"{source[at : tag.end]}'
    written = source[slice(*own.span(2))] if own[2] else ""
    quote = written[:1] if written[:1] in ('"', "'") else ""
    value = written.removeprefix(quote).removesuffix(quote)
    if _same(value, style, whole=number not in copy.prefixed):
        return source[tag.start : tag.end]
    if number in copy.prefixed:
        quote = quote or '"'
        style = f"{style.replace(chr(39), '&#39;') if quote == chr(39) else style};{value}"
    else:
        quote = '"'
    return f"{source[tag.start : own.start()]}style={quote}{style}{quote}{source[own.end() : tag.end]}"


def _same(value: str, style: str, *, whole: bool) -> bool:
    """Whether *value* says, or begins with, what *style* says, written in another way perhaps."""
    value, style = (_BLANKS.sub("", each).replace("&#39;", "'").rstrip(";") for each in (value, style))
    return value == style if whole else value.startswith(style)
