"""Templates: written, changed, previewed, looked over and sent as a test, over REST and from the terminal."""

import json
from pathlib import Path

from tests.resources.conftest import Installation, Program

WELCOME = {
    "subject": "Welcome, {{ first_name }}",
    "html": '<p>Hello {{ first_name }}</p><p><a href="{{ unsubscribe_url }}">leave</a></p>',
    "locales": {"pt": {"subject": "Bem-vindo, {{ first_name }}"}},
    "defaults": {"first_name": "friend"},
}
DRAFT = {"name": "Welcome", "content": WELCOME}


def test_every_change_is_a_new_version_and_old_ones_stay(rest: Program) -> None:
    """Who asks what was sent last year gets an answer."""
    made = rest("POST", "/v1/templates", DRAFT)
    assert (made.status, made.body["version"], made.headers["etag"]) == (201, 1, '"1"')
    where = made.headers["location"]
    other = {"name": "Welcome", "content": WELCOME | {"subject": "Hello"}}
    changed = rest("PUT", where, other, If_Match='"1"')
    assert (changed.status, changed.body["version"]) == (200, 2)
    assert rest("PUT", where, other, If_Match='"1"').status == 412
    assert rest("GET", where).body["content"]["subject"] == "Hello"
    assert rest("GET", f"{where}/versions/1").body["content"]["subject"] == WELCOME["subject"]
    assert [each["version"] for each in rest("GET", f"{where}/versions").body["versions"]] == [2, 1]
    page = rest("GET", f"{where}/versions?limit=1").body
    assert [each["version"] for each in rest("GET", f"{where}/versions?cursor={page['next']}").body["versions"]] == [1]
    assert rest("GET", f"{where}/versions/3").status == 404
    (listed,) = rest("GET", "/v1/templates").body["templates"]
    assert (listed["version"], "content" in listed) == (2, False)
    assert rest("DELETE", where).status == 204
    assert {rest("GET", path).status for path in (where, f"{where}/versions", f"{where}/versions/1")} == {404}


def test_a_template_of_another_account_does_not_exist(rest: Program, installation: Installation) -> None:
    """Accounts are strictly apart."""
    where = rest("POST", "/v1/templates", DRAFT).headers["location"]
    other = installation.program("others")
    asked = [other("GET", where), other("PUT", where, DRAFT), other("DELETE", where)]
    asked += [other("GET", f"{where}/versions"), other("POST", f"{where}/preview", {}), other("POST", f"{where}/lint")]
    assert {each.status for each in asked} == {404}


def test_a_template_that_cannot_be_sent_is_refused_with_its_place(rest: Program) -> None:
    """Not at the moment of the campaign: now."""
    wrong = rest("POST", "/v1/templates", {"name": "x", "content": {"subject": "a", "html": "<p>{{ oops"}})
    assert (wrong.status, wrong.body["field"]) == (422, "content.html")


def test_a_preview_is_what_the_contact_would_get(rest: Program) -> None:
    """In the language of the contact, with the attributes of the contact."""
    ana = {"email": "ana@example.com", "attributes": {"first_name": "Ana", "locale": "pt-BR"}}
    rest("POST", "/v1/contacts", {"contacts": [ana]})
    where = rest("POST", "/v1/templates", DRAFT).headers["location"]
    shown = rest("POST", f"{where}/preview", {"contact": "ana@example.com"}).body
    assert (shown["subject"], shown["locale"], shown["problems"]) == ("Bem-vindo, Ana", "pt", [])
    assert "Hello Ana" in shown["html"]
    english = rest("POST", f"{where}/preview", {"contact": "ana@example.com", "locale": "en"}).body
    assert english["subject"] == "Welcome, Ana"
    assert rest("POST", f"{where}/preview").body["subject"] == "Welcome, friend"
    assert rest("POST", f"{where}/preview", {"variables": {"first_name": "Bo"}}).body["subject"] == "Welcome, Bo"
    nobody = rest("POST", f"{where}/preview", {"contact": "nobody@example.com"})
    assert (nobody.status, nobody.body["field"]) == (422, "contact")


def test_the_lint_finds_what_readers_would_stumble_over(rest: Program) -> None:
    """Before a hundred thousand people do."""
    bare = {"subject": "Hi {{ nickname }}", "html": "<p>Hello {{ nickname }}</p>"}
    rest("POST", "/v1/contacts", {"contacts": [{"email": "ana@example.com"}], "lists": ["l"]})
    found = rest("POST", "/v1/templates/lint", {"content": bare, "lists": ["l"]}).body
    assert found["sampled"] == 1
    assert "unsubscribe-missing" in {each["rule"] for each in found["findings"]}
    assert any(each["count"] == 1 for each in found["findings"])
    where = rest("POST", "/v1/templates", DRAFT).headers["location"]
    saved = rest("POST", f"{where}/lint", {"transactional": True}).body
    assert "unsubscribe-missing" not in {each["rule"] for each in saved["findings"]}


def test_a_test_goes_to_a_few_addresses(rest: Program) -> None:
    """The last look is at a real mail."""
    where = rest("POST", "/v1/templates", DRAFT).headers["location"]
    body = {"to": ["me@gmail.com"], "from": "news@example.com", "variables": {"first_name": "Ana"}}
    sent = rest("POST", f"{where}/test", body)
    assert (sent.status, [each["to"] for each in sent.body["messages"]]) == (202, ["me@gmail.com"])
    many = rest("POST", f"{where}/test", body | {"to": ["me@gmail.com"] * 11})
    assert (many.status, many.body["field"]) == (422, "to")


def test_templates_from_the_terminal(installation: Installation, account: str, tmp_path: Path) -> None:
    """The same without a program."""
    words = ("--account", account)
    (tmp_path / "mail.html").write_text(WELCOME["html"])  # type: ignore[arg-type]
    file = tmp_path / "welcome.json"
    file.write_text(json.dumps({"name": "Welcome", "content": WELCOME | {"html": {"file": "mail.html"}}}))
    made = installation.terminal("templates", "create", str(file), *words)["thing"]
    installation.terminal("templates", "update", made["id"], str(file), "--if-match", "1", *words)
    (listed,) = installation.terminal("templates", "list", *words)["templates"]
    assert (listed["id"], listed["version"]) == (made["id"], 2)
    assert installation.terminal("templates", "show", made["id"], "--version", "1", *words)["version"] == 1
    ana = '{"first_name": "Ana", "locale": "pt"}'
    shown = installation.terminal("templates", "preview", made["id"], "--variables", ana, *words)
    assert shown["subject"] == "Bem-vindo, Ana"
    installation.terminal("templates", "lint", str(file), *words)
    sent = installation.terminal("templates", "test", made["id"], "me@gmail.com", "--from", "n@example.com", *words)
    assert [each["to"] for each in sent["messages"]] == ["me@gmail.com"]
    installation.terminal("templates", "delete", made["id"], *words)
    assert installation.terminal("templates", "list", *words)["templates"] == []
