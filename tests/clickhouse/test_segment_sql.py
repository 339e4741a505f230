"""Segments: the SQL of a filter finds the same people as the filter read aloud, whatever words are in it."""

import asyncio
import math
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.clickhouse.client import ClickHouse
from app.clickhouse.lists import Consent, add_members, remove_members
from app.clickhouse.migrate import apply
from app.clickhouse.people import Stored, store_contacts
from app.clickhouse.segment_sql import Parameters, condition, days_ago
from app.clickhouse.segments import count, sample
from app.local.clickhouse import ClickHouseServer
from app.settings import Settings
from app.things import All, AnyOf, ByAttribute, ByEngagement, ByList, Filter, Not, SegmentDraft, moment_of

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
NASTY = [
    "' OR 1=1 --",
    "'); DROP TABLE contacts; --",
    "\\",
    "a\\'b",
    "{p0:String}",
    "%",
    "_",
    "\t\n\r",
    "é",
    "日本",
    "`",
]
NAMES = ["city", "age", "vip", "born", "a.b", "it's", "x' OR '1'='1", "{account:String}", "tab\there", "back\\slash"]
TEXTS = ["Lisbon", "lisbon", "", "Porto", "true", "5", "5.0", "1e3", "nan", "inf", "-1", " 5", *NASTY]
DATES = ["2026-03-10", "2026-03-09T23:30:00-02:00", "2026-02-30", "2026-03-03", "2025-12-31 08:00", "1999-01-01",
         "9999-12-31",          "2026-03-11T00:00:00Z", "2026-13-01", "2026-03-03T00:00:00.250Z"]  # fmt: skip
NUMBERS = [0, 5, -1, 5.5, 1000, 1e22, 0.1, 12345678901234567]
SCALARS = [*TEXTS, *DATES, *NUMBERS, True, False]
LISTS = ["news", "vip's", "' OR 1=1 --"]
KINDS = ["sent", "delivered", "opened", "clicked", "bounced", "unsubscribed"]
CAMPAIGNS = ["c1", "c'2"]
PEOPLE = 250


class Person:
    """Somebody, drawn from *dice*."""

    def __init__(self, number: int, dice: random.Random) -> None:
        self.id = number.to_bytes(16, "big")
        self.address = f"Person{number}@{dice.choice(['example.com', 'Example.org'])}"
        names = dice.sample(NAMES, dice.randrange(len(NAMES)))
        self.attributes: dict[str, Any] = {name: dice.choice([*SCALARS, None, [1, "x"], {"a": 1}]) for name in names}
        # list -> (days since added, days since removed or None, days since consent or None)
        self.lists = {
            name: (40, dice.choice([None, None, 50, 5]), dice.choice([None, 1, 20, 45]))
            for name in dice.sample(LISTS, dice.randrange(4))
        }
        # (kind, campaign, days ago, message, event); every third opening or click was a machine's
        self.events = [
            (dice.choice(KINDS), dice.choice(CAMPAIGNS), dice.choice([0.5, 10, 45, 80]), dice.randrange(2), event)
            for event in range(dice.randrange(5))
        ]


DICE = random.Random(4)
EVERYBODY = [Person(number, DICE) for number in range(PEOPLE)]


# -- the filter read aloud


def passes(person: Person, tree: Filter) -> bool:
    """Whether *person* passes *tree*."""
    match tree:
        case All(all=parts):
            return all(passes(person, each) for each in parts)
        case AnyOf(any=parts):
            return any(passes(person, each) for each in parts)
        case Not(not_=part):
            return not passes(person, part)
        case ByList(list=name, consent_within_days=days):
            return _on_list(person, name, days)
        case ByEngagement():
            return _engaged(person, tree)
        case ByAttribute():
            return _attribute(person, tree)


def _on_list(person: Person, name: str, days: int | None) -> bool:
    added, removed, consent = person.lists.get(name, (None, None, None))
    if added is None or (removed is not None and removed <= added):
        return False
    return days is None or (consent is not None and consent <= days and (removed is None or consent < removed))


def _engaged(person: Person, tree: ByEngagement) -> bool:
    kinds = {"sent": ("sent", "delivered")}.get(tree.engaged, (tree.engaged,))
    by_message = tree.engaged not in ("opened", "clicked")
    found = {
        (campaign, message) if by_message else event
        for kind, campaign, days, message, event in person.events
        if kind in kinds and days <= tree.within_days and tree.campaign in ("", campaign) and (by_message or event % 3)
    }
    return len(found) >= tree.times


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _number(text: str) -> float | None:
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|inf", text, re.ASCII):
        return float(text)
    return None


