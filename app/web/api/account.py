"""The account over REST: how it wants its campaigns to be run."""

from typing import Literal

from pydantic import Field

from app.specs import KnownZone, Strict, Window
from app.things import Account, Answers, FrequencyCap, NumberPool
from app.web.etags import etag
from app.web.problems import refuse
from app.web.reading import validated
from app.web.rest import Call, Endpoint, Reply

SCOPE, TAG = "admin", "Keys and account"


class AccountChange(Strict):
    """The settings that are to change."""

    running: int | None = Field(default=None, ge=1, le=100_000, description="Campaigns that run at once")
    approval: bool | None = Field(default=None, description="A start needs the approval of a second API key")
    undo: float | None = Field(default=None, ge=0, le=86_400, description="Seconds in which a start can be undone")
    quiet: Window | None = Field(default=None, description="Hours in which nobody is sent a campaign; null: none")
    time_zone: KnownZone | None = None
    weight: int | None = Field(
        default=None, ge=1, le=100, description="Share of what accounts compete for: set by the operator"
    )
    frequency_caps: list[FrequencyCap] | None = Field(
        default=None, max_length=5, description="Of what one person gets from all campaigns; []: none"
    )
    number_pools: list[NumberPool] | None = Field(
        default=None, max_length=50, description="Numbers that messages to phones come from; all of them, []: none"
    )
    suppress: Literal["account", "global"] | None = Field(
        default=None, description="Whom a hard bounce or a complaint keeps from writing: set by the operator"
    )
    help_text: Answers | None = Field(
        default=None,
        max_length=50,
        description='Answer to HELP by language: {"en": "Acme: call +1 ..."}; {}: the usual one',
    )
    stop_text: Answers | None = Field(default=None, max_length=50, description="Answer to STOP by language; {}: none")
    start_text: Answers | None = Field(default=None, max_length=50, description="Answer to START by language; {}: none")


async def get_account(call: Call) -> Reply:
    """The settings. Their ETag is the revision to send with If-Match."""
    return _shown(_account(call))


async def change_account(call: Call) -> Reply:
    """Change the settings that are sent."""
    asked: AccountChange = call.body
    old = _account(call)
    given = asked.model_dump(exclude_unset=True)
    wanted = {name: value for name, value in given.items() if value is not None or name == "quiet"}
    if wanted.get("weight", old.weight) != old.weight and "operator" not in call.key.scopes:
        how = "`fanfare account set`, or a key with the scope operator, changes it"
        raise refuse(403, "Not allowed", f"accounts share by weight, so none sets its own: {how}", field="weight")
    if wanted.get("suppress", old.suppress) != old.suppress and "operator" not in call.key.scopes:
        how = "`fanfare account set`, or a key with the scope operator, changes it"
        raise refuse(403, "Not allowed", f"it decides for other accounts, too: {how}", field="suppress")
    if not wanted:
        raise refuse(422, "Invalid", "nothing is to be changed: send the settings that are")
    settings = validated(Account, old.model_dump() | wanted)
    # The other settings were read at this revision: another change since then must not be undone.
    done = await call.command(
        "account.set", names={"settings": "", "match": "If-Match"}, settings=settings,
        match=call.if_match() or old.revision,
    )  # fmt: skip
    return _shown(Account.model_validate(done.answer.thing))


def _account(call: Call) -> Account:
    return call.control.tail.accounts.get(call.account) or Account(name=call.account)


def _shown(account: Account) -> Reply:
    return Reply(account, headers={"ETag": etag(account.revision)})


ENDPOINTS = [
    Endpoint("GET", "/v1/account", get_account, "Settings of the account", SCOPE, TAG, answer=Account),
    Endpoint("PATCH", "/v1/account", change_account, "Change settings of the account", SCOPE, TAG,
             body=AccountChange, answer=Account, errors=(412,), most_bytes=1_000_000,
             example={"approval": True, "undo": 300, "quiet": {"opens": "21:00", "closes": "08:00", "local": True},
                      "frequency_caps": [{"messages": 2, "window": 86_400}],
                      "number_pools": [{"name": "us", "senders": ["+15005550006", "+15005550007"]}]}),
]  # fmt: skip
