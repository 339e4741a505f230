"""SMPP: states of a message, and how senders are written. SMPP 3.4 issue 1.2, sections 5.2.5 and 5.2.28."""

from app.delivery.reports.kinds import ReportKind

ALPHANUMERIC, INTERNATIONAL, SHORT = (5, 0), (1, 1), (3, 0)  # type of number, numbering plan
LONGEST_SHORT_CODE = 8

# message_state (5.2.28), and the word for it in a receipt -> (what it tells, class)
STATES: dict[str, tuple[int, ReportKind, str]] = {
    "SCHEDULED": (0, ReportKind.ACCEPTED, ""),
    "ENROUTE": (1, ReportKind.ACCEPTED, ""),
    "DELIVRD": (2, ReportKind.DELIVERED, ""),
    "EXPIRED": (3, ReportKind.EXPIRED, "soft"),
    "DELETED": (4, ReportKind.FAILED, "undetermined"),
    "UNDELIV": (5, ReportKind.BOUNCED, "soft"),
    "ACCEPTD": (6, ReportKind.ACCEPTED, ""),
    "UNKNOWN": (7, ReportKind.FAILED, "undetermined"),
    "REJECTD": (8, ReportKind.BLOCKED, "block"),
    "SKIPPED": (9, ReportKind.FAILED, "undetermined"),
}
WORD_OF = {number: word for word, (number, _, _) in STATES.items()}


def source_of(sender: str) -> tuple[int, int, str]:
    """(type of number, numbering plan, address) of a number, short code or sender id (5.2.5). All zero for none."""
    digits = sender.removeprefix("+")
    if not sender:
        return 0, 0, ""
    if not digits.isascii() or not digits.isdigit():
        return *ALPHANUMERIC, sender
    if not sender.startswith("+") and len(digits) <= LONGEST_SHORT_CODE:
        return *SHORT, digits
    return *INTERNATIONAL, digits