def _moment(text: str) -> float | None:
    try:
        return moment_of(text).timestamp()
    except ValueError:
        return None


ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "after": lambda a, b: a > b, "before": lambda a, b: a < b,
}  # fmt: skip


def _attribute(person: Person, tree: ByAttribute) -> bool:
    value = tree.value
    if tree.attribute == "email":
        there, text = True, person.address.lower()
        lowered = [each.lower() if isinstance(each, str) and not _moment(each) else each for each in _values(value)]
        value = lowered if isinstance(value, list) else lowered[0]
    else:
        known = person.attributes.get(tree.attribute)
        there, text = known is not None, _text(known) if known is not None else ""
    if tree.op in ("missing", "ne"):
        return not (there and (tree.op == "missing" or _same(text, value)))
    return there and OPERATORS[tree.op](text, value)


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _in_order(op: str, text: str, value: Any) -> bool:
    if isinstance(value, str):
        wanted = _number(value)
        if wanted is None or not math.isfinite(wanted):
            return ORDER[op](text.encode(), value.encode())
        value = wanted
    number = _number(text)
    return number is not None and ORDER[op](number, float(value))


def _dated(op: str, text: str, value: Any) -> bool:
    moment = _moment(text)
    if moment is None:
        return False
    if op == "within_days":
        return days_ago(NOW, float(value)) <= moment <= NOW
    return ORDER[op](moment, moment_of(value).timestamp())


OPERATORS: dict[str, Callable[[str, Any], bool]] = {
    "exists": lambda _text, _value: True,
    "eq": lambda text, value: _same(text, value),
    "in": lambda text, value: any(_same(text, each) for each in _values(value)),
    "contains": lambda text, value: value in text,
    "starts": lambda text, value: text.startswith(value),
    "ends": lambda text, value: text.endswith(value),
} | {op: partial(_dated, op) for op in ("before", "after", "within_days")} | {
    op: partial(_in_order, op) for op in ("gt", "ge", "lt", "le")
}  # fmt: skip


def _same(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, str):
        return text == value
    number = _number(text)
    return number is not None and not math.isnan(number) and number == float(value)


# -- trees

names = st.sampled_from([*NAMES, "email", "nobody has it"])
texts = st.sampled_from(TEXTS + DATES) | st.text(max_size=5).filter(lambda text: "\0" not in text)
numbers = st.sampled_from(NUMBERS) | st.floats(-1e9, 1e9) | st.integers(-10, 10)
scalars = texts | numbers | st.booleans()
dates = st.sampled_from([each for each in DATES if _moment(each) is not None])
attributes = st.one_of(
    st.builds(ByAttribute, attribute=names, op=st.sampled_from(["eq", "ne"]), value=scalars),
    st.builds(ByAttribute, attribute=names, op=st.just("in"), value=st.lists(scalars, min_size=1, max_size=4)),
    st.builds(ByAttribute, attribute=names, op=st.sampled_from(["gt", "ge", "lt", "le"]), value=texts | numbers),
    st.builds(
        ByAttribute, attribute=names, op=st.sampled_from(["contains", "starts", "ends"]), value=texts.filter(bool)
    ),
    st.builds(ByAttribute, attribute=names, op=st.sampled_from(["exists", "missing"])),
    st.builds(ByAttribute, attribute=names, op=st.sampled_from(["before", "after"]), value=dates),
    st.builds(ByAttribute, attribute=names, op=st.just("within_days"), value=st.sampled_from([0, 1, 7, 0.5, 400])),
)
lists = st.builds(ByList, list=st.sampled_from([*LISTS, "none"]), consent_within_days=st.none() | st.integers(1, 50))
engagement = st.builds(
    ByEngagement, engaged=st.sampled_from(KINDS), within_days=st.sampled_from([1, 30, 90]), times=st.integers(1, 3),
    campaign=st.sampled_from(["", *CAMPAIGNS, "' OR 1=1 --"]),
)  # fmt: skip
leaves: st.SearchStrategy[Any] = attributes | attributes | lists | engagement
trees: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: All(all=parts)),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: AnyOf(any=parts)),
        inner.map(lambda part: Not.model_validate({"not": part})),
    ),
    max_leaves=6,
)


# -- the same people in ClickHouse


