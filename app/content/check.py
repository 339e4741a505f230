"""Is this content fit to be sent? Every problem with its part, line and column, before a campaign exists."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from jinja2 import nodes
from jinja2.exceptions import TemplateError

from app.content.locales import DEFAULT, folded, parts_in
from app.content.plain import text_template
from app.content.problems import ContentProblem
from app.content.rules import RESERVED, needed_variables, violations
from app.content.sandbox import HTML, TEXT, Sandbox, compiled
from app.content.source import SourceError, lexemes, line_and_column, parse, with_newlines
from app.specs import Content, Parts

LARGEST_TEMPLATE = 500_000  # characters of one part
MOST_SYNTAX = 5_000  # pieces of Jinja syntax in one part: reading that many takes half a second
MOST_WORDS = 200_000  # names, values and signs of Jinja in all parts and languages: compiling them takes some seconds
MOST_FINDINGS = 20  # listed of one part
BUILT_IN = frozenset({"unsubscribe_url", "message_id", "address"})
EMAIL = ("subject", "preheader", "html", "text")
_PIECE = re.compile(r"\{[{%].*?(?:[}%]\}|\Z)", re.DOTALL)
_WORD = re.compile(r"\w+|[^\w\s]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def check(content: Content, known_variables: set[str] | None, *, channel: str | None = "email") -> list[ContentProblem]:
    """What is wrong with *content*, in all its parts and languages; an empty list if nothing is.

    *known_variables* are the attributes that contacts may have: a template may use those, the built-in
    ones and those with a default text. None means that nobody knows: then only the template itself is judged,
    and a contact without a variable it needs gets a RenderError. *channel* None is for a template that
    need not be complete: a campaign may add a subject.
    """
    missing = check_parts(content, channel)
    if missing:
        return missing
    problems = _reserved(content.defaults) + _twice(content) + _parameters(content)
    known = None if known_variables is None else known_variables | BUILT_IN | set(content.defaults)
    for place, part, source in sources_of(content):
        problems += _problems_of(place, sandbox_of(part), with_newlines(source), known)
    if not problems:
        for key in (DEFAULT, *content.locales):
            parts = parts_in(content, key)
            problems += [] if parts.text else _problems_of_derived(place_of(key, "text"), parts.html)
    return problems


def problems_of_email(parts: Parts, defaults: Mapping[str, str]) -> list[ContentProblem]:
    """What keeps *parts* from being an email; nothing, if `check` has passed their content."""
    if not parts.html and not parts.text:
        return [ContentProblem("html", 1, 1, "an email needs html or text")]
    problems = _reserved(defaults)
    for part in EMAIL:
        if source := getattr(parts, part):
            problems += _problems_of(part, sandbox_of(part), with_newlines(source), None)
    if not problems and not parts.text:
        problems += _problems_of_derived("text", parts.html)
    return problems


def too_large(source: str) -> str:
    """Why *source* is more than a part may be, "" if it is not."""
    if len(source) > LARGEST_TEMPLATE:
        return f"longer than {LARGEST_TEMPLATE} characters"
    if source.count("{{") + source.count("{%") + source.count("{#") > MOST_SYNTAX:
        return f"more than {MOST_SYNTAX} pieces of Jinja syntax"
    return ""


def too_wordy(content: Content) -> list[ContentProblem]:
    """A problem where the parts and languages of *content* together have more Jinja syntax than is compiled."""
    left = MOST_WORDS
    for key in (DEFAULT, *content.locales):
        parts = content.locales[key] if key else content
        for part in (*EMAIL, "mjml", "sms", "voice"):
            left -= sum(len(_WORD.findall(piece)) for piece in _PIECE.findall(getattr(parts, part)))
            if left < 0:
                return [ContentProblem(place_of(key, part), 1, 1, f"more than {MOST_WORDS:,} words of Jinja in all")]
    return []


def sandbox_of(part: str) -> Sandbox:
    """Where *part* is rendered: html escapes what it is given."""
    return HTML if part in ("html", "mjml") else TEXT


def place_of(key: str, part: str) -> str:
    """How *part* of the language *key* is called: html, locales.pt-BR.html."""
    return f"locales.{key}.{part}" if key else part


def problems_of_text(place: str, source: str, defaults: Mapping[str, str]) -> list[ContentProblem]:
    """What keeps *source* from being rendered as text; nothing, if `check` has passed its content."""
    return _reserved(defaults) + _problems_of(place, TEXT, source, None)


def sources_of(content: Content) -> Iterator[tuple[str, str, str]]:
    """(place, part, source) of every template in *content*; mjml is none, html is made from it."""
    for key in (DEFAULT, *content.locales):
        parts = content.locales[key] if key else content
        for part in (*EMAIL, "sms", "voice", "voice_audio"):
            if source := getattr(parts, part):
                yield place_of(key, part), part, source
        if parts.whatsapp is not None:
            for number, parameter in enumerate(parts.whatsapp.parameters):
                yield place_of(key, f"whatsapp.parameters.{number}"), "whatsapp", parameter
            for name in ("header", "media"):
                if source := getattr(parts.whatsapp, name):
                    yield place_of(key, f"whatsapp.{name}"), "whatsapp", source
            for number, button in enumerate(parts.whatsapp.buttons):
                if button:
                    yield place_of(key, f"whatsapp.buttons.{number}"), "whatsapp", button


def check_parts(content: Content, channel: str | None) -> list[ContentProblem]:
    """What *content* lacks to be sent over *channel*; a problem at most."""
    for key in (DEFAULT, *content.locales):
        parts = content.locales[key] if key else content
        if parts.mjml and not parts.html:
            return [
                ContentProblem(place_of(key, "mjml"), 1, 1, "is not compiled to html yet: publish the content first")
            ]
    has_body = bool(content.html or content.text)
    if channel == "email" and not has_body:
        return [ContentProblem("html", 1, 1, "an email needs html or text")]
    if channel == "email" and not content.subject.strip():
        return [ContentProblem("subject", 1, 1, "an email needs a subject")]
    if channel == "sms" and not content.sms.strip():
        return [ContentProblem("sms", 1, 1, "an SMS needs a text: the part sms")]
    if channel == "whatsapp" and content.whatsapp is None:
        return [ContentProblem("whatsapp", 1, 1, "a WhatsApp message needs an approved template: the part whatsapp")]
    if channel == "voice" and not (content.voice.strip() or content.voice_audio.strip()):
        return [ContentProblem("voice", 1, 1, "a call needs a text or a recording: the part voice or voice_audio")]
    if channel is None and not (has_body or content.sms or content.voice or content.voice_audio or content.whatsapp):
        return [ContentProblem("html", 1, 1, "a template needs one of html, mjml, text, sms, whatsapp and voice")]
    return []


def _reserved(defaults: Mapping[str, str]) -> list[ContentProblem]:
    return [
        ContentProblem("defaults", 1, 1, f"the name '{name}' is reserved")
        for name in defaults
        if name in BUILT_IN or name.startswith(("_", RESERVED))
    ]


def _twice(content: Content) -> list[ContentProblem]:
    """Languages that differ in spelling only: one of them would never be sent."""
    seen: dict[str, str] = {}
    problems = []
    for key in content.locales:
        first = seen.setdefault(folded(key), key)
        if first != key:
            problems.append(ContentProblem(f"locales.{key}", 1, 1, f"is the same language as '{first}'"))
    return problems


def _parameters(content: Content) -> list[ContentProblem]:
    """A WhatsApp template has as many places in every language; Meta refuses a message with more or fewer."""
    problems = []
    counts: dict[str, int] = {}
    for key in (DEFAULT, *content.locales):
        whatsapp = (content.locales[key] if key else content).whatsapp
        if whatsapp is None:
            continue
        count = len(whatsapp.parameters)
        first = counts.setdefault(whatsapp.template, count)
        place = place_of(key, "whatsapp.parameters")
        if count != first:
            problems.append(ContentProblem(place, 1, 1, f"{count} parameters, in another language {first}"))
        problems += [
            ContentProblem(f"{place}.{number}", 1, 1, "a parameter cannot be empty or span lines")
            for number, parameter in enumerate(whatsapp.parameters)
            if not parameter.strip() or "\n" in parameter or "\t" in parameter
        ]
    return problems


def _problems_of(part: str, sandbox: Sandbox, source: str, known: set[str] | None) -> list[ContentProblem]:
    large = too_large(source)
    if large:
        return [ContentProblem(part, 1, 1, large)]
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


def _problems_of_derived(place: str, source: str) -> list[ContentProblem]:
    """Whether a text part can be derived from the html."""
    derived = text_template(with_newlines(source))
    try:
        _ = parse(TEXT, derived)
    except SourceError:
        return [ContentProblem(place, 1, 1, "cannot be derived from the html; give a text part")]
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
