"""What a statement of ClickHouse's SQL is: pure looks at its text, no more than the HTTP interface needs."""

import re
from dataclasses import dataclass

# Whitespace, comments, quoted names and strings, words, anything else: enough to find keywords safely.
TOKEN = re.compile(
    rb"""(?P<space>\s+|--[^\n]*|\#[\s!][^\n]*|/\*.*?\*/)
    |(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
TRAILING_FORMAT = re.compile(rb"\bFORMAT\s+([A-Za-z][A-Za-z0-9_]*)\s*;?\s*$", re.IGNORECASE)

# Statements that answer with rows.
READS = frozenset(
    {b"SELECT", b"WITH", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK", b"FROM", b"VALUES"}
)
# Statements that change the session they run in, and nothing else.
SESSION = frozenset({b"SET", b"USE"})


@dataclass(frozen=True, slots=True)
class Insert:
    """`INSERT INTO ... FORMAT format` cut from the data behind it."""

    head: str  # without the FORMAT clause
    format: str
    data_at: int  # where the data starts in the text


def first_word(text: bytes) -> bytes:
    """The first keyword of *text* in capitals, after comments and opening parentheses; empty if there is none."""
    for token in TOKEN.finditer(text):
        if token.lastgroup == "word":
            return token.group().upper()
        if token.lastgroup == "quoted" or (token.lastgroup == "other" and token.group() != b"("):
            break
    return b""


def insert_in(text: bytes) -> Insert | None:
    """The INSERT with a FORMAT clause that *text* starts with; None for others, INSERT ... VALUES included."""
    if first_word(text) != b"INSERT":
        return None
    tokens = TOKEN.finditer(text)
    for token in tokens:
        word = token.group().upper() if token.lastgroup == "word" else b""
        if word in (b"VALUES", b"SELECT", b"INFILE"):
            return None
        if word == b"FORMAT":
            name = next((each for each in tokens if each.lastgroup != "space"), None)
            if name is None or name.lastgroup != "word" or name.group().upper() == b"VALUES":
                return None
            head = text[: token.start()].decode("utf-8", "replace").strip()
            return Insert(head, name.group().decode(), _data_start(text, name.end()))
    return None


def _data_start(text: bytes, at: int) -> int:
    """As ClickHouse's own parser: blanks after the format's name, then one line end, belong to the statement."""
    while at < len(text) and text[at : at + 1] in (b" ", b"\t", b"\f", b";"):
        at += 1
    if text[at : at + 1] == b"\r":
        at += 1
    return at + 1 if text[at : at + 1] == b"\n" else at


def output_format(text: bytes) -> str | None:
    """The format that the FORMAT clause at the end of *text* asks for, if there is one."""
    found = TRAILING_FORMAT.search(text)
    return found.group(1).decode() if found else None


def leaves_traces(text: bytes) -> bool:
    """Whether *text* changes the session it runs in: SET, USE, temporary tables."""
    return (
        first_word(text) in SESSION
        or re.match(rb"\s*CREATE\s+(OR\s+REPLACE\s+)?TEMPORARY\b", text, re.IGNORECASE) is not None
    )


def quoted(text: str) -> str:
    """*text* as a string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_name(name: str) -> str:
    """*name* as an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
