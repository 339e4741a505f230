"""The words of explain: every kind of event, reason and policy in a sentence that somebody in support can read out."""

from collections.abc import Sequence

from app.delivery.outcomes import DropReason, EventKind, Status

# What became of an attempt. Every EventKind is here or in HITS.
OUTCOMES: dict[str, str] = {
    EventKind.QUEUED: "let through",
    EventKind.DROPPED: "not sent",
    EventKind.SENT: "taken by the mail server",
    EventKind.DELIVERED: "taken by the recipient's own server",
    EventKind.DEFERRED: "put off",
    EventKind.BOUNCED: "refused for good",
    EventKind.BLOCKED: "blocked",
    EventKind.UNKNOWN: "the answer was lost, it may or may not have gone out",
    EventKind.FAILED: "not delivered, by a fault of the provider or of the account there",
    EventKind.EXPIRED: "not delivered within the time in which it was tried",
    EventKind.UNRECOGNISED: "something that this version does not know",
}
# The same of messages to phones.
ON_PHONES: dict[str, str] = {
    EventKind.SENT: "taken by the provider",
    EventKind.DELIVERED: "delivered",
}
HITS: dict[str, str] = {
    EventKind.OPENED: "Opened",
    EventKind.CLICKED: "A link was clicked",
    EventKind.READ: "The recipient read it",
    EventKind.COMPLAINED: "The recipient complained",
    EventKind.UNSUBSCRIBED: "The recipient unsubscribed",
    EventKind.RESUBSCRIBED: "The recipient asked to be written to again",
}

DROPPED: dict[str, str] = {
    DropReason.SUPPRESSED: "the recipient must not be written to",
    DropReason.DUPLICATE: "the recipient had a message under the same dedup key",
    DropReason.INVALID: "it could not be made into a message",
    DropReason.CANCELLED: "the campaign was cancelled before its turn came",
    DropReason.EXPIRED: "its time was over before its turn came",
    DropReason.POISON: "it ended whoever tried to send it, and was set aside",
    DropReason.CAPPED: "the recipient has had as many messages as the account allows",
}
SCOPES = {
    "global": "by anybody",
    "account": "by this account",
    "list": "about list {name}",
    "campaign": "in this campaign",
}

# Why a message is let through, and waits: app/delivery/why.py.
LATER = {
    "schedule": "It may leave from {at} on: that is its time where the recipient is",
    "hours": "It may leave from {at} on: before, its hours or the quiet hours of the account are closed",
    "cap": "It may leave from {at} on: the recipient has had enough messages until then",
}

LATER_AT = "It may leave from {at} on"

# When it is tried again, by the retry policy that applied.
AGAIN = {
    "transient": "Attempt {attempt} comes in {span}, at {at}: the refusal was temporary.",
    "soft": "Attempt {attempt} comes in {span}, at {at}: the mailbox could not take it, which may change.",
    "pair": "Attempt {attempt} comes in {span}, at {at}: the person had one from this number a moment ago.",
    "throttle": "It is tried again in {span}, at {at}: the server asked for a slower pace, which is no attempt.",
    "route": "It is tried again in {span}, at {at}: the route took nothing at all, which is no attempt.",
    "resend": "It is sent again as attempt {attempt}, at {at}: the campaign would rather send twice than not at all.",
}
AGAIN_ON_PHONES = AGAIN | {
    "soft": "Attempt {attempt} comes in {span}, at {at}: the phone could not be reached, which may change.",
    "throttle": "It is tried again in {span}, at {at}: the provider asked for a slower pace, which is no attempt.",
}
# The same for another channel.
ONWARD = {
    "sms": "It goes on by SMS, as attempt {attempt}, at {at}.",
    "whatsapp": "It goes on by WhatsApp, as attempt {attempt}, at {at}.",
    "voice": "It goes on by a call, as attempt {attempt}, at {at}.",
}
CHANNELS = {"email": "Email", "sms": "SMS", "whatsapp": "WhatsApp", "voice": "Call"}
NEWS = "it is out by {channel}, and a report of delivery is awaited until {at}: then {then}"
NEXT = {"sms": "it goes on by SMS", "whatsapp": "it goes on by WhatsApp", "voice": "it goes on by a call"}
CALLING = "the call is in progress, or the report of its end is on the way"
AGAIN_AT = "Attempt {attempt} comes in {span}, at {at}."
WAITS = {
    "schedule": "it is not its time yet where the recipient is: from {at} on, in {span}",
    "hours": "its hours are closed until {at}, in {span}",
    "cap": "the recipient has had enough messages until {at}, in {span}",
    "window": "it is outside the hours of its campaign until {at}, in {span}",
    "quiet": "the account has quiet hours until {at}, in {span}",
    "retry.transient": "it is tried again at {at}, in {span}, after a temporary refusal",
    "retry.soft": "it is tried again at {at}, in {span}, after the mailbox could not take it",
    "retry.pair": "it is tried again at {at}, in {span}: the person had another message from this number a moment ago",
    "retry.throttle": "it is tried again at {at}, in {span}: the server asked for a slower pace",
    "retry.route": "it is tried again at {at}, in {span}: the route took nothing at all",
    "retry.resend": "it is sent again at {at}",
    "retry.sms": "it goes on by SMS at {at}, in {span}",
    "retry.whatsapp": "it goes on by WhatsApp at {at}, in {span}",
    "retry.voice": "it goes on by a call at {at}, in {span}",
}
WAITS_ON_PHONES = WAITS | {
    "retry.soft": "it is tried again at {at}, in {span}, after the phone could not be reached",
    "retry.throttle": "it is tried again at {at}, in {span}: the provider asked for a slower pace",
}
WAITS_UNTIL = "it waits until {at}, in {span}"
READY = {
    "schedule": ", from its time on",
    "hours": ", from the opening of its hours on",
    "cap": ", from the end of the recipient's cap on",
    "retry.transient": ", once it was to be tried again",
    "retry.soft": ", once it was to be tried again",
    "retry.pair": ", once it was to be tried again",
    "retry.throttle": ", once it was to be tried again",
    "retry.route": ", once it was to be tried again",
}

