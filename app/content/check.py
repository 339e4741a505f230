"""Is this content fit to be sent? Every problem with its part, line and column, before a campaign exists."""

import re
from itertools import islice

from jinja2 import nodes
from jinja2.exceptions import TemplateError

from app.content.plain import text_template
from app.content.problems import ContentProblem
from app.content.rules import RESERVED, needed_variables, violations
from app.content.sandbox import HTML, TEXT, Sandbox, compiled
from app.content.source import SourceError, lexemes, line_and_column, parse, with_newlines
from app.specs import Content

LARGEST_TEMPLATE = 500_000  # characters of one part
MOST_FINDINGS = 20  # listed of one part
BUILT_IN = frozenset({"unsubscribe_url", "message_id", "address"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check(content: Content, known_variables: set[str] | None) -> list[ContentProblem]:
    """What is wrong with *content*; an empty list if nothing is.

    *known_variables* are the attributes that contacts may have: a template may use those, the built-in
    ones and those with a default text. None means that nobody knows: then only the template itself is judged,
    and a contact without a variable it needs gets a RenderError.
    """
    if not content.html and not content.text:
        return [ContentProblem("html", 1, 1, "an email needs html or text")]
    problems = [
        ContentProblem("defaults", 1, 1, f"the name '{name}' is reserved")
        for name in content.defaults
        if name in BUILT_IN or name.startswith(("_", RESERVED))
    ]
    known = None if known_variables is None else known_variables | BUILT_IN | set(content.defaults)
    for part, sandbox, source in parts_of(content):
        problems += _problems_of(part, sandbox, with_newlines(source), known)
    if not problems and not content.text:
        problems += _problems_of_derived(content.html)
    return problems


def parts_of(content: Content) -> list[tuple[str, Sandbox, str]]:
    """(part, its sandbox, its source) of the parts that *content* has."""
    parts = [("subject", TEXT, content.subject), ("html", HTML, content.html), ("text", TEXT, content.text)]
    return [part for part in parts if part[2]]


def _problems_of(part: str, sandbox: Sandbox, source: str, known: set[str] | None) -> list[ContentProblem]:
    if len(source) > LARGEST_TEMPLATE:
        return [ContentProblem(part, 1, 1, f"longer than {LARGEST_TEMPLATE} characters")]
    control = _CONTROL.search(source)
    if control:
        return [ContentProblem(part, *line_and_column(source, control.start()), "control character")]
    try:
        tree = parse(sandbox, source)
    except SourceError as error:
        return [ContentProblem(part, *line_and_column(source, error.offset), error.message)]
    found = [(finding.line, finding.word, finding.message) for finding in islice(violations(tree), MOST_FINDINGS)]
    if not found and known is not None:
        found = [
            (line, name, f"unknown variable '{name}': no contact has it and no default is given")
            for name, line in needed_variables(tree).items()
            if name not in known
        ][:MOST_FINDINGS]
    if not found:
        return _problems_of_compiling(part, sandbox, tree)
    words = _words(sandbox, source)
    return sorted(
        (ContentProblem(part, line, _column(words, line, word), message) for line, word, message in found),
        key=lambda problem: (problem.line, problem.column),
    )


def _problems_of_compiling(part: str, sandbox: Sandbox, tree: nodes.Template) -> list[ContentProblem]:
    """What only Python's compiler finds: nesting that is too deep for it."""
    try:
        compiled(sandbox, tree)
    except (SyntaxError, RecursionError, MemoryError, ValueError, TemplateError) as error:
        return [ContentProblem(part, 1, 1, f"too complex: {error}")]
    return []


def _problems_of_derived(source: str) -> list[ContentProblem]:
    """Whether a text part can be derived from the html."""
    derived = text_template(with_newlines(source))
    try:
        _ = parse(TEXT, derived)
    except SourceError:
        return [ContentProblem("text", 1, 1, "cannot be derived from the html; give a text part")]
    return []


def _words(sandbox: Sandbox, source: str) -> list[tuple[int, int, str]]:
    """(line, column, text) of every lexeme inside of Jinja syntax."""
    found: list[tuple[int, int, str]] = []
    line, line_start, seen = 1, 0, 0
    for lexeme in lexemes(sandbox, source):
        line += source.count("\n", seen, lexeme.start)
        line_start = max(line_start, source.rfind("\n", seen, lexeme.start) + 1)
        seen = lexeme.start
        if lexeme.kind != "data":
            found.append((line, lexeme.start - line_start + 1, lexeme.text.strip("'\"")))
    return found


def _column(words: list[tuple[int, int, str]], line: int, word: str) -> int:
    """The column of *word* on *line*, or of the first Jinja syntax there."""
    on_line = [(column, text) for at, column, text in words if at == line]
    exact = [column for column, text in on_line if text == word]
    return (exact or [column for column, _ in on_line] or [1])[0]
