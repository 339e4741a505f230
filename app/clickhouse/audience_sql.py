"""From the plan of an audience to the statement that builds it: who is in it in which order, who is left out and why.

A row is everybody who is on one of the lists (or was taken off them) or in one of the segments. Its reason is "" for
who is in the audience: those rows come first and are numbered from 0. Of an experiment a test comes before the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from app.clickhouse.country_zones import country_zones
from app.clickhouse.mx_domains import DOMAIN_OF_ADDRESS
from app.clickhouse.people import UNREADABLE
from app.clickhouse.segment_sql import MEMBERS, Parameters, condition, on_lists
from app.content.phone import INVALID, LANDLINE
from app.delivery.mx_groups import LONGEST_GROUP, OTHER, OWN_GROUP
from app.delivery.people.consent import GIVEN, NO, SINCE, YES, attribute_of
from app.records import SealTask
from app.things import AnyOf, AudiencePlan, ByEngagement
from app.topics import PHONES

NO_EMAIL, NO_PHONE, NO_PHONE_ID, INVALID_PHONE = "no_email", "no_phone", "no_phone_id", "invalid_phone"
LANDLINE_NUMBER, NO_CONSENT, SAME_NUMBER = "landline", "no_consent", "same_number"
OF_ADDRESSES = (NO_EMAIL, NO_PHONE, NO_PHONE_ID, INVALID_PHONE, LANDLINE_NUMBER, NO_CONSENT, SAME_NUMBER)
HAS_PHONE = f"phone_kind NOT IN ('', '{UNREADABLE.decode()}')"
REMOVED, HOLDOUT = "removed", "holdout"
EXCLUDED_LIST, EXCLUDED_SEGMENT = "excluded_list", "excluded_segment"
DUPLICATE = "duplicate"  # is counted only: somebody on two lists is in the audience, once

MOST_SQL, MOST_PARAMETERS = 200_000, 300_000  # characters of a statement; bytes of its parameters, in an address

# A domain of the long tail is a group of its own where the audience has so many people of it. Nobody's server notices
# fewer, and a group is a pack and a release of its own in every partition: small ones cost the most and hold the least.
TAIL_PEOPLE = 100
TAIL_GROUPS = 500  # of one audience at most, the largest ones: each is a class of messages in every partition
# Sections of single domains are part of the entry of a campaign, which every process reads: so many are 100 kB of it,
# 300 with the longest names.
MOST_SECTIONS = 2_000

# How somebody has reacted, of what events (90 days) and lists tell. Docs: audiences.md.
ENGAGED_DAYS, NEW_DAYS, PATIENCE_DAYS = 90, 30, 30
ENGAGED, NEW, DORMANT = "engaged", "new", "dormant"
TIERS = 4  # with "", of whom nothing is known
DAY = 86_400.0

# Sections in a row, smallest first: pacing takes from all of them in turn. Within a section by recipient_id, a keyed
# hash: an order that says nothing and favours nobody. Attributes come in last, by the join: what is numbered must fit
# into memory, a million people with theirs would not.
BUILD = """
INSERT INTO audience
    (build, row, recipient_id, address, mx_group, attributes, due, variant, zone, reason, tier, contact)
SELECT {{build:String}}, n.row, n.recipient_id, c.address, n.mx_group, if(n.reason = '', c.attributes, '{{}}'),
       n.due, n.variant, n.zone, n.reason, n.tier, c.recipient_id
FROM
(
    SELECT recipient_id, {address} AS address, attributes FROM contacts FINAL WHERE account = {{account:String}}
) AS c
INNER JOIN
(
    SELECT row_number() OVER (ORDER BY reason != '', variant = 0, due, size, mx_group, tier, recipient_id) - 1 AS row,
           {who}, mx_group, due, variant, zone, reason, tier
    FROM
    (
        SELECT *, count() OVER (PARTITION BY reason != '', variant > 0, due, mx_group, tier) AS size FROM ({people})
    )
) AS n ON n.{contact} = c.recipient_id
"""

# Groups: by the name of the domain, which contacts have; as a limit names it; by look-up; the domain itself where
# enough people have it. *tail* is "" where the group is settled; its hash is what is counted and sorted by.
GROUPED = """
SELECT {who}, due, variant, zone, reason, tier,
       multiIf(tail = '', settled, people >= {least} AND place <= {groups}, tail, {small}) AS mx_group
