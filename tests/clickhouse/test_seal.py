"""Sealing: a fixed audience that reads back the same, however often it is asked for."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from app.clickhouse import audience_sql
from app.clickhouse import seal as audience_seal
from app.clickhouse.audience_pages import audience_page
from app.clickhouse.audience_sql import TAIL_PEOPLE
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.demo_contacts import write_csv
from app.clickhouse.lists import create_list, remove_members
from app.clickhouse.mx_domains import keep
from app.clickhouse.people import Person, id_of, upsert_contacts
from app.clickhouse.seal import SealError, read_range, seal
from app.commands import Seal
from app.delivery.mx_groups import Looked, Mail
from app.records import Recipient, SealTask
from app.settings import Settings
from app.things import AudiencePlan, ByAttribute
from tests.clickhouse.conftest import SECRET

DAY = 20_000


def task(*lists: str, name: str = "c-1") -> SealTask:
    """A task for campaign c."""
    return SealTask("default", "c", name, "email", list(lists))


async def people(
    settings: Settings, tmp_path: Path, n: int, list_name: str = "all", seed: int = 1, account: str = "default"
) -> None:
    """Import *n* demo people."""
    write_csv(tmp_path / "people.csv", n, seed)
    await import_people(settings, tmp_path / "people.csv", list_name, account=account)


async def test_every_person_has_one_row_and_groups_are_side_by_side(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Pacing expands a group by its row numbers: a hole loses people, an overlap doubles them.
    """
    await people(settings, tmp_path, 3_000)
    made = await seal(client, task("all"), DAY)
    assert (made.count, sum(size for _, size, *_ in made.groups), made.day) == (3_000, 3_000, DAY)
    rows = await read_range(client, made.id, 0, 3_000)
    assert len({row.recipient_id for row in rows}) == 3_000
    assert [row.group for row in rows] == [group for group, size, *_ in made.groups for _ in range(size)]


