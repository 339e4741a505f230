"""The short road: a template as a list of pieces, so that Jinja runs only where it has something to decide.

Text is text, {{ variable|filters }} is a function, and anything else (an if, a loop, an expression) is an
island: a small template of its own, run in the sandbox. Filters are Jinja's own functions and undefined
names Jinja's own objects: what comes out is what the sandbox makes of the whole template, character by
character (tests/content). A template with `set` takes the long road, whole: a name set in one piece may be
read in another.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from markupsafe import escape

from app.content.formats import FORMATS
from app.content.problems import LimitExceededError
from app.content.sandbox import (
    LARGEST_OUTPUT,
    LOCALE,
    TOKEN,
    TRACK,
    TRACKER,
    WORK,
    Sandbox,
    compiled,
    cost_of,
    rendered,
    written,
)

SIMPLE_FILTERS = frozenset({"capitalize", "d", "default", "lower", "title", "trim", "upper"})
LONG = 1_000  # characters of a variable from which on its filters are paid for, as in Jinja
MOST_ISLANDS = 8  # 10 us each: with more of them the whole template in Jinja is cheaper

Values = Mapping[str, Any]
Getter = Callable[[Values], str]
Value = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Token:
    """The token of the message."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Text that *get* makes from the values of a message."""

    get: Getter
    is_island: bool = False


Segment = str | Token | Dynamic


def segments_of(sandbox: Sandbox, tree: nodes.Template, unsubscribe: tuple[str, str]) -> list[Segment] | None:
    """The pieces of *tree*, neighbouring text joined; None if it has to stay in one.

    *unsubscribe* is the unsubscribe URL up to the token, and what follows that.
    """
    if tree.find(nodes.Assign) is not None:
        return None
    merged: list[Segment] = []
    islands = 0
    for segment in _segments(sandbox, tree.body, unsubscribe):
        islands += isinstance(segment, Dynamic) and segment.is_island
        if islands > MOST_ISLANDS:
            return None
        if isinstance(segment, str) and merged and isinstance(merged[-1], str):
            merged[-1] += segment
        elif segment != "":
            merged.append(segment)
    return merged


def text_of(segments: list[Segment]) -> Getter:
    """A function that joins the text of *segments*."""
    getters: list[str | Getter] = [
        segment if isinstance(segment, str) else _token if isinstance(segment, Token) else segment.get
        for segment in segments
    ]
    slots = [(place, getter) for place, getter in enumerate(getters) if not isinstance(getter, str)]
    texts = [getter if isinstance(getter, str) else "" for getter in getters]

    fixed = sum(len(text) for text in texts)

    def get(values: Values) -> str:
        pieces = texts.copy()
        size = fixed
        for place, getter in slots:
            pieces[place] = text = getter(values)
            size += len(text)
            if size > LARGEST_OUTPUT:
                raise LimitExceededError(f"output is longer than {LARGEST_OUTPUT} characters")
        return "".join(pieces)

    return get


def _token(values: Values) -> str:
    return values[TOKEN]  # type: ignore[no-any-return]


def _segments(sandbox: Sandbox, body: list[nodes.Node], unsubscribe: tuple[str, str]) -> Iterator[Segment]:
    """One segment for each thing that is written."""
    for node in body:
        match node:
            case nodes.Output(nodes=parts):
                for part in parts:
                    yield from _written(sandbox, part, unsubscribe)
            case nodes.FilterBlock(filter=nodes.Filter(name=name, args=[nodes.Const(value=int() as index)])) if (
                name == TRACK
            ):
                yield _tracked(list(_segments(sandbox, node.body, unsubscribe)), index)
            case _:
                yield _island(sandbox, node)


def _written(sandbox: Sandbox, node: nodes.Expr, unsubscribe: tuple[str, str]) -> Iterator[Segment]:
    """The segments of one thing inside of {{ }} or between tags."""
    match node:
        case nodes.TemplateData(data=data):
            yield data
        case nodes.Name(name=name) if name == TOKEN:
            yield Token()
        case nodes.Name(name="unsubscribe_url"):
            before, behind = (str(escape(piece)) if sandbox.autoescape else piece for piece in unsubscribe)
            yield before
            yield Token()
            yield behind
        case _:
            yield _variable(sandbox, node) or _island(sandbox, nodes.Output([node], lineno=node.lineno))


def _variable(sandbox: Sandbox, node: nodes.Expr) -> Dynamic | None:
    """A variable through simple filters with constant arguments, a format last; None for any other expression."""
    finish: Callable[[Any], str] = escape if sandbox.autoescape else str
    if not isinstance(node, nodes.Filter) or node.name not in FORMATS:
        get = _filtered(sandbox, node, finish)
        return None if get is None else Dynamic(get)
    value = None if node.node is None else _filtered(sandbox, node.node, _as_it_is)
    arguments = _constants(node)
    if value is None or arguments is None:
        return None
    name, (positional, named) = node.name, arguments
    return Dynamic(lambda values: finish(written(name, values[WORK], values[LOCALE], value(values), positional, named)))


def _as_it_is(value: Any) -> Any:
    return value


def _filtered(sandbox: Sandbox, node: nodes.Expr, finish: Value) -> Value | None:
    """What *finish* makes of the value of a variable through simple filters."""
    steps: list[tuple[Callable[..., Any], list[Any]]] = []
    cost = 0
    inner: nodes.Expr | None = node
    while isinstance(inner, nodes.Filter):
        arguments = _constants(inner)
        if inner.name not in SIMPLE_FILTERS or arguments is None or arguments[1]:
            return None
        cost += cost_of(inner.name)
        steps.insert(0, (sandbox.plain_filters[inner.name], arguments[0]))
        inner = inner.node
    return _value(sandbox, inner.name, steps, cost, finish) if isinstance(inner, nodes.Name) else None


def _constants(node: nodes.Filter) -> tuple[list[Any], dict[str, Any]] | None:
    """The arguments of a filter, None unless all of them are constant."""
    if node.dyn_args or node.dyn_kwargs:
        return None
    arguments = [each.value for each in node.args if isinstance(each, nodes.Const)]
    named = {str(pair.key): pair.value.value for pair in node.kwargs if isinstance(pair.value, nodes.Const)}
    constant = len(arguments) == len(node.args) and len(named) == len(node.kwargs)
    return (arguments, named) if constant else None


def _value(
    sandbox: Sandbox, name: str, steps: list[tuple[Callable[..., Any], list[Any]]], cost: int, finish: Value
) -> Value:
    """What *finish* makes of the variable *name* after the filters *steps*, which take *cost* for each character."""
    undefined = sandbox.undefined

    def get(values: Values) -> Any:
        value = values[name] if name in values else undefined(name=name)
        if cost and isinstance(value, str) and len(value) > LONG:
            values[WORK].spend(len(value) * cost)
        for apply, arguments in steps:
            value = apply(value, *arguments)
        return finish(value)

    return get


def _island(sandbox: Sandbox, node: nodes.Node) -> Dynamic:
    """What Jinja writes for *node*, which neither sets nor reads names of other nodes."""
    template = compiled(sandbox, nodes.Template([node], lineno=node.lineno))
    return Dynamic(lambda values: rendered(template, values), is_island=True)


def _tracked(segments: list[Segment], index: int) -> Dynamic:
    """An href whose target is rendered for each message."""
    get = text_of(segments)
    return Dynamic(lambda values: values[TRACKER](index, get(values)))
