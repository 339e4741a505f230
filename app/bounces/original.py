"""Where a report ends and what it returns begins: nothing in the original may decide on anything."""

import re

from app.bounces.decide import CODE, STATUS
from app.bounces.message import Header, Parts

# Lines that announce the original, or are the first of it.
_DASHES = r"[-=_*#~+> \t]{0,80}"
_ANNOUNCED = re.compile(
    r"^" + _DASHES + r"(?:"
    r"(?:below this line is a copy of the message|this is a copy of (?:the|your) message"
    r"|this is a copy of the headers|a copy of the (?:original )?message|the body of the message is"
    r"|(?:start|begin|beginning) of (?:the )?(?:returned|forwarded|original|undelivered) (?:message|mail)"
    r"|(?:returned|undelivered|unsent|undeliverable|original|forwarded|rejected|failed) (?:message|mail|e-?mail|text)"
    r"(?: (?:headers?|body|content|text|follows|below|is (?:attached|below|included)|starts here|source)){1,4}"
    r"|(?<=-)[ \t]{0,3}(?:returned|unsent|original|forwarded) (?:message|mail)"
    r"|(?:the )?(?:headers?|text|body|first .{1,20} lines) of (?:the |your )?(?:original |returned )?message"
    r"(?: (?:follows?|was|is|were|below))?"
    r"|message headers? follows?|(?:original|message) headers?|header of the original"
    r"|your (?:original )?message (?:reads|follows|header)"
    r"|included is a copy of (?:the|your) message"
    r"|the original (?:message|mail|headers)(?: (?:follows|was|is|reads|headers?))?"
    r"|urspr(?:ü|ue)ngliche (?:nachricht|mail)[^\n]{0,20}|originalnachricht|kopie der nachricht[^\n]{0,30}"
    r"|message (?:d'origine|original|originale)|mensaje original|mensagem original|messaggio originale"
    r"|cabeçalhos? (?:da mensagem )?origina(?:l|is)|encabezados? del mensaje original"
    r"|en-?t[eê]tes? (?:du message )?d'origine"
    r"|oorspronkelijk bericht|originele berichtkoppen|ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding"
    r"|oryginalna wiadomość|wiadomość oryginalna|původní zpráva|исходное сообщение|оригинальное сообщение"
    r"|元のメッセージ|元のメール|オリジナルメッセージ|原始邮件|原始郵件|原邮件信息|原信内容|원본 메시지|원본 메일)"
    r")[ \t:.]{0,20}" + _DASHES + r"$",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
_HEADER = re.compile(
    r"^[>| \t]{0,8}(?:Return-Path|Received|DKIM-Signature|MIME-Version|X-Originating-IP|X-Received|Delivered-To"
    r"|Authentication-Results|List-Unsubscribe|ARC-Seal)[ \t]{0,3}:[ \t]{0,3}\S",
    re.IGNORECASE | re.MULTILINE,
)
# What such lines hold was written by the sender of the original, also in a summary of it.
_TOPIC = re.compile(
    r"^[ \t>*|]{0,12}(?:The )?(?:message )?(?:Subject|(?:Your|Ihr|Votre|Su|O seu|Il|Uw|Dit|Ditt) (?:do[ck]um\w{0,8})"
    r"|次の文書|您的文档|您的文件|다음 문서|Betreff|Objet|Sujet|Asunto|Assunto|Oggetto|Onderwerp|Ämne|Emne"
    r"|Aihe|Temat|Předmět|Predmet|Tárgy|Subiect|Konu|Θέμα|Тема|件名|主题|主題|主旨|제목)"
    r"[ \t]{0,3}[:：][^\n]{0,2000}\n?",
    re.IGNORECASE | re.MULTILINE,
)
_FIELDS = re.compile(
    r"(?:^[>| \t]{0,8}(?:From|To|Subject|Date|Message-ID|Cc|Reply-To|Sent|Content-Type|Sender|X-[A-Za-z-]{1,40})"
    r"[ \t]{0,3}:[^\n]{0,1000}\n(?:[ \t][^\n]{0,1000}\n){0,5}){3}",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_TOPIC = re.compile(r"\bsubject[^\"'“«\n]{0,20}[\"'“«][^\n\"”»]{0,500}[\"'”»]", re.IGNORECASE)
_QUOTE = re.compile(r"^[ \t]{0,4}>(?!>>).*$", re.MULTILINE)

_LISTED_TOPIC = re.compile(r"\bwith (?:the|this) subject[^\w\n]{0,5}\n\s{0,40}[^\n]{1,500}", re.IGNORECASE)

# "<<< 554 (CON:B1)", and behind it what sendmail makes of any 550: "550 <ana@example.com>... User unknown".
_TRANSLATED = re.compile(
    r"^([ \t]{0,8}<<<[ \t]{0,3}([45]\d\d[^\n]{0,1000}))\n"
    r"[ \t]{0,8}[45]\d\d[ \t][^<>\n]{0,40}(?:(<[^<>\n]{1,300}>)\.{3})?[^\n]{0,500}$",
    re.MULTILINE,
)

NEAREST = 20  # characters before which no original begins
SHORTEST_TOPIC = 16  # characters: of a shorter subject nobody knows whether it is one


def report_of(parts: Parts) -> str:
    """What *parts* say to people, without what they return, and without its subject wherever it is told."""
    text = parts.words()
    header = Header(parts.returned[0]) if parts.returned else Header(original_in(text)[:10_000].encode())
    subject = header.get("subject")[:500]
    text = _TRANSLATED.sub(_said_itself, without_original(text))
    return text.replace(subject, " ") if len(subject) >= SHORTEST_TOPIC and " " in subject else text


def _said_itself(found: re.Match[str]) -> str:
    """The reply, once more with the address that stood in its translation."""
    return f"{found[1]}\n{found[3]}... {found[2]}" if found[3] else found[1]


def original_in(text: str) -> str:
    """The header of the original in a text that returns it below, or ""."""
    for tell in (_HEADER, _FIELDS):
        found = tell.search(text, len(text) // 50)
        if found is not None and (tell is _HEADER or _ANNOUNCED.search(text, NEAREST, found.end())):
            return text[found.start() :]
    return ""


def without_original(text: str) -> str:
    """*text* up to what it returns, without the lines that tell its subject."""
    end = len(text)
    for tell in (_ANNOUNCED, _HEADER):
        found = tell.search(text, NEAREST if tell is _ANNOUNCED else 0)
        if found is not None and text[: found.start()].strip():
            end = min(end, found.start())
    fields = _FIELDS.search(text, 0, end)
    if fields is not None and (CODE.search(text, 0, fields.start()) or STATUS.search(text, 0, fields.start())):
        # A header behind the reason is that of the original; before it, it only tells which message it was.
        end = fields.start()
    text = _LISTED_TOPIC.sub(" ", _QUOTED_TOPIC.sub(" ", _TOPIC.sub("\n", text[:end])))
    return _QUOTE.sub("", text)
