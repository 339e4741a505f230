"""The pacing table: what was answered to commands, for the day in which a repeat gets the same answer.

| section | key | value | written by | shrinks |
|---|---|---|---|---|
| answers | a account, command id | fingerprint, time, Answer | command | after 24 h |
| answered | tw time, account, command id | | command | with the answer |
"""

from itertools import islice, takewhile

import msgspec

from app.commands import Answer
from tables.pacing_things import Items
from tables.recipients import Store

ANSWER, ANSWERED = b"a", b"tw"

_ENCODE = msgspec.msgpack.Encoder().encode


class StoredAnswer(msgspec.Struct, array_like=True):
    """An answer as it was given: a repeat of the same command gets it again."""

    body: bytes  # fingerprint of the command
    at: float
    answer: bytes  # Answer, JSON


_ANSWER = msgspec.msgpack.Decoder(StoredAnswer)


def stored_answer(store: Store, group: int, account: str, command: str) -> StoredAnswer | None:
    """What was answered under this id before."""
    (raw,) = store.get_many(group, [_answer_key(account, command)])
    return None if raw is None else _ANSWER.decode(raw)


def answer_items(body: bytes, at: float, answer: Answer) -> Items:
    """Store an answer."""
    key = _answer_key(answer.account, answer.id)
    value = _ENCODE(StoredAnswer(body, at, answer.model_dump_json().encode()))
    return [(key, value), (ANSWERED + b"%014.3f|" % at + key, b"")]


def old_answers(store: Store, group: int, before: float, limit: int) -> Items:
    """Tombstones for the oldest answers, at most *limit*, none younger than *before*."""
    end = ANSWERED + b"%014.3f|" % before
    old = takewhile(lambda item: item[0] < end, store.scan(group, ANSWERED))
    return [item for key, _ in islice(old, limit) for item in ((key, None), (key[len(end) :], None))]


def _answer_key(account: str, command: str) -> bytes:
    return ANSWER + f"{account}|{command}".encode()