FROM
(
    SELECT *, dense_rank() OVER (ORDER BY people DESC, hash) AS place
    FROM
    (
        SELECT *, if(tail = '', 0, cityHash64(tail)) AS hash,
               countIf(tail != '' AND reason = '') OVER (PARTITION BY hash) AS people
        FROM
        (
            SELECT {renamed}, p.due AS due, p.variant AS variant, p.zone AS zone,
                   p.reason AS reason, p.tier AS tier,
                   multiIf(p.domain = '', p.stored, {named}, p.domain, d.mx_group) AS settled,
                   if(settled = '', p.domain, '') AS tail, p.stored AS stored
            FROM ({people}) AS p
            LEFT ANY JOIN
            (
                SELECT domain, mx_group FROM mx_domains FINAL WHERE NOT failed AND match(mx_group, '^[a-z0-9-]+$')
            ) AS d ON d.domain = p.domain
        )
    )
)
"""

PEOPLE = """
SELECT {recipient}, {stored} AS stored, {domain} AS domain, {due} AS due, toUInt8(0) AS variant, {zone} AS zone,
       {reason} AS reason, {tier} AS tier
FROM contacts FINAL
WHERE account = {{account:String}} AND {candidate}
"""

# Of who has no group by name; "" where it is nothing that could be one.
TAIL = f"""
if(mx_group = '{OTHER}' AND length({DOMAIN_OF_ADDRESS} AS of_address) <= {LONGEST_GROUP}
   AND match(of_address, {{pattern}}), of_address, '')
"""

FIRST_ADDED = """
recipient_id IN (SELECT recipient_id FROM members FINAL WHERE account = {{account:String}} GROUP BY recipient_id
                 HAVING toUnixTimestamp64Milli(min(first_added_at)) >= {since} * 1000)
"""
SENT_BEFORE = """
recipient_id IN (SELECT recipient_id FROM events
                 WHERE account = {{account:String}} AND kind IN ('sent', 'delivered')
                   AND toUnixTimestamp64Milli(time) BETWEEN {since} * 1000 AND {until} * 1000)
"""

# Phones: rows are known by the number, whose recipient id comes from Python, and `contact` is whose number it is. Who
# has none keeps the id of the contact. Of several people with one number the first who is not left out gets a message.
BY_PHONE = f"recipient_id AS contact, if({HAS_PHONE}, phone_id, recipient_id) AS ident"
CARRIER = "if(position(phone_group, '/') > 0, phone_group, '')"
COUNTRY = "substringIndex(phone_group, '/', 1)"
EACH_NUMBER_ONCE = """
SELECT contact, ident AS recipient_id, stored, domain, due, variant, zone, tier,
       if(reason = '' AND nth > 1, '{same}', reason) AS reason
FROM
(
    SELECT *, row_number() OVER (PARTITION BY ident, reason = '' ORDER BY contact) AS nth FROM ({people})
)
"""

# Agreement to a list is one to be written to at the address that is known: of who has no email, at the phone.
AGREED_BY_LIST = """
(address = '' AND recipient_id IN
 (SELECT recipient_id FROM members FINAL WHERE account = {{account:String}} AND {lists} AND added_at > removed_at
    AND consent.at > removed_at AND toUnixTimestamp64Milli(consent.at) > 0))
