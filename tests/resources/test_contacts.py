"""Contacts and lists: put in, found, changed; on lists and off them."""

from tests.resources.conftest import Installation, Program

ANA = {"email": "Ana@Example.com", "attributes": {"first_name": "Ana", "visits": 3, "vip": True}}


def test_a_contact_is_put_in_found_and_changed(rest: Program) -> None:
    """What a shop does all day."""
    stored = rest("POST", "/v1/contacts", {"contacts": [ANA], "lists": ["customers"]})
    assert (stored.status, stored.body["stored"], stored.body["problems"]) == (200, 1, [])
    (found,) = rest("GET", "/v1/contacts?email=ana%40EXAMPLE.com").body["contacts"]
    assert found["attributes"] == ANA["attributes"]
    changed = rest("PATCH", f"/v1/contacts/{found['id']}", {"attributes": {"visits": 4, "vip": None}})
    assert changed.body["attributes"] == {"first_name": "Ana", "visits": 4}
    shown = rest("GET", f"/v1/contacts/{found['id']}").body
    assert shown["attributes"] == {"first_name": "Ana", "visits": 4}
    assert [(each["list"], each["active"]) for each in shown["lists"]] == [("customers", True)]


def test_who_cannot_be_taken_is_told_and_the_others_are_in(rest: Program) -> None:
    """One typing error must not hold up a thousand people."""
    people = [ANA, {"email": "not an address"}, {"email": "bo@example.com"}]
    answer = rest("POST", "/v1/contacts", {"contacts": people})
    assert (answer.status, answer.body["stored"]) == (200, 2)
    assert [(each["index"], each["field"]) for each in answer.body["problems"]] == [(1, "email")]
    nobody = rest("POST", "/v1/contacts", {"contacts": [{"email": "no"}]})
    assert (nobody.status, nobody.body["field"]) == (422, "contacts")


def test_contacts_come_in_pages_by_list(rest: Program) -> None:
    """A list of a million people fits into no answer."""
    people = [{"email": f"p{number}@example.com"} for number in range(7)]
    rest("POST", "/v1/contacts", {"contacts": people, "lists": ["seven"]})
    rest("POST", "/v1/contacts", {"contacts": [ANA]})
    seen, cursor = [], ""
    while True:
        page = rest("GET", f"/v1/contacts?list=seven&limit=3&cursor={cursor}").body
        seen += [each["email"] for each in page["contacts"]]
        if not (cursor := page["next"]):
            break
    assert sorted(seen) == [each["email"] for each in people]


def test_a_contact_of_another_account_does_not_exist(rest: Program, installation: Installation) -> None:
    """Accounts are strictly apart."""
    ident = rest("POST", "/v1/contacts", {"contacts": [ANA]}).body["contacts"][0]["id"]
    other = installation.program("others")
    assert other("GET", f"/v1/contacts/{ident}").status == 404
    assert other("PATCH", f"/v1/contacts/{ident}", {"attributes": {}}).status == 404
    assert other("GET", "/v1/contacts?email=ana@example.com").body["contacts"] == []
    assert rest("GET", "/v1/contacts/nobody").status == 404


def test_people_are_put_on_a_list_with_their_consent_and_taken_off(rest: Program) -> None:
    """Who asks later where somebody agreed, and when, must get an answer."""
    assert rest("POST", "/v1/lists", {"name": "news & more"}).status == 201
    assert rest("POST", "/v1/lists", {"name": "news & more"}).status == 200
    ident = rest("POST", "/v1/contacts", {"contacts": [ANA]}).body["contacts"][0]["id"]
    members = {
        "members": [
            {"id": ident, "consent": {"source": "shop", "at": "2027-01-15T10:00:00Z"}},
            {"email": "bo@example.com"},
            {"id": "0" * 32},
        ],
        "consent": {"source": "fair"},
    }
    added = rest("POST", "/v1/lists/news%20%26%20more/members", members).body
    assert (added["added"], [each["index"] for each in added["problems"]], added["created"]) == (2, [2], False)
    found = {each["email"]: each for each in rest("GET", "/v1/lists/news%20%26%20more/members").body["members"]}
    assert found["Ana@Example.com"]["consent_at"] == "2027-01-15T10:00:00Z"
    assert found["bo@example.com"]["consent_source"] == "fair"

    nobody = "nobody@example.com"
    taken = rest("DELETE", f"/v1/lists/news%20%26%20more/members?member={ident}&member={nobody}").body
    assert taken == {"removed": 1, "problems": []}  # the other was not on it
    assert rest("DELETE", f"/v1/lists/news%20%26%20more/members?member={ident}").body["removed"] == 0
    shown = rest("GET", "/v1/lists/news%20%26%20more").body
    assert (shown["people"], shown["name"]) == (1, "news & more")
    rest("POST", "/v1/lists/news%20%26%20more/members/remove", {"members": ["BO@example.com"]})
    assert rest("GET", "/v1/lists").body["lists"][0]["people"] == 0
    assert rest("POST", "/v1/lists/new/members", {"members": [{"email": nobody}]}).body["created"]
    assert rest("GET", "/v1/lists/unknown").status == 404
    assert rest("GET", "/v1/lists/unknown/members").status == 404


def test_lists_come_in_pages_whatever_their_names_are(rest: Program) -> None:
    """Marketing teams like pictures in names."""
    names = ["\U0001f33b" * 200, "a" * 200, "b / c"]
    for name in names:
        assert rest("POST", "/v1/lists", {"name": name}).status == 201
    seen, cursor = [], ""
    while True:
        page = rest("GET", f"/v1/lists?limit=1&cursor={cursor}").body
        seen += [each["name"] for each in page["lists"]]
        if not (cursor := page["next"]):
            break
    assert sorted(seen) == sorted(names)
    assert rest("GET", "/v1/lists/b%20%2F%20c").body["name"] == "b / c"


def test_a_list_tells_what_is_known_of_its_people(rest: Program) -> None:
    """Who writes a template wants to know which variables there are."""
    rest("POST", "/v1/contacts", {"contacts": [ANA], "lists": ["customers"]})
    attributes = rest("GET", "/v1/lists/customers").body["attributes"]
    assert set(attributes) == {"first_name", "visits", "vip"}


def test_a_key_without_the_scope_changes_nothing(installation: Installation, account: str) -> None:
    """The key of a web site that reads must not be able to write."""
    reader = installation.program(account, "read")
    assert reader("GET", "/v1/contacts").status == 200
    assert reader("POST", "/v1/contacts", {"contacts": [ANA]}).status == 403


def test_contacts_from_the_terminal(installation: Installation, account: str) -> None:
    """The same without a program."""
    words = ("--account", account)
    made = installation.terminal(
        "contacts", "upsert", "ana@example.com", "--set", "city=Porto", "--set", "visits:=3", "--list", "vip", *words
    )
    installation.terminal("contacts", "upsert", "ana@example.com", "--set", "city:=null", *words)
    shown = installation.terminal("contacts", "show", "ana@example.com", *words)
    assert (shown["id"], shown["attributes"]) == (made["id"], {"visits": 3})
    installation.terminal("lists", "add", "vip", "bo@example.com", "bad", "--consent-source", "shop", *words, code=4)
    assert installation.terminal("lists", "show", "vip", *words)["people"] == 2
    installation.terminal("lists", "remove", "vip", "ana@example.com", *words)
    (only,) = installation.terminal("lists", "list", *words)["lists"]
    assert (only["name"], only["people"]) == ("vip", 1)
