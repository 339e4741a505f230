"""Which of several bounce domains belongs to a domain that mail comes from: the nearest in the tree of names."""

from collections.abc import Sequence
from itertools import takewhile


def nearest(domain: str, known: Sequence[str]) -> list[str]:
    """Those of *known* that share most labels with *domain*, two at least; else all. In small letters, each once."""
    names = list(dict.fromkeys(each.lower() for each in known))
    most = max((len(_shared(each, domain)) for each in names), default=0)
    return [each for each in names if len(_shared(each, domain)) == most] if most >= 2 else names


def _shared(one: str, other: str) -> list[str]:
    """The labels that both end with: those of acme.com for b.acme.com and news.acme.com."""
    pairs = zip(reversed(one.split(".")), reversed(other.split(".")), strict=False)
    return [here for here, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)][::-1]