"""

# Who is held out or tested is drawn by a hash that is another one for every campaign; shares are exact.
DRAWN = """
SELECT {who}, stored, domain, due, zone, tier, if(base != '', base, if(drawn <= held, 'holdout', '')) AS reason,
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
    by_phone = task.channel in PHONES
    people = _people(plan, params, now, task.channel)
    who = "recipient_id, contact" if by_phone else "recipient_id"
    if plan.variants:
        people = DRAWN.format(
            people=people,
            who=who,
            campaign=params.add("String", task.campaign),
            holdout=params.add("Float64", plan.holdout),
            share=params.add("Float64", plan.test_share),
            variants=params.add("UInt8", plan.variants),
        )
    people = _grouped(plan, people, params, who)
    address, contact = ("phone", "contact") if by_phone else ("address", "recipient_id")
    sql = BUILD.format(people=people, who=who, address=address, contact=contact)
    size = sum(len(str(value).encode()) for value in params.values.values())
    if len(sql) > MOST_SQL or size > MOST_PARAMETERS:
        raise PlanError("the segments of this campaign are too large together: use fewer, or shorter ones")
    return Statement(sql, params.values)


def _grouped(plan: AudiencePlan, people: str, params: Parameters, who: str) -> str:
    room = MOST_SECTIONS // sections_a_group(plan)
    names = plan.domains[:room]
    known = params.add("Array(String)", names) if names else ""
    by_phone = "contact" in who
    named = f"p.domain IN {known}" if names else "0"
    if names and by_phone:  # a route names airtel, a limit IN/airtel
        named = f"({named} OR substringIndex(p.domain, '/', -1) IN {known})"
    return GROUPED.format(
        people=people,
        who=who,
        renamed=", ".join(f"p.{each} AS {each}" for each in who.split(", ")),
        small="stored" if by_phone else f"'{OTHER}'",
        named=named,
        least=params.add("UInt32", TAIL_PEOPLE),
        groups=params.add("UInt32", min(TAIL_GROUPS, room - len(names))),
    )


def sections_a_group(plan: AudiencePlan) -> int:
    """Into how many sections the people of one group may fall."""
    moments = len({moment_in(plan.local, each) for each in available_timezones()}) if plan.local else 1
    return moments * (2 if plan.variants else 1) * (TIERS if plan.tiers else 1)


def _people(plan: AudiencePlan, params: Parameters, now: float, channel: str) -> str:
    included = [on_lists(plan.lists, params)] if plan.lists else []
    included += [condition(each, params, now) for each in plan.segments]
    candidate = list(included)
    if plan.lists:
        candidate[0] = f"(recipient_id IN ({MEMBERS} AND list IN {params.add('Array(String)', plan.lists)}))"
    by_phone = channel in PHONES
    due, zone = _times(plan, params, _zone_of(plan, params, now, by_phone=by_phone))
    people = PEOPLE.format(
        candidate=f"({' OR '.join(candidate)})",
        reason=_reason(plan, f"({' OR '.join(included)})", params, now, channel),
        recipient=BY_PHONE if by_phone else "recipient_id",
        stored=COUNTRY if by_phone else "mx_group",
        domain=CARRIER if by_phone else TAIL.format(pattern=params.add("String", OWN_GROUP)),
        due=due,
        zone=zone,
        tier=_tier(params, now) if plan.tiers else "''",
    )
    return EACH_NUMBER_ONCE.format(people=people, same=SAME_NUMBER) if by_phone else people


def _tier(params: Parameters, now: float) -> str:
    """The expression of the tier: the first of these that holds. Reacted is what a segment calls opened or clicked."""
    reacted = AnyOf(any=[ByEngagement(engaged=each, within_days=ENGAGED_DAYS) for each in ("opened", "clicked")])
    new = FIRST_ADDED.format(since=params.add("Float64", now - NEW_DAYS * DAY))
    sent = SENT_BEFORE.format(
        since=params.add("Float64", now - ENGAGED_DAYS * DAY), until=params.add("Float64", now - PATIENCE_DAYS * DAY)
    )
    return f"multiIf({condition(reacted, params, now)}, '{ENGAGED}', {new}, '{NEW}', {sent}, '{DORMANT}', '')"


