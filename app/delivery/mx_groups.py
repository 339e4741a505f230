"""Recipient domain -> MX group: whose servers take the mail, by the domain's name or by its MX hosts.

Groups of many domains have names without a dot; a domain that is a group of its own is its own name.
"""

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum

OTHER = "other"
LONGEST_GROUP = 100  # characters
GROUP_NAME = re.compile(r"[A-Za-z0-9._/-]{0,100}")  # what the gate takes: packs of single messages come from anybody

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

# Who takes mail for domains of others: the end of their MX hosts, as these companies document them. A filter in front
# of somebody else's mailboxes is who decides on the connection, so it is the group.
_HOSTS = {
    "gmail": "google.com googlemail.com",
    "outlook": "protection.outlook.com protection.partner.outlook.cn protection.office365.us mx.microsoft",
    "yahoo": "yahoodns.net",
    "apple": "mail.icloud.com",
    "gmx": "gmx.net web.de mail.com",
    "t-online": "t-online.de",
    "freenet": "freenet.de",
    "comcast": "comcast.net",
    "orange": "orange.fr",
    "free": "free.fr",
    "laposte": "laposte.net",
    "sfr": "sfr.fr",
    "libero": "libero.it",
    "proton": "protonmail.ch",
    "fastmail": "messagingengine.com",
    "zoho": "zoho.com zoho.eu zoho.in zoho.com.au",
    "yandex": "yandex.net yandex.ru",
    "mailru": "mail.ru",
    "qq": "qq.com",
    "netease": "netease.com ym.163.com",
    "naver": "naver.com",
    "seznam": "seznam.cz",
    "wp": "wp.pl",
    "uol": "uol.com.br",
    # Filters
    "proofpoint": "pphosted.com ppe-hosted.com gpphosted.com",
    "mimecast": "mimecast.com mimecast.co.za mimecast-offshore.com",
    "barracuda": "barracudanetworks.com",
    "ironport": "iphmx.com",
    "messagelabs": "messagelabs.com",
    "trendmicro": "tmes.trendmicro.com tmes.trendmicro.eu hes.trendmicro.com hes.trendmicro.eu",
    "sophos": "hydra.sophos.com",
    "hornetsecurity": "hornetsecurity.com antispameurope.com",
    "spamexperts": "spamexperts.com antispamcloud.com",
    "siteground": "mailspamprotection.com",
    # Hosters
    "ovh": "ovh.net ovh.ca",
    "ionos": (
        "kundenserver.de perfora.net ionos.de ionos.com ionos.co.uk ionos.fr ionos.es ionos.it "
        "1and1.com 1and1.co.uk 1and1.fr 1and1.es"
    ),
    "strato": "rzone.de",
    "all-inkl": "kasserver.com",
    "domainfactory": "ispgateway.de",
    "godaddy": "secureserver.net",
    "rackspace": "emailsrvr.com",
    "namecheap": "privateemail.com registrar-servers.com",
    "hostinger": "hostinger.com",
    "titan": "titan.email",
    "dreamhost": "dreamhost.com",
    "gandi": "gandi.net",
    "infomaniak": "infomaniak.ch infomaniak.com",
    "aruba": "aruba.it",
    "onecom": "one.com",
    "locaweb": "locaweb.com.br",
    "aliyun": "mxhichina.com aliyun.com",
    "cloudflare": "mx.cloudflare.net",
    "improvmx": "improvmx.com",
    "mailboxorg": "mailbox.org",
    "posteo": "posteo.de",
    "tuta": "tutanota.de",
    "migadu": "migadu.com",
}
NAMES = frozenset({*GROUPS.values(), *_HOSTS, OTHER})  # of all groups but single domains
_OF_HOST = {end: group for group, ends in _HOSTS.items() for end in ends.split()}

# A domain as it goes on the wire: A-labels in lower case, two at least, the last one no number.
LONGEST_DOMAIN = 253  # characters
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
# The same for ClickHouse, less strict: what an address has behind its @, and may go into keys and statements as it is.
OWN_GROUP = r"^([a-z0-9-]+\.)+[a-z][a-z0-9-]*$"
# Names that stand for nothing in DNS: RFC 2606, 6761, 6762, 7686, 8375, 9476, and ICANN's "internal".
_RESERVED = frozenset({
    "test", "example", "invalid", "localhost", "local", "onion", "alt", "internal", "arpa",
    "example.com", "example.net", "example.org",
})  # fmt: skip


class Mail(StrEnum):
    """What DNS says of a domain's mail."""

    MX = "mx"  # its MX hosts take it
    ADDRESS = "address"  # it has no MX: the host of that name takes it (RFC 5321, 5.1)
    NULL = "null"  # it says that nobody takes it (RFC 7505)
    NONE = "none"  # there is no such domain, or neither MX nor address
    FAILED = "failed"  # nobody has answered, or not in a way that can be read


@dataclass(frozen=True, slots=True)
class Looked:
    """A look-up of one domain. *group* is "" where its hosts are nobody's that is known."""

    domain: str
    mail: Mail
    group: str = ""
    hosts: tuple[str, ...] = ()  # by preference
    seconds: float = 0.0  # for how long it holds
    reason: str = ""  # of a failure


def group_of(domain: str) -> str:
    """The MX group of *domain* (any case, A-label), "other" when its name does not tell."""
    return GROUPS.get(domain.lower().rstrip("."), OTHER)


def group_of_hosts(hosts: Iterable[tuple[int, str]]) -> str:
    """The MX group of MX hosts with their preferences, "" when they are nobody's that is known.

    Of the hosts with the best preference: mail goes to those, and to others only while they are down.
    """
    known = [(preference, host.lower().rstrip(".")) for preference, host in hosts]
    best = min((preference for preference, _ in known), default=0)
    groups = {_group_of_host(host) for preference, host in known if preference == best}
    return min(groups - {""}, default="")


def _group_of_host(host: str) -> str:
    while host:
        group = _OF_HOST.get(host)
        if group:
            return group
        host = host.partition(".")[2]
    return ""


def is_domain(domain: str) -> bool:
    """Whether *domain* can be looked up: in lower case, as DNS writes it, and none that is reserved."""
    if len(domain) > LONGEST_DOMAIN or _DOMAIN.fullmatch(domain) is None:
        return False
    labels = domain.split(".")
    return labels[-1] not in _RESERVED and ".".join(labels[-2:]) not in _RESERVED


def own_group(domain: str) -> str:
    """The group that *domain* is by itself, "" for a text that is no domain, or has a provider's group already.

    The names of other groups have no dot, so the two never meet.
    """
    lowered = domain.lower().rstrip(".")
    fits = len(lowered) <= LONGEST_GROUP and lowered not in GROUPS and _DOMAIN.fullmatch(lowered) is not None
    return lowered if fits else ""


def own_groups(names: Iterable[str], most: int) -> list[str]:
    """The domains among *names* (of limits, say), each once and in order, at most so many."""
    return sorted({domain for domain in map(own_group, names) if domain})[:most]


def destination(domain: str, named: Set[str], hosted: Mapping[str, str]) -> str:
    """The group of a single message to *domain*: by its name, as a limit names it, by look-up, else "other"."""
    lowered = domain.lower().rstrip(".")
    return GROUPS.get(lowered) or (lowered if lowered in named else hosted.get(lowered) or OTHER)
