"""Suppressions: added, seen at once, lifted, over REST and from the terminal."""

import time

import pytest

from tests.resources.conftest import Installation, Program

ANA = {"addresses": ["ana@example.com"]}


def scopes(rest: Program, address: str = "ana@example.com") -> list[tuple[str, str]]:
    """The scopes in which *address* is suppressed."""
    held = rest("POST", "/v1/suppressions/check", {"addresses": [address]}).body["suppressed"]
    return sorted((each["scope"], each["scope_id"]) for person in held for each in person["scopes"])


def test_who_was_suppressed_shows_at_once_and_is_gone_when_lifted(rest: Program) -> None:
    """Whoever clicks unsubscribe is asked about the next moment."""
    assert scopes(rest) == []
    added = rest("POST", "/v1/suppressions", ANA | {"reason": "complaint", "source": "crm"})
    assert (added.status, added.body) == (200, {"suppressed": 1, "problems": [], "notes": []})
    assert scopes(rest, "ANA@example.com ") == [("account", rest.account)]
    added = rest("POST", "/v1/suppressions", ANA | {"scope": "list", "scope_id": "news"})
    assert "no list 'news' yet" in added.body["notes"][0]
    assert scopes(rest) == [("account", rest.account), ("list", "news")]
    (shown,) = rest("GET", "/v1/suppressions?scope=account").body["suppressions"]
    assert (shown["reason"], shown["source"], shown["until"]) == ("complaint", "crm", None)
    lifted = rest("POST", "/v1/suppressions/remove", ANA).body
    assert (lifted["lifted"], lifted["unsubscribed"]) == (1, 0)
    assert scopes(rest) == [("list", "news")]


def test_an_email_is_suppressed_on_no_channel_of_phones(rest: Program) -> None:
    """It would hold nothing back, and look as if it did."""
    people = {"addresses": ["ana@example.com", "+4915123456789"], "channel": "sms"}
    added = rest("POST", "/v1/suppressions", people).body
    assert added["suppressed"] == 1 and "not reached by sms" in added["problems"][0]["reason"]
    assert rest("POST", "/v1/suppressions", ANA | {"channel": "voice"}).status == 422


def test_what_was_lifted_is_counted_by_what_held(rest: Program) -> None:
    """Whoever lifts a whole list must hear how many of them had asked for no more mail."""
    rest("POST", "/v1/suppressions", {"addresses": ["left@example.com"], "reason": "unsubscribed"})
    rest("POST", "/v1/suppressions", {"addresses": ["list@example.com"], "scope": "list", "scope_id": "news"})
    rest("POST", "/v1/suppressions", ANA)
    asked = {"addresses": ["left@example.com", "list@example.com", "never@example.com", *ANA["addresses"]]}
    lifted = rest("POST", "/v1/suppressions/remove", asked).body
    assert (lifted["lifted"], lifted["unsubscribed"]) == (2, 1)
    assert rest("POST", "/v1/suppressions/remove", asked).body["lifted"] == 0


def test_ten_thousand_are_suppressed_and_checked_in_one_call(rest: Program) -> None:
    """Whoever moves from another system brings a list."""
    everybody = [f"p{number}@example.com" for number in range(10_000)]
    assert rest("POST", "/v1/suppressions", {"addresses": everybody[:9_999]}).body["suppressed"] == 9_999
    checked = rest("POST", "/v1/suppressions/check", {"addresses": everybody}).body
    assert (checked["checked"], len(checked["suppressed"])) == (10_000, 9_999)
    assert rest("POST", "/v1/suppressions", {"addresses": [*everybody, "x@example.com"]}).status == 422


def test_what_is_listed_is_the_same_before_and_after_clickhouse_has_it(rest: Program) -> None:
    """New ones lie over what is stored, in one order, each on one page."""
    rest("POST", "/v1/contacts", {"contacts": [{"email": "p3@example.com"}]})
    for number in range(5):
        rest("POST", "/v1/suppressions", {"addresses": [f"p{number}@example.com"]})
        time.sleep(0.002)  # the order is that of the moments, in whole milliseconds

    def listed() -> list[str]:
        seen, cursor = [], ""
        while True:
            page = rest("GET", f"/v1/suppressions?limit=2&cursor={cursor}").body
            seen += [each["recipient_id"] for each in page["suppressions"]]
            if not (cursor := page["next"]):
                return seen

    at_once = listed()
    assert len(set(at_once)) == 5
    held = rest("POST", "/v1/suppressions/check", {"addresses": [f"p{n}@example.com" for n in range(5)]}).body
    assert at_once == [each["recipient_id"] for each in held["suppressed"]][::-1]
    shown = {a["recipient_id"]: a["address"] for a in rest("GET", "/v1/suppressions").body["suppressions"]}
    assert sorted(shown.values()) == ["", "", "", "", "p3@example.com"]
    assert listed() == at_once


