"""Where things stand in a template's source: lexemes with offsets, and the line and column of an error."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from app.content.sandbox import Sandbox

MOST_LEXEMES = 50_000  # of Jinja syntax in one part: Python's compiler takes a second for them
MOST_IN_A_PIECE = 5_000  # from its {{ or {% to its end: the compiler takes their square
LONGEST_NUMBER = 100  # digits: Python refuses to read some thousands
HOLE = "\0"  # stands for each character of Jinja syntax where only the html around it counts
_NEWLINES = re.compile(r"\r\n|\r")


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One lexeme: its offset in the source, its kind as Jinja names it, its text."""

    start: int
    kind: str
    text: str


class SourceError(Exception):
    """A syntax error at *offset* of the source."""

    def __init__(self, message: str, offset: int) -> None:
        """Keep both."""
        super().__init__(message)
        self.message = message
        self.offset = offset


class _Bounds:
    """Counts what the parser is given. Raises SourceError where it becomes more than a letter needs."""

    __slots__ = ("_all", "_piece")

    def __init__(self) -> None:
        """Nothing yet."""
        self._all = self._piece = 0

    def count(self, lexeme: Lexeme) -> None:
        """Take *lexeme* in."""
        if lexeme.kind in ("data", "whitespace"):
            return
        self._piece = 1 if lexeme.kind.endswith("_begin") else self._piece + 1
        self._all += 1
        if self._piece > MOST_IN_A_PIECE or self._all > MOST_LEXEMES:
            most = MOST_IN_A_PIECE if self._piece > MOST_IN_A_PIECE else MOST_LEXEMES
            raise SourceError(f"too much Jinja syntax: more than {most:,} names, values and signs", lexeme.start)
        if lexeme.kind in ("integer", "float") and len(lexeme.text) > LONGEST_NUMBER:
            raise SourceError(f"a number has at most {LONGEST_NUMBER} digits", lexeme.start)


def with_newlines(source: str) -> str:
    r"""*source* with \n for every line end, as Jinja counts lines."""
    return _NEWLINES.sub("\n", source)


def line_and_column(source: str, offset: int) -> tuple[int, int]:
    """Both counted from 1."""
    return source.count("\n", 0, offset) + 1, offset - (source.rfind("\n", 0, offset) + 1) + 1


def lexemes(sandbox: Sandbox, source: str) -> Iterator[Lexeme]:
    """Every lexeme of *source* in order; text that whitespace control strips is skipped."""
    end = 0
    for _, kind, text in sandbox.lexer.tokeniter(source, None):
        start = source.index(text, end)
        end = start + len(text)
        yield Lexeme(start, kind, text)


def parse(sandbox: Sandbox, source: str) -> nodes.Template:
    """The syntax tree of *source*, or SourceError at the lexeme where parsing stopped."""
    last = Lexeme(0, "", "")
    ended = False
    bounds = _Bounds()

    def fed() -> Iterator[tuple[int, str, str]]:
        nonlocal last, ended
        line = 1
        for lexeme in lexemes(sandbox, source):
            bounds.count(lexeme)
            line += source.count("\n", last.start, lexeme.start)
            last = lexeme
            yield line, lexeme.kind, lexeme.text
        ended = True

    parser = Parser(sandbox, "")
    try:
        parser.stream = TokenStream(sandbox.lexer.wrap(fed()), None, None)
        tree = parser.parse()
    except TemplateSyntaxError as error:
        raise SourceError(
            error.message or "syntax error", _offset(source, error, len(source) if ended else last.start)
        ) from error
    except RecursionError as error:
        raise SourceError("nested too deeply", last.start) from error
    tree.set_environment(sandbox)
    return tree


def _offset(source: str, error: TemplateSyntaxError, read: int) -> int:
    """Where *error* is: where the parser had *read* to, or at the character that the lexer names."""
    at_character = re.search(r"^unexpected char .* at (\d+)$", error.message or "")
    return min(int(at_character[1]), len(source)) if at_character else read


def holes(sandbox: Sandbox, source: str) -> list[tuple[int, int]]:
    """The (start, end) of each stretch of Jinja syntax: output, tag, comment or raw block."""
    found: list[tuple[int, int]] = []
    opened = -1
    for lexeme in lexemes(sandbox, source):
        if lexeme.kind.endswith("_begin") and opened < 0:
            opened = lexeme.start
            inside_raw = lexeme.kind == "raw_begin"
        elif lexeme.kind.endswith("_end") and (not inside_raw or lexeme.kind == "raw_end"):
            found.append((opened, lexeme.start + len(lexeme.text)))
            opened = -1
    return found


def masked(source: str, stretches: list[tuple[int, int]]) -> str:
    """*source*, same length, with HOLE for every character of *stretches*."""
    text = list(source)
    for start, end in stretches:
        text[start:end] = HOLE * (end - start)
    return "".join(text)
