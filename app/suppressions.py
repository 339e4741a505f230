"""suppression.commanded: who must not be written to any more, or may be again. JSON, for people and programs."""

import msgspec

from app import ids
from app.records import Undecodable
from app.topics import CHANNELS

MOST_RECIPIENTS = 500  # of one record
LONGEST_TEXT = 200  # characters of a scope's name, a reason and a source
SCOPES = ("global", "account", "list", "campaign")


class SuppressionCommand(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One scope for one recipient, or for up to 500 *recipients* of one partition; ids in hex."""

    op: str  # add or remove
    scope: str
    scope_id: str = ""
    recipient_id: str = ""
    recipients: list[str] = []
    reason: str = ""
    source: str = ""
    at: float = 0.0  # 0: when it is read
    until: float = 0.0  # 0: for good
    account: str = ""  # whose list or campaign *scope_id* is; "" only from operators: then of any account
    channel: str = ""  # on which nobody writes to them; "": on all that reach this address or number
    told: bool = False  # nothing is asked for: so it stands by now, for ClickHouse

    @property
    def owner(self) -> str:
        """The account it belongs to, "" for none: only its own people see it."""
        return self.account or (self.scope_id if self.scope == "account" else "")

    @property
    def people(self) -> list[bytes]:
        """The recipient ids, each once."""
        named = self.recipients or [self.recipient_id]
        return list(dict.fromkeys(bytes.fromhex(each) for each in named))

    def apart(self, partitions: int) -> dict[int, list["SuppressionCommand"]]:
        """The same by the partition that owns each recipient, cut to what one record holds."""
        owned: dict[int, list[str]] = {}
        for each in self.people:
            owned.setdefault(ids.partition_of(each, partitions), []).append(each.hex())
        return {
            owner: [
                msgspec.structs.replace(self, recipient_id="", recipients=people[start : start + MOST_RECIPIENTS])
                for start in range(0, len(people), MOST_RECIPIENTS)
            ]
            for owner, people in owned.items()
        }

    def encoded(self) -> bytes:
        """The record."""
        return msgspec.json.encode(self)


def decode_suppression(raw: bytes) -> SuppressionCommand | Undecodable:
    """The command in *raw*, or why there is none."""
    try:
        command = msgspec.json.decode(raw, type=SuppressionCommand)
        people = command.people
    except (msgspec.DecodeError, ValueError) as error:
        return Undecodable(raw, f"not a suppression command: {error}")
    wrong = _mistakes_in(command, people)
    return Undecodable(raw, wrong) if wrong else command


def _mistakes_in(command: SuppressionCommand, people: list[bytes]) -> str:
    if command.op not in ("add", "remove") or command.scope not in SCOPES:
        return f"unknown op or scope: {command.op[:20]} {command.scope[:20]}"
    if command.recipient_id and command.recipients:
        return "either recipient_id or recipients"
    if command.channel and command.channel not in CHANNELS:
        return f"unknown channel {command.channel[:20]!r}: there are {', '.join(CHANNELS)}"
    if len(people) > MOST_RECIPIENTS:
        return f"{len(people)} recipients: the most is {MOST_RECIPIENTS} a record"
    if any(len(each) != ids.ID_BYTES for each in people):
        return "a recipient is not 16 bytes of hex"
    if max(map(len, (command.scope_id, command.reason, command.source, command.account))) > LONGEST_TEXT:
        return f"scope_id, reason, source and account have at most {LONGEST_TEXT} characters"
    return ""
