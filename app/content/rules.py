"""What a template may say: the allow-list of Jinja syntax, and which variables it needs.

An allow-list, because each of the rest (macros, blocks, `set` of a block, list building, `**`, method
calls) can multiply text or work without end in a few lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import meta, nodes

from app.content.formats import FORMATS, wrong_arguments
from app.content.problems import LimitExceededError
from app.content.sandbox import HTML, bounded_range

METHODS = frozenset(
    {"capitalize", "endswith", "get", "items", "keys", "lower", "lstrip", "rstrip", "split", "startswith", "strip",
     "title", "upper", "values"}
)  # fmt: skip
RESERVED = "fanfare_"
MOST_SET = 100  # uses of `set`: each may double a text

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Filter, nodes.Test, nodes.If,
    nodes.For, nodes.Assign, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.List, nodes.Tuple, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div,
    nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat, nodes.Call, nodes.Keyword,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Something refused: the line it is on and the word to look for there ("" if there is none)."""

    line: int
    word: str
    message: str


def violations(tree: nodes.Template) -> Iterator[Finding]:
    """Everything in *tree* that a template may not say."""
    names_set = 0
    for node in _every(tree):
        message, word = _verdict(node)
        names_set += isinstance(node, nodes.Assign)
        if names_set > MOST_SET and not message:
            message, word = f"set is used more than {MOST_SET} times", "set"
        if message:
            yield Finding(node.lineno, word, message)


def _every(node: nodes.Node) -> Iterator[nodes.Node]:
    """*node* and all below it, without recursion."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _verdict(node: nodes.Node) -> tuple[str, str]:
    """Why *node* is refused and the word that shows where, or two empty strings."""
    if not isinstance(node, _ALLOWED):
        kind = type(node).__name__
        word = {"FilterBlock": "filter", "CallBlock": "call", "AssignBlock": "set", "Pow": "**"}.get(kind, kind.lower())
        return f"'{word}' is not available in templates", word
    if isinstance(node, nodes.Call):
        return _verdict_on_call(node)
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.Test):
        return _verdict_on_name(node)
    return _verdict_on_shape(node)


def _verdict_on_name(node: nodes.Node) -> tuple[str, str]:
    """Names with an underscore in front lead into Python, ours into the composer."""
    match node:
        case nodes.Name(name=name) if name.startswith(("_", RESERVED)):
            return f"the name '{name}' is reserved", name
        case nodes.Getattr(attr=name) | nodes.Getitem(arg=nodes.Const(value=str() as name)) if name.startswith("_"):
            return f"'{name}' is out of reach of templates", name
        case nodes.Filter(name=name) if name not in HTML.filters or name.startswith(RESERVED):
            return f"there is no filter '{name}'", name
        case nodes.Filter(name=name) if name in FORMATS:
            return _verdict_on_format(node), name
        case nodes.Test(name=name) if name not in HTML.tests:
            return f"there is no test '{name}'", name
    return "", ""


def _verdict_on_format(node: nodes.Filter) -> str:
    """Constant arguments that no message could be written with; others are looked at when it is rendered."""
    everything = [*node.args, *(pair.value for pair in node.kwargs)]
    if node.dyn_args or node.dyn_kwargs or not all(isinstance(each, nodes.Const) for each in everything):
        return ""
    constants = [each.value for each in node.args if isinstance(each, nodes.Const)]
    named = {str(pair.key): pair.value.value for pair in node.kwargs if isinstance(pair.value, nodes.Const)}
    return wrong_arguments(node.name, constants, named)


def _verdict_on_shape(node: nodes.Node) -> tuple[str, str]:
    """Allowed syntax in a form that could multiply text or work."""
    match node:
        case nodes.Mul(left=nodes.Const(value=str())) | nodes.Mul(right=nodes.Const(value=str())):
            return "'*' is for numbers", "*"
        case nodes.For(recursive=True):
            return "a loop cannot be recursive", "recursive"
        case nodes.Assign(target=target) if not isinstance(target, nodes.Name):
            return "set takes one name", "set"
        case nodes.List(items=items) | nodes.Tuple(items=items, ctx="load"):
            constant = all(isinstance(item, nodes.Const) for item in items)
            return ("", "") if constant else ("a list may hold constants only", "")
    return "", ""


def _verdict_on_call(node: nodes.Call) -> tuple[str, str]:
    """Allowed are range(...), loop.cycle(...), and methods that cannot multiply text."""
    match node.node:
        case nodes.Name(name="range"):
            return _verdict_on_range(node.args)
        case nodes.Getattr(node=nodes.Name(name="loop"), attr="cycle"):
            return "", ""
        case nodes.Getattr(attr=attr):
            return ("", "") if attr in METHODS else (f"the method '{attr}' is not available in templates", attr)
        case nodes.Name(name=name):
            return f"'{name}' cannot be called", name
    return "this cannot be called", ""


def _verdict_on_range(arguments: list[nodes.Expr]) -> tuple[str, str]:
    """A range with constant arguments is refused here; any other one is bounded when it runs."""
    numbers = [argument.value for argument in arguments if isinstance(argument, nodes.Const)]
    if len(numbers) == len(arguments):
        try:
            bounded_range(*numbers)
        except (LimitExceededError, TypeError, ValueError, OverflowError) as error:
            return str(error), "range"
    return "", ""


def needed_variables(tree: nodes.Template) -> dict[str, int]:
    """Variables that must have a value, each with the line of its first use.

    One that appears only under `default` or `is defined` may be missing.
    """
    undeclared = meta.find_undeclared_variables(tree) - set(HTML.globals)
    everything = list(_every(tree))
    optional = {
        id(node.node) for node in everything if isinstance(node, nodes.Filter) and node.name in ("default", "d")
    }
    needed: dict[str, int] = {}
    for node in everything:
        if isinstance(node, nodes.Name) and node.name in undeclared and id(node) not in optional:
            needed[node.name] = min(node.lineno, needed.get(node.name, node.lineno))
    tested = [
        node.node for node in everything if isinstance(node, nodes.Test) and node.name in ("defined", "undefined")
    ]
    guarded = {node.name for node in tested if isinstance(node, nodes.Name)}
    return {name: line for name, line in needed.items() if name not in guarded}


def tested_variables(tree: nodes.Template) -> set[str]:
    """Variables that the template looks at before it decides what to write."""
    tests = [node.test for node in tree.find_all(nodes.If)] + [node.test for node in tree.find_all(nodes.CondExpr)]
    direct = {test.name for test in tests if isinstance(test, nodes.Name)}
    return direct | {name.name for test in tests for name in test.find_all(nodes.Name)}
