"""From the plan of an audience to the statement that builds it: who is in it in which order, who is left out and why.

A row is everybody who is on one of the lists (or was taken off them) or in one of the segments. Its reason is "" for
who is in the audience: those rows come first and are numbered from 0. Of an experiment a test comes before the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from app.clickhouse.segment_sql import MEMBERS, Parameters, condition, on_lists
from app.records import SealTask
from app.things import AudiencePlan

REMOVED, HOLDOUT = "removed", "holdout"
EXCLUDED_LIST, EXCLUDED_SEGMENT = "excluded_list", "excluded_segment"
DUPLICATE = "duplicate"  # is counted only: somebody on two lists is in the audience, once

MOST_SQL, MOST_PARAMETERS = 200_000, 300_000  # characters of a statement; bytes of its parameters, in an address

# Groups in a row, smallest first: pacing takes from all of them in turn, and each range is of one group. Within a
# group by recipient_id, a keyed hash: an order that says nothing and favours nobody. Attributes come in last, by the
# join: what is numbered must fit into memory, a million people with theirs would not.
BUILD = """
INSERT INTO audience (build, row, recipient_id, address, mx_group, attributes, due, variant, zone, reason)
SELECT {{build:String}}, n.row, n.recipient_id, c.address, n.mx_group, if(n.reason = '', c.attributes, '{{}}'),
       n.due, n.variant, n.zone, n.reason
FROM (SELECT recipient_id, address, attributes FROM contacts FINAL WHERE account = {{account:String}}) AS c
INNER JOIN
(
    SELECT row_number() OVER (ORDER BY reason != '', variant = 0, due, size, mx_group, recipient_id) - 1 AS row,
           recipient_id, mx_group, due, variant, zone, reason
    FROM
    (
        SELECT *, count() OVER (PARTITION BY reason != '', variant > 0, due, mx_group) AS size FROM ({people})
    )
) AS n ON n.recipient_id = c.recipient_id
"""

PEOPLE = """
SELECT recipient_id, mx_group, {due} AS due, toUInt8(0) AS variant, {zone} AS zone, {reason} AS reason
FROM contacts FINAL
WHERE account = {{account:String}} AND {candidate}
"""

# Who is held out or tested is drawn by a hash that is another one for every campaign; shares are exact.
DRAWN = """
SELECT recipient_id, mx_group, due, zone, if(base != '', base, if(drawn <= held, 'holdout', '')) AS reason,
       if(base = '' AND drawn > held AND drawn <= held + tested, 1 + (drawn - held - 1) % {variants}, 0) AS variant
FROM
(
    SELECT *, toUInt64(round(everybody * {holdout})) AS held,
           least(everybody - held, greatest({variants}, toUInt64(round(everybody * {share})))) AS tested
    FROM
    (
        SELECT *, reason AS base, countIf(reason = '') OVER () AS everybody,
               row_number() OVER
                   (PARTITION BY reason != '' ORDER BY sipHash64({campaign}, recipient_id), recipient_id) AS drawn
        FROM ({people})
    )
)
"""


class PlanError(Exception):
    """A plan that cannot become a statement."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters."""

    sql: str
    params: Mapping[str, str | int | float | list[str]]


def build_statement(task: SealTask, plan: AudiencePlan, build: str, now: float) -> Statement:
    """What fills `audience` for *task*. Raises PlanError."""
    params = Parameters({"account": task.account, "build": build})
    people = _people(plan, params, now)
    if plan.variants:
        people = DRAWN.format(
            people=people,
            campaign=params.add("String", task.campaign),
            holdout=params.add("Float64", plan.holdout),
            share=params.add("Float64", plan.test_share),
            variants=params.add("UInt8", plan.variants),
        )
    sql = BUILD.format(people=people)
    size = sum(len(str(value).encode()) for value in params.values.values())
    if len(sql) > MOST_SQL or size > MOST_PARAMETERS:
        raise PlanError("the segments of this campaign are too large together: use fewer, or shorter ones")
    return Statement(sql, params.values)


def _people(plan: AudiencePlan, params: Parameters, now: float) -> str:
    included = [on_lists(plan.lists, params)] if plan.lists else []
    included += [condition(each, params, now) for each in plan.segments]
    candidate = list(included)
    if plan.lists:
        candidate[0] = f"(recipient_id IN ({MEMBERS} AND list IN {params.add('Array(String)', plan.lists)}))"
    due, zone = _times(plan, params)
    return PEOPLE.format(
        candidate=f"({' OR '.join(candidate)})",
        reason=_reason(plan, f"({' OR '.join(included)})", params, now),
        due=due,
        zone=zone,
    )


def _reason(plan: AudiencePlan, included: str, params: Parameters, now: float) -> str:
    cases = [f"NOT {included}, '{REMOVED}'"]
    cases += [
        f"{on_lists([name], params)}, {params.add('String', f'{EXCLUDED_LIST}:{name}')}" for name in plan.exclude_lists
    ]
    for number, tree in enumerate(plan.exclude_segments):
        name = plan.exclude_segment_ids[number] if number < len(plan.exclude_segment_ids) else str(number + 1)
        reason = params.add("String", f"{EXCLUDED_SEGMENT}:{name}")
        cases.append(f"{condition(tree, params, now)}, {reason}")
    return f"multiIf({', '.join(cases)}, '')"


def _times(plan: AudiencePlan, params: Parameters) -> tuple[str, str]:
    """The expressions of due and zone."""
    if not plan.local and not plan.zones:
        return "toUInt32(0)", "''"
    zones = sorted(available_timezones())
    known = params.add("Array(String)", zones)
    zone = f"if(has({known}, facets['time_zone']), facets['time_zone'], {params.add('String', plan.time_zone)})"
    if not plan.local:
        return "toUInt32(0)", zone
    moments = params.add("Array(UInt32)", "[" + ",".join(str(moment_in(plan.local, each)) for each in zones) + "]")
    other = params.add("UInt32", moment_in(plan.local, plan.time_zone))
    due = f"transform(facets['time_zone'], {known}, {moments}, {other})"
    return due, zone if plan.zones else "''"


def moment_in(wall_time: str, zone: str) -> int:
    """When it is *wall_time* in *zone*, in seconds since 1970; a zone that nobody knows is UTC.

    An hour that is skipped when clocks go forward comes as much later, one that happens twice is the first.
    """
    try:
        where = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        where = ZoneInfo("UTC")
    return max(0, min(0xFFFF_FFFF, int(datetime.fromisoformat(wall_time).replace(tzinfo=where).timestamp())))
