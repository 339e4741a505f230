"""The client library: commands over Kafka and live counts, for the CLI, the edge and programs."""

from app.control.client import Control, Done, new_command_id
from app.control.describe import Speed, describe
from app.control.errors import ControlError, NoAnswerError, UnreachableError
from app.control.live import LiveCounts, Picture
from app.delivery.campaigns.lifecycle import ENDED

__all__ = [
    "ENDED",
    "Control",
    "ControlError",
    "Done",
    "LiveCounts",
    "NoAnswerError",
    "Picture",
    "Speed",
    "UnreachableError",
    "describe",
    "new_command_id",
]
