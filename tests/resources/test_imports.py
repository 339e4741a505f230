"""Files of people over REST and from the terminal."""

import gzip
import json
import time
from pathlib import Path

from tests.resources.conftest import Installation, Program

CSV = b"""E-Post,Vorname,Telefon,Wann
ana@example.com,Ana,0151 23456789,2027-01-02
not an address,Bo,,
info@example.com,Cy,,
ana@example.com,Ana,,
"""
MAPPING = "mapping=%7B%22E-Post%22%3A%22email%22%2C%22Vorname%22%3A%22first_name%22%2C%22Telefon%22%3A%22phone%22%7D"


def test_a_file_is_taken_in_and_every_row_that_is_not_is_told(rest: Program) -> None:
    """The report is what the marketing team sends back to whoever made the file."""
    path = f"/v1/imports?list=kunden&{MAPPING}&default_region=DE&consent_source=shop&consent_at=2027-01-15T10:00:00Z"
    done = rest("POST", path, CSV, media="text/csv")
    assert done.status == 201
    report = done.body
    assert (report["state"], report["rows"], report["imported"], report["bad"]) == ("DONE", 4, 2, 2)
    assert report["duplicates"] == 1
    assert report["hints"].get("role") == 1
    assert {each["line"] for each in report["problems"] if each["kind"] == "error"} == {3, 5}
    assert rest("GET", done.headers["location"]).body["imported"] == 2
    (found,) = rest("GET", "/v1/contacts?email=ana@example.com").body["contacts"]
    assert (found["attributes"]["first_name"], found["attributes"]["phone"]) == ("Ana", "+4915123456789")
    members = rest("GET", "/v1/lists/kunden/members").body["members"]
    assert {each["consent_source"] for each in members} == {"shop"}


def test_problems_come_in_pages(rest: Program) -> None:
    """Ten thousand bad rows are read one page after the other."""
    rows = b"email\n" + b"".join(b"bad%d\n" % number for number in range(5))
    ident = rest("POST", "/v1/imports?list=x", rows, media="text/csv").body["id"]
    lines, cursor = [], ""
    while True:
        page = rest("GET", f"/v1/imports/{ident}/problems?limit=2&cursor={cursor}").body
        lines += [each["line"] for each in page["problems"]]
        if not (cursor := page["next"]):
            break
    assert lines == [2, 3, 4, 5, 6]


def test_a_file_of_which_nothing_can_be_read_has_failed(rest: Program) -> None:
    """Who sent the wrong file must not believe that its people are in."""
    for body, words in (
        (b"", "empty"),
        (b"name,city\nAna,Porto\n", "no column `email`"),
        (b"\x89PNG\xff", "not UTF-8"),
    ):
        answer = rest("POST", "/v1/imports?list=wrong", body, media="text/csv")
        assert answer.status == 422, body
        assert words in answer.body["detail"]
        seen = rest("GET", answer.headers["location"]).body
        assert (seen["state"], seen["imported"]) == ("FAILED", 0)
        assert words in seen["reason"]


def test_errors_are_told_before_hints(rest: Program) -> None:
    """One row that is missing matters more than twenty that are worth a look."""
    rows = b"".join(b"info@d%d.example\n" % number for number in range(25)) + b"none\n"
    problems = rest("POST", "/v1/imports?list=x", b"email\n" + rows, media="text/csv").body["problems"]
    assert [each["kind"] for each in problems] == ["error"] + ["role"] * 19


def test_several_problems_of_one_line_are_all_told(rest: Program) -> None:
    """A page may end in the middle of a line."""
    row = b"info@gmial.com,not a number,not a zone\n"
    path = "/v1/imports?list=x&mapping=%7B%22nr%22%3A%22phone%22%2C%22zone%22%3A%22time_zone%22%7D"
    ident = rest("POST", path, b"email,nr,zone\n" + row, media="text/csv").body["id"]
    whole = rest("GET", f"/v1/imports/{ident}/problems").body["problems"]
    assert len(whole) > 2
    assert {each["line"] for each in whole} == {2}
    seen, cursor = [], ""
    while True:
        page = rest("GET", f"/v1/imports/{ident}/problems?limit=1&cursor={cursor}").body
        seen += page["problems"]
        if not (cursor := page["next"]):
            break
    assert seen == whole


