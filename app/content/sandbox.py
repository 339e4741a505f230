"""The Jinja2 sandbox that templates run in: few filters, no calls to speak of, bounded work.

Jinja's own sandbox keeps a template away from Python; it does not bound time or memory. So: an allow-list
of syntax (app/content/rules.py), loops that count their steps over the whole message, and every operation
that can multiply text looks at the size of its result first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, Template, nodes
from jinja2.filters import FILTERS, do_join, do_replace
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.utils import pass_context, pass_eval_context
from jinja2.visitor import NodeTransformer

from app.content.problems import LimitExceededError

LARGEST_OUTPUT = 1_000_000  # characters of one rendered part
LARGEST_TEXT = 100_000  # characters of any text that an operation makes on the way
MOST_STEPS = 200_000  # syntax nodes that all loops of one message may run through
LONGEST_RANGE = 1_000
LARGEST_NUMBER = 512  # bits

# Names that we put into templates and values. No template may use them.
EACH = "fanfare_each"
CONCAT = "fanfare_concat"
TRACK = "fanfare_track"
TRACKER = "fanfare_tracker"
TOKEN = "fanfare_token"
TOKEN_BYTES = "fanfare_token_bytes"

PLAIN_FILTERS = (
    "abs", "capitalize", "d", "default", "e", "escape", "first", "float", "forceescape", "int", "last", "length",
    "count", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "safe", "select", "selectattr",
    "sort", "string", "striptags", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
ALLOWED_TESTS = (
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping",
    "sequence", "iterable", "odd", "even", "divisibleby", "lower", "upper", "in", "eq", "equalto", "==", "ne", "!=",
    "lt", "lessthan", "<", "le", "<=", "gt", "greaterthan", ">", "ge", ">=",
)  # fmt: skip


def bounded_range(*arguments: int) -> range:
    """`range` of at most 1,000 steps."""
    steps = range(*arguments)
    if len(steps) > LONGEST_RANGE:
        raise LimitExceededError(f"range is longer than {LONGEST_RANGE}")
    return steps


def steps_of_one_message() -> Callable[[Iterable[Any], int], Iterator[Any]]:
    """A function that hands out the items of every loop, each for the size of the loop's body, until all is spent."""
    left = MOST_STEPS

    def each(items: Iterable[Any], cost: int) -> Iterator[Any]:
        nonlocal left
        for item in items:
            left -= cost
            if left < 0:
                raise LimitExceededError("loops take too many steps")
            yield item

    return each


def bounds() -> dict[str, Any]:
    """What compiled templates need beside their variables; made anew for each message."""
    return {EACH: steps_of_one_message(), CONCAT: bounded_concat}


def _checked_size(size: int) -> None:
    if size > LARGEST_TEXT:
        raise LimitExceededError(f"text is longer than {LARGEST_TEXT} characters")


@pass_eval_context
def bounded_join(context: EvalContext, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """Jinja's `join`, after a look at the size of what it would make."""
    items = list(value)
    _checked_size(sum(len(str(item)) for item in items) + len(str(d)) * len(items))
    joined: str = do_join(context, items, d, attribute)
    return joined


@pass_eval_context
def bounded_replace(context: EvalContext, s: str, old: str, new: str, count: int | None = None) -> str:
    """Jinja's `replace`, after a look at the size of what it would make."""
    s = str(s) if not isinstance(s, str) else s
    _checked_size(len(s) + s.count(str(old)) * len(str(new)))
    return do_replace(context, s, old, new, count)


def bounded_round(value: float, precision: int = 0) -> float:
    """*value* rounded to at most 15 decimals."""
    return round(float(value), max(0, min(15, precision)))


@pass_context
def bounded_concat(context: Context, *parts: Any) -> str:
    """The `~` operator, after a look at the size of what it would make."""
    _checked_size(sum(len(part) if isinstance(part, str) else 32 for part in parts))
    joined = markup_join(parts) if context.eval_ctx.autoescape else str_join(parts)
    _checked_size(len(joined))
    return joined


@pass_context
def track(context: Context, rendered: str, index: int) -> str:
    """The tracked form of an href that was just rendered; the message's tracker makes it."""
    tracker: Callable[[int, str], str] = context[TRACKER]
    return tracker(index, str(rendered))


class Sandbox(ImmutableSandboxedEnvironment):
    """One sandbox for html (escapes) and one for plain text (does not)."""

    intercepted_binops = frozenset({"+", "*", "%"})

    def __init__(self, *, autoescape: bool) -> None:
        """No loader, no extensions, no globals but a short `range`."""
        super().__init__(autoescape=autoescape, undefined=StrictUndefined, keep_trailing_newline=True, cache_size=0)
        self.globals = {"range": bounded_range}
        self.tests = {name: TESTS[name] for name in ALLOWED_TESTS}
        self.filters = {name: FILTERS[name] for name in PLAIN_FILTERS}
        self.filters |= {"join": bounded_join, "replace": bounded_replace, "round": bounded_round, TRACK: track}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+`, `*` and `%` with bounded results; the last two for numbers only."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator != "+" and not numbers:
            raise LimitExceededError(f"'{operator}' is for numbers")
        if not numbers and hasattr(left, "__len__") and hasattr(right, "__len__"):
            _checked_size(len(left) + len(right))
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int) and result.bit_length() > LARGEST_NUMBER:
            raise LimitExceededError("number is too large")
        return result


HTML = Sandbox(autoescape=True)
TEXT = Sandbox(autoescape=False)


class _Bounds(NodeTransformer):
    """Puts our counters where the syntax tree loops or joins."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 - Jinja's name
        """Loop over `fanfare_each(items, cost of a step)` instead of over items."""
        cost = sum(1 for _ in node.find_all(nodes.Node))
        self.generic_visit(node)
        node.iter = _call(EACH, [node.iter, nodes.Const(cost)], node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:  # noqa: N802 - Jinja's name
        """Call `fanfare_concat(a, b)` for a ~ b."""
        self.generic_visit(node)
        return _call(CONCAT, node.nodes, node.lineno)


def _call(name: str, arguments: Sequence[nodes.Node], line: int) -> nodes.Call:
    return nodes.Call(nodes.Name(name, "load", lineno=line), list(arguments), [], None, None, lineno=line)


def compiled(sandbox: Sandbox, tree: nodes.Template) -> Template:
    """*tree*, which has passed the rules, as a bounded template. Changes the tree."""
    bounded: nodes.Template = _Bounds().visit(tree)
    bounded.set_environment(sandbox)
    return sandbox.from_string(bounded)


def rendered(template: Template, values: Mapping[str, Any]) -> str:
    """The output of *template* for *values* with `bounds()`; raises what Jinja raises, and LimitExceededError."""
    context = template.new_context(values)  # type: ignore[arg-type]
    chunks: list[str] = []
    size = 0
    for chunk in template.root_render_func(context):
        size += len(chunk)
        if size > LARGEST_OUTPUT:
            raise LimitExceededError(f"output is longer than {LARGEST_OUTPUT} characters")
        chunks.append(chunk)
    return "".join(chunks)
