"""Imports point one way, and the core touches nothing: no I/O, no clock, no dice."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.command_lines import ROOT

# From those that act to those that decide. A package imports from lines below its own only.
LAYERS = [
    {"app.cli"},
    {"app.web"},
    {"agents"},
    {"tables"},
    {"app.stream", "app.clickhouse", "app.transport", "app.control", "app.local"},
    {"app.providers"},
    {"app.bounces"},
    {"app.delivery", "app.content"},
    {"app.suppressions"},
    {"app.commands", "app.records", "app.ids", "app.topics", "app.faults"},
    {"app.things", "app.routes"},
    {"app.provider_accounts"},
    {"app.specs"},
    {"app.settings"},
]
CORE = {"app.providers", "app.bounces", "app.delivery", "app.content"}
# All that the core needs from elsewhere. Adding to it is a decision: nothing here reads a file, a clock or a network,
# but for the data that babel (locales) and zoneinfo (time zones) are shipped with. css_inline and mrml could fetch
# stylesheets and included files: app/content/css.py and mjml.py switch that off, and their tests try.
# importlib loads an adapter when it is first used.
PURE = {
    "babel", "base64", "binascii", "bisect", "collections", "copy", "cryptography", "css_inline", "dataclasses",
    "datetime", "decimal", "difflib", "email", "enum", "functools", "hashlib", "heapq", "hmac", "html", "idna",
    "importlib", "ipaddress", "itertools", "jinja2", "json", "markupsafe", "mrml", "msgspec", "phonenumbers",
    "pydantic", "quopri", "re", "string", "struct", "textwrap", "types", "typing", "unicodedata", "urllib.parse",
    "zlib", "zoneinfo",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow"}  # of datetime, which the core may handle but not ask
IMPURE = {"open", "print", "input", "exec", "eval", "__import__"}

FILES = sorted(path for top in ("app", "agents", "tables") for path in (ROOT / top).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that *tree* imports, wherever it does so; `from app import ids` is app.ids."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the whole module"
            module = str(node.module)
            yield from (f"app.{each.name}" for each in node.names) if module == "app" else [module]


def package_of(module: str) -> str:
    """What stands in LAYERS for *module*; empty for what is not ours."""
    first, *rest = module.removesuffix(".__init__").split(".")
    if first == "app" and rest:
        return f"app.{rest[0]}"
    return first if first in ("agents", "tables") else ""


def module_of(path: Path) -> str:
    """The dotted name of the file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def layer_of(package: str) -> int:
    """Its line in LAYERS."""
    found = [at for at, names in enumerate(LAYERS) if package in names]
    assert found, f"{package} has no place in LAYERS: which one is it?"
    return found[0]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_point_one_way(path: Path) -> None:
    """What decides can be read, tested and replayed without what acts; a circle would end that."""
    here = package_of(module_of(path))
    for module in imported(ast.parse(path.read_text())):
        there = package_of(module)
        assert not there or there == here or layer_of(there) > layer_of(here), f"{here} imports {module}"


@pytest.mark.parametrize("path", [path for path in FILES if package_of(module_of(path)) in CORE], ids=module_of)
def test_the_core_touches_nothing(path: Path) -> None:
    """Decisions are tested in microseconds and replayed from a log: given the same, they decide the same."""
    tree = ast.parse(path.read_text())
    foreign = {module for module in imported(tree) if not package_of(module)}
    assert {module for module in foreign if module not in PURE and module.split(".")[0] not in PURE} == set()
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert {func.attr for func in calls if isinstance(func, ast.Attribute)} & CLOCKS == set()
    assert {func.id for func in calls if isinstance(func, ast.Name)} & IMPURE == set()


def test_what_the_core_is_allowed_does_no_input_or_output() -> None:
    """The list above must not grow into a hole."""
    touching = {
        "asyncio",
        "io",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "threading",
        "time",
        "uuid",
    }
    assert PURE & touching == set()
    assert PURE - sys.stdlib_module_names - {"urllib.parse"} == {
        "babel", "cryptography", "css_inline", "idna", "jinja2", "markupsafe", "mrml", "msgspec", "phonenumbers",
        "pydantic",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [path for top in ("app", "agents", "tables", "tests", "benchmarks") for path in (ROOT / top).rglob("*.py")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_file_says_first_what_it_is_for(path: Path) -> None:
    """Who opens a file wants to know whether to read on."""
    tree = ast.parse(path.read_text())
    assert not tree.body or (ast.get_docstring(tree) or "").strip()
