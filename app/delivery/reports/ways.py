"""Which way a message went with the attempt that a report is about: its state knows the last one only.

A report that comes late is about the channel of its attempt, and about the route that it came over.
"""

from typing import NamedTuple

import msgspec

from app.delivery.partition_records import MessageState
from app.records import Told


class Way(NamedTuple):
    """Channel and route of an attempt."""

    channel: str
    route: str


def way_of(state: MessageState, told: Told, route: str, channel: str) -> Way | None:
    """The way of the attempt before the last one that *told* is about; None where it is that of the message.

    *told* came over *route*, which is one of *channel* ("": nobody knows).
    """
    earlier = 0 < told.attempt < state.attempt
    return Way(channel, route) if earlier and channel and route != state.route else None


def as_of(state: MessageState, way: Way | None) -> MessageState:
    """*state* as a report has to see it that is about an attempt on *way*."""
    return state if way is None else msgspec.structs.replace(state, channel=way.channel, route=way.route)
