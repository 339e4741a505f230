"""Results by MX group on a page: the large ones, and all the others in one row."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.web.feed import MOST_GROUPS, largest


@given(st.lists(st.integers(1, 1_000), max_size=80))
def test_no_message_is_missing_however_many_groups_there_are(sizes: list[int]) -> None:
    """An audience may have five hundred domains of the long tail; a picture is sent four times a second."""
    rows: list[dict[str, Any]] = [
        {"provider": f"d{number}.de", "messages": size, "sent": size // 2} for number, size in enumerate(sizes)
    ]
    shown = largest(rows)
    assert shown is not None and len(shown) == min(len(rows), MOST_GROUPS)
    for name in ("messages", "sent"):
        assert sum(each[name] for each in shown) == sum(each[name] for each in rows)
    if len(rows) > MOST_GROUPS:
        assert shown[:-1] == rows[: MOST_GROUPS - 1]
        assert shown[-1]["provider"] == f"{len(rows) - MOST_GROUPS + 1} more"
    assert largest(None) is None
