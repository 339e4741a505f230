"""The short road: templates that are text and {{ variable|filters }} only, without running Jinja per message.

Such a template becomes a list of pieces. Filters are Jinja's own functions, undefined names Jinja's own
objects: what comes out is what the sandbox would have made, character by character (tests/content). Any
other template takes the long road through the sandbox.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes
from markupsafe import escape

from app.content.sandbox import TOKEN, TRACK, TRACKER, Sandbox

SIMPLE_FILTERS = frozenset({"capitalize", "d", "default", "lower", "title", "trim", "upper"})

Values = Mapping[str, Any]
Getter = Callable[[Values], str]


@dataclass(frozen=True, slots=True)
class Token:
    """The token of the message."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """Text that *get* makes from the values of a message."""

    get: Getter


Segment = str | Token | Dynamic


def segments_of(sandbox: Sandbox, tree: nodes.Template, unsubscribe: str) -> list[Segment] | None:
    """The pieces of *tree*, neighbouring text joined; None if it needs Jinja.

    *unsubscribe* is the unsubscribe URL up to the token.
    """
    merged: list[Segment] = []
    for segment in _segments(sandbox, tree.body, unsubscribe):
        if segment is None:
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

    def get(values: Values) -> str:
        pieces = texts.copy()
        for place, getter in slots:
            pieces[place] = getter(values)
        return "".join(pieces)

    return get


def _token(values: Values) -> str:
    return values[TOKEN]  # type: ignore[no-any-return]


def _segments(sandbox: Sandbox, body: list[nodes.Node], unsubscribe: str) -> Iterator[Segment | None]:
    """One segment for each thing that is written; None for what is not simple."""
    for node in body:
        match node:
            case nodes.Output(nodes=parts):
                for part in parts:
                    yield from _written(sandbox, part, unsubscribe)
            case nodes.FilterBlock(filter=nodes.Filter(name=name, args=[nodes.Const(value=int() as index)])) if (
                name == TRACK
            ):
                inner = list(_segments(sandbox, node.body, unsubscribe))
                known = [segment for segment in inner if segment is not None]
                yield Dynamic(_tracked(text_of(known), index)) if len(known) == len(inner) else None
            case _:
                yield None


def _written(sandbox: Sandbox, node: nodes.Expr, unsubscribe: str) -> Iterator[Segment | None]:
    match node:
        case nodes.TemplateData(data=data):
            yield data
        case nodes.Name(name=name) if name == TOKEN:
            yield Token()
        case nodes.Name(name="unsubscribe_url"):
            yield str(escape(unsubscribe)) if sandbox.autoescape else unsubscribe
            yield Token()
        case _:
            yield _dynamic(sandbox, node)


def _dynamic(sandbox: Sandbox, node: nodes.Expr) -> Dynamic | None:
    """A variable through simple filters with constant arguments."""
    steps: list[tuple[Callable[..., Any], list[Any]]] = []
    while isinstance(node, nodes.Filter):
        arguments = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        simple = node.name in SIMPLE_FILTERS and len(arguments) == len(node.args)
        if not simple or node.kwargs or node.dyn_args or node.dyn_kwargs or node.node is None:
            return None
        steps.insert(0, (sandbox.filters[node.name], arguments))
        node = node.node
    if not isinstance(node, nodes.Name):
        return None
    return Dynamic(_getter(sandbox, node.name, steps))


def _getter(sandbox: Sandbox, name: str, steps: list[tuple[Callable[..., Any], list[Any]]]) -> Getter:
    """What Jinja writes for the variable *name* after the filters *steps*."""
    undefined = sandbox.undefined
    finish: Callable[[Any], str] = escape if sandbox.autoescape else str

    def get(values: Values) -> str:
        value = values[name] if name in values else undefined(name=name)
        for apply, arguments in steps:
            value = apply(value, *arguments)
        return finish(value)

    return get


def _tracked(get: Getter, index: int) -> Getter:
    def tracked(values: Values) -> str:
        return values[TRACKER](index, get(values))  # type: ignore[no-any-return]

    return tracked
