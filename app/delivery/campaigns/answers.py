"""One id, one answer: what makes two commands the same, and which of two answers of edges stays."""

from hashlib import blake2b

from app.commands import Answer, Command

_KEPT = b"kept:"
REUSED = "this id was used for something else within the last 24 hours: make a new one"
NOTHING = "nothing was answered under this id within the last 24 hours"


def fingerprint(command: Command) -> bytes:
    """The same for commands that ask for the same.

    A key that is asked for again comes with another secret: what makes two of them the same is what they may do.
    """
    drawn = {"key": {"id", "hash", "created_at"}} if command.kind == "key.create" else None
    return blake2b(command.model_dump_json(exclude=drawn).encode(), digest_size=16).digest()


def kept_fingerprint(command: Command) -> bytes:
    """Of an answer that an edge files: by the request it was given to."""
    return _KEPT + (command.kept.hash if command.kept is not None else "").encode()


def is_kept(body: bytes) -> bool:
    """Whether an edge has filed what is stored with this fingerprint."""
    return body.startswith(_KEPT)


def reused(command: Command) -> Answer:
    """The answer to an id that was used for something else."""
    return _answer(command, 422, error=REUSED, field="id")


def filed(command: Command, body: bytes | None, stored: Answer | None) -> Answer:
    """The answer to answer.find and answer.keep; *body* and *stored* are what lies under the id, None for nothing.

    An answer of status 201 is to be stored.
    """
    if command.kind == "answer.keep" and command.kept is None:
        return _answer(command, 422, error="answer.keep needs kept", field="kept")
    if body is None or stored is None:
        if command.kept is None or command.kind == "answer.find":
            return _answer(command, 404, error=NOTHING, field="id")
        return _answer(command, 201).model_copy(update={"thing": command.kept.model_dump(mode="json")})
    if not is_kept(body) or (command.kind == "answer.keep" and body != kept_fingerprint(command)):
        return reused(command)
    return _answer(command, 200).model_copy(update={"thing": stored.thing})


def _answer(command: Command, status: int, error: str = "", field: str = "") -> Answer:
    return Answer(id=command.id, account=command.account, status=status, error=error, field=field)
