# ruff: noqa: E501 - mail as it is written, and letters that are counted twice
"""Messages in the formats of many mail systems, with what they tell: (name, message, recipient, action, reason)."""

from tests.bounces.letters import ANA, ORIGINAL, SENDER, dsn, plain

Case = tuple[str, str, str, str, str]

QMAIL = """\
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ana@example.com>:
{said}

--- Below this line is a copy of the message.

"""
EXIM = """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ana@example.com
    {said}

------ This is a copy of the message, including all the headers. ------

"""
POSTFIX = """\
This is the Postfix program at host mx.example.net.

I'm sorry to have to inform you that your message could not be
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to <postmaster>

If you do so, please include this problem report. You can
delete your own text from the attached returned message.

\t\t\tThe Postfix program

<ana@example.com>: {said}

"""
SENDMAIL = """\
The original message was received at Mon, 23 Nov 2026 02:16:01 GMT
from app.acme.example.org [192.0.2.7]

   ----- The following addresses had permanent fatal errors -----
<ana@example.com>

   ----- Transcript of session follows -----
... while talking to mx.example.com.:
>>> {command}
<<< {said}
{said}

   ----- Original message follows -----

"""
EXCHANGE_55 = """\
Your message

  To:      ana@example.com
  Subject: user unknown, mailbox full, blocked as spam
  Sent:    Mon, 23 Nov 2026 02:16:01 -0000

did not reach the following recipient(s):

ana@example.com on Mon, 23 Nov 2026 02:16:05 -0000
    {said}
"""
EXCHANGE_2003 = """\
Your message did not reach some or all of the intended recipients.

      Subject:\tuser unknown, mailbox full, blocked as spam
      Sent:\t23/11/2026 02:16

The following recipient(s) could not be reached:

      ana@example.com on 23/11/2026 02:16
            {said}
"""
EXCHANGE_2010 = """\
{opening}

ana@example.com<mailto:ana@example.com>
{told}

Diagnostic information for administrators:

Generating server: mx.example.net

ana@example.com
{said}

Original message headers:

"""
NOTES = """\
Your message

  Subject: user unknown, mailbox full, blocked as spam

was not delivered to:

  ana@example.com

because:

  {said}
"""
GOOGLE = """\
** Address not found **

Your message wasn't delivered to ana@example.com because the address couldn't be found, or is unable to receive mail.

Learn more here: https://support.google.com/mail/?p=NoSuchUser

The response was:

{said}
"""


def _qmail(said: str) -> str:
    return plain(QMAIL.format(said=said), original=True)


def _exim(said: str, headers: str = "X-Failed-Recipients: ana@example.com\nAuto-Submitted: auto-replied") -> str:
    subject = "Mail delivery failed: returning message to sender"
    return plain(EXIM.format(said=said), subject=subject, headers=headers, original=True)


def _sendmail(said: str, command: str = "RCPT To:<ana@example.com>") -> str:
    body = SENDMAIL.format(said=said, command=command)
    return plain(body, subject="Returned mail: see transcript for details", original=True)


def _exchange(opening: str, told: str, said: str) -> str:
    body = EXCHANGE_2010.format(opening=opening, told=told, said=said)
    sender = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.net>"
    return plain(body, subject="Undeliverable: user unknown", sender=sender, original=True)


NOT_FOUND_ADR = "#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##"

