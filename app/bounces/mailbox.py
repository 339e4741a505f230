"""A file of mail as messages: one message, or an mbox of many (RFC 4155)."""

import re
from collections.abc import Iterator

# A line that begins a message of an mbox: with a date, behind a blank line, before a header field.
_BEGIN = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From \S{1,320} [^\n]{0,40}\d\d:\d\d[^\n]{0,60}\r?\n(?=[!-9;-~]{1,100}:|>From )"
)
_BOUNDARY = re.compile(rb"boundary\s{0,5}=\s{0,5}\"?([^\s\";]{1,200})", re.IGNORECASE)
_COPY = re.compile(rb"(?:copy of|message|mail|follows?|included)[^\n]{0,40}[:.=-]{0,60}\s{0,8}$", re.IGNORECASE)


def messages_in(raw: bytes) -> Iterator[bytes]:
    """The messages of *raw*. Without a leading mbox line it is one message, whatever it holds."""
    starts = [found.start() for found in _BEGIN.finditer(raw)]
    if not starts or starts[0] != 0:
        yield raw
        return
    begin = 0
    for start in starts[1:]:
        if _is_within(raw, begin, start):
            continue
        yield raw[begin:start]
        begin = start
    yield raw[begin:]


def _is_within(raw: bytes, begin: int, start: int) -> bool:
    """Whether the mbox line at *start* is part of what a bounce returns, not of the file."""
    head = raw[begin : min(start, begin + 20_000)]
    found = _BOUNDARY.search(head)
    if found is not None:
        closing = b"--" + found[1] + b"--"
        return raw.find(closing, begin, start) < 0 <= raw.find(closing, start, start + 2_000_000)
    return _COPY.search(raw[max(begin, start - 120) : start].rstrip()) is not None
