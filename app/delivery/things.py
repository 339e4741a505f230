"""Decides on templates, segments, API keys, account settings and limits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done: as in HTTP, in words, and the field at fault."""

    status: int
    error: str
    field: str
