"""Bounces as mail systems write them, made from templates: what varies stands in the call."""

ORIGINAL = """\
Return-Path: <news@acme.example.org>
Received: from app.acme.example.org (app.acme.example.org [192.0.2.7])
\tby out.acme.example.org (Postfix) with ESMTP id 4F1A2B3C; Mon, 23 Nov 2026 02:16:01 +0000 (UTC)
From: Acme <news@acme.example.org>
To: {to}
Subject: user unknown, mailbox full, 550 5.1.1 spam, blocked using zen.spamhaus.org
Message-ID: <m-1@acme.example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

550 5.1.1 <other@example.net>: no such user. Your account has been disabled. Unsubscribe at any time.
"""

SENDER = "news@acme.example.org"
ANA = "ana@example.com"


def dsn(
    diagnostic: str = "",
    status: str = "5.0.0",
    *,
    to: str = ANA,
    action: str = "failed",
    human: str = "This is the mail system at host mx.example.net.",
    original: str = "",
    remote: str = "mx.example.com",
    fields: str = "",
    subject: str = "Undelivered Mail Returned to Sender",
    sender: str = "MAILER-DAEMON@mx.example.net (Mail Delivery System)",
    returned: str = "message/rfc822",
    charset: str = "us-ascii",
) -> str:
    """A delivery status notification (RFC 3464) for one recipient."""
    lines = fields or "\n".join(
        line
        for line, there in (
            (f"Final-Recipient: rfc822; {to}", to),
            (f"Original-Recipient: rfc822;{original}", original),
            (f"Action: {action}", action),
            (f"Status: {status}", status),
            (f"Remote-MTA: dns; {remote}", remote),
            (f"Diagnostic-Code: smtp; {diagnostic}", diagnostic),
        )
        if there
    )
    return f"""\
Return-Path: <>
From: {sender}
To: {SENDER}
Subject: {subject}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F1A2B3C.1/mx.example.net"
Message-Id: <20261123021605.9A@mx.example.net>

This is a MIME-encapsulated message.

--4F1A2B3C.1/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset={charset}

{human}

--4F1A2B3C.1/mx.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Queue-ID: 4F1A2B3C
Arrival-Date: Mon, 23 Nov 2026 02:16:01 +0000

{lines}

--4F1A2B3C.1/mx.example.net
Content-Type: {returned}

{ORIGINAL.format(to=original or to)}
--4F1A2B3C.1/mx.example.net--
"""


def plain(
    body: str,
    *,
    subject: str = "failure notice",
    sender: str = "MAILER-DAEMON@mx.example.net",
    headers: str = "",
    to: str = ANA,
    kind: str = "text/plain; charset=utf-8",
    original: bool = False,
) -> str:
    """A message of one part; *original* puts what was sent below, as old mail systems do."""
    below = ORIGINAL.format(to=to) if original else ""
    more = f"{headers}\n" if headers else ""
    return f"""\
From: {sender}
To: {SENDER}
Subject: {subject}
Date: Mon, 23 Nov 2026 02:16:05 +0000
{more}MIME-Version: 1.0
Content-Type: {kind}

{body}
{below}"""
