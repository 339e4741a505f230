"""Imports in full: which column is what, types, hints, consents, and what is written down for others to see."""

import asyncio
import io
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.clickhouse.attribute_types import is_date, read_as, recognised
from app.clickhouse.client import ClickHouse, ClickHouseError
from app.clickhouse.contact_checks import checked_address, domain_of
from app.clickhouse.contacts import import_file, import_people, import_stream
from app.clickhouse.import_log import import_of, imports_page, problems_page
from app.clickhouse.import_options import ImportOptions
from app.clickhouse.list_columns import attributes_of
from app.clickhouse.people import contact, contacts_page, id_of, memberships
from app.content.address import AddressError
from app.settings import Settings
from tests.clickhouse.conftest import SECRET


def options(**given: object) -> ImportOptions:
    """Options of an import into the list `l`."""
    return ImportOptions.model_validate({"list": "l"} | given)


async def imported(client: ClickHouse, text: str, ident: str = "i", **given: object) -> dict[str, dict[str, object]]:
    """Address -> attributes of everybody, after an import of *text*."""
    await import_file(client, SECRET, io.BytesIO(text.encode()), options(**given), ident=ident)
    return {each.address: each.attributes for each in await contacts_page(client, "default")}


async def test_columns_become_what_they_are_said_to_be(client: ClickHouse) -> None:
    """
    Files of other systems have headers of their own; a template wants names that it can say.
    """
    text = (
        "Mail address;Handy;First Name;Lang;Zone;Secret;2nd\n"
        "ann@example.com;0151 23456789;Ann;pt_BR;Europe/Lisbon;x;b\n"
        "bob@example.com;+4915123456789;Bob;??;Mars;x;c\n"
    )
    columns = {"Mail address": "email", "Handy": "phone", "Lang": "locale", "Zone": "time_zone", "Secret": ""}
    people = await imported(client, text, columns=columns, region="DE")
    assert people == {
        "ann@example.com": {"phone": "+4915123456789", "first_name": "Ann", "locale": "pt-BR",
                            "time_zone": "Europe/Lisbon", "column_2nd": "b"},
        "bob@example.com": {"phone": "+4915123456789", "first_name": "Bob", "column_2nd": "c"},
    }  # fmt: skip
    found = await import_of(client, "default", "i")
    assert found is not None and (found.state, found.list, found.rows, found.imported) == ("DONE", "l", 2, 2)
    assert found.columns == {"Mail address": "email", "Handy": "phone", "First Name": "first_name", "Lang": "locale",
                             "Zone": "time_zone", "2nd": "column_2nd"}  # fmt: skip
    assert found.hints == {"locale": 1, "time_zone": 1, "phone": 1}  # both have one number


async def test_a_row_of_nobody_says_so(client: ClickHouse) -> None:
    """
    A file of phones has no addresses: the reason must not ask for one.
    """
    assert await imported(client, "Mobile,name\n,Ann\n+4915123456789,Bob\n") != {}
    page = await problems_page(client, "default", "i")
    assert [(each.line, each.reason) for each in page] == [(2, "nobody: neither an email address nor a phone number")]


async def test_a_column_that_the_file_does_not_have_imports_nobody(client: ClickHouse) -> None:
    """
    A mapping with a slip would fill a list with people who lack what the campaign is about.
    """
    assert await imported(client, "email,city\na@example.com,Ulm\n", columns={"Stadt": "city"}) == {}
    (problem,) = await problems_page(client, "default", "i")
    assert problem.reason == "no column 'Stadt' in the header: it has email, city"
    with pytest.raises(ValidationError, match="two columns are 'email'"):
        options(columns={"a": "email", "b": "email"})


