"""Who is behind an open or a click: a person, or a machine that fetches images and follows links.

A first set of rules, on what can be known at once: the user agent, HEAD, and hits of one message that come faster than
people read. The verdict is the class of the event, "human" or "automated.<why>"; the event stays either way. A hit that
looked like a person's until others followed is corrected: the same event is told again with another class.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import lru_cache

OPENED, CLICKED, PROBED = "opened", "clicked", "probed"  # probed: HEAD, of which no event is made

HUMAN = "human"
PROXY = "human.proxy"  # an image that a mail service fetches for the person who looks at it
PREFETCH = "automated.prefetch"  # images fetched before anybody looks, if anybody ever does
SCANNER = "automated.scanner"  # a mail filter or a virus scanner, by its name
BOT = "automated.bot"  # a crawler, a preview of links, a monitor
TOOL = "automated.tool"  # a program without a person: curl, a library, a remote-controlled browser
NAMELESS = "automated.nameless"  # no user agent: browsers have one
PROBE = "automated.probe"  # soon after a HEAD
BURST = "automated.burst"  # several links of one message within a second
SOON = "automated.soon"  # a click sooner after the open than anybody reads

BURST_SECONDS = 1.0
SOON_SECONDS = 2.0
MOST_MESSAGES = 50_000  # that are remembered, for two seconds
MOST_SIGNALS = 20  # of one message
LONGEST_AGENT = 300  # characters that are looked at

# Fetched when the person opens the mail: https://support.google.com/mail/answer/145919 (images are shown through a
# proxy), https://help.yahoo.com/kb/SLN28749.html. Neither ever follows a link.
_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE)

# Apple's Mail Privacy Protection fetches every image in the background; in practice its agent is this and nothing more:
# https://support.apple.com/guide/mail/use-mail-privacy-protection-mlhl03be2866/mac
_PREFETCHERS = frozenset({"Mozilla/5.0"})

_SCANNERS = re.compile(
    r"barracuda|proofpoint|mimecast|messagelabs|symantec|fireeye|trendmicro|sophos|fortinet|fortiguard|zscaler"
    r"|forcepoint|websense|ironport|cloudmark|paloalto|checkpoint|virustotal|urlscan|safelinks|avanan|vade"
    r"|Microsoft Office Existence Discovery|ms-office-protection",
    re.IGNORECASE,
)
_BOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|facebookexternalhit|whatsapp/|embedly|monitor|uptime|scan(?:ner)?\b|validator",
    re.IGNORECASE,
)
_TOOLS = re.compile(
    r"^(?:curl|wget|python|aiohttp|httpx|go-http-client|java|apache-httpclient|libwww|lwp|node|axios|got|undici|ruby|php"
    r"|guzzle|postman|insomnia|powershell|perl)\b|headless|phantomjs|puppeteer|playwright|selenium|webdriver",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A request for the pixel or a link of one message. *link* is the place of the link in the mail."""

    message: bytes
    kind: str
    at: float
    agent: str = ""
    link: int = -1
    detail: str = ""
    klass: str = ""  # the verdict


def class_of_agent(kind: str, agent: str) -> str:
    """What the user agent alone tells about a hit."""
    return _class_of_agent(kind, agent[:LONGEST_AGENT].strip())


@lru_cache(maxsize=4_096)
def _class_of_agent(kind: str, agent: str) -> str:
    if not agent:
        return NAMELESS
    if _PROXIES.search(agent):
        return PROXY if kind == OPENED else SCANNER
    if agent in _PREFETCHERS:
        return PREFETCH
    for pattern, found in ((_SCANNERS, SCANNER), (_BOTS, BOT), (_TOOLS, TOOL)):
        if pattern.search(agent):
            return found
    return HUMAN


class Recent:
    """The hits of the last two seconds, by message: what only shows in several of them."""

    def __init__(self, most: int = MOST_MESSAGES) -> None:
        self._most = most
        self._hits: OrderedDict[bytes, list[Hit]] = OrderedDict()  # the one that was hit last at the end

    def judged(self, hit: Hit) -> list[Hit]:
        """*hit* with its class, and after it earlier ones whose class is another one now."""
        self._forget(hit.at)
        earlier = [each for each in self._hits.pop(hit.message, []) if each.at > hit.at - SOON_SECONDS]
        verdict = replace(hit, klass=self._class(hit, earlier))
        corrected = []
        if verdict.klass == BURST:
            corrected = [
                replace(each, klass=BURST) for each in earlier if _same_burst(each, hit) and not _automated(each)
            ]
            earlier = [each for each in earlier if not _same_burst(each, hit)] + corrected
        self._hits[hit.message] = [*earlier[-MOST_SIGNALS:], verdict]
        return [verdict, *corrected]

    def _class(self, hit: Hit, earlier: list[Hit]) -> str:
        by_agent = class_of_agent(hit.kind, hit.agent)
        if by_agent.startswith("automated") or hit.kind == PROBED:
            return by_agent
        if any(each.kind == PROBED for each in earlier):
            return PROBE
        if hit.kind == CLICKED:
            if any(_same_burst(each, hit) and each.link != hit.link for each in earlier):
                return BURST
            if any(each.kind == OPENED for each in earlier):
                return SOON
        return by_agent

    def _forget(self, now: float) -> None:
        while self._hits:
            message, hits = next(iter(self._hits.items()))
            if hits[-1].at > now - SOON_SECONDS and len(self._hits) <= self._most:
                return
            del self._hits[message]


def _same_burst(earlier: Hit, hit: Hit) -> bool:
    return earlier.kind == CLICKED and earlier.at > hit.at - BURST_SECONDS


def _automated(hit: Hit) -> bool:
    return hit.klass.startswith("automated")
