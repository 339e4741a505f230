"""Contacts: people with their attributes. They are put in, found, looked at and changed."""

import time
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from app.clickhouse import people
from app.content.address import AddressError
from app.specs import Label, Strict
from app.web import cursors
from app.web.api.moments_shown import iso
from app.web.api.people_in_requests import Address, ConsentBody, PhoneNumber, Problem, id_in_path, no_contact, secret_of
from app.web.cursors import PageQuery
from app.web.problems import refuse
from app.web.rest import Call, Endpoint, Reply

AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Attributes = Annotated[dict[AttributeName, Any], Field(max_length=1_000)]
MOST_PEOPLE = people.MOST_PEOPLE


class ContactShown(Strict):
    """A contact."""

    id: str = Field(description="Its recipient id, as in events and messages")
    email: str = Field(description="Empty for who is known by phone alone")
    provider: str = Field(description="MX group of the address; empty: any other")
    phone: str = Field(description="In E.164; empty where there is none")
    destination: str = Field(description="Country of the phone, with the carrier where it is known: IN/airtel")
    phone_kind: str = Field(description="mobile, landline, either, special, or invalid: no number of its country")
    attributes: dict[str, Any]
    updated_at: str


class MembershipShown(Strict):
    """A list that a contact is or was on."""

    list: str
    active: bool
    added_at: str
    removed_at: str | None
    consent_at: str | None
    consent_source: str


class ContactDetails(ContactShown):
    """A contact with its lists."""

    lists: list[MembershipShown]


class ContactPage(Strict):
    """Some contacts, by id."""

    contacts: list[ContactShown]
    next: str = Field(default="", description="`cursor` of the next page; empty on the last")


class ContactQuery(PageQuery):
    """Which contacts; without a filter all of them."""

    email: str = Field(default="", max_length=320, description="The one with this address")
    phone: str = Field(default="", max_length=60, description="Those with this number; + goes as %2B")
    contains: str = Field(default="", max_length=320, description="Those whose address or number holds this text")
    list: str = Field(default="", max_length=200, description="Those on this list")


class PersonBody(Strict):
    """Somebody to put in: with an email address, a phone number, or both."""

    email: Address | None = None
    phone: PhoneNumber | None = Field(default=None, description="With + and country code; kept as attribute phone")
    attributes: Attributes = Field(default_factory=dict)
    consent: ConsentBody = Field(default_factory=ConsentBody)

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.email is None and self.phone is None and not self.attributes.get("phone"):
            raise ValueError("a contact has an email, or a phone, or both")
        if self.phone is not None and self.attributes.get("phone", self.phone) != self.phone:
            raise ValueError("phone and attributes.phone are two numbers")
        return self


class NewContacts(Strict):
    """People to put in, new or known."""

    contacts: list[PersonBody] = Field(min_length=1, max_length=MOST_PEOPLE)
    lists: list[Label] = Field(default_factory=list, max_length=20, description="Put them on these lists as well")
    merge: bool = Field(default=True, description="Keep attributes that are not named; null takes one away")


class Upserted(Strict):
    """What became of people who were put in."""

    stored: int
    contacts: list[ContactShown]
    problems: list[Problem]


class AttributeChanges(Strict):
    """Attributes to set; null takes one away."""

    attributes: Attributes


async def list_contacts(call: Call) -> Reply:
    """Contacts by id, a page at a time."""
    asked: ContactQuery = call.query
    place = cursors.decode(asked.cursor, str)
    if asked.email:
        found = await _by_email(call, asked.email)
    elif asked.phone:
        found = await _by_phone(call, asked.phone)
    else:
        found = await people.contacts_page(
            call.views.client, call.account, place[0] if place else "", asked.limit + 1,
            address_part=asked.contains, list_name=asked.list,
        )  # fmt: skip
    following = cursors.following(found, asked.limit, lambda last: (last.id,))
    return Reply({"contacts": [shown(each) for each in found[: asked.limit]], "next": following})


