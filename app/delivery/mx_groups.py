"""Recipient domain -> MX group: whose servers take the mail, as far as the domain's name tells.

Domains that a mailbox provider hosts for others need a DNS look-up and are "other" here.
"""

OTHER = "other"

_DOMAINS = {
    "gmail": "gmail.com googlemail.com google.com",
    "outlook": (
        "outlook.com hotmail.com live.com msn.com passport.com windowslive.com hotmail.co.uk hotmail.fr hotmail.de "
        "hotmail.it hotmail.es live.co.uk live.fr live.nl live.it live.de live.ca live.com.au live.com.mx live.se "
        "live.dk live.no live.be outlook.fr outlook.de outlook.es outlook.it outlook.com.br outlook.jp outlook.be"
    ),
    "yahoo": (
        "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.ca "
        "yahoo.in yahoo.co.in yahoo.com.br yahoo.com.mx yahoo.com.ar yahoo.com.au yahoo.co.id yahoo.com.ph "
        "aol.com aim.com aol.co.uk aol.de aol.fr netscape.net verizon.net att.net sbcglobal.net bellsouth.net"
    ),
    "apple": "icloud.com me.com mac.com privaterelay.appleid.com",
    "gmx": "gmx.de gmx.net gmx.at gmx.ch gmx.com gmx.us web.de mail.com",
    "t-online": "t-online.de magenta.de",
    "freenet": "freenet.de",
    "comcast": "comcast.net xfinity.com",
    "orange": "orange.fr wanadoo.fr",
    "free": "free.fr",
    "laposte": "laposte.net",
    "sfr": "sfr.fr neuf.fr",
    "libero": "libero.it inwind.it iol.it blu.it",
    "proton": "proton.me protonmail.com protonmail.ch pm.me",
    "fastmail": "fastmail.com fastmail.fm",
    "zoho": "zoho.com zohomail.com zohomail.eu",
    "yandex": "yandex.ru yandex.com ya.ru yandex.by yandex.kz",
    "mailru": "mail.ru inbox.ru list.ru bk.ru internet.ru",
    "qq": "qq.com foxmail.com",
    "netease": "163.com 126.com yeah.net",
    "naver": "naver.com",
    "daum": "daum.net hanmail.net kakao.com",
    "rediff": "rediffmail.com",
    "bt": "btinternet.com btopenworld.com",
    "seznam": "seznam.cz email.cz post.cz",
    "wp": "wp.pl o2.pl",
    "uol": "uol.com.br bol.com.br",
}

GROUPS = {domain: group for group, domains in _DOMAINS.items() for domain in domains.split()}


def group_of(domain: str) -> str:
    """The MX group of *domain* (any case, A-label), "other" when its name does not tell."""
    return GROUPS.get(domain.lower().rstrip("."), OTHER)
