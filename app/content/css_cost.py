"""How long css-inline will take, before it is asked: it holds Python's lock, and others wait.

A style attribute is built declaration by declaration, each compared with those before it: a tag that d declarations
apply to takes d² steps. Which tags a rule applies to is estimated by the end of its selector, never too few.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from app.content.markup import Tag, attributes
from app.content.problems import MarkupError

MOST_AT_ONCE = 200_000_000  # steps of one html: some 0.3 s
MOST_TOGETHER = 2_000_000_000  # of all languages of a content
ALL = "*"
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_RULE = re.compile(r"(?:\A|(?<=[{}]))([^{}]*+)\{([^{}]*+)")
_SIMPLE = re.compile(r"([A-Za-z][A-Za-z0-9]*+)?((?:[.#][A-Za-z0-9_-]++)*+)(:[a-z-]++)?")
_COMBINATOR = re.compile(r"[\s>+~]+")


class InliningBudget:
    """What the html of one content may take to inline, all languages together."""

    def __init__(self) -> None:
        """All of it."""
        self._left = MOST_TOGETHER

    def spend(self, stylesheets: Sequence[str], outline: str, found: Sequence[Tag]) -> None:
        """Pay for inlining *stylesheets* into the tags *found*. Raises MarkupError when it would take too long."""
        cost = _cost(stylesheets, outline, found)
        self._left -= cost
        if cost > MOST_AT_ONCE or self._left < 0:
            raise MarkupError("the stylesheets have too many declarations for so many tags to be inlined", 0)


def _cost(stylesheets: Sequence[str], outline: str, found: Sequence[Tag]) -> int:
    declared: Counter[str] = Counter()
    for css in stylesheets:
        for target, count in _targets(_COMMENT.sub("", css)):
            declared[target] += count
    total = 0
    for tag in found:
        if not tag.closing:
            applied = declared[ALL] + declared[tag.name] + sum(declared[name] for name in _names(outline, tag))
            total += applied * applied
    return total


def _targets(css: str) -> Iterator[tuple[str, int]]:
    """(tag name, .class, #id or ALL; declarations) of each selector."""
    for rule in _RULE.finditer(css):
        count = rule[2].count(";") + 1
        for selector in rule[1].split(","):
            last = _SIMPLE.fullmatch(_COMBINATOR.split(selector.strip())[-1])
            if last is None:
                yield ALL, count
            elif last[2]:
                yield re.split(r"(?=[.#])", last[2])[-1], count
            else:
                yield (last[1] or ALL).lower(), count


def _names(outline: str, tag: Tag) -> set[str]:
    """The classes and the id of *tag*, as selectors."""
    names: set[str] = set()
    for name, span in attributes(outline, *tag.inside):
        if name == "class":
            names.update(f".{each}" for each in outline[slice(*span)].split())
        elif name == "id":
            names.add(f"#{outline[slice(*span)]}")
    return names