def test_the_same_request_again_is_answered_and_not_done_again(rest: Program, installation: Installation) -> None:
    """A client that lost the answer sends the file once more; with another file it made a mistake."""
    first = rest("POST", "/v1/imports?list=x", b"email\na@example.com\n", media="text/csv", Idempotency_Key="once")
    again = rest("POST", "/v1/imports?list=x", b"email\na@example.com\n", media="text/csv", Idempotency_Key="once")
    assert (again.status, again.body) == (201, first.body)
    other = rest("POST", "/v1/imports?list=x", b"email\nb@example.com\n", media="text/csv", Idempotency_Key="once")
    assert (other.status, other.body["field"]) == (422, "Idempotency-Key")
    assert len(rest("GET", "/v1/imports").body["imports"]) == 1
    assert installation.program("others")("GET", f"/v1/imports/{first.body['id']}").status == 404


def test_ndjson_and_gzip_are_read_as_well(rest: Program) -> None:
    """Databases export NDJSON; large files travel packed."""
    lines = b"".join(json.dumps({"email": f"n{n}@example.com", "n": n}).encode() + b"\n" for n in range(20))
    plain = rest("POST", "/v1/imports?list=n", lines, media="application/x-ndjson")
    assert plain.body["imported"] == 20
    packed = rest("POST", "/v1/imports?list=g", gzip.compress(lines), media="application/gzip")
    assert packed.body["imported"] == 20
    encoded = rest(
        "POST", "/v1/imports?list=e", gzip.compress(lines), media="application/x-ndjson", Content_Encoding="gzip"
    )
    assert encoded.body["imported"] == 20


def test_who_does_not_wait_can_look_how_far_it_is(rest: Program) -> None:
    """A browser does not hold a connection open for a minute."""
    rows = b"email,city\n" + b"".join(b"w%d@example.com,Porto\n" % number for number in range(30_000))
    begun = rest("POST", "/v1/imports?list=w&wait=false", rows, media="text/csv")
    assert begun.status == 202
    deadline = time.monotonic() + 60
    while (seen := rest("GET", begun.headers["location"]).body)["state"] == "RUNNING":
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)
    assert (seen["state"], seen["imported"]) == ("DONE", 30_000)
    assert rest("GET", "/v1/lists/w").body["people"] == 30_000


def test_what_is_wrong_with_a_request_is_told_with_the_field(rest: Program) -> None:
    """Every 4xx says what, where and how to mend it."""
    assert rest("POST", "/v1/imports", b"email\n", media="text/csv").body["field"] == "list"
    assert rest("POST", "/v1/imports?list=x", b"{}", media="application/json").status == 415
    broken = rest("POST", "/v1/imports?list=x&mapping=%7B", b"email\n", media="text/csv")
    assert (broken.status, broken.body["field"]) == (422, "mapping")
    types = rest("POST", "/v1/imports?list=x&types=%7B%22a%22%3A%22colour%22%7D", b"email\n", media="text/csv")
    assert (types.status, types.body["field"].split(".")[0]) == (422, "types")
    region = rest("POST", "/v1/imports?list=x&default_region=xx", b"email\n", media="text/csv")
    assert (region.status, region.body["field"]) == (422, "default_region")
    assert rest("GET", "/v1/imports/imp_none").status == 404


def test_a_file_from_the_terminal_with_all_options(installation: Installation, account: str, tmp_path: Path) -> None:
    """The same options as over REST."""
    file = tmp_path / "kunden.csv"
    file.write_bytes(CSV)
    report = installation.terminal(
        "contacts", "import", str(file), "--list", "kunden", "--account", account, "--map", "E-Post=email",
        "--map", "Vorname=first_name", "--map", "Telefon=phone", "--region", "DE", "--consent-source", "fair",
        code=4,
    )  # fmt: skip
    assert (report["imported"], report["bad_count"]) == (2, 2)
    shown = installation.terminal("contacts", "show", "ana@example.com", "--account", account)
    assert shown["attributes"]["phone"] == "+4915123456789"
