"""What becomes of a message: its address says so, or for other addresses a draw that is always the same. Pure."""

from zlib import crc32

TEN_THOUSAND = 10_000

# Local part of an address, as bounce@, bounce+7@ or bounce-7@.
EMAIL = {
    "bounce": "there is no such mailbox",
    "full": "the mailbox is full",
    "soft": "given up after temporary errors",
    "block": "refused as spam, for the sender's reputation",
    "content": "refused for what it says",
    "suppressed": "on the provider's suppression list",
    "defer": "delivered at the second try",
    "late": "delivered, and bounced afterwards",
    "complaint": "delivered, and reported as spam",
    "open": "delivered and opened",
    "machine": "delivered, and opened by a machine",
    "click": "delivered, opened and clicked",
    "unsubscribe": "delivered, and unsubscribed with the provider",
    "undetermined": "bounced, and nobody can tell why",
    "virus": "thrown away by the provider for a virus",
    "silent": "taken, and never heard of again",
    "refused": "refused by the API as no address",
}
# Share of other addresses, in ten thousands, where shares are drawn; the rest is delivered.
EMAIL_SHARES = (
    (70, "bounce"), (30, "full"), (20, "soft"), (20, "block"), (100, "defer"), (5, "late"), (10, "complaint"),
    (900, "machine"), (1_300, "open"), (300, "click"), (15, "unsubscribe"),
)  # fmt: skip

# Last four digits of a phone number.
PHONE = {
    "0001": ("unreachable", "switched off, or busy when called"),
    "0002": ("unknown", "no such subscriber"),
    "0003": ("blocked", "blocked by carrier or recipient"),
    "0004": ("landline", "a landline; a machine answers calls"),
    "0005": ("content", "filtered for what it says"),
    "0006": ("sent", "sent, and no receipt ever comes"),
    "0007": ("silent", "taken, and never heard of again"),
    "0008": ("expired", "not delivered while it was valid; nobody answers calls"),
    "0009": ("opted_out", "has opted out with the provider: refused by the API where that knows"),
    "0010": ("invalid", "refused by the API as no number"),
    "0011": ("late", "delivered a minute later"),
    "0012": ("read", "delivered and read"),
    "0013": ("stop", "delivered, and answers STOP"),
    "0014": ("help", "delivered, and answers HELP"),
    "0015": ("yes", "delivered, and answers YES"),
    "0016": ("frequency", "has had too many marketing messages"),
}
PHONE_SHARES = (
    (200, "unreachable"), (80, "unknown"), (30, "blocked"), (20, "content"), (60, "sent"), (30, "expired"),
    (40, "stop"), (3_000, "read"),
)  # fmt: skip

DELIVERED = "delivered"


def email_fate(address: str, seed: int, realistic: bool) -> str:
    """What becomes of mail to *address*; *realistic*: some of all mail bounces, is opened ..."""
    word = address.partition("@")[0].partition("+")[0].lower().rstrip("0123456789").rstrip("-._")
    if word in EMAIL:
        return word
    return _drawn(address, seed, EMAIL_SHARES) if realistic else DELIVERED


def phone_fate(number: str, seed: int, realistic: bool) -> str:
    """What becomes of a message or call to *number*."""
    told = PHONE.get(number[-4:])
    if told is not None:
        return told[0]
    return _drawn(number, seed, PHONE_SHARES) if realistic else DELIVERED


def pace_of(address: str, seed: int) -> float:
    """How much longer or shorter than planned the steps of a message take: half to one and a half."""
    return 0.5 + (crc32(address.encode(), seed ^ 0x5EED) & 0xFFFF) / 0xFFFF


def _drawn(address: str, seed: int, shares: tuple[tuple[int, str], ...]) -> str:
    draw = crc32(address.encode(), seed) % TEN_THOUSAND
    for share, fate in shares:
        if draw < share:
            return fate
        draw -= share
    return DELIVERED
