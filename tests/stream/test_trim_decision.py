"""How far a topic may be trimmed."""

import pytest

from app.stream.trim import trim_offset


@pytest.mark.parametrize(
    ("committed", "first", "kept", "below"),
    [
        ([50, 70], 0, 100, 50),  # the slowest reader decides
        ([50, 70], 0, 40, 40),  # the last hour stays
        ([50, None], 0, 100, None),  # a reader that never committed has read nothing
        ([50, -1], 0, 100, None),
        ([], 0, 100, None),  # a topic without known readers is never trimmed
        ([50], 50, 100, None),  # done already
    ],
)
def test_only_what_every_reader_has_done_and_nobody_may_still_want_is_deleted(
    committed: list[int | None], first: int, kept: int, below: int | None
) -> None:
    """
    One record too many is somebody's mail.
    """
    assert trim_offset(committed, first, kept) == below
