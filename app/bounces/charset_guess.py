"""Which charset bytes are in that say none, or one that cannot be: by how many of a script's usual letters come out.

Mail systems of Russia and Eastern Asia wrote eight bits without a label for many years, or under "us-ascii" and
"iso-8859-1". In Western text letters beyond ASCII stand alone; theirs stand in rows.
"""

import re
from typing import NamedTuple

MOST_GUESSED = 2_000  # bytes that are looked at
_ROWS = re.compile(rb"[\x80-\xff]{4,}|(?:[\x81-\xfe][\x40-\xfe]){3,}")
ENOUGH = 0.35  # of what is usual


class Script(NamedTuple):
    """A codec, the letters that are usual in what it is used for, and the part of all letters that they make up."""

    codec: str
    usual: frozenset[str]
    part: float


_KANA = frozenset(chr(each) for each in range(0x3041, 0x30FF)) | frozenset("、。送信受宛先者配")
_CYRILLIC = frozenset("оеаинтсрвлкмдпуяы")
_SIMPLIFIED = frozenset("的一不是在有人这您邮件收发信地址无法用户存退回原因对方送错误服务器请已满系统到该帐号箱，。：")
_TRADITIONAL = frozenset(
    "的一不是在有人這您郵件收發信地址無法用戶存退回原因對方送錯誤伺服器請已滿系統到該帳號箱使者，。："
)
_HANGUL = frozenset("의이가을를은는에다하지고메일사용자받수신주소없습니발송않안존재계정서로되실패")
SCRIPTS = (
    Script("koi8-r", _CYRILLIC, 0.75), Script("cp1251", _CYRILLIC, 0.75), Script("cp932", _KANA, 0.5),
    Script("euc_jp", _KANA, 0.5), Script("gb18030", _SIMPLIFIED, 0.45), Script("big5", _TRADITIONAL, 0.45),
    Script("cp949", _HANGUL, 0.4), Script("cp1253", frozenset("αεηιοσςτνρπκλμυ"), 0.7),
    Script("cp1255", frozenset("אבדהוילמנרשתח"), 0.75), Script("cp1256", frozenset("ابتدرسعلمنهوي"), 0.75),
)  # fmt: skip


def guessed(raw: bytes) -> str:
    """The codec that makes most of *raw*, or "" where it is Western or nothing fits."""
    rows = _ROWS.findall(raw[:MOST_GUESSED])
    if not rows or sum(map(len, rows)) * 2 < sum(each > 0x7F for each in raw[:MOST_GUESSED]):
        return ""
    best, codec = max((_fit(raw[:MOST_GUESSED], script), script.codec) for script in SCRIPTS)
    return codec if best >= ENOUGH else ""


def _fit(raw: bytes, script: Script) -> float:
    text = raw.decode(script.codec, "replace")
    letters = [each for each in text if each > "\x7f"]
    # Behind the last whole letter the bytes may be cut off: one that is broken proves nothing, two do.
    if not letters or text.count("\ufffd") > 1:
        return 0.0
    return sum(each in script.usual for each in letters) / len(letters) / script.part
