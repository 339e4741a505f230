"""What holds a campaign back, for its status and its page."""

from types import SimpleNamespace
from typing import Any

from app.commands import CampaignEntry
from app.control.held import held_of
from app.routes import HeldStatus, LimitSet
from app.specs import CampaignSpec


def test_the_groups_that_wait_are_told_with_what_holds_them_in_words() -> None:
    """Most messages first; what could leave and is held by nothing is no news."""
    spec = CampaignSpec(from_email="news@acme.example", lists=["all"])
    entry = CampaignEntry(id="c_1", account="acme", state="RUNNING", spec=spec, created_at=1.0)
    held = {
        "gmail": (40, "group|gmail"),
        "yahoo": (900, "day|pool|main|yahoo"),
        "gmx": (5, ""),
        "aol": (0, "group|aol"),
    }
    tail: Any = SimpleNamespace(
        held={"c_1": HeldStatus(campaign="c_1", at=1.0, held=held)},
        limits={"x": LimitSet(scope="group", name="*", rate=80)},
    )
    assert [(each["group"], each["due"], each["text"]) for each in held_of(tail, entry)] == [
        ("yahoo", 900, "daily cap of pool main towards yahoo"), ("gmail", 40, "limit of mailbox provider gmail (80/s)"),
    ]  # fmt: skip
    assert held_of(tail, entry.model_copy(update={"id": "c_2"})) == []