class Table:
    """EVERYBODY in a database, and people of another account who must never be found."""

    def __init__(self, runner: asyncio.Runner, client: ClickHouse) -> None:
        self.runner, self.client = runner, client

    def found(self, tree: Filter) -> set[int]:
        """The numbers of the people whom the SQL of *tree* finds."""
        params = Parameters({"account": "default"})
        where = condition(tree, params, NOW)
        sql = f"SELECT hex(recipient_id) FROM contacts FINAL WHERE account = {{account:String}} AND {where}"
        return {int(who, 16) for (who,) in self.runner.run(self.client.rows(sql, params.values))}

    def count(self, tree: Filter) -> int:
        """How many they are."""
        return self.runner.run(count(self.client, "default", tree, NOW))


async def fill(client: ClickHouse) -> None:
    """Write EVERYBODY, and the same ids with everything in another account."""
    stored = [Stored(who.id, who.address.encode(), b"other", orjson.dumps(who.attributes)) for who in EVERYBODY]
    await store_contacts(client, "default", [Stored(who.recipient_id, b"old@x", b"other", b"{}") for who in stored])
    await store_contacts(client, "default", stored)
    await store_contacts(
        client, "foreign", [Stored((10**9).to_bytes(16, "big"), b"f@x", b"other", stored[0].attributes)]
    )
    for name in LISTS:
        for who in EVERYBODY:
            if name in who.lists:
                await client.execute(
                    "INSERT INTO members (account, list, recipient_id, added_at, removed_at, consent) "
                    "SELECT 'default', {list:String}, unhex({id:String}), "
                    "fromUnixTimestamp64Milli({added:Int64}), fromUnixTimestamp64Milli({removed:Int64}), "
                    "(fromUnixTimestamp64Milli({consent:Int64}), 'form')",
                    {"list": name, "id": who.id.hex()}
                    | dict(zip(("added", "removed", "consent"), map(_since, who.lists[name]), strict=True)),
                )
    rows = [
        f"('{account}', '{campaign.replace(chr(39), chr(92) + chr(39))}', {NOW - days * 86_400}, "
        f"toFixedString('{number}-{CAMPAIGNS.index(campaign)}-{message}', 16), "
        f"unhex('{who.id.hex()}'), '{kind}', 1, '{event}', '{said}')"
        for account, everybody in (("default", EVERYBODY), ("foreign", EVERYBODY[:50]))
        for number, who in enumerate(everybody)
        for kind, campaign, days, message, event in (
            who.events if account == "default" else [("opened", "c1", 1, 0, 1)]
        )
        for said in ("", "automated_prefetch")[: 1 if event % 3 else 2]  # recorded again, once that was known
    ]
    await client.execute(
        "INSERT INTO events (account, campaign, time, message_id, recipient_id, kind, attempt, detail, class) "
        "VALUES " + ", ".join(rows)
    )


def _since(days: int | None) -> int:
    return 0 if days is None else round((NOW - days * 86_400) * 1000)


