"""The steps after which a process can be told to die: read from the source, so that none is forgotten."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Steps of channels and reports, which campaigns into the mail sink do not come by: tests/chaos/reported.py aims there.
OF_REPORTS = frozenset({
    "await.written", "hooks.kept", "inbound.written", "lookups.handed_on", "lookups.kept", "refs.handed_on",
    "refs.learned", "refs.waiting", "report.awaited", "report.suppressed", "reports.sent", "settle.ids_told",
    "settle.suppressed", "suppress.written",
})  # fmt: skip

# Of senders and of what becomes of their results: they come by there, too, over HTTP and SMPP.
SENDING = frozenset({
    "decide.written", "release.produced", "report.written", "send.concluded", "send.intended", "send.produced",
    "send.sent", "settle.written",
})  # fmt: skip


def steps_of_mail() -> set[str]:
    """Those that a campaign into the mail sink comes by."""
    return set(steps()) - OF_REPORTS


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
