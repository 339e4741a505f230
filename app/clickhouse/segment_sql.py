"""From the filter of a segment to a condition on `contacts`, in SQL that takes every word of a user as a parameter.

An attribute is compared in the form in which the column `facets` holds it: a text, "true" or "false", a number as
JSON writes it. A value that is a number compares with attributes that read as a number, all others do not pass.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.things import All, AnyOf, ByAttribute, ByEngagement, ByList, Filter, Not, Scalar, moment_of

EMAIL = "email"  # the address of a contact, which is no attribute

MEMBERS = "SELECT recipient_id FROM members FINAL WHERE account = {account:String}"

# What counts as done once, and what counts one time of it: a message is sent once, and may be opened often.
ENGAGEMENT = {
    "sent": (("sent", "delivered"), "message_id"),
    "delivered": (("delivered",), "message_id"),
    "bounced": (("bounced",), "message_id"),
    "opened": (("opened",), "event_id"),
    "clicked": (("clicked",), "event_id"),
    "unsubscribed": (("unsubscribed",), "message_id"),
}
COMPARISONS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "before": "<", "after": ">"}
TEXT_FUNCTIONS = {"contains": "position({0}, {1}) > 0", "starts": "startsWith({0}, {1})", "ends": "endsWith({0}, {1})"}
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
ISO_DATE = r"^\\d{4}-\\d\\d-\\d\\d([T ]\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,6})?)?(Z|[+-]\\d\\d:\\d\\d)?)?$"


@dataclass
class Parameters:
    """The parameters of a statement, numbered: {p0:String}, {p1:Float64} ..."""

    values: dict[str, str | int | float | list[str]] = field(default_factory=dict)

    def add(self, kind: str, value: str | int | float | list[str]) -> str:
        """Take *value* as a ClickHouse *kind*; what stands for it in the statement."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"


def condition(tree: Filter, params: Parameters, now: float) -> str:
    """The condition of *tree* on rows of `contacts`. The statement needs the parameter `account` as well."""
    match tree:
        case All(all=parts):
            return "(" + " AND ".join(condition(each, params, now) for each in parts) + ")"
        case AnyOf(any=parts):
            return "(" + " OR ".join(condition(each, params, now) for each in parts) + ")"
        case Not(not_=part):
            return f"NOT {condition(part, params, now)}"
        case ByList():
            return _by_list(tree, params, now)
        case ByEngagement():
            return _by_engagement(tree, params, now)
        case ByAttribute():
            return _by_attribute(tree, params, now)


def on_lists(lists: list[str], params: Parameters) -> str:
    """The condition of being on one of *lists*."""
    names = params.add("Array(String)", lists)
    return f"(recipient_id IN ({MEMBERS} AND list IN {names} AND added_at > removed_at))"


def _by_list(tree: ByList, params: Parameters, now: float) -> str:
    where = f"list = {params.add('String', tree.list)} AND added_at > removed_at"
    if tree.consent_within_days is not None:
        since = params.add("Float64", now - tree.consent_within_days * 86_400)
        where += f" AND consent.at > removed_at AND toUnixTimestamp64Milli(consent.at) >= {since} * 1000"
    return f"(recipient_id IN ({MEMBERS} AND {where}))"


def _by_engagement(tree: ByEngagement, params: Parameters, now: float) -> str:
    kinds, unit = ENGAGEMENT[tree.engaged]
    since = params.add("Float64", round(now - tree.within_days * 86_400, 3))
    where = f"account = {{account:String}} AND kind IN ({', '.join(map(repr, kinds))})"
    where += f" AND time >= fromUnixTimestamp64Milli(toInt64({since} * 1000), 'UTC')"
    if tree.campaign:
        where += f" AND campaign = {params.add('String', tree.campaign)}"
    if tree.engaged in ("opened", "clicked"):  # by a person: an event that turned out to be a machine's is none
        where += f" AND event_id NOT IN (SELECT event_id FROM events WHERE {where} AND startsWith(class, 'automated'))"
    if tree.times > 1:
        where += f" GROUP BY recipient_id HAVING uniqExact({unit}) >= {params.add('UInt32', tree.times)}"
    who = f"(SELECT recipient_id FROM events WHERE {where})"
    # Who has no phone has the id of sixteen zeros for one, and may not share the deeds of whoever really has that id.
    return f"(recipient_id IN {who} OR (phone != '' AND phone_id IN {who}))"