@pytest.fixture(scope="module")
def table(clickhouse_server: ClickHouseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    """All of them, once for the whole file."""
    made = Settings(
        state_dir=tmp_path_factory.mktemp("segments"),
        clickhouse=clickhouse_server.url,
        clickhouse_database=f"t_{uuid4().hex[:12]}",
    )
    with asyncio.Runner() as runner:
        runner.run(apply(made))
        client = ClickHouse(made)
        # Fixed times, some of them long ago: nothing may expire.
        runner.run(client.execute("ALTER TABLE events REMOVE TTL"))
        runner.run(fill(client))
        yield Table(runner, client)
        runner.run(client.close())


@settings(max_examples=300, deadline=None)
@given(tree=trees)
@example(tree=ByEngagement(engaged="sent", within_days=90))  # person 0, whose id is that of no phone, was sent mail
def test_the_sql_of_a_filter_finds_whom_the_filter_means(table: Table, tree: Filter) -> None:
    """
    Whoever is in a segment gets its mail: one wrong comparison writes to people who were not meant.
    """
    assert table.found(tree) == {int.from_bytes(who.id, "big") for who in EVERYBODY if passes(who, tree)}


def leaves_with(word: str) -> list[Filter]:
    """A leaf for every place in which a user's word may stand."""
    return [
        ByAttribute(attribute=word, op="exists"),
        ByAttribute(attribute="city", op="eq", value=word),
        ByAttribute(attribute="city", op="in", value=[word, "x"]),
        ByAttribute(attribute=word, op="contains", value=word),
        ByAttribute(attribute="city", op="gt", value=word),
        ByEngagement(engaged="opened", campaign=word),
        ByList(list="".join(letter for letter in word if letter.isprintable()) or "x"),
    ]


@pytest.mark.parametrize("word", NASTY)
def test_no_word_of_a_user_becomes_sql(table: Table, word: str) -> None:
    """
    A name, a value or a list of a filter is compared and nothing else: tables stay, other accounts stay unseen.
    """
    for tree, harmless in zip(leaves_with(word), leaves_with("word"), strict=True):
        assert condition(tree, Parameters(), NOW) == condition(harmless, Parameters(), NOW)
        assert table.count(tree) == sum(passes(who, tree) for who in EVERYBODY)
    assert table.count(ByAttribute(attribute="email", op="exists")) == PEOPLE


@pytest.mark.parametrize(("value", "of_5"), [("5", True), ("40", False), ("05.0", True), ("-1", True), ("+1e0", True)])
def test_a_number_as_text_compares_as_a_number(table: Table, value: str, of_5: bool) -> None:
    """
    Forms send numbers as text: by its bytes, 5 would be more than 40.
    """
    found = table.found(ByAttribute(attribute="age", op="ge", value=value))
    fives = {int.from_bytes(who.id, "big") for who in EVERYBODY if who.attributes.get("age") == 5}
    assert fives
    assert (fives <= found, fives.isdisjoint(found)) == (of_5, not of_5)


async def test_a_sample_is_some_of_those_who_pass_and_the_same_again(table: Table) -> None:
    """
    Whoever looks at a sample twice must not think that the segment has changed.
    """
    tree = ByAttribute(attribute="city", op="exists")
    async with ClickHouse(Settings(clickhouse=table.client.url, clickhouse_database=table.client.database)) as client:
        once = await sample(client, "default", tree, 5, NOW)
        assert [each.id for each in once] == [each.id for each in await sample(client, "default", tree, 5, NOW)]
    assert len(once) == 5 and all("city" in each.attributes for each in once)


async def test_members_come_and_go_and_come_back(settings: Settings, client: ClickHouse) -> None:
    """
    Whoever was taken off a list is not on it, whatever order the rows come in; a consent from before does not count.
    """
    del settings
    await store_contacts(client, "default", [Stored(b"x" * 16, b"a@example.com", b"other", b"{}")])
    on, agreed = ByList(list="l"), ByList(list="l", consent_within_days=3)
    now = datetime.now(UTC).timestamp()

    async def seen() -> tuple[int, int]:
        await asyncio.sleep(0.002)  # times are milliseconds
        return await count(client, "default", on, now + 60), await count(client, "default", agreed, now + 60)

    await add_members(client, "default", "l", [b"x" * 16], [Consent(now - 60, "form")])
    assert await seen() == (1, 1)
    await remove_members(client, "default", "l", [b"x" * 16])
    assert await seen() == (0, 0)
    await add_members(client, "default", "l", [b"x" * 16])
    assert await seen() == (1, 0)
    await client.execute("OPTIMIZE TABLE members FINAL")
    assert await seen() == (1, 0)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        ({"attribute": "a", "op": "in", "value": "x"}, "in takes 1 to 1000 values"),
        ({"attribute": "a", "op": "in", "value": []}, "in takes 1 to 1000 values"),
        ({"attribute": "a", "op": "exists", "value": 1}, "exists takes no value"),
        ({"attribute": "a", "op": "eq"}, "eq takes one value"),
        ({"attribute": "a", "op": "gt", "value": True}, "gt takes a number or text"),
        ({"attribute": "a", "op": "contains", "value": ""}, "contains takes a text"),
        ({"attribute": "a", "op": "before", "value": "tomorrow"}, "before takes a date"),
        ({"attribute": "a", "op": "before", "value": "2026-02-30"}, "before takes a date"),
        ({"attribute": "a", "op": "within_days", "value": -1}, "within_days takes days"),
        ({"attribute": "a", "op": "within_days", "value": True}, "within_days takes days"),
        ({"attribute": "a", "op": "lt", "value": 10**400}, "numbers up to 1e300"),
        ({"attribute": "a", "op": "eq", "value": "a\0b"}, "without NUL"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would(leaf: dict[str, Any], words: str) -> None:
    """
    A filter is checked when it is written, not when a campaign of it is due at night.
    """
    with pytest.raises(ValidationError, match=words):
        SegmentDraft.model_validate({"name": "s", "filter": leaf})