async def upsert(call: Call) -> Reply:
    """Put people in; who is known gets the new attributes. Who cannot be taken is told, the others are in."""
    asked, now = call.body, time.time()
    given = [
        people.Person(
            each.email or "",
            each.attributes if each.phone is None else {**each.attributes, "phone": each.phone},
            each.consent.given(now),
        )
        for each in asked.contacts
    ]
    stored, refused = await people.upsert_contacts(
        call.views.client, secret_of(call), call.account, given, asked.lists, merge=asked.merge
    )
    problems = [{"index": a.index, "field": a.field.replace("address", "email"), "reason": a.reason} for a in refused]
    if not stored:
        raise refuse(
            422, "Invalid", f"nobody could be taken: {problems[0]['reason']}", field="contacts", errors=problems
        )
    return Reply({"stored": len(stored), "contacts": [shown(each) for each in stored], "problems": problems})


async def get_contact(call: Call) -> Reply:
    """A contact with its lists, those it was taken off too."""
    found = await _contact(call)
    lists = await people.memberships(call.views.client, call.account, found.id)
    return Reply({**shown(found), "lists": [_membership(each) for each in lists]})


async def change_contact(call: Call) -> Reply:
    """Set attributes; those that are not named stay."""
    found = await _contact(call)
    changes = dict(call.body.attributes)
    if not found.address:  # their number is who they are
        if people.phone_in(secret_of(call), {"phone": found.phone} | changes).number.decode() != found.phone:
            text = "attributes.phone: who has no email is known by the number: put in a new contact"
            raise refuse(422, "Invalid", text, field="attributes.phone")
        changes["phone"] = found.phone
    person = people.Person(found.address, changes)
    stored, refused = await people.upsert_contacts(call.views.client, secret_of(call), call.account, [person])
    if refused:
        raise refuse(422, "Invalid", refused[0].reason, field=refused[0].field)
    return Reply(shown(stored[0]))


def shown(contact: people.Contact) -> dict[str, Any]:
    """*contact* as JSON."""
    return {
        "id": contact.id,
        "email": contact.address,
        "provider": contact.group,
        "phone": contact.phone,
        "destination": contact.phone_group,
        "phone_kind": contact.phone_kind,
        "attributes": contact.attributes,
        "updated_at": iso(contact.updated_at),
    }


def _membership(found: people.Membership) -> dict[str, Any]:
    return {
        "list": found.list,
        "active": found.active,
        "added_at": iso(found.added_at),
        "removed_at": iso(found.removed_at or None),
        "consent_at": iso(found.consent_at or None),
        "consent_source": found.consent_source,
    }


async def _contact(call: Call) -> people.Contact:
    found = await people.contact(call.views.client, call.account, id_in_path(call))
    if found is None:
        raise no_contact()
    return found


async def _by_email(call: Call, email: str) -> list[people.Contact]:
    try:
        ident = people.id_of(secret_of(call), email)
    except AddressError as error:
        raise refuse(422, "Invalid", f"email: {error}", field="email") from error
    found = await people.contact(call.views.client, call.account, ident)
    return [] if found is None else [found]


async def _by_phone(call: Call, phone: str) -> list[people.Contact]:
    try:
        ident = people.phone_id_of(secret_of(call), phone)
    except AddressError as error:
        raise refuse(422, "Invalid", f"phone: {error}", field="phone") from error
    return await people.sharing(call.views.client, call.account, [ident])


_TAG, _SCOPE = "Contacts", "contacts"
_EXAMPLE = {
    "contacts": [
        {
            "email": "ana@example.com",
            "attributes": {"first_name": "Ana", "city": "Lisbon", "locale": "pt", "time_zone": "Europe/Lisbon"},
            "consent": {"source": "signup form", "at": "2027-01-15T10:00:00Z"},
        }
    ],
    "lists": ["customers"],
}

ENDPOINTS = [
    Endpoint("GET", "/v1/contacts", list_contacts, "Find contacts", _SCOPE, _TAG,
             query=ContactQuery, answer=ContactPage),
    Endpoint("POST", "/v1/contacts", upsert, "Put in up to 1,000 contacts", _SCOPE, _TAG,
             body=NewContacts, answer=Upserted, keeps=True, example=_EXAMPLE),
    Endpoint("GET", "/v1/contacts/{id}", get_contact, "A contact", _SCOPE, _TAG,
             answer=ContactDetails, errors=(404,)),
    Endpoint("PATCH", "/v1/contacts/{id}", change_contact, "Change attributes of a contact", _SCOPE, _TAG,
             body=AttributeChanges, answer=ContactShown, errors=(404,), example={"attributes": {"city": "Porto"}}),
]  # fmt: skip