# What was decided on a lost outcome, by the class of its event (app/delivery/unknown.py).
DECISIONS = {
    "decided": "Given up: nobody will learn what became of attempt {attempt}",
    "not_sent": "It is known now that attempt {attempt} had not gone out: it is sent again",
    "resent": "Sent again, as nobody could tell what became of attempt {attempt}",
}
HAD_GONE_OUT = "It is known now that attempt {attempt} had gone out"
UNKNOWN_POLICIES = {
    "hold": "The campaign holds such messages: it is not sent again unless somebody decides so",
    "resend": "The campaign sends such messages again: it would rather send twice than not at all",
}
UNKNOWN_WAITS = {
    "give_up": "nobody knows whether it went out: a report may tell until {at}, then it is given up",
    "resend": "nobody knows whether it went out: a report may tell until {at}, then it is sent again",
}

RESUMED = "The campaign was resumed"
STATES: dict[str, str] = {
    "RUNNING": "The campaign runs",
    "PAUSED": "The campaign was paused",
    "CANCELLING": "The campaign was cancelled",
    "CANCELLED": "The campaign is cancelled",
    "CLOSING": "The time of the campaign was over",
    "COMPLETED": "The campaign is complete",
    "FAILED": "The campaign failed",
}
STANDSTILL = {
    "PAUSED": "its campaign is paused",
    "SEALING": "its campaign starts again in a moment",
    "CANCELLING": "its campaign is being cancelled: it will be dropped",
    "CLOSING": "the time of its campaign is over: it will be dropped",
    "CANCELLED": "its campaign is cancelled",
    "COMPLETED": "its campaign is complete: what is recorded of it is not all there yet",
}
NOT_READ = {
    "RUNNING": "the campaign has not come to that row yet, or it is not recorded yet",
    "PAUSED": "the campaign is paused and has not come to that row yet",
}
NOT_SEALED = {
    "DRAFT": "the campaign has not been started",
    "APPROVAL": "the start of the campaign waits for an approval",
    "SCHEDULED": "the campaign waits for its time",
    "QUEUED": "the campaign waits until fewer of its account run",
    "SEALING": "its audience is being fixed",
}

NOTICES: dict[str, str] = {
    "breaker_opened": "Out of service,",
    "breaker_probes": "Tried again with a few messages,",
    "breaker_closed": "Back in service,",
    "slowed": "Slowed down,",
    "suspended": "Suspended,",
    "raised": "Speeded up,",
    "warned": "A warning about",
    "complaints": "Many complaints,",
    "bounces": "Many bounces,",
    "auth_failures": "Authentication fails,",
    "reports_late": "Late webhooks,",
    "reports_missing": "Missing webhooks,",
    "reports_back": "Webhooks are back,",
    "restored": "Back at full speed,",
    "route_changed": "A change of",
    "limit_changed": "A limit changed,",
    "warm_up": "Warm-up of",
}

