"""The steps after which a process can be told to die: read from the source, so that none is forgotten."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def steps(folders: tuple[str, ...] = ("agents", "app")) -> list[str]:
    """Every name in a `reached("...")` of the product, sorted. ValueError for a name that is not a literal."""
    found = set()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            found |= _named_in(path)
    return sorted(found)


def _named_in(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
            if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant):
                raise ValueError(f"{path}:{node.lineno}: a step must be named by a literal")
            names.add(str(node.args[0].value))
    return names
