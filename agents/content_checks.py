"""Contents that come through the door: compiled, checked against what their people have, and remembered a while."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from agents.admission import LONGEST_ERROR, MOST_CONTENT_BYTES, subjects_of
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.list_columns import columns_of
from app.commands import Command
from app.content.check import check
from app.content.problems import ContentProblem
from app.content.published import published
from app.content.subject import with_subject
from app.delivery.campaigns.things import Refusal
from app.specs import Content, channels_of

log = logging.getLogger("fanfare.door")

COLUMNS_TIMEOUT = 3.0  # seconds for asking ClickHouse what a template may use
COLUMNS_STAY = 2.0  # seconds: a program that files a thousand campaigns a second asks once
MOST_LISTS_KEPT, MOST_CONTENTS_KEPT, LARGEST_KEPT = 1_000, 200, 100_000  # the last in bytes

Known = frozenset[str] | None  # what the people of some lists have; None when nobody knows


class ContentChecks:
    """What was found fit lately is not looked at again."""

    def __init__(self, client: ClickHouse) -> None:
        self._client = client
        self._columns: OrderedDict[tuple[str, ...], tuple[float, Known]] = OrderedDict()
        self._seen: OrderedDict[tuple[str, str | None, Known], Content] = OrderedDict()

    async def compiled(self, command: Command) -> Command | Refusal:
        """*command* with its contents as they will be sent, or what is wrong with them."""
        spec, changed = command.spec, dict[str, object]()
        for where, subject in subjects_of(spec) if spec is not None else []:
            refusal = await self._fit(Content(subject=subject, text="-"), where, command, None)
            if isinstance(refusal, Refusal):
                return refusal
        content = command.content
        if content is not None and spec is not None:
            for channel in channels_of(spec):
                whole = await self._fit(with_subject(content, spec.subject), "content", command, channel)
                if isinstance(whole, Refusal):
                    return whole
        if content is not None:
            found = await self._fit(content, "content", command, None)
            if isinstance(found, Refusal):
                return found
            changed["content"] = found
        if command.template is not None:
            found = await self._fit(command.template.content, "template.content", command, None)
            if isinstance(found, Refusal):
                return found
            changed["template"] = command.template.model_copy(update={"content": found})
        return command.model_copy(update=changed)

    async def _fit(self, content: Content, where: str, command: Command, channel: str | None) -> Content | Refusal:
        """*content* compiled, or its mistakes. *channel* None: a part may be missing."""
        spec = command.spec
        lists = spec.lists if spec is not None and not spec.segments else []
        known = await self._known(command.account, lists)
        ready = self._seen.get((content.id, channel, known))
        if ready is not None:
            return ready
        # A template may be 500 kB: the event loop goes on meanwhile.
        found = await asyncio.to_thread(checked, content, where, known, channel)
        if isinstance(found, Refusal) and known is not None:
            fresh = await self._known(command.account, lists, fresh=True)
            if fresh != known:
                known, found = fresh, await asyncio.to_thread(checked, content, where, fresh, channel)
        if isinstance(found, Refusal):
            return found
        size = len(found.model_dump_json().encode())
        if size > MOST_CONTENT_BYTES:
            return Refusal(422, f"a content of {size:,} bytes, compiled: the most is {MOST_CONTENT_BYTES:,}", where)
        if size <= LARGEST_KEPT:
            self._seen[content.id, channel, known] = found
            if len(self._seen) > MOST_CONTENTS_KEPT:
                self._seen.popitem(last=False)
        return found

    async def _known(self, account: str, lists: list[str], fresh: bool = False) -> Known:
        if not lists:
            return None
        key, now = (account, *lists), time.monotonic()
        at, known = self._columns.get(key, (0.0, None))
        if not fresh and now - at < COLUMNS_STAY and known is not None:
            return known
        try:
            columns = await columns_of(self._client, account, lists, timeout=COLUMNS_TIMEOUT)
        except ClickHouseError as error:
            log.warning("a template is checked without the columns of its lists: %s", error)
            return None
        known = None if columns is None else frozenset(columns)
        self._columns[key] = now, known
        if len(self._columns) > MOST_LISTS_KEPT:
            self._columns.popitem(last=False)
        return known


def checked(
    content: Content,
    where: str,
    known: Known,
    channel: str | None,
    publish: Callable[[Content], Content | list[ContentProblem]] = published,
) -> Content | Refusal:
    """*content* as it will be sent, or its mistakes.

    Several libraries run here on what anybody may have written. What they raise is a mistake of the content, too: the
    process would end at the same record at every start, and with it the commands of everybody.
    """
    try:
        return _judged(content, where, known, channel, publish)
    except Exception as error:
        log.exception("a content cannot be checked")
        return Refusal(422, f"it cannot be checked ({type(error).__name__}): make it simpler", where)


def _judged(
    content: Content,
    where: str,
    known: Known,
    channel: str | None,
    publish: Callable[[Content], Content | list[ContentProblem]],
) -> Content | Refusal:
    ready = publish(content)
    problems = (
        ready if isinstance(ready, list) else check(ready, None if known is None else set(known), channel=channel)
    )
    if isinstance(ready, Content) and not problems:
        return ready
    text = "; ".join(str(problem) for problem in problems[:5])
    return Refusal(422, text[:LONGEST_ERROR], f"{where}.{problems[0].part}")
