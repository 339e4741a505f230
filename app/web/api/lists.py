"""Lists: who is on them, and when and where they agreed to be. A list's id is its name."""

import time
from typing import Any
from urllib.parse import quote

from pydantic import Field, model_validator

from app.clickhouse import lists, people
from app.clickhouse.list_columns import types_of
from app.specs import Label, Strict
from app.web import cursors
from app.web.api.moments_shown import iso
from app.web.api.people_in_requests import Address, ConsentBody, ContactId, PhoneNumber, Problem, secret_of
from app.web.cursors import PageQuery
from app.web.named_people import named_people
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply

MOST_MEMBERS = 1_000  # of one call
MOST_IN_QUERY = 50


class NewList(Strict):
    """A list that nobody is on yet."""

    name: Label


class ListShown(Strict):
    """One list."""

    id: str
    name: str
    people: int
    created_at: str
    last_added_at: str | None = Field(description="When somebody was last put on it")


class ListPage(Strict):
    """Some lists, by name."""

    lists: list[ListShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class ListDetails(ListShown):
    """One list, and what is known of its people."""

    attributes: dict[str, list[str]] = Field(description="Attribute -> the types that were seen of it")


class MemberShown(Strict):
    """Somebody on a list."""

    id: str
    email: str = Field(description="Empty for who is known by phone alone")
    phone: str
    added_at: str
    consent_at: str | None
    consent_source: str


class MemberPage(Strict):
    """Some of the people on a list, by id."""

    members: list[MemberShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class MemberBody(Strict):
    """Somebody to put on a list: by address or phone, which makes a contact if need be, or by the id of a contact."""

    email: Address | None = None
    phone: PhoneNumber | None = Field(default=None, description="With + and country code")
    id: ContactId | None = None
    consent: ConsentBody = Field(default_factory=ConsentBody)

    @model_validator(mode="after")
    def _one_of_both(self) -> "MemberBody":
        if [self.email is None, self.phone is None, self.id is None].count(False) != 1:
            raise ValueError("a member has either an email, or a phone, or an id")
        return self


class NewMembers(Strict):
    """People to put on a list."""

    members: list[MemberBody] = Field(min_length=1, max_length=MOST_MEMBERS)
    consent: ConsentBody = Field(default_factory=ConsentBody, description="Of those who bring none of their own")


class Added(Strict):
    """What became of people who were put on a list."""

    added: int
    created: bool = Field(description="Whether there was no such list before")
    problems: list[Problem]


class OldMembers(Strict):
    """People to take off a list, by address, phone number or id."""

    members: list[Address] = Field(min_length=1, max_length=MOST_MEMBERS)


class OldMembersQuery(Strict):
    """People to take off a list, by address, phone number or id; repeat it for more."""

    member: list[Address] = Field(min_length=1, max_length=MOST_IN_QUERY)


class Removed(Strict):
    """What became of people who were taken off a list."""

    removed: int = Field(description="Those who were on it")
    problems: list[Problem]


async def get_lists(call: Call) -> Reply:
    """The lists of the account, by name."""
    place, limit = cursors.decode(call.query.cursor, str), call.query.limit
    found = await lists.lists_page(call.views.client, call.account, place[0] if place else "", limit + 1)
    following = cursors.following(found, limit, lambda last: (last.name,))
    return Reply({"lists": [_shown(each) for each in found[:limit]], "next": following})


async def create_list(call: Call) -> Reply:
    """201; 200 when there was one of this name: imports make lists as well."""
    name: str = call.body.name
    made = await lists.create_list(call.views.client, call.account, name)
    return Reply(_shown(await _list(call, name)), 201 if made else 200, {"Location": f"/v1/lists/{quoted(name)}"})


async def get_list(call: Call) -> Reply:
    """A list: how many are on it, and what is known of them."""
    found = await _list(call, call.path("list"))
    types = await types_of(call.views.client, call.account, found.name)
    return Reply({**_shown(found), "attributes": types})


async def get_members(call: Call) -> Reply:
    """Who is on the list, by id."""
    name = (await _list(call, call.path("list"))).name
    place, limit = cursors.decode(call.query.cursor, str), call.query.limit
    found = await lists.members_page(call.views.client, call.account, name, place[0] if place else "", limit + 1)
    following = cursors.following(found, limit, lambda last: (last.id,))
    return Reply({"members": [_member(each) for each in found[:limit]], "next": following})


async def add_members(call: Call) -> Reply:
    """Put people on a list, which is made if need be. Whoever is on it stays; of two consents the later one counts."""
    asked: NewMembers = call.body
    name, now, client = _name(call), time.time(), call.views.client
    by_name = [(i, each) for i, each in enumerate(asked.members) if each.id is None]
    by_id = [(i, each) for i, each in enumerate(asked.members) if each.id is not None]
    given = [
        people.Person(m.email or "", {"phone": m.phone} if m.phone else {}, _consent(m, asked, now)) for _, m in by_name
    ]
    created = not await lists.lists_known(client, call.account, [name])
    stored, refused = await people.upsert_contacts(client, secret_of(call), call.account, given, [name])
    wrong = [(by_name[each.index][0], each.field.replace("address", "email"), each.reason) for each in refused]
    known = await people.contacts(client, call.account, [str(each.id) for _, each in by_id])
    there = [each for _, each in by_id if each.id in known]
    wrong += [(i, "id", "no such contact") for i, each in by_id if each.id not in known]
    consents = [_consent(each, asked, now) for each in there]
    await lists.add_members(client, call.account, name, [bytes.fromhex(str(a.id)) for a in there], consents)
    problems = [{"index": index, "field": field, "reason": reason} for index, field, reason in sorted(wrong)]
    added = len(stored) + len({each.id for each in there})
    return Reply({"added": added, "created": created, "problems": problems})


async def remove_members(call: Call) -> Reply:
    """Take people off a list: they are in no audience of it, unless they are added again."""
    return Reply(await _removed(call, call.body.members))


async def delete_members(call: Call) -> Reply:
    """The same for a few, named in the query."""
    return Reply(await _removed(call, call.query.member))


async def _removed(call: Call, members: list[str]) -> dict[str, Any]:
    name = (await _list(call, call.path("list"))).name
    named = named_people(members, secret_of(call))
    removed = await lists.remove_named(call.views.client, call.account, name, list(named.people))
    problems = [{"index": each.index, "field": "members", "reason": each.reason} for each in named.problems]
    return {"removed": removed, "problems": problems}


def _consent(member: MemberBody, asked: NewMembers, now: float) -> lists.Consent:
    own = member.consent.given(now)
    return own if own.at else asked.consent.given(now)


def _name(call: Call) -> str:
    name = call.path("list")
    if not name.strip():
        raise refuse(404, "No such list", "a list has a name of 1 to 200 characters", field="list")
    return name


async def _list(call: Call, name: str) -> lists.ListRow:
    found = await lists.list_of(call.views.client, call.account, name)
    if found is None:
        raise refuse(404, "No such list", "GET /v1/lists tells which there are, POST makes one", field="list")
    return found


def _shown(row: lists.ListRow) -> dict[str, Any]:
    return {
        "id": row.name,
        "name": row.name,
        "people": row.people,
        "created_at": iso(row.created_at),
        "last_added_at": iso(row.last_added_at or None),
    }


def _member(found: lists.Member) -> dict[str, Any]:
    return {
        "id": found.id,
        "email": found.address,
        "added_at": iso(found.added_at),
        "consent_at": iso(found.consent_at or None),
        "consent_source": found.consent_source,
    }


def quoted(name: str) -> str:
    """*name* in an address."""
    return quote(name, safe="")


_TAG, _SCOPE, _ONE = "Lists", "contacts", "/v1/lists/{list}"
_MEMBERS = {"members": [{"email": "ana@example.com"}], "consent": {"source": "fair in Porto"}}

ENDPOINTS = [
    Endpoint("GET", "/v1/lists", get_lists, "Lists of the account", _SCOPE, _TAG, query=PageQuery, answer=ListPage),
    Endpoint("POST", "/v1/lists", create_list, "Make a list", _SCOPE, _TAG,
             body=NewList, answer=ListShown, status=201, keeps=True, example={"name": "customers"}),
    Endpoint("GET", _ONE, get_list, "A list", _SCOPE, _TAG, answer=ListDetails, errors=(404,)),
    Endpoint("GET", _ONE + "/members", get_members, "Who is on a list", _SCOPE, _TAG,
             query=PageQuery, answer=MemberPage, errors=(404,)),
    Endpoint("POST", _ONE + "/members", add_members, "Put up to 1,000 people on a list", _SCOPE, _TAG,
             body=NewMembers, answer=Added, errors=(404,), keeps=True, example=_MEMBERS),
    Endpoint("POST", _ONE + "/members/remove", remove_members, "Take up to 1,000 people off a list", _SCOPE, _TAG,
             body=OldMembers, answer=Removed, errors=(404,), keeps=True, example={"members": ["ana@example.com"]}),
    Endpoint("DELETE", _ONE + "/members", delete_members, "Take a few people off a list", _SCOPE, _TAG,
             query=OldMembersQuery, answer=Removed, errors=(404,)),
]  # fmt: skip
