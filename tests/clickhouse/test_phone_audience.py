"""Audiences of phones: people without email, one message a number, and nobody who did not agree."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app import ids
from app.clickhouse.audience_pages import audience_page
from app.clickhouse.client import ClickHouse
from app.clickhouse.contacts import import_people
from app.clickhouse.import_options import ImportOptions
from app.clickhouse.import_report import ImportReport
from app.clickhouse.lists import Consent
from app.clickhouse.people import Person, contact, id_of, phone_id_of, upsert_contacts
from app.clickhouse.phone_backfill import fill_phones
from app.clickhouse.seal import SealError, read_range, seal
from app.records import SealTask
from app.settings import Settings
from app.things import AudiencePlan, ByEngagement
from tests.clickhouse.conftest import SECRET

DAY = 20_000
MOBILE, INDIAN, LANDLINE, NOBODYS = "+4915123456789", "+919876543210", "+4930123456", "+15551234567"


def task(channel: str = "sms", name: str = "p-1", **plan: Any) -> SealTask:
    """A task for campaign p on list all."""
    made = AudiencePlan(lists=["all"], **plan)
    return SealTask("default", "p", name, channel, ["all"], made.model_dump_json().encode())


async def imported(settings: Settings, tmp_path: Path, text: str, **options: Any) -> ImportReport:
    """What becomes of a file with *text*."""
    (tmp_path / "people").write_text(text)
    return await import_people(settings, tmp_path / "people", "all", options=ImportOptions(list="all", **options))


async def sealed(client: ClickHouse, asked: SealTask) -> tuple[list[str], dict[str, int]]:
    """(addresses in the order of rows, who was left out)."""
    made = await seal(client, asked, DAY)
    return [row.address for row in await read_range(client, made.id, 0, made.count)], made.left_out


@pytest.mark.parametrize(
    "text",
    [
        f"phone,name\n{MOBILE},Ann\n0151 2345 6789,Bob\n4.9E+11,Cy\n+999123456,Dee\n{INDIAN},Eve\n",
        f"Mobile;name\n{MOBILE};Ann\n0049 151 23456789;Bob\nnone;Cy\n;Dee\n(+91) 98765-43210;Eve\n",
        "\n".join(
            orjson.dumps(each).decode()
            for each in [
                {"phone": MOBILE}, {"phone": "0151-23456789"}, {"phone": 12}, {"phone": None}, {"msisdn": INDIAN}
            ]
        ),
    ],
)  # fmt: skip
async def test_a_file_without_addresses_is_one_of_phones(
    settings: Settings, client: ClickHouse, tmp_path: Path, text: str
) -> None:
    """
    A shop that knows its customers by phone has no column email; a number that is written in two ways is one.
    """
    report = await imported(settings, tmp_path, text, region="DE")
    assert (report.imported, report.bad_count, report.duplicates) == (2, 3, 1)
    assert any("already in the file" in bad.reason for bad in report.bad)
    rows = await client.rows("SELECT hex(recipient_id), hex(phone_id), phone, phone_group, address FROM contacts")
    assert sorted(row[2:] for row in rows) == sorted([[MOBILE, "DE/t-mobile", ""], [INDIAN, "IN/airtel", ""]])
    for ident, phone, number, *_ in rows:
        assert ident.lower() == phone.lower() == ids.recipient_id(SECRET, "phone", number).hex()


async def test_numbers_that_are_none_are_told_with_what_to_do(settings: Settings, tmp_path: Path) -> None:
    """
    Who exports from a spreadsheet must learn that it cut the numbers, not that they are bad.
    """
    text = "phone\n4.9E+11\n0151 23456789\n+99912345678\n" + "9" * 100_000 + "\nabc\n"
    report = await imported(settings, tmp_path, text)
    reasons = [bad.reason for bad in report.bad]
    assert "spreadsheet" in reasons[0] and "without + nobody knows" in reasons[1] and "no country" in reasons[2]
    assert len(reasons) == 5 and max(map(len, reasons)) < 300


async def test_an_sms_goes_to_each_number_once_and_every_other_is_explained(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Two people with one phone get one message; who is left out is told why.
    """
    text = (
        "email,phone,consent_sms\n"
        f"a@x.org,{MOBILE},true\nb@x.org,{MOBILE},yes\nc@x.org,,true\nd@x.org,{LANDLINE},true\n"
        f"e@x.org,{NOBODYS},true\nf@x.org,{INDIAN},\ng@x.org,+919876543211,false\nh@x.org,+919876543212,2026-01-01\n"
    )
    report = await imported(settings, tmp_path, text)
    assert report.imported == 8 and report.hint_counts["phone"] == 2
    assert await sealed(client, task(consent="given")) == (
        [MOBILE, "+919876543212"],
        {"invalid_phone": 1, "landline": 1, "no_consent": 2, "no_phone": 1, "same_number": 1},
    )
    told = await audience_page(client, "default", "p", reason="no_phone")
    assert [each.id for each in told] == [id_of(SECRET, "c@x.org")]
    addresses, left_out = await sealed(client, task(name="p-2", consent="not_refused"))
    assert (len(addresses), left_out["no_consent"]) == (3, 1)
    assert (await sealed(client, task(name="p-3")))[1].get("no_consent") is None
    assert len((await sealed(client, task("voice", name="p-4")))[0]) == 5  # a landline can be called


