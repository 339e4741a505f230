"""What becomes of mail at Mailgun: its events, and how long after the call they happen."""

from collections.abc import Mapping
from typing import Any

from app.local.simulators.taken import Plan, Step

_MX = {"tls": True, "mx-host": "mx.example.com", "attempt-no": 1, "session-seconds": 0.8, "certificate-verified": True}


def _status(code: int, text: str, enhanced: str = "") -> dict[str, Any]:
    told = _MX | {"code": code, "message": text, "description": ""}
    return {"delivery-status": told | ({"enhanced-code": enhanced} if enhanced else {})}


def _failed(
    after: float, code: int, text: str, enhanced: str = "", *, reason: str = "generic", last: bool = True
) -> Step:
    severity = (
        {"severity": "permanent", "log-level": "error"} if last else {"severity": "temporary", "log-level": "warn"}
    )
    return Step(after, "failed", severity | {"reason": reason} | _status(code, text, enhanced))


_ACCEPTED = Step(0.1, "accepted", {"log-level": "info"})
_DELIVERED = Step(1.0, "delivered", {"log-level": "info"} | _status(250, "OK"))
_UNKNOWN = "5.1.1 The email account that you tried to reach does not exist."
_LATER = _failed(0.8, 421, "4.4.1 no connection", "4.4.1", last=False)


def _client(ip: str, agent: str, bot: str) -> dict[str, Any]:
    return {
        "log-level": "info", "ip": ip, "geolocation": {"country": "US", "region": "CA", "city": "San Francisco"},
        "client-info": {
            "client-type": "browser", "client-os": "Linux", "device-type": "desktop", "client-name": "Firefox",
            "user-agent": agent, "bot": bot,
        },
    }  # fmt: skip


_BROWSER = _client("203.0.113.9", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "")
_OPENED = Step(5.0, "opened", _BROWSER)

PLANS: Mapping[str, Plan] = {
    "delivered": (_ACCEPTED, _DELIVERED),
    "bounce": (_ACCEPTED, _failed(1.0, 550, _UNKNOWN, "5.1.1", reason="bounce")),
    "full": (_ACCEPTED, _failed(1.0, 552, "5.2.2 Mailbox is full", "5.2.2", reason="bounce")),
    "soft": (_ACCEPTED, _LATER, _failed(3.0, 602, "Too old", reason="old")),
    "block": (_ACCEPTED, _failed(1.0, 550, "5.7.1 likely unsolicited mail", "5.7.1", reason="bounce")),
    "content": (_ACCEPTED, _failed(1.0, 552, "5.7.0 illegal attachment", "5.7.0", reason="bounce")),
    "suppressed": (
        _ACCEPTED,
        _failed(0.3, 605, "Not delivering to previously bounced address", reason="suppress-bounce"),
    ),
    "defer": (_ACCEPTED, _LATER, Step(3.0, "delivered", _DELIVERED.facts)),
    "late": (_ACCEPTED, _DELIVERED, _failed(10.0, 550, _UNKNOWN, "5.1.1", reason="bounce")),
    "complaint": (_ACCEPTED, _DELIVERED, Step(10.0, "complained", {"log-level": "warn"})),
    "open": (_ACCEPTED, _DELIVERED, _OPENED),
    "machine": (_ACCEPTED, _DELIVERED, Step(2.0, "opened", _client("17.58.1.1", "Mozilla/5.0", "apple"))),
    "click": (_ACCEPTED, _DELIVERED, _OPENED, Step(8.0, "clicked", _BROWSER | {"url": "https://example.com/"})),
    "unsubscribe": (_ACCEPTED, _DELIVERED, Step(9.0, "unsubscribed", _BROWSER)),
    "undetermined": (_ACCEPTED, _failed(1.0, 554, "5.0.0 delivery error", "5.0.0")),
    "virus": (Step(0.2, "rejected", {"log-level": "warn", "reject": {"reason": "virus", "description": ""}}),),
    "silent": (),
}
