"""Payloads and known answers of providers (tests/samples), and what the tests of adapters do with them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from app.content.email_parts import EmailParts
from app.content.email_template import LinkOptions
from app.content.ready_made import ReadyMadeMail, ready_variables
from app.providers.contract import Message, Sought
from app.providers.echo import query_of
from app.records import ReceivedReport
from app.specs import Content
from tests.content.mail import KEY, SENDER, template_of

SAMPLES = Path(__file__).parents[1] / "samples"
NOW = 1_786_000_100.0  # a little after the events of the samples
PLAIN = LinkOptions("https://l.example.com", KEY, track_opens=False)
LETTER = Content(
    subject="Hi {{ name }}",
    html="<html><body><p>Hi {{ name }} of {{ city }}</p><a href='https://a.example/?c={{ city }}'>go</a>"
    "<a href='{{ unsubscribe_url }}'>no more</a></body></html>",
    text="Hi {{ name }} of {{ city }}\n{{ unsubscribe_url }}",
)


def sample(name: str) -> Any:
    """tests/samples/*name*.json."""
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def webhook(
    provider: str, body: bytes | object, at: float = NOW, source: str = "webhook", query: str = ""
) -> ReceivedReport:
    """What came from *provider*, verified and unpacked."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ReceivedReport(provider, "route-1", source, at, raw, query=query)


def looked_up(provider: str, body: bytes | object, sought: Sought) -> ReceivedReport:
    """The answer to a look-up for *sought*."""
    return webhook(provider, body, source="lookup", query=query_of(sought))


def messages(people: list[tuple[str, str]], content: Content = LETTER, *, whole: bool = False) -> list[Message]:
    """A message of one campaign for each (name, city)."""
    template = template_of(content, links=PLAIN)
    made = []
    for number, (name, city) in enumerate(people):
        identity, address = number.to_bytes(16, "big"), f"p{number}@example.com"
        make = template.render if whole else template.parts
        content_of = make({"name": name, "city": city}, identity, identity, address, 1.7e9)
        assert isinstance(content_of, bytes | EmailParts), content_of
        made.append(Message(identity, 1 + number % 3, "acme", "cmp 1/ü", address, content_of))
    return made


def ready_made(subject: str, html: str, text: str, *, whole: bool = False) -> Message:
    """A single message that its sender wrote himself."""
    template = ReadyMadeMail(SENDER, PLAIN)
    make = template.render if whole else template.parts
    content = make(dict(ready_variables(subject, html, text)), bytes(16), bytes(16), "a@example.com", 1.7e9)
    assert isinstance(content, bytes | EmailParts), content
    return Message(bytes(16), 1, "acme", "cmp_1", "a@example.com", content)


def with_a_byte_changed(raw: bytes, tries: int = 40) -> Iterator[bytes]:
    """*raw* with one byte changed, here and there."""
    for at in sorted({*range(0, len(raw), max(1, len(raw) // tries)), max(0, len(raw) - 1)} if raw else ()):
        yield raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


# Anything that JSON can say, with the words of providers in it.
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
    | st.sampled_from(["Bounce", "bounce", "failed", "2026-08-05T00:41:02.669Z", "5.1.1", "9" * 400, "-1", "1e999"])
)  # fmt: skip


def hostile(shape: Any) -> st.SearchStrategy[Any]:
    """Variants of *shape*: any part of it is missing, repeated, or of another type."""
    anything = st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )  # fmt: skip
    if isinstance(shape, dict):
        whole = st.fixed_dictionaries({}, optional={key: hostile(value) for key, value in shape.items()})
    elif isinstance(shape, list) and shape:
        whole = st.lists(hostile(shape[0]), max_size=3)
    else:
        whole = st.just(shape)
    return st.one_of(st.just(shape), whole, whole, anything)


def torn(raw: bytes) -> st.SearchStrategy[bytes]:
    """*raw* cut off, or with bytes changed; or any bytes at all."""
    cut = st.integers(0, len(raw)).map(lambda size: raw[:size])
    changed = st.tuples(st.integers(0, len(raw) - 1), st.binary(min_size=1, max_size=3)).map(
        lambda told: raw[: told[0]] + told[1] + raw[told[0] + 1 :]
    )
    return cut | changed | st.binary(max_size=200)
