"""People as requests bring them: addresses, ids, consent; and who of them cannot be taken."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.clickhouse.key_check import WrongKeyError, read_key
from app.clickhouse.lists import Consent
from app.specs import AskedMoment, Strict
from app.web.keys import SETTINGS
from app.web.problems import refuse
from app.web.rest import Call

Address = Annotated[str, StringConstraints(min_length=1, max_length=320)]
PhoneNumber = Annotated[str, StringConstraints(min_length=1, max_length=60)]
ContactId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class ConsentBody(Strict):
    """When and where somebody agreed to be written to."""

    source: str = Field(default="", max_length=500, description="A form, a shop, a fair")
    at: AskedMoment | None = Field(default=None, description="None: now, if there is a source")

    def given(self, now: float) -> Consent:
        """As it is stored; a source without a time is one of now."""
        return Consent(self.at or (now if self.source else 0.0), self.source)


class Problem(Strict):
    """Somebody of the request who was left out. The others were taken."""

    index: int = Field(description="Which one of the request, from 0")
    field: str
    reason: str


def secret_of(call: Call) -> bytes:
    """The key of all ids; 503 when this edge has none."""
    try:
        return read_key(call.request.app[SETTINGS].secret_path)
    except WrongKeyError as error:
        raise refuse(503, "No key", f"{error}: the operator has to put it there") from error


def id_in_path(call: Call) -> str:
    """A recipient id in the path; 404 for what is none."""
    ident = call.path("id").lower()
    if len(ident) != 32 or not all(each in "0123456789abcdef" for each in ident):
        raise no_contact()
    return ident


def no_contact() -> Exception:
    """404."""
    return refuse(404, "No such contact", "ids are 32 hex digits; GET /v1/contacts?email=... finds one", field="id")
