"""Who must not be written to, as of this moment: what ClickHouse has, and the commands that are on their way to it.

The commands are read before ClickHouse and applied on top of it, see `app/control/unstored.py`: a suppression shows
as soon as it was published, on every edge, and no answer is older than the request.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app import ids
from app.clickhouse.client import ClickHouse
from app.clickhouse.moments import milliseconds
from app.clickhouse.suppression_queries import Place, suppressed, suppression_page
from app.control.unstored import Unstored
from app.records import Undecodable
from app.suppressions import SuppressionCommand, decode_suppression

Key = tuple[bytes, str, str, str]  # recipient, scope, scope_id, channel
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which suppressions; what is empty is any."""

    scope: str = ""
    scope_id: str = ""
    reason: str = ""
    channel: str = ""

    def takes(self, entry: Entry) -> bool:
        """Whether *entry* is one of them."""
        wanted = {"scope": self.scope, "scope_id": self.scope_id, "reason": self.reason, "channel": self.channel}
        return all(entry[name] == value for name, value in wanted.items() if value)


@dataclass(frozen=True, slots=True)
class SuppressedPeople:
    """Suppressions as one account sees them. Reading raises UnreachableError and ClickHouseError."""

    unstored: Unstored
    client: ClickHouse
    account: str
    partitions: int

    async def of(self, recipients: Sequence[bytes], now: float) -> dict[bytes, list[Entry]]:
        """Who of *recipients* the account must not write to, with the scopes: its own, and what is for everybody."""
        wanted = set(recipients)
        news = await self._news({ids.partition_of(each, self.partitions) for each in wanted}, now)
        stored = await suppressed(self.client, self.account, recipients)
        found = {(who, e["scope"], e["scope_id"], e["channel"]): e for who, entries in stored.items() for e in entries}
        found |= {key: entry for key, entry in news.items() if key[0] in wanted}
        held: dict[bytes, list[Entry]] = {}
        for (recipient, *_), entry in found.items():
            if _holds(entry, now):
                held.setdefault(recipient, []).append(entry)
        return held

    async def page(
        self, wanted: Filter, before: Place | None, limit: int, now: float
    ) -> tuple[list[Entry], Place | None]:
        """The account's own suppressions behind *before*, the latest first; and where to go on, None at the end."""
        news = {key: each for key, each in (await self._news(range(self.partitions), now)).items() if _own(key)}
        rows, last = await suppression_page(
            self.client, self.account, scope=wanted.scope, scope_id=wanted.scope_id, reason=wanted.reason,
            channel=wanted.channel, before=before, limit=limit,
        )  # fmt: skip
        found = [row for row in rows if _key(row) not in news]
        found += [
            {**entry, "recipient": recipient.hex(), "address": ""}
            for (recipient, *_), entry in news.items()
            if _holds(entry, now) and wanted.takes(entry)
        ]
        found = [each for each in found if before is None or _place(each) < before]
        if last is not None:  # what lies further back comes with a later page
            found = [each for each in found if _place(each) >= last]
        found.sort(key=_place, reverse=True)
        if len(found) > limit or (last is not None and len(found) == limit):
            last = _place(found[limit - 1])
        return found[:limit], last

    async def _news(self, partitions: Iterable[int], now: float) -> dict[Key, Entry]:
        """What commands on the way make of suppressions that this account sees; a removed one does not hold."""
        news: dict[Key, Entry] = {}
        for partition, raw in await self.unstored.read(partitions):
            command = decode_suppression(raw)
            if isinstance(command, Undecodable) or not self._sees(command):
                continue
            for recipient in command.people:
                # What lies elsewhere is handed on to the owner, and counts there.
                if ids.partition_of(recipient, self.partitions) == partition:
                    news[recipient, command.scope, command.scope_id, command.channel] = _entry(command, now)
        return news

    def _sees(self, command: SuppressionCommand) -> bool:
        return command.owner == self.account or (not command.owner and command.scope == "global")


def _entry(command: SuppressionCommand, now: float) -> Entry:
    return {
        "scope": command.scope,
        "scope_id": command.scope_id,
        "channel": command.channel,
        "reason": command.reason,
        "source": command.source,
        "since": command.at or now,
        "until": command.until,
        "removed": command.op == "remove",
    }


def _holds(entry: Entry, now: float) -> bool:
    return not entry.get("removed") and not 0 < entry["until"] <= now


def _own(key: Key) -> bool:
    return key[1] != "global"


def _key(row: Entry) -> Key:
    return bytes.fromhex(row["recipient"]), row["scope"], row["scope_id"], row["channel"]


def _place(entry: Entry) -> Place:
    return milliseconds(entry["since"]), entry["recipient"], entry["scope"], entry["scope_id"], entry["channel"]