def test_one_that_ends_holds_no_longer(rest: Program) -> None:
    """Two weeks of holidays are no good-bye."""
    over = rest("POST", "/v1/suppressions", ANA | {"until": "2020-01-01T00:00:00Z"})
    assert (over.status, over.body["field"]) == (422, "until")
    assert scopes(rest) == []
    rest("POST", "/v1/suppressions", ANA | {"until": "2090-01-01T00:00:00Z"})
    assert scopes(rest) == [("account", rest.account)]
    (shown,) = rest("GET", "/v1/suppressions?address=ana@example.com").body["suppressions"]
    assert shown["until"] == "2090-01-01T00:00:00Z"


def test_accounts_do_not_see_each_other_but_everybody_sees_what_is_global(
    rest: Program, installation: Installation
) -> None:
    """Accounts are strictly apart; a global suppression stops mail in all of them."""
    rest("POST", "/v1/suppressions", ANA)
    rest("POST", "/v1/suppressions", ANA | {"scope": "list", "scope_id": "news"})
    other = installation.program(f"{rest.account}-b")
    assert scopes(other) == []
    assert other("GET", "/v1/suppressions").body["suppressions"] == []
    gone = {"addresses": [f"gone@{rest.account}.example"]}
    refused = rest("POST", "/v1/suppressions", gone | {"scope": "global"})  # not even with the scope admin
    assert (refused.status, refused.body["field"]) == (403, "scope")
    assert "fanfare suppressions add --scope global" in refused.body["detail"]
    installation.terminal("suppressions", "add", gone["addresses"][0], "--scope", "global")
    assert scopes(other, gone["addresses"][0]) == [("global", "")]
    assert other("POST", "/v1/suppressions/remove", gone | {"scope": "global"}).status == 403
    installation.terminal("suppressions", "remove", gone["addresses"][0], "--scope", "global")
    assert scopes(other, gone["addresses"][0]) == []
    assert rest("POST", "/v1/keys", {"scopes": ["operator"]}).status == 403  # no account makes itself the operator
    operator = installation.program("operators", "operator")
    assert operator("POST", "/v1/suppressions", gone | {"scope": "global"}).body["suppressed"] == 1
    assert scopes(other, gone["addresses"][0]) == [("global", "")]
    assert operator("POST", "/v1/suppressions/remove", gone | {"scope": "global"}).body["lifted"] == 1
    assert scopes(other, gone["addresses"][0]) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"addresses": []}, "addresses"),
        ({"addresses": ["nobody"]}, "addresses"),
        (ANA | {"scope": "planet"}, "scope"),
        (ANA | {"scope": "list"}, ""),
        (ANA | {"scope": "account", "scope_id": "other"}, ""),
    ],
)
def test_what_is_wrong_is_told(rest: Program, body: object, field: str) -> None:
    """Every 4xx says what, where and how to mend it."""
    answer = rest("POST", "/v1/suppressions", body)
    assert (answer.status, answer.body.get("field", "")) == (422, field)
    assert answer.body["detail"]


def test_a_campaign_of_nobody_is_no_scope(rest: Program) -> None:
    """A misspelt id would be a suppression that stops nothing."""
    assert rest("POST", "/v1/suppressions", ANA | {"scope": "campaign", "scope_id": "c_none"}).status == 404


def test_suppressions_from_the_terminal(installation: Installation, account: str) -> None:
    """The same without a program; a file may be piped in."""
    words = ("--account", account)
    people = "ana@example.com\n\nbo@example.com\nnonsense\n"
    told = installation.terminal("suppressions", "add", "--file", "-", *words, text=people, code=4)
    assert (told["add"], [each["value"] for each in told["problems"]]) == (2, ["nonsense"])
    checked = installation.terminal("suppressions", "check", "ana@example.com", "cy@example.com", *words)
    assert [(each["address"], each["scope"]) for each in checked["suppressed"]] == [("ana@example.com", "account")]
    assert len(installation.terminal("suppressions", "list", *words)["suppressions"]) == 2
    installation.terminal("suppressions", "remove", "ana@example.com", *words)
    assert installation.terminal("suppressions", "check", "ana@example.com", *words)["suppressed"] == []