def _by_attribute(tree: ByAttribute, params: Parameters, now: float) -> str:
    if tree.attribute == EMAIL:
        there, text, tree = "1", "lower(address)", _lowered(tree)
    else:
        name = params.add("String", tree.attribute)
        there, text = f"mapContains(facets, {name})", f"facets[{name}]"
    match tree.op, tree.value:
        case "exists", _:
            return f"({there})"
        case "missing", _:
            return f"(NOT {there})"
        case "eq" | "in", value:
            return _is_one_of(value, there, text, params)
        case "ne", value:
            return f"(NOT {_is_one_of(value, there, text, params)})"
        case "before" | "after" | "within_days", value:
            return _by_date(tree.op, value, text, params, now)
        case op, str() as value if op in TEXT_FUNCTIONS:
            return f"({TEXT_FUNCTIONS[op].format(text, params.add('String', value))})"
        case op, str() | int() | float() as value:
            return _in_order(op, value, there, text, params)
    raise ValueError(f"{tree.op} with {tree.value!r}")


def _in_order(op: str, value: str | float, there: str, text: str, params: Parameters) -> str:
    number = number_in(value) if isinstance(value, str) else float(value)
    if number is None:
        return f"({there} AND {text} {COMPARISONS[op]} {params.add('String', str(value))})"
    return f"ifNull(toFloat64OrNull({text}) {COMPARISONS[op]} {params.add('Float64', number)}, 0)"


def number_in(text: str) -> float | None:
    """The number that *text* is, as forms send it: 4000 comes behind 900, although its bytes do not."""
    number = float(text) if NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _by_date(op: str, value: object, text: str, params: Parameters, now: float) -> str:
    parsed = f"parseDateTime64BestEffortOrNull({text}, 3, 'UTC')"
    moment = f"if(match({text}, '{ISO_DATE}'), toUnixTimestamp64Milli({parsed}) / 1000, NULL)"
    if isinstance(value, str):
        return f"ifNull({moment} {COMPARISONS[op]} {params.add('Float64', moment_of(value).timestamp())}, 0)"
    first = days_ago(now, float(str(value)))
    return f"ifNull({moment} BETWEEN {params.add('Float64', first)} AND {params.add('Float64', now)}, 0)"


def _lowered(tree: ByAttribute) -> ByAttribute:
    """*tree* with its words in small letters: the owner of an address is the same in any case."""
    if tree.op in ("before", "after"):
        return tree
    values = tree.value if isinstance(tree.value, list) else [tree.value]
    lowered = [each.lower() if isinstance(each, str) else each for each in values]
    return tree.model_copy(update={"value": lowered if isinstance(tree.value, list) else lowered[0]})


def days_ago(now: float, days: float) -> float:
    """The beginning of the day, in UTC, that was *days* before *now*."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=days)).timestamp()


def _is_one_of(value: Scalar | list[Scalar] | None, there: str, text: str, params: Parameters) -> str:
    values = value if isinstance(value, list) else [] if value is None else [value]
    texts = [("true" if each else "false") if isinstance(each, bool) else each for each in values]
    numbers = [float(each) for each in texts if not isinstance(each, str)]
    words = [each for each in texts if isinstance(each, str)]
    found = []
    if words:
        same = f"{text} IN {params.add('Array(String)', words)}"
        found.append(f"{there} AND {same}" if "" in words else same)  # a missing key reads as ""
    if numbers:
        array = params.add("Array(Float64)", "[" + ",".join(map(repr, numbers)) + "]")
        found.append(f"ifNull(toFloat64OrNull({text}) IN {array}, 0)")
    return "(" + " OR ".join(f"({each})" for each in found) + ")"
