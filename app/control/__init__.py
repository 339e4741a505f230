"""The client library: commands over Kafka and live counts, for the CLI, the edge and programs."""

from app.control.client import Control, Done, new_command_id
from app.control.errors import ControlError, NoAnswer, Unreachable
from app.control.live import LiveCounts, Picture

__all__ = ["Control", "ControlError", "Done", "LiveCounts", "NoAnswer", "Picture", "Unreachable", "new_command_id"]
