"""What becomes of messages and calls at Twilio: their statuses, and how long after the request they happen.

Error codes: https://www.twilio.com/docs/api/errors
"""

from collections.abc import Mapping

from app.local.simulators.taken import Plan, Step

_SENT = Step(0.3, "sent")
_READ = Step(4.0, "read")


def _ends(after: float, status: str, code: int) -> Step:
    return Step(after, status, {"code": code})


PLANS: Mapping[str, Plan] = {
    "delivered": (_SENT, Step(1.0, "delivered")),
    "unreachable": (_SENT, _ends(2.0, "undelivered", 30003)),
    "unknown": (_SENT, _ends(1.0, "undelivered", 30005)),
    "blocked": (_SENT, _ends(1.0, "undelivered", 30004)),
    "landline": (_SENT, _ends(1.0, "undelivered", 30006)),
    "content": (_SENT, _ends(1.0, "undelivered", 30007)),
    "sent": (_SENT,),
    "silent": (),
    "expired": (_ends(3.0, "failed", 30036),),
    "late": (_SENT, Step(60.0, "delivered")),
    "stop": (_SENT, Step(1.0, "delivered"), Step(3.0, "reply", {"text": "STOP"})),
    "help": (_SENT, Step(1.0, "delivered"), Step(3.0, "reply", {"text": "HELP"})),
    "yes": (_SENT, Step(1.0, "delivered"), Step(3.0, "reply", {"text": "YES"})),
}
_INITIATED, _RINGING, _ANSWERED = Step(0.2, "initiated"), Step(0.5, "ringing"), Step(2.0, "answered")


def _completed(after: float, seconds: int) -> Step:
    return Step(after, "completed", {"seconds": seconds})


def _unanswered(after: float, status: str, sip: int, code: int = 0) -> Step:
    """A call that ends so: whatever its status is, it is reported as the event completed."""
    return Step(after, status, {"sip": sip, "code": code})


CALLS: Mapping[str, Plan] = {
    "delivered": (_INITIATED, _RINGING, _ANSWERED, Step(2.5, "amd", {"by": "human"}), _completed(8.0, 6)),
    "landline": (_INITIATED, _RINGING, _ANSWERED, Step(4.0, "amd", {"by": "machine"}), _completed(12.0, 10)),
    "sent": (_INITIATED, _RINGING, _ANSWERED, Step(2.5, "amd", {"by": "fax"}), _completed(4.0, 2)),
    "unreachable": (_INITIATED, _RINGING, _unanswered(1.0, "busy", 486)),
    "expired": (_INITIATED, _RINGING, _unanswered(5.0, "no-answer", 487)),
    "unknown": (_INITIATED, _unanswered(0.5, "failed", 404, 13224)),
    "blocked": (_INITIATED, _unanswered(0.5, "failed", 603, 13225)),
    "content": (_INITIATED, _unanswered(0.5, "failed", 603, 13225)),
    "late": (_INITIATED, Step(30.0, "ringing"), Step(32.0, "answered"), _completed(40.0, 8)),
    "silent": (),
    "stop": (_INITIATED, _RINGING, _ANSWERED, Step(4.0, "pressed"), _completed(6.0, 4)),
}
CALL_STATUS = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}  # others: as the event
ENDS = {"completed", "busy", "no-answer", "failed", "canceled"}  # of a call