async def test_someone_on_two_lists_is_sealed_once(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    Lists overlap, inboxes do not.
    """
    await people(settings, tmp_path, 100, "one")
    await people(settings, tmp_path, 150, "two")
    made = await seal(client, task("one", "two"), DAY)
    emails = [row.address for row in await read_range(client, made.id, 0, made.count)]
    assert len(emails) == len(set(emails))
    assert made.count == (await client.rows("SELECT uniqExact(recipient_id) FROM members"))[0][0]


class Importing:
    """ClickHouse while contacts come in: of the first audience that is built a row is missing."""

    def __init__(self, client: ClickHouse) -> None:
        self._client, self.builds = client, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def execute(self, sql: str, params: Any = None, **settings: Any) -> None:
        await self._client.execute(sql, params, **settings)
        if "INSERT INTO audience" in sql:
            self.builds += 1
            if self.builds == 1:
                gone = (
                    "ALTER TABLE audience DELETE WHERE build = {build:String} AND row = 1 SETTINGS mutations_sync = 1"
                )
                await self._client.execute(gone, {"build": params["build"]})


async def test_an_import_at_the_same_time_does_not_fail_a_campaign(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    The statement looks at the contacts twice, and in between there may be more of them: then it is built again.
    """
    await people(settings, tmp_path, 100)
    busy = Importing(client)
    made = await seal(cast(ClickHouse, busy), task("all"), DAY)
    assert (busy.builds, made.count, len(await read_range(client, made.id, 0, 100))) == (2, 100, 100)


async def test_asking_again_gets_the_same_seal_although_the_list_has_grown(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    A replayed task must not change an audience that is being sent to, nor the day in its message ids.
    """
    await people(settings, tmp_path, 100)
    first = await seal(client, task("all"), DAY)
    await people(settings, tmp_path, 200, seed=2)
    assert await seal(client, task("all"), DAY + 1) == first
    assert (await seal(client, task("all", name="c-2"), DAY)).count > first.count


async def test_an_attempt_that_was_cut_short_leaves_nothing_in_the_seal(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    kill -9 in the middle of sealing: half an audience lies around, and must never be mixed in.
    """
    await people(settings, tmp_path, 100)
    await client.execute(
        "INSERT INTO audience (build, row, recipient_id, address, mx_group, attributes) "
        "SELECT 'c-1.dead', number, toFixedString(toString(number), 16), 'x', 'other', '{}' FROM numbers(50)"
    )
    made = await seal(client, task("all"), DAY)
    assert made.count == 100
    assert "x" not in {row.address for row in await read_range(client, made.id, 0, 100)}


async def test_an_empty_audience_is_refused(client: ClickHouse) -> None:
    """
    A misspelt list fails the campaign with its name, instead of completing it with nobody.
    """
    with pytest.raises(SealError, match="nobody is on custmers"):
        await seal(client, task("custmers"), DAY)


async def test_rows_that_are_missing_are_noticed(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    An audience that went away must stop the campaign's expansion, not shrink it silently.
    """
    await people(settings, tmp_path, 10)
    made = await seal(client, task("all"), DAY)
    with pytest.raises(SealError, match="has 2 of the 5 rows from 8"):
        await read_range(client, made.id, 8, 5)


# -- plans: several lists and segments, exclusions, an experiment, hours of the recipient


def planned(plan: AudiencePlan, name: str = "p-1", campaign: str = "p") -> SealTask:
    """A task with a plan."""
    return SealTask("default", campaign, name, "email", plan.lists, plan.model_dump_json(by_alias=True).encode())


async def write(client: ClickHouse, addresses: Iterable[str], lists: Sequence[str] = (), **attributes: object) -> None:
    """Contacts with *addresses*, on *lists*."""
    people = [Person(address, attributes) for address in addresses]
    assert (await upsert_contacts(client, SECRET, "default", people, lists))[1] == []


def some(name: str, first: int, last: int) -> list[str]:
    """Addresses of numbered people."""
    return [f"{name}{number}@example.com" for number in range(first, last)]


async def audience_of(client: ClickHouse, made: Seal) -> list[Recipient]:
    """All rows of an audience."""
    return await read_range(client, made.id, 0, made.count)


async def test_lists_and_segments_add_up_and_whoever_is_left_out_is_told_why(client: ClickHouse) -> None:
    """
    "Why did I not get it?" has an answer for each of them, and nobody who is excluded gets it.
    """
    await write(client, some("a", 0, 10), ["one", "two"])
    await write(client, some("b", 0, 5), ["one"], city="Ulm")
    await write(client, some("c", 0, 4), city="Porto")
    await write(client, some("d", 0, 3), ["staff"])
    await write(client, some("a", 0, 2), ["staff"])
    await remove_members(client, "default", "one", [bytes.fromhex(id_of(SECRET, "b4@example.com"))])
    plan = AudiencePlan(
        lists=["one", "two"],
        segments=[ByAttribute(attribute="city", op="eq", value="Porto")],
        exclude_lists=["staff"],
        exclude_segments=[ByAttribute(attribute="email", op="starts", value="c0@")],
        exclude_segment_ids=["seg_c0"],
    )
    made = await seal(client, planned(plan), DAY)
    assert {row.address for row in await audience_of(client, made)} == {
        *some("a", 2, 10), *some("b", 0, 4), *some("c", 1, 4)
    }  # fmt: skip
    assert made.left_out == {"excluded_list:staff": 2, "excluded_segment:seg_c0": 1, "removed": 1, "duplicate": 10}
    assert await seal(client, planned(plan), DAY + 1) == made
    left = await audience_page(client, "default", "p", reason="*")
    assert {(row.address, row.reason) for row in left} == {
        ("a0@example.com", "excluded_list:staff"), ("a1@example.com", "excluded_list:staff"),
        ("b4@example.com", "removed"), ("c0@example.com", "excluded_segment:seg_c0"),
    }  # fmt: skip
    assert [row.address for row in await audience_page(client, "default", "p", reason="removed")] == ["b4@example.com"]
    assert await audience_page(client, "foreign", "p", reason="*") == []
    kept = await client.rows("SELECT DISTINCT attributes FROM audience WHERE reason != ''")
    assert kept == [["{}"]]  # of people who get nothing no attributes are kept
    assert {row.variables for row in await audience_of(client, made)} == {b"{}", b'{"city":"Ulm"}', b'{"city":"Porto"}'}
    first = await audience_page(client, "default", "p", limit=10)
    rest = await audience_page(client, "default", "p", after=first[-1].row, limit=10)
    assert [row.address for row in first + rest] == [row.address for row in await audience_of(client, made)]


@pytest.mark.parametrize(
    ("share", "holdout", "variants"), [(0.2, 0.1, 3), (0.0001, 0.0, 2), (1.0, 0.0, 2), (0.5, 0.5, 8)]
)
async def test_an_experiment_draws_exact_shares_and_its_test_comes_first(
    client: ClickHouse, share: float, holdout: float, variants: int
) -> None:
    """
    Who is held out is never written to, each contender gets as many people as the others, whatever the draw.
    """
    await write(client, some("g", 0, 60), ["l"])
    await write(client, [f"{name}@gmail.com" for name in "abcdefghijklmnopqrst"], ["l"])
    plan = AudiencePlan(lists=["l"], test_share=share, holdout=holdout, variants=variants)
    made = await seal(client, planned(plan), DAY)
    held, tested = round(80 * holdout), min(80 - round(80 * holdout), max(variants, round(80 * share)))
    assert (made.count, made.left_out) == (80 - held, {"holdout": held} if held else {})
    rows = await audience_of(client, made)
    assert [row.variant > 0 for row in rows] == [True] * tested + [False] * (80 - held - tested)
    sizes = Counter(row.variant for row in rows if row.variant)
    assert sorted(sizes) == list(range(1, variants + 1)) and max(sizes.values()) - min(sizes.values()) <= 1
    assert sum(section.rows for section in made.groups if section.test) == tested
    in_order = [(section.group, section.test) for section in made.groups for _ in range(section.rows)]
    assert in_order == [(row.group, row.variant > 0) for row in rows]
    again = await seal(client, planned(plan, "p-2"), DAY)
    assert (again.digest, again.groups) == (made.digest, made.groups)
    other = await seal(client, planned(plan, "q-1", "q"), DAY)
    assert other.digest != made.digest or share == 1.0


async def test_a_local_schedule_is_due_when_it_is_that_late_where_people_are(client: ClickHouse) -> None:
    """
    Nine o'clock is nine o'clock in Tokyo and in Lisbon; where nobody knows, it is that of the campaign.
    """
    for name, zone in (("t", "Asia/Tokyo"), ("l", "Europe/Lisbon"), ("x", "Mars/Olympus")):
        await write(client, some(name, 0, 2), ["all"], time_zone=zone)
    await write(client, some("n", 0, 2), ["all"])
    plan = AudiencePlan(lists=["all"], local="2026-06-01T09:00", zones=True, time_zone="America/New_York")
    made = await seal(client, planned(plan), DAY)
    rows = {(row.address[0], row.due, row.zone) for row in await audience_of(client, made)}
    nine = {zone: datetime(2026, 6, 1, 9, tzinfo=ZoneInfo(zone)).timestamp() for zone in
            ("Asia/Tokyo", "Europe/Lisbon", "America/New_York")}  # fmt: skip
    assert rows == {
        ("t", nine["Asia/Tokyo"], "Asia/Tokyo"), ("l", nine["Europe/Lisbon"], "Europe/Lisbon"),
        ("x", nine["America/New_York"], "America/New_York"), ("n", nine["America/New_York"], "America/New_York"),
    }  # fmt: skip
    assert [(section.due, section.rows) for section in made.groups] == [
        (nine["Asia/Tokyo"], 2), (nine["Europe/Lisbon"], 2), (nine["America/New_York"], 4)
    ]  # fmt: skip


async def test_the_digest_tells_any_difference_of_the_rows(client: ClickHouse) -> None:
    """
    Two audits of one audience agree by it: another hour or another variant is another audience.
    """
    await write(client, some("a", 0, 6), ["l"], time_zone="Asia/Tokyo")
    plans = [
        AudiencePlan(lists=["l"]), AudiencePlan(lists=["l"], zones=True),
        AudiencePlan(lists=["l"], local="2026-06-01T09:00"),
        AudiencePlan(lists=["l"], local="2026-06-01T10:00"), AudiencePlan(lists=["l"], test_share=1, variants=2),
    ]  # fmt: skip
    digests = {(await seal(client, planned(plan, f"d-{number}"), DAY)).digest for number, plan in enumerate(plans)}
    assert len(digests) == len(plans)


async def test_a_list_that_nobody_knows_fails_the_seal_with_its_name(client: ClickHouse) -> None:
    """
    A misspelt exclusion would write to the people who asked not to be; a misspelt list would forget some.
    """
    await write(client, some("a", 0, 2), ["all"])
    for plan in (AudiencePlan(lists=["all", "vpi"]), AudiencePlan(lists=["all"], exclude_lists=["vpi"])):
        with pytest.raises(SealError, match="nobody is on vpi: there is no such list"):
            await seal(client, planned(plan), DAY)
    await create_list(client, "default", "vpi")
    assert (await seal(client, planned(AudiencePlan(lists=["all"], exclude_lists=["vpi"])), DAY)).count == 2
    with pytest.raises(SealError, match=r"^nobody is on vpi$"):
        await seal(client, planned(AudiencePlan(lists=["vpi"]), "p-2"), DAY)


async def test_an_audience_of_nobody_says_what_took_them_away(client: ClickHouse) -> None:
    """
    "FAILED: nobody" would send people looking in the wrong place.
    """
    await write(client, some("a", 0, 2), ["all"])
    plan = AudiencePlan(
        lists=["all"], segments=[ByAttribute(attribute="x", op="exists")], segment_ids=["seg_x"], exclude_lists=["all"]
    )
    words = r"nobody is on all or in seg_x who is not left out \(2 excluded_list:all\)"
    with pytest.raises(SealError, match=words):
        await seal(client, planned(plan), DAY)


async def test_of_two_seals_at_once_the_first_complete_one_counts(client: ClickHouse) -> None:
    """
    Two workers seal the same campaign after a rebalance: both must tell the same audience.
    """
    await write(client, some("a", 0, 50), ["all"])
    plan = AudiencePlan(lists=["all"], test_share=0.5, variants=2)
    made = await asyncio.gather(*(seal(client, planned(plan), DAY) for _ in range(3)))
    assert (await seal(client, planned(plan), DAY)).id in {each.id for each in made}
    assert len({each.digest for each in made}) == 1


async def test_segments_that_are_too_large_together_fail_with_words(client: ClickHouse) -> None:
    """
    Bounded statements: what ClickHouse would choke on is told to whoever wrote it.
    """
    huge = ByAttribute(attribute="a", op="in", value=["x" * 1_000] * 400)
    with pytest.raises(SealError, match="too large together"):
        await seal(client, planned(AudiencePlan(segments=[huge])), DAY)


# -- groups: by name, by look-up, by domain


def groups_of(rows: Iterable[Recipient]) -> dict[str, set[str]]:
    """Domain -> groups of its people."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.address.rpartition("@")[2].lower(), set()).add(row.group)
    return found


def at(domain: str, people: int) -> list[str]:
    """Addresses of *people* at *domain*."""
    return [f"p{number}@{domain}" for number in range(people)]


async def test_groups_come_from_names_look_ups_limits_and_size(client: ClickHouse) -> None:
    """
    A limit for a mailbox provider holds for all whose mail it takes, one for a domain for all of that domain.
    """
    sizes = {
        "gmail.com": 3, "Hosted.de": 2, "failed.de": 2, "nobody.de": 2, "named.de": 1, "big.de": TAIL_PEOPLE,
        "small.de": TAIL_PEOPLE - 1, f"{'x' * 60}.{'y' * 60}.de": TAIL_PEOPLE,
    }  # fmt: skip
    for domain, people in sizes.items():
        await write(client, at(domain, people), ["l"])
    now = datetime.now().timestamp()
    looked = [
        Looked("hosted.de", Mail.MX, "outlook", ("x.mail.protection.outlook.com",), 1.0),  # over, and still the best
        Looked("nobody.de", Mail.NULL, seconds=9e5),
        Looked("named.de", Mail.MX, "outlook", ("x.mail.protection.outlook.com",), 9e5),
    ]
    await keep(client, looked, now - 9_000)
    await keep(client, [Looked(each, Mail.FAILED, seconds=900) for each in ("failed.de", "hosted.de")], now)
    await client.execute(  # nobody writes this; it must not get into statements
        "INSERT INTO mx_domains (domain, mx_group) VALUES ('small.de', 'a\\'),(''b')"
    )
    plan = AudiencePlan(lists=["l"], domains=["absent.de", "named.de"])
    made = await seal(client, planned(plan), DAY)
    rows = await audience_of(client, made)
    assert groups_of(rows) == {
        "gmail.com": {"gmail"}, "hosted.de": {"outlook"}, "failed.de": {"other"}, "nobody.de": {"other"},
        "named.de": {"named.de"}, "big.de": {"big.de"}, "small.de": {"other"},
        f"{'x' * 60}.{'y' * 60}.de": {"other"},  # longer than the gate takes
    }  # fmt: skip
    assert [row.group for row in rows] == [each.group for each in made.groups for _ in range(each.rows)]
    assert await seal(client, planned(plan), DAY) == made


async def test_who_is_left_out_does_not_make_a_domain_large(client: ClickHouse) -> None:
    """
    Counted is who gets the campaign.
    """
    await write(client, at("big.de", TAIL_PEOPLE + 5), ["l"])
    await write(client, at("big.de", 6), ["staff"])
    made = await seal(client, planned(AudiencePlan(lists=["l"], exclude_lists=["staff"])), DAY)
    assert [(each.group, each.rows) for each in made.groups] == [("other", TAIL_PEOPLE - 1)]


@pytest.mark.parametrize("named", [[], ["d399.de", "d398.de"]])
async def test_the_number_of_groups_is_bounded_and_the_largest_count(
    client: ClickHouse, monkeypatch: pytest.MonkeyPatch, named: list[str]
) -> None:
    """
    Each group is a class in pacing and a section of the entry that every process reads.
    """
    monkeypatch.setattr(audience_sql, "TAIL_GROUPS", 5)
    monkeypatch.setattr(audience_sql, "TAIL_PEOPLE", 3)
    for number in range(8):
        await write(client, at(f"d{number}.de", 3 + number), ["l"])
    await write(client, at("d399.de", 1), ["l"])
    made = await seal(client, planned(AudiencePlan(lists=["l"], domains=named)), DAY)
    largest = {f"d{number}.de": 3 + number for number in range(3, 8)}
    small = {"d399.de": 1} if named else {}
    assert {each.group: each.rows for each in made.groups} == {**largest, **small, "other": 12 + (not named)}


async def test_an_audience_of_very_many_parts_fails_with_words(
    client: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its entry would not fit into one write: what to leave out is said, and nothing ends.
    """
    monkeypatch.setattr(audience_seal, "MOST_BYTES", 100)
    for domain in ("gmail.com", "outlook.com", "yahoo.com"):
        await write(client, at(domain, 1), ["l"])
    with pytest.raises(
        SealError, match="falls into 3 parts by provider, hour, test and tier, which are too many; leave out"
    ):
        await seal(client, planned(AudiencePlan(lists=["l"])), DAY)


def test_sections_of_all_kinds_stay_within_their_number() -> None:
    """
    Hours, an experiment and tiers multiply: then fewer domains are groups of their own.
    """
    plans = [
        AudiencePlan(local=local, variants=variants, tiers=tiers)
        for local in ("", "2027-01-01T09:00") for variants in (0, 2) for tiers in (False, True)
    ]  # fmt: skip
    parts = [audience_sql.sections_a_group(plan) for plan in plans]
    assert parts[:4] == [1, 4, 2, 8] and 30 < parts[4] < 50
    assert all(audience_sql.MOST_SECTIONS // each > 0 for each in parts)


# -- tiers


async def happened(client: ClickHouse, kind: str, name: str, days_ago: float, klass: str = "") -> None:
    """An event of somebody at example.com."""
    await client.execute(
        "INSERT INTO events (account, campaign, time, message_id, recipient_id, channel, kind, class, detail) "
        "SELECT 'default', 'old', now64(3) - INTERVAL {s:UInt32} SECOND, unhex({id:String}), unhex({id:String}), "
        "'email', {kind:String}, {class:String}, {kind:String}",
        {"s": int(days_ago * 86_400), "id": id_of(SECRET, f"{name}@example.com"), "kind": kind, "class": klass},
    )


async def test_a_tier_tells_how_somebody_has_reacted(client: ClickHouse) -> None:
    """
    Engaged people go through the preferred pool; whoever is called that by mistake costs its reputation.
    """
    people = [
        "opener",
        "clicker",
        "machine",
        "old_opener",
        "sleeper",
        "fresh",
        "fresh_opener",
        "lately",
        "unsent",
        "back",
    ]
    await write(client, [f"{each}@example.com" for each in people], ["l"])
    long_ago = [each for each in people if not each.startswith("fresh")]
    ids = ", ".join(f"unhex('{id_of(SECRET, f'{each}@example.com')}')" for each in long_ago)
    await client.execute(  # they have been on a list for a year, and the import of today has named them again
        "INSERT INTO members (account, list, recipient_id, added_at) SELECT 'default', 'l', "
        f"arrayJoin([{ids}])::FixedString(16), now64(3) - INTERVAL 365 DAY"
    )
    await remove_members(client, "default", "l", [bytes.fromhex(id_of(SECRET, "back@example.com"))])
    await write(client, ["back@example.com"], ["l"])
    for name in (*long_ago, "fresh"):
        if name not in ("unsent", "back"):
            await happened(client, "sent", name, 10 if name == "lately" else 60)
    await happened(client, "opened", "opener", 80)
    await happened(client, "clicked", "clicker", 1)
    await happened(client, "opened", "machine", 1, "automated.proxy")
    await happened(client, "opened", "old_opener", 95)
    await happened(client, "opened", "fresh_opener", 1)
    await client.execute("OPTIMIZE TABLE members FINAL")
    made = await seal(client, planned(AudiencePlan(lists=["l"], tiers=True)), DAY)
    rows = await audience_of(client, made)
    assert {row.address.partition("@")[0]: row.tier for row in rows} == {
        "opener": "engaged", "clicker": "engaged", "fresh_opener": "engaged", "fresh": "new",
        "machine": "dormant", "old_opener": "dormant", "sleeper": "dormant", "lately": "", "unsent": "", "back": "",
    }  # fmt: skip
    assert [row.tier for row in rows] == [each.tier for each in made.groups for _ in range(each.rows)]
    assert await seal(client, planned(AudiencePlan(lists=["l"], tiers=True)), DAY) == made
    plain = await seal(client, planned(AudiencePlan(lists=["l"]), "p-2"), DAY)
    assert {row.tier for row in await audience_of(client, plain)} == {""} and len(plain.groups) == 1


def test_a_seal_from_before_there_were_tiers_is_read() -> None:
    """
    Entries of campaigns that run over an upgrade have sections of four parts.
    """
    made = Seal.model_validate_json('{"id":"s","count":2,"digest":"","day":1,"groups":[["gmail",2,0.0,false]]}')
    assert made.groups[0].tier == ""
