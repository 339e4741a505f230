"""The ids of notices."""

from hashlib import blake2b

MOMENT = 12  # characters of an id that tell when


def notice_id(at: float, *parts: str) -> str:
    """The id of a notice: sorts by time, and is the same for the same thing at the same moment."""
    return f"{round(at * 1000):0{MOMENT}x}{blake2b('|'.join(parts).encode(), digest_size=4).hexdigest()}"


def thing_of(ident: str) -> str:
    """What an id of `notice_id` tells besides the moment: the same for the same thing."""
    return ident[MOMENT:]
