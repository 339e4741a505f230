"""An email sender worker whose messages are ready-made: everything but rendering is the product's own."""

from typing import Any

from agents.compose import Composer
from agents.planes import build_senders
from app.settings import settings
from app.stream.run import run_worker

FILLER = b"lorem ipsum dolor sit amet consectetur\r\n" * 145  # 5.8 KB


class ReadyMade:
    """A template that renders to the same text with another id."""

    def render(self, _variables: Any, message: bytes, *_: Any) -> bytes:
        """A whole message."""
        return b"From: a@acme.example\r\nX-Fanfare-Message: " + message.hex().encode() + b"\r\n\r\n" + FILLER


class OneForAll:
    """Letters that are all made with it."""

    def template_for(self, _variant: int, _variables: Any) -> ReadyMade:
        """The template of every row."""
        return ReadyMade()


async def ready_made(_composer: Composer, _campaign: object, _variants: object, _channel: str) -> OneForAll:
    """In place of compiling content."""
    return OneForAll()


if __name__ == "__main__":
    Composer.letters_of = ready_made  # type: ignore[assignment,method-assign]
    run_worker(build_senders(settings()))
