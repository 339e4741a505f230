"""A WhatsApp message as it is handed to an adapter."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class WhatsAppTemplate:
    """A template that Meta has approved, and what fills its places, rendered."""

    name: str
    language: str  # as it was approved: en_US
    parameters: tuple[str, ...] = ()  # {{1}}, {{2}} ... of the body
    category: Literal["marketing", "utility", "authentication"] = "marketing"
    header: str = ""  # {{1}} of a text header
    media: str = ""  # URL of the image, video or document of the header
    media_kind: Literal["image", "video", "document"] = "image"
    buttons: tuple[str, ...] = ()  # fills the URL of each button, in order; "": it has no place