async def test_values_of_a_csv_have_the_type_that_their_column_has(client: ClickHouse) -> None:
    """
    `{% if vip %}` must not be true for "false", and 007 must not become 7.
    """
    text = (
        "email,age,vip,code,price,joined,note\n"
        "a@example.com,31,TRUE,007,1.25,2026-01-02,5\nb@example.com,-4,false,12,3,2026-01-02T10:00:00Z,x\n"
    )
    assert await imported(client, text) == {
        "a@example.com": {"age": 31, "vip": True, "code": "007", "price": 1.25, "joined": "2026-01-02", "note": "5"},
        "b@example.com": {"age": -4, "vip": False, "code": "12", "price": 3, "joined": "2026-01-02T10:00:00Z",
                          "note": "x"},
    }  # fmt: skip
    types = await attributes_of(client, "default")
    assert types == {"age": ["number"], "vip": ["boolean"], "code": ["text"], "price": ["number"], "joined": ["date"],
                     "note": ["text"]}  # fmt: skip


async def test_a_declared_type_is_a_promise_that_rows_are_held_to(client: ClickHouse) -> None:
    """
    Who says that a column is a number wants to hear of the row where it is none.
    """
    text = "email,age,vip\na@example.com,1.50,yes\nb@example.com,old,no\n"
    people = await imported(client, text, types={"age": "number", "vip": "boolean"})
    assert people == {"a@example.com": {"age": 1.5, "vip": True}}
    (problem,) = await problems_page(client, "default", "i", kind="error")
    assert (problem.line, problem.column, problem.reason) == (3, "age", "'old' is no number")


async def test_consent_comes_from_columns_or_from_the_import_and_stays(client: ClickHouse) -> None:
    """
    Whether somebody agreed, where and when, is asked for in court: a later file without it must not wipe it out.
    """
    text = "email,consent_at,consent_source\na@example.com,2025-05-01T10:00:00Z,fair\nb@example.com,,\n"
    await imported(client, text, consent_source="shop", consent_at=1_700_000_000)
    await imported(client, "email\na@example.com\n", "i2")
    seen = {}
    for name in ("a", "b"):
        (member,) = await memberships(client, "default", id_of(SECRET, f"{name}@example.com"))
        assert member.active and member.list == "l"
        seen[name] = (member.consent_at, member.consent_source)
    assert seen == {"a": (1_746_093_600, "fair"), "b": (1_700_000_000, "shop")}


async def test_rows_worth_a_look_are_imported_and_listed(client: ClickHouse) -> None:
    """
    A desk, a throw-away address and a slip of the fingers are no errors, but they hurt the reputation.
    """
    text = "email\nINFO@example.com\na@mailinator.com\nb@gmial.com\nno address\nb@gmial.com\n"
    assert set(await imported(client, text)) == {"INFO@example.com", "a@mailinator.com", "b@gmial.com"}
    found = [(each.line, each.kind) for each in await problems_page(client, "default", "i")]
    assert found == [(2, "role"), (3, "disposable"), (4, "typo"), (5, "error"), (6, "error")]
    first = await problems_page(client, "default", "i", limit=2)
    assert [each.line for each in await problems_page(client, "default", "i", after=first[-1], limit=2)] == [4, 5]
    seen = await import_of(client, "default", "i")
    assert seen is not None and (seen.bad, seen.duplicates) == (2, 1)
    assert await import_of(client, "foreign", "i") is None


async def test_the_same_import_again_is_one_import(client: ClickHouse) -> None:
    """
    A client that never saw the answer sends the file again under the same key.
    """
    for _ in range(2):
        await imported(client, "email\na@example.com\nnobody\n")
    assert [(each.id, each.imported, each.bad) for each in await imports_page(client, "default")] == [("i", 1, 1)]
    assert len(await problems_page(client, "default", "i")) == 1


async def test_a_file_that_arrives_in_chunks_is_imported_and_one_that_breaks_off_says_so(client: ClickHouse) -> None:
    """
    An upload is not held in memory; where the line dies, what came before is in and the rest is reported.
    """

    async def chunks(breaks: bool) -> AsyncIterator[bytes]:
        for number in range(3_000):
            yield f"{'email' if number == 0 else f'p{number}@example.com'}\n".encode()
            await asyncio.sleep(0)
        if breaks:
            raise ConnectionResetError("gone")

    assert (await import_stream(client, SECRET, chunks(False), options(), ident="whole")).imported == 2_999
    report = await import_stream(client, SECRET, chunks(True), options(), ident="broken")
    assert "the upload ended early" in report.bad[0].reason
    found = await import_of(client, "default", "broken")
    assert found is not None and found.bad == 1


