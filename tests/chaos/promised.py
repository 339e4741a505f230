"""The verdict on single messages: each that was promised is in the sink once under its id, or it is told why not."""

import time
from collections import Counter

from tests.chaos.clients import Promises
from tests.chaos.stage import Stage, StuckError
from tests.chaos.verdict import Run

ENDS = ("SENT", "DELIVERED", "BOUNCED", "BLOCKED", "DROPPED", "UNKNOWN")
BOOK_SECONDS = 90.0
TOLD_SQL = """
SELECT lower(hex(message_id)), status, class FROM messages WHERE lower(hex(message_id)) IN {messages:Array(String)}
"""


def judged(stage: Stage, name: str, promises: Promises, run: Run) -> Run:
    """Compare what was promised with the sink's record and with what is told of each message."""
    promised = promises.messages
    told = _told(stage, sorted(promised.values()))
    sunk = [each for each in stage.sunk() if f"@{name}." in each.address]
    times = Counter(each.message for each in sunk)
    to = Counter(each.address for each in sunk)
    unknown = {message for message, (status, _) in told.items() if status == "UNKNOWN"}
    explained = set(stage.refused()) | {
        m for m, (status, why) in told.items() if status in ("DROPPED", "BLOCKED") and why
    }
    run.audience, run.mistakes = len(promised), run.mistakes + promises.mistakes
    run.lost = len(set(promised.values()) - set(times) - unknown - explained)
    run.duplicated = sum(n - 1 for n in to.values())
    run.unknown, run.unknown_never_sent = len(unknown), len(unknown - set(times))
    if stray := [each for each in sunk if promised.get(each.address, each.message) != each.message]:
        run.mistakes.append(f"{len(stray)} got another message than the one that was promised: {stray[:2]}")
    if foreign := set(to) - set(promised) - promises.unsure:
        run.mistakes.append(f"{len(foreign)} got mail that was never promised: {sorted(foreign)[:3]}")
    if odd := {status for status, _ in told.values()} - set(ENDS):
        run.mistakes.append(f"some are told as {odd}")
    if early := {m for m, (status, _) in told.items() if status in ("SENT", "DELIVERED")} - set(times):
        run.mistakes.append(f"{len(early)} told as sent that the sink never had")
    if denied := {m for m, (status, _) in told.items() if status not in ("SENT", "DELIVERED", "UNKNOWN")} & set(times):
        run.mistakes.append(f"{len(denied)} in the sink that are told as something else")
    return run


def _told(stage: Stage, messages: list[str]) -> dict[str, tuple[str, str]]:
    """Message -> (status, class) in ClickHouse, once each has come to an end there."""
    deadline = time.monotonic() + BOOK_SECONDS
    while True:
        found: dict[str, tuple[str, str]] = {}
        for start in range(0, len(messages), 500):
            rows = stage.rows(TOLD_SQL, messages=messages[start : start + 500])
            found |= {message: (status, why) for message, status, why in rows}
        if sum(status in ENDS for status, _ in found.values()) == len(messages):
            return found
        if time.monotonic() > deadline:
            missing = [m for m in messages if m not in found or found[m][0] not in ENDS]
            raise StuckError(f"{len(missing)} of {len(messages)} are told as nothing final: {missing[:3]}")
        time.sleep(0.3)