def _reason(plan: AudiencePlan, included: str, params: Parameters, now: float, channel: str) -> str:
    by_phone = channel in PHONES
    cases = [f"NOT {included}, '{REMOVED}'"]
    for name in plan.exclude_lists:
        excluded = on_lists([name], params)
        reason = params.add("String", f"{EXCLUDED_LIST}:{name}")
        cases.append(f"{_of_number(excluded) if by_phone else excluded}, {reason}")
    for number, tree in enumerate(plan.exclude_segments):
        name = plan.exclude_segment_ids[number] if number < len(plan.exclude_segment_ids) else str(number + 1)
        reason = params.add("String", f"{EXCLUDED_SEGMENT}:{name}")
        excluded = condition(tree, params, now)
        cases.append(f"{_of_number(excluded) if by_phone else excluded}, {reason}")
    cases += _phone_cases(plan, params, channel) if by_phone else [f"address = '', '{NO_EMAIL}'"]
    return f"multiIf({', '.join(cases)}, '')"


def _of_number(one: str) -> str:
    """The condition *one*, of anybody with the same number: they cannot be told apart."""
    sharing = f"SELECT phone_id FROM contacts FINAL WHERE account = {{account:String}} AND {HAS_PHONE} AND {one}"
    return f"({one} OR phone_id IN ({sharing}))"


def _phone_cases(plan: AudiencePlan, params: Parameters, channel: str) -> list[str]:
    """Who cannot be written to on *channel*, or may not."""
    cases = [
        f"phone_kind = '' AND facets['phone'] = '', '{NO_PHONE}'",
        f"phone_kind = '', '{NO_PHONE_ID}'",
        f"NOT {HAS_PHONE} OR phone_kind = '{INVALID}', '{INVALID_PHONE}'",
    ]
    if channel == "sms":
        cases.append(f"phone_kind = '{LANDLINE}', '{LANDLINE_NUMBER}'")
    if not plan.consent:
        return cases
    word = f"lower(facets['{attribute_of(channel)}'])"
    cases.append(f"{_of_number(f'{word} IN {_texts(NO)}')}, '{NO_CONSENT}'")
    if plan.consent == GIVEN:
        lists = f"list IN {params.add('Array(String)', plan.lists)}" if plan.lists else "1"
        by_list = AGREED_BY_LIST.format(lists=lists)
        since = SINCE.replace("\\", "\\\\")
        cases.append(f"NOT ({word} IN {_texts(YES)} OR match({word}, '{since}') OR {by_list}), '{NO_CONSENT}'")
    return cases


def _texts(words: frozenset[str]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"


def _zone_of(plan: AudiencePlan, params: Parameters, now: float, *, by_phone: bool) -> str:
    """The expression of a person's zone: their own, that of the number's country where it has one, the campaign's."""
    if not plan.local and not plan.zones:
        return "''"
    known = params.add("Array(String)", sorted(available_timezones()))
    default = params.add("String", plan.time_zone)
    if by_phone:
        zones = country_zones(datetime.fromtimestamp(now, UTC).year)
        countries, of_them = list(zones), list(zones.values())
        where = f"{params.add('Array(String)', countries)}, {params.add('Array(String)', of_them)}"
        default = f"transform({COUNTRY}, {where}, {default})"
    return f"if(has({known}, facets['time_zone']), facets['time_zone'], {default})"


def _times(plan: AudiencePlan, params: Parameters, zone: str) -> tuple[str, str]:
    """The expressions of due and zone."""
    if not plan.local:
        return "toUInt32(0)", zone
    zones = sorted(available_timezones())
    known = params.add("Array(String)", zones)
    moments = params.add("Array(UInt32)", "[" + ",".join(str(moment_in(plan.local, each)) for each in zones) + "]")
    other = params.add("UInt32", moment_in(plan.local, plan.time_zone))
    return f"transform({zone}, {known}, {moments}, {other})", zone if plan.zones else "''"


def moment_in(wall_time: str, zone: str) -> int:
    """When it is *wall_time* in *zone*, in seconds since 1970; a zone that nobody knows is UTC.

    An hour that is skipped when clocks go forward comes as much later, one that happens twice is the first.
    """
    try:
        where = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        where = ZoneInfo("UTC")
    return max(0, min(0xFFFF_FFFF, int(datetime.fromisoformat(wall_time).replace(tzinfo=where).timestamp())))