async def test_an_import_that_fails_says_why_to_whoever_looks(client: ClickHouse) -> None:
    """
    Who uploaded has gone home; the page of imports still tells what happened.
    """
    await client.execute("DROP TABLE contacts")
    with pytest.raises(ClickHouseError, match="contacts"):
        await import_file(client, SECRET, io.BytesIO(b"email\na@example.com\n"), options(), ident="i")
    found = await import_of(client, "default", "i")
    assert found is not None and found.state == "FAILED" and "contacts" in found.reason


async def test_ndjson_keeps_types_and_follows_the_mapping(settings: Settings, client: ClickHouse) -> None:
    """
    What another system knows is not turned into text on the way.
    """
    text = b'{"e": "a@example.com", "tags": [1, "x"], "age": 5, "ok": true, "secret": 1, "Town": "Ulm"}\n'
    how = options(columns={"e": "email", "secret": "", "Town": "city"})
    await import_people(settings, io.BytesIO(text), "l", options=how)
    found = await contact(client, "default", id_of(SECRET, "a@example.com"))
    assert found is not None and found.attributes == {"tags": [1, "x"], "age": 5, "ok": True, "city": "Ulm"}


# -- the pure parts


@pytest.mark.parametrize(
    "address",
    ["a@b.example", "First.Last+tag@sub.Example.co", "o'brien@example.com", '"a b"@example.com', "jörg@bücher.example"],
)
def test_what_is_an_address_passes(address: str) -> None:
    """
    Rare forms are real: refusing them loses people.
    """
    assert "@" in checked_address(address)


@pytest.mark.parametrize(
    "address", ["", "a", "a@", "@b.example", "a@b", "a@localhost", "a@x.invalid", "a..b@example.com", ".a@example.com",
                "a.@example.com", "a@-b.example", "a@b_c.example", "a b@example.com", f"{'x' * 65}@example.com",
                "a@b..example", "a@example.com\n"],
)  # fmt: skip
def test_what_is_no_address_does_not(address: str) -> None:
    """
    Each of them is a bounce, and bounces are held against the sender.
    """
    with pytest.raises(AddressError):
        checked_address(address)


@given(st.from_regex(r"[A-Za-z0-9_+.-]{1,70}@[A-Za-z0-9.-]{1,70}", fullmatch=True))
def test_the_short_way_agrees_with_the_long_one(address: str) -> None:
    """
    Ordinary addresses skip the full check: it must not have anything to say about them.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        checked_address(address)
    except AddressError:
        return
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:  # pragma: no cover - a failure
        pytest.fail(f"{address}: {error}")


@pytest.mark.parametrize(
    ("domain", "kind"),
    [("gmail.com", ""), ("gmial.com", "typo"), ("gmai.com", "typo"), ("mail.com", ""), ("hotmial.com", "typo"),
     ("mailinator.com", "disposable"), ("x.example", "")],
)  # fmt: skip
def test_domains_worth_a_look_are_told(domain: str, kind: str) -> None:
    """
    A hint that cries wolf is turned off: real providers get none.
    """
    assert domain_of(domain)[1] == kind


@given(st.text(max_size=12) | st.integers().map(str) | st.floats(allow_nan=False, allow_infinity=False).map(str))
def test_a_recognised_number_is_printed_as_it_was_typed(text: str) -> None:
    """
    A template prints what the file said: a postcode, a price or a serial number must not change its form.
    """
    value = read_as("number", text)
    assert value is None or str(value) == text


@given(st.lists(st.sampled_from(["1", "2.5", "true", "x", "2026-01-01"]), min_size=1))
def test_a_column_has_the_type_that_all_its_values_have(values: list[str]) -> None:
    """
    One word among numbers makes a text: nobody's value is dropped.
    """
    kind = recognised(values)
    assert all(read_as(kind, value) is not None for value in values)
    assert not is_date("tomorrow")
