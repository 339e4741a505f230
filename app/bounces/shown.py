"""A verdict as people and programs get it: the entries of `fanfare bounce classify`."""

from app.bounces.classify import verdicts_of
from app.bounces.message import taken_apart
from app.bounces.origin import origin_of
from app.bounces.verp import attempt_in

Entry = dict[str, str | int | bool | None]


def entries_of(raw: bytes, file: str, key: bytes | None = None) -> list[Entry]:
    """What the message *raw* of *file* tells, an entry for each recipient.

    With the *key* of an installation, its own VERP addresses are told from forged ones.
    """
    parts = taken_apart(raw)
    origin = origin_of(parts)
    ours = next((found for token in origin.tokens if key and (found := attempt_in(key, token))), None)
    entries: list[Entry] = []
    for each in verdicts_of(parts):
        entry: Entry = {
            "file": file, "recipient": each.recipient, "class": each.klass, "reason": each.reason,
            "status": each.status, "code": each.code or None, "action": each.action, "told": each.told,
            "mta": each.mta, "diagnostic": each.diagnostic, "message_id": origin.message_id,
        }  # fmt: skip
        if each.original_recipient:
            entry["original_recipient"] = each.original_recipient
        if origin.envelope_id:
            entry["envelope_id"] = origin.envelope_id
        if origin.tokens:
            entry["verp"] = origin.tokens[0]
        if ours is not None:
            entry["our_message"], entry["attempt"] = ours.message_id.hex(), ours.attempt
        entries.append(entry)
    return entries