TIERS = {
    "engaged": "somebody who reacted of late",
    "new": "somebody of whom nothing is known yet",
    "dormant": "somebody who has not reacted for long",
}

# Why a server refused, or why it could not be sent: app/delivery/smtp_replies.py. Others are told by their name.
CLASSES = {
    "unknown_user": "there is no such mailbox",
    "bad_domain": "there is no such domain",
    "bad_syntax": "the address is none",
    "mailbox_full": "the mailbox is full",
    "greylisted": "the server greets strangers with 'later'",
    "throttle": "the server asked for a slower pace",
    "reputation": "for the reputation of the sender",
    "content": "for what it says",
    "policy": "by a rule of the recipient's server",
    "authentication": "SPF, DKIM or DMARC did not satisfy the server",
    "temporary": "for now",
    "gave_up": "given up after the last retry",
    "expired": "its campaign ends before the next try",
    "route_gone": "the route on which it was to be sent again was deleted",
    "mailbox_busy": "the mailbox is busy",
    "busy": "the line was busy",
    "no_answer": "nobody answered the call",
    "unanswered": "no report of delivery came in time",
    "pair": "this person had another message a moment ago",
    "connection": "the connection failed",
    "render": "its template could not be filled in",
    "variables": "its variables cannot be read",
    "poison": "it ended whoever tried to send it",
    # as providers with an HTTP API and carriers tell it
    "hard": "there is no such address or number",
    "soft": "the recipient could not be reached for now",
    "block": "blocked by the recipient, a carrier or a mailbox provider",
    "suppressed": "the recipient wants nothing more, by what the provider knows",
    "account": "for the account at the provider: its credentials, balance, sender or permissions",
    "technical": "for trouble at the provider",
    "service": "the provider was out of service",
    "undetermined": "the provider does not say why",
    "lost_reply": "the answer of the provider was lost",
}

SO_FAR: dict[str, str] = {
    Status.QUEUED: "Not sent yet",
    Status.DEFERRED: "Put off",
    Status.UNKNOWN: "Unknown",
}
ENDS = {
    Status.QUEUED: "Let through at",
    Status.SENT: "Sent: taken by the mail server at",
    Status.DELIVERED: "Delivered: taken by the recipient's server at",
    Status.DEFERRED: "Put off at",
    Status.BOUNCED: "Bounced: refused for good at",
    Status.BLOCKED: "Blocked at",
    Status.DROPPED: "Not sent: dropped at",
    Status.UNKNOWN: "Unknown for good: given up at",
    Status.FAILED: "Failed, by a fault of the provider or of the account there, at",
    Status.EXPIRED: "Expired: not delivered within the time in which it was tried, told at",
    Status.OPENED: "Delivered, and opened at",
    Status.READ: "Delivered, and read at",
    Status.CLICKED: "Delivered, and a link was clicked at",
    Status.COMPLAINED: "Delivered, and the recipient complained at",
}
ENDS_ON_PHONES = {
    Status.SENT: "Sent: taken by the provider at",
    Status.DELIVERED: "Delivered at",
}
KIND_OF_STATUS = {str(status): EventKind(status.lower()) for status in Status}


def left_out(reason: str) -> str:
    """Why somebody is not in an audience (app/clickhouse/audience_sql.py)."""
    kind, _, name = reason.partition(":")
    return {
        "removed": "they had left the list",
        "holdout": "they are in the group of the experiment that gets nothing",
        "excluded_list": f"they are on the excluded list {name}",
        "excluded_segment": f"they are in the excluded segment {name}",
        "no_email": "they have no email address",
        "no_phone": "they have no phone number",
        "no_phone_id": "they have no phone id yet: their contact is older than phones, and is looked at within minutes",
        "invalid_phone": "their phone number is none that its country has",
        "landline": "their phone number is a landline, which gets no SMS",
        "no_consent": "they did not agree to be written to on this channel, or they said no",
        "same_number": "somebody else of the audience has the same phone number, and one message goes to both",
    }.get(kind, reason)


def reply(code: int, detail: str) -> str:
    """What the server said."""
    return f"{code} {detail}".strip() if code and not detail.startswith(str(code)) else detail


def listing(names: Sequence[str]) -> str:
    """*names* as people list them, the first few of them."""
    shown = list(names[:5]) + ([f"{len(names) - 5} more"] if len(names) > 5 else [])
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part) if shown else ""


def span(seconds: float) -> str:
    """A length of time in its two largest units: 4 m 12 s."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 "))
