"""A call as it is handed to an adapter."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoiceText:
    """What one call says: a text that is read aloud, or a recording that is played instead."""

    text: str
    language: str = "en-US"  # BCP 47: of the voice that reads
    audio: str = ""  # URL of the recording
    stop_key: str = "9"  # whoever presses it is not called again; "": no key is offered
    stop_prompt: str = ""  # says so; "": the sentence of the language
