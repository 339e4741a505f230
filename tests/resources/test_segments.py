"""Segments: filters over people, saved or tried out, over REST and from the terminal."""

import json
from pathlib import Path

import pytest

from tests.resources.conftest import Installation, Program

LISBON = {"attribute": "city", "op": "eq", "value": "Lisbon"}
KEEN = {"all": [LISBON, {"not": {"list": "left"}}]}


def people(rest: Program) -> None:
    """Three of Lisbon, one of whom is on the list `left`, and one of Porto."""
    lisbon = [{"email": f"l{number}@example.com", "attributes": {"city": "Lisbon"}} for number in range(3)]
    rest("POST", "/v1/contacts", {"contacts": lisbon})
    rest("POST", "/v1/contacts", {"contacts": [lisbon[0]], "lists": ["left"]})
    rest("POST", "/v1/contacts", {"contacts": [{"email": "p@example.com", "attributes": {"city": "Porto"}}]})


def test_a_filter_is_tried_out_saved_and_counted(rest: Program) -> None:
    """First one looks how many there are, then one keeps it."""
    people(rest)
    assert rest("POST", "/v1/segments/count", {"filter": KEEN}).body == {"count": 2}
    made = rest("POST", "/v1/segments", {"name": "Keen of Lisbon", "filter": KEEN})
    assert (made.status, made.headers["etag"]) == (201, '"1"')
    where = made.headers["location"]
    assert rest("GET", where).body["filter"] == made.body["filter"]
    assert rest("GET", f"{where}/count").body == {"count": 2}
    sample = rest("GET", f"{where}/sample?limit=1").body["sample"]
    assert [each["attributes"] for each in sample] == [{"city": "Lisbon"}]
    assert [each["id"] for each in rest("GET", "/v1/segments").body["segments"]] == [made.body["id"]]


def test_of_two_who_edit_at_once_the_second_is_told(rest: Program) -> None:
    """Nobody's work is overwritten unseen."""
    made = rest("POST", "/v1/segments", {"name": "a", "filter": LISBON})
    where, first = made.headers["location"], made.headers["etag"]
    changed = rest("PUT", where, {"name": "b", "filter": LISBON}, If_Match=first)
    assert (changed.status, changed.headers["etag"], changed.body["name"]) == (200, '"2"', "b")
    assert rest("PUT", where, {"name": "c", "filter": LISBON}, If_Match=first).status == 412
    assert rest("GET", where, If_None_Match='"2"').status == 304
    assert rest("GET", where).body["name"] == "b"
    assert rest("DELETE", where, If_Match=first).status == 412
    assert rest("DELETE", where, If_Match='"2"').status == 204
    assert rest("GET", where).status == 404
    assert rest("GET", f"{where}/count").status == 404
    assert rest("GET", "/v1/segments").body["segments"] == []


def test_segments_come_in_pages_and_stay_in_their_account(rest: Program, installation: Installation) -> None:
    """What is new shows at once, and on one page only."""
    made = [rest("POST", "/v1/segments", {"name": f"s{number}", "filter": LISBON}).body["id"] for number in range(5)]
    seen, cursor = [], ""
    while True:
        page = rest("GET", f"/v1/segments?limit=2&cursor={cursor}").body
        seen += [each["id"] for each in page["segments"]]
        if not (cursor := page["next"]):
            break
    assert seen == made[::-1]
    other = installation.program("others")
    assert other("GET", f"/v1/segments/{made[0]}").status == 404
    assert other("PUT", f"/v1/segments/{made[0]}", {"name": "x", "filter": LISBON}).status == 404
    assert other("DELETE", f"/v1/segments/{made[0]}").status == 404


@pytest.mark.parametrize(
    ("tree", "field"),
    [
        ({"attribute": "city", "op": "like", "value": "L%"}, "filter.op"),
        ({"all": []}, "filter.all"),
        ({"sql": "1 = 1"}, "filter"),
        ({"attribute": "city", "op": "in", "value": "Lisbon"}, "filter"),
    ],
)
def test_a_mistake_in_a_filter_is_told_where_it_is(rest: Program, tree: object, field: str) -> None:
    """Filters are built by programs of others."""
    for path, body in (("/v1/segments/count", {"filter": tree}), ("/v1/segments", {"name": "x", "filter": tree})):
        answer = rest("POST", path, body)
        assert (answer.status, answer.body["field"]) == (422, field)


def test_segments_from_the_terminal(installation: Installation, rest: Program, tmp_path: Path) -> None:
    """The same without a program."""
    people(rest)
    words = ("--account", rest.account)
    file = tmp_path / "keen.json"
    file.write_text(json.dumps(KEEN))
    assert installation.terminal("segments", "count", str(file), *words) == {"count": 2}
    made = installation.terminal("segments", "create", str(file), "--name", "Keen", *words)["thing"]
    installation.terminal("segments", "update", made["id"], str(file), "--name", "Keener", "--if-match", "1", *words)
    assert installation.terminal("segments", "count", made["id"], *words) == {"count": 2}
    assert len(installation.terminal("segments", "sample", made["id"], *words)["sample"]) == 2
    (listed,) = installation.terminal("segments", "list", *words)["segments"]
    assert (listed["name"], listed["revision"]) == ("Keener", 2)
    assert installation.terminal("segments", "show", made["id"], *words)["filter"] == listed["filter"]
    installation.terminal("segments", "delete", made["id"], *words)
    assert installation.terminal("segments", "show", made["id"], *words, code=1)["advice"]
