"""The body of a letter: a text part, or text and html as alternatives, around bodies that are already encoded."""

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What stands before the text, between text and html, and at the end."""

    head: bytes
    between: bytes
    end: bytes


def skeleton(seed: str, text_encoding: str, html_encoding: str | None) -> Skeleton:
    """The skeleton for a text part in one encoding and a html part, if there is one, in the other.

    Neither quoted-printable nor base64 can hold "=_": the boundary, made from *seed*, occurs in no body.
    """
    plain = f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {text_encoding}\r\n\r\n"
    if html_encoding is None:
        return Skeleton(plain.encode(), b"", b"\r\n")
    boundary = f"=_{blake2b(seed.encode(), digest_size=12).hexdigest()}"
    rich = f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {html_encoding}\r\n\r\n"
    multipart = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
    return Skeleton(
        f"{multipart}--{boundary}\r\n{plain}".encode(),
        f"\r\n--{boundary}\r\n{rich}".encode(),
        f"\r\n--{boundary}--\r\n".encode(),
    )
