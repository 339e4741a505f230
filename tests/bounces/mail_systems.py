"""Whole messages as mail systems write them, from cases in short form (tests/bounces/returned/*.txt).

A case is a line "@ SYSTEM OPTIONS => RECIPIENT REASON; ...", then what that system says. SYSTEM gives the header and
the sentences around; "mail" has neither: the case begins with header lines of its own and a blank line; "raw" is the
whole message. Behind a line "--" stand the fields of a delivery status, a recipient a line: "F|D recipient | status |
diagnostic | remote host". A reason may have its class and action behind it (REASON:CLASS:ACTION) where they are not
those of the table.
"""

import base64
import html
import quopri
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from app.bounces.verdict import REASONS

CASES = Path(__file__).with_name("returned")
US = "bounce+k3v7q2mzx4w6ty5ahs7d2ncp4rbe6fju3glo5i7m@b.shop.example"
DATE = "Tue, 14 May 2024 09:21:07 +0200"
_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
_SUBJECT = re.compile(r"(?<=^Subject: ).*[^\0-\x7f].*", re.MULTILINE)
_REPLY = re.compile(r"\b([245]\d\d)[ -](?:#?([245]\.\d{1,3}\.\d{1,3}))?")


@dataclass(frozen=True)
class Case:
    """A message in short form and what it has to tell: (recipient, class, reason, action) of each."""

    name: str
    system: str
    options: dict[str, str] = field(default_factory=dict)
    text: str = ""
    expected: tuple[tuple[str, str, str, str], ...] = ()


