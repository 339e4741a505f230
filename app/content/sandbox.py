"""The Jinja2 sandbox that templates run in: few filters, no calls to speak of, bounded work.

Jinja's own sandbox keeps a template away from Python; it does not bound time or memory. So: an allow-list
of syntax (app/content/rules.py), loops that count their steps over the whole message, every operation that
can multiply text looks at the size of its result first, and every one that reads a text or a list pays for
its length out of what one message may spend.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.filters import FILTERS, do_join, do_replace
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.utils import pass_context, pass_eval_context
from jinja2.visitor import NodeTransformer

from app.content.formats import FORMATS, locale_for
from app.content.problems import LimitExceededError

LARGEST_OUTPUT = 1_000_000  # characters of one rendered part
LARGEST_TEXT = 100_000  # characters of any text that an operation makes on the way
MOST_STEPS = 200_000  # syntax nodes that all loops of one message may run through
LONGEST_RANGE = 1_000
LARGEST_NUMBER = 512  # bits
MOST_WORK = 400_000  # characters that filters, methods and operators of one message may read: some 0.3 s at worst

# Names that we put into templates and values. No template may use them.
EACH = "fanfare_each"
CONCAT = "fanfare_concat"
WEIGHED = "fanfare_weighed"
WORK = "fanfare_work"
TRACK = "fanfare_track"
TRACKER = "fanfare_tracker"
TOKEN = "fanfare_token"
TOKEN_BYTES = "fanfare_token_bytes"
LOCALE = "fanfare_locale"

PLAIN_FILTERS = (
    "abs", "capitalize", "d", "default", "e", "escape", "first", "float", "forceescape", "int", "last", "length",
    "count", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "safe", "select", "selectattr",
    "sort", "string", "striptags", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
# Filters that do not look at all of their text or list, and those that take some microseconds for each item of it.
FREE_FILTERS = frozenset({
    "abs", "count", "d", "default", "first", "float", "int", "length", "round", "safe", "string", TRACK,
})  # fmt: skip
SLOW_FILTERS = frozenset({
    "join", "list", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "sum",
    "title", "unique",
})  # fmt: skip
SLOW = 10
FORMAT_COST = 40  # of `Work` for each date, number or amount that is written: 5 to 15 us
FREE_METHODS = frozenset({"endswith", "get", "items", "keys", "startswith", "values"})
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


class Work:
    """What one message may still spend."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        """All of it."""
        self.left = MOST_WORK

    def spend(self, units: int) -> None:
        """Pay for reading so many characters or items."""
        self.left -= units
        if self.left < 0:
            raise LimitExceededError("the template works through too much text")


def bounds() -> dict[str, Any]:
    """What compiled templates need beside their variables; made anew for each message."""
    return {EACH: steps_of_one_message(), CONCAT: bounded_concat, WEIGHED: weighed, WORK: Work()}


def _spend(context: Context, value: Any, factor: int = 1) -> None:
    work = context.get(WORK)
    if work is not None and isinstance(value, str | list | tuple | dict | range):
        work.spend(len(value) * factor)


@pass_context
def weighed(context: Context, value: Any) -> Any:
    """*value*, paid for by its length."""
    _spend(context, value)
    return value


def cost_of(name: str) -> int:
    """What the filter *name* takes of `Work` for each character or item."""
    return 0 if name in FREE_FILTERS else SLOW if name in SLOW_FILTERS else 1


def _paid(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """The filter *plain*, paid for by the length of what it is applied to."""
    factor = cost_of(name)
    if not factor:
        return plain
    wanted = getattr(plain, "jinja_pass_arg", None)

    @pass_context
    def paid(context: Context, value: Any, *arguments: Any, **named: Any) -> Any:
        _spend(context, value, factor)
        if wanted is None:
            return plain(value, *arguments, **named)
        first = {"context": context, "eval_context": context.eval_ctx, "environment": context.environment}[wanted.name]
        return plain(first, value, *arguments, **named)

    return paid


def _checked_size(size: int) -> None:
    if size > LARGEST_TEXT:
        raise LimitExceededError(f"text is longer than {LARGEST_TEXT} characters")


def written(
    name: str, work: Work | None, locale: str, value: Any, arguments: Sequence[Any], named: Mapping[str, Any]
) -> str:
    """*value* as the filter *name* writes it in the language *locale*, paid for out of *work*."""
    if isinstance(value, Undefined):
        str(value)  # raises, and says which variable is missing
    if work is not None:
        work.spend(FORMAT_COST)
    return FORMATS[name](locale_for(locale), value, *arguments, **named)


def _in_its_language(name: str) -> Callable[..., str]:
    """The filter *name*, in the language of the message."""

    @pass_context
    def in_its_language(context: Context, value: Any, *arguments: Any, **named: Any) -> str:
        return written(name, context.get(WORK), context.get(LOCALE) or "en", value, arguments, named)

    return in_its_language


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
    size = sum(len(part) if isinstance(part, str) else 32 for part in parts)
    _checked_size(size)
    work = context.get(WORK)
    if work is not None:
        work.spend(size)
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
        # As they are: for pieces of a template that apply a few of them to one variable.
        self.plain_filters: dict[str, Callable[..., Any]] = {name: FILTERS[name] for name in PLAIN_FILTERS}
        self.plain_filters |= {"join": bounded_join, "replace": bounded_replace, "round": bounded_round, TRACK: track}
        self.filters = {name: _paid(name, plain) for name, plain in self.plain_filters.items()}
        self.filters |= {name: _in_its_language(name) for name in FORMATS}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`+`, `*` and `%` with bounded results; the last two for numbers only."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator != "+" and not numbers:
            raise LimitExceededError(f"'{operator}' is for numbers")
        if not numbers and hasattr(left, "__len__") and hasattr(right, "__len__"):
            _checked_size(len(left) + len(right))
            _spend(context, left)
            _spend(context, right)
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int) and result.bit_length() > LARGEST_NUMBER:
            raise LimitExceededError("number is too large")
        return result

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as in Jinja
        """A method, paid for by the length of what it belongs to."""
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str) and getattr(__obj, "__name__", "") not in FREE_METHODS:
            _spend(__context, owner)
        return super().call(__context, __obj, *args, **kwargs)


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

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802 - Jinja's name
        """Pay for what `in` searches."""
        self.generic_visit(node)
        for operand in node.ops:
            if operand.op in ("in", "notin"):
                operand.expr = _call(WEIGHED, [operand.expr], node.lineno)
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Test:  # noqa: N802 - Jinja's name
        """Pay for what `is lower`, `is upper` and `is in` look through."""
        self.generic_visit(node)
        if node.name in ("lower", "upper"):
            node.node = _call(WEIGHED, [node.node], node.lineno)
        elif node.name == "in" and node.args:
            node.args[0] = _call(WEIGHED, [node.args[0]], node.lineno)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Getitem:  # noqa: N802 - Jinja's name
        """Pay for what a slice copies."""
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _call(WEIGHED, [node.node], node.lineno)
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
