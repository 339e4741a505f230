"""Whose letters these are: sender, links and language, and the header fields that follow from them."""

import re
from dataclasses import dataclass

from app.content.address import AddressError, wire_address
from app.content.headers import date_field, mailbox, one_line
from app.content.links import is_trackable
from app.content.problems import ContentProblem

_FEEDBACK = re.compile(r"[^A-Za-z0-9._-]+")
_ODD_IN_URL = re.compile(r"[<>{}%\"]")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the From and Reply-To of a campaign, and whose it is."""

    from_email: str
    from_name: str
    reply_to: str  # "" for none
    account: str
    campaign: str


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Where links lead and what is tracked. *link_key* has 16 to 64 bytes."""

    public_url: str
    link_key: bytes
    track_opens: bool = True
    track_clicks: bool = True
    unsubscribe_mailto: str | None = None  # a mailbox that takes unsubscribe mails
    list_unsubscribe: bool = True  # False: only in letters that hold an unsubscribe link, as for transactional ones


class Letterhead:
    """The header of every letter of one campaign in one language, but for its subject."""

    def __init__(self, sender: Sender, links: LinkOptions, locale: str, *, unsubscribe: bool) -> None:
        """Build what all letters share; *unsubscribe* tells whether they have List-Unsubscribe."""
        self.public_url = links.public_url.rstrip("/")
        self.suffix = f"?l={locale}" if locale else ""  # of the unsubscribe link: the language of its page
        self._unsubscribe = unsubscribe
        self._fields = _fixed_fields(sender, locale, unsubscribe=unsubscribe)
        self._domain = wire_address(sender.from_email).rpartition("@")[2]
        self._mailto = _mailto(links.unsubscribe_mailto)
        self.sender = (
            wire_address(sender.from_email),
            " ".join(one_line(sender.from_name).split()),  # as `mailbox` writes it
            sender.reply_to and wire_address(sender.reply_to),
        )
        self.shared_headers = _shared_headers(sender, locale, unsubscribe=unsubscribe)

    def fields(self, address: str, message_id: bytes, token: str, at: float, attempt: int) -> bytes:
        """The header fields of one letter. Raises AddressError for an *address* that is none."""
        name = message_id.hex()
        own = f"To: {wire_address(address)}\r\nMessage-ID: <{name}.{attempt}@{self._domain}>\r\n"
        if self._unsubscribe:
            own += "List-Unsubscribe: " + self._ways_out(token, glue=",\r\n ") + "\r\n"
        own += f"X-Fanfare-Message: {name}\r\n"
        return date_field(int(at)) + self._fields + own.encode()

    def headers(self, message_id: bytes, token: str) -> tuple[tuple[str, str], ...]:
        """(name, value) of what only one letter has, for who writes the rest: addresses, date and Message-ID."""
        own = ("X-Fanfare-Message", message_id.hex())
        return (("List-Unsubscribe", self._ways_out(token, glue=", ")), own) if self._unsubscribe else (own,)

    def _ways_out(self, token: str, *, glue: str) -> str:
        page = f"<{self.public_url}/u/{token}{self.suffix}>"
        return f"{page}{glue}<{self._mailto}{token}>" if self._mailto else page


def problems_of(sender: Sender, links: LinkOptions) -> list[ContentProblem]:
    """What is wrong with the addresses of *sender* and the URL of *links*."""
    problems = []
    mailboxes = {
        "from_email": sender.from_email,
        "reply_to": sender.reply_to,
        "unsubscribe_mailto": links.unsubscribe_mailto,
    }
    for part, address in mailboxes.items():
        if address or part == "from_email":
            try:
                wire_address(address or "")
            except AddressError as error:
                problems.append(ContentProblem(part, 1, 1, str(error)))
    if not is_trackable(links.public_url) or _ODD_IN_URL.search(links.public_url):
        problems.append(ContentProblem("public_url", 1, 1, "not an absolute http(s) URL"))
    return problems


def _fixed_fields(sender: Sender, locale: str, *, unsubscribe: bool) -> bytes:
    """The header fields that every message of a campaign shares."""
    fields = mailbox("From", sender.from_name, wire_address(sender.from_email))
    if sender.reply_to:
        fields += mailbox("Reply-To", "", wire_address(sender.reply_to))
    shared = "".join(f"{name}: {value}\r\n" for name, value in _shared_headers(sender, locale, unsubscribe=unsubscribe))
    return fields + f"{shared}MIME-Version: 1.0\r\n".encode("ascii")


def _shared_headers(sender: Sender, locale: str, *, unsubscribe: bool) -> tuple[tuple[str, str], ...]:
    """(name, value) of what every letter of a campaign says of itself, whoever carries it."""
    campaign, account = _FEEDBACK.sub("_", sender.campaign), _FEEDBACK.sub("_", sender.account)
    fields = [("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")] if unsubscribe else []
    if locale:
        fields.append(("Content-Language", locale))
    return (*fields, ("Feedback-ID", f"{campaign}:{account}:email:fanfare"))


def _mailto(mailbox_address: str | None) -> str:
    """The mailto URL up to the token, "" for none. RFC 6068 leaves these characters of an address as they are."""
    if not mailbox_address:
        return ""
    address = re.sub(r"[^A-Za-z0-9@._~!$'*+-]", lambda odd: _percent(odd[0]), wire_address(mailbox_address))
    return f"mailto:{address}?subject=unsubscribe%20"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