def cases() -> Iterator[Case]:
    """All cases of all files."""
    for path in sorted(CASES.glob("*.txt")):
        line = 1
        for block in re.split(r"^@ ", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if "=>" in block.partition("\n")[0]:
                yield _case(f"{path.stem}:{line}", block)
            line += block.count("\n")


def _case(name: str, block: str) -> Case:
    first, _, text = block.partition("\n")
    left, _, right = first.partition("=>")
    system, *options = left.split()
    expected = tuple(_expected(each.split()) for each in right.split(";"))
    return Case(name, system, dict((each + "=1").split("=")[:2] for each in options), text.rstrip() + "\n", expected)


def _expected(words: list[str]) -> tuple[str, str, str, str]:
    recipient, said = words if len(words) == 2 else ("", words[0])
    reason, *other = said.split(":")
    klass, action = other or (REASONS[reason].klass, REASONS[reason].action)
    return recipient, klass, reason, action


# -- the message


def message_of(case: Case) -> bytes:
    """The whole message of *case*."""
    if case.system == "raw":
        return case.text.encode()
    text, _, fields = case.text.partition("\n--\n")
    rows = [[part.strip() for part in line.split("|")] for line in fields.splitlines() if line.strip()]
    header, said, rows = _SYSTEMS.get(case.system, _mail)(text.rstrip("\n") + "\n", rows)
    returned = case.options.get("orig", "rfc822" if rows else "inline" if case.system in _INLINE else "none")
    recipient = rows[0][1] if rows else (_ADDRESS.findall(text) or ["nobody@kunde.example"])[0]
    recipient = case.options.get("for", recipient)
    charset = case.options.get("cs", "utf-8")
    host = "mx4.relay.example"
    top = (
        f"Return-Path: <{case.options.get('by', '')}>\nDelivered-To: {US}\nReceived: from {host} ({host}"
        " [192.0.2.44])\n\tby mx.b.shop.example"
        f" (Postfix) with ESMTPS id 4VdwTq1HkRz9sW\n\tfor <{US}>; {DATE}\n"
    )
    if returned in ("inline", "truncated"):
        whole = _original(recipient)
        said += whole if returned == "inline" else whole[:420]
    bodies = [_part("text/plain", said, charset, case.options.get("cte", "8bit"))]
    if "html" in case.options:
        page = "<html><head><style>p {color: #123}</style></head><body><p>" + html.escape(said).replace("\n", "<br>\n")
        bodies.append(_part("text/html", page + "</p></body></html>\n", charset, case.options.get("cte", "8bit")))
        if case.options["html"] == "only":
            del bodies[0]
    encoded = _SUBJECT.sub(partial(_encoded_word, charset), header).encode()
    if len(bodies) == 1 and not rows and returned not in ("rfc822", "headers"):
        return top.encode() + encoded + b"MIME-Version: 1.0\n" + bodies[0]
    if len(bodies) == 2:
        bodies = [_multipart("multipart/alternative", bodies, "=_alt_0042")]
    if rows:
        bodies.append(_status(rows, host))
    if returned == "rfc822":
        bodies.append(b"Content-Type: message/rfc822\n\n" + _original(recipient).encode())
    elif returned == "headers":
        head = _original(recipient).partition("\n\n")[0]
        bodies.append(b"Content-Type: text/rfc822-headers\n\n" + head.encode() + b"\n")
    kind = "multipart/report; report-type=delivery-status" if rows else "multipart/mixed"
    return top.encode() + encoded + b"MIME-Version: 1.0\n" + _multipart(kind, bodies, "4VdwTq1HkRz9sW.1715671267/relay")


def _encoded_word(charset: str, found: re.Match[str]) -> str:
    raw = found[0].encode(charset, "replace")
    return f"=?{charset}?B?{base64.b64encode(raw).decode()}?="


def _part(kind: str, text: str, charset: str, encoding: str) -> bytes:
    raw = text.encode(charset, "replace")
    if encoding == "base64":
        raw = base64.encodebytes(raw)
    elif encoding == "qp":
        raw, encoding = quopri.encodestring(raw), "quoted-printable"
    return f"Content-Type: {kind}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + raw


def _multipart(kind: str, parts: list[bytes], boundary: str) -> bytes:
    head = f'Content-Type: {kind};\n\tboundary="{boundary}"\n\nThis is a MIME-encapsulated message.\n\n'.encode()
    return (
        head + b"".join(b"--%s\n%s\n" % (boundary.encode(), part) for part in parts) + b"--%s--\n" % boundary.encode()
    )


def _status(rows: list[list[str]], host: str) -> bytes:
    groups = [f"Reporting-MTA: dns; {host}\nArrival-Date: {DATE}\n"]
    for row in rows:
        action, recipient, status, diagnostic, remote = (*row, "", "", "")[:5]
        lines = [f"Final-Recipient: rfc822; {recipient}", f"Action: {'delayed' if action == 'D' else 'failed'}"]
        lines.append(f"Status: {status}")
        if remote:
            lines.append(f"Remote-MTA: dns; {remote}")
        if diagnostic:
            kind = "" if re.match(r"[\w-]+;", diagnostic) else "smtp; "
            lines += textwrap.wrap(f"Diagnostic-Code: {kind}{diagnostic}", 72, subsequent_indent="    ",
                                   break_long_words=False, break_on_hyphens=False)  # fmt: skip
        groups.append("\n".join(lines) + "\n")
    return (
        "Content-Description: Delivery report\nContent-Type: message/delivery-status\n\n" + "\n".join(groups)
    ).encode()


def _original(recipient: str) -> str:
    return (
        f"Return-Path: <{US}>\nReceived: from out7.shop.example (out7.shop.example [198.51.100.7])\n\tby"
        " mx4.relay.example"
        f" with ESMTPS id 4VdwTp;\n\t{DATE}\nDKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=k1;"
        " h=from:to; b=AbCd\n"
        f"From: Shop News <news@shop.example>\nTo: {recipient}\nSubject: Mailbox full of savings, user"
        " unknown to spam\n"
        f"Date: {DATE}\nMessage-ID: <20240514072101.6f1b@shop.example>\nList-Unsubscribe: <https://shop.example/u/1>\n"
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        "Dear customer, your account has been disabled? No: 550 reasons to come back. I am out of the office today.\n"
    )


# -- mail systems

_Built = tuple[str, str, list[list[str]]]


def _mail(text: str, rows: list[list[str]]) -> _Built:
    header, _, said = text.partition("\n\n")
    if "\nDate:" not in header:
        header += f"\nDate: {DATE}"
    if "\nTo:" not in header:
        header += f"\nTo: {US}"
    return f"{header}\nMessage-ID: <5f.8812@mail.relay.example>\n", said, rows


def _postfix(text: str, rows: list[list[str]]) -> _Built:
    header = (
        f"Received: by mx4.relay.example (Postfix)\n\tid 7C1F23A0B9; {DATE}\nDate: {DATE}\n"
        "From: MAILER-DAEMON@relay.example (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n"
        f"To: {US}\nAuto-Submitted: auto-replied\nMessage-Id: <20240514072107.7C1F23A0B9@mx4.relay.example>\n"
    )
    opening = (
        "This is the mail system at host mx4.relay.example.\n\nI'm sorry to have to inform you that your"
        " message could not\n"
        "be delivered to one or more recipients. It's attached below.\n\nFor further assistance, please send mail to"
        " postmaster.\n\nIf you do so, please include this problem report. You can\ndelete your own text"
        " from the attached"
        " returned message.\n\n                   The mail system\n\n"
    )
    return header, opening + text, rows or _rows_of(text)


def _rows_of(text: str) -> list[list[str]]:
    rows = []
    for part in re.split(r"\n\s*\n", text):
        flat = " ".join(part.split())
        found = re.match(r"<([^>]+)>[^:]*: (.*)", flat)
        if found is None:
            continue
        host = re.match(r"host (\S+?)\[.*? (?:said|refused to talk to me): (.*)", found[2])
        said = re.sub(r" \(in reply to .*", "", host[2]) if host else f"X-Postfix; {found[2]}"
        reply = _REPLY.search(said) if host else None
        status = reply[2] if reply and reply[2] else f"{reply[1][0]}.0.0" if reply else "5.0.0"
        local = re.search(r"\{([\d.]+)\}", said)
        if local:
            status, said = local[1], said.replace(f"{{{local[1]}}}", "")
        rows.append(["F", found[1], status, said, host[1] if host else ""])
    return rows


def _postfix_delay(text: str, rows: list[list[str]]) -> _Built:
    header, _, rows = _postfix(text, rows)
    opening = (
        "This is the mail system at host mx4.relay.example.\n\n"
        "####################################################################\n"
        "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n"
        "####################################################################\n\n"
        "Your message could not be delivered for more than 4 hour(s).\nIt will be retried until it is 5 day(s) old.\n\n"
    )
    header = header.replace("Undelivered Mail Returned to Sender", "Delayed Mail (still being retried)")
    return header, opening + text, [["D", row[1], "4" + row[2][1:], *row[3:]] for row in rows]


def _exim(text: str, rows: list[list[str]]) -> _Built:
    failed = re.findall(r"^  (\S+@\S+)", text, re.MULTILINE)
    header = (
        f"Envelope-to: {US}\nDelivery-date: {DATE}\nReceived: from mailnull by mx4.relay.example with local"
        " (Exim 4.96.2)"
        f"\n\tid 1s6mGh-0007Kd-1P\n\tfor {US}; {DATE}\nX-Failed-Recipients: {', '.join(failed)}\nAuto-Submitted:"
        f" auto-replied\nFrom: Mail Delivery System <Mailer-Daemon@mx4.relay.example>\nTo: {US}\nSubject: Mail delivery"
        f" failed: returning message to sender\nMessage-Id: <E1s6mGh-0007Kd-1P@mx4.relay.example>\nDate: {DATE}\n"
    )
    opening = (
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
        " delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
    )
    closing = "" if rows else "\n------ This is a copy of the message, including all the headers. ------\n\n"
    return header, opening + text + closing, rows


def _exim_delay(text: str, rows: list[list[str]]) -> _Built:
    header, _, _ = _exim(text, rows)
    header = header.replace("Mail delivery failed: returning message to sender", "Warning: message delayed 24 hours")
    header = re.sub(r"X-Failed-Recipients:.*\n", "", header)
    opening = (
        "This message was created automatically by mail delivery software.\nA message that you sent has not yet been"
        " delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx4.relay.example.\n\n"
        f"The message identifier is:     1s6mGh-0007Kd-1P\nThe date of the message is:    {DATE}\nThe subject of the"
        " message is: Mailbox full of savings, user unknown to spam\n\nThe address to which the message has"
        " not yet been"
        " delivered is:\n\n"
    )
    closing = (
        "\nNo action is required on your part. Delivery attempts will continue for\nsome time, and this warning may be"
        " repeated at intervals if the message\nremains undelivered. Eventually the mail delivery software"
        " will give up,\n"
        "and when that happens, the message will be returned to you.\n"
    )
    return header, opening + text + closing, []


def _qmail(text: str, rows: list[list[str]]) -> _Built:
    header = (
        "Received: (qmail 21377 invoked for bounce); 14 May 2024 07:21:07 -0000\nDate: 14 May 2024 07:21:07 -0000\n"
        f"From: MAILER-DAEMON@mx4.relay.example\nTo: {US}\nSubject: failure notice\n"
    )
    opening = (
        "Hi. This is the qmail-send program at mx4.relay.example.\nI'm afraid I wasn't able to deliver your"
        " message to the"
        " following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
    )
    return header, f"{opening}{text}\n--- Below this line is a copy of the message.\n\n", []


def _sendmail(text: str, rows: list[list[str]]) -> _Built:
    header = (
        "Received: from localhost (localhost)\n\tby mx4.relay.example (8.15.2/8.15.2) id 44E7L7bQ031337;\n"
        f"\t{DATE}\nDate: {DATE}\nFrom: Mail Delivery Subsystem <MAILER-DAEMON@mx4.relay.example>\n"
        f"Message-Id: <202405140721.44E7L7bQ031337@mx4.relay.example>\nTo: <{US}>\n"
        "Subject: Returned mail: see transcript for details\nAuto-Submitted: auto-generated (failure)\n"
    )
    opening = f"The original message was received at {DATE}\nfrom out7.shop.example [198.51.100.7]\n\n"
    if not rows:
        for each in dict.fromkeys(re.findall(r"^<(\S+@[^>]+)>\n", text, re.MULTILINE)):
            answers = re.findall(r"^<<< (.*)$", text, re.MULTILINE)
            status = re.findall(r"^[45]\d\d ([45]\.\d\.\d{1,2})", text, re.MULTILINE)
            host = re.search(r"while talking to (\S+?)\.?:", text)
            rows = [
                *rows,
                ["F", each, (status or ["5.0.0"])[-1], answers[0] if answers else "", host[1] if host else ""],
            ]
    return header, opening + text, rows


def _sendmail_plain(text: str, rows: list[list[str]]) -> _Built:
    header, said, _ = _sendmail(text, [["F", "", ""]])
    return header, said + "\n   ----- Original message follows -----\n\n", []


def _sendmail_delay(text: str, rows: list[list[str]]) -> _Built:
    header, _, rows = _sendmail(text, rows)
    header = header.replace(
        "Returned mail: see transcript for details", "Warning: could not send message for past 4 hours"
    )
    header = header.replace("(failure)", "(warning-timeout)")
    opening = (
        "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n"
        "    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\n"
        f"The original message was received at {DATE}\nfrom out7.shop.example [198.51.100.7]\n\n"
    )
    closing = "Warning: message still undelivered after 4 hours\nWill keep trying until message is 5 days old\n"
    return header, opening + text + closing, [["D", row[1], "4" + row[2][1:], *row[3:]] for row in rows]


def _exchange(text: str, rows: list[list[str]]) -> _Built:
    subject, _, said = text.partition("\n")
    header = (
        "Received: from EX01.relay.example (10.1.1.5) by EX01.relay.example\n (10.1.1.5) with Microsoft SMTP Server id"
        f" 15.1.2507.35; {DATE}\nFrom: Microsoft Outlook\n"
        "\t<MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@relay.example>"
        f"\nTo: <{US}>\nDate: {DATE}\nX-MS-Exchange-Message-Is-Ndr:\nContent-Language: en-US\nMessage-ID:"
        f" <91c3-4d@EX01.relay.example>\nIn-Reply-To: <20240514072101.6f1b@shop.example>\nSubject: {subject}\n"
        "Auto-Submitted: auto-replied\nX-Auto-Response-Suppress: DR, OOF, AutoReply\n"
    )
    return header, said, rows


def _gmail(text: str, rows: list[list[str]]) -> _Built:
    header = (
        "X-Google-Smtp-Source: AGHT+IFq\nX-Received: by 2002:a05:6402:5111 with SMTP id m17mr1;\n       "
        " Tue, 14 May 2024"
        f" 00:21:07 -0700 (PDT)\nFrom: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nTo: {US}\n"
        "Auto-Submitted:"
        f" auto-replied\nSubject: Delivery Status Notification (Failure)\nDate: {DATE}\nX-Failed-Recipients:"
        f" {', '.join(row[1] for row in rows) or ', '.join(_ADDRESS.findall(text)[:1])}\n"
    )
    return header, text, rows


_SYSTEMS = {
    "mail": _mail, "postfix": _postfix, "postfix-delay": _postfix_delay, "exim": _exim, "exim-delay": _exim_delay,
    "qmail": _qmail, "sendmail": _sendmail, "sendmail-plain": _sendmail_plain, "sendmail-delay": _sendmail_delay,
    "exchange": _exchange, "gmail": _gmail,
}  # fmt: skip
_INLINE = ("qmail", "exim", "sendmail-plain")
