"""What a dead letter begins with, so that somebody can read it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.dead_letter_log import PREVIEW, preview


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b'{"id": "x",\n "kind": "y"}', '{"id": "x", "kind": "y"}'),
        (msgspec.msgpack.encode([1, b"\xab" * 4, "acme", [2, [3, [4]]]]), "[1, abababab, 'acme', [2, [3, [...]]]]"),
        (b"\xc1\x00\xffabc", r"\xc1\x00\xffabc"),
        ("Grüße".encode(), "Grüße"),
        (b"", ""),
    ],
)
def test_a_record_is_shown_so_that_it_can_be_read(value: bytes, shown: str) -> None:
    """As raw bytes it says nothing, and may turn the terminal over."""
    assert preview(value) == shown


@given(st.binary(max_size=300))
def test_any_bytes_have_a_short_printable_preview(value: bytes) -> None:
    """Anybody can put anything into a topic."""
    shown = preview(value)
    assert len(shown) <= PREVIEW and shown.isprintable()
