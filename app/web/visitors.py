"""Who looks at the pages: the operator on a loopback address; from elsewhere, whoever has an API key."""

import base64
import binascii
import time
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import web

from app.commands import CampaignEntry
from app.settings import Settings
from app.web.auth import allows, find_key
from app.web.keys import LINK, SETTINGS
from app.web.problems import RefusedError, refuse


@dataclass(frozen=True, slots=True)
class Visitor:
    """*account* None sees every account: the operator. *actor* is the id of the key."""

    account: str | None = None
    actor: str = ""
    acts: bool = True  # may pause, resume, cancel
    operates: bool = False  # sees what accounts share


def is_local(settings: Settings) -> bool:
    """Whether only programs of this machine reach the edge."""
    try:
        return ip_address(settings.edge_host).is_loopback
    except ValueError:
        return settings.edge_host == "localhost"


def visitor(request: web.Request) -> Visitor:
    """Who asks for a page; 401 asks the browser for a key, as the password of any name."""
    if is_local(request.app[SETTINGS]):
        return Visitor(operates=True)
    scheme, _, coded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise _ask()
    try:
        _, _, token = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _ask() from error
    key = find_key(token, request.app[LINK].control.tail.keys, time.time())
    if key is None or not allows(key, "GET", "campaigns"):
        raise _ask()
    return Visitor(key.account, key.id, allows(key, "POST", "campaigns"), "operator" in key.scopes)


def seen_entry(request: web.Request) -> CampaignEntry:
    """The live campaign in the path; 404 when there is none that the visitor may see."""
    who = visitor(request)
    entry = request.app[LINK].control.campaigns.get(request.match_info["id"])
    if entry is None or who.account not in (None, entry.account):
        raise refuse(404, "No such campaign", "live campaigns are listed at /; ended ones stay there for a day")
    return entry


def _ask() -> RefusedError:
    return refuse(
        401, "No API key", "the pages ask for an API key that may read campaigns: any name, the key as password",
        headers={"WWW-Authenticate": 'Basic realm="Fanfare", charset="UTF-8"'},
    )  # fmt: skip
