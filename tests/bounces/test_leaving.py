"""From the List-Unsubscribe header of a message to who leaves: the mail that a mail program makes of it."""

import re
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bounces.letterbox import Keys, unsubscribed_in
from app.content.letterhead import Letterhead, LinkOptions, Sender
from app.content.links import LinkSigner, MessageRef

KEYS = Keys(b"s" * 32, b"v" * 32, b"l" * 32)
MESSAGE, RECIPIENT = b"m" * 16, b"r" * 16
TOKEN = LinkSigner(KEYS.links, "acme", "c_1").token(MESSAGE, RECIPIENT)
WHO = MessageRef("acme", "c_1", MESSAGE, RECIPIENT)


def mail(subject: str, text: str = "") -> bytes:
    """As a mail program sends it."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "ana@example.com", "unsub@b.example.com", subject
    made.set_content(text)
    return made.as_bytes()


@pytest.mark.parametrize("account", ["acme", "Größe & Söhne " * 8])
def test_the_header_names_a_mail_that_is_understood(account: str) -> None:
    """
    Also where the names are so long that the subject is folded.
    """
    campaign = f"c_{'x' * 50}"
    links = LinkOptions("https://l.example.com", KEYS.links, unsubscribe_mailto="unsub@b.example.com")
    token = LinkSigner(KEYS.links, account, campaign).token(MESSAGE, RECIPIENT)
    head = Letterhead(Sender("news@example.com", "", "", account, campaign), links, "", unsubscribe=True)
    header = dict(head.headers(MESSAGE, token))["List-Unsubscribe"]
    (url,) = re.findall(r"<(mailto:[^>]+)>", header)
    split = urlsplit(url)
    assert split.path == "unsub@b.example.com"
    (subject,) = parse_qs(split.query)["subject"]
    assert unsubscribed_in(mail(subject), KEYS) == MessageRef(account, campaign, MESSAGE, RECIPIENT)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("AbZ09_-."))
def test_a_token_with_one_letter_changed_is_nobodys(at: int, letter: str) -> None:
    """
    Whoever writes to the mailbox can guess no one else's.
    """
    changed = TOKEN[:at] + letter + TOKEN[at + 1 :]
    found = unsubscribed_in(mail(f"unsubscribe {changed}"), KEYS)
    assert found == (WHO if changed == TOKEN else None)


def test_a_token_of_another_installation_is_nobodys() -> None:
    """
    Nor is a mail without one; of one in the text, the mail program has cut the subject off.
    """
    foreign = LinkSigner(b"x" * 32, "acme", "c_1").token(MESSAGE, RECIPIENT)
    assert unsubscribed_in(mail(f"unsubscribe {foreign}"), KEYS) is None
    assert unsubscribed_in(mail("unsubscribe me please"), KEYS) is None
    assert unsubscribed_in(mail("unsubscribe", f"please take me off\n{TOKEN}\n"), KEYS) == WHO
