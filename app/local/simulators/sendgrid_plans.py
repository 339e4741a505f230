"""What becomes of mail at SendGrid: its events, and how long after the call they happen."""

from collections.abc import Mapping

from app.local.simulators.taken import Plan, Step

IP = "192.0.2.1"

_PROCESSED = Step(0.1, "processed")
_DELIVERED = Step(1.0, "delivered", {"response": "250 2.0.0 OK gsmtp", "ip": IP, "tls": 1})


def _bounce(after: float, kind: str, status: str, reason: str, classification: str) -> Step:
    facts = {
        "type": kind, "status": status, "reason": reason, "ip": IP, "tls": 1, "bounce_classification": classification,
    }  # fmt: skip
    return Step(after, "bounce", facts)


_UNKNOWN = "550 5.1.1 The email account that you tried to reach does not exist."
_DEFERRED = {"response": "451 4.7.1 Greylisted, please try again in a while", "attempt": "1", "ip": IP}
_BROWSER = {"useragent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "ip": "203.0.113.9"}
_OPEN = Step(5.0, "open", _BROWSER | {"sg_machine_open": False, "sg_content_type": "html"})
_CLICK = Step(8.0, "click", _BROWSER | {"url": "https://example.com/", "url_offset": {"index": 0, "type": "html"}})
_MACHINE = {"useragent": "Mozilla/5.0", "ip": "17.58.1.1", "sg_machine_open": True, "sg_content_type": "html"}

PLANS: Mapping[str, Plan] = {
    "delivered": (_PROCESSED, _DELIVERED),
    "bounce": (_PROCESSED, _bounce(1.0, "bounce", "5.1.1", _UNKNOWN, "Invalid Address")),
    "full": (_PROCESSED, _bounce(1.0, "bounce", "5.2.2", "552 5.2.2 Mailbox is full", "Mailbox Unavailable")),
    "soft": (
        _PROCESSED, Step(0.8, "deferred", _DEFERRED),
        _bounce(3.0, "blocked", "4.4.1", "421 4.4.1 Unable to connect to remote host", "Technical Failure"),
    ),
    "block": (_PROCESSED, _bounce(1.0, "blocked", "5.7.1", f"550 5.7.1 [{IP}] likely unsolicited mail.", "Reputation")),
    "content": (_PROCESSED, _bounce(1.0, "blocked", "5.7.0", "552 5.7.0 illegal attachment", "Content")),
    "suppressed": (Step(0.2, "dropped", {"reason": "Bounced Address", "status": "5.0.0"}),),
    "defer": (_PROCESSED, Step(0.8, "deferred", _DEFERRED), Step(3.0, "delivered", _DELIVERED.facts)),
    "late": (_PROCESSED, _DELIVERED, _bounce(10.0, "bounce", "5.1.1", _UNKNOWN, "Invalid Address")),
    "complaint": (_PROCESSED, _DELIVERED, Step(10.0, "spamreport")),
    "open": (_PROCESSED, _DELIVERED, _OPEN),
    "machine": (_PROCESSED, _DELIVERED, Step(2.0, "open", _MACHINE)),
    "click": (_PROCESSED, _DELIVERED, _OPEN, _CLICK),
    "unsubscribe": (_PROCESSED, _DELIVERED, _OPEN, Step(9.0, "unsubscribe")),
    "undetermined": (_PROCESSED, _bounce(1.0, "bounce", "5.0.0", "unable to get mx info", "Unclassified")),
    "virus": (Step(0.2, "dropped", {"reason": "Spam Content (if Spam Checker app enabled)", "status": "5.0.0"}),),
    "silent": (),
}  # fmt: skip
