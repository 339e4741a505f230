"""What becomes of mail at SES: event types with the documents of their own, and how long after the call they happen."""

from collections.abc import Mapping
from typing import Any

from app.local.simulators.taken import Plan, Step

MTA = "dns; a8-70.smtp-out.amazonses.com"
_BROWSER = {"ipAddress": "203.0.113.9", "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"}
_MACHINE = {"ipAddress": "17.58.1.1", "userAgent": "Mozilla/5.0"}  # as Apple's proxy fetches

_SEND = Step(0.1, "Send")
_DELIVERY = Step(1.0, "Delivery", {"smtpResponse": "250 2.6.0 Message received"})
_CLICKED = _BROWSER | {"link": "https://example.com/", "linkTags": None}
_OPEN = Step(5.0, "Open", _BROWSER)


def _bounce(after: float, kind: str, sub: str, status: str, text: str) -> Step:
    facts: dict[str, Any] = {"bounceType": kind, "bounceSubType": sub, "status": status, "diagnosticCode": text}
    return Step(after, "Bounce", facts)


_UNKNOWN = _bounce(1.0, "Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown")
_DELAY = Step(
    0.8, "DeliveryDelay",
    {"delayType": "TransientCommunicationFailure", "status": "4.4.1", "diagnosticCode": "smtp; 421 no connection"},
)  # fmt: skip
_SUPPRESSED = (
    "Amazon SES did not send the message to this address because it is on the suppression list for your account."
)

PLANS: Mapping[str, Plan] = {
    "delivered": (_SEND, _DELIVERY),
    "bounce": (_SEND, _UNKNOWN),
    "full": (_SEND, _bounce(1.0, "Transient", "MailboxFull", "5.2.2", "smtp; 552 5.2.2 mailbox is full")),
    "soft": (_SEND, _DELAY, _bounce(3.0, "Transient", "General", "4.4.7", "smtp; 554 4.4.7 Message expired")),
    "block": (_SEND, _bounce(1.0, "Transient", "General", "5.7.1", "smtp; 550 5.7.1 on our block list (S3140)")),
    "content": (_SEND, _bounce(1.0, "Transient", "ContentRejected", "5.7.0", "smtp; 552 5.7.0 illegal attachment")),
    "suppressed": (_SEND, _bounce(0.3, "Permanent", "OnAccountSuppressionList", "5.1.1", _SUPPRESSED)),
    "defer": (_SEND, _DELAY, Step(3.0, "Delivery", _DELIVERY.facts)),
    "late": (_SEND, _DELIVERY, Step(10.0, "Bounce", _UNKNOWN.facts)),
    "complaint": (_SEND, _DELIVERY, Step(10.0, "Complaint", {"complaintFeedbackType": "abuse"})),
    "open": (_SEND, _DELIVERY, _OPEN),
    "machine": (_SEND, _DELIVERY, Step(2.0, "Open", _MACHINE)),
    "click": (_SEND, _DELIVERY, _OPEN, Step(8.0, "Click", _CLICKED)),
    "unsubscribe": (_SEND, _DELIVERY, Step(9.0, "Subscription", {})),
    "undetermined": (_SEND, _bounce(1.0, "Undetermined", "Undetermined", "5.0.0", "smtp; 554 delivery error")),
    "virus": (_SEND, Step(0.5, "Reject", {"reason": "Bad content"})),
    "silent": (),
}  # fmt: skip


def document_of(step: Step, address: str, at: str, ref: str) -> tuple[str, dict[str, Any]]:
    """Name and content of what an event tells besides of the mail."""
    facts = dict(step.facts)
    match step.event:
        case "Bounce":
            who = {"emailAddress": address, "action": "failed"} | {
                k: facts.pop(k) for k in ("status", "diagnosticCode")
            }
            return "bounce", facts | {
                "bouncedRecipients": [who], "timestamp": at, "feedbackId": f"{ref}-b", "reportingMTA": MTA,
            }  # fmt: skip
        case "DeliveryDelay":
            who = {"emailAddress": address} | {k: facts.pop(k) for k in ("status", "diagnosticCode")}
            return "deliveryDelay", facts | {"timestamp": at, "expirationTime": at, "delayedRecipients": [who]}
        case "Delivery":
            return "delivery", facts | {
                "timestamp": at, "processingTimeMillis": 900, "recipients": [address], "reportingMTA": MTA[5:],
                "remoteMtaIp": "192.0.2.10",
            }  # fmt: skip
        case "Complaint":
            return "complaint", facts | {
                "complainedRecipients": [{"emailAddress": address}], "timestamp": at, "feedbackId": f"{ref}-c",
                "userAgent": "ExampleCorp Feedback Loop (V0.01)", "complaintSubType": None, "arrivalDate": at,
            }  # fmt: skip
        case "Subscription":
            topics = {"unsubscribeAll": True, "topicSubscriptionStatus": []}
            return "subscription", {
                "contactList": "people", "timestamp": at, "source": "UnsubscribeHeader", "newTopicPreferences": topics,
                "oldTopicPreferences": topics | {"unsubscribeAll": False},
            }  # fmt: skip
        case "Open" | "Click" | "Reject":
            return step.event.lower(), facts | ({} if step.event == "Reject" else {"timestamp": at})
    return "send", {}