async def test_who_is_known_by_phone_alone_agrees_with_a_list(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Somebody without email can only have agreed to be written to at the phone; with one, nobody knows which.
    """
    text = f"phone,email\n{MOBILE},\n{INDIAN},f@x.org\n"
    await imported(settings, tmp_path, text, consent_source="shop")
    assert await sealed(client, task(consent="given")) == ([MOBILE], {"no_consent": 1})


async def test_a_list_may_have_agreed_to_channels_of_the_phone(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    A form with a box for SMS: who has an email as well agreed to both; what a row says of its own goes before.
    """
    text = f"email,phone,consent_sms\na@x.org,{MOBILE},\nb@x.org,{INDIAN},no\nc@x.org,,\n"
    await imported(settings, tmp_path, text, consent_source="shop", consent_at=1_700_000_000, consent_channels=["sms"])
    assert await sealed(client, task(consent="given")) == ([MOBILE], {"no_consent": 1, "no_phone": 1})
    assert (await sealed(client, task("voice", name="p-2", consent="not_refused")))[0] == [MOBILE, INDIAN]
    with pytest.raises(SealError, match="no_consent"):
        await seal(client, task("whatsapp", name="p-3", consent="given"), DAY)


async def test_a_no_holds_for_the_number(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    Exclusions and refusals that are known by phone reach the contact that has an email address as well.
    """
    people = [Person("a@x.org", {"phone": MOBILE, "consent_sms": True}), Person("b@x.org", {"phone": INDIAN})]
    await upsert_contacts(client, SECRET, "default", people, ["all"])
    await upsert_contacts(client, SECRET, "default", [Person("", {"phone": MOBILE})], ["staff"])
    await upsert_contacts(client, SECRET, "default", [Person("", {"phone": INDIAN, "consent_sms": False})])
    assert await sealed(client, task(consent="not_refused")) == ([MOBILE], {"no_consent": 1})
    with pytest.raises(SealError, match="1 excluded_list:staff, 1 no_consent"):
        await seal(client, task(name="p-2", consent="not_refused", exclude_lists=["staff"]), DAY)


async def test_rows_of_phones_have_country_carrier_and_zone(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    Routes and limits ask for the carrier, hours for the clock of the country where it has one.
    """
    numbers = [f"+9198765{number:05d}" for number in range(120)] + ["+393471234567", "+14155552671"]
    await imported(settings, tmp_path, "phone\n" + "\n".join(numbers))
    made = await seal(client, task(zones=True, time_zone="America/New_York", domains=["vodafone"]), DAY)
    rows = await read_range(client, made.id, 0, made.count)
    assert {(row.group, row.zone) for row in rows} == {
        ("IN/airtel", "Asia/Kolkata"), ("IT/vodafone", "Europe/Rome"), ("US", "America/New_York")
    }  # fmt: skip
    assert all(row.recipient_id.hex() == phone_id_of(SECRET, row.address) for row in rows)
    assert sum(each.rows for each in made.groups) == made.count == 122
    local = await seal(client, task(name="p-2", local="2026-06-01T09:00", time_zone="America/New_York"), DAY)
    assert len({each.due for each in local.groups}) == 3


async def test_an_experiment_draws_numbers_not_contacts(settings: Settings, client: ClickHouse, tmp_path: Path) -> None:
    """
    A number that two people share is in one variant.
    """
    text = "email,phone\n" + "\n".join(f"p{n}@x.org,+91987650{n // 2:04d}" for n in range(200))
    await imported(settings, tmp_path, text)
    made = await seal(client, task(test_share=0.5, variants=2, holdout=0.1), DAY)
    rows = await read_range(client, made.id, 0, made.count)
    assert (made.count, made.left_out) == (90, {"holdout": 10, "same_number": 100})
    assert sum(row.variant > 0 for row in rows) == 50


async def test_an_email_campaign_leaves_out_who_has_none(
    settings: Settings, client: ClickHouse, tmp_path: Path
) -> None:
    """
    A list may hold both kinds of people.
    """
    await imported(settings, tmp_path, f"email,phone\na@x.org,{MOBILE}\n,{INDIAN}\n")
    assert await sealed(client, task("email")) == (["a@x.org"], {"no_email": 1})


async def test_contacts_from_before_get_their_phone_ids(settings: Settings, client: ClickHouse) -> None:
    """
    Nobody is silently left out after an upgrade; what is no number is told as that, and asked about once.
    """
    people = [Person(f"p{n}@x.org", {"phone": f"+9198765{n:05d}"}) for n in range(7)]
    people += [Person("bad@x.org", {}), Person("none@x.org", {})]
    await upsert_contacts(client, SECRET, "default", people, ["all"])
    await client.execute(
        "INSERT INTO contacts (account, recipient_id, address, mx_group, attributes, updated_at) "
        "SELECT account, recipient_id, address, mx_group, if(address = 'bad@x.org', '{\"phone\":\"call me\"}', "
        "attributes), updated_at FROM contacts FINAL"
    )
    with pytest.raises(SealError, match="8 no_phone_id"):
        await seal(client, task(), DAY)
    assert [await fill_phones(client, SECRET, most=3), await fill_phones(client, SECRET)] == [3, 5]
    assert await fill_phones(client, SECRET) == 0
    addresses, left_out = await sealed(client, task(name="p-2"))
    assert (len(addresses), left_out) == (7, {"invalid_phone": 1, "no_phone": 1})


async def test_a_change_that_comes_during_the_backfill_stays(settings: Settings, client: ClickHouse) -> None:
    """
    The backfill writes what it has read with the time it had: a later upsert wins, in whichever order they arrive.
    """
    await upsert_contacts(client, SECRET, "default", [Person("a@x.org", {"phone": MOBILE})])
    await client.execute(
        "INSERT INTO contacts (account, recipient_id, address, mx_group, attributes, updated_at) "
        "SELECT account, recipient_id, address, mx_group, attributes, updated_at FROM contacts FINAL"
    )

    class Slow:
        """ClickHouse: somebody changes the contact before it is written."""

        rows = client.rows

        async def insert(self, sql: str, data: bytes) -> None:
            """Write *data* behind a change."""
            await upsert_contacts(client, SECRET, "default", [Person("a@x.org", {"phone": INDIAN})])
            await client.insert(sql, data)

    await fill_phones(Slow(), SECRET)  # type: ignore[arg-type]
    found = await contact(client, "default", id_of(SECRET, "a@x.org"))
    assert found is not None and (found.phone, found.attributes["phone"]) == (INDIAN, INDIAN)


async def test_upserts_by_phone(settings: Settings, client: ClickHouse) -> None:
    """
    Who has no email is found again by the number, however it is written; what is no number or no consent is refused.
    """
    people = [
        Person("", {"phone": "+49 151 2345-6789", "name": "Ann"}, Consent(1.7e9, "shop")),
        Person("", {"phone": MOBILE, "city": "Bonn"}), Person("", {}), Person("", {"phone": "4.9E+11"}),
        Person("x@x.org", {"consent_sms": "maybe"}), Person("", {"phone": INDIAN, "big": "x" * 1_000_000}),
    ]  # fmt: skip
    stored, refused = await upsert_contacts(client, SECRET, "default", people, ["all"])
    assert [(each.id, each.address, each.phone, each.attributes) for each in stored] == [
        (phone_id_of(SECRET, MOBILE), "", MOBILE, {"phone": MOBILE, "name": "Ann", "city": "Bonn"})
    ]
    assert [(each.index, each.field) for each in refused] == [
        (2, "address"), (3, "phone"), (4, "consent_sms"), (5, "attributes")
    ]  # fmt: skip


async def test_a_segment_by_engagement_knows_what_was_sent_to_the_phone(settings: Settings, client: ClickHouse) -> None:
    """
    Events of an SMS are about the recipient id of the phone, a segment is about the person.
    """
    people = [Person("a@x.org", {"phone": MOBILE}), Person("b@x.org", {"phone": INDIAN})]
    await upsert_contacts(client, SECRET, "default", people, ["all"])
    await client.execute(
        "INSERT INTO events (event_id, account, campaign, time, message_id, recipient_id, channel, kind) "
        "SELECT '1234567890123456', 'default', 'c', now64(3), '1234567890123456', unhex({id:String}), 'sms', 'clicked'",
        {"id": phone_id_of(SECRET, MOBILE)},
    )
    asked = AudiencePlan(segments=[ByEngagement(engaged="clicked")])
    for channel, address in (("email", "a@x.org"), ("sms", MOBILE)):
        made = await seal(client, SealTask("default", "e", channel, channel, [], asked.model_dump_json().encode()), DAY)
        assert [row.address for row in await read_range(client, made.id, 0, made.count)] == [address]