CASES: list[Case] = [
    # qmail
    ("qmail unknown", _qmail("Sorry, no mailbox here by that name. (#5.1.1)"), ANA, "suppress", "userunknown"),
    (
        "qmail vpopmail",
        _qmail("Sorry, no mailbox here by that name. vpopmail (#5.1.1)"),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "qmail no host",
        _qmail("Sorry, I couldn't find any host named example.com. (#5.1.2)"),
        ANA,
        "suppress",
        "hostunknown",
    ),
    (
        "qmail remote",
        _qmail("192.0.2.9 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.9."),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "qmail remote block",
        _qmail("192.0.2.9 does not like recipient.\nRemote host said: 550 Blocked by RBL\nGiving up on 192.0.2.9."),
        ANA,
        "alert",
        "blocked",
    ),
    (
        "qmail full",
        _qmail("user is over quota\nI'm not going to try again; this message has been in the queue too long."),
        ANA,
        "retry",
        "mailboxfull",
    ),
    (
        "qmail connect",
        _qmail(
            "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\nI'm not going to try"
            " again; this message has been in the queue too long."
        ),
        ANA,
        "retry",
        "expired",
    ),
    (
        "qmail sender",
        _qmail(
            "192.0.2.9 failed after I sent the message.\nRemote host said: 553 sorry, your envelope"
            " sender domain must exist (#5.7.1)"
        ),
        ANA,
        "alert",
        "rejected",
    ),
    (
        "qmail cname",
        _qmail(
            "CNAME lookup failed temporarily. (#4.4.3)\nI'm not going to try again; this message has"
            " been in the queue too long."
        ),
        ANA,
        "retry",
        "networkerror",
    ),
    # Exim
    (
        "exim remote",
        _exim(
            "SMTP error from remote mail server after RCPT TO:<ana@example.com>:\n    host mx.example.com"
            " [192.0.2.9]: 550 5.1.1 <ana@example.com>: User unknown"
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    ("exim unrouteable", _exim("Unrouteable address"), ANA, "suppress", "userunknown"),
    ("exim no user", _exim("No Such User Here"), ANA, "suppress", "userunknown"),
    ("exim quota", _exim("mailbox is full: retry timeout exceeded"), ANA, "retry", "mailboxfull"),
    ("exim timeout", _exim("retry timeout exceeded"), ANA, "retry", "expired"),
    (
        "exim sender verify",
        _exim(
            "SMTP error from remote mail server after RCPT TO:<ana@example.com>:\n    host"
            " mx.example.com [192.0.2.9]: 550-Verification failed for <news@acme.example.org>\n    550-No Such User Here\n"
            "    550 Sender verify failed"
        ),
        ANA,
        "alert",
        "rejected",
    ),
    ("exim without header", _exim("550 unknown user", "Auto-Submitted: auto-replied"), ANA, "suppress", "userunknown"),
    (
        "exim relay",
        _exim(
            "SMTP error from remote mail server after RCPT TO:<ana@example.com>:\n    host mx.example.com"
            " [192.0.2.9]: 550 relay not permitted"
        ),
        ANA,
        "alert",
        "norelaying",
    ),
    # Postfix, written
    (
        "postfix plain",
        plain(
            POSTFIX.format(
                said="host mx.example.com[192.0.2.9] said: 550 5.1.1\n    <ana@example.com>:"
                " Recipient address rejected: User unknown in local recipient table\n    (in reply to RCPT TO command)"
            ),
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "postfix plain block",
        plain(
            POSTFIX.format(
                said="host mx.example.com[192.0.2.9] said: 554 5.7.1 Service\n"
                "    unavailable; Client host [192.0.2.7] blocked using\n    bl.spamcop.net (in reply to RCPT TO command)"
            ),
            original=True,
        ),
        ANA,
        "alert",
        "blocked",
    ),
    # Sendmail
    ("sendmail", _sendmail("550 5.1.1 <ana@example.com>... User unknown"), ANA, "suppress", "userunknown"),
    ("sendmail data", _sendmail("554 5.7.1 Message rejected: spam", "DATA"), ANA, "alert", "spamdetected"),
    (
        "sendmail mail from",
        _sendmail(
            "553 5.1.8 <news@acme.example.org>... Domain of sender address does not exist",
            "MAIL From:<news@acme.example.org>",
        ),
        ANA,
        "alert",
        "rejected",
    ),
    (
        "sendmail warning",
        plain(
            """\
    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

The original message was received at Mon, 23 Nov 2026 02:16:01 GMT

   ----- Transcript of session follows -----
<ana@example.com>... Deferred: Connection refused by mx.example.com.
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
""",
            subject="Warning: could not send message for past 4 hours",
            original=True,
        ),
        ANA,
        "retry",
        "networkerror",
    ),
    # Exchange
    (
        "exchange 5.5",
        plain(
            EXCHANGE_55.format(
                said="The recipient name is not recognized\n\tThe MTS-ID of the original"
                " message is: c=US;a= ;p=ACME;l=MX-261123021605Z-1\n    MSEXCH:IMS:ACME:MX:MX1 0 (000C05A6) Unknown Recipient"
            ),
            subject="Undeliverable: user unknown",
            sender="System Administrator <postmaster@example.net>",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "exchange 5.5 unavailable",
        plain(
            EXCHANGE_55.format(
                said="The recipient was unavailable to take delivery of the message\n\tMSEXCH:MSExchangeMTA:ACME:MX"
            ),
            subject="Undeliverable: x",
            sender="System Administrator <postmaster@example.net>",
        ),
        ANA,
        "retry",
        "networkerror",
    ),
    (
        "exchange 2003",
        plain(
            EXCHANGE_2003.format(
                said="The e-mail account does not exist at the organization this"
                " message was sent to.  Check the e-mail address, or contact the recipient directly to find out the correct"
                " address.\n            <mx.example.com #5.1.1>"
            ),
            subject="Undeliverable: Hello",
            sender="System Administrator <postmaster@example.net>",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "exchange 2003 full",
        plain(
            EXCHANGE_2003.format(
                said="The message could not be delivered because the recipient's"
                " mailbox is full.\n            <mx.example.com #5.2.2>"
            ),
            subject="Undeliverable: Hello",
            sender="System Administrator <postmaster@example.net>",
        ),
        ANA,
        "retry",
        "mailboxfull",
    ),
    (
        "exchange 2003 permission",
        plain(
            EXCHANGE_2003.format(
                said="You do not have permission to send to this recipient."
                "  For assistance, contact your system administrator.\n            <mx.example.com #5.7.1 smtp;550 5.7.1 Access"
                " denied>"
            ),
            subject="Undeliverable: Hello",
            sender="System Administrator <postmaster@example.net>",
        ),
        ANA,
        "alert",
        "blocked",
    ),
    (
        "exchange 2010 en",
        _exchange(
            "Delivery has failed to these recipients or groups:",
            "The e-mail address you"
            " entered couldn't be found. Please check the recipient's e-mail address and try to resend the message. If the"
            " problem continues, please contact your helpdesk.",
            NOT_FOUND_ADR,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "exchange 2010 de",
        _exchange(
            "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:",
            "Die eingegebene E-Mail-Adresse konnte nicht gefunden werden.",
            NOT_FOUND_ADR,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "exchange 2010 fr",
        _exchange(
            "Échec de la remise à ces destinataires ou groupes :",
            "L'adresse de messagerie que vous avez saisie est introuvable.",
            NOT_FOUND_ADR,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "exchange 2010 full",
        _exchange(
            "Delivery has failed to these recipients or groups:",
            "The recipient's mailbox is full and can't accept messages now.",
            "#554 5.2.2 mailbox full ##",
        ),
        ANA,
        "retry",
        "mailboxfull",
    ),
    (
        "exchange 2010 rule",
        _exchange(
            "Delivery has failed to these recipients or groups:",
            "Your message wasn't delivered because the recipient's organization policy forbids it.",
            "#550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy ##",
        ),
        ANA,
        "alert",
        "policyviolation",
    ),
    # Notes, GroupWise and others
    (
        "notes",
        plain(
            NOTES.format(said="User ana (ana@example.com) not listed in Domino Directory"),
            subject="DELIVERY FAILURE: User ana (ana@example.com) not listed in Domino Directory",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "notes route",
        plain(
            NOTES.format(said="No route found to domain EXAMPLE from server MX/ACME"),
            subject="DELIVERY FAILURE: No route found",
        ),
        ANA,
        "retry",
        "networkerror",
    ),
    (
        "notes remote",
        plain(
            NOTES.format(
                said="Router: Failed to connect to SMTP host EXAMPLE.COM because : The server"
                " is not responding. The server may be down or you may be experiencing network problems."
            ),
            subject="DELIVERY FAILURE",
        ),
        ANA,
        "retry",
        "networkerror",
    ),
    (
        "groupwise",
        plain(
            "The message that you sent was undeliverable to the following:\n\tana (user not found)\n\n"
            "Possibly truncated original message follows:\n",
            subject="Message status - undeliverable",
            sender="Mailer-Daemon@example.com",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "imail",
        plain(
            "Unknown user: ana@example.com\n\n\nOriginal message follows.\n",
            subject="Undeliverable Mail",
            sender="Postmaster <postmaster@example.com>",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "imail full",
        plain(
            "User mailbox exceeds allowed size: ana@example.com\n\n\nOriginal message follows.\n",
            subject="Undeliverable Mail",
            sender="Postmaster <postmaster@example.com>",
            original=True,
        ),
        ANA,
        "retry",
        "mailboxfull",
    ),
    (
        "mdaemon",
        plain(
            "The following addresses had delivery errors:\n\n---------- Failed addresses follow: ---------\n"
            "<ana@example.com> ... User unknown!\n\n--- Message header follows ---\n",
            subject="Permanent Delivery Failure",
            sender="MDaemon@example.com",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "kerio",
        plain(
            "Your message could not be delivered to the following recipients:\n\nana@example.com\n\nReason: 550"
            " 5.1.1 User unknown\n",
            subject="Delivery failure",
            sender="postmaster@example.net",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "mailenable",
        plain(
            "MailEnable: Message could not be delivered to some recipients.\nThe following recipient(s)"
            " could not be reached:\n\n\tRecipient: [SMTP:ana@example.com]\n\tReason: Remote SMTP Server Returned: 550 no such"
            " user here\n\n\nMessage headers follow:\n",
            subject="Message Delivery Failure",
            sender="Postmaster <postmaster@example.net>",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "mailmarshal",
        plain(
            "Your message:\n   From:    news@acme.example.org\n   Subject: user unknown\n\nCould not be"
            " delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients were affected: \n    ana@example.com"
            "\n\nAdditional Information\n======================\nOriginal Sender:    <news@acme.example.org>\n",
            subject='Undeliverable Mail: "Hello"',
            sender="postmaster@example.net",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "interscan",
        plain(
            "The message cannot be delivered to the following recipient(s):\n\nana@example.com\n\n<<< 550"
            " 5.1.1 no such user\n\nUndelivered content:\n",
            subject="Mail could not be delivered",
            sender='"InterScan MSS" <postmaster@example.net>',
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "symantec",
        plain(
            "This is the mail delivery agent at example.net. I was unable to deliver your message to the"
            " following addresses.\n\n<ana@example.com>:\n192.0.2.9 does not like recipient.\nRemote host said: 550 5.1.1 no"
            " such user\n\n--- Below the next line is a copy of the message.\n",
            subject="Mail Delivery Failure",
            sender="Mail Delivery System <MAILER-DAEMON@example.net>",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "courier",
        plain(
            "This is a delivery status notification from mx.example.net,\nrunning the Courier mail server.\n\n"
            "The original message was received on Mon, 23 Nov 2026 02:16:01 +0000\n\n"
            "----------------------------------------------------------------------\n\n"
            "                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n"
            "\n<ana@example.com>:\n    mx.example.com [192.0.2.9]:\n    >>> RCPT TO:<ana@example.com>\n    <<< 550 User unknown."
            "\n\n----------------------------------------------------------------------\n",
            subject="NOTICE: mail delivery status.",
            sender='"Courier mail server at mx.example.net" <@>',
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "zoho",
        plain(
            "This message was created automatically by mail delivery software.\nA message that you sent could not"
            " be delivered to one or more of its recipients. This is a permanent error.\n\nana@example.com\nInvalid Address,"
            " ERROR_CODE :550, ERROR_CODE :5.1.1 <ana@example.com>: Recipient address rejected: User unknown\n",
            subject="Undelivered Mail Returned to Sender",
            sender="mailer-daemon@example.net",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "yahoo",
        plain(
            "Sorry, we were unable to deliver your message to the following address.\n\n<ana@example.com>:\n554:"
            " delivery error: dd This user doesn't have a example.com account (ana@example.com) [0] - mta1.example.com\n\n"
            "--- Below this line is a copy of the message.\n",
            subject="Failure Notice",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "google",
        dsn(
            "",
            "5.1.1",
            human=GOOGLE.format(
                said="550 5.1.1 The email account that you tried to reach does not exist. a1si1 - gsmtp"
            ),
            remote="",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "mail.ru",
        plain(
            "Это письмо создано автоматически сервером Mail.Ru, отвечать на него не нужно.\n\nК сожалению,"
            " Ваше письмо не может быть доставлено одному или нескольким получателям:\n\nana@example.com\nпользователь не"
            " найден\n\n--- Below this line is a copy of the message.\n",
            subject="Mail failure.",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "t-online",
        plain(
            "|------------------------- Message log follows: -------------------------|\n no valid recipients"
            " were found for this message\n|------------------------- Failed addresses follow: ---------------------|\n"
            " <ana@example.com> ... unknown host\n|------------------------- Message text follows: ------------------------|"
            "\n",
            subject="mail failed, returning to sender",
            original=True,
        ),
        ANA,
        "suppress",
        "hostunknown",
    ),
    (
        "docomo",
        plain(
            "あなたのメールは下記の宛先に届けることができませんでした。\n\n<ana@example.com>\n\n宛先不明:"
            " ユーザーが存在しません\n",
            subject="配信エラー",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "au",
        plain(
            "Could not be delivered to: <ana@example.com>\n\n<<< 550 <ana@example.com>: User unknown\n",
            sender="Postmaster@example.com",
            subject="Mail System Error - Returned Mail",
            original=True,
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "naver",
        plain(
            "메일이 아래의 이유로 전송되지 않았습니다. 반송\n\n받는 사람: ana@example.com\n사유: 존재하지 않는"
            " 사용자입니다.\n",
            subject="[반송] 메일 전송 실패 안내",
            sender="postmaster@example.com",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "qq",
        plain(
            "抱歉，您的邮件被退回来了……\n\n收件人邮件地址（ana@example.com）不存在，邮件无法送达。\nhost mx.example.com"
            " said: 550 Mailbox not found\n",
            subject="系统退信",
            sender="PostMaster@example.com",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "uol",
        plain(
            "Não foi possível entregar a sua mensagem ao destinatário abaixo.\n\nana@example.com\nCaixa postal cheia\n",
            subject="Mensagem não entregue",
            sender="mailer-daemon@example.com",
        ),
        ANA,
        "retry",
        "mailboxfull",
    ),
    (
        "x400",
        plain(
            "The following message could not be delivered\n\nRecipient: ana@example.com\nReason: Transfer"
            " impossible; Diagnostic: Unrecognised O/R name - unknown recipient\n",
            subject="Non-delivery notification",
            sender="postmaster@example.net",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "vpop3",
        plain(
            "The message could not be delivered to the following recipients:\n\nana@example.com (550 unknown user)\n",
            subject="Mail delivery failure",
            sender="Postmaster@example.net",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "iis smtp",
        dsn(
            "",
            "5.1.1",
            human="This is an automatically generated Delivery Status Notification.\n\nDelivery to"
            " the following recipients failed.\n\n       ana@example.com",
            remote="",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    # RFC 3464
    ("dsn unknown", dsn("550 5.1.1 <ana@example.com>: User unknown", "5.1.1"), ANA, "suppress", "userunknown"),
    ("dsn filler", dsn("550 No such user", "5.0.0"), ANA, "suppress", "userunknown"),
    ("dsn text beats code", dsn("550 5.7.1 <ana@example.com>: user unknown", "5.7.1"), ANA, "suppress", "userunknown"),
    ("dsn blocked with 5.1.1", dsn("550 Rejected: your IP is on our blacklist", "5.1.1"), ANA, "alert", "blocked"),
    ("dsn derived 5.1.1", dsn("550 Rejected", "5.1.1"), ANA, "alert", "undefined"),
    ("dsn own 5.1.1", dsn("550 5.1.1 Rejected", "5.1.1"), ANA, "suppress", "userunknown"),
    ("dsn full", dsn("552 5.2.2 Over quota", "5.2.2"), ANA, "retry", "mailboxfull"),
    ("dsn delayed", dsn("450 4.1.1 user unknown", "4.1.1", action="delayed"), ANA, "retry", "userunknown"),
    ("dsn temporary in the end", dsn("450 4.1.1 user unknown", "5.4.7"), ANA, "retry", "userunknown"),
    ("dsn relayed", dsn("250 ok", "2.1.9", action="relayed"), ANA, "none", "delivered"),
    (
        "dsn original",
        dsn("550 5.1.1 user unknown", "5.1.1", to="ana@inner.example.com", original=ANA),
        "ana@inner.example.com",
        "suppress",
        "userunknown",
    ),
    (
        "dsn local name",
        dsn(
            fields="Original-Recipient: rfc822;ana+40example.com\nFinal-Recipient: LOCAL; ana\n"
            "Action: failed\nStatus: 5.1.1"
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "dsn x-actual",
        dsn(
            fields="Final-Recipient: RFC822; ana@example.com\nX-Actual-Recipient: RFC822;"
            " ana@inner.example.com\nAction: failed\nStatus: 5.1.1\nRemote-MTA: DNS; mx.example.com\nDiagnostic-Code: SMTP;"
            " 550 5.1.1 <ana@inner.example.com>... User unknown"
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "dsn no action",
        dsn(fields="Final-Recipient: rfc822; ana@example.com\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 user unknown"),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "dsn lines not folded",
        dsn(
            fields="Final-Recipient: rfc822; ana@example.com\nAction: failed\nStatus: 5.0.0\n"
            "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to\n550-5.1.1 reach does not exist. Please try"
            "\n550 5.1.1 double-checking the address"
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "dsn blank lines",
        dsn(
            fields="Final-Recipient: rfc822; ana@example.com\n\nAction: failed\nStatus: 5.1.1\n\n"
            "Diagnostic-Code: smtp; 550 user unknown"
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "dsn x-postfix",
        dsn(
            fields="Final-Recipient: rfc822; ana@example.com\nAction: failed\nStatus: 5.4.4\n"
            "Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error\n    for name=example.com type=A:"
            " Host not found"
        ),
        ANA,
        "suppress",
        "hostunknown",
    ),
    (
        "dsn our relay",
        dsn(
            fields="Final-Recipient: rfc822; ana@example.com\nAction: failed\nStatus: 5.4.4\n"
            "Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error\n    for name=relay.acme.example.org"
            " type=A: Host not found"
        ),
        ANA,
        "alert",
        "hostunknown",
    ),
    ("dsn auth", dsn("535 5.7.8 Authentication failed", "5.7.8"), ANA, "alert", "securityerror"),
    (
        "dsn human only",
        dsn("", "5.0.0", human="<ana@example.com>: mail for example.com: user unknown"),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "dsn outlook",
        dsn(
            "550 5.4.1 Recipient address rejected: Access denied.",
            "5.4.1",
            remote="example-com.mail.protection.outlook.com",
        ),
        ANA,
        "suppress",
        "userunknown",
    ),
    (
        "dsn somebody's 5.4.1",
        dsn("550 5.4.1 Recipient address rejected: Access denied.", "5.4.1"),
        ANA,
        "none",
        "filtered",
    ),
    (
        "dsn utf-8",
        dsn(
            fields="Final-Recipient: utf-8; ana\\x{F1}a@example.com\nAction: failed\nStatus: 5.1.1\n"
            "Diagnostic-Code: smtp; 550 5.1.1 user unknown"
        ),
        "anaña@example.com",
        "suppress",
        "userunknown",
    ),
    (
        "dsn japanese",
        dsn("550 5.1.1 宛先が見つかりません", "5.0.0", charset="iso-2022-jp"),
        ANA,
        "suppress",
        "userunknown",
    ),
    # no bounces
    (
        "human answer",
        plain(
            "> 550 5.1.1 <ana@example.com>: User unknown\n\nWhat does this mean?",
            subject="Re: Undelivered Mail Returned to Sender",
            sender="Bob <bob@example.com>",
        ),
        "bob@example.com",
        "none",
        "undefined",
    ),
    (
        "human",
        plain("Hello, can you tell me what user unknown means?", subject="a question", sender="Bob <bob@example.com>"),
        "bob@example.com",
        "none",
        "undefined",
    ),
]

_AWAY = (
    "Out of Office: Hello", "Automatic reply: Hello", "Abwesenheitsnotiz: Hallo", "Automatische Antwort: Hallo",
    "Réponse automatique : Bonjour", "Absence du bureau", "Respuesta automática: Hola", "Fuera de la oficina",
    "Resposta automática: Olá", "Ausente do escritório", "Risposta automatica: Ciao", "Fuori sede",
    "Automatisch antwoord: Hallo", "Afwezig: Hallo", "Autosvar: Hej", "Frånvaro", "Automatisk svar: Hei", "Poissa",
    "Automaattinen vastaus: Hei", "Odpowiedź automatyczna: Cześć", "Nieobecny", "Automatická odpověď: Ahoj",
    "Automatikus válasz: Szia", "Răspuns automat: Salut", "Otomatik yanıt: Merhaba", "Αυτόματη απάντηση: Γεια",
    "Автоматический ответ: Привет", "Я в отпуске", "Автоответ: Привет", "自動返信: こんにちは", "不在通知", "自动回复: 你好",
    "自動回覆: 你好", "자동 회신: 안녕", "부재중 알림", "Trả lời tự động: Chào", "רד אוטומטי", "رد تلقائي: مرحبا",
)  # fmt: skip
CASES += [
    (f"away {subject}", plain("user unknown, mailbox full", subject=subject, sender="Ana <ana@example.com>",
     headers="Auto-Submitted: auto-replied" if at % 2 else "Precedence: bulk"), ANA, "none", "vacation")
    for at, subject in enumerate(_AWAY)
]  # fmt: skip
_CHALLENGES = (
    "Please confirm your message", "[Boxbe] Action required to deliver your message", "ANTISPAM UOL: ana",
    "Re: Hello (verification required by Spam Arrest)", "Confirm you are human: Hello",
    "Your message to ana requires confirmation", "Please confirm your email (TMDA)",
)  # fmt: skip
CASES += [
    (f"challenge {subject}", plain("Click on the link below to deliver your message. Unknown user.", subject=subject,
     sender="ana@example.com", headers="Auto-Submitted: auto-replied"), ANA, "none", "confirmation")
    for subject in _CHALLENGES
]  # fmt: skip


def arf(kind: str = "abuse", fields: str = "Original-Rcpt-To: <ana@example.com>", to: str = ANA) -> str:
    """A complaint (RFC 5965)."""
    return f"""\
From: <feedback@fbl.example.net>
To: <fbl@acme.example.org>
Subject: FW: user unknown
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
\tboundary="=_arf"

--=_arf
Content-Type: text/plain; charset=us-ascii

This is an email abuse report for an email message received from 192.0.2.7.

--=_arf
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: ExampleFBL/1.0
Version: 1
{fields}
Source-IP: 192.0.2.7

--=_arf
Content-Type: message/rfc822

{ORIGINAL.format(to=to)}
--=_arf--
"""


CASES += [
    ("arf abuse", arf(), ANA, "suppress", "feedback"),
    ("arf fraud", arf("fraud"), ANA, "suppress", "feedback"),
    ("arf opt-out", arf("opt-out"), ANA, "suppress", "feedback"),
    ("arf not spam", arf("not-spam"), ANA, "none", "feedback"),
    ("arf auth failure", arf("auth-failure"), ANA, "alert", "feedback"),
    ("arf redacted", arf(fields="Original-Rcpt-To: redacted@example.net"), ANA, "suppress", "feedback"),
    ("arf without recipient", arf(fields="Removal-Recipient: ana@example.com"), ANA, "suppress", "feedback"),
    ("jmrp", f"""\
From: <staff@hotmail.example.com>
To: fbl@acme.example.org
Subject: complaint about message from 192.0.2.7
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_jmrp"

--=_jmrp
Content-Type: message/rfc822
Content-Disposition: inline

X-HmXmrOriginalRecipient: <ana@example.com>
{ORIGINAL.format(to="undisclosed")}
--=_jmrp--
""", ANA, "suppress", "feedback"),
    ("receipt", f"""\
From: Ana <ana@example.com>
To: {SENDER}
Subject: Read: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="=_mdn"

--=_mdn
Content-Type: text/plain

Your message was read. user unknown

--=_mdn
Content-Type: message/disposition-notification

Final-Recipient: rfc822; ana@example.com
Original-Message-ID: <m-1@acme.example.org>
Disposition: manual-action/MDN-sent-manually; displayed

--=_mdn--
""", ANA, "none", "receipt"),
]  # fmt: skip
